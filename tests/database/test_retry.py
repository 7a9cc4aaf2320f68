"""Database errors are classified by their code, and described by one message each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, ProgrammingError

from scoring.database.database import Database
from scoring.database.retry import describe_error, is_transient
from scoring.errors import DatabaseError


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
    ("error", "part"),
    [
        (DriverError(state="42P01"), "does not contain a required table"),
        (DriverError(state="42703"), "does not contain a required column"),
        (DriverError(sqlite="SQLITE_ERROR", text="no such table: users"), "does not contain a required table"),
        (DriverError(sqlite="SQLITE_ERROR", text="no such column: fee"), "does not contain a required column"),
        (DriverError(state="55P03"), "is locked by another program"),
        (DriverError(sqlite="SQLITE_BUSY"), "is locked by another program"),
        (DriverError(sqlite="SQLITE_LOCKED"), "is locked by another program"),
        (DriverError(state="57014"), "cancelled a statement"),
        (DriverError(sqlite="SQLITE_IOERR_WRITE"), "Check its disk"),
        (DriverError(sqlite="SQLITE_FULL"), "Free space"),
        (DriverError(state="53100"), "Free space"),
        (DriverError(sqlite="SQLITE_NOTADB"), "is not a SQLite database, or is damaged"),
        (DriverError(sqlite="SQLITE_CORRUPT_INDEX"), "is not a SQLite database, or is damaged"),
        (DriverError(sqlite="SQLITE_READONLY"), "Check the permissions of the file"),
        (DriverError(state="25006"), "Check the permissions of the file"),
        (DriverError(state="42501"), "Grant the permission"),
        (DriverError(state="XX000"), "cannot be accessed"),
        (DriverError(), "cannot be accessed"),
    ],
    ids=lambda value: " ".join(map(str, getattr(value, "__dict__", {}).values())) or None,
)
def test_message_depends_on_the_code(error: DriverError, part: str) -> None:
    said = describe_error(wrapped(error), ["secret"], "db")
    assert part in said
    assert said.startswith("db ")


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
    ("use", "part"),
    [
        (fill_sqlite, "Free space"),
        (write_read_only, "Check the permissions of the file"),
        (select("* FROM no_table"), "does not contain a required table"),
        (select("no_column FROM users"), "does not contain a required column"),
    ],
    ids=["full", "read-only", "table", "column"],
)
def test_messages_of_sqlite_errors(sqlite_url: str, use: Callable[[Database], None], part: str) -> None:
    with Database.open(sqlite_url) as database:
        database.create()
        with pytest.raises(DatabaseError, match=part) as caught:
            use(database)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("SELECT * FROM no_table", "does not contain a required table"),
        ("SELECT no_column FROM users", "does not contain a required column"),
        ("SET TRANSACTION READ ONLY; DELETE FROM users", "Check the permissions of the file"),
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)", "cancelled a statement"),
    ],
)
def test_messages_of_postgres_errors(postgres_url: str, statement: str, part: str) -> None:
    with Database.open(postgres_url) as database:
        database.create()
        with pytest.raises(DatabaseError, match=part), database.begin() as connection:  # noqa: PT012
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
