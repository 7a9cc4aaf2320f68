"""Where a run's results go, each published in one step.

- `base`: `Sink`, the contract; `RunHead` and `RunCounts`, what is known of a run before and after its work; `Shard`
- `frame`: a DataFrame · `parquet`: a Parquet dataset · `database`: the `results` table
- `shards`: part files with their digests · `journal`: what is done so far, under a lock · `folders`: in one step
"""

from scoring.engine.sinks.base import ROWS_PER_SHARD, Earlier, Place, RunCounts, RunHead, Shard, Sink
from scoring.engine.sinks.database import DatabaseSink, read_results
from scoring.engine.sinks.frame import FrameSink
from scoring.engine.sinks.parquet import LATEST, ParquetSink, is_run, published_runs, read_manifest

__all__ = [
    "LATEST",
    "ROWS_PER_SHARD",
    "DatabaseSink",
    "Earlier",
    "FrameSink",
    "ParquetSink",
    "Place",
    "RunCounts",
    "RunHead",
    "Shard",
    "Sink",
    "is_run",
    "published_runs",
    "read_manifest",
    "read_results",
]
