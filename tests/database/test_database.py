"""Opening a database from URLs, paths, engines and sessions, and the error if it cannot be reached."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from scoring.database import driver_errors, driver_transactions
from scoring.database.database import Database
from scoring.database.engines import list_secrets
from scoring.database.readers import load_tables, load_users, load_users_async
from scoring.database.schema import DATA_TABLES, METADATA
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError, DatabaseError, MissingDependencyError
from tests.support.errors import raises_at, raises_with
from tests.support.proof_counts import record_count
from tests.support.small_tables import small_tables

SECRET = "s3cr3t-p@ss"
USERS = DATA_TABLES["users"]


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    with Database.open(sqlite_url) as found:
        save_tables(found, small_tables())
        yield found


def async_url(url: str) -> str:
    return url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")


def add_user(connection: Connection, user_id: int) -> None:
    connection.execute(sa.insert(USERS).values(user_id=user_id, is_active=True))


def ids(database: Database) -> list[int]:
    found: list[int] = load_users(database)["user_id"].tolist()
    return found


# What a database may be


def test_urls_paths_and_engines_open_the_same_database(sqlite: Database, sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    engine = sa.create_engine(sqlite_url)
    for source in (sqlite_url, sa.make_url(sqlite_url), path, Path(path), async_url(sqlite_url), engine, sqlite):
        assert ids(Database.open(source)) == [10, 20]
    engine.dispose()


def test_session_sees_uncommitted_work_and_is_not_committed(database: Database) -> None:
    with Session(database.engine) as session:
        add_user(session.connection(), 99)
        assert ids(Database.open(session)) == [10, 20, 99]
        session.rollback()
    assert ids(database) == [10, 20]


def test_write_in_a_session_is_committed_by_the_caller(database: Database) -> None:
    with Session(database.engine) as session:
        with Database.open(session).begin() as connection:
            add_user(connection, 98)
        with pytest.raises(ValueError), Database.open(session).begin() as connection:  # noqa: PT012
            add_user(connection, 99)
            raise ValueError
        assert ids(Database.open(session)) == [10, 20, 98]
        session.rollback()
    assert ids(database) == [10, 20]


async def test_async_engines_and_sessions_are_read(database: Database, database_url: str) -> None:
    engine = create_async_engine(async_url(database_url))
    async with AsyncSession(engine) as session:
        for source in (engine, session):
            with Database.open(source) as found:
                assert (await load_users_async(found))["user_id"].tolist() == [10, 20]
                assert ids(found) == [10, 20]
    await engine.dispose()


async def test_in_memory_sqlite_with_an_async_engine_is_read() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    database = Database.open(engine)
    await database.run(save_tables, database, small_tables())
    assert (await load_users_async(database))["user_id"].tolist() == [10, 20]
    async with AsyncSession(engine) as session:
        await session.execute(sa.insert(USERS).values(user_id=99, is_active=True))
        assert (await load_users_async(Database.open(session)))["user_id"].tolist() == [10, 20, 99]
        await session.rollback()
    assert (await load_users_async(database))["user_id"].tolist() == [10, 20]
    with raises_with(DatabaseError, reason="not supported"):
        load_users(database)
    await engine.dispose()


async def test_in_memory_sqlite_is_read_by_every_sync_source() -> None:
    own = Database.open("sqlite://")
    engines = [sa.create_engine("sqlite://"), sa.create_engine("sqlite://", poolclass=StaticPool)]
    for database in (own, *map(Database.open, engines)):
        save_tables(database, small_tables())
        assert ids(database) == [10, 20]
        assert (await load_users_async(database))["user_id"].tolist() == [10, 20]
    with Session(engines[0]) as session:
        assert (await load_users_async(Database.open(session)))["user_id"].tolist() == [10, 20]
    own.close()
    for engine in engines:
        engine.dispose()


def test_in_memory_database_is_shared_by_threads() -> None:
    with Database.open("sqlite://") as database:
        save_tables(database, small_tables())
        found: list[list[int]] = []
        threads = [threading.Thread(target=lambda: found.append(ids(database))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [[10, 20]] * 16


@pytest.mark.parametrize("source", [None, 5, object(), ["sqlite://"]])
def test_other_objects_are_not_databases(source: object) -> None:
    with raises_at(ConfigurationError, "db"):
        Database.open(source)  # type: ignore[arg-type]


# One sentence each


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://u:s3cr3t-p%40ss@h/d", "not supported"),
        ("oracle://u:s3cr3t-p%40ss@h/d", "not supported"),
        ("postgresql://u:s3cr3t-p@ss@h/d", "invalid URL"),
        ("postgresql://u:s3cr3t-p%40ss@h/d?port=x", "invalid option"),
        ("postgresql+nodriver://u:s3cr3t-p%40ss@h/d", "unknown driver"),
        ("postgresql://u:s3cr3t-p@ss@h:port/d", "invalid URL"),
        ("://", "invalid URL"),
        ("", "empty URL"),
    ],
)
def test_invalid_url_raises_without_its_password(url: str, reason: str) -> None:
    with raises_with(DatabaseError, reason=reason) as caught:
        Database.open(url)
    assert "s3cr3t" not in str(caught.value)
    assert "ss@h" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with raises_with(MissingDependencyError, package="psycopg2", extra=None):
        Database.open("postgresql+psycopg2://u@h/d")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with raises_with(MissingDependencyError, package="psycopg", extra="postgres"):
        Database.open("postgresql://u@h/d")


def test_reading_does_not_create_a_missing_file(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "no.db")
    for read in (load_tables, load_users, Database.is_empty):
        with raises_with(DatabaseError, reason="missing file"):
            read(database)
    assert not (tmp_path / "no.db").exists()
    with raises_with(DatabaseError, reason="missing file"):
        Database.open(tmp_path / "no" / "no.db").create()


def test_file_that_is_not_a_database_raises(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("not a database " * 100)
    with raises_with(DatabaseError, reason="damaged"):
        load_users(Database.open(tmp_path / "no.db"))


def test_schema_that_is_not_utf8_is_reported_as_damage(sqlite: Database, tmp_path: Path) -> None:
    with sqlite.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    content = Path(sqlite.engine.url.database or "").read_bytes()
    assert content.count(b"CREATE TABLE jobs") == 1
    (tmp_path / "damaged.db").write_bytes(content.replace(b"CREATE TABLE jobs", b"CREATE \xf7ABLE jobs"))
    with raises_with(DatabaseError, reason="damaged"):
        load_users(Database.open(tmp_path / "damaged.db"))


def test_missing_tables_and_columns_are_reported(database_url: str, sqlite_url: str) -> None:
    with Database.open(database_url) as database:
        if database.dialect == "sqlite":
            Path(sqlite_url.removeprefix("sqlite:///")).touch()
        for read in (load_tables, load_users):
            with raises_with(DatabaseError, reason="missing table"):
                read(database)
        METADATA.create_all(database.engine)
        with database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE jobs DROP COLUMN fee")
        with raises_with(DatabaseError, reason="missing column"):
            load_tables(database)
        with raises_with(DatabaseError, reason="missing column"):
            database.require_tables()


def test_rows_are_counted_in_the_requested_order(database: Database) -> None:
    tables = load_tables(database)
    names = "jobs", "users", "actions"
    assert database.count_rows(*names) == tuple(len(getattr(tables, name)) for name in names)


def test_empty_database_raises(database_url: str) -> None:
    with Database.open(database_url) as database:
        database.create()
        database.create()
        assert database.is_empty()
        with raises_with(DatabaseError, reason="empty"):
            database.require_data()


def test_unreachable_server_fails_in_seconds_and_hides_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = sa.URL.create("postgresql", "me", SECRET, "127.0.0.1", port, "d", query={"sslpassword": "key-" + SECRET})
    database = Database.open(url)
    started = time.monotonic()
    with raises_with(DatabaseError, reason="not reachable") as caught:
        load_users(database)
    assert time.monotonic() - started < 20
    for text in (str(caught.value), repr(database), database.display):
        assert SECRET not in text
        assert "me:***@127.0.0.1" in text


def test_secrets_in_driver_messages_are_masked() -> None:
    url = sa.URL.create("postgresql", "me", SECRET, "h", query={"password": "other"})
    error = OperationalError("SELECT 1", {}, Exception(f"cannot log in with {SECRET} or other"))
    said = str(driver_errors.convert_error(error, list_secrets(url), "postgresql://me:***@h"))
    assert SECRET not in said
    assert "with *** or ***" in said


# Reading again


class Gone(Exception):
    """What a driver says when the server went away."""


def test_retried_read_restarts_from_the_beginning(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    tries = []

    def work(connection: Connection) -> int:
        tries.append(connection.execute(sa.text("SELECT count(*) FROM users")).scalar_one())
        if len(tries) < 3:
            raise OperationalError("SELECT", {}, Gone("server closed the connection"))
        return tries[-1]

    assert database.read(work) == 2
    assert tries == [2, 2, 2]


def test_retries_end_within_a_minute_with_growing_pauses(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ids(sqlite)
    pauses: list[float] = []
    clock = [0.0]
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda s: (pauses.append(s), clock.__setitem__(0, clock[0] + s)))
    monkeypatch.setattr("tenacity.time.monotonic", lambda: clock[0])

    def work(_: Connection) -> None:
        raise OperationalError("SELECT", {}, Gone("server closed the connection"))

    with raises_with(DatabaseError, reason="not reachable"):
        sqlite.read(work)
    assert 20 < sum(pauses) < 50
    assert pauses[0] < 1 < pauses[-1]
    growing = f"{len(pauses)} pauses from {pauses[0]:.1f} to {max(pauses):.0f} s"
    record_count("retry limit", f"{growing}, {sum(pauses):.0f} s together (test clock)")


def test_lasting_errors_are_not_retried(database: Database) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(sa.text("SELECT nothing FROM users"))

    with pytest.raises(DatabaseError):
        database.read(work)
    assert len(tries) == 1


def test_read_sees_one_snapshot(database: Database) -> None:
    def work(connection: Connection) -> tuple[int, int]:
        count = sa.text("SELECT count(*) FROM users")
        before = connection.execute(count).scalar_one()
        with database.engine.begin() as other:
            add_user(other, 77)
        return before, connection.execute(count).scalar_one()

    assert database.read(work) == (2, 2)
    assert ids(database) == [10, 20, 77]


def test_two_connections_have_one_snapshot(sqlite: Database) -> None:
    def read(connection: Connection, second: Connection | None) -> None:
        assert second is not None
        with sqlite.engine.begin() as other:
            add_user(other, 98)
        for reader in (connection, second):
            assert 98 not in reader.execute(sa.select(USERS.c.user_id)).scalars().all()

    sqlite.read_in_two(read)
    assert 98 in ids(sqlite)


@pytest.mark.parametrize("commits", [0, 1, 2, 1_000])
def test_commit_between_two_snapshots_is_detected(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    """A commit after the first snapshot repeats both. If commits never end, one connection reads."""
    begin, begun = driver_transactions.start_transaction, 0

    def begin_late(connection: Connection) -> None:
        nonlocal begun
        begun += 1
        if begun % 2 == 0 and begun // 2 <= commits:
            with sqlite.engine.begin() as other:
                add_user(other, 1_000 + begun)
        begin(connection)

    monkeypatch.setattr(driver_transactions, "start_transaction", begin_late)

    def read(connection: Connection, second: Connection | None) -> list[list[int]]:
        readers = [connection] if second is None else [connection, second]
        return [list(reader.execute(sa.select(USERS.c.user_id)).scalars()) for reader in readers]

    found = sqlite.read_in_two(read)
    assert len(found) == (1 if commits == 1_000 else 2)
    assert found[0] == found[-1]
    assert begun == 2 * min(commits + 1, driver_transactions.ATTEMPTS)


def test_transaction_of_the_caller_has_no_second_connection(sqlite: Database, database_url: str) -> None:
    def has_second(_: Connection, second: Connection | None) -> bool:
        return second is not None

    assert sqlite.read_in_two(has_second)
    with sqlite.begin() as connection:
        add_user(connection, 98)
        assert not sqlite.read_in_two(has_second)
        assert 98 in load_tables(sqlite).users["user_id"].tolist()
    with Session(sqlite.engine) as session:
        for source in (session, sqlite.engine, "sqlite://"):
            assert not Database.open(source).read_in_two(has_second)
    with Database.open(database_url) as other:
        assert other.read_in_two(has_second) == (other.dialect == "sqlite")


def test_failed_write_is_rolled_back(database: Database) -> None:
    with raises_with(DatabaseError, reason="constraint"), database.begin() as connection:
        add_user(connection, 77)
        add_user(connection, 77)
    assert ids(database) == [10, 20]


def test_reads_continue_during_a_write(sqlite: Database) -> None:
    with sqlite.begin() as connection:
        add_user(connection, 77)
        found: list[list[int]] = []
        thread = threading.Thread(target=lambda: found.append(ids(sqlite)))
        thread.start()
        thread.join(10)
    assert found == [[10, 20]]
    assert ids(sqlite) == [10, 20, 77]


async def test_event_loop_is_not_blocked(database: Database) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.005)

    beside = asyncio.create_task(tick())
    await database.run(time.sleep, 0.3)
    beside.cancel()
    assert ticks > 10


async def test_tasks_and_threads_share_one_database(database: Database, database_url: str) -> None:
    engine: AsyncEngine = create_async_engine(async_url(database_url))
    with Database.open(engine) as found:
        frames = await asyncio.gather(*(load_users_async(found) for _ in range(40)))
    assert all(frame["user_id"].tolist() == [10, 20] for frame in frames)
    await engine.dispose()


class _Stopping:
    """A value at whose storing Ctrl-C is pressed."""

    def __conform__(self, protocol: object) -> None:
        raise KeyboardInterrupt


def test_interrupted_write_releases_the_lock(sqlite: Database) -> None:
    rows = [("default", "r1"), (_Stopping(), "r2")]
    try:
        with sqlite.begin() as connection:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            connection.exec_driver_sql("INSERT INTO current_runs (name, run_id) VALUES (?, ?)", rows)
    except KeyboardInterrupt:
        with sqlite.begin() as connection:  # as a run that clears up, with the interrupt still on its way
            assert connection.exec_driver_sql("DELETE FROM current_runs").rowcount == 0
    else:
        pytest.fail("Ctrl-C was not pressed")


def test_locked_database_raises_one_sentence(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.database.engines.BUSY_MILLISECONDS", 20)
    with Database.open(sqlite_url) as one, Database.open(sqlite_url) as other:
        one.create()
        with (
            one.begin(),
            raises_with(DatabaseError, reason="locked"),
            other.begin(),
        ):
            pass


@pytest.mark.parametrize(
    "text",
    [
        "postgresql:/u:s3cr3t@localhost/db",
        "postgresql//u:s3cr3t@localhost/db",
        "u:s3cr3t@localhost/db",
        "host=localhost password=s3cr3t",
        "postgresql://u:x@s3cr3t/more@localhost/db",
    ],
)
def test_message_of_mistyped_url_hides_password(text: str) -> None:
    with raises_with(DatabaseError, reason="invalid URL") as raised:
        Database.open(text)
    assert "s3cr3t" not in str(raised.value)


def test_invalid_url_option_raises_one_sentence() -> None:
    with raises_with(DatabaseError, reason="invalid option"):
        Database.open("sqlite:///x.db?timeout=soon")
