"""Direct use of the database driver, without SQLAlchemy: beginning transactions, and errors of a raw cursor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scoring.database.query_counter import count_driver_call

__all__ = ["start_common_snapshot", "start_transaction", "wrap_driver_errors"]

ATTEMPTS: Final = 5
"""Attempts to begin two snapshots without a commit between them."""

READ: Final = "SELECT count(*) FROM sqlite_master"


def start_transaction(connection: Connection, *, write: bool = False) -> None:
    """Begin a SQLite transaction that also covers reads and DDL; Python's driver begins one only at the first write.

    The raw cursor is used, so this is not counted as a round trip, and a caller's engine keeps its transaction
    handling. With `write`, the lock is taken at once: a transaction that reads first and writes later fails if the file
    has changed in between.
    """
    if connection.dialect.name != "sqlite":
        return
    raw = connection.connection
    if getattr(raw.driver_connection, "in_transaction", False):
        return
    cursor: Any = raw.cursor()
    statement = "BEGIN IMMEDIATE" if write else "BEGIN"
    try:
        with count_driver_call(connection), wrap_driver_errors(connection, statement):
            cursor.execute(statement)
    finally:
        cursor.close()


def start_common_snapshot(first: Connection, second: Connection) -> bool:
    """Begin a read transaction on two connections to a SQLite file, and return whether both have the same snapshot.

    The first connection has a snapshot in any case. SQLite's `data_version` changes if another connection commits. If
    the second connection reads the same version before and after the first one begins, nothing was committed.
    """
    for attempt in range(ATTEMPTS):
        before = _query_driver(second, "PRAGMA data_version")
        start_transaction(first)
        _query_driver(first, READ)  # a transaction has a snapshot from its first read
        start_transaction(second)
        _query_driver(second, READ)
        if _query_driver(second, "PRAGMA data_version") == before:
            return True
        second.connection.rollback()
        if attempt < ATTEMPTS - 1:
            first.connection.rollback()
    return False


def _query_driver(connection: Connection, statement: str) -> Any:
    cursor: Any = connection.connection.cursor()
    try:
        with count_driver_call(connection), wrap_driver_errors(connection, statement):
            return cursor.execute(statement).fetchone()
    finally:
        cursor.close()


@contextmanager
def wrap_driver_errors(connection: Connection, statement: str) -> Iterator[None]:
    """Convert errors of a raw cursor to SQLAlchemy errors, which `driver_errors` classifies and describes."""
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        raise DBAPIError.instance(statement, None, error, dbapi.Error, dialect=connection.dialect) from None
