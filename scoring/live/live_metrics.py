"""Counters and histograms of a live engine, for `scoring.telemetry.prometheus`. They contain no ids."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["COUNTERS", "HISTOGRAMS", "Histogram", "LiveMetrics"]

COUNTERS: Final = {
    "rebuilds": "How often all lists were built, the first time included.",
    "refills": "Lists that were computed again because they had too few exact places.",
    "rejected": "Events with invalid rows.",
    "quarantined": "Actions on users or jobs that do not exist, at the time of the event.",
    "ticks": "Bases that this process has written.",
    "failed_ticks": "Ticks that kept the basis.",
    "reloads": "How often the tables were read again: replaced tables, another database, or an error.",
    "pauses": "How often too many changed rows paused the events.",
    "unreachable": "How often the database did not answer a poll.",
}
"""Name → meaning. `events` and `reads` have a label each and are counted apart."""

HISTOGRAMS: Final = {
    "event_seconds": (
        "Seconds to apply one event to all lists.",
        (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 1.0),
    ),
    "tick_seconds": ("Seconds from the start of a tick to its commit.", (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)),
    "build_seconds": ("Seconds to build all lists in the background.", (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)),
    "delay_seconds": (
        "Seconds from the time of an event to its lists, by the clocks of both.",
        (0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 1.0, 10.0, 60.0),
    ),
    "read_seconds": ("Seconds to read one list.", (0.0001, 0.0005, 0.001, 0.005, 0.02, 0.05, 0.2)),
}
"""Name → meaning and bounds."""


class Histogram:
    """Counts of values up to each bound. Thread-safe."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0
        self._lock = threading.Lock()

    def observe(self, value: float) -> None:
        """Count a value."""
        place = bisect.bisect_left(self.bounds, value)
        with self._lock:
            self._counts[place] += 1
            self._sum += value

    def read(self) -> tuple[list[int], float]:
        """Return how many values do not exceed each bound, then infinity, and the sum of all values."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        for place in range(1, len(counts)):
            counts[place] += counts[place - 1]
        return counts, total


class LiveMetrics:
    """The counters of one engine. Thread-safe.

    Parameters
    ----------
    read_gauges: Returns the present values by name.
    """

    def __init__(self, read_gauges: Callable[[], Mapping[str, float]]) -> None:
        self._read_gauges = read_gauges
        self._counts: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._reads: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.histograms = {name: Histogram(bounds) for name, (_, bounds) in HISTOGRAMS.items()}

    def count(self, name: str, n: int = 1) -> None:
        """Add n to a counter of `COUNTERS`."""
        with self._lock:
            self._counts[name] += n

    def count_event(self, kind: str, n: int = 1) -> None:
        """Count events that were applied, by kind."""
        with self._lock:
            self._events[kind] += n

    def count_read(self, result: str) -> None:
        """Count a read: `found`, `inactive`, `unknown` or `too early`."""
        with self._lock:
            self._reads[result] += 1

    def observe(self, name: str, seconds: float) -> None:
        """Add a value to a histogram of `HISTOGRAMS`."""
        self.histograms[name].observe(seconds)

    def counters(self) -> dict[str, int]:
        """Return all counters by name; those of events and reads have their label in the name."""
        with self._lock:
            found = {name: self._counts[name] for name in COUNTERS}
            found |= {f"events_{kind}": n for kind, n in sorted(self._events.items())}
            return found | {f"reads_{result.replace(' ', '_')}": n for result, n in sorted(self._reads.items())}

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family with its samples."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        with self._lock:
            counts, events, reads = dict(self._counts), dict(self._events), dict(self._reads)
        for name, meaning in COUNTERS.items():
            yield CounterMetricFamily(f"scoring_live_{name}", meaning, counts.get(name, 0))
        applied = CounterMetricFamily("scoring_live_events", "Events that were applied, by kind.", labels=["kind"])
        for kind, n in events.items():
            applied.add_metric([kind], n)
        answered = CounterMetricFamily("scoring_live_reads", "Reads of lists, by result.", labels=["result"])
        for result, n in reads.items():
            answered.add_metric([result], n)
        yield from (applied, answered)
        for name, (meaning, _) in HISTOGRAMS.items():
            histogram = self.histograms[name]
            below, total = histogram.read()
            buckets = [(str(bound), n) for bound, n in zip(histogram.bounds, below, strict=False)]
            family = HistogramMetricFamily(f"scoring_live_{name}", meaning)
            family.add_metric([], [*buckets, ("+Inf", below[-1])], total)
            yield family
        for name, value in self._read_gauges().items():
            yield GaugeMetricFamily(f"scoring_live_{name}", f"{name.replace('_', ' ').capitalize()}.", value)
