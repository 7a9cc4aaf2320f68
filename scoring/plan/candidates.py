"""Which jobs are a user's to be ranked at all, where that differs from user to user: what was open when they acted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Longs
from scoring.dataset.arrays import NO_TIME, JobArrays

__all__ = ["Candidates"]

_ROWS_AT_ONCE = 256
"""Of users, whose jobs are compared at once: 25 MB for 100,000 jobs."""


@dataclass(frozen=True)
class Candidates:
    """n users' jobs out of m, a bit each: (n, ceil(m / 8)) uint8, the first job in the lowest bit.

    They stand in the place of the rule that a job is open at the clock; all other rules hold as well.
    """

    bits: NDArray[np.uint8]
    n_jobs: int

    def __len__(self) -> int:
        return len(self.bits)

    @classmethod
    def open_between(cls, jobs: JobArrays, first: Longs, last: Longs) -> Self:
        """Jobs that were open at some moment from `first` to `last` (n,) of each user, in microseconds.

        A job is open from its posting (missing: ever since) to before its expiry (missing: for ever); whether it is
        active today says nothing of that time.
        """
        posted = jobs.posted_at  # NO_TIME is the earliest there is
        expires = np.where(jobs.expires_at == NO_TIME, np.iinfo(np.int64).max, jobs.expires_at)

        def are(users: slice) -> Bools:
            return (posted <= last[users, None]) & (expires > first[users, None])

        return cls._packed(are, len(first), len(jobs))

    @classmethod
    def listed(cls, user_rows: NDArray[np.integer], job_rows: NDArray[np.integer], n_users: int, n_jobs: int) -> Self:
        """Exactly these pairs of rows."""
        order = np.argsort(user_rows, kind="stable")
        users, jobs = np.asarray(user_rows)[order], np.asarray(job_rows)[order]

        def are(part: slice) -> Bools:
            chosen = np.zeros((part.stop - part.start, n_jobs), dtype=bool)
            here = slice(*np.searchsorted(users, [part.start, part.stop]))
            chosen[users[here] - part.start, jobs[here]] = True
            return chosen

        return cls._packed(are, n_users, n_jobs)

    @classmethod
    def _packed(cls, are: Callable[[slice], Bools], n_users: int, n_jobs: int) -> Self:
        bits = np.empty((n_users, -(-n_jobs // 8)), dtype=np.uint8)
        for start in range(0, n_users, _ROWS_AT_ONCE):
            part = slice(start, min(start + _ROWS_AT_ONCE, n_users))
            bits[part] = np.packbits(are(part), axis=1, bitorder="little")
        return cls(bits, n_jobs)

    def take(self, users: NDArray[np.integer]) -> Self:
        """Of the users at these rows, in that order."""
        return type(self)(self.bits[users], self.n_jobs)

    def matrix(self, users: NDArray[np.integer] | slice) -> Bools:
        """(len(users), m) which are."""
        return np.unpackbits(self.bits[users], axis=1, count=self.n_jobs, bitorder="little").view(bool)

    def holds(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Bools:
        """(p,) whether each of the p pairs of rows is one."""
        jobs = np.asarray(jobs, dtype=np.int64)
        return ((self.bits[users, jobs >> 3] >> (jobs & 7).astype(np.uint8)) & 1).astype(bool)

    @property
    def anybodys(self) -> Bools:
        """(m,) jobs that are a candidate of at least one user."""
        either = np.bitwise_or.reduce(self.bits, axis=0) if len(self.bits) else np.zeros(self.bits.shape[1], np.uint8)
        return np.unpackbits(either, count=self.n_jobs, bitorder="little").view(bool)

    def hidden(self, rows: Longs) -> NDArray[np.uint8]:
        """(n, ceil(len(rows) / 8)) uint8: the jobs at these rows, in that order, that are *not* the user's."""
        return self._packed(lambda part: ~self.matrix(part)[:, rows], len(self), len(rows)).bits
