"""A small market of edge cases: missing values, ties, unknown codes, users without actions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scoring.argument_checks import check_integer, check_seed
from scoring.columns import ACTION_KINDS, TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, OWN_TABLES, Board
from scoring.dataset import Dataset, Tables

__all__ = ["CLOCK", "make_small_tables", "small_dataset"]

CLOCK = pd.Timestamp("2025-06-15T09:30:00Z")
"""Time of the newest action of every small dataset."""

_PREFECTURES = ("01", "02", "03", "04")
_OCCUPATIONS = {101: 1, 102: 1, 201: 2, 202: 2, 301: None}
_FLAGS = ("has_daily_payment", "has_no_experience", "has_student_welcome", "has_remote_work")


def small_dataset(
    seed: int = 0, *, n_users: int = 12, n_jobs: int = 48, n_actions: int = 160, factors: bool = True
) -> Dataset:
    """Return a small dataset, the same for the same arguments.

    Every dataset contains a job and a user with only an id, and two jobs and two users that differ only in their id.
    It also contains users without actions, actions at 14, 30, 90 and 360 days, and vectors of length 0.

    Parameters
    ----------
    factors: Whether the dataset contains factors; otherwise they are trained on the actions.

    Raises
    ------
    ConfigurationError: If a number is not an integer of 0 or more.
    """
    n_users, n_jobs = check_integer("n_users", n_users, 0), check_integer("n_jobs", n_jobs, 0)
    seed, n_actions = check_seed(seed), check_integer("n_actions", n_actions, 0)
    return Dataset(make_small_tables(seed, n_users=n_users, n_jobs=n_jobs, n_actions=n_actions, factors=factors))


def make_small_tables(seed: int, *, n_users: int, n_jobs: int, n_actions: int, factors: bool) -> Tables:
    """Return the tables of `small_dataset`, with unsorted rows."""
    random = np.random.default_rng(seed)
    jobs, users = _make_jobs(random, n_jobs), _make_users(random, n_users)
    factor_tables: dict[str, Any] = (
        {"user_factors": _make_factors(random, users), "job_factors": _make_factors(random, jobs)} if factors else {}
    )
    return Tables(
        jobs=jobs,
        users=users,
        actions=_make_actions(random, users["user_id"].to_numpy(), jobs["job_id"].to_numpy(), n_actions),
        occupations=make_canonical(
            "occupations",
            occupation_code=list(_OCCUPATIONS),
            name=[f"occupation {code}" for code in _OCCUPATIONS],
            major_code=list(_OCCUPATIONS.values()),
        ),
        prefectures=make_canonical(
            "prefectures", prefecture_code=_PREFECTURES, name=_PREFECTURES, region=[None] * len(_PREFECTURES)
        ),
        prefecture_adjacency=make_canonical(
            "prefecture_adjacency", prefecture_code=["02", "02"], adjacent_code=["01", "03"]
        ),
        **factor_tables,
    )


def add_own_columns(tables: Tables, dataset: Dataset, seed: int) -> Tables:
    """Return the tables with the own columns of a dataset. Their values are drawn from the dataset."""
    drawn = {}
    for name in OWN_TABLES:
        frame, values = getattr(tables, name), getattr(dataset.tables, name)
        own = [column.name for column in dataset.board.get_own(name)]
        if len(values) and own:
            sample = values[own].sample(len(frame), replace=True, random_state=seed, ignore_index=True)
            frame = pd.concat([frame.reset_index(drop=True), sample], axis=1)
        else:
            missing = {c.name: c.type.make_missing(len(frame)) for c in dataset.board.get_own(name)}
            frame = frame.reset_index(drop=True).assign(**missing)
        drawn[name] = frame
    return tables.with_tables(**drawn, board=dataset.board)


def make_canonical(table: str, board: Board = DEFAULT_BOARD, **columns: Any) -> pd.DataFrame:
    """Return a table with canonical dtypes. All values of columns that are not given are missing."""
    length = len(next(iter(columns.values())))
    return pd.DataFrame(  # with a given index, pandas does not compare those of the columns
        {
            column.name: pd.Series(columns[column.name], dtype=column.type.dtype)
            if column.name in columns
            else column.type.make_missing(length)
            for column in board.table(table).columns
        },
        index=pd.RangeIndex(length),
    )


def _choose_some(
    random: np.random.Generator, n: int, values: list[Any] | tuple[Any, ...], missing: float = 0.15
) -> list[Any]:
    """Choose n of the values and replace a share of `missing` with None."""
    chosen = random.integers(len(values), size=n)
    lost = random.random(n) < missing
    return [None if is_lost else values[index] for index, is_lost in zip(chosen, lost, strict=True)]


def _choose_days_before(random: np.random.Generator, n: int, edges: tuple[float, ...]) -> pd.Series:
    """Choose times before the clock; 30 % are at one of the edges (in days), to within a microsecond."""
    days = np.where(random.random(n) < 0.3, random.choice(edges, n), random.uniform(0, 400, n) ** 1.5 / 20)
    microseconds = np.rint(days * 86_400e6).astype(np.int64) + random.integers(-1, 2, n)
    return pd.Series(CLOCK - pd.to_timedelta(np.maximum(microseconds, 0), unit="us"))


def _make_jobs(random: np.random.Generator, n: int) -> pd.DataFrame:
    ids = random.permutation(np.arange(n) * 3 + 1000)
    hours = {"hourly": 1, "daily": 8, "monthly": 160, "yearly": 2000}
    kinds = _choose_some(random, n, ("hourly", "hourly", *hours))
    hourly = random.choice([0.0, -1.0, 1000.0, 1200.0, 1500.0, 1234.5, 1800.0], n)
    posted = _choose_days_before(random, n, (0, 14, 28))
    columns: dict[str, Any] = {
        "job_id": ids,
        "company_id": _choose_some(random, n, ("A", "B", "C", "D")),
        "title": _choose_some(random, n, ("Night shift in a bakery", "駅前カフェ", "Driver")),
        "prefecture_code": _choose_some(random, n, (*_PREFECTURES, "01", "99")),
        "city_code": _choose_some(random, n, ("11", "12")),
        "station_name": _choose_some(random, n, ("central",), 0.4),
        "address": _choose_some(random, n, ("1-2-3",), 0.4),
        "salary_type": kinds,
        "min_salary": [wage * hours.get(kind, 1) for wage, kind in zip(hourly, kinds, strict=True)],
        "fee": _choose_some(random, n, (0.0, 500.0, 2750.0, 5000.0, 9000.0, -1.0)),
        "occupation_code": _choose_some(random, n, (*_OCCUPATIONS, 101, 999)),
        "employment_type_code": _choose_some(random, n, (1, 2)),
        "posted_at": posted + pd.to_timedelta(np.where(random.random(n) < 0.1, 500, 0), unit="D"),
        "expires_at": _choose_some(random, n, (CLOCK, CLOCK + pd.Timedelta(days=30)), 0.6),
        "is_active": random.random(n) < 0.9,
    }
    columns |= {flag: _choose_some(random, n, (True, False)) for flag in _FLAGS}
    frame = make_canonical("jobs", **columns)
    return _with_edges("jobs", frame)


def _make_users(random: np.random.Generator, n: int) -> pd.DataFrame:
    frame = make_canonical(
        "users",
        user_id=random.permutation(np.arange(n) * 2 + 1),
        prefecture_code=_choose_some(random, n, (*_PREFECTURES, "98")),
        city_code=_choose_some(random, n, ("11", "12")),
        age_group=_choose_some(random, n, ("20s", "30s")),
        preferred_occupations=[
            random.choice([*_OCCUPATIONS, 998], random.integers(4), replace=False).tolist() for _ in range(n)
        ],
        preferred_salary_min=_choose_some(random, n, (1000.0, 1200.0, 8000.0, 0.0, -1.0)),
        preferred_work_style=_choose_some(random, n, ("remote", "office")),
        registered_at=_choose_days_before(random, n, (1, 30)),
        is_active=random.random(n) < 0.9,
    )
    return _with_edges("users", frame)


def _with_edges(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Remove all values but the id from the first row, and make the second row equal to the third."""
    if len(frame) < 3:
        return frame
    key = TABLES[table].key[0]
    empty = make_canonical(table, DEFAULT_BOARD, **{key: frame[key].iloc[:1].tolist()})
    edged = pd.concat([empty, frame.iloc[[2, 2]], frame.iloc[3:]], ignore_index=True)
    edged[key] = frame[key]
    return edged


def _make_actions(random: np.random.Generator, users: np.ndarray, jobs: np.ndarray, n: int) -> pd.DataFrame:
    """Make actions of three quarters of the users, the first of them at the clock."""
    if not (len(users) and len(jobs) and n):
        return make_canonical("actions", user_id=[])
    when = _choose_days_before(random, n, (14, 30, 90, 360))
    when.iloc[0] = CLOCK
    return make_canonical(
        "actions",
        user_id=random.choice(users[: max(1, 3 * len(users) // 4)], n),
        job_id=random.choice(jobs, n),
        action=random.choice(ACTION_KINDS, n),
        occurred_at=when,
    ).drop_duplicates(ignore_index=True)


def _make_factors(random: np.random.Generator, rows: pd.DataFrame, dimensions: int = 5) -> pd.DataFrame:
    """Make vectors for four of five rows, one of them with length 0."""
    ids = rows.iloc[:, 0].to_numpy()[: max(1, 4 * len(rows) // 5)]
    vectors = random.normal(size=(len(ids), dimensions))
    vectors[:1] = 0.0
    columns = {f"f{dimension}": vectors[:, dimension] for dimension in range(dimensions)}
    return pd.DataFrame({rows.columns[0]: ids} | columns)
