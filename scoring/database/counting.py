"""How often a database is asked, for tests and notebooks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

from scoring.database.database import Database

__all__ = ["QueryCounter"]


@dataclass
class QueryCounter:
    """Counts the statements sent to a database while it is open, and the seconds until each was answered.

    >>> with QueryCounter(database) as queries:
    ...     load_tables(database)
    >>> queries.count, queries.seconds
    """

    database: Database | Engine
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
