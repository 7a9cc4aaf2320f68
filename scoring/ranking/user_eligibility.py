"""How many jobs may be ranked for one user, and which rules exclude the other jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from scoring.plan.rule_exclusions import Exclusions

__all__ = ["UserEligibility"]


@dataclass(frozen=True)
class UserEligibility:
    """The counts of one user's jobs.

    Attributes
    ----------
    n_jobs: number of all jobs.
    excluded: reason → jobs. A job counts for the first reason that applies, in the order of the rules.
    """

    user_id: int
    n_jobs: int
    excluded: Mapping[str, int]

    @classmethod
    def of(cls, exclusions: Exclusions, user_id: int, user_row: int) -> Self:
        """Return the counts of the user at a row of the exclusions."""
        return cls(user_id, len(exclusions.company), exclusions.count_pairs(np.array([user_row])))

    @property
    def n_ranked(self) -> int:
        """Number of jobs that may be ranked."""
        return self.n_jobs - sum(self.excluded.values())

    def frame(self) -> pd.DataFrame:
        """Return one row per reason: user_id, reason, jobs. The reason of the jobs that may be ranked is `ranked`."""
        counts = {"ranked": self.n_ranked} | dict(self.excluded)
        return pd.DataFrame({"user_id": self.user_id, "reason": list(counts), "jobs": list(counts.values())})
