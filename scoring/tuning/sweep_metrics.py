"""A metric for many lists of one user, computed from the ranks of the user's relevant jobs only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints
from scoring.evaluation.metrics import Metric
from scoring.evaluation.relevance_judgements import RankedRelevance
from scoring.tuning.weight_sweep import compiled

__all__ = ["compute_list_values", "find_ranks"]


_AT_ONCE = 1 << 20
"""Cells (list × rank) that are evaluated per block: 8 MB."""


def compute_list_values(metric: Metric, ranks: NDArray[np.integer], gains: Floats) -> Floats:
    """Return the metric's value for n lists of one user, (n,).

    Parameters
    ----------
    ranks: (n, r) ranks of the user's r relevant jobs in each list; 0 if not in the list.
    gains: (r,) gains of all relevant jobs, listed or not.
    """
    width = min(metric.k, max(int(ranks.max(initial=1)), len(gains), 1))
    step = max(_AT_ONCE // width, 1)
    parts = [
        metric.of(_rank_relevance(ranks[i : i + step], gains, width, metric.k)) for i in range(0, len(ranks), step)
    ]
    return np.concatenate([np.empty(0), *parts])


def _rank_relevance(ranks: NDArray[np.integer], gains: Floats, width: int, k: int) -> RankedRelevance:
    """Return the relevance to rank k, of which `width` ranks are stored."""
    n = len(ranks)
    at_rank, best = np.zeros((n, width)), np.sort(gains)[::-1][:width]
    row, job = np.nonzero((ranks > 0) & (ranks <= width))
    at_rank[row, ranks[row, job] - 1] = gains[job]
    ideal = np.broadcast_to(np.append(best, np.zeros(width - len(best))), (n, width))
    no_user, n_relevant = np.zeros(n, dtype=np.int64), np.full(n, len(gains), dtype=np.int64)
    return RankedRelevance(no_user, at_rank, ideal, n_relevant, np.full(n, width, dtype=np.int64), k)


def find_ranks(lists: Ints, columns: Ints, n_columns: int) -> Ints:
    """Return the rank of each given column in each list, (n_lists, n_given), from 1; 0 if the list lacks it."""
    place = np.full(n_columns, -1, dtype=np.int32)
    is_column = columns >= 0
    place[columns[is_column]] = np.flatnonzero(is_column)
    return _count_ranks(lists, place, len(columns))


@compiled
def _count_ranks(lists: Ints, place: Ints, n_given: int) -> Ints:
    n, k = lists.shape
    ranks = np.zeros((n, n_given), dtype=np.int32)
    for row in range(n):
        for rank in range(k):
            index = place[lists[row, rank]]
            if index >= 0:
                ranks[row, index] = rank + 1
    return ranks
