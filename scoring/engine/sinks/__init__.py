"""Where a run's results go, each published in one step.

- `base`: `Sink`, the contract; `RunHead` and `RunCounts`, what is known of a run before and after its work
- `frame`: a DataFrame · `parquet`: a Parquet dataset · `database`: the `results` table
"""

from scoring.engine.sinks.base import Place, RunCounts, RunHead, Sink
from scoring.engine.sinks.database import DatabaseSink, read_results
from scoring.engine.sinks.frame import FrameSink
from scoring.engine.sinks.parquet import ParquetSink, is_run, read_manifest

__all__ = [
    "DatabaseSink",
    "FrameSink",
    "ParquetSink",
    "Place",
    "RunCounts",
    "RunHead",
    "Sink",
    "is_run",
    "read_manifest",
    "read_results",
]
