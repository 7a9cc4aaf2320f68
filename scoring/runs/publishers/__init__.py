"""Publishers write the results of a run to a destination and publish them in one step.

- `publisher`: the protocols `Publisher`, `Claim`, `OpenRun`; `RunMetadata` and `RunCounts`, the facts of a run before
  and after its work
- `frame_publisher`: a DataFrame; `parquet_publisher`: a folder of Parquet files; `database_publisher`: rows
- `published_lists`: lists read back, of the run in progress and of published runs (`parquet_list_reader`,
  `database_list_reader`)
- `part_files`: part files with their digests; `manifest`: the manifest of a folder
- `run_journal`: the committed shards, under a lock; `reader_locks`: locks of readers against removal
- `database_runs`, `database_digests`, `database_lock`: runs, digests of rows, and locks in a database
"""

from scoring.runs.publishers.database_list_reader import read_results
from scoring.runs.publishers.database_publisher import DatabasePublisher
from scoring.runs.publishers.frame_publisher import FramePublisher
from scoring.runs.publishers.manifest import LATEST, is_run, list_published_runs, read_manifest
from scoring.runs.publishers.parquet_publisher import ParquetPublisher
from scoring.runs.publishers.published_lists import ListBlock, PublishedRun, RunInfo
from scoring.runs.publishers.publisher import (
    Claim,
    Destination,
    ExistingRun,
    OpenRun,
    Publisher,
    RunCounts,
    RunMetadata,
)

__all__ = [
    "LATEST",
    "Claim",
    "DatabasePublisher",
    "Destination",
    "ExistingRun",
    "FramePublisher",
    "ListBlock",
    "OpenRun",
    "ParquetPublisher",
    "PublishedRun",
    "Publisher",
    "RunCounts",
    "RunInfo",
    "RunMetadata",
    "is_run",
    "list_published_runs",
    "read_manifest",
    "read_results",
]
