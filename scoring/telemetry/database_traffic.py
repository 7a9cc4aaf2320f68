"""Round trips to a database, and the time they take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Traffic", "TrafficStatistics"]


@dataclass(frozen=True)
class TrafficStatistics:
    """Number of statements sent to a database, and seconds spent in its driver."""

    round_trips: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the values as a dictionary that JSON can hold."""
        return asdict(self)


class Traffic:
    """Add up round trips and seconds. Thread-safe. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._round_trips = 0
        self._seconds = 0.0

    def add(self, *, round_trips: int = 0, seconds: float = 0.0) -> None:
        """Add round trips, or seconds."""
        with self._lock:
            self._round_trips += round_trips
            self._seconds += seconds

    @contextmanager
    def measure(self, *, round_trips: int = 0) -> Iterator[None]:
        """Count the block with its time, also when it fails: its statement was sent."""
        started = self.clock()
        try:
            yield
        finally:
            self.add(round_trips=round_trips, seconds=self.clock() - started)

    def statistics(self) -> TrafficStatistics:
        """Return the sums so far."""
        with self._lock:
            return TrafficStatistics(self._round_trips, self._seconds)
