"""A run: users ranked against all jobs, shard by shard, by an executor, and published in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.ranking import Ranking
from scoring.dataset import Dataset
from scoring.model import Inputs, ScoringModel
from scoring.plan import Plan
from scoring.ranking.prepared import Prepared
from scoring.runs import memory_budget
from scoring.runs.executor import Executor
from scoring.runs.gate import Gate, Verdict
from scoring.runs.publishers import Destination, Publisher, RunCounts, RunMetadata
from scoring.runs.run_state import RunState
from scoring.runs.spec import DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE, RunSpec
from scoring.runs.stages import Reranker
from scoring.statistics import Statistics
from scoring.telemetry import Stopwatch

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "RunResult", "prepare", "run"]


@dataclass(frozen=True)
class RunResult:
    """A finished run: what it was, what it did, how long it took, where its results are."""

    prepared: Prepared
    metadata: RunMetadata
    counts: RunCounts
    destinations: tuple[Destination, ...]
    first: Ranking  # of the first user ranked; without users if none was
    watch: Stopwatch
    ranking_seconds: float  # from users to ids and scores, without loading, preparing or writing
    pairs_eligible: int  # pairs that no rule for everybody leaves out
    pairs_scored: int  # pairs that were scored on their own; bounds kept the others out
    strategy: str  # how the lists were found, and why
    peak_bytes: int  # of the process up to the end of the run
    predicted_bytes: int  # the peak predicted before the work
    chunk_size_wanted: int  # more than `metadata.chunk_size` where memory was short
    users_resumed: int = 0  # whose lists a run that was stopped had committed; the others were ranked now
    was_published: bool = False  # by an earlier run: nothing was ranked or written
    verdict: Verdict | None = None  # of the gate; None: it was not asked
    let_through: bool = False  # publishing it was begun before

    @property
    def pairs_ranked(self) -> int:
        """Users ranked now × jobs of the data: each pair was scored, or left out by a rule that is named."""
        jobs = self.counts.jobs_ranked + sum(self.counts.jobs_filtered.values())
        return (self.counts.users_scored - self.users_resumed) * jobs

    @property
    def ms_per_user(self) -> float:
        """Milliseconds of ranking per user that was ranked now; 0 without any."""
        now = self.counts.users_scored - self.users_resumed
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
    sinks: Sequence[Publisher] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    watch: Stopwatch | None = None,
    refused: Mapping[str, int] | None = None,
    resume: bool = False,
    gate: Gate | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    executor: Executor | None = None,
    reranker: Reranker | None = None,
) -> RunResult:
    """Rank users against all jobs and publish their lists.

    Results do not depend on `chunk_size`, `workers` and `executor`. If anything fails, nothing is published.

    Parameters
    ----------
    prepared
        The data and the model.
    k
        Jobs per user.
    users
        Ids of the users to rank, of which the active ones are ranked; None: all active users.
    chunk_size
        Users that are ranked at a time. Chunks are smaller where memory is short.
    workers
        Threads; None: those that `prepared` was made with.
    sinks
        The publishers that get the lists, published in this order.
    progress
        Called with (users done, users in all).
    cancelled
        Asked often; the run ends when it returns True.
    watch
        Times the phases.
    refused
        Rows that an import rejected, by table. The dataset itself knows those that loading rejected.
    resume
        Continue a run of the same data, model and settings that was stopped or killed: verified shards are kept, users
        of other shards are ranked, and the published files have the same bytes. A run that is published already, and
        that readers get, is left as it is. If this run is stopped, it is kept for the next one. Without `resume` every
        run is a new one; what a killed run left is reported and deleted.
    gate
        Compares the lists with those that readers get before it lets the run replace them. Beyond a limit the run is
        kept unpublished. The same call with `resume`, and a gate that lets it through, publishes it.
    now
        The clock, for the run's id.
    executor
        Ranks the shards; None: this process does.
    reranker
        Makes the lists from more candidates; None: the candidates are the lists.

    Raises
    ------
    ConfigurationError: k, chunk_size or workers below 1.
    UnknownIdError: a user that does not exist.
    NotEnoughMemoryError: before any work; a single user does not fit.
    OutputError, DatabaseError: results cannot be written.
    RunCancelledError: `cancelled` returned True.
    KeptAsideError: the gate did not let it through.
    """
    spec = RunSpec(k, users, chunk_size, workers, resume, gate, reranker, refused or {})
    state = RunState(prepared, spec, sinks, watch or Stopwatch(), now())
    state.fit_memory()
    try:
        state.open()
        state.rank(executor, progress, cancelled)
        counts = state.counts()
        with state.watch.phase("gate") if gate is not None else nullcontext():
            verdict = state.judge(counts)
        with state.watch.phase("publish"):
            state.publish(counts)
    except BaseException as error:
        state.stop(error)
        raise
    return RunResult(
        prepared=prepared,
        metadata=state.metadata,
        counts=counts,
        destinations=tuple(state.destinations),
        first=state.first,
        watch=state.watch,
        ranking_seconds=state.watch.seconds("rank"),
        pairs_eligible=(len(state.rows) - state.n_users_resumed) * state.n_eligible,
        pairs_scored=state.n_pairs_scored,
        strategy=str(state.choice) if state.choice else "no users to rank",
        peak_bytes=memory_budget.peak(),
        predicted_bytes=state.predicted_bytes,
        chunk_size_wanted=spec.chunk_size,
        users_resumed=state.n_users_resumed,
        was_published=state.was_published,
        verdict=verdict,
        let_through=state.let_through,
    )
