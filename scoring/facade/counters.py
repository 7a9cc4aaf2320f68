"""What an engine has done so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["Counters"]


@dataclass
class Counters:
    """Users and pairs scored, and the seconds that it took; loading data does not count. Safe between threads."""

    users: int = 0
    pairs: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def timed(self, users: int, pairs: int) -> Iterator[None]:
        """Counts the work inside, unless it fails."""
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        with self._lock:
            self.users += users
            self.pairs += pairs
            self.seconds += spent

    @property
    def ms_per_user(self) -> float:
        """Mean milliseconds per user; 0 before the first."""
        return 1000 * self.seconds / self.users if self.users else 0.0
