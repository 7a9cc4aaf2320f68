"""A second engine uses the values of the first one through a shared store."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from scoring.caching import CacheKey, CacheStats, EngineCaches, MemoryStore, Store
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError
from scoring.facade import ScoringEngine
from scoring.statistics.factors import Factors
from scoring.synthetic import make_market
from tests.support.errors import raises_at
from tests.support.facade_market import act, market_of
from tests.support.facade_market import store as save_market

V = TypeVar("V")

SHARED = {"factors", "similarity", "company"}
"""Names of the caches whose values are shared."""


class DictionaryStore:
    """A minimal store: values by digest, with read-only arrays, like a server for several processes."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.computed: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self._lock = threading.Lock()

    def get_or_compute(self, key: CacheKey, compute: Callable[[], V]) -> V:
        digest = key.digest()
        with self._lock:
            (self.served if digest in self.values else self.computed)[key.cache] += 1
            if digest not in self.values:
                self.values[digest] = read_only(compute())
            found: V = self.values[digest]
            return found

    def invalidate(self, is_stale: Callable[[CacheKey], bool]) -> int:
        return 0  # keys name content, so values never become wrong; other engines use them

    def clear(self) -> None:
        self.values.clear()

    def retire(self, key: CacheKey) -> None:
        """Keep the value: other engines may still have the data."""

    @property
    def stats(self) -> CacheStats:
        computed = self.computed.total()
        return CacheStats(hits=self.served.total(), misses=computed, stored=computed, entries=len(self.values))


def read_only(value: V) -> V:
    """Make the arrays of a dataclass read-only, so that an engine that writes to a shared value fails."""
    for part in fields(value):  # type: ignore[arg-type]
        content = getattr(value, part.name)
        if isinstance(content, np.ndarray):
            content.flags.writeable = False
        elif is_dataclass(content):
            read_only(content)
    return value


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a market without factors, so that they are trained."""
    url = f"sqlite:///{tmp_path / 'market.db'}"
    with Database.open(url) as database:
        save_tables(database, make_market(40, 120, 1500, seed=1).tables)
    return url


def engine_of(url: str, store: Store | None) -> ScoringEngine:
    return ScoringEngine(url, "standard", keep_factors=False, change_check_seconds=0, caches=EngineCaches(store=store))


async def answers(engine: ScoringEngine) -> dict[str, Any]:
    """Return an answer of every kind."""
    users, jobs = await engine._batch_load_users_optimized(), await engine._batch_load_jobs_optimized()
    job, user = jobs.iloc[3].to_dict(), users.iloc[5].to_dict()
    return {
        "lists": (await engine.calculate_scores_for_all_users(top_k=20)).to_dict("list"),
        "total": await engine.calculate_total_score(job, user, user),
        "explanation": await engine.get_score_explanation(job, user, user),
        "popularity": await engine._batch_load_company_popularity(jobs["company_id"].dropna()),
        "pairs": (await engine.process_scoring_batch(users.head(4), jobs.head(6))).to_dict("list"),
    }


async def test_second_engine_uses_the_stored_values(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    train = Factors.of
    monkeypatch.setattr(Factors, "of", lambda *args, **settings: (trained.append(1), train(*args, **settings))[1])
    store = DictionaryStore()
    with engine_of(url, None) as alone, engine_of(url, store) as first, engine_of(url, store) as second:
        expected = await answers(alone)
        assert len(trained) == 1
        assert await answers(first) == expected
        assert store.computed == dict.fromkeys(SHARED, 1)
        assert not store.served
        assert len(trained) == 2
        assert await answers(second) == expected
        assert store.computed == dict.fromkeys(SHARED, 1)
        assert store.served == dict.fromkeys(SHARED, 1)
        assert len(trained) == 2
        # each engine has its own caches for everything else
        for name, stats in second.cache_stats().items():
            assert stats.misses == first.cache_stats()[name].misses == alone.cache_stats()[name].misses, name
        second.clear_caches()
        assert await answers(second) == expected
        assert store.computed == dict.fromkeys(SHARED, 1)
        assert store.served == dict.fromkeys(SHARED, 2)


async def test_changed_data_are_recomputed_and_not_mixed(sqlite_url: str) -> None:
    market = market_of(2)
    save_market(market, sqlite_url)
    store = DictionaryStore()
    with engine_of(sqlite_url, store) as first, engine_of(sqlite_url, store) as second:
        before = await lists_of(first)
        assert await lists_of(second) == before
        act(sqlite_url, market)
        await first.refresh()
        await second.refresh()
        with engine_of(sqlite_url, None) as fresh:
            expected = await lists_of(fresh)
        assert expected != before
        assert await lists_of(first) == await lists_of(second) == expected
    assert store.computed == {"similarity": 2, "company": 2}  # factors came with the data
    assert store.served == {"similarity": 2, "company": 2}


async def lists_of(engine: ScoringEngine) -> dict[str, Any]:
    return (await engine.calculate_scores_for_all_users(top_k=None)).to_dict("list")


async def test_engines_of_a_process_share_a_memory_store(url: str) -> None:
    store = MemoryStore[CacheKey](10**8)
    with engine_of(url, store) as first, engine_of(url, store) as second:
        assert await answers(first) == await answers(second)
    assert (store.stats.misses, store.stats.hits, store.stats.entries) == (3, 3, 3)


async def test_layers_is_a_deprecated_name_of_caches(url: str) -> None:
    caches = EngineCaches.off()
    with ScoringEngine(url, layers=caches) as engine:
        assert engine.caches is caches
    with raises_at(ConfigurationError, "layers"):
        ScoringEngine(url, caches=caches, layers=caches)
