"""A process that holds the lock of a run until it is killed."""

from __future__ import annotations

from multiprocessing.connection import Connection

from scoring.database.database import Database
from scoring.runs.publishers.database_lock import hold_key

__all__ = ["hold"]


def hold(pipe: Connection, url: str, key: str) -> None:
    """Hold a key, report it, and wait until the other end of the pipe is closed."""
    release = hold_key(Database.open(url), key)
    pipe.send("held")
    pipe.poll(None)
    release()
