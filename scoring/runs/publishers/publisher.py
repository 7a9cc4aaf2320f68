"""The protocols between a run and the publishers of its results.

`Publisher.claim` returns a `Claim`, which excludes other writers of the same run. `Claim.begin` and `Claim.resume`
return an `OpenRun`, which takes the shards. A publisher that keeps data only in its process may implement all three in
one class, as `FramePublisher` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

import pandas as pd

from scoring.bundle.ranked_lists import Ranking
from scoring.columns import RESULT_COLUMNS
from scoring.runs.publishers.published_lists import ListBlock, PublishedRun
from scoring.runs.shards import Shard, ShardResult

__all__ = [
    "Claim",
    "Destination",
    "ExistingRun",
    "OpenRun",
    "Publisher",
    "RunCounts",
    "RunMetadata",
    "make_empty_results",
]


def make_empty_results() -> pd.DataFrame:
    """Return an empty frame with the columns `scoring.columns.RESULT_COLUMNS`."""
    kinds = {"user_id": "int64", "job_id": "int64", "rank": "int32"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float32")) for name in RESULT_COLUMNS})


@dataclass(frozen=True)
class RunMetadata:
    """The facts of a run before its work. Ids sort by time; the key identifies everything that results depend on."""

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
    whole: bool  # over all active users, not over users that the caller selected
    key: str  # equal keys: equal results, shard by shard
    facts: Mapping[str, float | None] = field(default_factory=dict)  # of the data, `scoring.runs.data_summary`
    definition: Mapping[str, Any] = field(default_factory=dict)  # the model, as in its file
    list_rules: Sequence[Mapping[str, Any]] = ()  # the rules of lists that are active at the clock, as in their file


@dataclass(frozen=True)
class ExistingRun:
    """A run with the same key that exists at the destination."""

    run_id: str
    created_at: datetime
    is_published: bool  # published, and the run that readers get
    shards: int = 0  # committed shards; `Claim.resume` verifies them
    is_past_gate: bool = False  # publishing began: the gate does not judge it again


@dataclass(frozen=True)
class RunCounts:
    """Counts of what a run did with every row.

    Users read = scored + filtered + refused; jobs = ranked + filtered + refused; actions = used + left out + refused.
    """

    users_read: int
    users_scored: int
    users_filtered: Mapping[str, int]  # reason → users
    jobs_read: int
    jobs_ranked: int
    jobs_filtered: Mapping[str, int]  # rule → jobs that it excludes for every user; each job counts for its first rule
    rows: int
    users_refused: Mapping[str, int] = field(default_factory=dict)  # reason → users
    jobs_refused: Mapping[str, int] = field(default_factory=dict)
    actions_read: int = 0
    actions_used: int = 0
    actions_left_out: Mapping[str, int] = field(default_factory=dict)  # repeated, after the clock
    actions_refused: Mapping[str, int] = field(default_factory=dict)
    unknown_values: Mapping[str, int] = field(default_factory=dict)  # sentence → values
    pairs_excluded: Mapping[str, int] = field(default_factory=dict)  # reason → pairs; each counts for its first reason

    def __post_init__(self) -> None:
        rows = self.frame()
        signed = rows["rows"].where(rows["what"] == "read", -rows["rows"])
        for table, left in signed.groupby(rows["table"]).sum().items():
            if left:
                raise AssertionError(
                    f"{table}: the number of rows read differs by {left} from those counted as used, left out or "
                    "rejected. This is a bug in scoring: please report it."
                )

    def frame(self) -> pd.DataFrame:
        """Return one row per count: table, what (read, scored, ranked, used, filtered, refused), why, rows."""
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
    """The destination of results: its kind, its name for messages, its size in bytes (None: unknown)."""

    kind: str
    name: str
    bytes: int | None = None


class Publisher(Protocol):
    """Take the results of a run shard by shard. Readers see none of them before `OpenRun.publish`, then all."""

    is_slow_to_read: ClassVar[bool] = False
    """If true, a gate reads from other publishers first."""

    def claim(self, metadata: RunMetadata) -> Claim:
        """Exclude other writers of this key, and look for an existing run of it. Nothing is changed.

        Raises
        ------
        OutputError, DatabaseError: If another process writes the run, or the destination is not available.
        """
        ...

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        """Return the maximum memory in bytes for a run of `rows` rows, in shards of at most `shard_rows`."""
        ...

    def list_published_runs(self) -> Sequence[PublishedRun]:
        """Return the runs that readers can get, in any order. A gate compares with one of them."""
        return ()


class Claim(Protocol):
    """The right to write the run of one key. It ends with `abort`, `suspend`, `OpenRun.publish`, or the process."""

    existing: ExistingRun | None
    """None: no unfinished run of this key exists, and readers get no run of this key."""

    def begin(self, metadata: RunMetadata) -> OpenRun:
        """Start a run without shards, and delete a stopped run of this key.

        Raises
        ------
        OutputError, DatabaseError: If the destination cannot be written.
        """
        ...

    def resume(self, metadata: RunMetadata, shards: Sequence[Shard]) -> OpenRun:
        """Continue the run with this id and keep its verified shards, or start it if it does not exist.

        Raises
        ------
        OutputError, DatabaseError: If the destination cannot be read or written.
        """
        return self.begin(metadata)

    def abort(self) -> None:
        """Delete the written data if it is not published, and end the claim. May be called at any time."""
        ...

    def suspend(self) -> None:
        """Keep the written data for `resume`, and end the claim. May be called at any time."""
        self.abort()


class OpenRun(Protocol):
    """A run that takes shards.

    A run seals its open runs at all publishers before it publishes the first. Steps that may fail therefore come first.
    """

    committed: Mapping[int, int]
    """Shard number → number of rows, for shards that were written before and verified by `Claim.resume`."""

    is_thread_safe: bool = False
    """Whether `commit_shard` may be called in another thread than the other methods, one call at a time."""

    def write_part(self, shard: Shard, lists: Ranking) -> None:
        """Begin to store the next lists of a shard, whose `commit_shard` follows with all of its lists.

        It is called in the order of the users, if `is_thread_safe` is true, and does nothing by default.
        """
        return

    def commit_shard(self, result: ShardResult) -> None:
        """Store a shard durably. Each shard is committed once, in any order."""
        ...

    def read_back(self, shard: Shard, k: int) -> ListBlock | None:
        """Return the first k jobs of every list of a committed shard; None: not readable before publishing."""
        return None

    def record_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        """Store the gate's verdict with the run; None: the gate was not asked. `Claim.suspend` may follow."""
        return

    def seal(self, counts: RunCounts) -> None:
        """Flush all data to disk without publishing it."""
        ...

    def publish(self, counts: RunCounts) -> Destination:
        """Make the whole run visible to readers in one step."""
        ...
