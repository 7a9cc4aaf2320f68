"""Counts of applications, views and clicks by company."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Ints
from scoring.dataset.arrays import DAY, ActionArrays, JobArrays
from scoring.dataset.dataset import Dataset

__all__ = ["WINDOW_DAYS", "CompanyActions", "PopularityReading"]

WINDOW_DAYS = 360


@dataclass(frozen=True)
class CompanyActions:
    """(n_companies + 1,) counts in the last `days` days. The last entry is for a missing company and is 0."""

    applications: NDArray[np.int64]
    looks: NDArray[np.int64]  # views and clicks
    days: float

    @classmethod
    def compute(
        cls, actions: ActionArrays, jobs: JobArrays, n_companies: int, now: int, days: float = WINDOW_DAYS
    ) -> Self:
        """Return the counts at `now`, in microseconds."""
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
        """Return the applications and looks of each job's company (n,); 0 for a missing or new company."""
        known = np.where((company >= 0) & (company < len(self.applications) - 1), company, -1)
        return self.applications[known], self.looks[known]


@dataclass(frozen=True)
class PopularityReading:
    """Counts by company of one dataset. Later datasets may use them, also with other companies or another order."""

    companies: pd.Index
    counts: CompanyActions  # by position in `companies`

    @classmethod
    def compute(
        cls, dataset: Dataset, days: float, actions: ActionArrays | None = None, now: int | None = None
    ) -> Self:
        """Return the reading of a dataset as of its clock, or of its `actions` up to `now`."""
        companies = dataset.words.company.values
        actions = dataset.actions if actions is None else actions
        now = dataset.clock.now if now is None else now
        return cls(companies, CompanyActions.compute(actions, dataset.jobs, len(companies), now, days))

    @cached_property
    def digest(self) -> str:
        """Digest of the companies and their counts."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update("\0".join(map(str, self.companies)).encode())
        digest.update(self.counts.applications.tobytes() + self.counts.looks.tobytes())
        return digest.hexdigest()

    def of(self, companies: pd.Index) -> CompanyActions:
        """Return the counts by position in `companies`; 0 for companies that are not in this reading."""
        if companies is self.companies or companies.equals(self.companies):
            return self.counts
        place = self.companies.get_indexer(companies) if len(self.companies) else np.full(len(companies), -1)
        place = np.append(place, -1)  # -1 is the last entry: a missing company, 0
        return CompanyActions(self.counts.applications[place], self.counts.looks[place], self.counts.days)
