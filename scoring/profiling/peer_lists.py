"""Lists of the compared methods, and the check that they equal the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.ranking import Ranking

__all__ = ["AnswersDifferError", "List", "best", "require_lists"]


class AnswersDifferError(RuntimeError):
    """Two methods return different lists. Measuring stops, because the time of a wrong result is meaningless."""


@dataclass(frozen=True)
class List:
    """The best jobs of one user, best first."""

    job_id: Longs
    total: NDArray[np.float32]


def best(totals: NDArray[np.float32], job_id: Longs, k: int) -> List:
    """Return the k largest totals of a user, ties by job_id. Jobs with a total of minus infinity are excluded."""
    k = min(k, len(totals))
    # argpartition breaks ties arbitrarily, so it only finds the k-th largest total; all jobs that reach it are sorted
    lowest = totals[np.argpartition(-totals, k - 1)[k - 1]]
    candidates = np.flatnonzero((totals >= lowest) & (totals > -np.inf))
    order = candidates[np.lexsort((job_id[candidates], -totals[candidates]))[:k]]
    return List(job_id[order], totals[order])


def require_lists(name: str, lists: Sequence[List], ours: Ranking) -> None:
    """Check that lists equal those of the first users of a ranking, in ids, order and float32 totals.

    Raises
    ------
    AnswersDifferError: If a list differs.
    """
    for row, found in enumerate(lists):
        count = ours.count[row]
        same = np.array_equal(found.job_id, ours.job_id[row, :count])
        if not same or not np.array_equal(found.total, ours.scores[row, :count, 0]):
            raise AnswersDifferError(f"{name}: the list of user {ours.user_id[row]} is not ours.")
