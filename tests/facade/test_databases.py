"""Engines on every kind of database handle; they do not block the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from scoring.columns.dataset_frames import Tables
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import DatabaseError, RunCancelledError
from scoring.facade import ScoringEngine, legacy_computation
from scoring.plan import job_side_plan, plan, program_packer
from scoring.ranking import single_pair_score
from tests.support.cached_oracle import CachedOracle
from tests.support.errors import raises_with
from tests.support.facade_market import (
    dataset_of,
    engine_of,
    expected_pairs,
    legacy_job,
    legacy_user,
    market_of,
    named,
    store,
)
from tests.support.oracle import Oracle
from tests.support.proof_counts import record_count
from tests.support.random_markets import RawMarket

HANDLES = ["url", "path", "engine", "session", "async engine", "async session"]


async def handle(kind: str, url: str, stack: AsyncExitStack) -> Any:
    sync = sa.make_url(url)
    if sync.get_backend_name() == "postgresql":
        sync = sync.set(drivername="postgresql+psycopg")
    if kind == "url":
        return url
    if kind == "path":
        return Path(sync.database or "")
    if kind in ("engine", "session"):
        engine = sa.create_engine(sync)
        stack.callback(engine.dispose)
        return engine if kind == "engine" else stack.enter_context(Session(engine))
    driver = "sqlite+aiosqlite" if sync.get_backend_name() == "sqlite" else "postgresql+asyncpg"
    a_engine = create_async_engine(sync.set(drivername=driver))
    stack.push_async_callback(a_engine.dispose)
    return a_engine if kind == "async engine" else await stack.enter_async_context(AsyncSession(a_engine))


@pytest.fixture(scope="module")
def market() -> RawMarket:
    return market_of(1)


@pytest.fixture(scope="module")
def oracle(market: RawMarket) -> Oracle:
    return market.oracle(CachedOracle)


@pytest.mark.parametrize("kind", HANDLES)
async def test_every_method_works_on_every_handle(
    kind: str, database_url: str, market: RawMarket, oracle: Oracle
) -> None:
    if kind == "path" and not database_url.startswith("sqlite"):
        kind = "url"  # a server has no path
    store(market, database_url)
    async with AsyncExitStack() as stack:
        db = await handle(kind, database_url, stack)
        engine = stack.enter_context(ScoringEngine(db, as_of=market.as_of, keep_factors=False))
        await every_method(engine, market, oracle)
    record_count("database handles", "{} handles", 1)


async def every_method(engine: ScoringEngine, market: RawMarket, oracle: Oracle) -> None:
    """Call each legacy method once and compare with the oracle."""
    jobs, users = (sorted(rows, key=lambda row: next(iter(row.values()))) for rows in (market.jobs, market.users))
    job_ids, user_ids = [job["job_id"] for job in jobs], [user["user_id"] for user in users]
    assert (await engine.warmup_caches())["snapshot"]["jobs"] == len(jobs)

    jobs_df = await engine._batch_load_jobs_optimized()
    users_df = await engine._batch_load_users_optimized()
    assert (jobs_df["job_id"].tolist(), users_df["user_id"].tolist()) == (job_ids, user_ids)
    some = await engine._batch_load_jobs_optimized(job_ids=[job_ids[4], job_ids[2], -1])
    assert some["job_id"].tolist() == [job_ids[2], job_ids[4]]
    assert (await engine._batch_load_users_optimized(limit=3))["user_id"].tolist() == user_ids[:3]

    expected = expected_pairs(oracle, users, jobs)
    pd.testing.assert_frame_equal(await engine.process_scoring_batch(users_df, jobs_df), expected, check_exact=True)
    pd.testing.assert_frame_equal(await engine._calculate_chunk_scores(users_df, jobs_df), expected, check_exact=True)
    best = await engine.calculate_scores_for_all_users(top_k=2)
    assert best["total_score"].tolist() == [
        total for user in users if user["is_active"] is not False for _, total in oracle.ranking("classic", user, k=2)
    ]
    assert engine.calculate_base_scores_vectorized(jobs_df).tolist() == expected["base_score"][: len(jobs)].tolist()

    job, user = jobs[3], users[1]
    legacy = legacy_job(job), legacy_user(user)
    total, base, match, personal = named(oracle.classic(user, job))
    assert await engine.calculate_total_score(*legacy, legacy[1]) == total
    assert await engine.calculate_base_score(legacy[0]) == base
    assert await engine.calculate_seo_score(*legacy) == match
    assert await engine.calculate_personal_score(legacy[0], legacy[1]) == personal
    assert await engine.batch_calculate_scores([(*legacy, legacy[1])]) == [total]
    assert (await engine.get_score_explanation(*legacy, legacy[1]))["total_score"] == total

    await histories(engine, oracle)


async def histories(engine: ScoringEngine, oracle: Oracle) -> None:
    acting = sorted({action["user_id"] for action in oracle.actions})[:3]
    history = (await engine._batch_load_user_history(acting)).frame()
    expected = sorted(
        (action["user_id"], action["occurred_at"], action["job_id"], action["action"])
        for action in oracle.actions
        if action["user_id"] in acting
    )
    columns = ["user_id", "occurred_at", "job_id", "action"]
    assert list(history[columns].itertuples(index=False, name=None)) == expected
    names = ["C1", "unheard of", "C0", "C1"]
    popularity = (await engine._batch_load_company_popularity(names)).frame()
    assert popularity["company_id"].tolist() == ["C1", "unheard of", "C0"]
    rates = [oracle.company_rate(name) for name in ("C1", "unheard of", "C0")]
    assert popularity["application_rate"].tolist() == rates


async def test_dataset_replaces_a_database(market: RawMarket, oracle: Oracle) -> None:
    await every_method(ScoringEngine(dataset_of(market), keep_factors=False), market, oracle)


async def test_sync_engine_with_sqlite_in_memory(market: RawMarket, oracle: Oracle) -> None:
    engine = sa.create_engine("sqlite://")
    save_tables(Database.open(engine), Tables(**market.frames()))
    with ScoringEngine(engine, as_of=market.as_of, keep_factors=False) as scoring:
        await every_method(scoring, market, oracle)
    engine.dispose()


async def test_async_engine_with_sqlite_in_memory(market: RawMarket, oracle: Oracle) -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    database = Database.open(engine)
    await database.run(save_tables, database, Tables(**market.frames()))
    with ScoringEngine(engine, as_of=market.as_of, keep_factors=False) as scoring:
        with raises_with(DatabaseError, reason="not supported"):
            scoring.component_values(market.frames()["jobs"], "location")  # before any data are loaded
        await asyncio.gather(scoring.warmup_caches(), scoring.calculate_scores_for_all_users())
        await every_method(scoring, market, oracle)
    await engine.dispose()


# --- The snapshot -------------------------------------------------------------------------------------------


async def test_data_is_loaded_once_and_replaced_by_refresh(sqlite_url: str, market: RawMarket) -> None:
    store(market, sqlite_url)
    with ScoringEngine(sqlite_url, as_of=market.as_of, keep_factors=False) as engine:
        before, _ = await asyncio.gather(*(engine.calculate_scores_for_all_users(top_k=1) for _ in range(2)))
        held = engine._data.current
        fewer = market_of(1)
        fewer.jobs = [job for job in fewer.jobs if job["job_id"] != before["job_id"][0]]
        fewer.actions = [action for action in fewer.actions if action["job_id"] != before["job_id"][0]]
        fewer.job_factors = {
            key: value for key, value in (fewer.job_factors or {}).items() if key != before["job_id"][0]
        }
        with Database.open(sqlite_url) as database:
            save_tables(database, Tables(**fewer.frames()), replace=True)
        pd.testing.assert_frame_equal(await engine.calculate_scores_for_all_users(top_k=1), before)
        assert engine._data.current is held
        await engine.refresh()
        after = await engine.calculate_scores_for_all_users(top_k=1)
        assert before["job_id"][0] not in set(after["job_id"])
        engine.clear_caches("snapshot")
        assert engine._data.current is None
        pd.testing.assert_frame_equal(await engine.calculate_scores_for_all_users(top_k=1), after)


async def test_many_tasks_share_one_load(
    sqlite_url: str, market: RawMarket, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    import scoring.facade.snapshot as home

    loads = []
    load = home.read_accepted_async
    monkeypatch.setattr(home, "read_accepted_async", lambda db, *of: (loads.append(1), load(db, *of))[1])
    store(market, sqlite_url)
    with ScoringEngine(sqlite_url, as_of=market.as_of, keep_factors=False) as engine:
        pairs = [(market.jobs[n % 5], market.users[n % 4]) for n in range(60)]
        found = await asyncio.gather(
            *(engine.calculate_total_score(legacy_job(j), legacy_user(u), u["user_id"]) for j, u in pairs)
        )
    assert found == [named(oracle.classic(user, job))[0] for job, user in pairs]
    assert len(loads) == 1


def test_threads_with_separate_loops_share_one_load(
    sqlite_url: str, market: RawMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads start on an engine without loaded data; some call a method that is not async."""
    import scoring.facade.snapshot as home

    loads: list[str] = []
    for name in ("read_accepted", "read_accepted_async"):
        load = getattr(home, name)

        def counting(*of: Any, load: Any = load, name: str = name, **settings: Any) -> Any:
            loads.append(name)
            return load(*of, **settings)

        monkeypatch.setattr(home, name, counting)
    store(market, sqlite_url)
    start = threading.Barrier(8)
    with (
        ScoringEngine(sqlite_url, "standard", as_of=market.as_of, keep_factors=False) as engine,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(number: int) -> Any:
            start.wait()
            if number % 4 == 0:
                return engine.calculate_base_scores_vectorized(market.frames()["jobs"])[0]
            return asyncio.run(engine.calculate_base_score(market.frames()["jobs"].iloc[0]))

        found = list(pool.map(ask, range(8)))
        stats = engine.cache_stats()["snapshot"]
    assert len(set(found)) == 1
    assert len(loads) == 1
    assert (stats.misses, stats.hits) == (1, 7)


def test_engine_works_in_a_second_event_loop(sqlite_url: str, market: RawMarket) -> None:
    store(market, sqlite_url)
    with ScoringEngine(sqlite_url, as_of=market.as_of, keep_factors=False) as engine:

        async def twice() -> list[Any]:
            return await asyncio.gather(*(engine.calculate_scores_for_all_users(top_k=1) for _ in range(3)))

        first = asyncio.run(twice())
        engine.clear_caches()
        for frame in asyncio.run(twice()):
            pd.testing.assert_frame_equal(frame, first[0])


# --- The event loop -----------------------------------------------------------------------------------------


class Gate:
    """Work that blocks until the event loop has ticked a few times.

    On the event loop's own thread it would never end.
    """

    def __init__(self, work: Callable[..., Any]) -> None:
        self.work, self.opened, self.passed = work, threading.Event(), 0

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        assert self.opened.wait(timeout=20)
        self.passed += 1
        return self.work(*arguments, **keywords)

    async def tick(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0.001)
        self.opened.set()


Calls = dict[str, Callable[[ScoringEngine, RawMarket], Awaitable[Any]]]
SCORING: Calls = {
    "process_scoring_batch": lambda e, m: e.process_scoring_batch(m.frames()["users"], m.frames()["jobs"]),
    "process_scoring_batch top_k": lambda e, m: e.process_scoring_batch(
        m.frames()["users"], m.frames()["jobs"], top_k=3
    ),
    "_calculate_chunk_scores": lambda e, m: e._calculate_chunk_scores(m.frames()["users"], m.frames()["jobs"]),
    "calculate_scores_for_all_users": lambda e, _: e.calculate_scores_for_all_users(),
    "calculate_total_score": lambda e, m: e.calculate_total_score(m.jobs[0], m.users[0], m.users[0]),
    "calculate_base_score": lambda e, m: e.calculate_base_score(m.jobs[0]),
    "calculate_seo_score": lambda e, m: e.calculate_seo_score(m.jobs[0], m.users[0]),
    "calculate_personal_score": lambda e, m: e.calculate_personal_score(m.jobs[0], m.users[0]),
    "batch_calculate_scores": lambda e, m: e.batch_calculate_scores([(m.jobs[0], m.users[0])]),
    "get_score_explanation": lambda e, m: e.get_score_explanation(m.jobs[0], m.users[0]),
    "warmup_caches": lambda e, _: e.warmup_caches(),
}
LOADING: Calls = {
    "_batch_load_jobs_optimized": lambda e, _: e._batch_load_jobs_optimized(),
    "_batch_load_users_optimized": lambda e, _: e._batch_load_users_optimized(),
    "_batch_load_user_history": lambda e, m: e._batch_load_user_history([m.users[0]["user_id"]]),
    "_batch_load_company_popularity": lambda e, _: e._batch_load_company_popularity(["C1"]),
    "_calculate_location_match": lambda e, m: e._calculate_location_match(m.jobs[0], m.users[0]),
    "_calculate_category_match": lambda e, m: e._calculate_category_match(m.jobs[0], m.users[0]),
    "_calculate_condition_match": lambda e, m: e._calculate_condition_match(m.jobs[0], m.users[0]),
    "refresh": lambda e, _: e.refresh(),
}


@pytest.mark.parametrize("name", SCORING)
async def test_scoring_does_not_block_the_event_loop(
    name: str, market: RawMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(program_packer.pack)  # every score needs a program, except that of a pair of plain rows
    for module in (plan, job_side_plan):
        monkeypatch.setattr(module, "pack", gate)
    of_pair = Gate(single_pair_score.score_pair_of_shipped_components)
    of_pair.opened = gate.opened
    monkeypatch.setattr(legacy_computation, "score_pair_of_shipped_components", of_pair)
    await asyncio.gather(SCORING[name](engine_of(market), market), gate.tick())
    assert gate.passed + of_pair.passed


@pytest.mark.parametrize("name", SCORING | LOADING)
async def test_loading_does_not_block_the_event_loop(
    name: str, market: RawMarket, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(market, sqlite_url)
    gate = Gate(Database._open)
    monkeypatch.setattr(Database, "_open", lambda self: gate(self))
    with ScoringEngine(sqlite_url, as_of=market.as_of, keep_factors=False) as engine:
        await asyncio.gather((SCORING | LOADING)[name](engine, market), gate.tick())
    assert gate.passed


async def test_a_cancelled_request_stops_and_publishes_nothing(
    market: RawMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scoring.facade import batch_methods

    ended: list[BaseException] = []
    entered, write = threading.Event(), batch_methods.write_pairs

    def watched(*arguments: Any, cancelled: Callable[[], bool], **keywords: Any) -> Any:
        entered.set()
        while not cancelled():
            pass
        try:
            return write(*arguments, cancelled=cancelled, **keywords)
        except RunCancelledError as error:
            ended.append(error)
            raise

    monkeypatch.setattr(batch_methods, "write_pairs", watched)
    frames, engine = market.frames(), engine_of(market)
    task = asyncio.create_task(engine.process_scoring_batch(frames["users"], frames["jobs"], out=tmp_path / "pairs"))
    await asyncio.to_thread(entered.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while not ended:
        await asyncio.sleep(0.01)
    assert list(tmp_path.iterdir()) == []
