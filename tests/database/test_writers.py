"""Bulk inserts on every kind of database are read back unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from scoring.database.database import Database
from scoring.database.schema import results
from scoring.database.writers import VALUES_PER_INSERT, insert_columns, insert_rows
from scoring.errors import DatabaseError
from tests.support.errors import raises_with

NAMES = [column.name for column in results.columns if not column.nullable]
TOGETHER = VALUES_PER_INSERT // len(NAMES)


def stored(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        columns = [results.c[name] for name in NAMES]
        found = connection.execute(sa.select(*columns).order_by(results.c.run_id, results.c.user_id, results.c.rank))
        return [tuple(row) for row in found]


def columns(run: str, n: int) -> dict[str, np.ndarray | str]:
    random = np.random.default_rng(n)
    edges = np.array([-(2**63), 2**63 - 1, 0], dtype=np.int64)
    return {
        "run_id": run,
        "user_id": np.arange(n) - n // 2,
        "rank": np.full(n, 2**31 - 1, dtype=np.int32),
        "job_id": np.resize(edges, n),
        **{name: random.random(n, dtype=np.float32) * 100 for name in NAMES[4:]},
    }


@pytest.mark.parametrize("n", [0, 1, TOGETHER - 1, TOGETHER, 3 * TOGETHER + 7])
def test_inserted_columns_and_rows_are_read_back(database_url: str, n: int) -> None:
    with Database.open(database_url) as database:
        database.create()
        given = columns("走る run '; --", n)
        rows = list(zip(*([v] * n if isinstance(v, str) else v.tolist() for v in given.values()), strict=True))
        with database.begin() as connection:
            insert_columns(connection, results, given)
        assert stored(database) == rows
        with database.begin() as connection:
            connection.execute(sa.delete(results))
            insert_rows(connection, results, NAMES, iter(rows))
        assert stored(database) == rows


def test_rows_are_inserted_atomically(database_url: str) -> None:
    with Database.open(database_url) as database:
        database.create()
        twice = columns("r", TOGETHER + 3) | {"user_id": np.zeros(TOGETHER + 3, dtype=np.int64)}
        with raises_with(DatabaseError, reason="constraint"), database.begin() as connection:
            insert_columns(connection, results, twice)
        assert stored(database) == []
