"""Tonight's lists held beside last night's, before anybody reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from scoring.dataset.encode import Longs
from scoring.engine.gate.limits import GateLimits
from scoring.engine.gate.measuring import measures_of
from scoring.engine.gate.pairs import side_by_side
from scoring.engine.gate.tallies import ListTally, PairTally
from scoring.engine.gate.verdict import Verdict
from scoring.engine.sinks import Lists, Night, PublishedRun, RunCounts, RunHead, Shard, Sink
from scoring.errors import ConfigurationError, DatabaseError, OutputError

__all__ = ["BYTES_PER_ROW", "Gate", "Tonight"]

BYTES_PER_ROW = 200
"""Of a shard, of memory: ids, totals and places of both nights' lists, while they are compared."""


class _DamagedError(Exception):
    """An earlier run is not as it was written."""


@dataclass(frozen=True)
class Tonight:
    """A run that is whole and not published."""

    head: RunHead
    counts: RunCounts
    shards: Sequence[Shard]
    ranked: Longs  # (n,) ids of the users ranked for, ascending: those of each shard, one after another
    jobs: Longs  # ids of the jobs that may be ranked
    sinks: Sequence[Sink]

    @property
    def night(self) -> Night:
        head, counts = self.head, self.counts
        return Night(
            head.run_id, head.model, head.model_digest, head.k, counts.users_scored, counts.jobs_ranked, head.facts
        )

    def lists(self, k: int) -> Iterator[tuple[Lists, Longs]]:
        """The lists of each shard, as they were written, and the users that it was ranked for."""
        sinks = sorted(self.sinks, key=lambda sink: sink.slow_to_read)
        at = 0
        for shard in self.shards:
            ranked = self.ranked[at : at + shard.users]
            at += shard.users
            for sink in sinks:
                lists = sink.written(shard, k)
                if lists is not None:
                    break
            else:
                raise ConfigurationError("none of the sinks can read back what was written: a gate needs one that can.")
            yield lists, ranked


@dataclass(frozen=True)
class Gate:
    """Compares a run with the last one before it is published; beyond a limit it is kept aside.

    The run to compare with is the one that readers get, else the newest; of a run that is in both places the Parquet
    files are read. One that is damaged is told of, and the next one taken. A run over some users only neither is
    compared nor compared with: it takes nobody's place. Where `k` differs, both are cut to the shorter lists.

    `force` publishes whatever is beyond its limit, and says why; it is kept in the run's manifest.
    """

    limits: GateLimits = field(default_factory=GateLimits)
    force: str | None = None

    def __post_init__(self) -> None:
        if self.force is not None and not self.force.strip():
            raise ConfigurationError("a run is forced through its gate for a reason: give one.")

    def judge(self, tonight: Tonight) -> Verdict:
        """Raises OutputError, DatabaseError: what was written tonight cannot be read back."""
        notes: list[str] = []
        for run in _earlier(tonight):
            try:
                with ExitStack() as stack:
                    night = _opened(stack, run)
                    if night is not None:
                        return self._beside(tonight, run, night, notes)
            except _DamagedError as error:
                notes.append(f"run {run.run_id} is damaged and was not compared with ({error})")
        return Verdict(tonight.night, None, "", (), tuple(notes), self.force)

    def _beside(self, tonight: Tonight, run: PublishedRun, before: Night, notes: Sequence[str]) -> Verdict:
        after = tonight.night
        k = min(before.k, after.k)
        lists_before, lists_after, pairs = ListTally(k), ListTally(k), PairTally()
        for old, new, ranked in side_by_side(_undamaged(run, k), tonight.lists(k)):
            lists_before.add(old)
            lists_after.add(new)
            pairs.add(old, new, ranked)
        gone = len(np.setdiff1d(lists_before.jobs, tonight.jobs, assume_unique=True))
        measures = measures_of(self.limits, (before, after), (lists_before, lists_after), pairs, gone)
        return Verdict(after, before, run.place, measures, (*notes, *_changed(before, after)), self.force)


def _earlier(tonight: Tonight) -> list[PublishedRun]:
    """What can be compared with, best first: what readers get, then the newest; then what is read fastest."""
    found = [
        ((run.in_use, run.run_id, not sink.slow_to_read), run)
        for sink in tonight.sinks
        for run in sink.published_runs()
        if run.run_id != tonight.head.run_id
    ]
    return [run for _, run in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _opened(stack: ExitStack, run: PublishedRun) -> Night | None:
    try:
        return stack.enter_context(run.opened())
    except (OutputError, DatabaseError) as error:
        raise _DamagedError(str(error).rstrip(".")) from error


def _undamaged(run: PublishedRun, k: int) -> Iterator[Lists]:
    try:
        yield from run.lists(k)
    except (OutputError, DatabaseError) as error:
        raise _DamagedError(str(error).rstrip(".")) from error


def _changed(before: Night, after: Night) -> list[str]:
    """What a reader must know of the two runs."""
    said = []
    if before.model_digest != after.model_digest:
        named = f"{before.model} → {after.model}" if before.model != after.model else f"{after.model}, as it is now"
        said.append(f"the model changed ({named})")
    if before.k != after.k:
        shorter = min(before.k, after.k)
        said.append(f"lists were of {before.k:,} jobs and are of {after.k:,}: the first {shorter:,} are compared")
    return said
