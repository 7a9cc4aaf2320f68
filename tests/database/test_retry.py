"""Database errors are classified by their code, and described by one message each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, ProgrammingError

from scoring.database.database import Database
from scoring.database.driver_errors import convert_error, is_transient
from scoring.errors import DatabaseError
from tests.support.errors import raises_with


class DriverError(Exception):
    """An error with the code of a driver, and a text that tells nothing."""

    def __init__(self, *, sqlite: str | None = None, state: str | None = None, text: str = "Fehler") -> None:
        super().__init__(text)
        if sqlite is not None:
            self.sqlite_errorname = sqlite
        if state is not None:
            self.sqlstate = state


def wrapped(error: DriverError, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    return kind("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (DriverError(sqlite="SQLITE_BUSY"), True),
        (DriverError(sqlite="SQLITE_BUSY_SNAPSHOT"), True),
        (DriverError(sqlite="SQLITE_LOCKED_SHAREDCACHE"), True),
        (DriverError(sqlite="SQLITE_IOERR_READ"), True),
        (DriverError(sqlite="SQLITE_FULL"), False),
        (DriverError(sqlite="SQLITE_READONLY_DIRECTORY"), False),
        (DriverError(sqlite="SQLITE_ERROR", text="no such table: users"), False),
        (DriverError(text="Could not decode to UTF-8 column 'name'"), False),
        (DriverError(state="08006"), True),
        (DriverError(state="57P01"), True),
        (DriverError(state="40001"), True),
        (DriverError(state="53300"), True),
        (DriverError(state="55P03"), True),
        (DriverError(state="57014"), False),
        (DriverError(state="25006"), False),
        (DriverError(state="3D000"), False),
        (DriverError(text="server closed the connection unexpectedly"), True),
        (DriverError(text='FATAL: password authentication failed for user "me"'), False),
        (DriverError(text='FATAL: database "d" does not exist'), False),
    ],
    ids=lambda value: " ".join(map(str, [*getattr(value, "__dict__", {}).values(), *getattr(value, "args", ())])),
)
def test_transient_errors_are_classified_by_code(error: DriverError, transient: bool) -> None:
    assert is_transient(wrapped(error), connected=True) is transient
    assert is_transient(wrapped(error, InterfaceError), connected=False) is transient


@pytest.mark.parametrize("connected", [True, False])
def test_missing_file_is_transient_after_a_connection(connected: bool) -> None:
    assert is_transient(wrapped(DriverError(sqlite="SQLITE_CANTOPEN")), connected) is connected


def test_other_kinds_of_errors_are_not_transient() -> None:
    assert not is_transient(wrapped(DriverError(sqlite="SQLITE_BUSY"), IntegrityError), connected=True)
    assert not is_transient(wrapped(DriverError(state="08006"), ProgrammingError), connected=True)
    assert not is_transient(ValueError("database is locked"), connected=True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DriverError(state="42P01"), "missing table"),
        (DriverError(state="42703"), "missing column"),
        (DriverError(sqlite="SQLITE_ERROR", text="no such table: users"), "missing table"),
        (DriverError(sqlite="SQLITE_ERROR", text="no such column: fee"), "missing column"),
        (DriverError(state="55P03"), "locked"),
        (DriverError(sqlite="SQLITE_BUSY"), "locked"),
        (DriverError(sqlite="SQLITE_LOCKED"), "locked"),
        (DriverError(state="57014"), "cancelled"),
        (DriverError(sqlite="SQLITE_IOERR_WRITE"), "read or write error"),
        (DriverError(sqlite="SQLITE_FULL"), "disk full"),
        (DriverError(state="53100"), "disk full"),
        (DriverError(sqlite="SQLITE_NOTADB"), "damaged"),
        (DriverError(sqlite="SQLITE_CORRUPT_INDEX"), "damaged"),
        (DriverError(sqlite="SQLITE_READONLY"), "read-only"),
        (DriverError(state="25006"), "read-only"),
        (DriverError(state="42501"), "permission"),
        (DriverError(state="XX000"), "not reachable"),
        (DriverError(), "not reachable"),
    ],
    ids=lambda value: " ".join(map(str, getattr(value, "__dict__", {}).values())) or None,
)
def test_reason_depends_on_the_code(error: DriverError, reason: str) -> None:
    converted = convert_error(wrapped(error), ["secret"], "db")
    assert converted.reason == reason
    assert str(converted).startswith("db ")


# The codes of real drivers


def fill_sqlite(database: Database) -> None:
    with database.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for user in range(10_000):
            connection.exec_driver_sql("INSERT INTO users (user_id, is_active) VALUES (?, 1)", (user,))


def write_read_only(database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("INSERT INTO users (user_id, is_active) VALUES (1, 1)")


def select(name: str) -> Callable[[Database], None]:
    def work(database: Database) -> None:
        database.read(lambda connection: connection.exec_driver_sql(f"SELECT {name}").all())

    return work


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (fill_sqlite, "disk full"),
        (write_read_only, "read-only"),
        (select("* FROM no_table"), "missing table"),
        (select("no_column FROM users"), "missing column"),
    ],
    ids=["full", "read-only", "table", "column"],
)
def test_messages_of_sqlite_errors(sqlite_url: str, use: Callable[[Database], None], reason: str) -> None:
    with Database.open(sqlite_url) as database:
        database.create()
        with raises_with(DatabaseError, reason=reason) as caught:
            use(database)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT * FROM no_table", "missing table"),
        ("SELECT no_column FROM users", "missing column"),
        ("SET TRANSACTION READ ONLY; DELETE FROM users", "read-only"),
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)", "cancelled"),
    ],
)
def test_messages_of_postgres_errors(postgres_url: str, statement: str, reason: str) -> None:
    with Database.open(postgres_url) as database:
        database.create()
        with raises_with(DatabaseError, reason=reason), database.begin() as connection:
            for one in statement.split("; "):
                connection.exec_driver_sql(one)


def test_driver_errors_of_sqlite_have_codes(tmp_path: Path) -> None:
    """Both ways to the driver: through SQLAlchemy, and through its raw cursor."""
    (tmp_path / "no.db").write_text("not a database " * 100)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'no.db'}")
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql("SELECT * FROM sqlite_master")
    assert isinstance(caught.value.orig, sqlite3.Error)
    assert caught.value.orig.sqlite_errorname == "SQLITE_NOTADB"
    engine.dispose()
