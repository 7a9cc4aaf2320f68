"""Wait for notifications of PostgreSQL that events were committed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from scoring.database.postgres_event_triggers import CHANNEL

__all__ = ["EventListener", "can_listen"]

RETRY_SECONDS: Final = 1.0
"""How long to wait after a failure before listening again."""


def can_listen(engine: Engine) -> bool:
    """Return whether the driver of an engine waits for notifications."""
    return engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg"


class EventListener:
    """Waits for notifications, on a connection of its own. Without a connection it waits for the whole time.

    A pooler that shares connections between transactions delivers no notifications, so readers must also poll.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._failed_at = -RETRY_SECONDS

    def wait(self, seconds: float) -> None:
        """Wait for a notification, at most for some seconds. One that arrived since the last call ends it at once."""
        end = time.monotonic() + seconds
        connection = self._get_connection()
        if connection is not None:
            try:
                for _ in connection.notifies(timeout=max(0.0, end - time.monotonic()), stop_after=1):
                    return
            except self._engine.dialect.loaded_dbapi.Error:
                self._failed_at = time.monotonic()
                self.close()
        time.sleep(max(0.0, end - time.monotonic()))

    def _get_connection(self) -> Any:
        if self._connection is None and time.monotonic() - self._failed_at >= RETRY_SECONDS:
            try:
                pooled = self._engine.raw_connection()
                connection: Any = pooled.driver_connection
                pooled.detach()
                connection.autocommit = True
                connection.execute(f"LISTEN {CHANNEL}")
                self._connection = connection
            except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error):
                self._failed_at = time.monotonic()
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()
