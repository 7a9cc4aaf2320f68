"""Reading joined values from SQLite gives the arrays of reading row by row."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from scoring.columns import TABLES
from scoring.columns.board_definition import DEFAULT_BOARD
from scoring.database import readers, sqlite_column_reader
from scoring.database.database import Database
from scoring.database.query_counter import QueryCounter
from scoring.database.readers import load_tables
from scoring.database.row_conversion import _query_arrays
from scoring.database.schema import DATA_TABLES
from scoring.database.sqlite_column_reader import read_joined_arrays
from tests.support.small_tables import small_tables

JOBS = DATA_TABLES["jobs"]
COLUMNS = TABLES["jobs"].columns
TEXTS = ("", " ", ",", "a,b", "'", "東京都", "😀", "null", "0", "\t\n", "x" * 300)
DOUBLES = (0.0, 0.1, -0.1, 15.5, 1e12, -1e12, 1 / 3, 2.0**53, 2.0**-9, 999_999_999.999, 1e-3 + 1, -7.0)
INTEGERS = (-(2**63), -1, 0, 2**63 - 1, 20250101)


@pytest.fixture
def database(small_url: str) -> Iterator[Database]:
    with Database.open(small_url) as found:
        yield found


def read_joined(database: Database, table: str = "jobs") -> list[pa.Array] | None:
    return database.read(lambda connection: read_joined_arrays(connection, table, TABLES[table].columns))


def read_by_row(database: Database, table: str = "jobs") -> list[pa.Array] | None:
    statement = readers._select_rows(table, DEFAULT_BOARD)
    return database.read(lambda connection: _query_arrays(connection, statement, TABLES[table].columns))


def draw_row(source: random.Random, job_id: int) -> dict[str, Any]:
    choices = {"text": TEXTS, "bigint": INTEGERS, "double": DOUBLES, "boolean": (False, True)}
    row: dict[str, Any] = {"job_id": job_id}
    for column in COLUMNS[1:]:
        row[column.name] = source.choice((None, *choices[column.type.sql_type]))
    return row | {"is_active": source.random() < 0.5}


def test_arrays_equal_those_of_rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(0)
    ids = [*range(10, 90), 2**62 + 1, 2**63 - 1, -(2**63), -5]
    with database.begin() as connection:
        connection.execute(sa.insert(JOBS), [draw_row(source, job_id) for job_id in ids])
    for table in ("jobs", "users"):
        expected = read_by_row(database, table)
        assert expected is not None
        for rows in (1, 7, len(expected[0]), 20_000):
            monkeypatch.setattr(sqlite_column_reader, "ROWS_PER_PAGE", rows)
            found = read_joined(database, table)
            assert found is not None
            for column, array, other in zip(TABLES[table].columns, found, expected, strict=True):
                assert array.equals(other.cast(array.type)), (column.name, rows)


def test_one_statement_reads_all_pages_in_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite reads the pages in the order of the row ids, without a copy of the rows."""
    for rows in (1, 20_000):
        monkeypatch.setattr(sqlite_column_reader, "ROWS_PER_PAGE", rows)
        with QueryCounter(database) as queries:
            assert read_joined(database) is not None
        assert queries.count == 1

    def explain(connection: sa.Connection) -> list[str]:
        query = sqlite_column_reader._write_query(connection, "jobs", "job_id", COLUMNS)
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", {"rows": 1, "beyond": 1e19})
        return [row[-1] for row in rows]

    assert not [step for step in database.read(explain) if "TEMP B-TREE" in step]


def test_empty_table_has_empty_arrays(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sa.delete(JOBS))
    found = read_joined(database)
    assert found is not None
    assert {len(array) for array in found} == {0}


@pytest.mark.parametrize(
    ("column", "stored"),
    [
        *(("title", text) for text in ("'a' || char(31) || 'b'", "char(30)", "x'41'", "CAST(x'ff41' AS TEXT)")),
        *(("min_salary", text) for text in ("1e999", "'much'", "x'41'", "1e-5")),
        *(("occupation_code", text) for text in ("1.5", "'x'", "x'41'", "1e300")),
        *(("is_active", text) for text in ("0.5", "'x'")),
        *(("expires_at", text) for text in ("'2025-01-01'", "1.5")),
    ],
)
def test_other_values_are_read_by_row(
    database: Database, column: str, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET {column} = {stored} WHERE job_id = 1")
    assert read_joined(database) is None
    assert read_joined(database, "users") is not None

    def read() -> list[str]:
        """Return the rows and the rejections of jobs."""
        table = database.read(lambda connection: readers._read_table(connection, "jobs", {}, {}, DEFAULT_BOARD))
        return [frame.astype(str).to_csv() for frame in (table.frame, table.rejections)]

    result = read()
    monkeypatch.setattr(readers, "read_joined_arrays", lambda connection, table, columns: None)
    assert read() == result


def test_table_without_row_id_is_read_by_row(database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE plain AS SELECT * FROM jobs")
        connection.exec_driver_sql("DROP TABLE jobs")
        connection.exec_driver_sql("ALTER TABLE plain RENAME TO jobs")
    assert read_joined(database) is None
    assert len(load_tables(database).jobs) == len(small_tables().jobs)
