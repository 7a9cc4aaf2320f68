"""Statistics of an engine: operations, database, memory, the target, metrics."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from scoring import ScoringEngine
from scoring.errors import DataError
from scoring.telemetry import prometheus_text
from tests.support.facade_market import engine_of, market_of, store


@pytest.fixture
def engine() -> ScoringEngine:
    return engine_of(market_of(0))


@pytest.fixture
def frames() -> dict[str, Any]:
    return market_of(0).frames()


async def test_operations_are_counted_by_method(engine: ScoringEngine, frames: Any) -> None:
    job, user = frames["jobs"].iloc[0].to_dict(), frames["users"].iloc[0].to_dict()
    await engine.calculate_scores_for_all_users(top_k=3)
    for _ in range(3):
        await engine.calculate_total_score(job, user)
    engine.calculate_base_scores_vectorized(frames["jobs"])
    with pytest.raises(DataError):
        await engine.process_scoring_batch(frames["users"], "no frame")  # type: ignore[arg-type]
    stats = engine.get_performance_stats()
    done = stats["operations"]
    assert {name: part["count"] for name, part in done.items()} == {
        "calculate_scores_for_all_users": 1,
        "calculate_total_score": 3,
        "calculate_base_scores_vectorized": 1,
    }
    active = int(frames["users"]["is_active"].sum())
    assert (stats["total_users"], stats["total_calculations"]) == (active + 3, active * len(frames["jobs"]) + 3)
    assert stats["total_seconds"] == pytest.approx(sum(part["seconds"] for part in done.values()))
    for part in done.values():
        assert 0 < part["median_seconds"] <= part["p95_seconds"] <= part["seconds"]
    assert stats["process"]["peak_bytes"] >= stats["process"]["resident_bytes"] > 10**7
    assert stats["database"] is None  # a Dataset
    json.dumps(stats)


async def test_exceeded_target_is_reported_once(engine: ScoringEngine, caplog: pytest.LogCaptureFixture) -> None:
    targets: list[float] = []
    engine.alert.on(lambda alert: targets.append(alert.target_ms_per_user))
    engine.PERFORMANCE_TARGET_MS_PER_USER = 10**9
    await engine.calculate_scores_for_all_users(top_k=3)
    assert targets == []
    engine.PERFORMANCE_TARGET_MS_PER_USER = 1e-9
    with caplog.at_level(logging.WARNING, "scoring.alerts"):
        for _ in range(3):
            await engine.calculate_scores_for_all_users(top_k=3)
    assert targets == [1e-9]
    assert len(caplog.records) == 1
    stats = engine.get_performance_stats()
    assert (stats["alert"]["alerts"], stats["target_achievement"]) == (1, False)


async def test_metrics_equal_the_stats(engine: ScoringEngine) -> None:
    pytest.importorskip("prometheus_client", reason="the extra `monitoring` is not installed")
    for _ in range(4):
        await engine.calculate_scores_for_all_users(top_k=3)
    text = prometheus_text(engine.sources)
    plans = engine.get_performance_stats()["caches"]["plans"]
    assert plans["hits"] == 3
    assert f'scoring_cache_hits_total{{layer="plans"}} {float(plans["hits"])}' in text
    assert 'scoring_operation_seconds_count{operation="calculate_scores_for_all_users"} 4.0' in text


async def test_round_trips_count_loads_and_checks(tmp_path: Any) -> None:
    url, now = store(market_of(0), f"sqlite:///{tmp_path}/small.db"), [0.0]
    with ScoringEngine(url, keep_factors=False, change_check_seconds=5, clock=lambda: now[0]) as engine:
        seen = []
        for moment in (0.0, 4.9, 5.0, 5.1, 20.0):
            now[0] = moment
            await engine.calculate_scores_for_all_users(top_k=3)
            seen.append(engine.get_performance_stats()["database"]["round_trips"])
    loading = seen[0]
    assert [count - loading for count in seen] == [0, 0, 1, 1, 2]
