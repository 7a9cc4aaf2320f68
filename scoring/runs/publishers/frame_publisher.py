"""Results as a DataFrame."""

from __future__ import annotations

import pandas as pd

from scoring.bundle.ranking import Ranking
from scoring.runs.memory_budget import BYTES_PER_RESULT
from scoring.runs.publishers.publisher import Place, RunCounts, RunHead, Sink, no_results

__all__ = ["FrameSink"]


class FrameSink(Sink):
    """Holds everything in memory; `frame` is there once the run is published."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []
        self._whole: pd.DataFrame | None = None
        self._published = False

    @property
    def frame(self) -> pd.DataFrame:
        """`scoring.columns.RESULT_COLUMNS` by user_id, then rank. Raises RuntimeError before the run is published."""
        if self._whole is None or not self._published:
            raise RuntimeError("This run is not published: there is no frame of its results yet.")
        return self._whole

    def open(self, head: RunHead) -> None:
        self._parts, self._whole, self._published = [], None, False

    def write(self, ranking: Ranking) -> None:
        self._parts.append(ranking.frame())

    def seal(self, counts: RunCounts) -> None:
        self._whole, self._parts = pd.concat(self._parts or [no_results()], ignore_index=True), []

    def publish(self) -> Place:
        self._published = True
        return Place("DataFrame", f"{len(self.frame):,} rows in memory", int(self.frame.memory_usage().sum()))

    def abort(self) -> None:
        if not self._published:
            self._parts, self._whole = [], None

    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        return 2 * BYTES_PER_RESULT * rows  # the parts and the whole, while they are put together
