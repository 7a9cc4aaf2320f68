"""Lists of engines over a shared cache: equal, read without a plan, and shared for equal content only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.caching import SharedCache, SharedCacheCounts
from scoring.components.learned import Learned
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import RunCancelledError
from scoring.facade import ScoringEngine
from scoring.facade.shared_lists import ListBlock, ListsCodec, RowLists, SharedLists
from scoring.model import Component, Inputs, JobTerm, Pair, Reason, Value
from scoring.model_catalog import load_model
from scoring.ranking import Ranking
from scoring.synthetic import make_market
from tests.learning.model_files import make_content, write_model
from tests.support.clocks import Clock
from tests.support.shared_cache_sequences import add_action, next_minute
from tests.support.valkey_server import ValkeyServer, options_of

MARKET = make_market(130, 150, 2000, seed=1).tables
CHUNK = 50


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    with Database.open(url) as database:
        save_tables(database, MARKET)
    return url


@pytest.fixture
def options(valkey: ValkeyServer) -> SharedCache:
    return options_of(valkey.url())


def engine_of(url: str, options: SharedCache | None, model: Any = "standard", **settings: Any) -> ScoringEngine:
    given: dict[str, Any] = {"keep_factors": False, "change_check_seconds": 0, "chunk_size": CHUNK, "max_workers": 1}
    return ScoringEngine(url, model, shared_cache=options, **(given | settings))


async def ask(engine: ScoringEngine, **settings: Any) -> pd.DataFrame:
    frame = await engine.calculate_scores_for_all_users(**({"top_k": 10} | settings))
    assert isinstance(frame, pd.DataFrame)
    return frame


def counts_of(engine: ScoringEngine) -> SharedCacheCounts:
    stats = engine.shared_cache_stats()
    assert stats is not None
    return stats.caches["lists"]


@pytest.mark.parametrize("model", ["standard", "classic"])
async def test_second_engine_reads_lists_without_a_plan(url: str, options: SharedCache, model: str) -> None:
    without = options_of(options.url, namespace="other")
    with engine_of(url, options, model) as first, engine_of(url, options, model) as second:
        expected = await ask(first)
        pd.testing.assert_frame_equal(await ask(second), expected)
        n_blocks = -(-expected["user_id"].nunique() // CHUNK)
        assert (counts_of(first).misses, counts_of(second).hits) == (n_blocks, n_blocks)
        assert second.cache_stats()["plans"].misses == 0
        with engine_of(url, without, model) as alone:
            pd.testing.assert_frame_equal(await ask(alone, user_limit=99), await ask(second, user_limit=99))
            assert counts_of(alone).misses == 0  # fewer users than are shared


async def test_lists_of_trained_models_are_shared(url: str, options: SharedCache, tmp_path: Path) -> None:
    """The digest of the file is part of the key: another file of the same name has other lists."""
    found = []
    for seed in (0, 1):
        write_model(tmp_path / "model.txt", make_content(".txt", seed))
        model = load_model("standard").with_component(Learned(model=str(tmp_path / "model.txt")), "match", 0.5)
        with engine_of(url, options, model) as first, engine_of(url, options, model) as second:
            found.append(await ask(first))
            pd.testing.assert_frame_equal(await ask(second), found[-1])
            assert counts_of(first).misses == counts_of(second).hits > 0
    assert not found[0].equals(found[1])


async def test_lists_of_other_content_are_not_shared(url: str, options: SharedCache) -> None:
    """Another length, other weights, other jobs, and other data."""
    lighter = load_model("standard").with_weights({"wage": 0.5, "category": 0.5})
    with engine_of(url, options) as first, engine_of(url, options) as second, engine_of(url, options, lighter) as other:
        await ask(first)
        assert len(await ask(second, top_k=5)) < len(await ask(second, top_k=9))
        assert (await ask(second, job_limit=100))["job_id"].nunique() <= 100
        assert not (await ask(other)).equals(await ask(first))
        assert (counts_of(second).hits, counts_of(other).hits) == (0, 0)
        with Database.open(url) as database, database.begin() as connection:
            connection.execute(sa.text("UPDATE jobs SET is_active = 0 WHERE job_id IN (SELECT min(job_id) FROM jobs)"))
        with engine_of(url, options) as third:
            await ask(third)
            assert counts_of(third).hits == 0


async def test_lists_of_changing_data_are_not_shared(url: str, options: SharedCache) -> None:
    """A writer makes the lists of each load useless to other engines. They are shared again a minute later."""
    clock, begin = Clock(0.0), next_minute(MARKET.actions["occurred_at"].max())
    with engine_of(url, options, clock=clock) as first, engine_of(url, options) as second:
        await ask(first)
        misses = counts_of(first).misses
        with Database.open(url) as database:
            add_action(database, 1, 2, begin)
        await ask(first)
        clock.now = 59.0
        await ask(first)
        assert counts_of(first).misses == misses
        clock.now = 61.0
        expected = await ask(first)
        assert counts_of(first).misses == 2 * misses
        pd.testing.assert_frame_equal(await ask(second), expected)
        assert counts_of(second).hits == misses


class Constant(Component):
    kind: ClassVar[str] = "shared-lists-constant"

    def terms(self, inputs: Inputs) -> Value:
        return Value((JobTerm(np.full(len(inputs.jobs), 50.0)),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(50.0, {})


async def test_lists_of_own_components_are_not_shared(url: str, options: SharedCache) -> None:
    """The key does not name all code that such a component may call."""
    model = load_model("standard").with_component(Constant(), "base", 0.1)
    with engine_of(url, options, model) as engine:
        await ask(engine)
        assert (counts_of(engine).not_shareable, counts_of(engine).misses) == (1, 0)


async def test_lists_write_at_most_half_of_the_limit(url: str, valkey: ValkeyServer) -> None:
    limit = 200_000
    options = options_of(valkey.url(), max_bytes_per_hour=limit)
    with engine_of(url, options) as engine:
        for k in range(5, 25):
            await ask(engine, top_k=k)
        stats = engine.shared_cache_stats()
        assert stats is not None
        written = sum(counts.written_bytes for counts in stats.caches.values())
        assert counts_of(engine).not_written > 0
        assert written <= limit / 2
        with valkey.client() as client:
            [counter] = client.keys("scoring:tests:written:*")
            assert int(client.get(counter)) == written


async def test_cancelled_request_does_not_cancel_another(
    url: str, options: SharedCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests of one process need one block. The one that computes it is cancelled."""
    began, end, rank = threading.Event(), threading.Event(), RowLists.rank

    def wait(self: RowLists, k: int, first: int, stop: int, cancelled: Callable[[], bool]) -> Ranking:
        if not began.is_set():
            began.set()
            end.wait(10)
            raise RunCancelledError("The request was cancelled.")
        return rank(self, k, first, stop, cancelled)

    monkeypatch.setattr(RowLists, "rank", wait)
    with engine_of(url, options) as engine:
        await engine._data.get_async()
        lists = [SharedLists(engine._data.get(), engine.model, np.arange(CHUNK), lambda: prepare(engine)) for _ in "ab"]
        task = asyncio.create_task(asyncio.to_thread(lists[0].rank, 5, 0, CHUNK, lambda: end.is_set()))
        await asyncio.to_thread(began.wait, 10)
        other = asyncio.create_task(asyncio.to_thread(lists[1].rank, 5, 0, CHUNK, lambda: False))
        while not counts_joined(engine):
            await asyncio.sleep(0.01)
        end.set()
        with pytest.raises(RunCancelledError):
            await task
        assert len((await other).user_id) == CHUNK


def prepare(engine: ScoringEngine) -> Any:
    return engine._data.get().prepared(engine.model, 1)


def counts_joined(engine: ScoringEngine) -> int:
    assert engine._shared_store is not None
    return engine._shared_store.stats.joined


@pytest.mark.parametrize("name", ["job_row", "scores", "count"])
def test_arrays_of_another_form_are_refused(name: str) -> None:
    codec = ListsCodec()
    block = ListBlock(np.zeros((3, 2), np.int32), np.zeros((3, 2, 4), np.float32), np.zeros(3, np.int32))
    arrays = dict(codec.encode(block))
    assert codec.decode(arrays).scores.shape == (3, 2, 4)
    for changed in (arrays[name][:2], arrays[name].astype(np.float64), arrays[name][..., None]):
        with pytest.raises(ValueError, match="lists"):
            codec.decode(arrays | {name: changed})
