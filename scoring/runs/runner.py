"""A run: everybody (or some) against everything, chunk by chunk, into sinks that publish in one step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.dataset import Dataset
from scoring.model import Inputs, ScoringModel
from scoring.plan import Plan
from scoring.ranking.prepared import Prepared
from scoring.ranking.ranking import Ranking
from scoring.ranking.scorer import whole_number
from scoring.runs import memory_budget
from scoring.runs.gate import Gate, KeptAsideError, Verdict
from scoring.runs.publishers import Place, RunCounts, RunHead, Sink
from scoring.runs.run_state import Work
from scoring.statistics import Statistics
from scoring.telemetry import Stopwatch, faults

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "RunResult", "prepare", "run"]

DEFAULT_CHUNK_SIZE = 1000
"""Users in a chunk."""
MAX_BATCH_SIZE = 10_000
"""Users in one chunk at most."""


@dataclass(frozen=True)
class RunResult:
    """A finished run: what it was, what it did, how long it took, where its results are."""

    prepared: Prepared
    head: RunHead
    counts: RunCounts
    places: tuple[Place, ...]
    first: Ranking  # of the first user scored; of nobody, where nobody was
    watch: Stopwatch
    ranking_seconds: float  # from users to ids and scores, without loading, preparing or writing
    pairs_eligible: int  # pairs that no rule for everybody leaves out
    pairs_scored: int  # pairs that were scored on their own; bounds kept the others out
    decision: str  # how the lists were found, and why so
    peak_bytes: int  # of the process up to the end of the run
    predicted_bytes: int  # what that was thought to be before the work
    chunk_size_wanted: int  # more than `head.chunk_size` where memory was short
    users_there: int = 0  # whose lists a run that was stopped had found and kept; the others were ranked now
    was_published: bool = False  # by an earlier run: nothing was ranked or written
    verdict: Verdict | None = None  # of the gate; None: none was asked tonight
    let_through: bool = False  # publishing it was begun before

    @property
    def pairs_ranked(self) -> int:
        """Users ranked now × jobs of the data: each pair was scored, or left out by a rule that is named."""
        jobs = self.counts.jobs_ranked + sum(self.counts.jobs_filtered.values())
        return (self.counts.users_scored - self.users_there) * jobs

    @property
    def ms_per_user(self) -> float:
        """Milliseconds of ranking per user that was ranked now; 0 without any."""
        now = self.counts.users_scored - self.users_there
        return 1000 * self.ranking_seconds / now if now else 0.0


def prepare(
    dataset: Dataset,
    model: ScoringModel,
    *,
    watch: Stopwatch | None = None,
    factor_cache: Path | None = None,
    workers: int | None = None,
) -> Prepared:
    """As `Prepared.of`, with each phase timed, down to kernels that are compiled (or read from disk) and warm."""
    watch = watch or Stopwatch()
    memory_budget.require_codes(len(dataset.users), len(dataset.words.occupation))
    statistics = Statistics(dataset, factor_cache=factor_cache)
    with watch.phase("factors"):
        statistics.factors  # noqa: B018 - computed when first asked for
    with watch.phase("statistics"):
        statistics.areas, statistics.similarity  # noqa: B018 - as above
    with watch.phase("plan"):
        inputs = Inputs.of(statistics)
        prepared = Prepared(inputs, Plan.build(model, inputs), workers)
    with watch.phase("kernels"):
        prepared.scorer.top_k(1, prepared.active_users[:1])
    return prepared


def run(
    prepared: Prepared,
    *,
    k: int = 40,
    users: Sequence[int] | NDArray[np.integer] | None = None,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    workers: int | None = None,
    sinks: Sequence[Sink] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    watch: Stopwatch | None = None,
    refused: Mapping[str, int] | None = None,
    resume: bool = False,
    gate: Gate | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> RunResult:
    """Ranks the active ones of these users (ids; None: of all) and publishes the results to every sink.

    `progress` is called with (users done, users in all). `refused` is what an import refused, by table, if known;
    what was refused when the data were loaded, the dataset knows.
    Results do not depend on `chunk_size` and `workers`. Chunks are smaller where memory is short. Whatever goes wrong,
    nothing is published.

    With `resume` a run of the same data, model and settings that was stopped or killed is gone on with: shards that are
    there as they were written are kept, users of the others ranked, and the files that come out hold the same bytes.
    What is published already, and is what readers get, is left as it is. And where this run is stopped, it is kept for
    the next one. Without `resume` every run is a new one; what a killed one left is told of and removed.

    With a `gate` the lists are compared with those that readers get, before they take their place. Beyond a limit the
    run is kept aside: whole, unseen, and published by the same call with `resume` and a gate that lets it through.

    Raises
    ------
    ConfigurationError: k, chunk_size or workers below 1.
    UnknownIdError: a user that is not there.
    NotEnoughMemoryError: before any work; not even a user at a time fits.
    OutputError, DatabaseError: results cannot be written.
    RunCancelledError: `cancelled` said so.
    KeptAsideError: the gate did not let it through.
    """
    work = Work(prepared, k, users, _chunk_size(chunk_size), workers, sinks, watch or Stopwatch(), now)
    work.fit_memory(gate)
    places: list[Place] = []
    try:
        work.open(resume)
        work.rank(progress, cancelled)
        counts = work.counts(refused or {})
        with work.watch.phase("gate") if gate is not None else nullcontext():
            verdict = work.judge(gate, counts)
        with work.watch.phase("publish"):
            for sink in sinks:
                sink.seal(counts)
            faults.point("all sealed")
            for sink in sinks:
                places.append(sink.publish())  # noqa: PERF401 - what is published counts when the next one fails
    except BaseException as error:
        for sink in sinks:
            # what one place has published, the others can publish with `resume`
            if resume or places or isinstance(error, KeptAsideError):
                sink.suspend()
            else:
                sink.abort()
        raise
    return RunResult(
        prepared=prepared,
        head=work.head,
        counts=counts,
        places=tuple(places),
        first=work.first,
        watch=work.watch,
        ranking_seconds=work.watch.seconds("rank"),
        pairs_eligible=(len(work.rows) - work.n_there) * work.n_eligible,
        pairs_scored=work.n_looked_at,
        decision=str(work.scorer.decision) if work.scorer.decision else "nobody to rank for",
        peak_bytes=memory_budget.peak(),
        predicted_bytes=work.predicted_bytes,
        chunk_size_wanted=work.chunk_size_wanted,
        users_there=work.n_there,
        was_published=work.was_published,
        verdict=verdict,
        let_through=work.let_through,
    )


def _chunk_size(wanted: int) -> int:
    wanted = whole_number("chunk_size", wanted, "a chunk holds a whole number of users")
    if wanted > MAX_BATCH_SIZE:
        warnings.warn(
            f"chunk_size {wanted:,} is cut to {MAX_BATCH_SIZE:,} users, the most that one chunk may hold.",
            UserWarning,
            stacklevel=3,
        )
    return min(wanted, MAX_BATCH_SIZE)
