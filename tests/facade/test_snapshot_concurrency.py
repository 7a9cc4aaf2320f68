"""64 threads on one engine: all answers are right, no errors occur, and each value is computed once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest

from scoring.caching import CACHE_NAMES
from scoring.facade import ScoringEngine
from tests.support.clocks import Clock
from tests.support.facade_market import act, company_of, market_of, reweight, store
from tests.support.proof_counts import record_count
from tests.support.random_markets import RawMarket

THREADS = 64
FEW, MANY = 70, 200
"""Numbers of tasks."""
SHORT, LONG = 6, 240
"""Numbers of requests per task."""
FEW_JOBS, MANY_JOBS = 6, 12
"""Numbers of jobs. Each adds four requests."""

Request = Callable[[ScoringEngine], Coroutine[Any, Any, Any]]


def requests_of(market: RawMarket) -> dict[str, Request]:
    """Return requests of every kind by name."""
    found: dict[str, Request] = {"popularity": lambda engine: engine._batch_load_company_popularity(["C1", "C2"])}
    for limit in (None, 1, 5):
        found[f"list {limit}"] = lambda engine, n=limit: engine.calculate_scores_for_all_users(user_limit=n, top_k=5)
    for n, job in enumerate(market.jobs):
        user = market.users[n % len(market.users)]
        user_id = user["user_id"]
        found[f"pair {n}"] = lambda engine, j=job, u=user, i=user_id: engine.calculate_total_score(j, u, i)
        found[f"explanation {n}"] = lambda engine, j=job, u=user, i=user_id: engine.get_score_explanation(j, u, i)
        found[f"personal {n}"] = lambda engine, j=job, i=user_id: engine.calculate_personal_score(j, i)
        found[f"base {n}"] = lambda engine, j=job: engine.calculate_base_score(j)
    return found


def plain(answer: Any) -> str:
    return repr(answer.to_dict("list") if isinstance(answer, pd.DataFrame) else answer)


async def collect_results(engine: ScoringEngine, requests: dict[str, Request]) -> dict[str, str]:
    return {name: plain(await request(engine)) for name, request in requests.items()}


async def check(
    engine: ScoringEngine, requests: dict[str, Request], names: list[str], expected: list[dict[str, str]]
) -> None:
    """Assert that each answer is one of the right ones."""
    for name in names:
        assert plain(await requests[name](engine)) in [known[name] for known in expected], name


def hammer(work: Callable[[int], None], tasks: int) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(tasks)))  # re-raises an error of a task


def one_computation_per_key(url: str, market: RawMarket, tasks: int, per_task: int) -> None:
    requests = requests_of(market)
    with ScoringEngine(url, "standard", as_of=market.as_of, keep_factors=False) as engine:
        expected = asyncio.run(collect_results(engine, requests))
        alone = engine.cache_stats()
    with ScoringEngine(url, "standard", as_of=market.as_of, keep_factors=False) as engine:

        def work(task: int) -> None:
            # the first tasks all start with the same requests, on an engine that has not computed anything
            order = random.Random(task % 3)
            asyncio.run(check(engine, requests, order.choices(list(requests), k=per_task), [expected]))

        hammer(work, tasks)
        stats = engine.cache_stats()
        assert asyncio.run(collect_results(engine, requests)) == expected
        whole = engine.cache_stats()
    for name, layer in stats.items():
        assert layer.misses == layer.stored == layer.entries, name
        assert (layer.failed, layer.dropped, layer.evictions, layer.expirations) == (0, 0, 0, 0), name
        assert layer.hits + layer.misses + layer.joined == layer.requests, name
    # after all requests were repeated, as many values were computed as for a single caller: one per key
    assert {name: layer.misses for name, layer in whole.items()} == {
        name: layer.misses for name, layer in alone.items()
    }
    assert sum(layer.requests for layer in stats.values()) > tasks * per_task
    record_count(
        "engine threads",
        "{} tasks, {} requests, {} missing keys",
        tasks,
        tasks * per_task,
        sum(layer.misses for layer in stats.values()),
    )


def with_clears_and_refreshes(url: str, market: RawMarket, tasks: int, per_task: int) -> None:
    requests = requests_of(market)
    with ScoringEngine(url, "standard", as_of=market.as_of, keep_factors=False, change_check_seconds=1) as engine:
        own = engine.model
        models, expected = (own, reweight(own)), []
        for engine.model in models:
            expected.append(asyncio.run(collect_results(engine, requests)))

        def work(task: int) -> None:
            order = random.Random(task)
            if task % 50 == 7:
                asyncio.run(engine.refresh())
            if task % 20 == 3:
                engine.clear_caches(order.sample(CACHE_NAMES, 3))
            if task % 10 == 5:
                engine.model = models[task // 10 % 2]
            asyncio.run(check(engine, requests, order.choices(list(requests), k=per_task), expected))

        hammer(work, tasks)
        engine.model = own
        assert asyncio.run(collect_results(engine, requests)) == expected[0]
        for name, layer in engine.cache_stats().items():
            assert layer.misses == layer.stored + layer.dropped, name
            assert layer.failed == 0
    record_count("cleared caches", "{} tasks, {} requests", tasks, tasks * per_task)


def popularity_of_its_hour(url: str, market: RawMarket, tasks: int) -> None:
    """Add one application and advance the clock by 20 minutes per phase. Popularity is reloaded once per hour."""
    clock, company, phases = Clock(0.0), company_of(market)[0], 8
    with ScoringEngine(url, keep_factors=False, change_check_seconds=0, clock=clock) as engine:

        def read_applications(_: int) -> int:
            return int(asyncio.run(engine._batch_load_company_popularity([company])).frame()["applications"][0])

        first, n_requests = read_applications(0), 0
        for phase in range(phases):
            with ThreadPoolExecutor(THREADS) as pool:
                found = list(pool.map(read_applications, range(tasks // phases)))
            # computed in phases 0, 3 and 6, with the applications added until then
            assert found == [first + phase // 3 * 3] * len(found), phase
            n_requests += len(found)
            act(url, market, place=phase)
            clock.now += 1200.0
        stats = engine.cache_stats()["company"]
    assert (stats.misses, stats.expirations) == (1 + (phases - 1) // 3, phases // 3)
    record_count("time to live", "{} requests", n_requests)


@pytest.fixture(scope="module")
def market() -> RawMarket:
    return market_of(1, n_users=8, n_jobs=FEW_JOBS)


@pytest.fixture(scope="module")
def large_market() -> RawMarket:
    return market_of(1, n_users=8, n_jobs=MANY_JOBS)


def test_threads_get_correct_results_computed_once(market: RawMarket, sqlite_url: str) -> None:
    one_computation_per_key(store(market, sqlite_url), market, FEW, SHORT)


def test_threads_get_correct_results_while_caches_are_cleared(market: RawMarket, sqlite_url: str) -> None:
    with_clears_and_refreshes(store(market, sqlite_url), market, FEW, SHORT // 3)


@pytest.mark.long
def test_threads_get_correct_results_for_a_minute(large_market: RawMarket, sqlite_url: str) -> None:
    one_computation_per_key(store(large_market, sqlite_url), large_market, MANY, LONG)


@pytest.mark.long
def test_threads_are_correct_for_a_minute_of_cache_clears(large_market: RawMarket, sqlite_url: str) -> None:
    with_clears_and_refreshes(store(large_market, sqlite_url), large_market, MANY, LONG // 2)


@pytest.mark.parametrize("tasks", [80, pytest.param(MANY, marks=pytest.mark.long)])
def test_threads_never_get_expired_popularity(market: RawMarket, sqlite_url: str, tasks: int) -> None:
    popularity_of_its_hour(store(market, sqlite_url), market, tasks)
