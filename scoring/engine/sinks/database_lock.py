"""One writer of a run in a database: a lock that ends with its process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from scoring.dataset.database import Database
from scoring.dataset.engines import is_memory, sqlite_file
from scoring.engine.sinks.journal import Held, Journal
from scoring.errors import DatabaseError

__all__ = ["hold_key", "lock_path", "remove_stale_locks"]

PATIENCE_SECONDS: Final = 3.0
"""A server notices within this time that a process was killed."""


def lock_path(database: Database, key: str) -> Path | None:
    """The file beside a SQLite file that stands for the lock; None: the database has locks, or one process only."""
    file = sqlite_file(database.engine.url)
    return None if file is None else file.resolve().with_name(f".{file.name}.{key}.lock")


def hold_key(database: Database, key: str, *, patience: float = PATIENCE_SECONDS) -> Callable[[], None]:
    """Keeps other writers of this key out of the database until what it returns is called, or the process ends.

    SQLite: a lock on a file beside it. PostgreSQL: an advisory lock of a connection of its own.

    Raises Held, DatabaseError.
    """
    path = lock_path(database, key)
    if path is not None:
        try:
            journal = Journal.hold(path, patience)
        except OSError as error:
            reason = error.strerror or error
            raise DatabaseError(f"{database.display} cannot be written: {path} cannot be made ({reason}).") from error
        return lambda: journal.close(remove=True)
    if is_memory(database.engine.url) or database.dialect != "postgresql":
        return lambda: None
    return _advisory_lock(database, int.from_bytes(bytes.fromhex(key)[:8], signed=True), patience)


def remove_stale_locks(database: Database) -> None:
    """Removes the files of locks that nobody holds: of processes that were killed."""
    pattern = lock_path(database, "*")
    for path in pattern.parent.glob(pattern.name) if pattern is not None else ():
        with suppress(Held, OSError):
            Journal.hold(path).close(remove=True)


def _advisory_lock(database: Database, number: int, patience: float) -> Callable[[], None]:
    try:
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        until = time.monotonic() + patience
        while not connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}).scalar():
            if time.monotonic() > until:
                connection.close()
                raise Held
            time.sleep(0.1)
    except SQLAlchemyError as error:
        raise DatabaseError(f"{database.display} does not answer as it should. Check that it is running.") from error
    owner = os.getpid()

    def let_go() -> None:
        # a connection that is lost has lost its locks
        with suppress(SQLAlchemyError):
            if os.getpid() == owner:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
            connection.close()

    return let_go
