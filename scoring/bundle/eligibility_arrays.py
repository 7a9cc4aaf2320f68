"""Eligibility as arrays: which jobs may be ranked for each user, and how many of one company."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Ints, Longs, UInt8s

__all__ = ["EligibilityArrays"]


class EligibilityArrays(NamedTuple):
    """The evaluated eligibility rules for n users and m jobs. Jobs are rows of the plan."""

    open_to_all: Bools  # (m,) no rule excludes the job for every user
    excluded_start: Longs  # (n + 1,) start in `excluded` of each user's excluded jobs
    excluded: Ints
    cooldown_start: Longs  # (n + 1,) start in `cooldown` of each user's excluded companies
    cooldown: Ints  # company codes
    company: Ints  # (m,) company codes, -1 missing
    per_company: int  # maximum number of jobs of a known company in a list; 0: no limit
    candidates: UInt8s  # (n, ceil(m / 8)) a bit for each job that may be ranked, lowest bit first; (0, 0): all jobs may

    @property
    def n_eligible(self) -> int:
        """Number of jobs that are not excluded for all users."""
        return int(self.open_to_all.sum())

    def matrix(self, users: NDArray[np.integer]) -> Bools:
        """Return (len(users), m) whether each job may be ranked for each user."""
        result = np.repeat(self.open_to_all[None, :], len(users), axis=0)
        for row, user in enumerate(users):
            result[row, self.excluded[self.excluded_start[user] : self.excluded_start[user + 1]]] = False
            cooldown = self.cooldown[self.cooldown_start[user] : self.cooldown_start[user + 1]]
            if len(cooldown):
                result[row, np.isin(self.company, cooldown)] = False
        if self.candidates.size:
            bits = np.unpackbits(self.candidates[users], axis=1, count=len(self.company), bitorder="little")
            result &= bits.view(bool)
        return result
