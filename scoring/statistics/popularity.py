"""How often looking at a company's jobs ends in an application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.dataset.encode import DAY, ActionArrays, Ints, JobArrays

__all__ = ["WINDOW_DAYS", "CompanyActions"]

WINDOW_DAYS = 360


@dataclass(frozen=True)
class CompanyActions:
    """(n_companies + 1,) counts in the last `days` days; the last one, of no company, is 0."""

    applications: NDArray[np.int64]
    looks: NDArray[np.int64]  # views and clicks
    days: float

    @classmethod
    def compute(
        cls, actions: ActionArrays, jobs: JobArrays, n_companies: int, now: int, days: float = WINDOW_DAYS
    ) -> Self:
        recent = actions.at >= now - days * DAY
        company = jobs.company[actions.job[recent]]
        applied = actions.kind[recent] == 0
        known = company >= 0
        size = n_companies + 1
        return cls(
            applications=np.bincount(company[known & applied], minlength=size).astype(np.int64),
            looks=np.bincount(company[known & ~applied], minlength=size).astype(np.int64),
            days=days,
        )

    def of(self, company: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Applications and looks of each job's company (n,); a missing or new company has none."""
        known = np.where((company >= 0) & (company < len(self.applications) - 1), company, -1)
        return self.applications[known], self.looks[known]
