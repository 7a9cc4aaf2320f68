"""Results as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scoring.runs.memory_forecast import BYTES_PER_RESULT
from scoring.runs.publishers.publisher import (
    Claim,
    Destination,
    ExistingRun,
    OpenRun,
    Publisher,
    RunCounts,
    RunMetadata,
    make_empty_results,
)
from scoring.runs.shards import ShardResult

__all__ = ["FramePublisher"]


class FramePublisher(Publisher, Claim, OpenRun):
    """Keep the results in memory. `frame` is available once the run is published."""

    existing: ExistingRun | None = None

    def __init__(self) -> None:
        self.committed: Mapping[int, int] = {}
        self._shards: dict[int, pd.DataFrame] = {}
        self._sealed: pd.DataFrame | None = None
        self._published: pd.DataFrame | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """`scoring.columns.RESULT_COLUMNS` by user_id, then rank. Raises RuntimeError before the run is published."""
        if self._published is None:
            raise RuntimeError("The run is not published yet. Read its frame after the run ends.")
        return self._published

    def claim(self, metadata: RunMetadata) -> Claim:
        return self

    def begin(self, metadata: RunMetadata) -> OpenRun:
        self._shards, self._sealed, self._published = {}, None, None
        return self

    def commit_shard(self, result: ShardResult) -> None:
        self._shards[result.shard.number] = result.ranking.frame()

    def seal(self, counts: RunCounts) -> None:
        parts = [self._shards[number] for number in sorted(self._shards)]
        self._sealed, self._shards = pd.concat(parts or [make_empty_results()], ignore_index=True), {}

    def publish(self, counts: RunCounts) -> Destination:
        self._published = self._sealed
        return Destination("DataFrame", f"{len(self.frame):,} rows in memory", int(self.frame.memory_usage().sum()))

    def abort(self) -> None:
        self._shards, self._sealed = {}, None

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        return 2 * BYTES_PER_RESULT * rows  # the shards and the result of their concatenation
