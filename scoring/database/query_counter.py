"""Count queries and round trips: of one database for `Database.traffic`, of any code with `QueryCounter`.

A round trip is a statement that SQLAlchemy sends to the driver (an `executemany` of many rows is one), or a COPY.
Seconds are time in the driver: sending, waiting, and fetching rows in `row_conversion.fetch_columns`, because SQLite
runs a query only during the fetch. For a COPY they include encoding the rows.

Making a connection is not counted, nor are statements of the driver itself (BEGIN, COMMIT, ROLLBACK, the ping of a
pooled connection). The time in which a SQLite transaction waits for its lock is counted.
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
"""Open connection → counter of its statements."""


class _HasEngine(Protocol):
    """A `scoring.database.Database`; not imported, because it imports this module."""

    @property
    def engine(self) -> Engine: ...


@dataclass
class QueryCounter:
    """Count the statements sent to a database while the counter is open, and the seconds until each was answered.

    Attributes
    ----------
    count: number of statements.
    seconds: total time between sending a statement and its answer.
    statements: the text of each statement.

    Examples
    --------
    >>> from scoring.database import Database
    >>> from scoring.database.readers import load_tables
    >>> with Database.open(folder / "market.db") as database, QueryCounter(database) as queries:
    ...     tables = load_tables(database)
    >>> queries.count > 0
    True
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
    """Count the statements of a connection inside the block. Nested blocks of one connection do not count twice.

    Listeners are added to the connection, not to the engine. A caller's engine also sends other statements, and its
    other threads would iterate over the listeners while they change.
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
    """Count direct driver calls in the block, if the statements of the connection are counted."""
    traffic = _TRACED.get(connection)
    if traffic is None:
        yield
        return
    with traffic.measure(round_trips=round_trips):
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
        """Add the time since the statement was sent. For a failed statement, this is called at the end of the block."""
        if self._started is not None:
            self._traffic.add(seconds=self._traffic.clock() - self._started)
            self._started = None
