"""Times and counts of an engine's operations, by name."""

from __future__ import annotations

import logging
import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

__all__ = ["OperationRecord", "OperationStatistics", "Operations", "Statistics", "Totals"]

WINDOW: Final = 4096
"""Number of latest durations from which the median and p95 of an operation are computed."""

_LOG: Final = logging.getLogger("scoring.operations")


@dataclass(frozen=True)
class OperationRecord:
    """One finished operation."""

    operation: str
    users: int
    pairs: int
    seconds: float


@dataclass(frozen=True)
class OperationStatistics:
    """Counts and times of the operations with one name.

    Times include finished operations only; they are None before the first one. `count`, `users`, `pairs`, `seconds`
    and the mean cover all finished operations. Median and p95 (the least duration that 95 % do not exceed) are exact
    values of the latest `WINDOW` durations.
    """

    count: int
    failures: int
    users: int
    pairs: int
    seconds: float
    mean_seconds: float | None
    median_seconds: float | None
    p95_seconds: float | None
    last_seconds: float | None


@dataclass(frozen=True)
class Totals:
    """Sums over all operations. `user_seconds` includes only operations with users."""

    count: int
    failures: int
    users: int
    pairs: int
    seconds: float
    user_seconds: float
    ms_per_user: float | None


@dataclass(frozen=True)
class Statistics:
    """A consistent snapshot: `total` is the sum over `operations`."""

    total: Totals
    operations: dict[str, OperationStatistics]

    def as_dict(self) -> dict[str, Any]:
        """Return the values as dictionaries that JSON can hold."""
        return asdict(self)


class Operations:
    """Count and time operations by name. Thread-safe.

    Operations must not be nested: the totals would count an inner operation twice. `clock` returns seconds;
    `listeners` are called with every `OperationRecord`, in the thread that did the work.

    Example
    -------
    >>> operations = Operations()
    >>> with operations.measure("top_k", users=2, pairs=20):
    ...     pass
    >>> operations.statistics().total.pairs
    20
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        *,
        window: int = WINDOW,
        listeners: Iterable[Callable[[OperationRecord], object]] = (),
    ) -> None:
        self._clock = clock
        self._window = window
        self._listeners = tuple(listeners)
        self._lock = threading.Lock()
        self._tallies: dict[str, _Tally] = {}

    @contextmanager
    def measure(self, operation: str, users: int = 0, pairs: int = 0) -> Iterator[None]:
        """Count and time the block. If it raises, count only a failure."""
        users, pairs = int(users), int(pairs)  # JSON cannot hold NumPy integers
        started = self._clock()
        try:
            yield
        except BaseException:  # includes cancelled and interrupted work
            self._record_failure(operation, users, pairs, self._clock() - started)
            raise
        self.record(operation, users, pairs, self._clock() - started)

    def record(self, operation: str, users: int, pairs: int, seconds: float) -> None:
        """Count an operation that was timed elsewhere."""
        record = OperationRecord(operation, users, pairs, seconds)
        with self._lock:
            self._tally(record.operation).add(record)
        _log("finished", record.operation, record.users, record.pairs, record.seconds)
        for listener in self._listeners:
            listener(record)

    def statistics(self) -> Statistics:
        """Return a consistent snapshot of all counts and times."""
        with self._lock:
            tallies = {name: tally.copy() for name, tally in self._tallies.items()}
        users = sum(tally.users for tally in tallies.values())
        user_seconds = math.fsum(tally.user_seconds for tally in tallies.values())
        total = Totals(
            count=sum(tally.count for tally in tallies.values()),
            failures=sum(tally.failures for tally in tallies.values()),
            users=users,
            pairs=sum(tally.pairs for tally in tallies.values()),
            seconds=math.fsum(tally.seconds for tally in tallies.values()),
            user_seconds=user_seconds,
            ms_per_user=1000 * user_seconds / users if users else None,
        )
        return Statistics(total, {name: tally.statistics() for name, tally in tallies.items()})

    def _record_failure(self, operation: str, users: int, pairs: int, seconds: float) -> None:
        with self._lock:
            self._tally(operation).failures += 1
        _log("failed", operation, users, pairs, seconds)

    def _tally(self, operation: str) -> _Tally:
        if operation not in self._tallies:
            self._tallies[operation] = _Tally(deque(maxlen=self._window))
        return self._tallies[operation]


@dataclass
class _Tally:
    """Running counts of the operations with one name."""

    latest: deque[float]
    count: int = 0
    failures: int = 0
    users: int = 0
    pairs: int = 0
    seconds: float = 0.0
    user_seconds: float = 0.0

    def add(self, record: OperationRecord) -> None:
        self.latest.append(record.seconds)
        self.count += 1
        self.users += record.users
        self.pairs += record.pairs
        self.seconds += record.seconds
        if record.users:
            self.user_seconds += record.seconds

    def copy(self) -> _Tally:
        return _Tally(
            self.latest.copy(), self.count, self.failures, self.users, self.pairs, self.seconds, self.user_seconds
        )

    def statistics(self) -> OperationStatistics:
        ordered = sorted(self.latest)
        return OperationStatistics(
            count=self.count,
            failures=self.failures,
            users=self.users,
            pairs=self.pairs,
            seconds=self.seconds,
            mean_seconds=self.seconds / self.count if self.count else None,
            median_seconds=statistics.median(ordered) if ordered else None,
            # integer arithmetic: 0.95 * n is not exact
            p95_seconds=ordered[(95 * len(ordered) + 99) // 100 - 1] if ordered else None,
            last_seconds=self.latest[-1] if ordered else None,
        )


def _log(outcome: str, operation: str, users: int, pairs: int, seconds: float) -> None:
    """Log counts only, no ids."""
    ms = round(1000 * seconds, 3)
    _LOG.debug(
        "%s %s: %d users, %d pairs, %.3f ms",
        operation,
        outcome,
        users,
        pairs,
        ms,
        extra={"operation": operation, "outcome": outcome, "users": users, "pairs": pairs, "ms": ms},
    )
