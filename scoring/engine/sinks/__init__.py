"""Where a run's results go, each published in one step.

- `base`: `Sink`, the contract; `RunHead` and `RunCounts`, what is known of a run before and after its work; `Shard`
- `frame`: a DataFrame · `parquet`: a Parquet dataset · `database`: the `results` table
- `lists`: lists read back, of tonight and of earlier runs (`parquet_lists`, `database_lists`)
- `shards`: part files with their digests · `manifest`: what a folder says of its run
- `journal`: what is done so far, under a lock · `folders`: in one step
"""

from scoring.engine.sinks.base import ROWS_PER_SHARD, Earlier, Place, RunCounts, RunHead, Shard, Sink
from scoring.engine.sinks.database import DatabaseSink
from scoring.engine.sinks.database_lists import read_results
from scoring.engine.sinks.frame import FrameSink
from scoring.engine.sinks.lists import Lists, Night, PublishedRun
from scoring.engine.sinks.manifest import LATEST, is_run, published_runs, read_manifest
from scoring.engine.sinks.parquet import ParquetSink

__all__ = [
    "LATEST",
    "ROWS_PER_SHARD",
    "DatabaseSink",
    "Earlier",
    "FrameSink",
    "Lists",
    "Night",
    "ParquetSink",
    "Place",
    "PublishedRun",
    "RunCounts",
    "RunHead",
    "Shard",
    "Sink",
    "is_run",
    "published_runs",
    "read_manifest",
    "read_results",
]
