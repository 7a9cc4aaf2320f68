"""A metric's value from the ranks of the relevant jobs alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ConfigurationError
from scoring.tuning.lines import compiled

__all__ = ["Metric", "Relevant", "ranks_in", "value_from_ranks"]


Ints = NDArray[np.int32]


class Metric(Protocol):
    """What is measured, on the first k of a list. The name says it: NDCG, recall, MRR or hit rate, `@k` behind it."""

    @property
    def k(self) -> int: ...

    @property
    def name(self) -> str: ...


class Relevant(Protocol):
    """Relevant pairs: (n,) user_id, (n,) job_id, (n,) gain, the last above 0."""

    @property
    def user_id(self) -> NDArray[np.int64]: ...

    @property
    def job_id(self) -> NDArray[np.int64]: ...

    @property
    def gain(self) -> NDArray[np.float64]: ...


def value_from_ranks(metric: Metric, ranks: NDArray[np.integer], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) values of n lists of one user, from the (n, r) ranks of the user's r relevant jobs (0: not in the list).

    `gains` (r,) are of all relevant jobs, listed or not. NDCG has linear gains and the discount log2(rank + 1)
    (Järvelin, Kekäläinen 2002; as trec_eval); MRR is 1 / rank of the first relevant job.

    Raises ConfigurationError: another metric.
    """
    found = (ranks > 0) & (ranks <= metric.k)
    rank = np.where(found, ranks, 1).astype(np.float64)
    kind = metric.name.partition("@")[0].strip().lower()
    if kind == "ndcg":
        ideal = np.sort(gains)[::-1][: metric.k]
        best = (ideal / np.log2(np.arange(len(ideal)) + 2.0)).sum()
        return np.asarray(np.where(found, gains / np.log2(rank + 1.0), 0.0).sum(axis=1) / best)
    if kind == "recall":
        return np.asarray(found.mean(axis=1))
    if kind == "mrr":
        return np.asarray(np.where(found, 1.0 / rank, 0.0).max(axis=1, initial=0.0))
    if kind.replace("_", " ") == "hit rate":
        return np.asarray(found.any(axis=1), dtype=np.float64)
    raise ConfigurationError(f"the metric {metric.name!r} has no value from ranks; take NDCG, recall, MRR or hit rate.")


def ranks_in(lists: Ints, wanted: Ints, n_columns: int) -> Ints:
    """(n_lists, n_wanted) rank of each wanted column in each list, from 1; 0 where it is not in it."""
    place = np.full(n_columns, -1, dtype=np.int32)
    there = wanted >= 0
    place[wanted[there]] = np.flatnonzero(there)
    return _ranks(lists, place, len(wanted))


@compiled
def _ranks(lists: Ints, place: Ints, n_wanted: int) -> Ints:
    n, k = lists.shape
    ranks = np.zeros((n, n_wanted), dtype=np.int32)
    for row in range(n):
        for rank in range(k):
            wanted = place[lists[row, rank]]
            if wanted >= 0:
                ranks[row, wanted] = rank + 1
    return ranks
