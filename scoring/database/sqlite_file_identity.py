"""The file of a SQLite database: whether a connection has the file open that is now at the path.

A file can be exchanged while a process uses it: by `mv`, by a link with another target, by deleting and copying, or by
copying over it. SQLite does not notice this. Pages of two files in one cache look like a damaged database.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from scoring.database.engines import get_sqlite_file

__all__ = [
    "FileIdentity",
    "FilePin",
    "FileState",
    "find_file",
    "get_opened_identity",
    "get_opened_state",
    "is_shared",
    "record_state",
    "watch_connections",
]

FileIdentity = tuple[int, int]
"""Device and inode."""

_OPENED: Final = "scoring.file"
"""Key of `Connection.info`: the state of the file when the connection was opened."""


class FileState(NamedTuple):
    """State of a file. Another file at the path has another device or inode. Writing changes the other two fields."""

    device: int
    inode: int
    size: int
    modified_at: int  # nanoseconds

    @classmethod
    def of(cls, path: str | Path) -> FileState | None:
        """Return the state of a file, or of the file that a link names; None: it does not exist."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    @property
    def identity(self) -> FileIdentity:
        return self.device, self.inode


class FilePin:
    """Keeps the inode of a file in use, so that a new file cannot get its number after the file was deleted.

    The file is opened without access to its content. Closing any other descriptor would drop SQLite's locks.
    """

    def __init__(self) -> None:
        self._number: int | None = None

    def move(self, path: Path | None) -> None:
        """Hold the file that is now at the path, in place of the file before. None: hold no file."""
        self.release()
        if path is not None and hasattr(os, "O_PATH"):  # Linux
            try:
                self._number = os.open(path, os.O_PATH)
            except OSError:
                return

    def release(self) -> None:
        """Hold no file."""
        number, self._number = self._number, None
        if number is not None:
            os.close(number)

    def __del__(self) -> None:
        self.release()


def find_file(engine: Engine) -> Path | None:
    """Return the absolute path of the SQLite file of an engine; None: another database, or one in memory."""
    file = get_sqlite_file(engine.url)
    return None if file is None else file.absolute()


def watch_connections(engine: Engine) -> None:
    """Record the state of the file for each connection that the engine opens from now on."""
    if not event.contains(engine.pool, "connect", _record_opened):
        event.listen(engine.pool, "connect", _record_opened)


def get_opened_state(connection: Connection) -> FileState | None:
    """Return the state of the file when the connection was opened; None: it was opened before `watch_connections`."""
    state: FileState | None = connection.info.get(_OPENED)
    return state


def get_opened_identity(connection: Connection) -> FileIdentity | None:
    """Return the device and inode of the file that the connection has opened; None as in `get_opened_state`."""
    state = get_opened_state(connection)
    return None if state is None else state.identity


def record_state(connection: Connection, path: Path) -> None:
    """Record the state of the file after the connection has written to it."""
    opened, state = get_opened_state(connection), FileState.of(path)
    if opened is not None and state is not None and opened.identity == state.identity:
        connection.info[_OPENED] = state


def is_shared(engine: Engine) -> bool:
    """Return whether the pool gives one connection to several users at a time, so that none of them may replace it."""
    return isinstance(engine.pool, StaticPool | SingletonThreadPool)


def _record_opened(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA database_list")
        path = next((path for _, name, path in cursor.fetchall() if name == "main"), "")
    finally:
        cursor.close()
    if path:
        record.info[_OPENED] = FileState.of(path)
