"""A circuit breaker: after a timeout or some other failures in a row, a server is not asked for a few seconds."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final

__all__ = ["CircuitBreaker"]

FAILURES: Final = 3
OPEN_SECONDS: Final = 5.0
TIMEOUT_OPEN_SECONDS: Final = 0.5
"""Open time after a timeout, which costs more than other failures. Failed probes double it, up to `OPEN_SECONDS`."""
JITTER: Final = 0.2
"""Share by which the open time varies, so that processes do not ask again at the same moment."""


class CircuitBreaker:
    """Closed: requests are allowed. Open: they are not. After the open time, one request is allowed as a probe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._random = random.Random()
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: float | None = None
        self._probe_at = 0.0
        self._period = OPEN_SECONDS
        self._open_seconds = 0.0  # of earlier openings
        self._openings = 0

    def allows(self) -> bool:
        """Return whether a request may be made. The caller then reports `succeed` or `fail`."""
        if self._opened_at is None:  # without the lock: the usual case
            return True
        with self._lock:
            now = self._clock()
            if self._opened_at is not None and now < self._probe_at:
                return False
            self._probe_at = now + self._draw_seconds()  # other requests wait for the result of this one
            return True

    def succeed(self) -> None:
        if not self._failures and self._opened_at is None:
            return
        with self._lock:
            self._failures = 0
            if self._opened_at is not None:
                self._open_seconds += self._clock() - self._opened_at
                self._opened_at = None

    def fail(self, *, timed_out: bool = False) -> bool:
        """Count a failure; a timeout opens the breaker at once. Return whether the failure opened it."""
        with self._lock:
            self._failures += 1
            if self._failures < FAILURES and not timed_out and self._opened_at is None:
                return False
            now = self._clock()
            if self._opened_at is not None:
                self._period = min(2 * self._period, OPEN_SECONDS)
                self._probe_at = now + self._draw_seconds()
                return False
            self._period = TIMEOUT_OPEN_SECONDS if timed_out else OPEN_SECONDS
            self._probe_at = now + self._draw_seconds()
            self._opened_at = now
            self._openings += 1
            return True

    @property
    def is_open(self) -> bool:
        return self._opened_at is not None

    @property
    def openings(self) -> int:
        return self._openings

    @property
    def open_seconds(self) -> float:
        """Seconds for which the breaker has been open, in all."""
        with self._lock:
            present = 0.0 if self._opened_at is None else self._clock() - self._opened_at
            return self._open_seconds + present

    def _draw_seconds(self) -> float:
        return self._period * self._random.uniform(1 - JITTER, 1 + JITTER)
