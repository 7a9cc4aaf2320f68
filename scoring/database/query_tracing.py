"""Queries and round trips, counted: those of one database for `Database.traffic`, those of any code by `QueryCounter`.

A round trip is a statement that SQLAlchemy sends to the driver (an `executemany` of many rows is one), or a COPY.
Seconds are those in the driver: sending, waiting, and fetching rows by `row_conversion.columns_of`, because SQLite
runs a query only then. Those of a COPY include encoding its rows.

Not counted are what making a connection costs, and what drivers send by themselves (BEGIN, COMMIT, ROLLBACK, the ping
of a pooled connection). The time that a SQLite transaction waits for its lock is counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event

from scoring.telemetry import Traffic

__all__ = ["QueryCounter", "count_driver_call", "count_statements"]

_TRACED: WeakKeyDictionary[Connection, Traffic] = WeakKeyDictionary()
"""Open connection → where its statements are counted."""


class _HasEngine(Protocol):
    """A `scoring.database.Database`, which imports this module."""

    @property
    def engine(self) -> Engine: ...


@dataclass
class QueryCounter:
    """Count the statements sent to a database while the counter is open, and the seconds until each was answered.

    Attributes
    ----------
    count: number of statements.
    seconds: time between sending each statement and its answer, added up.
    statements: the text of each statement.

    Examples
    --------
    >>> with QueryCounter(database) as queries:
    ...     load_tables(database)
    >>> queries.count, queries.seconds
    """

    database: _HasEngine | Engine
    count: int = 0
    seconds: float = 0.0
    statements: list[str] = field(default_factory=list)

    def __enter__(self) -> QueryCounter:
        engine = self._engine
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._before)
        event.remove(self._engine, "after_cursor_execute", self._after)

    @property
    def _engine(self) -> Engine:
        return self.database if isinstance(self.database, Engine) else self.database.engine

    def _before(self, _c: Any, _cursor: Any, statement: str, _p: Any, context: Any, _many: bool) -> None:
        self.count += 1
        self.statements.append(statement)
        if context is not None:
            context.started = time.perf_counter()

    def _after(self, _c: Any, _cursor: Any, _statement: str, _p: Any, context: Any, _many: bool) -> None:
        if context is not None:
            self.seconds += time.perf_counter() - context.started


@contextmanager
def count_statements(connection: Connection, traffic: Traffic) -> Iterator[None]:
    """Count the connection's statements inside the block; a nested block of the same connection counts nothing twice.

    The listeners are on the connection and not on its engine, and are removed at the end. A caller's engine also sends
    statements that are not ours, and its other threads would iterate over its listeners while they change.
    """
    if connection in _TRACED:
        yield
        return
    listener = _StatementListener(traffic)
    event.listen(connection, "before_cursor_execute", listener.before)
    event.listen(connection, "after_cursor_execute", listener.after)
    _TRACED[connection] = traffic
    try:
        yield
    finally:
        listener.stop_clock()
        del _TRACED[connection]
        event.remove(connection, "before_cursor_execute", listener.before)
        event.remove(connection, "after_cursor_execute", listener.after)


@contextmanager
def count_driver_call(connection: Connection, *, round_trips: int = 0) -> Iterator[None]:
    """Count what the block does with the raw driver, if the connection's statements are counted."""
    traffic = _TRACED.get(connection)
    if traffic is None:
        yield
        return
    with traffic.timed(round_trips=round_trips):
        yield


class _StatementListener:
    """Counts the statements of one connection, which one thread uses at a time."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._started: float | None = None

    def before(self, *_: Any) -> None:
        self._traffic.add(round_trips=1)
        self._started = self._traffic.clock()

    def after(self, *_: Any) -> None:
        self.stop_clock()

    def stop_clock(self) -> None:
        """Add the time since the statement was sent; for one that failed, when its error leaves the block."""
        if self._started is not None:
            self._traffic.add(seconds=self._traffic.clock() - self._started)
            self._started = None
