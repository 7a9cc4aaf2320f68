"""Smaller dtypes, the same values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.columns import PRESENCE, TABLES
from scoring.database.database import Database
from scoring.database.readers import load_jobs
from scoring.database.writers import save_tables
from scoring.dataset.smaller_dtypes import memory_report, optimise
from scoring.synthetic import make_market
from scoring.validation.table_validator import check
from tests.support.errors import raises_data
from tests.support.random_markets import random_market

READ_BY_SCORES = [
    *("job_id", "company_id", "prefecture_code", "city_code", "station_name", "address", "salary_type", "min_salary"),
    *("fee", "occupation_code", "employment_type_code", "has_daily_payment", "has_no_experience"),
    *("has_student_welcome", "has_remote_work", "posted_at", "expires_at", "is_active"),
]


def assert_same_values(before: pd.DataFrame, after: pd.DataFrame) -> None:
    assert before.columns.tolist() == after.columns.tolist()
    pd.testing.assert_index_equal(before.index, after.index)
    for place in range(before.shape[1]):
        old, new = (frame.iloc[:, place] for frame in (before, after))
        assert (old.isna().to_numpy() == new.isna().to_numpy()).all()
        told = old.notna().to_numpy()
        assert old[told].astype(object).tolist() == new[told].astype(object).tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("table", ["jobs", "users", "actions", "occupations", "user_factors"])
def test_canonical_frames_are_unchanged_by_optimise(table: str, seed: int) -> None:
    frame = random_market(seed, factors=True).frames()[table]
    small = optimise(frame)
    assert_same_values(frame, small)
    assert small.memory_usage(deep=True).sum() <= frame.memory_usage(deep=True).sum()
    pd.testing.assert_frame_equal(check(table, small), check(table, frame), check_exact=True)


@pytest.mark.integration  # a large market in a database
def test_optimised_jobs_need_less_than_a_third_of_the_memory(tmp_path: object) -> None:
    """Compare with pandas for the same table. The figure for the whole frame includes its free text."""
    with Database.open(f"sqlite:///{tmp_path}/jobs.db") as database:
        save_tables(database, make_market(300, 50_000, 3_000).tables)
        with database.connect() as connection:
            plain = pd.read_sql(sa.text("SELECT * FROM jobs"), connection)
        whole = optimise(load_jobs(database))
        jobs = optimise(load_jobs(database, presence=PRESENCE))
    of_plain, of_whole, of_jobs = (f.memory_usage(deep=True, index=False) for f in (plain, whole, jobs))
    assert of_jobs[READ_BY_SCORES].sum() <= 0.25 * of_plain[READ_BY_SCORES].sum()
    texts = [name for name in READ_BY_SCORES if name != "address"]
    assert of_whole[texts].sum() <= 0.30 * of_plain[texts].sum()
    assert of_whole.sum() <= 0.50 * of_plain.sum()
    assert_same_values(plain, optimise(plain))
    others = [name for name in jobs.columns if name not in PRESENCE]
    assert_same_values(whole[others], jobs[others])
    assert (jobs[list(PRESENCE)].notna() == whole[list(PRESENCE)].notna()).all(axis=None)


@pytest.mark.parametrize(
    ("name", "values", "dtype"),
    [
        ("fee", [500.0, 5000.0, None], "float32"),
        ("fee", [0.1, 2.0], "float64"),  # float32 would change 0.1
        ("fee", [16_777_217.0], "float64"),  # an integer that float32 cannot represent
        ("fee", [1e300], "float64"),
        ("fee", [500, 5000], "int32"),  # never int16: fee * 100 would overflow
        ("job_id", [1, 2**31 - 1], "int32"),
        ("job_id", [1, 2**31], "int64"),
        ("occupation_code", [101, 102, 103], "int8"),
        ("has_daily_payment", [1, 0, 1], "bool"),
        ("has_daily_payment", [1.0, 0.0, None], "boolean"),
        ("has_daily_payment", [True, None, False], "boolean"),
        ("has_daily_payment", [2, 0, 1], "int64"),
        ("is_active", ["yes", "no", "yes"], "str"),
        ("salary_type", ["hourly"] * 50 + ["daily"] * 50, "category"),
        ("title", ["a", "b", "c"], "str"),
        ("external_id", [None] * 100, "category"),
        ("unknown", [1, 2, 3], "int32"),
        ("unknown", [1.5, None], "float32"),
        ("unknown", [True, False], "bool"),
        ("unknown", [{"a": 1}, 2], "object"),
        ("preferred_occupations", [[1], []], "object"),
    ],
)
def test_optimise_chooses_the_smallest_exact_dtype(name: str, values: list[object], dtype: str) -> None:
    frame = pd.DataFrame({name: pd.Series(values)})
    small = optimise(frame)
    assert str(small[name].dtype) == dtype
    assert_same_values(frame, small)


def test_nullable_numbers_keep_their_dtype() -> None:
    frame = pd.DataFrame(
        {
            "employment_type_code": pd.array([1, None], dtype="Int64"),
            "other": pd.array([1, None], dtype="Int64"),
            "wide": pd.array([1.5, None], dtype="Float64"),
            "at": pd.to_datetime(["2025-01-01", None], utc=True),
        }
    )
    small = optimise(frame)
    assert small.dtypes.astype(str).tolist() == ["Int8", "Int32", "Float64", "datetime64[us, UTC]"]
    assert_same_values(frame, small)


def test_optimise_keeps_shape_index_and_attributes() -> None:
    frame = pd.DataFrame({"fee": [1.0, 2.0]}, index=["x", "y"])
    frame.attrs["from"] = "somewhere"
    small = optimise(frame)
    assert small.index.tolist() == ["x", "y"]
    assert small.attrs == {"from": "somewhere"}
    assert frame["fee"].dtype == np.float64  # the argument is not changed
    for empty in (frame.head(0), pd.DataFrame(), pd.DataFrame(index=range(3))):
        assert optimise(empty).shape == empty.shape
    twice = pd.concat([frame, frame], axis=1)
    assert optimise(twice).shape == twice.shape
    with raises_data("not a frame", table="optimise", value="list"):
        optimise([1])  # type: ignore[arg-type]


def test_memory_report_compares_bytes_per_column() -> None:
    frame = random_market(0).frames()["jobs"]
    report = memory_report(frame, optimise(frame))
    assert report.index.tolist() == list(TABLES["jobs"].names)
    assert (report["share"] <= 1).all()
    assert report.loc["fee", ["dtype_before", "dtype_after"]].tolist()[0] == "float64"
