"""A database counts each of its own statements once, and no other statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from scoring.database.database import Database
from scoring.database.readers import load_jobs, load_tables, load_tables_async, load_users
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import insert_columns, insert_rows, save_tables
from scoring.errors import DatabaseError
from scoring.telemetry import Traffic, TrafficStatistics
from tests.support.clocks import Ticking
from tests.support.errors import raises_with
from tests.support.small_tables import small_tables

ONE = sa.text("SELECT 1")


@pytest.fixture
def database(database: Database) -> Database:
    """Return the database, with its queries counted."""
    database.traffic = Traffic()
    return database


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    """A database whose clock goes on by a second at each look."""
    with Database.open(sqlite_url) as found:
        save_tables(found, small_tables())
        found.traffic = Traffic(Ticking())
        yield found


def round_trips(database: Database) -> int:
    return database.traffic.statistics().round_trips


def listeners(target: sa.Engine | Connection) -> int:
    return len(list(target.dispatch.before_cursor_execute)) + len(list(target.dispatch.after_cursor_execute))


def test_loading_all_tables_takes_nine_round_trips(database: Database) -> None:
    assert len(DATA_TABLES) == 8
    load_tables(database)
    assert round_trips(database) == 9
    load_users(database)
    load_jobs(database, [1, 3])
    assert round_trips(database) == 13
    assert database.traffic.statistics().seconds > 0


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite:", "postgresql+asyncpg:"])
async def test_async_engines_and_sessions_are_counted(request: pytest.FixtureRequest, driver: str) -> None:
    kind = driver.partition("+")[0]
    url = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[kind])
    with Database.open(url) as made:
        save_tables(made, small_tables())
    engine = create_async_engine(url.replace(f"{kind}:", driver))
    async with AsyncSession(engine) as session:
        for source in (engine, session):
            with Database.open(source) as database:
                await load_tables_async(database)
                assert round_trips(database) == 9
    await engine.dispose()


async def test_in_memory_sqlite_with_async_engines_is_counted() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    database = Database.open(engine)
    await database.run(save_tables, database, small_tables())
    database.traffic = Traffic()
    await load_tables_async(database)
    assert round_trips(database) == 9
    async with AsyncSession(engine) as session:
        inside = Database.open(session)
        await load_tables_async(inside)
        await load_tables_async(inside)
        await session.execute(ONE)  # the caller's own
        assert round_trips(inside) == 18
    assert round_trips(database) == 9
    assert listeners(engine.sync_engine) == 0
    await engine.dispose()


def test_every_attempt_of_a_read_is_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    tries = []

    def work(connection: Connection) -> None:
        connection.execute(ONE)
        tries.append(1)
        if len(tries) < 3:
            raise sa.exc.OperationalError("SELECT", {}, Exception("server closed the connection"))

    database.read(work)
    assert round_trips(database) == 3


def test_only_statements_of_this_package_count_in_a_session(database: Database) -> None:
    with Session(database.engine) as session:
        found = Database.open(session)
        session.execute(ONE)
        with found.connect() as outer, found.connect() as inner, found.begin() as written:
            assert outer is inner is written
            outer.execute(ONE)
            load_users(found)
        # the savepoint of `begin` is made and let go by statements of SQLAlchemy
        assert round_trips(found) == 3 + 2
        session.execute(ONE)
        assert round_trips(found) == 5
        assert listeners(session.connection()) == 0


def test_engine_of_the_caller_gets_no_listeners(database_url: str) -> None:
    with Database.open(database_url) as made:
        save_tables(made, small_tables())
        engine = made.engine
        one, other = Database.open(engine), Database.open(engine)
        before = listeners(engine)
        with one.connect() as connection, engine.connect() as own:
            connection.execute(ONE)
            own.execute(ONE)
            with other.snapshot() as inner:
                inner.execute(ONE)
                inner.execute(ONE)
            assert listeners(engine) == before == 0
            assert listeners(own) == 0
            connection.execute(ONE)
        assert (round_trips(one), round_trips(other)) == (2, 2)


def test_direct_driver_calls_are_counted(database: Database) -> None:
    rows = [(user, True) for user in range(100, 180)]
    with database.begin() as connection:
        insert_rows(connection, DATA_TABLES["users"], ["user_id", "is_active"], rows)
    # COPY, or one executemany of 80 rows
    assert round_trips(database) == 1
    seconds = database.traffic.statistics().seconds
    assert seconds > 0
    columns = {"user_id": np.arange(1000, 1080), "job_id": np.ones(80, dtype=np.int64), "action": "view"}
    with database.begin() as connection:
        insert_columns(connection, DATA_TABLES["actions"], columns | {"occurred_at": np.arange(80)})
    # SQLite takes 80 rows of 4 values as one INSERT
    assert round_trips(database) == 2
    assert database.traffic.statistics().seconds > seconds


def test_seconds_include_statements_rows_and_begin(sqlite: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(ONE)

    sqlite.read(work)  # BEGIN, the statement
    assert sqlite.traffic.statistics() == TrafficStatistics(1, 2.0)
    load_users(sqlite)  # BEGIN, whether a table exists, two statements, each with rows or no more rows
    assert sqlite.traffic.statistics() == TrafficStatistics(3, 8.0)


def test_failed_statement_is_counted_and_timed(sqlite: Database) -> None:
    with pytest.raises(DatabaseError), sqlite.connect() as connection:
        connection.execute(sa.text("SELECT nothing FROM users"))
    assert sqlite.traffic.statistics() == TrafficStatistics(1, 1.0)
    with sqlite.connect() as connection:
        connection.execute(ONE)
    assert sqlite.traffic.statistics() == TrafficStatistics(2, 2.0)


def test_time_waiting_for_a_lock_is_counted(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.database.engines.BUSY_MILLISECONDS", 200)
    with Database.open(sqlite_url) as one, Database.open(sqlite_url) as other:
        one.create()
        with one.begin(), raises_with(DatabaseError, reason="locked"), other.begin():
            pass
        assert other.traffic.statistics().round_trips == 0
        assert other.traffic.statistics().seconds >= 0.15


def test_counts_of_threads_add_up(database: Database) -> None:
    threads = [threading.Thread(target=load_users, args=(database,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert round_trips(database) == 24
    assert listeners(database.engine) == 0
