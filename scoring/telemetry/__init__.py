"""Measurements that lower layers report, and their output.

- `stopwatch`: times of phases, nested by name
- `operations`: times and counts of an engine's operations
- `latency_alert`: a warning when the time per user is too long
- `database_traffic`: round trips to a database, and their time; `process_memory`: memory of this process
- `fault_injection`: named points at which a test can raise an error or kill the process
- `signal_deferral`: short steps that Ctrl-C does not interrupt
- `logs`: log lines as text or JSON; `prometheus`: metrics (extra `monitoring`)
"""

from scoring.telemetry.database_traffic import Traffic, TrafficStatistics
from scoring.telemetry.latency_alert import Alert, AlertStatistics, TargetAlert
from scoring.telemetry.logs import JsonFormatter, configure
from scoring.telemetry.operations import OperationRecord, Operations, OperationStatistics, Statistics, Totals
from scoring.telemetry.process_memory import MemoryStatistics, measure_peak, measure_resident, memory_statistics
from scoring.telemetry.prometheus import CacheCounters, MetricsServer, ScoringCollector, Sources, prometheus_text, serve
from scoring.telemetry.stopwatch import Phase, Stopwatch

__all__ = [
    "Alert",
    "AlertStatistics",
    "CacheCounters",
    "JsonFormatter",
    "MemoryStatistics",
    "MetricsServer",
    "OperationRecord",
    "OperationStatistics",
    "Operations",
    "Phase",
    "ScoringCollector",
    "Sources",
    "Statistics",
    "Stopwatch",
    "TargetAlert",
    "Totals",
    "Traffic",
    "TrafficStatistics",
    "configure",
    "measure_peak",
    "measure_resident",
    "memory_statistics",
    "prometheus_text",
    "serve",
]
