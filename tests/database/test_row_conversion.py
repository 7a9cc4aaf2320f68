"""Rows that are converted to arrays at once equal those that are validated one by one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from scoring.columns import TABLES
from scoring.columns.board_definition import DEFAULT_BOARD
from scoring.columns.dataset_frames import Tables
from scoring.database import row_conversion
from scoring.database.row_conversion import query_columns, read_query
from scoring.synthetic import make_market

ODD: list[Any] = [None, "", " x ", "007", "7", "0x10", "1|2", "1|x", 0, 1, 7, -1, 2**53 + 1, -(2**63), 2.5, 3.0, 1e300]
ODD += [float("inf"), b"7", "\0", "\x1f", "ＡＢ", "hourly", "true", 1_750_000_000_000_000, 9_000_000_000_000_000_000]


@pytest.fixture
def connection() -> Iterator[Connection]:
    with sa.create_engine("sqlite://").connect() as found:
        yield found


@cache
def make_tables(seed: int) -> Tables:
    """Return the tables of a small market, made once for all cases of this file."""
    return make_market(20, 20, 0, seed=seed).tables


def store_rows(connection: Connection, name: str, random: np.random.Generator, share: float) -> sa.Select[Any]:
    """Store rows with odd values in a table whose columns have no types, as other programs do."""
    columns = TABLES[name].names
    table = sa.table(name, *(sa.column(column) for column in columns))
    market = make_tables(int(random.integers(3)))
    stored = {c.name: c.type.to_database(getattr(market, name)[c.name]) for c in TABLES[name].columns}
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
    connection.exec_driver_sql(f"CREATE TABLE {name} ({', '.join(columns)})")
    for row in zip(*(stored[column] for column in columns), strict=True):
        odd = [ODD[random.integers(len(ODD))] if random.random() < share else value for value in row]
        connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({', '.join('?' * len(odd))})", tuple(odd))
    return sa.select(table)


@pytest.mark.parametrize("name", ["jobs", "users"])
def test_fast_conversion_equals_validation_of_rows(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(row_conversion, "ROWS_PER_FETCH", 3)
    monkeypatch.setattr(row_conversion, "ROWS_PER_ARRAY", 5)
    random, n_fast = np.random.default_rng(0), 0
    for share in [0.0, 0.0, 0.0, *[0.003] * 12, *[0.1] * 2]:
        widths = {"prefecture_code": [None, 2][random.integers(2)]}
        statement = store_rows(connection, name, random, share)
        values = query_columns(connection, statement)
        expected = row_conversion._read_by_row(name, TABLES[name].columns, values, widths, None, DEFAULT_BOARD)
        found = read_query(connection, statement, name, TABLES[name].columns, widths)
        pd.testing.assert_frame_equal(found.frame, expected.frame, check_exact=True)
        assert found.notes == expected.notes
        pd.testing.assert_frame_equal(found.rejections, expected.rejections)
        rows = np.arange(len(values[0]))
        assert found.source.names(rows).tolist() == expected.source.names(rows).tolist()
        pd.testing.assert_frame_equal(found.source.take(rows), expected.source.take(rows))
        arrays = [column.type.to_array(stored) for column, stored in zip(TABLES[name].columns, values, strict=True)]
        n_fast += all(array is not None for array in arrays)
    assert n_fast > 2
