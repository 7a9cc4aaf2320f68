"""Compare the lists of a new run with those of the published run before the new run replaces it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from scoring.array_types import Longs
from scoring.errors import ConfigurationError, DatabaseError, ModelError, NotEnoughMemoryError, OutputError
from scoring.model import Component, ScoringModel
from scoring.model_catalog import get_component_kinds
from scoring.runs.gate.accumulators import ListAccumulator, OverlapAccumulator
from scoring.runs.gate.limits import GateLimits
from scoring.runs.gate.measures import ListComparison, build_measures
from scoring.runs.gate.previous_model import rebuild_model
from scoring.runs.gate.rules import AT_LEAST
from scoring.runs.gate.run_alignment import align_blocks
from scoring.runs.gate.verdict import Measure, Verdict
from scoring.runs.publishers import ListBlock, OpenRun, PublishedRun, Publisher, RunCounts, RunInfo, RunMetadata
from scoring.runs.shards import Shard

__all__ = ["BYTES_PER_ROW", "CandidateRun", "Gate"]

BYTES_PER_ROW = 200
"""Bytes of memory per row of a shard during a comparison: ids, totals and places of the lists of both runs."""


_NO_LISTED_JOB: Final = Measure("rows", "jobs in all lists", None, 0.0, 1.0, AT_LEAST, "count")
"""The measure of a first run without a single job."""


class _UnreadableRunError(Exception):
    """The lists of an earlier run cannot be read: the run is damaged or was removed."""


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
    lists_by: Callable[[ScoringModel, int], Iterator[tuple[ListBlock, Longs]]]  # the first k jobs by another model
    currency: str  # the unit of amounts of money; empty if it is not known

    @property
    def info(self) -> RunInfo:
        run, counts = self.metadata, self.counts
        return RunInfo(
            run.run_id, run.model, run.model_digest, run.k, counts.users_scored, counts.jobs_ranked, run.facts
        )

    def read_lists(self, k: int) -> Iterator[tuple[ListBlock, Longs]]:
        """Yield the lists of each shard, as they were written, and the ids of its ranked users."""
        pairs = sorted(zip(self.publishers, self.open_runs, strict=True), key=lambda pair: pair[0].is_slow_to_read)
        start = 0
        for shard in self.shards:
            ranked = self.ranked[start : start + shard.users]
            start += shard.users
            for _, run in pairs:
                lists = run.read_back(shard, k)
                if lists is not None:
                    break
            else:
                raise ConfigurationError(
                    "The gate needs the lists that were written, but `read_back` of every publisher returned None. Add "
                    "a publisher whose `read_back` returns them, such as ParquetPublisher."
                )
            yield lists, ranked


@dataclass(frozen=True)
class Gate:
    """Compare a new run with the published run before it replaces it. If a limit is exceeded, it is held back.

    The published run is the one that readers get, otherwise the newest. If it is in both places, the Parquet files are
    read. A damaged or removed run is reported in a note, and the next one is used. A run over selected users is not
    compared, because it does not replace a published run. If `k` differs, the lists of both runs are cut to the
    smaller `k`. Without a published run, a run is held back only if all its lists are empty.

    `model_change`: the reason why the model may differ from that of the published run. If it differs, the new data is
    also ranked by the published model. The limits of measures that a model changes apply to those lists, and the
    effect of the new model is only reported. If the published model cannot be rebuilt, all limits apply to the new
    lists. `components` are the components from outside this package that rebuilding needs.

    `force`: the reason for publishing a run that exceeds a limit. It is stored in the run's manifest.

    `notes`: facts to store with the verdict.
    """

    limits: GateLimits = field(default_factory=GateLimits)
    force: str | None = None
    model_change: str | None = None
    notes: Sequence[str] = ()
    components: Sequence[type[Component]] = ()

    def __post_init__(self) -> None:
        if self.force is not None and not self.force.strip():
            raise ConfigurationError(
                "force is blank. Give the reason for publishing a run that exceeds a limit of the gate.", key=("force",)
            )

    def judge(self, new: CandidateRun) -> Verdict:
        """Return the verdict on a run.

        Raises
        ------
        OutputError, DatabaseError: If the lists of the new run cannot be read back.
        """
        notes = list(self.notes)
        for run in _find_previous_runs(new):
            try:
                with ExitStack() as stack:
                    published = _open(stack, run)
                    if published is not None:
                        return self._compare(new, run, published, notes)
            except _UnreadableRunError as error:
                notes.append(f"run {run.run_id} was not compared ({error})")
        measures = () if new.counts.rows else (_NO_LISTED_JOB,)
        return Verdict(new.info, None, "", measures, tuple(notes), self.force)

    def _compare(self, new: CandidateRun, run: PublishedRun, published: RunInfo, notes: Sequence[str]) -> Verdict:
        k = min(published.k, new.info.k)
        comparison = _compare_lists(run, new.read_lists(k), k)
        n_jobs_dropped = len(np.setdiff1d(comparison.published.jobs, new.jobs, assume_unique=True))
        notes = [*notes, *_describe_settings(published, new.info)]
        by_published_model = None
        if self.model_change is not None and published.model_digest != new.info.model_digest:
            try:
                model = rebuild_model(published, _collect_custom_components(self.components, new.model))
                by_published_model = _compare_lists(run, new.lists_by(model, k), k)
            except (ModelError, NotEnoughMemoryError) as error:
                notes.append(
                    f"{self.model_change}; all limits apply, because the published model cannot be used: {error}"
                )
            else:
                notes.append(f"{self.model_change}: limits apply to changes of the data, not to those of the model")
        runs = (published, new.info)
        measures = build_measures(self.limits, runs, comparison, n_jobs_dropped, by_published_model, new.currency)
        return Verdict(new.info, published, run.place, measures, tuple(notes), self.force)


def _compare_lists(run: PublishedRun, lists: Iterator[tuple[ListBlock, Longs]], k: int) -> ListComparison:
    comparison = ListComparison(ListAccumulator(k), ListAccumulator(k), OverlapAccumulator())
    for published, new, ranked in align_blocks(_read_lists(run, k), lists):
        comparison.published.add(published)
        comparison.new.add(new)
        comparison.overlap.add(published, new, ranked)
    return comparison


def _collect_custom_components(given: Sequence[type[Component]], model: ScoringModel) -> list[type[Component]]:
    """Return the components from outside this package: those given, and those of the new run's model."""
    components = {component.kind: component for component in given}
    shipped = get_component_kinds()
    for part in model.parts:
        if part.component.kind not in shipped:
            components[part.component.kind] = type(part.component)
    return list(components.values())


def _find_previous_runs(new: CandidateRun) -> list[PublishedRun]:
    """Return the runs to compare with, in order: the run that readers get, the newest, the fastest to read."""
    candidates = [
        ((run.is_in_use, run.run_id, not publisher.is_slow_to_read), run)
        for publisher in new.publishers
        for run in publisher.list_published_runs()
        if run.run_id != new.metadata.run_id
    ]
    return [run for _, run in sorted(candidates, key=lambda pair: pair[0], reverse=True)]


def _open(stack: ExitStack, run: PublishedRun) -> RunInfo | None:
    try:
        return stack.enter_context(run.open())
    except (OutputError, DatabaseError) as error:
        raise _UnreadableRunError(str(error).rstrip(".")) from error


def _read_lists(run: PublishedRun, k: int) -> Iterator[ListBlock]:
    try:
        yield from run.read_lists(k)
    except (OutputError, DatabaseError) as error:
        raise _UnreadableRunError(str(error).rstrip(".")) from error


def _describe_settings(published: RunInfo, new: RunInfo) -> list[str]:
    """Return notes on what differs between the settings of the two runs."""
    notes = []
    if published.model_digest != new.model_digest:
        is_renamed = published.model != new.model
        names = f"{published.model} → {new.model}" if is_renamed else f"{new.model} has other settings"
        notes.append(f"the model changed ({names})")
    if published.k != new.k:
        shorter = min(published.k, new.k)
        notes.append(f"lists had {published.k:,} jobs and now have {new.k:,}: the first {shorter:,} are compared")
    return notes
