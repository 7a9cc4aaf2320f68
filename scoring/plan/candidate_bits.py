"""Candidates per user: the jobs that may be ranked for each user, such as those open when the user acted."""

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
"""Users to process at a time: 25 MB for 100,000 jobs."""


@dataclass(frozen=True)
class Candidates:
    """Candidate jobs of n users out of m jobs, as bits: (n, ceil(m / 8)) uint8, the first job in the lowest bit.

    Candidates replace the rule that a job is open at the clock. All other rules apply.
    """

    bits: NDArray[np.uint8]
    n_jobs: int

    def __len__(self) -> int:
        return len(self.bits)

    @classmethod
    def open_between(cls, jobs: JobArrays, first: Longs, last: Longs) -> Self:
        """Return the jobs that were open at any time from `first` to `last` (n,) of each user, in microseconds.

        A job is open from its posting until before its expiry. A missing posting or expiry sets no limit. The current
        active flag is ignored.
        """
        posted = jobs.posted_at  # NO_TIME is the earliest time
        expires = np.where(jobs.expires_at == NO_TIME, np.iinfo(np.int64).max, jobs.expires_at)

        def open_jobs(users: slice) -> Bools:
            return (posted <= last[users, None]) & (expires > first[users, None])

        return cls._packed(open_jobs, len(first), len(jobs))

    @classmethod
    def listed(cls, user_rows: NDArray[np.integer], job_rows: NDArray[np.integer], n_users: int, n_jobs: int) -> Self:
        """Return exactly these pairs of a user row and a job row."""
        order = np.argsort(user_rows, kind="stable")
        users, jobs = np.asarray(user_rows)[order], np.asarray(job_rows)[order]

        def listed_jobs(part: slice) -> Bools:
            chosen = np.zeros((part.stop - part.start, n_jobs), dtype=bool)
            pairs_of_part = slice(*np.searchsorted(users, [part.start, part.stop]))
            chosen[users[pairs_of_part] - part.start, jobs[pairs_of_part]] = True
            return chosen

        return cls._packed(listed_jobs, n_users, n_jobs)

    @classmethod
    def _packed(cls, matrix: Callable[[slice], Bools], n_users: int, n_jobs: int) -> Self:
        bits = np.empty((n_users, -(-n_jobs // 8)), dtype=np.uint8)
        for start in range(0, n_users, _ROWS_AT_ONCE):
            part = slice(start, min(start + _ROWS_AT_ONCE, n_users))
            bits[part] = np.packbits(matrix(part), axis=1, bitorder="little")
        return cls(bits, n_jobs)

    def take(self, users: NDArray[np.integer]) -> Self:
        """Return the candidates of the users at these rows, in this order."""
        return type(self)(self.bits[users], self.n_jobs)

    def matrix(self, users: NDArray[np.integer] | slice) -> Bools:
        """Return (len(users), m) whether each job is a candidate of each user."""
        return np.unpackbits(self.bits[users], axis=1, count=self.n_jobs, bitorder="little").view(bool)

    def contains(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Bools:
        """Return (p,) whether the job of each of p pairs of rows is a candidate of the user."""
        jobs = np.asarray(jobs, dtype=np.int64)
        return ((self.bits[users, jobs >> 3] >> (jobs & 7).astype(np.uint8)) & 1).astype(bool)

    @property
    def of_any_user(self) -> Bools:
        """(m,) whether each job is a candidate of at least one user."""
        either = np.bitwise_or.reduce(self.bits, axis=0) if len(self.bits) else np.zeros(self.bits.shape[1], np.uint8)
        return np.unpackbits(either, count=self.n_jobs, bitorder="little").view(bool)

    def hidden(self, rows: Longs) -> NDArray[np.uint8]:
        """Return (n, ceil(len(rows) / 8)) uint8: bits of the jobs at these rows that are *not* candidates."""
        return self._packed(lambda part: ~self.matrix(part)[:, rows], len(self), len(rows)).bits
