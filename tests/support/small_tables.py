"""Small tables shared by tests of validation, loading and storing."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns.dataset_frames import Tables
from scoring.columns.text_id_hash import number_texts
from scoring.validation.table_validator import check

HOSTILE = "Robert'); DROP TABLE users;--"


def small_tables(*, factors: bool = False) -> Tables:
    """Return 3 jobs, 2 users and 4 actions, with missing values and with SQL and other scripts in texts."""
    return _make_tables(factors).copy()


@cache
def _make_tables(factors: bool) -> Tables:
    frames: dict[str, pd.DataFrame] = {
        "jobs": pd.DataFrame(
            {
                "job_id": [3, 1, 2**62],
                "company_id": ["c1", HOSTILE, None],
                "title": ["居酒屋スタッフ", 'a "quoted", one\nof two lines', None],
                "prefecture_code": ["13", "27", None],
                "salary_type": ["hourly", "monthly", None],
                "min_salary": [1200.5, None, 1 / 3],
                "fee": [500, 0, None],
                "occupation_code": [101, None, 202],
                "has_daily_payment": [True, False, None],
                "posted_at": ["2025-06-01T10:00:00.123456Z", None, "0001-01-01"],
                "expires_at": [None, "9999-12-31T23:59:59.999999Z", None],
                "is_active": [True, False, None],
            }
        ),
        "users": pd.DataFrame(
            {
                "user_id": [20, 10],
                "prefecture_code": ["13", None],
                "preferred_occupations": [[101, 202], []],
                "preferred_salary_min": [None, 1000],
                "external_id": [HOSTILE, None],
            }
        ),
        "actions": pd.DataFrame(
            {
                "user_id": [20, 10, 10, 20],
                "job_id": [3, 1, 3, 3],
                "action": ["view", "click", "application", "application"],
                "occurred_at": pd.to_datetime(["2025-06-02", "2025-06-03", "2025-06-04", "2025-06-02"]),
            }
        ),
        "occupations": pd.DataFrame(
            {"occupation_code": [101, 202], "name": ["居酒屋スタッフ", HOSTILE], "major_code": [1, None]}
        ),
        "prefectures": pd.DataFrame(
            {"prefecture_code": ["13", "27"], "name": ["東京都", "大阪府"], "region": ["関東", None]}
        ),
        "prefecture_adjacency": pd.DataFrame({"prefecture_code": ["13"], "adjacent_code": ["27"]}),
    }
    if factors:
        frames["user_factors"] = pd.DataFrame({"user_id": [10, 20], "f0": [0.1, -1e300], "f1": [1 / 3, 0.0]})
        frames["job_factors"] = pd.DataFrame({"job_id": [1], "f0": [np.pi], "f1": [-0.0]})
    return Tables(**{name: check(name, frame) for name, frame in frames.items()})


def assert_same(left: Tables, right: Tables) -> None:
    """Assert that the tables are equal, ignoring the order of rows."""
    assert [name for name, _ in left.items()] == [name for name, _ in right.items()]
    for (name, one), (_, other) in zip(left.items(), right.items(), strict=True):
        pd.testing.assert_frame_equal(_sorted(name, one), _sorted(name, other), obj=name)


def _sorted(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    keys: dict[str, Any] = {"actions": list(frame.columns), "prefecture_adjacency": list(frame.columns)}
    return frame.sort_values(keys.get(name, frame.columns[0]), ignore_index=True)


def tables_with_text_id(*, factors: bool = False) -> Tables:
    """Return the small tables in which the user with an external id has the number of that text."""
    tables = small_tables(factors=factors)
    ids = tables.users.dropna(subset="external_id").set_index("user_id")["external_id"]
    numbers = number_texts(ids)
    new = {user: numbers[text] for user, text in ids.items()}
    frames = {
        name: frame.assign(user_id=frame["user_id"].replace(new)).sort_values("user_id", ignore_index=True)
        for name, frame in tables.items()
        if "user_id" in frame
    }
    return tables.with_tables(**frames)
