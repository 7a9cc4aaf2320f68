"""The caches of an engine: names, groups, expiry, memory, and the shared store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from scoring.caching import (
    CACHE_NAMES,
    GROUPS,
    CacheKey,
    CacheStats,
    EngineCaches,
    Layers,
    MemoryStore,
)
from scoring.caching.cache_key import ListsKey, ReadingKey, SimilarityKey
from scoring.caching.memory_footprints import measure_footprint
from scoring.errors import ConfigurationError
from tests.caching.test_stores import constant, never
from tests.support.clocks import Clock
from tests.support.errors import raises_at


@dataclass(frozen=True)
class NameKey(CacheKey):
    cache: ClassVar[str] = "names"
    name: str


A: Any = NameKey("a")


def test_memory_shared_by_several_caches_counts_for_the_first() -> None:
    caches, shared = EngineCaches(), np.zeros(10**6, np.uint8)
    caches.encoded.get_or_compute(A, constant((shared, np.zeros(10**5, np.uint8))))
    caches.plans.get_or_compute(A, constant((shared, np.zeros(10**4, np.uint8))))
    counted = caches.bytes_once({"data": measure_footprint([shared])})
    assert list(counted) == ["data", *CACHE_NAMES]
    assert counted["data"] == pytest.approx(10**6, rel=0.001)
    assert counted["encoded"] == pytest.approx(10**5, rel=0.01)
    assert counted["plans"] == pytest.approx(10**4, rel=0.1)
    assert caches.stats["plans"].bytes == pytest.approx(1.01e6, rel=0.001)


def test_caches_are_cleared_by_name_and_by_group() -> None:
    caches = EngineCaches()
    for name, cache in caches:
        cache.get_or_compute(NameKey(name), constant(1))

    def held() -> list[str]:
        return [name for name, stats in caches.stats.items() if stats.entries]

    caches.clear("company")
    assert "company" not in held()
    caches.clear(["session", "users"])
    assert held() == ["prefecture", "scores", "explanations"]
    caches.clear()
    assert held() == []
    assert all(stats == CacheStats(misses=1, stored=1) for stats in caches.stats.values())
    assert set().union(*GROUPS.values()) | {"company"} == set(CACHE_NAMES)
    with raises_at(ConfigurationError, "unknown"):
        caches.clear(["company", "unknown"])


def test_only_company_popularity_expires() -> None:
    clock = Clock(0.0)
    caches = EngineCaches(company_hours=0.5, clock=clock)
    for name, cache in caches:
        cache.get_or_compute(NameKey(name), constant(1))
    clock.now = 1800.0
    assert [name for name, stats in caches.stats.items() if not stats.entries] == ["company"]
    caches.set_company(hours=2)
    caches.company.get_or_compute(A, constant(1))
    clock.now += 7199.0
    assert caches.company.stats.entries == 1


def test_values_are_shared_through_the_store_alone() -> None:
    store = MemoryStore[CacheKey](1000)
    first, second = EngineCaches(store=store), EngineCaches(store=store)
    value = first.share(A, lambda: [1])
    assert second.share(A, never) is value
    first.clear()
    assert first.invalidate(lambda key: True) == 0
    assert first.share(A, never) is value
    assert (store.stats.misses, store.stats.hits) == (1, 2)


def test_value_of_the_previous_data_is_retired() -> None:
    store = MemoryStore[CacheKey](10_000)
    caches, other = EngineCaches(store=store), EngineCaches(store=store)
    keys = [SimilarityKey("old"), ReadingKey("old", 1.0), ReadingKey("old", 2.0), ListsKey("old", "b", "m", 5, 0, 10)]
    for key in keys:
        caches.share(key, lambda: [1])
    other.share(ReadingKey("new", 2.0), lambda: [1])
    assert all(key in store for key in keys)  # the other engine had no such value before
    for key in keys[:2]:
        caches.share(replace(key, data="new"), lambda: [1])
    assert [key in store for key in keys] == [False, False, True, True]
    caches.share(ListsKey("new", "c", "m", 5, 0, 10), lambda: [1])
    assert keys[3] not in store
    caches.share(keys[2], never)
    assert keys[2] in store


def test_without_a_shared_store_each_call_computes() -> None:
    caches = EngineCaches()
    assert [caches.share(A, constant(n)) for n in range(3)] == [0, 1, 2]


def test_stale_keys_are_removed_from_all_caches() -> None:
    caches = EngineCaches()
    for name, cache in caches:
        for key in (NameKey("stale"), NameKey(name)):
            cache.get_or_compute(key, constant(1))
    assert caches.invalidate(lambda key: isinstance(key, NameKey) and key.name == "stale") == len(CACHE_NAMES)
    for name, cache in caches:
        cache.get_or_compute(NameKey(name), never)
        assert cache.stats.entries == 1


def test_layers_is_an_alias() -> None:
    assert Layers is EngineCaches
