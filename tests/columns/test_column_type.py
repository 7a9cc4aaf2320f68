"""A column type is one file: one that the package does not know passes through coercion, frames and a database."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import MetaData, Table

import scoring
from scoring.columns import TABLES, Column
from scoring.columns.board_definition import OWN_TYPES
from scoring.columns.dataset_frames import make_empty_frame
from scoring.columns.series_functions import CoercedColumn, Mask, mask_present
from scoring.columns.types import COLUMN_TYPES, ColumnType
from scoring.database import schema
from scoring.database.database import Database
from scoring.database.readers import load_jobs, read_database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.dataset.frame_validation import read_frames
from scoring.dataset.smaller_dtypes import optimise
from scoring.errors import DataError
from scoring.importing import import_file
from scoring.testing.small_market import make_canonical
from scoring.validation.lazy_columns import read_valid_frame
from scoring.validation.table_validator import check_lazily
from tests.support.errors import raises_problem


class ShareType(ColumnType):
    """A share of 1, written like 12.5%; a database holds hundredths of a percent."""

    name = "share"
    dtype = "float64"
    sql_type = "bigint"
    stored_type = pa.int64()
    violation = "is not between 0% and 100%"

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        percent = np.array([isinstance(value, str) for value in values], dtype=bool)
        texts = values.astype(object).map(lambda v: v.strip().rstrip("%") if isinstance(v, str) else v)
        numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        result = CoercedColumn(pd.Series(np.where(percent, numbers / 100, numbers)))
        result.reject(mask_present(values) & np.isnan(numbers) & (texts != "").to_numpy(), "is not a share")
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        return not self.violates(values).any()

    def violates(self, values: pd.Series) -> Mask:
        return ((values < 0) | (values > 1)).to_numpy(dtype=bool)

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return type(value) is float and 0 <= value <= 1

    def conforms(self, array: pa.Array) -> bool:
        return not pc.any(pc.or_(pc.less(array, 0), pc.greater(array, 10_000))).as_py()

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series(array.to_numpy(zero_copy_only=False).astype(np.float64) / 10_000)

    def decode(self, stored: pd.Series) -> CoercedColumn:
        return CoercedColumn(stored.map(lambda value: value / 10_000 if type(value) is int else value))

    def to_readable(self, stored: Any) -> Any:
        return f"{stored / 100:g}%" if type(stored) is int else stored

    def to_database(self, values: pd.Series) -> list[Any]:
        return [None if value != value else round(value * 10_000) for value in values]

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest.update(name.encode() + values.to_numpy(np.float64).tobytes())


SHARE = ShareType()
MARKET = scoring.make_market(8, 30, 100, seed=3).tables


@pytest.fixture(autouse=True)
def jobs_with_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs have one more column, `remote_share`; so does the database."""
    spec = TABLES["jobs"]
    column = Column("remote_share", SHARE, ("remote",))
    monkeypatch.setitem(TABLES, "jobs", replace(spec, columns=(*spec.columns, column)))
    table = Table("jobs", MetaData(), *schema._make_columns("jobs"))
    monkeypatch.setitem(schema.DATA_TABLES, "jobs", table)


def jobs(values: Any, name: str = "remote_share") -> pd.DataFrame:
    return MARKET.jobs.head(len(values)).assign(**{name: pd.Series(values)})


def database_in(folder: Path) -> Database:
    database = Database.open(folder / "market.db")
    database.create()
    with database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE jobs")
        schema.DATA_TABLES["jobs"].create(connection)
    return database


def test_custom_type_in_frames() -> None:
    for given in (["12.5%", None, "100%"], [0.125, None, 1.0], pd.Series([0.125, np.nan, 1.0], dtype="Float64")):
        found = check_lazily("jobs", jobs(given, "remote"))
        assert found["remote_share"].tolist() == pytest.approx([0.125, np.nan, 1.0], nan_ok=True)
        assert found["remote_share"].dtype == SHARE.dtype
        assert found.find_present("remote_share").tolist() == [True, False, True]
    with pytest.raises(
        DataError,
        match=r"row 0, column remote_share: 'half' is not a share; row 2, column remote_share: '1.2' is not between",
    ):
        check_lazily("jobs", jobs(["half", None, "120%"]))
    accepted = jobs([0.5, 0.25])
    assert SHARE.accepts(accepted["remote_share"])
    found = read_valid_frame("jobs", accepted)
    assert found is not None
    assert found["remote_share"].tolist() == [0.5, 0.25]
    assert read_valid_frame("jobs", jobs([0.5, 1.5])) is None
    assert check_lazily("jobs", MARKET.jobs.head(2))["remote_share"].isna().all()
    assert make_empty_frame("jobs")["remote_share"].dtype == SHARE.dtype
    assert make_canonical("jobs", job_id=[1])["remote_share"].isna().all()
    assert optimise(accepted)["remote_share"].dtype == np.float32


def test_custom_type_in_digests_and_quarantine() -> None:
    frames = {"users": MARKET.users}
    one, other = (Dataset.from_frames(jobs=jobs([0.5, share]), **frames) for share in (0.25, 0.75))
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == Dataset.from_frames(jobs=jobs(["50%", "25%"]), **frames).fingerprint
    tables, ledger = read_frames({"jobs": jobs(["50%", "150%"]), **frames}, on_bad="quarantine")
    assert tables.jobs["remote_share"].tolist() == [0.5]
    assert ledger["jobs"].rejected == {"remote_share is not between 0% and 100%": 1}


def test_custom_type_in_a_database(tmp_path: Path) -> None:
    tables = read_frames({"jobs": jobs([0.125, None, 1.0]), "users": MARKET.users})[0]
    with database_in(tmp_path) as database:
        save_tables(database, tables)
        with database.connect() as connection:
            stored = connection.exec_driver_sql("SELECT remote_share FROM jobs ORDER BY job_id").scalars().all()
        assert stored == [1250, None, 10_000]
        pd.testing.assert_frame_equal(load_jobs(database), tables.jobs)
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE jobs SET remote_share = 20000 WHERE job_id = 1")
        with raises_problem("jobs", "remote_share", first=("job_id 1",), match="between 0% and 100%", value="2.0"):
            read_database(database)
        found, ledger = read_database(database, on_bad="quarantine")
        assert found.jobs["job_id"].tolist() == tables.jobs["job_id"].tolist()[1:]
        assert ledger.rows["jobs"]["remote_share"].tolist() == ["200%"]


def test_custom_type_in_an_import(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("job_id,remote\n1,12.5%\n2,\n3,half\n")
    with database_in(tmp_path) as database:
        ledger = import_file(database, "jobs", tmp_path / "jobs.csv")
        assert ledger.reasons == {"remote_share is not a share": 1}
        assert load_jobs(database)["remote_share"].tolist() == pytest.approx([0.125, np.nan], nan_ok=True)


@pytest.mark.parametrize("column_type", [*COLUMN_TYPES, SHARE], ids=lambda column_type: column_type.name)
def test_stored_values_are_read_back(column_type: ColumnType) -> None:
    """What a type writes to a database it reads, and its fast way for objects is not slower in what it accepts."""
    values = {
        "id": [1, 2**62], "text": ["東京 1", None], "key": ["C-1", None], "code": ["13", None],
        "choice": ["hourly", None],
        "integer": [5, None], "number": [1.5, None], "flag": [True, None], "active": [True, False],
        "time": [pd.Timestamp("2025-01-01T00:00:00.000001Z"), None], "integer list": [[1, 2], []],
        "share": [0.25, None], "category": ["A 1", None], "list of categories": [["a", "b"], []],
    }[column_type.name]  # fmt: skip
    coerced = column_type.coerce(pd.Series(values, dtype=object))
    assert not coerced.problems
    made = column_type.finish(coerced.values)
    assert made.dtype == column_type.dtype
    back = column_type.from_database(column_type.to_database(made))
    assert back is not None
    pd.testing.assert_series_equal(back, made)
    digests = []
    for series in (made, back, made.iloc[:1]):
        digest = hashlib.blake2b()
        column_type.update_digest(digest, "name", series)
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_type_names_are_distinct() -> None:
    assert len({column_type.name for column_type in COLUMN_TYPES}) == len(COLUMN_TYPES)
    used = {column.type for name, table in TABLES.items() for column in table.columns if column.type is not SHARE}
    assert used | set(OWN_TYPES.values()) == set(COLUMN_TYPES)
