"""Compare the lists of a new run with those of the previous run before they are published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from scoring.array_types import Longs
from scoring.catalog import component_kinds
from scoring.errors import ConfigurationError, DatabaseError, ModelError, NotEnoughMemoryError, OutputError
from scoring.model import Component, ScoringModel
from scoring.runs.gate.accumulators import ListAccumulator, OverlapAccumulator
from scoring.runs.gate.alignment import align_blocks
from scoring.runs.gate.limits import GateLimits
from scoring.runs.gate.measures import Compared, build_measures
from scoring.runs.gate.previous_model import rebuild_model
from scoring.runs.gate.verdict import Verdict
from scoring.runs.publishers import ListBlock, OpenRun, PublishedRun, Publisher, RunCounts, RunInfo, RunMetadata
from scoring.runs.shards import Shard

__all__ = ["BYTES_PER_ROW", "CandidateRun", "Gate"]

BYTES_PER_ROW = 200
"""Bytes of memory per row of a shard during a comparison: ids, totals and places of the lists of both runs."""


class _DamagedError(Exception):
    """The data of an earlier run differs from what was written."""


@dataclass(frozen=True)
class CandidateRun:
    """A complete run that is not published yet."""

    metadata: RunMetadata
    counts: RunCounts
    shards: Sequence[Shard]
    ranked: Longs  # (n,) ids of the ranked users, ascending: those of each shard, one after another
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
        """Yield the lists of each shard, as they were written, and the ids of its ranked users."""
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
    """Compare a run with the previous run before it is published. If a limit is exceeded, the run is held back.

    The previous run is the one that readers get, otherwise the newest. If it is in both places, the Parquet files are
    read. A damaged run is reported in a note, and the next one is used. A run over selected users is not compared,
    because it does not replace a published run. If `k` differs, the lists of both runs are cut to the smaller `k`.

    `promoted`: the reason why the model differs from that of the previous run. The new data is then also ranked by
    the previous model. The limits of measures that a model changes apply to those lists, and the effect of the new
    model is only reported. If the previous model cannot be rebuilt, all limits apply to the new lists. `components`
    are the components from outside this package that rebuilding needs.

    `force`: the reason for publishing a run that exceeds a limit. It is stored in the run's manifest.
    """

    limits: GateLimits = field(default_factory=GateLimits)
    force: str | None = None
    promoted: str | None = None
    components: Sequence[type[Component]] = ()

    def __post_init__(self) -> None:
        if self.force is not None and not self.force.strip():
            raise ConfigurationError("a run is forced through its gate for a reason: give one.")

    def judge(self, tonight: CandidateRun) -> Verdict:
        """Return the verdict on a run.

        Raises
        ------
        OutputError, DatabaseError: If the lists of the new run cannot be read back.
        """
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
                old = rebuild_model(before, _own(self.components, tonight.model))
                as_before = _compared(run, tonight.by(old, k), k)
            except (ModelError, NotEnoughMemoryError) as error:
                said.append(f"{self.promoted}; what that changes cannot be told from what the data changed: {error}")
            else:
                said.append(f"{self.promoted}: how it changes lists and scores is held to no limit, how the data do is")
        measures = build_measures(self.limits, (before, after), own, gone, as_before)
        return Verdict(after, before, run.place, measures, tuple(said), self.force)


def _compared(run: PublishedRun, after: Iterator[tuple[ListBlock, Longs]], k: int) -> Compared:
    both = Compared(ListAccumulator(k), ListAccumulator(k), OverlapAccumulator())
    for old, new, ranked in align_blocks(_undamaged(run, k), after):
        both.before.add(old)
        both.after.add(new)
        both.pairs.add(old, new, ranked)
    return both


def _own(given: Sequence[type[Component]], model: ScoringModel) -> list[type[Component]]:
    """Return the components from outside this package: those given, and those of the new run's model."""
    there = {component.kind: component for component in given}
    shipped = component_kinds()
    for part in model.parts:
        if part.component.kind not in shipped:
            there[part.component.kind] = type(part.component)
    return list(there.values())


def _earlier(tonight: CandidateRun) -> list[PublishedRun]:
    """Return the runs to compare with, in order: the run that readers get, the newest, the fastest to read."""
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
    """Return notes on what differs between the settings of the two runs."""
    said = []
    if before.model_digest != after.model_digest:
        named = f"{before.model} → {after.model}" if before.model != after.model else f"{after.model}, as it is now"
        said.append(f"the model changed ({named})")
    if before.k != after.k:
        shorter = min(before.k, after.k)
        said.append(f"lists were of {before.k:,} jobs and are of {after.k:,}: the first {shorter:,} are compared")
    return said
