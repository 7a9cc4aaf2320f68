"""Metrics for Prometheus, as text or over HTTP, made with prometheus_client (extra `monitoring`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from scoring.errors import ConfigurationError
from scoring.optional_dependencies import require
from scoring.storage.os_errors import describe_os_error
from scoring.telemetry.database_traffic import Traffic
from scoring.telemetry.latency_alert import TargetAlert
from scoring.telemetry.operations import Operations, OperationStatistics

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

__all__ = [
    "CacheCounters",
    "MetricCollector",
    "MetricsServer",
    "ScoringCollector",
    "Sources",
    "prometheus_text",
    "serve",
]

CACHE_COUNTERS: Final = {
    "hits": "Values found in the cache.",
    "misses": "Values that had to be computed.",
    "joined": "Callers that waited while another caller computed the value.",
    "evictions": "Values removed to free memory.",
    "expirations": "Values removed because of their age.",
}
CACHE_GAUGES: Final = {"entries": "Values in the cache.", "bytes": "Bytes in the cache."}


class CacheCounters(Protocol):
    """Counters of one cache layer."""

    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    @property
    def joined(self) -> int: ...
    @property
    def entries(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def evictions(self) -> int: ...
    @property
    def expirations(self) -> int: ...


class MetricCollector(Protocol):
    """An object with metrics of its own."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family with its samples."""
        ...


@dataclass(frozen=True)
class Sources:
    """The objects whose metrics are exported; None: omitted.

    `caches` maps layers to counters, or is a function that returns such a mapping. `others` have metrics of their own.
    """

    operations: Operations
    alert: TargetAlert | None = None
    traffic: Traffic | None = None
    caches: Mapping[str, CacheCounters] | Callable[[], Mapping[str, CacheCounters]] | None = None
    others: tuple[MetricCollector, ...] = ()


class ScoringCollector:
    """A collector for a registry of prometheus_client. It reads the sources at each collection."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family with its samples."""
        yield from _collect_operations(self._sources.operations)
        if self._sources.alert is not None:
            yield from _collect_alert(self._sources.alert)
        if self._sources.traffic is not None:
            yield from _collect_traffic(self._sources.traffic)
        caches = self._sources.caches
        if caches is not None:
            yield from _collect_caches(caches() if callable(caches) else caches)
        for other in self._sources.others:
            yield from other.collect()


class MetricsServer:
    """An HTTP server of metrics in its own thread. Close it, or use it as a context manager."""

    def __init__(self, server: Any, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.server_port

    def close(self) -> None:
        """Stop the server and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prometheus_text(sources: Sources) -> str:
    """Return all metrics, including those of the process, in Prometheus' text format.

    Raises
    ------
    MissingDependencyError: If prometheus-client is not installed.
    """
    text: bytes = _import_client().generate_latest(_make_registry(sources))
    return text.decode()


def serve(sources: Sources, port: int, host: str = "127.0.0.1") -> MetricsServer:
    """Start an HTTP server of the metrics. Port 0 uses a free port, see `MetricsServer.port`.

    The server has no authentication. With `host="0.0.0.0"`, every host that can reach the port can read the metrics.

    Raises
    ------
    MissingDependencyError: If prometheus-client is not installed.
    ConfigurationError: If the server cannot listen on the port.

    Example
    -------
    >>> from scoring.telemetry import Operations, Sources
    >>> with serve(Sources(Operations()), port=0) as server:
    ...     server.port > 0
    True
    """
    registry = _make_registry(sources)
    try:
        return MetricsServer(*_import_client().start_http_server(port, host, registry))
    except (OSError, OverflowError) as error:  # port in use, permission denied, unknown host; port above 65,535
        problem = describe_os_error(error) if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"metrics cannot be served on {host}:{port} ({problem}). Give another port or host.", key=("port",)
        ) from None


def _import_client() -> Any:
    require("The export of metrics", "monitoring", "prometheus_client")
    import prometheus_client

    return prometheus_client


def _make_registry(sources: Sources) -> CollectorRegistry:
    client = _import_client()
    # a separate registry: two engines would conflict in the client's global one
    registry: CollectorRegistry = client.CollectorRegistry()
    registry.register(ScoringCollector(sources))
    client.ProcessCollector(registry=registry)
    return registry


# Families


def _collect_operations(operations: Operations) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, SummaryMetricFamily

    label = ["operation"]
    seconds = SummaryMetricFamily("scoring_operation_seconds", "Seconds of finished operations.", labels=label)
    failures = CounterMetricFamily("scoring_operation_failures", "Operations that failed.", labels=label)
    users = CounterMetricFamily("scoring_operation_users", "Users in finished operations.", labels=label)
    pairs = CounterMetricFamily("scoring_operation_pairs", "Pairs in finished operations.", labels=label)
    statistics = operations.statistics().operations
    for name, operation in statistics.items():
        seconds.add_metric([name], operation.count, operation.seconds)
        failures.add_metric([name], operation.failures)
        users.add_metric([name], operation.users)
        pairs.add_metric([name], operation.pairs)
    yield from (seconds, failures, users, pairs, _collect_quantiles(statistics))


def _collect_quantiles(operations: Mapping[str, OperationStatistics]) -> Metric:
    """Median and p95 of the latest durations, as a gauge: the summary of the client has no quantiles."""
    from prometheus_client.core import GaugeMetricFamily

    quantiles = GaugeMetricFamily(
        "scoring_operation_latest_seconds",
        "Seconds that this share of the latest finished operations did not exceed.",
        labels=["operation", "quantile"],
    )
    for name, operation in operations.items():
        for quantile, value in (("0.5", operation.median_seconds), ("0.95", operation.p95_seconds)):
            if value is not None:  # None before the first finished operation
                quantiles.add_metric([name, quantile], value)
    return quantiles


def _collect_alert(alert: TargetAlert) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    now = alert.statistics()
    if now.ms_per_user is not None:
        yield GaugeMetricFamily(
            "scoring_ms_per_user", "Milliseconds per user, over the latest operations.", now.ms_per_user
        )
    yield GaugeMetricFamily("scoring_target_ms_per_user", "Target of scoring_ms_per_user.", now.target_ms_per_user)
    yield CounterMetricFamily(
        "scoring_target_alerts", "Times that scoring_ms_per_user exceeded its target.", now.alerts
    )


def _collect_traffic(traffic: Traffic) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    now = traffic.statistics()
    yield CounterMetricFamily("scoring_database_round_trips", "Statements sent to the database.", now.round_trips)
    yield CounterMetricFamily("scoring_database_seconds", "Seconds in the driver of the database.", now.seconds)


def _collect_caches(caches: Mapping[str, CacheCounters]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for field, meaning in CACHE_COUNTERS.items():
        counter = CounterMetricFamily(f"scoring_cache_{field}", meaning, labels=["layer"])
        for layer, counters in caches.items():
            counter.add_metric([layer], getattr(counters, field))
        yield counter
    for field, meaning in CACHE_GAUGES.items():
        gauge = GaugeMetricFamily(f"scoring_cache_{field}", meaning, labels=["layer"])
        for layer, counters in caches.items():
            gauge.add_metric([layer], getattr(counters, field))
        yield gauge
