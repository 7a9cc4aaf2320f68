"""Engines over a shared cache: equal answers, with and without the server, and no training in the second engine."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoring.caching import EngineCaches, SharedCache
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError
from scoring.facade import ScoringEngine
from scoring.statistics.factors import Factors
from scoring.synthetic import make_market
from scoring.telemetry import prometheus_text
from tests.support.errors import raises_at
from tests.support.shared_cache_sequences import add_action, next_minute, run_sequence
from tests.support.valkey_server import HOST, ValkeyServer, options_of

MARKET = make_market(40, 120, 1500, seed=1).tables
VALUES = ("factors", "similarity", "company")


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    with Database.open(url) as database:
        save_tables(database, MARKET)
    return url


def engine_of(url: str, options: SharedCache | None) -> ScoringEngine:
    return ScoringEngine(url, "standard", keep_factors=False, change_check_seconds=0, shared_cache=options)


async def ask(engine: ScoringEngine) -> dict[str, Any]:
    frame = await engine.calculate_scores_for_all_users(top_k=10)
    assert isinstance(frame, pd.DataFrame)
    return {str(name): column.tolist() for name, column in frame.items()}


def read_counts(engine: ScoringEngine, name: str) -> list[int]:
    stats = engine.shared_cache_stats()
    assert stats is not None
    return [getattr(stats.caches[cache], name) for cache in VALUES]


async def test_second_engine_trains_nothing(url: str, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Factors] = []
    train = Factors.of

    def count(*arguments: Any, **settings: Any) -> Factors:
        trained.append(train(*arguments, **settings))
        return trained[-1]

    monkeypatch.setattr(Factors, "of", count)
    with engine_of(url, options_of(valkey.url())) as first, engine_of(url, options_of(valkey.url())) as second:
        expected = await ask(first)
        assert await ask(second) == expected
        assert len(trained) == 1
        assert (read_counts(first, "misses"), read_counts(second, "hits")) == ([1, 1, 1], [1, 1, 1])
        text = prometheus_text(second.sources)
        assert 'scoring_shared_cache_hits_total{cache="factors"} 1.0' in text
        assert "scoring_shared_cache_open_seconds_total 0.0" in text
        assert second.get_performance_stats()["shared_cache"]["caches"]["company"]["hits"] == 1


async def test_answers_without_the_server_are_equal(url: str, fresh_valkey: ValkeyServer) -> None:
    options = options_of(fresh_valkey.url())
    with engine_of(url, options) as engine:
        expected = await ask(engine)
    fresh_valkey.kill()
    with engine_of(url, options) as engine:
        assert await ask(engine) == expected
        assert read_counts(engine, "skipped") == [1, 1, 1]


async def test_basis_of_the_whole_data_gives_the_usual_answers(url: str, valkey: ValkeyServer) -> None:
    options = options_of(valkey.url(), basis_seconds=0.0)
    with engine_of(url, options) as first, engine_of(url, options) as second, engine_of(url, None) as usual:
        assert await ask(first) == await ask(second) == await ask(usual)


async def test_actions_after_the_basis_do_not_stop_sharing(url: str, valkey: ValkeyServer) -> None:
    """A writer adds an action between the loads of two engines: they have other data, but the same basis."""
    options = options_of(valkey.url())
    begin = next_minute(MARKET.actions["occurred_at"].max())
    with engine_of(url, options) as first, engine_of(url, options) as second, Database.open(url) as database:
        add_action(database, 1, 2, begin + timedelta(seconds=5))
        before = await ask(first)
        add_action(database, 3, 4, begin + timedelta(seconds=20))
        answer = await ask(second)
        assert answer != before  # clock and history are those of its own data
        assert read_counts(second, "hits") == [1, 1, 1]
        with engine_of(url, options_of(f"redis://{HOST}:1/0")) as alone:
            assert await ask(alone) == answer
        add_action(database, 3, 5, begin + timedelta(seconds=70))
        await ask(second)
        assert read_counts(second, "misses") == [1, 1, 1]  # the next basis contains both actions
        await ask(first)
        assert read_counts(first, "hits") == [1, 1, 1]


async def test_second_level_serves_an_engine_beside_a_writer(url: str, valkey: ValkeyServer) -> None:
    """Both engines see another state of the data at each load, and three bases."""
    options = options_of(valkey.url(), basis_seconds=10.0)
    begin = next_minute(MARKET.actions["occurred_at"].max())
    with engine_of(url, options) as first, engine_of(url, options) as second, Database.open(url) as database:
        for step in range(14):  # 28 s
            add_action(database, 1 + step, 1 + step, begin + timedelta(seconds=2 * step))
            await first._data.get_async()
            add_action(database, 2 + step, 3 + step, begin + timedelta(seconds=2 * step + 1))
            await second._data.get_async()
        hits, misses = sum(read_counts(second, "hits")), sum(read_counts(second, "misses"))
        assert hits >= 0.9 * (hits + misses)
        assert hits >= 6


async def test_values_of_earlier_bases_expire_soon(url: str, valkey: ValkeyServer) -> None:
    """Only the values of the last basis may stay for their whole time. Earlier values expire in 5 minutes."""
    begin = next_minute(MARKET.actions["occurred_at"].max())
    options = options_of(valkey.url())
    with (
        engine_of(url, options) as first,
        engine_of(url, options) as second,
        Database.open(url) as database,
        valkey.client() as client,
    ):
        for minute in range(6):
            add_action(database, minute, minute, begin + timedelta(minutes=minute, seconds=1))
            for engine in (first, second):
                await engine._data.get_async()
        expiry = [client.ttl(key) for key in client.keys("scoring:tests:*") if b":written:" not in key]
        assert sum(seconds > 360 for seconds in expiry) == 4  # headers and chunks of factors and popularity
        assert sum(0 < seconds <= 360 for seconds in expiry) == 4 * 5


async def test_event_loop_does_not_wait_for_the_server(url: str, fresh_valkey: ValkeyServer) -> None:
    with engine_of(url, options_of(fresh_valkey.url(), read_seconds=0.5)) as engine:
        fresh_valkey.pause()
        longest, ends = 0.0, asyncio.Event()

        async def watch() -> None:
            nonlocal longest
            while not ends.is_set():
                began = time.perf_counter()
                await asyncio.sleep(0.01)
                longest = max(longest, time.perf_counter() - began)

        watching = asyncio.create_task(watch())
        await engine._data.get_async()
        ends.set()
        await watching
        assert sum(read_counts(engine, "errors")) > 0
        assert longest < 0.4
        fresh_valkey.resume()


def test_shared_cache_and_caches_are_one_setting(url: str, valkey: ValkeyServer) -> None:
    with raises_at(ConfigurationError, "shared_cache"):
        ScoringEngine(url, shared_cache=options_of(valkey.url()), caches=EngineCaches())


@pytest.mark.parametrize("seed", range(4))
def test_random_sequences_of_three_engines(fresh_valkey: ValkeyServer, tmp_path: Path, seed: int) -> None:
    run_sequence(fresh_valkey, tmp_path, seed)


@pytest.mark.long
def test_many_random_sequences_of_three_engines(
    fresh_valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A sequence takes 2 s of a processor, most of which loads the database."""
    folder = tmp_path_factory.mktemp("sequences")
    for seed in range(100, 600):
        run_sequence(fresh_valkey, folder, seed)
