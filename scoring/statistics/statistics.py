"""All statistics of one dataset, each computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Hashable
from copy import copy
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Self

from scoring.array_types import Bools
from scoring.caching import EngineCaches
from scoring.caching.content import freeze
from scoring.caching.key import AdjacencyKey, FactorsKey, PopularityKey, ReadingKey, SimilarityKey
from scoring.dataset.dataset import Dataset
from scoring.statistics.area import AreaMeans
from scoring.statistics.factors import ALS, Factors
from scoring.statistics.popularity import CompanyActions, PopularityReading
from scoring.statistics.similarity import Similarity

__all__ = ["Statistics"]


class Statistics:
    """Of the whole snapshot as of its clock, never of the rows that a request happens to hold.

    `factor_cache` is the folder in which trained factors are kept; None keeps nothing. With `caches`, values
    that several snapshots or requests use are kept there. Company popularity may then be as old as its cache allows,
    and statistics of one `epoch` share it.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        als: ALS | None = None,
        factor_cache: Path | None = None,
        caches: EngineCaches | None = None,
        epoch: Hashable = None,
    ) -> None:
        self.dataset = dataset
        self._als = als
        self._factor_cache = factor_cache
        self._caches = caches
        self._epoch = epoch
        # windows for which popularity was ever requested. Caches outlive a snapshot, and so must these: a key without
        # one of them would find a value made of a reading that is no longer in use
        self._windows: set[float] = set() if caches is None else caches.windows
        self._popularity: dict[float, PopularityReading] = {}

    def view(self) -> Self:
        """The same statistics, with company popularity as it is now: what one request sees from end to end."""
        view = copy(self)  # (what is computed already is shared, and the set of windows)
        view._popularity = {days: self._read_popularity(days) for days in sorted(self._windows)}
        return view

    @property
    def popularity_digests(self) -> tuple[tuple[float, str], ...]:
        """Window in days and digest of each popularity reading that was requested. For keys of cached values."""
        return tuple((days, reading.digest) for days, reading in sorted(self._popularity.items()))

    @property
    def adjacent(self) -> Bools:
        """(n_prefectures, n_prefectures) bool, as `Dataset.adjacent`."""
        if self._caches is None:
            return self.dataset.adjacent
        key = AdjacencyKey(self.dataset.reference_fingerprint)
        return self._caches.prefecture.get_or_compute(key, lambda: self.dataset.adjacent)

    @cached_property
    def areas(self) -> AreaMeans:
        words = self.dataset.words
        return AreaMeans.compute(self.dataset.jobs, self.dataset.open_jobs, len(words.prefecture), len(words.major))

    @property
    def similarity(self) -> Similarity:
        if self._caches is None:
            return self._own_similarity
        caches, key = self._caches, SimilarityKey(self.dataset.fingerprint)
        return caches.similarity.get_or_compute(key, lambda: caches.share(key, self._compute_similarity))

    @cached_property
    def factors(self) -> Factors:
        settings, tables = self._als or ALS(), self.dataset.tables
        is_brought = tables.user_factors is not None and tables.job_factors is not None
        if self._caches is None or is_brought:
            return Factors.of(self.dataset, settings=settings, cache=self._factor_cache)
        key = FactorsKey(self.dataset.fingerprint, freeze(asdict(settings)), f"implicit {version('implicit')}")
        return self._caches.share(key, lambda: Factors.of(self.dataset, settings=settings, cache=self._factor_cache))

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
        def compute() -> PopularityReading:
            return PopularityReading.compute(self.dataset, days)

        caches = self._caches
        if caches is None:
            return self._popularity.get(days) or compute()

        def share() -> PopularityReading:
            return caches.share(ReadingKey(self.dataset.fingerprint, days), compute)

        return caches.company.get_or_compute(PopularityKey(days, self._epoch), share)
