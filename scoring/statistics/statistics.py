"""All statistics of one dataset, each computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Hashable
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Self

from scoring.array_types import Bools
from scoring.caching import Layers
from scoring.dataset.dataset import Dataset
from scoring.statistics.area import AreaMeans
from scoring.statistics.factors import ALS, Factors
from scoring.statistics.popularity import CompanyActions, PopularityReading
from scoring.statistics.similarity import Similarity

__all__ = ["Statistics"]


class Statistics:
    """Of the whole snapshot as of its clock, never of the rows that a request happens to hold.

    `factor_cache` is the folder in which trained factors are kept; None keeps nothing. With `layers`, what several
    snapshots or requests share is kept there; company popularity then may be as old as its layer lets it become, and
    is shared by those of one `epoch`.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        als: ALS | None = None,
        factor_cache: Path | None = None,
        layers: Layers | None = None,
        epoch: Hashable = None,
    ) -> None:
        self.dataset = dataset
        self._als = als
        self._factor_cache = factor_cache
        self._layers = layers
        self._epoch = epoch
        # those that popularity was ever asked for. Layers outlive a snapshot, and so must these: a key that left one
        # out would find what was made of a reading that is gone
        self._windows: set[float] = set() if layers is None else layers.windows
        self._popularity: dict[float, PopularityReading] = {}

    def view(self) -> Self:
        """The same statistics, with company popularity as it is now: what one request sees from end to end."""
        view = copy(self)  # (what is computed already is shared, and the set of windows)
        view._popularity = {days: self._read_popularity(days) for days in sorted(self._windows)}
        return view

    @property
    def version(self) -> tuple[str, ...]:
        """Names the content that a score can depend on: the data's and, where it was asked for, popularity's."""
        readings = sorted(self._popularity.items())
        return (self.dataset.fingerprint, *(f"{days}:{reading.digest}" for days, reading in readings))

    @property
    def adjacent(self) -> Bools:
        """(n_prefectures, n_prefectures) bool, as `Dataset.adjacent`."""
        if self._layers is None:
            return self.dataset.adjacent
        return self._layers.prefecture.get(self.dataset.reference_fingerprint, lambda: self.dataset.adjacent)

    @cached_property
    def areas(self) -> AreaMeans:
        words = self.dataset.words
        return AreaMeans.compute(self.dataset.jobs, self.dataset.open_jobs, len(words.prefecture), len(words.major))

    @property
    def similarity(self) -> Similarity:
        if self._layers is None:
            return self._own_similarity
        return self._layers.similarity.get((self.dataset.fingerprint,), self._compute_similarity)

    @cached_property
    def factors(self) -> Factors:
        return Factors.of(self.dataset, settings=self._als, cache=self._factor_cache)

    def company_actions(self, days: float) -> CompanyActions:
        """Counts per company over a window of `days` days."""
        self._windows.add(days)
        reading = self._popularity.get(days)
        if reading is None:
            reading = self._popularity.setdefault(days, self._read_popularity(days))
        return reading.of(self.dataset)

    @cached_property
    def _own_similarity(self) -> Similarity:
        return self._compute_similarity()

    def _compute_similarity(self) -> Similarity:
        data = self.dataset
        return Similarity.compute(data.actions, data.jobs, len(data.users), len(data.words.occupation))

    def _read_popularity(self, days: float) -> PopularityReading:
        if self._layers is None:
            return self._popularity.get(days) or PopularityReading.compute(self.dataset, days)
        return self._layers.company.get((days, self._epoch), lambda: PopularityReading.compute(self.dataset, days))
