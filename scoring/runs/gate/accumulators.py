"""What is counted of lists, piece by piece: memory grows with the jobs that are listed, never with the users."""

from __future__ import annotations

from typing import Final

import numpy as np

from scoring.array_types import Longs
from scoring.id_index import IdIndex
from scoring.ranking import list_overlap
from scoring.runs.publishers import ListBlock

__all__ = ["MOSTLY_NEW", "STEP", "ListTally", "PairTally"]

STEP: Final = 0.01
"""Points: quantiles of scores, from 0 to 100, are told to so much."""

MOSTLY_NEW: Final = 0.5
"""A list that keeps less than this share of its jobs is another list."""


class ListTally:
    """Of one run's lists, cut to k."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.with_a_job = self.full = 0  # users
        self.jobs: Longs = np.empty(0, dtype=np.int64)  # that are listed at all, ascending
        self._entries = 0
        self._sum = self._last_sum = 0.0
        self._scores = np.zeros(round(100 / STEP) + 1, dtype=np.int64)

    def add(self, lists: ListBlock) -> None:
        there = list_overlap.listed(lists.job_id.shape[1], lists.count)
        total = lists.total[there].astype(np.float64)
        full = lists.count == self.k
        self.with_a_job += len(lists.user_id)
        self.full += int(full.sum())
        self.jobs = _distinct(np.concatenate([self.jobs, lists.job_id[there]]))
        self._entries += len(total)
        self._sum += float(total.sum())
        if full.any():
            self._last_sum += float(lists.total[full, self.k - 1].sum(dtype=np.float64))
        step = np.clip(np.rint(total / STEP), 0, len(self._scores) - 1).astype(np.int64)
        self._scores += np.bincount(step, minlength=len(self._scores))

    @property
    def mean(self) -> float | None:
        """Of the total scores; None without any."""
        return self._sum / self._entries if self._entries else None

    @property
    def last(self) -> float | None:
        """The mean of the k-th scores of full lists; None without one."""
        return self._last_sum / self.full if self.full else None

    def quantile(self, percent: int) -> float | None:
        """The smallest score, to a STEP, that so many of the entries do not exceed; None without any."""
        if not self._entries:
            return None
        rank = -(-self._entries * percent // 100)
        return float(np.searchsorted(np.cumsum(self._scores), rank) * STEP)


class PairTally:
    """Of users who had a list last night: what became of it."""

    def __init__(self) -> None:
        self.users = self.dropped = self.rewritten = 0
        self._kept = self._rbo = 0.0

    def add(self, before: ListBlock, after: ListBlock, ranked: Longs) -> None:
        """All users of a range of ids; `ranked` (n,) are ranked for tonight, ascending, with a list or without."""
        still = IdIndex(ranked).contains(before.user_id)
        self.dropped += int((~still).sum())
        before = before.take(np.flatnonzero(still))
        if not len(before.user_id):
            return
        jobs, count = _lists_of(before.user_id, after)
        place = list_overlap.places(before.job_id, before.count, jobs, count)
        kept = list_overlap.overlap(place, before.count, count)
        self.users += len(kept)
        self.rewritten += int((kept < MOSTLY_NEW).sum())
        self._kept += float(kept.sum())
        self._rbo += float(list_overlap.rank_biased_overlap(place, before.count, count).sum())

    @property
    def kept(self) -> float | None:
        """The mean share of a list's jobs that are on the other one; None without a user of both nights."""
        return self._kept / self.users if self.users else None

    @property
    def rbo(self) -> float | None:
        """The mean rank-biased overlap, likewise."""
        return self._rbo / self.users if self.users else None

    @property
    def share_dropped(self) -> float | None:
        """Of the users who had a list."""
        there = self.users + self.dropped
        return self.dropped / there if there else None

    @property
    def share_rewritten(self) -> float | None:
        return self.rewritten / self.users if self.users else None


def _distinct(ids: Longs) -> Longs:
    """Each once, ascending. `np.unique` takes four times as long: it hashes them."""
    ids = np.sort(ids)
    new = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=new[1:])
    return ids[new]


def _lists_of(users: Longs, lists: ListBlock) -> tuple[Longs, np.ndarray]:
    """(n, k) jobs and (n,) their number, of these users; none of one who has no list."""
    if not len(lists.user_id):
        return np.empty((len(users), 0), dtype=np.int64), np.zeros(len(users), dtype=np.int32)
    row, present = IdIndex(lists.user_id).find(users)
    return lists.job_id[row], np.where(present, lists.count[row], 0)
