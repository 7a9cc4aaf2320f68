"""Caches of an engine: a value is computed once per key and kept in a store, up to a number of bytes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from scoring.argument_checks import list_values
from scoring.caching.cache_key import (
    AdjacencyKey,
    CacheKey,
    DataKey,
    EncodingKey,
    ExplanationKey,
    ListsKey,
    PlanKey,
    PopularityKey,
    RequestKey,
    ScoreKey,
    SimilarityKey,
    UserKey,
)
from scoring.caching.memory_footprints import Footprint, TotalFootprint, Uncounted
from scoring.caching.stores import CacheStats, MemoryStore, Store
from scoring.errors import ConfigurationError

__all__ = ["CACHE_NAMES", "GROUPS", "EngineCaches"]

MEBIBYTE: Final = 2**20

CACHE_NAMES: Final = (
    *("prefecture", "similarity", "encoded", "plans", "requests", "company", "users", "scores", "explanations"),
)
"""Adjacent prefectures; similarity of occupations; models encoded on the data, for any weights; the same planned under
weights; models planned on the jobs of requests; popularity of companies; rows of users; scores of single pairs;
explanations of single pairs."""

GROUPS: Final = {
    "permanent": ("prefecture",),
    "session": ("similarity", "encoded", "plans", "requests"),
    "lru": ("users", "scores", "explanations"),
}
"""Names that stand for several caches."""

MAX_SHARED_SERIES: Final = 10_000
"""Most keys that are remembered to retire their values when the data changes."""

V = TypeVar("V")


class EngineCaches(Uncounted):
    """One `MemoryStore` for each of `CACHE_NAMES`, each an attribute, and optionally a store shared with other engines.

    Company popularity is the only value that may be older than the data, by at most `company_hours`. All other keys
    name the content from which the value was computed. Sizes are limits of memory: no answer depends on them.

    Parameters
    ----------
    store: A second level that other engines use too, for the values that `share` is called for (None: nothing is
        shared). Limits, expiry, `invalidate`, `clear` and `stats` do not concern it.
    basis_seconds: With a number, factors, similarity and popularity are those of a basis (see
        `scoring.statistics.shared_basis`): of the actions up to the last multiple of these seconds. None: of all data.
    company_hours: Hours for which company popularity is kept.
    prefecture_entries, company_entries: Limits of the number of values.
    plan_bytes: Limit of the caches `encoded`, `plans` and `requests`, each.
    score_bytes: Limit of the caches `users`, `scores` and `explanations`, each.
    clock: Returns the current time in seconds.

    Example
    -------
    >>> caches = EngineCaches(plan_bytes=100_000_000)
    >>> caches.stats["scores"].entries
    0
    """

    def __init__(
        self,
        *,
        store: Store | None = None,
        basis_seconds: float | None = None,
        company_hours: float = 1.0,
        prefecture_entries: int = 10_000,
        company_entries: int = 500,
        plan_bytes: int = 1024 * MEBIBYTE,
        score_bytes: int = 64 * MEBIBYTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock = store, clock
        self._shared: OrderedDict[CacheKey, CacheKey] = OrderedDict()  # key without its data → the last key
        self._shared_lock = threading.Lock()
        self.basis_seconds = basis_seconds
        self.company_hours, self.company_entries = company_hours, company_entries
        self.windows: set[float] = set()
        """Windows in days for which popularity was ever requested. Keys name the reading of each."""
        self.prefecture = MemoryStore[AdjacencyKey](16 * MEBIBYTE, max_entries=prefecture_entries, clock=clock)
        self.similarity = MemoryStore[SimilarityKey](256 * MEBIBYTE, clock=clock)
        self.encoded = MemoryStore[EncodingKey](plan_bytes, clock=clock)
        self.plans = MemoryStore[PlanKey](plan_bytes, clock=clock)
        self.requests = MemoryStore[RequestKey](plan_bytes, clock=clock)
        self.set_company()
        self.users = MemoryStore[UserKey](score_bytes, clock=clock)
        self.scores = MemoryStore[ScoreKey](score_bytes, clock=clock)
        self.explanations = MemoryStore[ExplanationKey](score_bytes, clock=clock)

    @classmethod
    def off(cls, *, company_hours: float = 0.0, clock: Callable[[], float] = time.monotonic) -> EngineCaches:
        """Return caches that keep nothing: each request computes everything it needs.

        `company_hours` above 0 keeps company popularity alone. Its age is part of what an engine answers, so an engine
        without caches is compared with a cached engine that uses the same readings.
        """
        caches = cls(company_hours=company_hours, prefecture_entries=0, plan_bytes=0, score_bytes=0, clock=clock)
        caches.similarity = MemoryStore(0, clock=clock)
        return caches

    def set_company(self, *, hours: float | None = None, entries: int | None = None) -> None:
        """Replace the company-popularity cache with an empty one with new limits."""
        self.company_hours = self.company_hours if hours is None else hours
        self.company_entries = self.company_entries if entries is None else entries
        self.company = MemoryStore[PopularityKey](
            64 * MEBIBYTE,
            max_entries=self.company_entries,
            ttl=3600 * self.company_hours,
            clock=self._clock,
        )

    def __iter__(self) -> Iterator[tuple[str, MemoryStore[Any]]]:
        return ((name, getattr(self, name)) for name in CACHE_NAMES)

    @property
    def has_store(self) -> bool:
        """Whether values are shared with other engines."""
        return self._store is not None

    def share(self, key: CacheKey, compute: Callable[[], V]) -> V:
        """Return the value of the key from the shared store; call `compute` if it is missing or no store is shared.

        The value must be immutable, and the key must name all its content: see `Store`. The value of the same key for
        the previous data is retired.
        """
        if self._store is None:
            return compute()
        value = self._store.get_or_compute(key, compute)
        previous = self._replace_shared_key(key) if isinstance(key, DataKey) else None
        if previous is not None:
            self._store.retire(previous)
        return value

    def _replace_shared_key(self, key: DataKey) -> CacheKey | None:
        """Remember a key, and return the key of the same value for other data, if there was one."""
        series = replace(key, data="", basis="") if isinstance(key, ListsKey) else replace(key, data="")
        with self._shared_lock:
            previous = self._shared.pop(series, None)
            self._shared[series] = key
            if len(self._shared) > MAX_SHARED_SERIES:
                self._shared.popitem(last=False)
        return None if previous == key else previous

    def invalidate(self, is_stale: Callable[[CacheKey], bool]) -> int:
        """Remove the values whose key is stale from all caches; return how many were removed."""
        return sum(cache.invalidate(is_stale) for _, cache in self)

    def clear(self, names: Iterable[str] | str | None = None) -> None:
        """Empty the caches of these names and groups (None: all).

        Raises
        ------
        ConfigurationError: If a name is unknown. No cache is emptied then.
        """
        wanted = CACHE_NAMES if names is None else list_values("names", names, str, "names of caches")
        selected: list[str] = []
        for name in wanted:
            if name not in CACHE_NAMES and name not in GROUPS:
                raise ConfigurationError(
                    f"Unknown cache {name!r}. Use one of {', '.join([*CACHE_NAMES, *GROUPS])}.", key=(name,)
                )
            selected += GROUPS.get(name, (name,))
        for name in selected:
            getattr(self, name).clear()

    @property
    def stats(self) -> dict[str, CacheStats]:
        return {name: cache.stats for name, cache in self}

    def bytes_once(self, first: Mapping[str, Footprint]) -> dict[str, int]:
        """Return name → bytes of the footprints in `first`, then of each cache, in that order.

        Memory that several share counts for the first of them, so the values add up to what all hold together. `stats`
        has what each cache holds by itself.
        """
        total, counted = TotalFootprint(), {}
        for name, held in {**first, **{name: cache.footprint for name, cache in self}}.items():
            counted[name] = total.added_by(held)
            total.add(held)
        return counted
