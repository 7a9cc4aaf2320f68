"""What every place for results keeps to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from scoring.columns import RESULT_COLUMNS
from scoring.engine.ranking import Ranking

__all__ = ["Place", "RunCounts", "RunHead", "Sink", "no_results"]


def no_results() -> pd.DataFrame:
    """No rows of `scoring.columns.RESULT_COLUMNS`."""
    kinds = {"user_id": "int64", "job_id": "int64", "rank": "int32"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float32")) for name in RESULT_COLUMNS})


@dataclass(frozen=True)
class RunHead:
    """What is known of a run before its work. Ids sort by time."""

    run_id: str
    created_at: datetime
    model: str
    model_digest: str  # of components, parameters, weights and rules
    weights: Mapping[str, float]  # flat, by component
    dataset_fingerprint: str
    as_of: datetime
    clock_set_back: bool
    k: int
    chunk_size: int
    workers: int
    code_version: str
    whole: bool  # over all active users, not over some that a caller named


@dataclass(frozen=True)
class RunCounts:
    """What a run did."""

    users_read: int
    users_scored: int
    users_filtered: Mapping[str, int]  # reason → users
    jobs_read: int
    jobs_ranked: int
    jobs_filtered: Mapping[str, int]  # rule → jobs that it leaves out for everybody, each at the first that does
    rows: int
    users_refused: int = 0
    jobs_refused: int = 0


@dataclass(frozen=True)
class Place:
    """Where results are now: what kind of place, how to name it to a reader, how large (None: not known)."""

    kind: str
    name: str
    bytes: int | None = None


class Sink(ABC):
    """Takes rankings chunk by chunk; readers see nothing of them before `publish`, then all.

    A run calls `open`, `write` for each chunk, `seal`, `publish`; or, whatever went wrong and wherever,
    `abort`. All sinks of a run are sealed before the first is published: what can fail is behind them.
    """

    def check(self) -> None:  # noqa: B027 - most places have nothing to look at
        """Raises what `open` would raise about the place itself. To be called before long work."""

    @abstractmethod
    def open(self, head: RunHead) -> None:
        """Makes room. Raises OutputError or DatabaseError where results cannot be written."""

    @abstractmethod
    def write(self, ranking: Ranking) -> None:
        """Takes the lists of some users; users come once, by id."""

    @abstractmethod
    def seal(self, counts: RunCounts) -> None:
        """Everything is written and safe on disk, and nobody sees it."""

    @abstractmethod
    def publish(self) -> Place:
        """Readers see all of it from here on."""

    @abstractmethod
    def abort(self) -> None:
        """Removes what was written, if it was not published. May be called at any time."""

    @abstractmethod
    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        """Bytes of memory that it holds at most for a run of `rows` ranked jobs in chunks of `chunk_rows`."""
