"""Lists that other ways to the same answer give, and the check that they are the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.ranking import Ranking

__all__ = ["AnswersDifferError", "List", "best", "require_lists"]


class AnswersDifferError(RuntimeError):
    """Two ways to the same answer disagree: a time for a wrong answer is worth nothing, so measuring stops."""


@dataclass(frozen=True)
class List:
    """One user's best jobs, best first."""

    job_id: Longs
    total: NDArray[np.float32]


def best(totals: NDArray[np.float32], job_id: Longs, k: int) -> List:
    """The k largest of a user's totals, ties by job_id; a total of minus infinity is none."""
    k = min(k, len(totals))
    # argpartition breaks ties at random: it only finds the k-th largest, and all that reach it are sorted
    lowest = totals[np.argpartition(-totals, k - 1)[k - 1]]
    candidates = np.flatnonzero((totals >= lowest) & (totals > -np.inf))
    order = candidates[np.lexsort((job_id[candidates], -totals[candidates]))[:k]]
    return List(job_id[order], totals[order])


def require_lists(name: str, lists: Sequence[List], ours: Ranking) -> None:
    """Ids in their order and float32 totals of the first users. Raises AnswersDifferError."""
    for row, found in enumerate(lists):
        count = ours.count[row]
        same = np.array_equal(found.job_id, ours.job_id[row, :count])
        if not same or not np.array_equal(found.total, ours.scores[row, :count, 0]):
            raise AnswersDifferError(f"{name}: the list of user {ours.user_id[row]} is not ours.")
