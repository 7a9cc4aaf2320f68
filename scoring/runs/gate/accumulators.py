"""Statistics of lists, accumulated block by block. Memory grows with the number of listed jobs, not with the users."""

from __future__ import annotations

from typing import Final

import numpy as np

from scoring.array_types import Longs
from scoring.id_index import IdIndex
from scoring.ranking import list_overlap
from scoring.runs.publishers import ListBlock

__all__ = ["REWRITTEN_BELOW", "STEP", "ListAccumulator", "OverlapAccumulator"]

STEP: Final = 0.01
"""Resolution of the quantiles of scores (0 to 100), in points."""

REWRITTEN_BELOW: Final = 0.5
"""A list that keeps less than this share of its jobs counts as rewritten."""


class ListAccumulator:
    """Statistics of the lists of one run, cut to k jobs."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.n_with_jobs = self.n_full = 0  # users
        self.jobs: Longs = np.empty(0, dtype=np.int64)  # ids of all listed jobs, ascending
        self._n_entries = 0
        self._sum = self._last_sum = 0.0
        self._scores = np.zeros(round(100 / STEP) + 1, dtype=np.int64)

    def add(self, lists: ListBlock) -> None:
        is_listed = list_overlap.mask_listed(lists.job_id.shape[1], lists.count)
        total = lists.total[is_listed].astype(np.float64)
        is_full = lists.count == self.k
        self.n_with_jobs += len(lists.user_id)
        self.n_full += int(is_full.sum())
        self.jobs = _find_distinct(np.concatenate([self.jobs, lists.job_id[is_listed]]))
        self._n_entries += len(total)
        self._sum += float(total.sum())
        if is_full.any():
            self._last_sum += float(lists.total[is_full, self.k - 1].sum(dtype=np.float64))
        step = np.clip(np.rint(total / STEP), 0, len(self._scores) - 1).astype(np.int64)
        self._scores += np.bincount(step, minlength=len(self._scores))

    @property
    def mean(self) -> float | None:
        """The mean of the total scores; None without listed jobs."""
        return self._sum / self._n_entries if self._n_entries else None

    @property
    def last(self) -> float | None:
        """The mean of the k-th scores of full lists; None without full lists."""
        return self._last_sum / self.n_full if self.n_full else None

    def quantile(self, percent: int) -> float | None:
        """Return the smallest score that `percent` of the entries do not exceed, to a STEP; None without entries."""
        if not self._n_entries:
            return None
        rank = -(-self._n_entries * percent // 100)
        return float(np.searchsorted(np.cumsum(self._scores), rank) * STEP)


class OverlapAccumulator:
    """Statistics of the users who had a list in the published run, compared with the new run."""

    def __init__(self) -> None:
        self.n_users = self.n_dropped = self.n_rewritten = 0
        self._kept = self._rbo = 0.0

    def add(self, published: ListBlock, new: ListBlock, ranked: Longs) -> None:
        """Add all users of a range of ids. `ranked` (n,) are the users that the new run ranked, ascending."""
        is_ranked = IdIndex(ranked).contains(published.user_id)
        self.n_dropped += int((~is_ranked).sum())
        published = published.take(np.flatnonzero(is_ranked))
        if not len(published.user_id):
            return
        jobs, count = _select_lists(published.user_id, new)
        place = list_overlap.find_places(published.job_id, published.count, jobs, count)
        kept = list_overlap.overlap(place, published.count, count)
        self.n_users += len(kept)
        self.n_rewritten += int((kept < REWRITTEN_BELOW).sum())
        self._kept += float(kept.sum())
        self._rbo += float(list_overlap.rank_biased_overlap(place, published.count, count).sum())

    @property
    def kept(self) -> float | None:
        """The mean share of a list's jobs that are in the other run's list; None without users of both runs."""
        return self._kept / self.n_users if self.n_users else None

    @property
    def rbo(self) -> float | None:
        """The mean rank-biased overlap; None without users of both runs."""
        return self._rbo / self.n_users if self.n_users else None

    @property
    def share_dropped(self) -> float | None:
        """The share of the users with a list in the published run who are not ranked in the new run."""
        n_published = self.n_users + self.n_dropped
        return self.n_dropped / n_published if n_published else None

    @property
    def share_rewritten(self) -> float | None:
        """The share of users who keep less than `REWRITTEN_BELOW` of their jobs; None without users of both runs."""
        return self.n_rewritten / self.n_users if self.n_users else None


def _find_distinct(ids: Longs) -> Longs:
    """Return the distinct ids, ascending. `np.unique` takes four times as long, because it hashes them."""
    ids = np.sort(ids)
    is_first = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=is_first[1:])
    return ids[is_first]


def _select_lists(users: Longs, lists: ListBlock) -> tuple[Longs, np.ndarray]:
    """Return (n, k) jobs and (n,) their number for these users. A user without a list has 0 jobs."""
    if not len(lists.user_id):
        return np.empty((len(users), 0), dtype=np.int64), np.zeros(len(users), dtype=np.int32)
    row, present = IdIndex(lists.user_id).find(users)
    return lists.job_id[row], np.where(present, lists.count[row], 0)
