"""The caches of an engine: what a change invalidates, and that callers cannot modify cached values."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from scoring.caching import CacheStats, EngineCaches
from scoring.database.validated_reader import AcceptedData
from scoring.dataset import Dataset
from scoring.errors import DataError
from scoring.facade import ScoringEngine, pair_methods
from scoring.facade.engine_state import run_in_thread
from scoring.model import Inputs, ScoringModel
from scoring.model.component import Component, Reason
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import JobTerm, Value
from scoring.model_catalog import load_model
from scoring.synthetic import make_market
from tests.support.clocks import Clock
from tests.support.facade_market import (
    act,
    company_of,
    dataset_of,
    engine_of,
    legacy_job,
    legacy_user,
    market_of,
    reweight,
    store,
)
from tests.support.proof_counts import record_count
from tests.support.random_markets import RawMarket

HOUR = 3600.0


@pytest.fixture(scope="module")
def market() -> RawMarket:
    return market_of(2)  # with the data's own clock


def counts(engine: ScoringEngine) -> dict[str, tuple[int, int]]:
    return {name: (stats.hits, stats.misses) for name, stats in engine.cache_stats().items()}


async def change(engine: ScoringEngine, ask: Callable[[], Any]) -> dict[str, tuple[int, int]]:
    """Return the hits and misses that the request adds, for the caches that it uses."""
    before = counts(engine)
    await ask()
    after = counts(engine)
    added = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
    return {name: both for name, both in added.items() if any(both)}


# --- Exact invalidation -------------------------------------------------------------------------------------


async def test_new_weights_recompute_only_what_depends_on_them(market: RawMarket) -> None:
    engine = engine_of(market, "standard")
    own, other = engine.model, reweight(engine.model)
    job, user = market.jobs[0], market.users[0]
    ask = {
        "list": engine.calculate_scores_for_all_users,
        "pair": lambda: engine.calculate_total_score(job, user, user),
        "explanation": lambda: engine.get_score_explanation(job, user, user),
    }
    for request in ask.values():
        await request()
    held = {"snapshot": (1, 0), "company": (1, 0)}  # each request uses the snapshot and popularity once
    assert await change(engine, ask["list"]) == held | {"plans": (1, 0)}
    assert await change(engine, ask["pair"]) == held | {"scores": (1, 0)}
    engine.model = other
    assert await change(engine, ask["list"]) == held | {"plans": (0, 1), "encoded": (1, 0)}
    made = {"prefecture": (1, 0), "similarity": (1, 0)}
    assert await change(engine, ask["pair"]) == held | made | {"scores": (0, 1)}
    found = await change(engine, ask["explanation"])
    assert found["explanations"] == (0, 1)
    assert all(misses == 0 for name, (_, misses) in found.items() if name != "explanations")
    engine.model = own  # the old model again: all of its values are still cached
    for name, layer in (("list", "plans"), ("pair", "scores"), ("explanation", "explanations")):
        assert await change(engine, ask[name]) == held | {layer: (1, 0)}


async def test_new_action_recomputes_only_what_depends_on_it(market: RawMarket, sqlite_url: str) -> None:
    store(market, sqlite_url)
    clock = Clock(0.0)
    with ScoringEngine(sqlite_url, "standard", keep_factors=False, change_check_seconds=0, clock=clock) as engine:
        job, user = market.jobs[0], market.users[0]
        ask = {
            "list": engine.calculate_scores_for_all_users,
            "pair": lambda: engine.calculate_total_score(job, user, user),
            "personal": lambda: engine.calculate_personal_score(job, user),
        }
        for request in ask.values():
            await request()
        act(sqlite_url, market)
        # `company` is used twice: by the new snapshot, which loads it if it is missing, and by the request
        loaded = {"snapshot": (0, 1), "company": (2, 0)}
        made = {"prefecture": (1, 0), "similarity": (0, 1), "encoded": (0, 1), "plans": (0, 1)}
        assert await change(engine, ask["list"]) == loaded | made
        held = {"snapshot": (1, 0), "company": (1, 0), "prefecture": (1, 0), "similarity": (1, 0)}
        assert await change(engine, ask["pair"]) == held | {"scores": (0, 1)}
        assert await change(engine, ask["personal"]) == held | {"users": (1, 0), "scores": (0, 1)}


async def test_company_popularity_expires_after_an_hour(market: RawMarket, sqlite_url: str) -> None:
    store(market, sqlite_url)
    clock, company = Clock(0.0), company_of(market)[0]
    with ScoringEngine(sqlite_url, keep_factors=False, change_check_seconds=0, clock=clock) as engine:

        async def applications() -> int:
            return int((await engine._batch_load_company_popularity([company])).frame()["applications"][0])

        before = await applications()
        act(sqlite_url, market)
        clock.now = HOUR - 0.1
        assert await applications() == before
        assert engine.cache_stats()["snapshot"].misses == 2  # the data were reloaded even so
        clock.now = HOUR
        assert await applications() == before + 1
        assert engine.cache_stats()["company"].expirations == 1

        act(sqlite_url, market, place=1)
        assert await applications() == before + 1
        await engine.refresh()
        assert await applications() == before + 2

        act(sqlite_url, market, place=2)
        engine.clear_caches("company")
        await applications()  # this request checks for new data because the caches were cleared
        engine.company_cache_hours = 0.5
        assert engine.company_cache_hours == 0.5
        act(sqlite_url, market, place=3)
        first = await applications()
        act(sqlite_url, market, place=4)
        clock.now += HOUR / 2 - 0.1
        assert await applications() == first == before + 4
        clock.now += 0.1
        assert await applications() == before + 5


async def test_database_is_checked_at_the_given_interval(
    market: RawMarket, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import scoring.facade.snapshot as home

    looks = []
    look = home.read_change_tokens_async
    monkeypatch.setattr(home, "read_change_tokens_async", lambda database: (looks.append(1), look(database))[1])
    store(market, sqlite_url)
    clock = Clock(0.0)
    with ScoringEngine(sqlite_url, keep_factors=False, change_check_seconds=10, clock=clock) as engine:
        job, user = market.jobs[0], market.users[0]

        async def loads() -> tuple[int, int]:
            await engine.calculate_total_score(job, user)
            return engine.cache_stats()["snapshot"].misses, len(looks)

        assert await loads() == (1, 1)
        act(sqlite_url, market)
        clock.now = 9.9
        assert await loads() == (1, 1)
        clock.now = 10.0
        assert await loads() == (2, 3)  # one check for changes, and one during the load
        clock.now = 19.9
        assert await loads() == (2, 3)
        clock.now = 20.0
        assert await loads() == (2, 4)


async def test_refresh_ignores_popularity_of_running_requests(
    market: RawMarket, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request on the old data asks for popularity while the new data are being loaded."""
    import scoring.facade.snapshot as home

    store(market, sqlite_url)
    company = company_of(market)[0]
    with ScoringEngine(sqlite_url, keep_factors=False) as engine:
        before = await engine._batch_load_company_popularity([company])
        act(sqlite_url, market)
        load = home.read_accepted_async

        async def slow(*of: Any, **settings: Any) -> AcceptedData:
            found = await load(*of, **settings)
            await engine._batch_load_company_popularity([company])
            return found

        monkeypatch.setattr(home, "read_accepted_async", slow)
        await engine.refresh()
        after = await engine._batch_load_company_popularity([company])
    assert after.frame()["applications"][0] == before.frame()["applications"][0] + 1


async def test_load_started_before_a_refresh_does_not_replace_it(
    market: RawMarket, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import scoring.facade.snapshot as home

    store(market, sqlite_url)
    with ScoringEngine(sqlite_url, keep_factors=False) as engine:
        load = home.read_accepted

        def slow(*of: Any, **settings: Any) -> AcceptedData:
            found = load(*of, **settings)
            act(sqlite_url, market)
            asyncio.run(engine.refresh())
            return found

        monkeypatch.setattr(home, "read_accepted", slow)
        old = await asyncio.to_thread(engine._data.get)
        assert engine._data.current is not None
        assert len(engine._data.current.dataset.actions) == len(old.dataset.actions) + 1


# --- Keys ---------------------------------------------------------------------------------------------------


def bonus(points: float) -> type[Component]:
    """Return a component class as a notebook cell would define it: a new class for each call."""

    class Bonus(Component):
        kind: ClassVar[str] = "bonus_of_a_notebook"

        def terms(self, inputs: Inputs) -> Value:
            return Value((JobTerm(np.full(len(inputs.jobs), points)),))

        def explain(self, pair: Pair) -> Reason:
            return Reason(points)

    return Bonus


def with_component(model: ScoringModel, component: Component) -> ScoringModel:
    first = model.parts[0]
    return replace(model, parts=(replace(first, component=component), *model.parts[1:]))


async def test_redefined_component_is_recomputed(market: RawMarket) -> None:
    engine = engine_of(market)
    classic, job, user = engine.model, market.jobs[0], market.users[0]
    found = []
    for points in (10.0, 90.0):
        engine.model = with_component(classic, bonus(points)())
        fresh = engine_of(market)
        fresh.model = engine.model
        pd.testing.assert_frame_equal(
            await engine.calculate_scores_for_all_users(), await fresh.calculate_scores_for_all_users()
        )
        explained = await engine.get_score_explanation(job, user)
        assert explained["components"][0]["value"] == points
        found.append(await engine.calculate_base_score(job))
        record_count("code in keys", "{} changes of code", 1)
    assert found[0] < found[1]


async def test_explanation_has_the_name_of_its_model(market: RawMarket) -> None:
    engine = engine_of(market)
    job, user = market.jobs[0], market.users[0]
    assert (await engine.get_score_explanation(job, user))["model"] == "classic"
    engine.model = replace(engine.model, name="renamed")
    assert (await engine.get_score_explanation(job, user))["model"] == "renamed"


def test_score_keys_depend_on_every_user_column(market: RawMarket) -> None:
    data = dataset_of(market)
    for name, value in (("preferred_occupations", [101, 103, 301]), ("is_active", False), ("gender", "other")):
        users = data.tables.users.copy()
        place = next(n for n, old in enumerate(users[name].tolist()) if old != value)
        users[name] = pd.Series(
            [value if n == place else old for n, old in enumerate(users[name].tolist())], dtype=users[name].dtype
        )
        assert Dataset(data.tables.with_tables(users=users)).users_fingerprint != data.users_fingerprint, name


async def test_new_popularity_window_is_part_of_the_keys(market: RawMarket, sqlite_url: str) -> None:
    """The model counts popularity over a custom window. A new snapshot does not use values from old data."""
    store(market, sqlite_url)
    clock = Clock(0.0)
    model = load_model("standard").with_parameters("popularity", days=90)
    company, job_id = company_of(market)
    job, user = next(job for job in market.jobs if job["job_id"] == job_id), market.users[0]

    async def ask(engine: ScoringEngine) -> dict[str, Any]:
        return next(
            part
            for part in (await engine.get_score_explanation(job, user))["components"]
            if part["component"] == "popularity"
        )

    settings: dict[str, Any] = {"keep_factors": False, "change_check_seconds": 0, "clock": clock}
    with ScoringEngine(sqlite_url, "standard", **settings) as engine:
        shipped = engine.model
        await ask(engine)  # 360 days, loaded at time 0
        clock.now, engine.model = HOUR / 2, model
        await ask(engine)  # 90 days, loaded after half an hour
        act(sqlite_url, market)
        clock.now, engine.model = HOUR, shipped
        await ask(engine)  # 360 days, loaded again from the new data
        engine.model = model
        await ask(engine)  # first use of this model on the new data; its 90-day popularity is still from the old data
        clock.now = 1.5 * HOUR
        engine.clear_caches("snapshot")
        found = await ask(engine)  # the 90-day popularity has expired
    with ScoringEngine(sqlite_url, model, **settings) as fresh:
        assert found == await ask(fresh)
    assert found["facts"]["company"] == company


# --- Returned values ----------------------------------------------------------------------------------------


async def test_returned_values_can_be_changed_safely(market: RawMarket) -> None:
    engine = engine_of(market)
    job, user = legacy_job(market.jobs[0]), legacy_user(market.users[0])
    first = await engine.get_score_explanation(job, user, user)
    whole = repr(first)
    first["components"][0]["facts"].clear()
    first["components"].pop()
    first["total_score"] = -1.0
    assert repr(await engine.get_score_explanation(job, user, user)) == whole

    personal = await engine.calculate_personal_score(job, user)
    users = await engine._batch_load_users_optimized()
    for row in users["preferred_occupations"]:
        row.append(999)
    for row in engine._data.get().dataset.tables.users["preferred_occupations"]:
        assert 999 not in row
    assert await engine.calculate_personal_score(job, user) == personal

    best = await engine.calculate_scores_for_all_users()
    kept = best.copy(deep=True)
    best.loc[:, "total_score"] = 0.0
    pd.testing.assert_frame_equal(await engine.calculate_scores_for_all_users(), kept)


async def test_cache_bytes_equal_allocated_memory() -> None:
    """Compare with tracemalloc, for plans under other weights, which share the data and most of their arrays."""
    engine = ScoringEngine(Dataset(make_market(300, 5000, 6000, seed=0).tables), "standard", keep_factors=False)
    await engine.calculate_scores_for_all_users(top_k=1)
    first, snapshot = engine.get_performance_stats(), engine._data.get()
    tracemalloc.start()
    try:
        for n in range(1, 6):
            weights = {part.name: 1.0 + n * place for place, part in enumerate(engine.model.parts)}
            snapshot.prepared(engine.model.with_weights(weights))
        gc.collect()
        allocated = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    performance = engine.get_performance_stats()
    grown = sum(performance["cache_bytes"].values()) - sum(first["cache_bytes"].values())
    assert grown == pytest.approx(allocated, rel=0.05)
    assert performance["cache_bytes"]["plans"] - first["cache_bytes"]["plans"] == grown
    assert list(performance["cache_bytes"]) == list(performance["caches"])
    for name, size in performance["cache_bytes"].items():
        assert size <= performance["caches"][name]["bytes"]


# --- Counters -----------------------------------------------------------------------------------------------


def adds_up(stats: CacheStats) -> bool:
    return stats.requests == stats.hits + stats.misses + stats.joined and stats.misses == (
        stats.stored + stats.failed + stats.dropped
    )


async def test_counters_add_up(market: RawMarket) -> None:
    engine = engine_of(market)
    pairs = [(job, user) for job in market.jobs[:6] for user in market.users[:3]]
    for _ in range(3):
        for job, user in pairs:
            await engine.calculate_total_score(job, user, user["user_id"])
    stats = engine.cache_stats()
    assert (stats["scores"].misses, stats["scores"].hits) == (len(pairs), 2 * len(pairs))
    assert (stats["snapshot"].misses, stats["snapshot"].hits) == (1, 3 * len(pairs) - 1)
    assert (stats["company"].misses, stats["company"].hits) == (1, 3 * len(pairs))
    assert all(map(adds_up, stats.values()))
    performance = engine.get_performance_stats()
    assert performance["hits"] == sum(layer.hits for layer in stats.values())
    assert performance["misses"] == sum(layer.misses for layer in stats.values())
    assert performance["cache_hit_rate"] == performance["hits"] / (performance["hits"] + performance["misses"])
    assert performance["caches"]["scores"]["hit_rate"] == stats["scores"].hit_rate == 2 / 3
    engine.clear_caches()
    cleared = engine.cache_stats()
    assert all(layer.entries == layer.bytes == 0 for layer in cleared.values())
    assert {name: layer.hits for name, layer in cleared.items()} == {name: layer.hits for name, layer in stats.items()}


async def test_two_engines_do_not_share_caches(market: RawMarket) -> None:
    one, other = engine_of(market), engine_of(market_of(4))
    await one.warmup_caches()
    assert all(layer.requests == 0 for layer in other.cache_stats().values())
    await other.warmup_caches()
    other.clear_caches()
    assert one.cache_stats()["plans"].entries == 1


# --- Without caches -----------------------------------------------------------------------------------------


async def test_results_are_equal_with_all_caches_off(market: RawMarket) -> None:
    warm, off = engine_of(market, "standard"), engine_of(market, "standard", caches=EngineCaches.off())
    own = warm.model
    for model in (own, reweight(own), own):
        warm.model = off.model = model
        for _ in range(2):
            lists = [await engine.calculate_scores_for_all_users(top_k=5) for engine in (warm, off)]
            pd.testing.assert_frame_equal(*lists, check_exact=True)
            for job, user in zip(market.jobs[:4], market.users[:4], strict=True):
                totals = [await engine.calculate_total_score(job, user, user) for engine in (warm, off)]
                assert totals[0] == totals[1]
                explanations = [await engine.get_score_explanation(job, user, user) for engine in (warm, off)]
                assert explanations[0] == explanations[1]
    assert all(layer.hits == layer.entries == 0 for name, layer in off.cache_stats().items() if name != "snapshot")
    assert all(map(adds_up, off.cache_stats().values()))


async def test_short_pairs_are_scored_in_the_calling_thread(market: RawMarket) -> None:
    """A pair is scored in a thread if it needs frames, or values of the data that are not computed."""
    engine, fresh = engine_of(market, "standard"), engine_of(market, "standard")
    in_threads: list[object] = []
    tables = engine._data.get().dataset.tables
    jobs, users = (getattr(tables, name).to_dict("records") for name in ("jobs", "users"))
    user = users[0]

    async def score(job: Any) -> int:
        """Return how many times a thread was used."""
        in_threads.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pair_methods, "run_in_thread", lambda work: in_threads.append(work) or run_in_thread(work))
            found = await engine.calculate_total_score(job, user)
        assert [found] == await fresh.batch_calculate_scores([(job, user)])
        return len(in_threads)

    assert [await score(jobs[n]) for n in (0, 1, 2, 2)] == [1, 1, 0, 0]
    assert await score(jobs[3] | {"company_id": "a new company"}) == 1
    engine.clear_caches("similarity")
    assert [await score(jobs[n]) for n in (4, 5, 6)] == [1, 0, 0]
    with pytest.raises(DataError):
        await engine.calculate_total_score(jobs[7] | {"fee": np.inf}, user)
    done = engine.operations.statistics().operations["calculate_total_score"]
    assert (done.count, done.failures) == (8, 1)
    stats = engine.caches.scores.stats
    assert (stats.misses, stats.hits, stats.failed) == (8, 1, 1)
