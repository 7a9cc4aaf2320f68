"""All statistics of one dataset, each computed when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from scoring.dataset.dataset import Dataset
from scoring.statistics.area import AreaMeans
from scoring.statistics.factors import ALS, Factors
from scoring.statistics.popularity import CompanyActions
from scoring.statistics.similarity import Similarity

__all__ = ["Statistics"]


class Statistics:
    """Of the whole snapshot as of its clock, never of the rows that a request happens to hold.

    `factor_cache` is the folder in which trained factors are kept; None keeps nothing.
    """

    def __init__(self, dataset: Dataset, *, als: ALS | None = None, factor_cache: Path | None = None) -> None:
        self.dataset = dataset
        self._als = als
        self._factor_cache = factor_cache
        self._company_actions: dict[float, CompanyActions] = {}

    @cached_property
    def areas(self) -> AreaMeans:
        words = self.dataset.words
        return AreaMeans.compute(self.dataset.jobs, self.dataset.open_jobs, len(words.prefecture), len(words.major))

    @cached_property
    def similarity(self) -> Similarity:
        data = self.dataset
        return Similarity.compute(data.actions, data.jobs, len(data.users), len(data.words.occupation))

    @cached_property
    def factors(self) -> Factors:
        return Factors.of(self.dataset, settings=self._als, cache=self._factor_cache)

    def company_actions(self, days: float) -> CompanyActions:
        """Counts per company over a window of `days` days."""
        if days not in self._company_actions:
            data = self.dataset
            self._company_actions[days] = CompanyActions.compute(
                data.actions, data.jobs, len(data.words.company), data.now, days
            )
        return self._company_actions[days]
