"""Make notebooks/swiss_board: the files of a small Swiss job board, with other columns and some invalid rows.

python scripts/make_swiss_board.py

The mapping in the same folder is written by hand. `next_day` contains the vacancies of the next day.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent.parent / "notebooks" / "swiss_board"
N_VACANCIES, N_PEOPLE, N_EVENTS = 120, 12, 300
BRANCHES = {
    "Cook": "Kitchen", "Waiter": "Kitchen", "Nurse": "Care", "Carer": "Care",
    "Driver": "Transport", "Courier": "Transport",
}  # fmt: skip
EMPLOYERS = [f"{name} AG" for name in ("Alpenblick", "Seehof", "Rathaus", "Linde", "Bahnhof", "Sonne")]


def make_vacancies(rng: np.random.Generator) -> pd.DataFrame:
    n = N_VACANCIES
    trade = rng.choice(list(BRANCHES), n)
    posted = pd.Timestamp("2026-05-31") - pd.to_timedelta(rng.integers(0, 60, n), "D")
    vacancies = pd.DataFrame(
        {
            "Ref": [f"V-{number:03d}" for number in range(n)],
            "Employer": rng.choice(EMPLOYERS, n),
            "Headline": [f"{name} wanted" for name in trade],
            "Canton": rng.choice(["ZH", "AG", "LU", "BE", ""], n, p=[0.4, 0.2, 0.15, 0.2, 0.05]),
            "Trade": trade,
            "Branch": [BRANCHES[name] for name in trade],
            "Pay": rng.choice(["24.50", "27", "31.80", "220", "4800", "by agreement"], n),
            "Online since": posted.strftime("%Y-%m-%d"),
            "From home": rng.choice(["yes", "no"], n, p=[0.1, 0.9]),
            "Commission": rng.integers(20, 400, n),
        }
    )
    pay = pd.to_numeric(vacancies["Pay"], errors="coerce")
    vacancies["Per"] = np.select([pay < 100, pay < 1_000, pay >= 1_000], ["hour", "day", "month"], "")
    # typical errors: a duplicate vacancy, a negative fee, another date format, a missing reference
    invalid = vacancies.iloc[3:7].assign(Ref=["V-003", "V-901", "V-902", ""])
    invalid["Commission"] = [30, -50, 30, 30]
    invalid["Online since"] = ["2026-05-30", "2026-05-30", "31.05.2026", "2026-05-30"]
    return pd.concat([vacancies, invalid], ignore_index=True)


def make_people(rng: np.random.Generator) -> pd.DataFrame:
    n = N_PEOPLE
    return pd.DataFrame(
        {
            "Person": [f"P{number:02d}" for number in range(n)],
            "Lives in": rng.choice(["ZH", "AG", "LU", "BE"], n),
            "Looks for": [
                "|".join(rng.choice(list(BRANCHES), rng.integers(0, 3), replace=False)) for _ in range(n)
            ],
            "At least": rng.choice(["", "25", "30"], n),
        }
    )  # fmt: skip


def make_events(rng: np.random.Generator, people: pd.DataFrame, vacancies: pd.DataFrame) -> pd.DataFrame:
    n = N_EVENTS
    when = pd.Timestamp("2026-06-01") - pd.to_timedelta(np.arange(n) * 173, "min")
    events = pd.DataFrame(
        {
            "Who": rng.choice(people["Person"], n),
            "What": rng.choice(vacancies["Ref"].iloc[:N_VACANCIES], n),
            "Did": rng.choice(["seen", "opened", "sent"], n, p=[0.7, 0.25, 0.05]),
            "When": when.strftime("%Y-%m-%dT%H:%M:%S"),
        }
    )
    # an unknown vacancy, an unknown action, a duplicate
    invalid = [
        ["P01", "V-777", "opened", "2026-05-20T08:00:00"],
        ["P01", "V-004", "starred", "2026-05-20T08:01:00"],
        events.iloc[0].tolist(),
    ]
    return pd.concat([events, pd.DataFrame(invalid, columns=events.columns)], ignore_index=True)


def make_next_day(vacancies: pd.DataFrame) -> pd.DataFrame:
    """Return the vacancies with one other wage, two closed, one new, and the corrected date of V-902."""
    is_open = ~vacancies["Ref"].isin(["V-005", "V-006", ""])
    changed = vacancies[is_open].drop_duplicates("Ref").reset_index(drop=True)
    changed.loc[changed["Ref"] == "V-902", "Online since"] = "2026-05-31"
    changed.loc[changed["Ref"] == "V-001", ["Pay", "Per"]] = ["33.50", "hour"]
    new = changed.head(1).assign(Ref="V-950", Headline="Cook wanted at once")
    return pd.concat([changed, new], ignore_index=True)


def main() -> None:
    rng = np.random.default_rng(0)
    vacancies, people = make_vacancies(rng), make_people(rng)
    frames = {
        "cantons": pd.DataFrame({"code": ["ZH", "AG", "LU", "BE"], "name": ["Zürich", "Aargau", "Luzern", "Bern"]}),
        "borders": pd.DataFrame({"one": ["ZH", "AG", "AG", "LU"], "other": ["AG", "LU", "BE", "BE"]}),
        "vacancies": vacancies,
        "people": people,
        "events": make_events(rng, people, vacancies),
        "next_day/vacancies": make_next_day(vacancies),
    }
    for name, frame in frames.items():
        path = FOLDER / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, index=False, lineterminator="\n")
        print(f"{name}.csv: {len(frame):,} rows, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
