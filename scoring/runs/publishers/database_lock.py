"""A lock that allows one writer of a run in a database. It ends with its process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from scoring.database.database import Database
from scoring.database.engines import get_sqlite_file, is_memory
from scoring.errors import DatabaseError
from scoring.storage.file_lock import FileLock, LockHeldError
from scoring.storage.os_errors import describe_os_error

__all__ = ["KeyLock", "find_lock_path", "hold_key", "remove_stale_locks"]

PATIENCE_SECONDS: Final = 3.0
"""Seconds to wait for the lock. A server detects a killed process within this time."""


def find_lock_path(database: Database, key: str) -> Path | None:
    """Return the lock file next to a SQLite file; None: the database has locks, or only one process uses it."""
    file = get_sqlite_file(database.engine.url)
    return None if file is None else file.resolve().with_name(f".{file.name}.{key}.lock")


class KeyLock:
    """The lock that `hold_key` returns. Call it to release the lock."""

    def __init__(self, release: Callable[[], None] = lambda: None) -> None:
        self._release = release

    def __call__(self) -> None:
        release, self._release = self._release, lambda: None
        release()

    def renew(self) -> None:
        """Take the lock again if it was lost with its connection. A lock file is never lost.

        Call it in `Database.write`, which retries after a SQLAlchemyError.

        Raises
        ------
        LockHeldError: If another process took the lock meanwhile.
        SQLAlchemyError: If the database is not available.
        """


def hold_key(database: Database, key: str, *, patience: float = PATIENCE_SECONDS) -> KeyLock:
    """Exclude other writers of this key until the returned lock is called, or the process ends.

    SQLite: a lock on a file next to the database. PostgreSQL: an advisory lock of a separate connection.

    Raises
    ------
    LockHeldError: If another process still holds the lock after `patience` seconds.
    DatabaseError: If the lock file cannot be created, or the database is not available.
    """
    path = find_lock_path(database, key)
    if path is not None:
        try:
            lock = FileLock(path).acquire(patience)
        except OSError as error:
            problem = f"the lock file {path} cannot be created ({describe_os_error(error)})"
            raise DatabaseError(
                f"{database.display} cannot be written: {problem}. Check its folder.", reason="read-only"
            ) from error
        return KeyLock(lambda: lock.release(remove=True))
    if is_memory(database.engine.url) or database.dialect != "postgresql":
        return KeyLock()
    return _AdvisoryLock(database, int.from_bytes(bytes.fromhex(key)[:8], signed=True), patience)


def remove_stale_locks(database: Database) -> None:
    """Remove lock files that no process holds, left by killed processes."""
    pattern = find_lock_path(database, "*")
    for path in pattern.parent.glob(pattern.name) if pattern is not None else ():
        with suppress(LockHeldError, OSError):
            FileLock(path).acquire().release(remove=True)


class _AdvisoryLock(KeyLock):
    def __init__(self, database: Database, number: int, patience: float) -> None:
        super().__init__(self._unlock)
        self._database, self._number, self._patience = database, number, patience
        self._owner = os.getpid()
        self._connection = database.persist(self._take)

    def _take(self) -> Connection:
        """Return a connection that holds the lock."""
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            deadline = time.monotonic() + self._patience
            while not connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": self._number}).scalar():
                if time.monotonic() > deadline:
                    raise LockHeldError
                time.sleep(0.1)
        except BaseException:
            connection.close()
            raise
        return connection

    def renew(self) -> None:
        with suppress(SQLAlchemyError):
            if not self._connection.invalidated:
                self._connection.execute(text("SELECT 1"))
                return
        with suppress(SQLAlchemyError):
            self._connection.close()
        self._connection = self._take()

    def _unlock(self) -> None:
        # a lost connection has lost its locks
        with suppress(SQLAlchemyError):
            if os.getpid() == self._owner and not self._connection.invalidated:
                self._connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": self._number})
            self._connection.close()
