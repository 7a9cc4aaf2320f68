"""Lists of the compared methods, and the check that they equal the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.ranking import Ranking

__all__ = ["JobList", "ResultsDifferError", "require_equal_lists", "select_best"]


class ResultsDifferError(RuntimeError):
    """Two methods return different lists. Measuring stops, because the time of a wrong result is meaningless.

    Attributes
    ----------
    method : str or None
        The method whose list differs from the engine's.
    user_id : int or None
        The first user whose list differs.
    """

    def __init__(self, message: str = "", *, method: str | None = None, user_id: int | None = None) -> None:
        super().__init__(message)
        self.method, self.user_id = method, user_id


@dataclass(frozen=True)
class JobList:
    """The best jobs of one user, best first."""

    job_id: Longs
    total: NDArray[np.float32]


def select_best(totals: NDArray[np.float32], job_id: Longs, k: int) -> JobList:
    """Return the k largest totals of a user, ties by job_id. Jobs with a total of minus infinity are excluded."""
    k = min(k, len(totals))
    # argpartition breaks ties arbitrarily, so it only finds the k-th largest total; all jobs that reach it are sorted
    lowest = totals[np.argpartition(-totals, k - 1)[k - 1]]
    candidates = np.flatnonzero((totals >= lowest) & (totals > -np.inf))
    order = candidates[np.lexsort((job_id[candidates], -totals[candidates]))[:k]]
    return JobList(job_id[order], totals[order])


def require_equal_lists(name: str, lists: Sequence[JobList], ranking: Ranking) -> None:
    """Check that lists equal those of the first users of a ranking, in ids, order and float32 totals.

    Raises
    ------
    ResultsDifferError: If a list differs.
    """
    for row, found in enumerate(lists):
        count = ranking.count[row]
        is_equal = np.array_equal(found.job_id, ranking.job_id[row, :count])
        if not is_equal or not np.array_equal(found.total, ranking.scores[row, :count, 0]):
            raise ResultsDifferError(
                f"{name}: the list of user {ranking.user_id[row]} differs from the engine's list. This is a bug in "
                "scoring or in this method: do not use the measured times.",
                method=name,
                user_id=int(ranking.user_id[row]),
            )
