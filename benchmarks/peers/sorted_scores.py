"""The lists of all jobs by scoring all pairs and sorting with NumPy: what `k = number of jobs` is compared with."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Longs, Singles
from scoring.backends.numba import pair_blocks
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.plan import Plan
from scoring.threads import run_in_threads

__all__ = ["SORTED_SCORES", "SortedScores"]

SORTED_SCORES = (
    "the kernel of `all_pairs` computes all four scores of the same jobs, and NumPy sorts the totals of each user with "
    "ties by job id"
)


class SortedScores:
    """Ranks by sorting the scores of all pairs, without limits per company."""

    def __init__(self, plan: Plan, workers: int) -> None:
        rules = plan.bundle.eligibility
        if rules.per_company > 0:
            raise ValueError("The plan limits the jobs per company. Use a plan without the limit.")
        self.plan, self.workers = plan, workers
        jobs = np.flatnonzero(rules.open_to_all)
        self.jobs = jobs[np.argsort(plan.job_id[jobs])]  # by id, so that ties need no further key than the place
        self.program = plan.program.take_jobs(self.jobs)

    def top_k(self, k: int, rows: Longs) -> Ranking:
        """Return the `k` best jobs of these users."""
        plan, n, m = self.plan, len(rows), len(self.jobs)
        k = min(k, m)
        job_id, job_row = np.full((n, k), -1, dtype=np.int64), np.full((n, k), -1, dtype=np.int64)
        scores, count = np.zeros((n, k, len(SCORES)), dtype=np.float32), np.zeros(n, dtype=np.int32)

        def work(part: slice) -> int:
            for first in range(part.start, part.stop, pair_blocks.TILE):
                users = rows[first : min(first + pair_blocks.TILE, part.stop)]
                of_pairs = np.empty((len(SCORES), len(users), m), dtype=np.float32)
                pair_blocks.all_pairs(self.program, users, of_pairs, 0, 0, m)
                eligible = plan.bundle.eligibility.matrix(users)[:, self.jobs]
                for user, place in enumerate(range(first, first + len(users))):
                    best = _order(of_pairs[0, user], np.flatnonzero(eligible[user]))[:k]
                    size = count[place] = len(best)
                    job_row[place, :size] = self.jobs[best]
                    job_id[place, :size] = plan.job_id[job_row[place, :size]]
                    for s in range(len(SCORES)):
                        scores[place, :size, s] = of_pairs[s, user][best]
            return part.stop - part.start

        run_in_threads(work, n, self.workers, tile=pair_blocks.TILE)
        return Ranking(plan.bundle.user_id[rows], job_id, job_row, scores, count, n * m, None)


def _order(totals: Singles, jobs: Longs) -> Longs:
    """Return `jobs` by total descending, then by place. Sorting integers of 64 bits is NumPy's fastest exact sort."""
    # the bits of floats that are not negative are ordered like the floats
    keys = (~totals[jobs].view(np.uint32)).astype(np.uint64) << np.uint64(32) | jobs.astype(np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
