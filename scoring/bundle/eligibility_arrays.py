"""Eligibility as arrays: which jobs may be ranked for each user, and how many of one company."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Ints, Longs, UInt8s, UInt16s

__all__ = ["EligibilityArrays"]


class EligibilityArrays(NamedTuple):
    """The evaluated eligibility rules for n users and m jobs. Jobs are rows of the plan."""

    open_to_all: Bools  # (m,) no rule excludes the job for every user
    excluded_start: Longs  # (n + 1,) start in `excluded` of each user's excluded jobs
    excluded: Ints
    cooldown_start: Longs  # (n + 1,) start in `cooldown` of each user's excluded companies
    cooldown: Ints  # company codes
    required_start: Longs  # (n + 1,) start in `required` of the only jobs that each user may get; (0,): not limited
    required: Ints
    user_class: Ints  # (r, n) class of each user for each of r tables of classes
    job_class: UInt16s  # (r, m)
    class_start: Longs  # (r,) start of each table in `class_allowed`
    class_width: Longs  # (r,) number of job classes of each table
    class_allowed: (
        UInt8s  # the tables: 1 where jobs of a class may be ranked for users of a class; a row per user class
    )
    company: Ints  # (m,) company codes, -1 missing
    per_company: int  # maximum number of jobs of a known company in a list; 0: no limit
    candidates: UInt8s  # (n, ceil(m / 8)) a bit for each job that may be ranked, lowest bit first; (0, 0): all jobs may

    @property
    def n_eligible(self) -> int:
        """Number of jobs that are not excluded for all users."""
        return int(np.count_nonzero(self.open_to_all))

    @property
    def tables(self) -> list[Bools]:
        """The tables of classes, (user classes, job classes) each."""
        stops = [*self.class_start.tolist(), len(self.class_allowed)][1:]
        return [
            self.class_allowed[start:stop].reshape(-1, width).view(bool)
            for start, stop, width in zip(self.class_start, stops, self.class_width, strict=True)
        ]

    def matrix(self, users: NDArray[np.integer]) -> Bools:
        """Return (len(users), m) whether each job may be ranked for each user."""
        result = np.repeat(self.open_to_all[None, :], len(users), axis=0)
        for row, user in enumerate(users):
            result[row, self.excluded[self.excluded_start[user] : self.excluded_start[user + 1]]] = False
            cooldown = self.cooldown[self.cooldown_start[user] : self.cooldown_start[user + 1]]
            if len(cooldown):
                result[row, _is_in(self.company, cooldown)] = False
            if len(self.required_start):
                required = self.required[self.required_start[user] : self.required_start[user + 1]]
                result[row] &= np.isin(np.arange(len(self.company)), required)
        for table, start in enumerate(self.class_start):
            rows = start + self.user_class[table, users].astype(np.int64) * self.class_width[table]
            result &= self.class_allowed[rows[:, None] + self.job_class[table]].view(bool)
        if self.candidates.size:
            bits = np.unpackbits(self.candidates[users], axis=1, count=len(self.company), bitorder="little")
            result &= bits.view(bool)
        return result


def _is_in(company: Ints, excluded: Ints) -> Bools:
    """Return (m,) whether each company is one of these codes >= 0. `np.isin` takes six times as long."""
    is_excluded = np.zeros(max(int(company.max(initial=-1)), int(excluded.max())) + 2, dtype=bool)
    is_excluded[excluded] = True
    found: Bools = is_excluded[company]  # -1, a missing company, is the last element
    return found
