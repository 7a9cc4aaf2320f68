"""What every place for results keeps to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

import pandas as pd

from scoring.bundle.ranking import Ranking
from scoring.columns import RESULT_COLUMNS
from scoring.runs.publishers.list_block import Lists, PublishedRun

__all__ = ["ROWS_PER_SHARD", "Earlier", "Place", "RunCounts", "RunHead", "Shard", "Sink", "no_results"]

ROWS_PER_SHARD: Final = 250_000
"""Large enough that small lists do not make thousands of files, small enough to hold in memory and to do again."""


def no_results() -> pd.DataFrame:
    """No rows of `scoring.columns.RESULT_COLUMNS`."""
    kinds = {"user_id": "int64", "job_id": "int64", "rank": "int32"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float32")) for name in RESULT_COLUMNS})


@dataclass(frozen=True)
class RunHead:
    """What is known of a run before its work. Ids sort by time; the key tells what the results depend on."""

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
    key: str  # equal keys: equal results, shard by shard
    facts: Mapping[str, float | None] = field(default_factory=dict)  # of the data, `scoring.runs.data_summary`
    definition: Mapping[str, Any] = field(default_factory=dict)  # the model, as its file has it


@dataclass(frozen=True)
class Shard:
    """Users of a run, next to each other by id, whose results are kept, checked and done again together."""

    number: int
    first_user: int
    last_user: int
    users: int


@dataclass(frozen=True)
class Earlier:
    """What a place holds of a run with the same key."""

    run_id: str
    created_at: datetime
    published: bool  # and what its readers get
    shards: int = 0  # that are whole, as far as can be told at a glance
    let_through: bool = False  # publishing it was begun: no gate is asked again


@dataclass(frozen=True)
class RunCounts:
    """What a run did with every row: users read = scored + filtered + refused, jobs = ranked + filtered + refused,
    actions = used + left out + refused."""

    users_read: int
    users_scored: int
    users_filtered: Mapping[str, int]  # reason → users
    jobs_read: int
    jobs_ranked: int
    jobs_filtered: Mapping[str, int]  # rule → jobs that it leaves out for everybody, each at the first that does
    rows: int
    users_refused: Mapping[str, int] = field(default_factory=dict)  # reason → users
    jobs_refused: Mapping[str, int] = field(default_factory=dict)
    actions_read: int = 0
    actions_used: int = 0
    actions_left_out: Mapping[str, int] = field(default_factory=dict)  # repeated, after the clock
    actions_refused: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.frame()
        signed = rows["rows"].where(rows["what"] == "read", -rows["rows"])
        for table, left in signed.groupby(rows["table"]).sum().items():
            if left:
                raise AssertionError(f"{table}: {left} rows were read, and are neither used, left out nor refused")

    def frame(self) -> pd.DataFrame:
        """table, what (read, scored, ranked, used, filtered, refused), why, rows: one row per line of account."""
        accounts = {
            "users": ("scored", self.users_read, self.users_scored, self.users_filtered, self.users_refused),
            "jobs": ("ranked", self.jobs_read, self.jobs_ranked, self.jobs_filtered, self.jobs_refused),
            "actions": ("used", self.actions_read, self.actions_used, self.actions_left_out, self.actions_refused),
        }
        rows: list[tuple[str, str, str, int]] = []
        for table, (what, read, done, filtered, refused) in accounts.items():
            rows += [(table, "read", "", read), (table, what, "", done)]
            rows += [(table, "filtered", why, count) for why, count in filtered.items()]
            rows += [(table, "refused", why, count) for why, count in refused.items()]
        return pd.DataFrame(rows, columns=["table", "what", "why", "rows"])


@dataclass(frozen=True)
class Place:
    """Where results are now: what kind of place, how to name it to a reader, how large (None: not known)."""

    kind: str
    name: str
    bytes: int | None = None


class Sink(ABC):
    """Takes rankings piece by piece; readers see nothing of them before `publish`, then all.

    A run calls `claim`; `open`, or `go_on` with what a stopped run left; `write` for each piece of a shard, `end_shard`
    behind its last one; `take_verdict`, `seal`, `publish`; or, whatever went wrong and wherever, `abort` or `suspend`.
    All sinks of a run are sealed before the first is published: what can fail is behind them. A place that keeps
    nothing over the end of a process leaves `claim`, `go_on`, `end_shard`, `suspend` and what a gate asks as they are
    here.
    """

    def check(self) -> None:  # noqa: B027 - most places have nothing to look at
        """Raises what `open` would raise about the place itself. To be called before long work."""

    def claim(self, head: RunHead) -> Earlier | None:
        """From here on no other writer of this key. Returns what is there of it; nothing is changed.

        Raises OutputError or DatabaseError: another writer is at it, or the place cannot be reached.
        """
        return None

    @abstractmethod
    def open(self, head: RunHead) -> None:
        """Makes room; what a stopped run of this key left goes. Raises OutputError or DatabaseError."""

    def go_on(self, head: RunHead, shards: Sequence[Shard]) -> Mapping[int, int]:
        """As `open`, but keeps the shards of the run of this id that are there and proven whole: number → rows."""
        self.open(head)
        return {}

    @abstractmethod
    def write(self, ranking: Ranking) -> None:
        """Takes the lists of some users of one shard; users come once, by id."""

    def end_shard(self, shard: Shard) -> None:  # noqa: B027 - memory is whole or gone
        """What was written since the last shard is this one; it outlives the process from here on."""

    # What a gate asks

    slow_to_read: ClassVar[bool] = False
    """Others are read first, where there is a choice."""

    def written(self, shard: Shard, k: int) -> Lists | None:
        """The first k of every list of a shard that is whole, as it was written. None: it cannot be read back here."""
        return None

    def published_runs(self) -> Sequence[PublishedRun]:
        """What this place has published, in any order."""
        return ()

    def take_verdict(  # noqa: B027 - as `end_shard`
        self, verdict: Mapping[str, Any] | None, counts: RunCounts
    ) -> None:
        """Keeps what a gate said of the run (None: it was not asked), to stand in the run's manifest.

        Where the gate keeps the run aside, `suspend` follows.
        """

    @abstractmethod
    def seal(self, counts: RunCounts) -> None:
        """Everything is written and safe on disk, and nobody sees it."""

    @abstractmethod
    def publish(self) -> Place:
        """Readers see all of it from here on."""

    @abstractmethod
    def abort(self) -> None:
        """Removes what was written, if it was not published. May be called at any time."""

    def suspend(self) -> None:
        """Keeps what was written for `go_on`, unseen, and lets others have the place. May be called at any time."""
        self.abort()

    @abstractmethod
    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        """Bytes of memory that it holds at most for a run of `rows` ranked jobs in chunks of `chunk_rows`."""
