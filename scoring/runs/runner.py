"""Run: rank users against all jobs, shard by shard, with an executor, and publish the lists in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length
from scoring.bundle.ranked_lists import Ranking
from scoring.dataset import Dataset
from scoring.model import Inputs
from scoring.model.list_rules import ListRules
from scoring.model_catalog import AnyModel
from scoring.ranking.prepared import Prepared
from scoring.ranking.scorer import Strategy
from scoring.runs import memory_forecast
from scoring.runs.executors.executor import Executor
from scoring.runs.gate import Gate, Verdict
from scoring.runs.publishers import Destination, Publisher, RunCounts, RunMetadata
from scoring.runs.reranker import Reranker
from scoring.runs.run_steps import ActiveRun
from scoring.runs.spec import DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE, RunSpec
from scoring.statistics import Statistics
from scoring.telemetry import Stopwatch

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "RunResult", "prepare", "run"]


@dataclass(frozen=True)
class RunResult:
    """A finished run: its settings, counts, times and destinations."""

    prepared: Prepared
    metadata: RunMetadata
    counts: RunCounts
    destinations: tuple[Destination, ...]
    first: Ranking  # the lists of the first ranked user; empty if no user was ranked
    watch: Stopwatch
    ranking_seconds: float  # from users to ids and scores, without loading, preparing or writing
    pairs_eligible: int  # pairs without the jobs that a rule excludes for every user
    pairs_scored: int  # pairs that were scored individually; bounds excluded the other pairs
    strategy: str  # the strategy that found the lists, and the reason for it
    peak_bytes: int  # of the process up to the end of the run
    predicted_bytes: int  # the peak predicted before the work
    chunk_size_wanted: int  # more than `metadata.chunk_size` if memory was short
    users_resumed: int = 0  # users whose lists a stopped run had committed; other users were ranked in this run
    was_published: bool = False  # published before: nothing was ranked or written
    verdict: Verdict | None = None  # of the gate; None: the gate was not asked
    is_past_gate: bool = False  # publishing began before this call

    @property
    def pairs_ranked(self) -> int:
        """Users ranked in this run × jobs of the data: each pair was scored, or excluded by a rule or a bound."""
        jobs = self.counts.jobs_ranked + sum(self.counts.jobs_filtered.values())
        return (self.counts.users_scored - self.users_resumed) * jobs

    @property
    def ms_per_user(self) -> float:
        """Milliseconds of ranking per user ranked in this run; 0 if no user was ranked."""
        n_users = self.counts.users_scored - self.users_resumed
        return 1000 * self.ranking_seconds / n_users if n_users else 0.0


def prepare(
    dataset: Dataset,
    model: AnyModel,
    *,
    watch: Stopwatch | None = None,
    factor_cache: Path | None = None,
    workers: int | None = None,
    path: Strategy = "auto",
    list_rules: ListRules | None = None,
) -> Prepared:
    """Prepare a model on a dataset like `Prepared.of`, time each phase, and compile the kernels or load them from disk.

    The result is ready to rank users. Those of `list_rules` that are active at the clock apply.
    """
    watch = watch or Stopwatch()
    memory_forecast.require_codes(len(dataset.users), len(dataset.words.occupation))
    statistics = Statistics(dataset, factor_cache=factor_cache, workers=workers)
    with watch.phase("factors"):
        statistics.factors  # noqa: B018 - computed on first access
    with watch.phase("statistics"):
        statistics.areas, statistics.similarity  # noqa: B018 - as above
    with watch.phase("plan"):
        inputs = Inputs.of(statistics)
        prepared = Prepared.of(inputs, model, workers=workers, path=path, list_rules=list_rules)
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
    publishers: Sequence[Publisher] = (),
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
        Jobs per user, at most the number of jobs.
    users
        Ids of the users to rank; inactive users are skipped. None: all active users.
    chunk_size
        Number of users ranked at a time. Chunks are smaller if memory is short.
    workers
        Number of threads; None: that of `prepared`.
    publishers
        The publishers that receive the lists, published in this order.
    progress
        Called with (users done, total users).
    cancelled
        Called often; the run ends when it returns True.
    watch
        Measures the time of each phase.
    refused
        Number of rows that an import rejected, by table. The dataset itself has those that loading rejected.
    resume
        Continue a stopped or killed run of the same data, model and settings. Verified shards are kept, users of other
        shards are ranked, and the published files have the same bytes. A published run that readers get is not
        changed. If this run is stopped, it is kept for the next call. Without `resume`, every run is new; an
        unfinished run of the same key is reported and deleted.
    gate
        Compares the lists with the published ones before the run replaces them. If a limit is exceeded, the run is
        kept unpublished. The same call with `resume`, and a gate that the run passes, publishes it.
    now
        Returns the current time, for the run's id.
    executor
        Ranks the shards; None: in this process.
    reranker
        Computes the lists from more candidates; None: the candidates are the lists.

    Raises
    ------
    ConfigurationError: If `k`, `chunk_size` or `workers` is below 1.
    UnknownIdError: If a user does not exist.
    NotEnoughMemoryError: If a single user does not fit in memory, before any work.
    OutputError, DatabaseError: If results cannot be written.
    RunCancelledError: If `cancelled` returns True.
    GateFailedError: If a limit of the gate is exceeded.
    """
    k = min(check_list_length(k), max(1, len(prepared.plan.job_id)))  # memory and stored ranks depend on k
    spec = RunSpec(k, users, chunk_size, workers, resume, gate, reranker, refused or {})
    active = ActiveRun(prepared, spec, publishers, watch or Stopwatch(), now())
    active.fit_memory()
    try:
        active.open()
        active.rank(executor, progress, cancelled)
        counts = active.counts()
        with active.watch.phase("gate") if gate is not None else nullcontext():
            verdict = active.judge(counts)
        with active.watch.phase("publish"):
            active.publish(counts)
    except BaseException as error:
        active.stop(error)
        raise
    return RunResult(
        prepared=prepared,
        metadata=active.metadata,
        counts=counts,
        destinations=tuple(active.destinations),
        first=active.first,
        watch=active.watch,
        ranking_seconds=active.watch.seconds("rank"),
        pairs_eligible=(len(active.rows) - active.n_users_resumed) * active.n_eligible,
        pairs_scored=active.n_pairs_scored,
        strategy=str(active.choice) if active.choice else "no users to rank",
        peak_bytes=memory_forecast.measure_peak(),
        predicted_bytes=active.predicted_bytes,
        chunk_size_wanted=spec.chunk_size,
        users_resumed=active.n_users_resumed,
        was_published=active.was_published,
        verdict=verdict,
        is_past_gate=active.is_past_gate,
    )
