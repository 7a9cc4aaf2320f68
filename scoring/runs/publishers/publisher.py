"""The contract between a run and the places that publish its results.

`Publisher.claim` gives a `Claim`, which keeps other writers of the same run out. `Claim.begin` and `Claim.resume` give
an `OpenRun`, which takes the shards. A publisher that keeps nothing beyond its process may be one class with the
methods of all three, as `FramePublisher` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

import pandas as pd

from scoring.columns import RESULT_COLUMNS
from scoring.runs.publishers.list_block import ListBlock, PublishedRun
from scoring.runs.shards import Shard, ShardResult

__all__ = ["Claim", "Destination", "ExistingRun", "OpenRun", "Publisher", "RunCounts", "RunMetadata", "no_results"]


def no_results() -> pd.DataFrame:
    """No rows of `scoring.columns.RESULT_COLUMNS`."""
    kinds = {"user_id": "int64", "job_id": "int64", "rank": "int32"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float32")) for name in RESULT_COLUMNS})


@dataclass(frozen=True)
class RunMetadata:
    """What is known of a run before its work. Ids sort by time; the key identifies what the results depend on."""

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
    whole: bool  # over all active users, not over some that the caller named
    key: str  # equal keys: equal results, shard by shard
    facts: Mapping[str, float | None] = field(default_factory=dict)  # of the data, `scoring.runs.data_summary`
    definition: Mapping[str, Any] = field(default_factory=dict)  # the model, as its file has it


@dataclass(frozen=True)
class ExistingRun:
    """A run with the same key that a publisher has already."""

    run_id: str
    created_at: datetime
    published: bool  # and what its readers get
    shards: int = 0  # that were committed; `Claim.resume` verifies them
    let_through: bool = False  # publishing began: the gate does not judge it again


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
class Destination:
    """Where results are now: the kind of destination, its name for a reader, its size (None: not known)."""

    kind: str
    name: str
    bytes: int | None = None


class Publisher(Protocol):
    """Takes the results of a run shard by shard. Readers see none of them before `OpenRun.publish`, then all."""

    slow_to_read: ClassVar[bool] = False
    """A gate reads from other publishers first, if it can."""

    def claim(self, metadata: RunMetadata) -> Claim:
        """Keep other writers of this key out, and look up what exists of it. Nothing is changed.

        Raises OutputError or DatabaseError: another process writes it, or the destination is not available.
        """
        ...

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        """Return the bytes that it needs at most for a run of so many rows, in shards of `shard_rows` at most."""
        ...

    def published_runs(self) -> Sequence[PublishedRun]:
        """Return what readers can get here, in any order. A gate compares with one of these."""
        return ()


class Claim(Protocol):
    """The right to write the run of one key. It ends with `abort`, `suspend`, `OpenRun.publish`, or the process."""

    existing: ExistingRun | None
    """None: nothing exists of this key, or nothing that readers get."""

    def begin(self, metadata: RunMetadata) -> OpenRun:
        """Start a run without shards. What a stopped run of this key left is deleted.

        Raises OutputError or DatabaseError.
        """
        ...

    def resume(self, metadata: RunMetadata, shards: Sequence[Shard]) -> OpenRun:
        """Continue the run of this id with those of its shards that are verified, or start it if there are none.

        Raises OutputError or DatabaseError.
        """
        return self.begin(metadata)

    def abort(self) -> None:
        """Delete what was written, if it is not published, and end the claim. May be called at any time."""
        ...

    def suspend(self) -> None:
        """Keep what was written for `resume`, and end the claim. May be called at any time."""
        self.abort()


class OpenRun(Protocol):
    """A run that takes shards.

    All open runs of a run are sealed before the first is published, so that what can fail comes before.
    """

    committed: Mapping[int, int]
    """Number → rows of the shards that were written before and verified by `Claim.resume`."""

    def commit_shard(self, result: ShardResult) -> None:
        """Store a shard. It outlives the process when this returns. Shards come once each, in any order."""
        ...

    def read_back(self, shard: Shard, k: int) -> ListBlock | None:
        """Return the first k jobs of every list of a committed shard; None if they cannot be read before publishing."""
        return None

    def record_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        """Store the gate's verdict (None: the gate was not asked) with the run. `Claim.suspend` may follow."""
        return

    def seal(self, counts: RunCounts) -> None:
        """Flush all data to disk without publishing it."""
        ...

    def publish(self, counts: RunCounts) -> Destination:
        """Make all of the run visible to readers in one step."""
        ...
