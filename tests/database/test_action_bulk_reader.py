"""Fetching the actions of a user in one packed row gives the same actions as fetching them row by row."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.columns import TABLES
from scoring.database import readers
from scoring.database.action_bulk_reader import PackedActions, read_packed_actions
from scoring.database.database import Database
from scoring.database.readers import QueryCounter, load_actions, load_tables
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import save_tables
from scoring.synthetic import make_market
from scoring.validation.table_validator import check
from tests.support.errors import raises_problem
from tests.support.small_tables import small_tables

ACTIONS = DATA_TABLES["actions"]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database.open(database_url) as found:
        save_tables(found, make_market(40, 300, 4_000).tables)
        yield found


def by_row(database: Database, monkeypatch: pytest.MonkeyPatch, users: list[int] | None = None) -> pd.DataFrame:
    with monkeypatch.context() as patch:
        patch.setattr(readers, "read_packed_actions", lambda connection, condition: None)
        return load_actions(database, users)


def test_packed_actions_equal_rows_in_the_same_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(load_actions(database)) > 3_000
    some = load_actions(database)["user_id"].unique()[::-2].tolist()
    for users in (None, some, [], [4711]):
        with QueryCounter(database) as queries:
            packed = load_actions(database, users)
        assert queries.count == 2
        pd.testing.assert_frame_equal(packed, by_row(database, monkeypatch, users), check_exact=True)
        order = packed.sort_values(list(TABLES["actions"].key), kind="stable").index
        assert order.tolist() == list(range(len(packed)))


def test_extreme_ids_and_times_are_read(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, times = (
        [-(2**63), -1, 0, 2**63 - 1],
        ["0001-01-01", "1969-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"],
    )
    frame = pd.DataFrame([(u, j, "view", t) for u in ids for j in ids for t in times], columns=list(ACTIONS.c.keys()))
    with Database.open(database_url) as database:
        save_tables(database, small_tables().with_tables(actions=check("actions", frame)))
        packed = load_actions(database)
        assert len(packed) == len(frame)
        pd.testing.assert_frame_equal(packed, by_row(database, monkeypatch), check_exact=True)


NOT_A_TIME = "is not an integer number of microseconds since 1970, in the years 1 to 9999"


@pytest.mark.parametrize(
    ("column", "stored", "value", "reason"),
    [
        ("job_id", "1.5", "1.5", "is not an integer"),
        ("job_id", "'1,2'", "1,2", "does not exist in jobs"),
        ("user_id", "x'37'", "b'7'", "is not valid UTF-8 text"),
        ("occurred_at", "'2025-01-01'", "2025-01-01", NOT_A_TIME),
        ("occurred_at", "9000000000000000000", "9000000000000000000", NOT_A_TIME),
    ],
)
def test_invalid_values_give_the_error_of_reading_by_row(
    small_url: str, column: str, stored: str, value: str, reason: str
) -> None:
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.exec_driver_sql(f"UPDATE actions SET {column} = {stored} WHERE user_id = 10 AND job_id = 1")
        with raises_problem("actions", column, value=value, reason=reason):
            load_tables(database)


@pytest.mark.parametrize("kind", ["hide", "click,view", " click "])
def test_unknown_kinds_are_read_by_row(small_url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.execute(
                sa.update(ACTIONS).where(ACTIONS.c.user_id == 10, ACTIONS.c.job_id == 1).values(action=kind)
            )
        with database.connect() as connection:
            assert read_packed_actions(connection, sa.true()) is None
        if kind.strip() == "click":
            pd.testing.assert_frame_equal(load_actions(database), by_row(database, monkeypatch))
            return
        with raises_problem("actions", "action", rows=1, value=kind):
            load_actions(database)


@pytest.mark.parametrize("column", ["user_id", "job_id"])
@pytest.mark.parametrize("stored", ["'0010'", "' 10'", "'+10'", "10.5", "NULL"])
def test_ids_in_a_table_of_another_program_are_read_by_row(small_url: str, column: str, stored: str) -> None:
    """A column without a type keeps texts such as '0010', which is another id than 10."""
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE plain AS SELECT user_id + 0 AS user_id, job_id + 0 AS job_id, "
                "action, occurred_at FROM actions"
            )
            connection.exec_driver_sql("DROP TABLE actions")
            connection.exec_driver_sql("ALTER TABLE plain RENAME TO actions")
        with database.connect() as connection:
            packed = read_packed_actions(connection, sa.true())
            assert packed is not None
            assert len(packed) == len(small_tables().actions)
        with database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE actions SET {column} = {stored} WHERE rowid = 1")
        with database.connect() as connection:
            assert read_packed_actions(connection, sa.true()) is None


def test_invalid_utf8_is_reported_with_its_row(small_url: str) -> None:
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.exec_driver_sql("UPDATE actions SET action = CAST(x'ff41' AS TEXT) WHERE user_id = 10")
        with raises_problem("actions", "action", rows=2):
            load_tables(database)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_that_split_together_return_the_actions(sqlite_url: str, threads: int) -> None:
    with Database.open(sqlite_url) as database:
        save_tables(database, make_market(40, 300, 4_000).tables)
        with database.connect() as connection, ThreadPoolExecutor(threads) as pool:
            actions = PackedActions()
            splitting = [pool.submit(actions.split) for _ in range(threads)]
            actions.fetch(connection, sa.true())
            for future in splitting:
                future.result()
            pd.testing.assert_frame_equal(actions.make_frame(), read_packed_actions(connection, sa.true()))


def test_threads_do_not_wait_after_a_failed_query(sqlite_url: str) -> None:
    with Database.open(sqlite_url) as database:
        database.create_file()
        actions = PackedActions()
        with pytest.raises(sa.exc.OperationalError), database.engine.connect() as connection:
            actions.fetch(connection, sa.true())
        actions.split()
        actions.split()
