"""The statistics of one dataset. Each is computed on first access."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from copy import copy
from dataclasses import asdict, fields
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Self

from scoring.argument_checks import check_interval
from scoring.array_types import Bools, Longs
from scoring.caching import EngineCaches
from scoring.caching.cache_key import AdjacencyKey, CacheKey, FactorsKey, PopularityKey, ReadingKey, SimilarityKey
from scoring.caching.content_identity import freeze
from scoring.dataset.arrays import ActionArrays
from scoring.dataset.clock import Clock
from scoring.dataset.dataset import Dataset
from scoring.dataset.vocabularies import Vocabularies
from scoring.id_index import IdIndex
from scoring.statistics.als_training import ALS
from scoring.statistics.area_wages import AreaMeans
from scoring.statistics.company_popularity import CompanyActions, PopularityReading
from scoring.statistics.factors import Factors
from scoring.statistics.frozen_statistics import Basis, digest_of
from scoring.statistics.job_popularity import JobActions
from scoring.statistics.occupation_similarity import Similarity
from scoring.statistics.shared_basis import SharedBasis
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["Statistics"]


class Statistics:
    """Compute the basis of a dataset, from all data as of the clock. The rows of a request are not included.

    Parameters
    ----------
    dataset: The data.
    als: Training settings of the factors.
    factor_cache: The folder of trained factors; None disables the cache on disk.
    workers: Maximum number of threads that train factors; None: one per available core.
    caches: Caches that several datasets or requests share. They limit the age of company popularity.
    epoch: Datasets of the same epoch share one reading of company popularity.

    Example
    -------
    >>> statistics = Statistics(data, factor_cache=folder / "factors")
    >>> ready = scoring.Prepared.of(statistics, model)
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        als: ALS | None = None,
        factor_cache: Path | None = None,
        workers: int | None = None,
        caches: EngineCaches | None = None,
        epoch: Hashable = None,
    ) -> None:
        self.dataset = dataset
        self._als = als
        self._factor_cache = None if factor_cache is None else expand_path(factor_cache, "factor_cache")
        self._workers = workers
        self._caches = caches
        self._epoch = epoch
        # Windows for which popularity was requested. They must live as long as the caches: a key without one of them
        # would match a value that was computed from an obsolete reading.
        self._windows: set[float] = set() if caches is None else caches.windows
        self._popularity: dict[float, PopularityReading] = {}
        self.job_popularity: dict[float | None, JobActions] = {}
        """Window in days (None: all) → actions by job, for the windows that were read."""

    def view(self) -> Self:
        """Return a view with the current company popularity. A request reads one view."""
        view = copy(self)  # shares computed values and the set of windows
        view._popularity = {days: self._read_popularity(days) for days in sorted(self._windows)}
        return view

    @property
    def popularity_digests(self) -> tuple[tuple[float, str], ...]:
        """Window in days and digest of each requested popularity reading, for cache keys."""
        return tuple((days, reading.digest) for days, reading in sorted(self._popularity.items()))

    @property
    def missing_keys(self) -> frozenset[CacheKey]:
        """The keys of the adjacency, the similarity and the requested popularity readings that no cache holds."""
        caches, similarity = self._caches, SimilarityKey(self.dataset.fingerprint)
        adjacency = AdjacencyKey(self.dataset.reference_fingerprint)
        readings = [PopularityKey(days, self._popularity_epoch) for days in sorted(self._windows)]
        if caches is None:
            return frozenset((adjacency, similarity, *readings))
        missing: set[CacheKey] = {key for key in readings if key not in caches.company}
        missing |= set() if adjacency in caches.prefecture else {adjacency}
        return frozenset(missing if similarity in caches.similarity else missing | {similarity})

    @property
    def basis(self) -> Basis:
        """The basis of the dataset. Its values are computed on first access."""
        return _DatasetBasis(self)

    @property
    def adjacent(self) -> Bools:
        """(n_prefectures, n_prefectures), see `Dataset.adjacent`."""
        if self._caches is None:
            return self.dataset.adjacent
        key = AdjacencyKey(self.dataset.reference_fingerprint)
        return self._caches.prefecture.get_or_compute(key, lambda: self.dataset.adjacent)

    @cached_property
    def areas(self) -> AreaMeans:
        """Mean wages by area."""
        words = self.dataset.words
        return AreaMeans.compute(self.dataset.jobs, self.dataset.open_jobs, len(words.prefecture), len(words.major))

    @property
    def similarity(self) -> Similarity:
        """Cosines between occupations."""
        if self._caches is None:
            return self._local_similarity
        caches, key, basis = self._caches, SimilarityKey(self.dataset.fingerprint), self._shared_basis

        def share() -> Similarity:
            if basis is None:
                return caches.share(key, self._compute_similarity)
            values = caches.share(
                SimilarityKey(basis.digest), lambda: basis.collect_similarity(self._compute_similarity())
            )
            return basis.spread_similarity(values)

        return caches.similarity.get_or_compute(key, share)

    @property
    def shared_digest(self) -> str | None:
        """Digest of the shared basis and of the training of the factors.

        With the fingerprint of the dataset, it names all statistics. None: without a shared basis, popularity depends
        on when it was read.
        """
        basis = self._shared_basis
        return None if basis is None else f"{basis.digest} {self._make_factors_key(basis.digest).digest()}"

    @cached_property
    def factors(self) -> Factors:
        """Vectors of users and jobs, by row of the dataset."""
        settings, tables = self._als or ALS(), self.dataset.tables
        is_imported = tables.user_factors is not None and tables.job_factors is not None

        def compute() -> Factors:
            return Factors.of(
                self.dataset,
                settings=settings,
                cache=self._factor_cache,
                workers=self._workers,
                actions=self._basis_actions,
            )

        if self._caches is None or is_imported:
            return compute()
        basis = self._shared_basis
        data = self.dataset.fingerprint if basis is None else basis.digest
        key = self._make_factors_key(data)
        if basis is None:
            return self._caches.share(key, compute)
        return basis.spread_factors(self._caches.share(key, lambda: basis.collect_factors(compute())))

    def _make_factors_key(self, data: str) -> FactorsKey:
        return FactorsKey(data, freeze(asdict(self._als or ALS())), f"implicit {version('implicit')}")

    @property
    def popularity(self) -> dict[float, CompanyActions]:
        """Window in days → actions by company, for the windows that were read."""
        return {days: self.company_actions(days) for days in sorted(self._popularity)}

    def company_actions(self, days: float) -> CompanyActions:
        """Return the actions by company code over a window of `days` days.

        Raises
        ------
        ConfigurationError: If `days` is not a number of days.
        """
        days = check_interval("days", days)
        self._windows.add(days)
        reading = self._popularity.get(days)
        if reading is None:
            reading = self._popularity.setdefault(days, self._read_popularity(days))
        return reading.of(self.dataset.words.company.values)

    def job_actions(self, days: float | None) -> JobActions:
        """Return the actions by job over a window of `days` days; None: all up to the clock.

        Raises
        ------
        ConfigurationError: If `days` is not a number of days.
        """
        days = None if days is None else check_interval("days", days)
        if days not in self.job_popularity:
            data = self.dataset
            self.job_popularity[days] = JobActions.compute(data.actions, data.jobs.job_id, data.clock.now, days)
        return self.job_popularity[days]

    @cached_property
    def _local_similarity(self) -> Similarity:
        return self._compute_similarity()

    @cached_property
    def _shared_basis(self) -> SharedBasis | None:
        """The basis from which other engines compute equal values; None: values are those of the whole dataset."""
        seconds = None if self._caches is None else self._caches.basis_seconds
        return None if seconds is None else SharedBasis.of(self.dataset, seconds)

    @property
    def _basis_actions(self) -> ActionArrays:
        return self.dataset.actions if self._shared_basis is None else self._shared_basis.actions

    @property
    def _popularity_epoch(self) -> Hashable:
        return self._epoch if self._shared_basis is None else self._shared_basis.digest

    def _compute_similarity(self) -> Similarity:
        data = self.dataset
        return Similarity.compute(self._basis_actions, data.jobs, len(data.users), len(data.words.occupation))

    def _read_popularity(self, days: float) -> PopularityReading:
        basis = self._shared_basis

        def compute() -> PopularityReading:
            if basis is None:
                return PopularityReading.compute(self.dataset, days)
            return PopularityReading.compute(self.dataset, days, basis.actions, basis.now)

        caches = self._caches
        if caches is None:
            return self._popularity.get(days) or compute()
        data = self.dataset.fingerprint if basis is None else basis.digest

        def share() -> PopularityReading:
            return caches.share(ReadingKey(data, days), compute)

        return caches.company.get_or_compute(PopularityKey(days, self._popularity_epoch), share)


class _DatasetBasis(Basis):
    """The basis of a dataset. Its values are those of the statistics, which compute and store them.

    `popularity` and `job_popularity`, and therefore `arrays` and `digest`, cover the windows that were read so far.
    """

    def __init__(self, statistics: Statistics) -> None:
        self.__dict__["_statistics"] = statistics

    _statistics: Statistics

    def is_of(self, dataset: Dataset) -> bool:
        return self._statistics.dataset is dataset

    def materialize(self, windows: Iterable[float] = (), job_windows: Iterable[float | None] = ()) -> Basis:
        super().materialize(windows, job_windows)
        values = {field.name: getattr(self, field.name) for field in fields(Basis)}
        return Basis(**values | {"job_popularity": dict(self.job_popularity)})

    def company_actions(self, days: float) -> CompanyActions:
        return self._statistics.company_actions(days)

    def job_actions(self, days: float | None) -> JobActions:
        return self._statistics.job_actions(days)

    @property
    def digest(self) -> str:  # not cached: further windows may be read later
        return digest_of(self.arrays())

    @property
    def clock(self) -> Clock:
        return self._statistics.dataset.clock

    @property
    def words(self) -> Vocabularies:
        return self._statistics.dataset.words

    @property
    def adjacent(self) -> Bools:
        return self._statistics.adjacent

    @property
    def areas(self) -> AreaMeans:
        return self._statistics.areas

    @property
    def popularity(self) -> dict[float, CompanyActions]:
        return self._statistics.popularity

    @property
    def job_popularity(self) -> dict[float | None, JobActions]:
        return self._statistics.job_popularity

    @property
    def similarity(self) -> Similarity:
        return self._statistics.similarity

    @property
    def factors(self) -> Factors:
        return self._statistics.factors

    @property
    def _user_index(self) -> IdIndex:
        return self._statistics.dataset.user_index

    @property
    def _job_index(self) -> IdIndex:
        return self._statistics.dataset.job_index

    @property
    def user_id(self) -> Longs:
        return self._statistics.dataset.users.user_id

    @property
    def job_id(self) -> Longs:
        return self._statistics.dataset.jobs.job_id
