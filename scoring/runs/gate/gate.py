"""CandidateRun's lists held beside last night's, before anybody reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from scoring.array_types import Longs
from scoring.catalog import component_kinds
from scoring.errors import ConfigurationError, DatabaseError, ModelError, NotEnoughMemoryError, OutputError
from scoring.model import Component, ScoringModel
from scoring.runs.gate.accumulators import ListTally, PairTally
from scoring.runs.gate.alignment import side_by_side
from scoring.runs.gate.limits import GateLimits
from scoring.runs.gate.measures import Compared, measures_of
from scoring.runs.gate.previous_model import model_of
from scoring.runs.gate.verdict import Verdict
from scoring.runs.publishers import ListBlock, OpenRun, PublishedRun, Publisher, RunCounts, RunInfo, RunMetadata
from scoring.runs.shards import Shard

__all__ = ["BYTES_PER_ROW", "CandidateRun", "Gate"]

BYTES_PER_ROW = 200
"""Of a shard, of memory: ids, totals and places of both nights' lists, while they are compared."""


class _DamagedError(Exception):
    """An earlier run is not as it was written."""


@dataclass(frozen=True)
class CandidateRun:
    """A run that is whole and not published."""

    metadata: RunMetadata
    counts: RunCounts
    shards: Sequence[Shard]
    ranked: Longs  # (n,) ids of the users ranked for, ascending: those of each shard, one after another
    jobs: Longs  # ids of the jobs that may be ranked
    publishers: Sequence[Publisher]
    open_runs: Sequence[OpenRun]  # of each publisher
    model: ScoringModel
    by: Callable[[ScoringModel, int], Iterator[tuple[ListBlock, Longs]]]  # the first k of each list by another model

    @property
    def info(self) -> RunInfo:
        run, counts = self.metadata, self.counts
        return RunInfo(
            run.run_id, run.model, run.model_digest, run.k, counts.users_scored, counts.jobs_ranked, run.facts
        )

    def lists(self, k: int) -> Iterator[tuple[ListBlock, Longs]]:
        """Yield the lists of each shard, as they were written, and the users that it was ranked for."""
        pairs = sorted(zip(self.publishers, self.open_runs, strict=True), key=lambda pair: pair[0].slow_to_read)
        start = 0
        for shard in self.shards:
            ranked = self.ranked[start : start + shard.users]
            start += shard.users
            for _, run in pairs:
                lists = run.read_back(shard, k)
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

    `promoted` says that another model than last night's was taken into use, and why: then tonight's data are ranked by
    last night's model, too, and the limits of what a model changes are held to those lists. What the new model changes
    is told. Where last night's cannot be built again (`components` are those that do not ship), limits hold for both.

    `force` publishes whatever is beyond its limit, and says why; it is kept in the run's manifest.
    """

    limits: GateLimits = field(default_factory=GateLimits)
    force: str | None = None
    promoted: str | None = None
    components: Sequence[type[Component]] = ()

    def __post_init__(self) -> None:
        if self.force is not None and not self.force.strip():
            raise ConfigurationError("a run is forced through its gate for a reason: give one.")

    def judge(self, tonight: CandidateRun) -> Verdict:
        """Raises OutputError, DatabaseError: what was written tonight cannot be read back."""
        notes: list[str] = []
        for run in _earlier(tonight):
            try:
                with ExitStack() as stack:
                    night = _opened(stack, run)
                    if night is not None:
                        return self._beside(tonight, run, night, notes)
            except _DamagedError as error:
                notes.append(f"run {run.run_id} is damaged and was not compared with there ({error})")
        return Verdict(tonight.info, None, "", (), tuple(notes), self.force)

    def _beside(self, tonight: CandidateRun, run: PublishedRun, before: RunInfo, notes: Sequence[str]) -> Verdict:
        after = tonight.info
        k = min(before.k, after.k)
        own = _compared(run, tonight.lists(k), k)
        gone = len(np.setdiff1d(own.before.jobs, tonight.jobs, assume_unique=True))
        said = [*notes, *_changed(before, after)]
        as_before = None
        if self.promoted is not None and before.model_digest != after.model_digest:
            try:
                old = model_of(before, _own(self.components, tonight.model))
                as_before = _compared(run, tonight.by(old, k), k)
            except (ModelError, NotEnoughMemoryError) as error:
                said.append(f"{self.promoted}; what that changes cannot be told from what the data changed: {error}")
            else:
                said.append(f"{self.promoted}: how it changes lists and scores is held to no limit, how the data do is")
        measures = measures_of(self.limits, (before, after), own, gone, as_before)
        return Verdict(after, before, run.place, measures, tuple(said), self.force)


def _compared(run: PublishedRun, after: Iterator[tuple[ListBlock, Longs]], k: int) -> Compared:
    both = Compared(ListTally(k), ListTally(k), PairTally())
    for old, new, ranked in side_by_side(_undamaged(run, k), after):
        both.before.add(old)
        both.after.add(new)
        both.pairs.add(old, new, ranked)
    return both


def _own(given: Sequence[type[Component]], model: ScoringModel) -> list[type[Component]]:
    """Components that do not ship: those given, and those of tonight's model."""
    there = {component.kind: component for component in given}
    shipped = component_kinds()
    for part in model.parts:
        if part.component.kind not in shipped:
            there[part.component.kind] = type(part.component)
    return list(there.values())


def _earlier(tonight: CandidateRun) -> list[PublishedRun]:
    """What can be compared with, best first: what readers get, then the newest; then what is read fastest."""
    found = [
        ((run.in_use, run.run_id, not publisher.slow_to_read), run)
        for publisher in tonight.publishers
        for run in publisher.published_runs()
        if run.run_id != tonight.metadata.run_id
    ]
    return [run for _, run in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _opened(stack: ExitStack, run: PublishedRun) -> RunInfo | None:
    try:
        return stack.enter_context(run.opened())
    except (OutputError, DatabaseError) as error:
        raise _DamagedError(str(error).rstrip(".")) from error


def _undamaged(run: PublishedRun, k: int) -> Iterator[ListBlock]:
    try:
        yield from run.lists(k)
    except (OutputError, DatabaseError) as error:
        raise _DamagedError(str(error).rstrip(".")) from error


def _changed(before: RunInfo, after: RunInfo) -> list[str]:
    """What a reader must know of the two runs."""
    said = []
    if before.model_digest != after.model_digest:
        named = f"{before.model} → {after.model}" if before.model != after.model else f"{after.model}, as it is now"
        said.append(f"the model changed ({named})")
    if before.k != after.k:
        shorter = min(before.k, after.k)
        said.append(f"lists were of {before.k:,} jobs and are of {after.k:,}: the first {shorter:,} are compared")
    return said
