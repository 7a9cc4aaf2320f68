"""Frames of other libraries: equal tables, exact values, and one sentence where the extra is missing."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from scoring.columns import TABLES
from scoring.dataset import Dataset
from scoring.errors import MissingDependencyError
from scoring.validation.frame_library_conversion import is_frame, require_columns, to_pandas_frame
from scoring.validation.table_validator import validate
from tests.support.errors import raises_data, raises_with

polars = pytest.importorskip("polars", reason="polars is not installed")
duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
narwhals = pytest.importorskip("narwhals", reason="narwhals is not installed")

JOBS = pa.table(
    {
        "job_id": [2**53 + 1, 2, 3],
        "title": ["居酒屋", None, "Cook"],
        "salary_type": pa.array(["hourly", None, "hourly"]).dictionary_encode(),
        "min_salary": pa.array([Decimal("1200.50"), None, Decimal(900)], pa.decimal128(10, 2)),
        "fee": pa.array([1, None, 3], pa.int32()),
        "occupation_code": pa.array([2**53 + 1, None, 5], pa.int64()),
        "has_daily_payment": [True, None, False],
        "posted_at": pa.array([datetime(2025, 6, 1, tzinfo=UTC), None, None], pa.timestamp("us", "Asia/Tokyo")),
        "expires_at": pa.array([datetime(2025, 7, 1), None, None], pa.timestamp("ms")),
    }
)
USERS = pa.table({"user_id": [1, 2], "preferred_occupations": [[1, 2], None], "prefecture_code": ["13", "27"]})


def convert(table: pa.Table, library: str) -> Any:
    if library == "pandas":
        return table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if library == "polars":
        return polars.from_arrow(table)
    if library == "polars lazy":
        return polars.from_arrow(table).lazy()
    if library == "DuckDB":
        return duckdb.from_arrow(table)
    return narwhals.from_native(table) if library == "narwhals" else table


LIBRARIES = ["PyArrow", "polars", "polars lazy", "DuckDB", "narwhals"]


def test_frames_of_all_libraries_give_one_fingerprint() -> None:
    expected = Dataset.from_frames(convert(JOBS, "pandas"), convert(USERS, "pandas"))
    assert expected.tables.jobs["occupation_code"].dropna().tolist() == [5, 2**53 + 1]
    assert expected.tables.jobs["min_salary"].dropna().tolist() == [900.0, 1200.5]
    assert expected.tables.users["preferred_occupations"].tolist() == [[1, 2], []]
    for library in LIBRARIES:
        data = Dataset.from_frames(convert(JOBS, library), convert(USERS, library))
        assert data.fingerprint == expected.fingerprint, library


def test_polars_types_keep_their_values() -> None:
    frame = polars.DataFrame(
        {"user_id": [1, 2], "gender": ["f", None], "preferred_occupations": [[3], []]},
        schema={
            "user_id": polars.UInt32,
            "gender": polars.Enum(["f", "m"]),
            "preferred_occupations": polars.List(polars.Int16),
        },
    )
    result = validate("users", frame)
    assert result.n_rejected == 0
    assert result.frame["gender"].fillna("").tolist() == ["f", ""]
    assert result.frame["preferred_occupations"].tolist() == [[3], []]


def test_index_named_like_a_missing_column_is_used() -> None:
    frame = pd.DataFrame({"title": ["a", "b"]}, index=pd.Index([5, 6], name="job_id"))
    assert validate("jobs", frame).frame["job_id"].tolist() == [5, 6]
    both = frame.assign(job_id=[7, 8])
    assert to_pandas_frame(both, "jobs") is both
    pairs = pd.DataFrame(
        {"action": ["view"]}, index=pd.MultiIndex.from_tuples([(1, 2, "x")], names=["user_id", "job_id", "other"])
    )
    assert list(to_pandas_frame(pairs, "actions")) == ["action", "user_id", "job_id", "other"]


def test_index_named_like_an_alias_of_a_column_is_not_used() -> None:
    frame = pd.DataFrame({"job_id": [7, 8]}, index=pd.Index([5, 6], name=TABLES["jobs"].key[0].upper()))
    assert to_pandas_frame(frame, "jobs") is frame


def test_index_named_like_an_own_column_is_used() -> None:
    jobs = pd.DataFrame({"job_id": [1, 2]}, index=pd.Index(["junior", "senior"], name="seniority"))
    data = Dataset.from_frames(jobs, pd.DataFrame({"user_id": [1]}), own_columns={"jobs": {"seniority": "category"}})
    assert data.tables.jobs["seniority"].tolist() == ["junior", "senior"]


def test_readers_of_record_batches_are_frames() -> None:
    assert to_pandas_frame(JOBS.to_reader(), "jobs")["job_id"].tolist() == [2**53 + 1, 2, 3]
    assert to_pandas_frame(JOBS.to_batches()[0], "jobs")["job_id"].tolist() == [2**53 + 1, 2, 3]


def test_columns_of_a_frame_are_found_without_case() -> None:
    frame = pd.DataFrame({"User_ID": [1], "job_id": [2], "other": [3]})
    assert require_columns(frame, "candidates", ("user_id", "job_id")).to_dict("list") == {
        "user_id": [1],
        "job_id": [2],
    }
    with raises_data("missing column", table="candidates", column="rank"):
        require_columns(frame, "candidates", ("rank",))
    with raises_data("duplicate column", table="candidates", column="job_id"):
        require_columns(frame.rename(columns={"other": "JOB_ID"}), "candidates", ("job_id",))


@pytest.mark.parametrize("value", [[1], {"job_id": [1]}, "jobs.csv", 5, pd.Series([1])])
def test_value_that_is_not_a_frame_raises(value: Any) -> None:
    assert not is_frame(value)
    with raises_data("not a frame", table="jobs", value=type(value).__name__):
        to_pandas_frame(value, "jobs")


def test_polars_series_are_not_frames() -> None:
    assert not is_frame(polars.Series([1]))
    with raises_data("not a frame", table="jobs", value="Series"):
        to_pandas_frame(polars.Series([1]), "jobs")


def test_frame_that_cannot_be_converted_is_one_sentence() -> None:
    with raises_data("unreadable", table="jobs", value="LazyFrame"):
        to_pandas_frame(polars.LazyFrame({"job_id": [1]}).select("absent"), "jobs")


def test_missing_extra_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "narwhals" else find(name, *rest)
    )
    with raises_with(MissingDependencyError, package="narwhals", extra="frames"):
        to_pandas_frame(polars.DataFrame({"job_id": [1]}), "jobs")
    assert to_pandas_frame(pa.table({"job_id": [1]}), "jobs")["job_id"].tolist() == [1]
