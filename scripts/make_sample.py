"""Make data/sample: a small synthetic market as CSV, with a few invalid rows that an import must reject.

python scripts/make_sample.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scoring import make_market

FOLDER = Path(__file__).parent.parent / "data" / "sample"
USERS, JOBS, ACTIONS, SEED = 200, 2_000, 12_000, 7

INVALID_ROWS = {
    "jobs": [
        {"job_id": "1", "title": "duplicate id"},
        {"job_id": "9001", "title": "infinite fee", "fee": "inf"},
        {"job_id": "9002", "title": "invalid date", "posted_at": "2025-02-30"},
        {"job_id": "", "title": "missing id"},
    ],
    "users": [{"user_id": "9001", "preferred_salary_min": "about a thousand"}],
    "actions": [
        {"user_id": "1", "job_id": "777777", "action": "click", "occurred_at": "2025-11-01T10:00:00Z"},
        {"user_id": "1", "job_id": "2", "action": "stare", "occurred_at": "2025-11-01T10:00:00Z"},
        {"user_id": "1", "job_id": "2", "action": "click", "occurred_at": ""},
    ],
}


def format_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Format a frame as a job board's export: lists with bars, times in ISO 8601, integers without a fraction."""
    text = frame.dropna(axis="columns", how="all").copy()
    for name, column in text.items():
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            text[name] = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        elif name == "preferred_occupations":
            text[name] = ["|".join(map(str, row)) for row in column]
        elif column.dtype == "float64" and (column.dropna() % 1 == 0).all():
            text[name] = column.astype("Int64")
    return text.astype("str")


def main() -> None:
    tables = make_market(USERS, JOBS, ACTIONS, seed=SEED).tables
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, invalid in INVALID_ROWS.items():
        frame = format_as_text(getattr(tables, name))
        frame = pd.concat([frame, pd.DataFrame(invalid, dtype="str")], ignore_index=True)
        path = FOLDER / f"{name}.csv"
        frame.to_csv(path, index=False, lineterminator="\n")
        print(f"{path.name}: {len(frame):,} rows, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
