"""Where a run's results go, each published in one step.

- `base`: `Sink`, the contract; `RunHead` and `RunCounts`, what is known of a run before and after its work; `Shard`
- `frame`: a DataFrame · `parquet`: a Parquet dataset · `database`: the `results` table
- `lists`: lists read back, of tonight and of earlier runs (`parquet_lists`, `database_lists`)
- `shards`: part files with their digests · `manifest`: what a folder says of its run
- `journal`: what is done so far, under a lock · `folders`: in one step
"""

from scoring.runs.publishers.database_lists import read_results
from scoring.runs.publishers.database_publisher import DatabaseSink
from scoring.runs.publishers.frame_publisher import FrameSink
from scoring.runs.publishers.list_block import Lists, Night, PublishedRun
from scoring.runs.publishers.manifest import LATEST, is_run, published_runs, read_manifest
from scoring.runs.publishers.parquet_publisher import ParquetSink
from scoring.runs.publishers.publisher import ROWS_PER_SHARD, Earlier, Place, RunCounts, RunHead, Shard, Sink

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
