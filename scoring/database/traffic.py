"""Counts what a database's connections send, for `Database.traffic`.

A round trip is a statement that went to the driver: through SQLAlchemy (`executemany` with many rows is one), or a
COPY. Seconds are those in the driver: sending, waiting, and taking rows out of a cursor by `rows.columns_of` (SQLite
does a query's work only then); of a COPY also making its rows. Not counted: making a connection, and what drivers
send around statements by themselves (BEGIN, COMMIT, ROLLBACK, the ping of a pooled connection); but the time that a
transaction of SQLite waits to begin is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event

from scoring.telemetry import Traffic

__all__ = ["counted", "past_sqlalchemy"]

_COUNTED: WeakKeyDictionary[Connection, Traffic] = WeakKeyDictionary()
"""Connections that are listened to now."""


@contextmanager
def counted(connection: Connection, traffic: Traffic) -> Iterator[None]:
    """Counts what the connection sends inside, once where this is nested; afterwards nothing listens to it.

    The connection is listened to and not its engine. That may be a caller's, whose own statements are not ours to
    count, and whose other threads would go through its list of listeners while it changes.
    """
    if connection in _COUNTED:
        yield
        return
    listener = _Listener(traffic)
    event.listen(connection, "before_cursor_execute", listener.before)
    event.listen(connection, "after_cursor_execute", listener.after)
    _COUNTED[connection] = traffic
    try:
        yield
    finally:
        listener.end()
        del _COUNTED[connection]
        event.remove(connection, "before_cursor_execute", listener.before)
        event.remove(connection, "after_cursor_execute", listener.after)


@contextmanager
def past_sqlalchemy(connection: Connection, *, round_trips: int = 0) -> Iterator[None]:
    """Counts what is done inside with the connection's driver itself, where the connection is counted."""
    traffic = _COUNTED.get(connection)
    if traffic is None:
        yield
        return
    with traffic.timed(round_trips=round_trips):
        yield


class _Listener:
    """Counts the statements of one connection, which one thread uses at a time."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._begun: float | None = None

    def before(self, *_: Any) -> None:
        self._traffic.add(round_trips=1)
        self._begun = self._traffic.clock()

    def after(self, *_: Any) -> None:
        self.end()

    def end(self) -> None:
        """Adds the time since the statement was sent; also of one that failed, when its error leaves `counted`."""
        if self._begun is not None:
            self._traffic.add(seconds=self._traffic.clock() - self._begun)
            self._begun = None
