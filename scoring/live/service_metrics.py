"""Metrics of the service for Prometheus: requests by route and status, and those of the engine.

No metric contains the id of a user or a job.
"""

from __future__ import annotations

import time
from typing import Any, Final

from scoring.optional_dependencies import require

__all__ = ["BUCKETS", "ServiceMetrics"]

BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Bounds of the histogram in seconds. 0.02 is the target of the 99th percentile."""


class ServiceMetrics:
    """Counts requests, and collects the metrics of the engine and of the process.

    Parameters
    ----------
    engine_metrics: A collector of prometheus_client.

    Raises
    ------
    MissingDependencyError: If prometheus-client is not installed.
    """

    def __init__(self, engine_metrics: Any) -> None:
        require("The service of live lists", "live", "prometheus_client")
        import prometheus_client

        self._client = prometheus_client
        # a separate registry: two services of a process would conflict in the client's global one
        self._registry = prometheus_client.CollectorRegistry()
        self._seconds = prometheus_client.Histogram(
            "scoring_live_request_seconds",
            "Seconds from the headers of a request to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._answers = prometheus_client.Counter(
            "scoring_live_requests", "Answers, by route and HTTP status.", ["route", "status"], registry=self._registry
        )
        self._of_route: dict[tuple[str, int], tuple[Any, Any]] = {}
        self._registry.register(engine_metrics)
        loop = prometheus_client.Gauge(
            "scoring_live_event_loop_cpu_seconds",
            "Processor time of the thread that answers requests, without writes and explanations.",
            registry=self._registry,
        )
        loop.set_function(time.thread_time)  # called by `render`, in that thread
        prometheus_client.ProcessCollector(registry=self._registry)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. Status 0: the client closed the connection before."""
        metrics = self._of_route.get((route, status))
        if metrics is None:
            metrics = (self._seconds.labels(route), self._answers.labels(route, str(status)))
            self._of_route[route, status] = metrics
        metrics[0].observe(seconds)
        metrics[1].inc()

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format. Call it in the thread that answers requests."""
        return self._client.generate_latest(self._registry)
