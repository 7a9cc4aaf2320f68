"""What goes to a database's driver past SQLAlchemy: beginning a transaction, and the errors of a bare cursor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scoring.database.traffic import past_sqlalchemy

__all__ = ["start_transaction", "wrapped_errors"]


def start_transaction(connection: Connection, *, write: bool = False) -> None:
    """Begins a SQLite transaction that reads count in, too: Python's driver begins one only at the first write.

    Through the raw cursor: it is no round trip, and a caller's engine keeps its own transaction handling. A write
    takes its lock at once, because a read that turns into a write can find the database changed under it.
    """
    if connection.dialect.name != "sqlite":
        return
    raw = connection.connection
    if getattr(raw.driver_connection, "in_transaction", False):
        return
    cursor: Any = raw.cursor()
    statement = "BEGIN IMMEDIATE" if write else "BEGIN"
    try:
        with past_sqlalchemy(connection), wrapped_errors(connection, statement):
            cursor.execute(statement)
    finally:
        cursor.close()


@contextmanager
def wrapped_errors(connection: Connection, statement: str) -> Iterator[None]:
    """What a driver's own cursor raises, as SQLAlchemy's error: to be tried again, and said in a sentence."""
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        raise DBAPIError.instance(statement, None, error, dbapi.Error, dialect=connection.dialect) from None
