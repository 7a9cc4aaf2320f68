"""Images that SQLite reads are valid databases with the given rows."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from scoring.database import sqlite_bulk_insert, writers
from scoring.database.database import Database
from scoring.database.schema import results
from scoring.database.sqlite_bulk_insert import encode_image
from scoring.errors import DatabaseError
from tests.support.errors import raises_with

PER_PAGE = (65_536 - 8) // (64 + 2)
"""Rows of results in a page."""


def make_columns(n: int) -> list[np.ndarray]:
    random = np.random.default_rng(n)
    edges = np.array([-(2**63), 2**63 - 1, 0, 1, -1, 127, 128, 2**31], dtype=np.int64)
    floats = np.array([0, -0.0, 100, 0.1, np.pi, -1e-45, np.inf], dtype=np.float32)
    return [
        np.arange(n) - n // 2,
        np.resize(np.array([-(2**31), 2**31 - 1, 0, 300], dtype=np.int32), n),
        np.resize(random.permutation(edges), n),
        *(np.resize(random.permutation(floats), n) for _ in range(2)),
        random.random(n) * 10.0 ** random.integers(-300, 300, n),
        random.random(n, dtype=np.float32),
    ]


@pytest.mark.parametrize("n", [0, 1, 2, PER_PAGE - 1, PER_PAGE, PER_PAGE + 1, 2 * PER_PAGE, 50_000])
def test_image_is_a_valid_database_with_the_rows(n: int) -> None:
    columns = make_columns(n)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(encode_image(columns))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT * FROM numbers").fetchall() == list(
            zip(*(column.tolist() for column in columns), strict=True)
        )
        connection.execute("DELETE FROM numbers WHERE rowid % 2")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_missing_number_is_a_null() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(encode_image([np.array([np.nan, 1])]))
        assert connection.execute("SELECT c0 FROM numbers").fetchall() == [(None,), (1.0,)]


@pytest.mark.long
def test_largest_image_is_valid() -> None:
    numbers = np.arange(sqlite_bulk_insert.MAX_ROWS)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(encode_image([numbers] * 10))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*), sum(c9) FROM numbers").fetchone() == (len(numbers), numbers.sum())


def write_results(path: Path, n: int) -> bytes:
    """Return the file of a database after the insertion of two runs, without its counters of changes."""
    with Database.open(str(path)) as database:
        names = [column.name for column in results.columns if not column.nullable]
        for run in ("a", "b"):
            columns = dict(zip(names, [run, *make_columns(n)], strict=True))
            with database.begin() as connection:
                writers.insert_columns(connection, results, columns)
        with database.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    for start in (24, 92):  # counters of changes, which depend on when SQLite copied pages from its log
        content[start : start + 4] = bytes(4)
    return bytes(content)


def test_stored_pages_are_those_of_bound_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(str(tmp_path / "copied.db")) as database:
        database.create()
    shutil.copy(tmp_path / "copied.db", tmp_path / "bound.db")
    copied = write_results(tmp_path / "copied.db", 3_000)
    monkeypatch.setattr(writers, "_insert_from_image", lambda *_: False)
    assert write_results(tmp_path / "bound.db", 3_000) == copied


def test_failed_insertion_leaves_no_rows_of_the_image(tmp_path: Path) -> None:
    names = [column.name for column in results.columns if not column.nullable]
    columns = dict(zip(names, ["r", *make_columns(5)], strict=True))
    with Database.open(str(tmp_path / "x.db")) as database:
        database.create()
        with raises_with(DatabaseError, reason="constraint"), database.begin() as connection:
            writers.insert_columns(connection, results, columns)
            writers.insert_columns(connection, results, columns)
        with database.begin() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(results)).scalar_one() == 0
            writers.insert_columns(connection, results, columns)
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {sqlite_bulk_insert.TABLE}").scalar_one() == 0
