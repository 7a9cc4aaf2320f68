"""How often looking at a company's jobs ends in an application."""

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


@dataclass(frozen=True)
class PopularityReading:
    """Counts by company as one snapshot had them, for it or for later ones with other companies in another order."""

    companies: pd.Index
    counts: CompanyActions  # by place among `companies`

    @classmethod
    def compute(cls, dataset: Dataset, days: float) -> Self:
        companies = dataset.words.company.values
        return cls(companies, CompanyActions.compute(dataset.actions, dataset.jobs, len(companies), dataset.now, days))

    @cached_property
    def digest(self) -> str:
        """Of what it says: equal counts of the same companies have equal digests."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update("\0".join(map(str, self.companies)).encode())
        digest.update(self.counts.applications.tobytes() + self.counts.looks.tobytes())
        return digest.hexdigest()

    def of(self, dataset: Dataset) -> CompanyActions:
        """By the dataset's company codes; companies that were not there yet have no actions."""
        companies = dataset.words.company.values
        if companies is self.companies or companies.equals(self.companies):
            return self.counts
        place = self.companies.get_indexer(companies) if len(self.companies) else np.full(len(companies), -1)
        place = np.append(place, -1)  # (-1, of no company, is the last: 0)
        return CompanyActions(self.counts.applications[place], self.counts.looks[place], self.counts.days)
