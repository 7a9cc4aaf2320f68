"""The strategies that find the k best jobs, and the choice between them.

*Pruned* skips jobs that bounds exclude (`pruned_topk`). *Dense* scores every job with matrix products (`dense_topk`).
*Sorted* sorts all canonical scores, for lists too long for insertion (`full_sort_topk`). *Scan* scores every job and
needs no index of the jobs (`scan_topk`); it is used only on request. All return the same lists. Which of the first two
is faster depends only on the model and the data, so it is measured on a sample of the users.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs
from scoring.backends.numba import dense_topk, full_sort_topk, pruned_topk
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.tile_scratch import TILE, new_tile
from scoring.backends.numba.top_list import SHORT
from scoring.backends.numba.user_state import UserState, new_user_state
from scoring.bundle.bundle import SearchIndex
from scoring.bundle.ranked_lists import StrategyChoice
from scoring.threads.pool import limit_blas_threads

__all__ = [
    "MIN_USERS",
    "STRATEGIES",
    "Selection",
    "Strategy",
    "StrategyChoice",
    "TopKBuffers",
    "count_users_per_batch",
    "make_no_seeds",
]

Strategy = Literal["auto", "pruned", "dense", "scan"]
STRATEGIES = ("auto", "pruned", "dense", "scan")

WARMUP_USERS = 16
"""Users of a trial that are not measured, because they include compilation and cold caches."""
SAMPLED_USERS = WARMUP_USERS + 64
"""All users of a trial. At least half a tile is needed to measure the time of scoring in tiles."""
MIN_USERS = 128
"""Fewer users are ranked by pruning: measuring both strategies would cost more than the faster one saves."""
MAX_PRUNED_SHARE = 0.03
"""If pruning scores less than this share of the jobs, dense is not tried, because it scores all jobs."""


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
        self.n_jobs = len(self.index.id_rank)
        self._free: dict[int, list[tuple[UserState, Scratch]]] = {}  # by k: those that no thread is using

    def run(self, strategy: str, users: Longs, seeds: Ints, found: TopKBuffers, places: Longs, stop: Longs) -> int:
        """Fill `found` for users[places], in that order; return the number of jobs that were scored individually."""
        k = found.row.shape[1]
        if strategy == "sorted":
            full_sort_topk.long_lists(
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
        free, visited = self._free.setdefault(k, []), np.zeros(2, dtype=np.int64)
        try:
            state, scratch = free.pop()
        except IndexError:
            state, scratch = new_user_state(self.program, self.index), new_scratch(self.program, self.index, k)
        pruned_topk.top_k(
            self.program, self.index, self.limits, state, scratch, users, places, seeds, found.row, found.scores,
            found.count, visited, stop,
        )  # fmt: skip
        free.append((state, scratch))
        return int(visited[0])

    def choose(self, wanted: Strategy, users: Longs, k: int) -> StrategyChoice:
        """Return the strategy for these users."""
        if k > SHORT:
            return StrategyChoice("sorted", f"lists of more than {SHORT} jobs are found by sorting all scores")
        if wanted != "auto":
            return StrategyChoice(wanted, "requested")
        if len(users) < MIN_USERS:
            return StrategyChoice("pruned", f"too few users ({len(users):,}) to measure both strategies")
        sample = users[np.linspace(0, len(users) - 1, SAMPLED_USERS).astype(np.int64)]
        pruned, n_scored = self._measure("pruned", sample, k)
        share = n_scored / (len(sample) * self.n_jobs)
        trial = f"in a trial, pruning scored {share:.1%} of the jobs in {1000 * pruned:.3f} ms per user"
        if share < MAX_PRUNED_SHARE:
            return StrategyChoice("pruned", trial)
        dense, _ = self._measure("dense", sample, k)
        reason = f"{trial}; dense took {1000 * dense:.3f} ms per user"
        return StrategyChoice("pruned" if pruned < dense else "dense", reason)

    def _measure(self, strategy: str, users: Longs, k: int) -> tuple[float, int]:
        """Return (seconds of this thread per user, number of jobs scored). The first users are not measured."""
        found, stop, seeds = TopKBuffers.empty(len(users), k), np.zeros(1, dtype=np.int64), make_no_seeds(len(users))
        first, measured = np.split(np.arange(len(users)), [WARMUP_USERS])
        self.run(strategy, users, seeds, found, first, stop)
        start_time = time.thread_time()
        n_scored = self.run(strategy, users, seeds, found, measured, stop)
        return (time.thread_time() - start_time) / len(measured), n_scored * len(users) // len(measured)


def count_users_per_batch(strategy: str) -> int:
    """Return how many users a strategy processes together."""
    return TILE if strategy == "dense" else 1


def make_no_seeds(n: int) -> Ints:
    """Return (n, 0): no seeds for n users."""
    return np.empty((n, 0), dtype=np.int32)
