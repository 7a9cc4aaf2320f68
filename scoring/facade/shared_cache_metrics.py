"""Metrics of a shared cache for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scoring.caching.redis_store import RedisStore

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["SharedCacheCollector"]

_COUNTERS: Final = {
    "hits": "Values read from the server.",
    "misses": "Values computed here, because the server did not contain them.",
    "skipped": "Values computed here without the server.",
    "refused": "Values refused because of their signature, size or header.",
    "unknown_secrets": "Values signed with a secret that this process does not have.",
    "errors": "Commands that failed or timed out.",
    "waits": "Requests that waited for the computation of another process.",
    "not_shareable": "Requests whose key or value cannot be shared.",
    "not_written": "Values not written because of the hourly limit of the namespace.",
    "read_bytes": "Bytes of values read.",
    "written_bytes": "Bytes of values written.",
}


class SharedCacheCollector:
    """The counts of a store, by cache, and of its circuit breaker."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family with its samples."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        stats = self._store.shared_stats
        for field, meaning in _COUNTERS.items():
            counter = CounterMetricFamily(f"scoring_shared_cache_{field}", meaning, labels=["cache"])
            for cache, counts in stats.caches.items():
                counter.add_metric([cache], getattr(counts, field))
            yield counter
        yield CounterMetricFamily(
            "scoring_shared_cache_open_seconds",
            "Seconds for which the server was not asked, after failures.",
            stats.open_seconds,
        )
        yield GaugeMetricFamily(
            "scoring_shared_cache_is_open", "1 while the server is not asked.", float(stats.is_open)
        )
