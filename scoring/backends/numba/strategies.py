"""The strategies that find the k best jobs, and the choice between them.

*Pruned* skips jobs that bounds exclude (`pruned_topk`). *Dense* scores every job with matrix products (`dense_topk`).
*Clustered* skips jobs by the directions of their vectors, for models in which a product dominates (`clustered_topk`).
*Sorted* sorts all canonical scores, for lists too long for insertion (`long_list_topk`). *Scan* scores every job and
needs no index of the jobs (`full_scan_topk`); it is used only on request. *Gpu* scores every job on a graphics card
(`scoring.backends.cuda`). All return the same lists. Which of the first four is faster depends only on the model, the
data and k, so it is measured on a sample of the users. A graphics card is measured too, where pruning is not the
fastest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs
from scoring.backends.numba import clustered_topk, dense_topk, long_list_topk, pruned_topk
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.tile_scratch import TILE, new_tile
from scoring.backends.numba.top_list import SHORT
from scoring.backends.numba.user_state import UserState, new_user_state
from scoring.backends.numba.vector_clusters import VectorClusters, find_objection, has_weighted_product
from scoring.bundle.bundle import SearchIndex
from scoring.bundle.ranked_lists import StrategyChoice
from scoring.threads.pool import limit_blas_threads

__all__ = [
    "FEWEST_FOR_DENSE",
    "LONG",
    "MIN_USERS",
    "STRATEGIES",
    "Selection",
    "Strategy",
    "StrategyChoice",
    "TopKBuffers",
    "count_users_per_batch",
    "make_no_seeds",
    "take_runs",
]

Strategy = Literal["auto", "pruned", "dense", "scan", "gpu"]
STRATEGIES = ("auto", "pruned", "dense", "scan", "gpu")

WARMUP_USERS = 16
"""Users of a trial that are not measured, because they include compilation and cold caches."""
SAMPLED_USERS = WARMUP_USERS + 64
"""All users of a trial. At least half a tile is needed to measure the time of scoring in tiles."""
PROBED_USERS, MAX_PROBED_SHARE = 2, 0.1
"""If pruning scores this share of the jobs for the first users, dense is measured first, to stop the trial early."""
STEP = 4
"""Users of the warm-up of pruning, after each of which the trial may stop."""
MIN_USERS = 128
"""Fewer users are ranked by pruning: measuring both strategies would cost more than the faster one saves."""
LONG = 128
"""Longer lists may be found by sorting."""
LONG_LISTS = 4
"""Users of a trial of long lists, after as many that are not measured."""
UNCERTAIN = 2.0
"""If the estimate of pruning and that of sorting differ by this factor or more, only the faster one is tried."""
_CLUSTERS = "clusters"
"""Key in `SearchIndex.kept`."""
MAX_PRUNED_SHARE = 0.03
"""If pruning scores less than this share of the jobs, dense is not tried, because it scores all jobs."""
FEWEST_FOR_DENSE = 1_000
"""For fewer users, dense is tried only if pruning scores the share `MAX_PROBED_SHARE` of the jobs. For 471 users and
100,000 jobs, the trial of dense takes 18 ms, and the whole ranking 20 ms."""


@dataclass(frozen=True)
class TopKBuffers:
    """Lists of n users, filled by kernels."""

    row: Longs  # (n, k) -1 after the last job
    scores: NDArray[np.float32]  # (n, k, 4)
    count: Ints  # (n,)

    @classmethod
    def empty(cls, n: int, k: int) -> TopKBuffers:
        """Return n empty lists of up to k jobs."""
        return cls(np.full((n, k), -1, dtype=np.int64), np.zeros((n, k, 4), np.float32), np.zeros(n, np.int32))


class Selection:
    """The kernels on one index. Thread-safe: each thread uses its own scratch memory."""

    def __init__(self, search: SearchIndex) -> None:
        self.program, self.index, self.limits = search.program, search.index, search.limits
        self.user_locality = search.user_locality
        self._kept = search.kept
        self.n_jobs = len(self.index.id_rank)
        self._free: dict[int, list[tuple[UserState, Scratch]]] = {}  # by k: those that no thread is using

    def run(self, strategy: str, users: Longs, seeds: Ints, found: TopKBuffers, places: Longs, stop: Longs) -> int:
        """Fill `found` for users[places], in that order; return the number of jobs that were scored individually."""
        k = found.row.shape[1]
        if strategy == "sorted":
            long_list_topk.long_lists(
                self.program, self.index, self.limits, users, places, found.row, found.scores, found.count, stop
            )
            return self.n_jobs * len(places)
        if strategy == "dense":
            tile = new_tile(self.program, self.index, k)
            with limit_blas_threads():
                dense_topk.short_lists(
                    self.program, self.index, self.limits, tile, users, places, found.row, found.scores, found.count,
                    stop,
                )  # fmt: skip
            return self.n_jobs * len(places)
        free, visited, n_scored = self._free.setdefault(k, []), np.zeros(2, dtype=np.int64), 0
        try:
            state, scratch = free.pop()
        except IndexError:
            state, scratch = new_user_state(self.program, self.index), new_scratch(self.program, self.index, k)
        if strategy == "clustered":
            clusters = self.clusters
            assert clusters is not None
            has_vector = self.program.dot_user_has[0, users[places]]
            if not has_vector.all():
                n_scored = self.run("dense", users, seeds, found, places[~has_vector], stop)
            clustered_topk.top_k(
                self.program, self.index, self.limits, clusters, state, scratch, clusters.allocate_bounds(), users,
                places[has_vector], found.row, found.scores, found.count, visited, stop,
            )  # fmt: skip
        else:
            pruned_topk.top_k(
                self.program, self.index, self.limits, state, scratch, users, places, seeds, found.row, found.scores,
                found.count, visited, stop,
            )  # fmt: skip
        free.append((state, scratch))
        return n_scored + int(visited[0])

    def order_users(self, strategy: str, users: Longs) -> Longs:
        """Return an order of the users for cache locality: neighbours share candidate jobs."""
        if strategy != "clustered" or self.clusters is None:
            return np.argsort(self.user_locality[users], kind="stable")
        cluster = self.clusters.find_nearest(self.program.user_vector[users])
        cluster[~self.program.dot_user_has[0, users]] = -1
        return np.argsort(cluster, kind="stable")

    @cached_property
    def clusters(self) -> VectorClusters | None:
        """The clusters of the jobs' vectors; None if they form none. They are computed once per layout."""
        if _CLUSTERS not in self._kept:
            with limit_blas_threads():
                self._kept[_CLUSTERS] = VectorClusters.of(self.program, self.index)
        found: VectorClusters | None = self._kept[_CLUSTERS]
        return None if found is None else found.with_scores(self.index)

    def choose(self, wanted: Strategy, users: Longs, k: int) -> StrategyChoice:
        """Return the strategy for these users."""
        if wanted != "auto":
            if k > SHORT:
                return StrategyChoice("sorted", f"lists of more than {SHORT} jobs are found by sorting all scores")
            return StrategyChoice(wanted, "requested")
        ratio = _estimate_insertion(k, self.n_jobs)
        if ratio > UNCERTAIN:
            return StrategyChoice("sorted", f"sorting all scores is faster than inserting into lists of {k:,} jobs")
        if len(users) < MIN_USERS:
            reason = f"too few users ({len(users):,}) to measure both strategies"
            return StrategyChoice("sorted" if ratio > 1 else "pruned", reason)
        if ratio > 1 / UNCERTAIN:
            return self._try_sorting(users, k)
        sample, seconds = users[np.linspace(0, len(users) - 1, SAMPLED_USERS).astype(np.int64)], {}
        if self._measure_share(sample, k) >= MAX_PROBED_SHARE:
            seconds["dense"] = self._measure("dense", sample, k)
        seconds["pruned"], share = self._measure_pruned(sample, k, seconds.get("dense", np.inf))
        trial = [f"in a trial, pruning scored {share:.1%} of the jobs in {1000 * seconds['pruned']:.3f} ms per user"]
        least_share = MAX_PRUNED_SHARE if len(users) >= FEWEST_FOR_DENSE else MAX_PROBED_SHARE
        if share >= least_share and "dense" not in seconds:
            seconds["dense"] = self._measure("dense", sample, k)
        if "dense" in seconds:
            trial.append(f"dense took {1000 * seconds['dense']:.3f} ms per user")
            if seconds["dense"] <= seconds["pruned"]:
                trial += self._try_clusters(users, k, seconds)
        return StrategyChoice(min(seconds, key=lambda strategy: seconds[strategy]), "; ".join(trial))

    def _try_sorting(self, users: Longs, k: int) -> StrategyChoice:
        """Measure pruning and sorting on a few users. Dense inserts more jobs than pruning, and is slower."""
        sample, half = users[np.linspace(0, len(users) - 1, 2 * LONG_LISTS).astype(np.int64)], np.arange(LONG_LISTS)
        seconds = {}
        for strategy in ("pruned", "sorted"):
            self._measure_run(strategy, sample, k, half)
            seconds[strategy], _ = self._measure_run(strategy, sample, k, half + LONG_LISTS)
        fastest = min(seconds, key=lambda strategy: seconds[strategy])
        trial = [f"{strategy} took {1000 * taken:.3f} ms per user" for strategy, taken in seconds.items()]
        return StrategyChoice(fastest, f"in a trial of lists of {k:,} jobs, {' and '.join(trial)}")

    def _try_clusters(self, users: Longs, k: int, seconds: dict[str, float]) -> list[str]:
        """Measure clusters and return the result as text, or the reason why not; nothing if no product counts.

        A list begins with the jobs of the previous user's list, so neighbours in the order are sampled together. Users
        from all over the order would take twice as long as they do in a ranking.
        """
        if not has_weighted_product(self.program, self.index):
            return []
        objection = find_objection(self.program)
        if objection is None and self.clusters is None:
            objection = "the vectors form no clusters"
        if objection is not None:
            return [objection]
        neighbours = users[take_runs(self.order_users("clustered", users))]
        # the smaller of two times: a single one was eight times too long, once in 25 trials on a shared machine
        seconds["clustered"] = min(self._measure("clustered", neighbours, k) for _ in range(2))
        return [f"clusters of vectors took {1000 * seconds['clustered']:.3f} ms per user"]

    def _measure(self, strategy: str, users: Longs, k: int) -> float:
        """Return the seconds of this thread per user. The first users are not measured."""
        first, measured = np.split(np.arange(len(users)), [WARMUP_USERS])
        self._measure_run(strategy, users, k, first)
        return self._measure_run(strategy, users, k, measured)[0]

    def _measure_pruned(self, users: Longs, k: int, dense: float) -> tuple[float, float]:
        """Return (seconds of this thread per user, share of the jobs scored) like `_measure`.

        It stops during the warm-up if a few users took longer than the dense path takes for all measured users.
        """
        first, measured = np.split(np.arange(len(users)), [WARMUP_USERS])
        for places in np.split(first, range(STEP, len(first), STEP)):
            seconds, n_scored = self._measure_run("pruned", users, k, places)
            if seconds * len(places) > dense * len(measured):
                break
        else:
            places = measured
            seconds, n_scored = self._measure_run("pruned", users, k, places)
        return seconds, n_scored / (len(places) * self.n_jobs)

    def _measure_share(self, users: Longs, k: int) -> float:
        """Return the share of the jobs that pruning scores for a few users. It also compiles the kernel."""
        _, n_scored = self._measure_run("pruned", users, k, np.arange(PROBED_USERS))
        return n_scored / (PROBED_USERS * self.n_jobs)

    def _measure_run(self, strategy: str, users: Longs, k: int, places: Longs) -> tuple[float, int]:
        """Return (seconds of this thread per user, number of jobs scored)."""
        found, stop, seeds = TopKBuffers.empty(len(users), k), np.zeros(1, dtype=np.int64), make_no_seeds(len(users))
        start_time = time.thread_time()
        n_scored = self.run(strategy, users, seeds, found, places, stop)
        return (time.thread_time() - start_time) / len(places), n_scored


def take_runs(order: Longs) -> Longs:
    """Return `SAMPLED_USERS` places of an order: runs of neighbours, evenly spread. The first run is the warm-up."""
    starts = np.linspace(0, len(order) - WARMUP_USERS, SAMPLED_USERS // WARMUP_USERS).astype(np.int64)
    return order[(starts[:, None] + np.arange(WARMUP_USERS)).ravel()]


def _estimate_insertion(k: int, n_jobs: int) -> float:
    """Return the time of pruning as a multiple of the time of sorting; 0 for short lists.

    Measured for `standard` with 67,648 open jobs: sorting takes 1.9 to 2.3 ms per user for any k, pruning 0.89, 2.4 and
    6.3 ms for k = 512, 1,024 and 2,048.
    """
    return 80 * k**1.5 / (30 * n_jobs) if k > LONG else 0.0


def count_users_per_batch(strategy: str) -> int:
    """Return how many users a strategy processes together."""
    return TILE if strategy == "dense" else 1


def make_no_seeds(n: int) -> Ints:
    """Return (n, 0): no seeds for n users."""
    return np.empty((n, 0), dtype=np.int32)
