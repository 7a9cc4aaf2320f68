"""A PostgreSQL connection that notices when nobody is at the other end any more.

A server whose machine stopped, or a proxy that forgot it, may take what is sent and never answer: no time-out of the
system ends that. So whoever waits here asks, after `SILENCE_SECONDS` without a byte, over a connection of its own
whether the server is still at work for it; if not, the connection is given up as broken, and a read begins again.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen

__all__ = ["CONNECT_SECONDS_OF_A_QUESTION", "SILENCE_SECONDS", "connect"]

R = TypeVar("R")

SILENCE_SECONDS: Final = 15.0
CONNECT_SECONDS_OF_A_QUESTION: Final = 3
ANSWER_SECONDS: Final = 2.0
AT_WORK: Final = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s"


class _Listening(psycopg.Connection[Any]):
    """`again`: the arguments that it was made with; None: it asks nobody, and gives up at once."""

    again: tuple[Sequence[Any], Mapping[str, Any]] | None = None
    patience: float | None = None  # seconds

    def wait(self, gen: PQGen[R], *args: Any, **kwargs: Any) -> R:
        return super().wait(self._listening(gen), *args, **kwargs)

    def _listening(self, gen: PQGen[R]) -> Generator[Any, Any, R]:
        """`gen`, given up when it has waited too long for a byte to come or to be taken."""
        ready: Any = None
        heard = time.monotonic()
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                result: R = end.value
                return result
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard >= (SILENCE_SECONDS if self.patience is None else self.patience):
                if not self._is_served():
                    self.close()
                    raise psycopg.OperationalError("the server has fallen silent")
                heard = time.monotonic()

    def _is_served(self) -> bool:
        """Whether the server answers, and is at work for this connection."""
        if self.again is None:
            return False
        positions, names = self.again
        try:
            other = connect(positions, {**names, "connect_timeout": CONNECT_SECONDS_OF_A_QUESTION})
        except psycopg.Error:
            return False
        other.again, other.patience = None, ANSWER_SECONDS
        try:
            found = other.execute(AT_WORK, [self.info.backend_pid]).fetchone()
        except psycopg.Error:
            return False
        finally:
            other.close()
        return bool(found and found[0])


def connect(positions: Sequence[Any], names: Mapping[str, Any]) -> _Listening:
    """As `psycopg.connect`. Raises psycopg.Error."""
    made = _Listening.connect(*positions, **names)
    made.again = (positions, names)
    return made
