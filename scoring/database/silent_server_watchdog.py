"""A PostgreSQL connection that detects a server that no longer answers.

A stopped server, or a proxy that lost its server, may accept data and never answer. No timeout of the operating system
ends such a wait. After `SILENCE_SECONDS` without a byte, the connection therefore opens a second connection and asks
whether the server still works for the first one. If not, the first connection is closed, and the read is retried.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen

__all__ = ["PROBE_CONNECT_SECONDS", "SILENCE_SECONDS", "connect"]

R = TypeVar("R")

SILENCE_SECONDS: Final = 15.0
PROBE_CONNECT_SECONDS: Final = 3
PROBE_SECONDS: Final = 2.0
IS_ACTIVE: Final = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s"


class _WatchedConnection(psycopg.Connection[Any]):
    arguments: tuple[Sequence[Any], Mapping[str, Any]] | None = None
    """Arguments of `connect`; None: do not open a second connection, but close this one after `patience`."""
    patience: float | None = None  # seconds; None: SILENCE_SECONDS

    def wait(self, gen: PQGen[R], *args: Any, **kwargs: Any) -> R:
        return super().wait(self._watch(gen), *args, **kwargs)

    def _watch(self, gen: PQGen[R]) -> Generator[Any, Any, R]:
        """Run `gen`, and raise OperationalError if no byte is received or sent for too long."""
        ready: Any = None
        last_byte = time.monotonic()
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                result: R = end.value
                return result
            ready = yield wanted
            if ready:
                last_byte = time.monotonic()
            elif time.monotonic() - last_byte >= (SILENCE_SECONDS if self.patience is None else self.patience):
                if not self._is_served():
                    self.close()
                    raise psycopg.OperationalError("the server stopped answering")
                last_byte = time.monotonic()

    def _is_served(self) -> bool:
        """Return whether the server answers a second connection and works for this one."""
        if self.arguments is None:
            return False
        positions, names = self.arguments
        try:
            second = connect(positions, {**names, "connect_timeout": PROBE_CONNECT_SECONDS})
        except psycopg.Error:
            return False
        second.arguments, second.patience = None, PROBE_SECONDS
        try:
            row = second.execute(IS_ACTIVE, [self.info.backend_pid]).fetchone()
        except psycopg.Error:
            return False
        finally:
            second.close()
        return bool(row and row[0])


def connect(positions: Sequence[Any], names: Mapping[str, Any]) -> _WatchedConnection:
    """Return a connection as `psycopg.connect` does. Raise psycopg.Error if it fails."""
    connection = _WatchedConnection.connect(*positions, **names)
    connection.arguments = (positions, names)
    return connection
