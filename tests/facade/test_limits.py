"""Requests that are rejected, requests that are split, and pairs on disk."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest

from scoring.errors import ConfigurationError, DatabaseError, DataReason, ModelError, NotEnoughMemoryError, OutputError
from scoring.facade import (
    DEFAULT_CHUNK_SIZE,
    MAX_BATCH_SIZE,
    PERFORMANCE_TARGET_MS_PER_USER,
    ScoredPairs,
    ScoringEngine,
)
from scoring.runs import memory_forecast
from tests.support.errors import raises_at, raises_data, raises_problem, raises_unknown, raises_with
from tests.support.facade_market import engine_of, legacy_job, legacy_user, market_of, store
from tests.support.proof_counts import record_count


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return market_of(0).frames()


@pytest.fixture
def engine() -> ScoringEngine:
    return engine_of(market_of(0))


def ids(n_users: int, n_jobs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.DataFrame({"user_id": range(n_users)}), pd.DataFrame({"job_id": range(n_jobs)})


# --- Size ---------------------------------------------------------------------------------------------------


async def test_frame_beyond_memory_is_rejected_before_any_work(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: 16_000_000_000)
    with ScoringEngine(sqlite_url) as engine:  # the file does not exist: any work would fail
        users, jobs = ids(10_000, 100_000)
        started = time.perf_counter()
        with pytest.raises(NotEnoughMemoryError) as caught:
            await engine.process_scoring_batch(users, jobs)
        assert time.perf_counter() - started < 1
        message = str(caught.value)
        for part in ("10,000 × 100,000 = 1,000,000,000 pairs", "33", "16,000,000,000 bytes", "top_k=", "out="):
            assert part in message
        assert engine.get_performance_stats()["total_calculations"] == 0
        assert isinstance(caught.value, MemoryError)
    record_count("large requests", "{} requests", 1)


async def test_all_users_and_jobs_beyond_memory_are_rejected(
    engine: ScoringEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.warmup_caches()
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: 1000)
    with raises_with(NotEnoughMemoryError, bytes_available=1000) as raised:
        await engine.calculate_scores_for_all_users(top_k=None)
    assert [text.partition("=")[0] for text in raised.value.alternatives] == ["top_k", "out"]
    record_count("large requests", "{} requests", 1)


async def test_estimated_memory_is_near_the_measured_memory(engine: ScoringEngine, frames: Any) -> None:
    from scoring.facade.legacy_computation import BYTES_PER_PAIR

    result = await engine.process_scoring_batch(frames["users"], frames["jobs"])
    assert isinstance(result, pd.DataFrame)
    assert result.memory_usage(index=False).sum() == len(result) * BYTES_PER_PAIR


async def test_large_chunk_size_is_reduced_with_a_warning(engine: ScoringEngine, frames: Any) -> None:
    assert (DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE, PERFORMANCE_TARGET_MS_PER_USER) == (1000, 10_000, 180)
    with pytest.warns(UserWarning, match="reduced to 10,000 users"):
        cut = await engine.process_scoring_batch(frames["users"], frames["jobs"], chunk_size=10_001)
    users, jobs = ids(MAX_BATCH_SIZE + 1, 3)
    with pytest.warns(UserWarning, match="reduced to 10,000 users"):
        chunk = await engine._calculate_chunk_scores(users, jobs)
    assert len(chunk) == 3 * (MAX_BATCH_SIZE + 1)  # no user is dropped
    pd.testing.assert_frame_equal(cut, await engine.process_scoring_batch(frames["users"], frames["jobs"]))


@pytest.mark.parametrize("chunk_size", [0, -1, 1.5, True, "ten", None])
async def test_chunk_size_must_be_an_integer(engine: ScoringEngine, frames: Any, chunk_size: Any) -> None:
    with raises_at(ConfigurationError, "chunk_size"):
        await engine.process_scoring_batch(frames["users"], frames["jobs"], chunk_size=chunk_size)


@pytest.mark.parametrize("top_k", [0, -1, 1.5, True])
async def test_top_k_must_be_an_integer(engine: ScoringEngine, frames: Any, top_k: Any) -> None:
    with raises_at(ConfigurationError, "top_k"):
        await engine.process_scoring_batch(frames["users"], frames["jobs"], top_k=top_k)
    with raises_at(ConfigurationError, "top_k"):
        await engine.calculate_scores_for_all_users(top_k=top_k)


async def test_empty_frames_give_empty_results(engine: ScoringEngine, frames: Any, tmp_path: Path) -> None:
    for users, jobs in ((frames["users"].head(0), frames["jobs"]), (frames["users"], frames["jobs"].head(0))):
        every = await engine.process_scoring_batch(users, jobs)
        best = await engine.process_scoring_batch(users, jobs, top_k=3)
        full = await engine.process_scoring_batch(frames["users"], frames["jobs"])
        assert len(every) == len(best) == 0
        pd.testing.assert_series_equal(every.dtypes, full.dtypes)
        kept = await engine.process_scoring_batch(users, jobs, out=tmp_path / f"out-{len(users)}")
        assert len(kept) == len(kept.head()) == len(kept.read()) == 0
    assert len(await engine.batch_calculate_scores([])) == 0
    assert engine.calculate_base_scores_vectorized(frames["jobs"].head(0)).shape == (0,)
    assert len(await engine.calculate_scores_for_all_users(user_limit=0)) == 0


# --- Rows ---------------------------------------------------------------------------------------------------


async def test_duplicate_id_is_named_in_the_error(engine: ScoringEngine, frames: Any) -> None:
    twice = pd.concat([frames["jobs"], frames["jobs"].head(1)], ignore_index=True)
    with raises_problem("jobs", "job_id", rows=1, value=str(twice["job_id"][0])):
        await engine.process_scoring_batch(frames["users"], twice)


async def test_invalid_numbers_are_named_in_the_error(engine: ScoringEngine, frames: Any) -> None:
    for fee, reason in ((np.inf, "is infinite"), ("many", "is not a number")):
        jobs = frames["jobs"].astype({"fee": object})
        jobs.loc[5, "fee"] = fee
        with raises_problem("jobs", "fee", first=(5,), reason=reason):
            await engine.process_scoring_batch(frames["users"], jobs)
        with raises_problem("jobs", "fee", first=(0,), reason=reason):
            await engine.calculate_base_score({"job_id": 1, "fee": fee})
        with raises_problem("jobs", "fee", first=(5,), reason=reason):
            engine.calculate_base_scores_vectorized(jobs)


async def test_arguments_must_be_frames_with_ids(engine: ScoringEngine, frames: Any) -> None:
    with raises_data("not a frame", table="users", value="list"):
        await engine.process_scoring_batch([1], frames["jobs"])  # type: ignore[arg-type]
    with raises_data("missing column", table="jobs", column="job_id"):
        await engine.process_scoring_batch(frames["users"], frames["users"])
    with raises_data("not a frame", table="jobs", value="NoneType"):
        engine.calculate_base_scores_vectorized(None)  # type: ignore[arg-type]


async def test_objects_without_values_are_rejected(engine: ScoringEngine) -> None:
    market = market_of(0)
    job, user = legacy_job(market.jobs[0]), legacy_user(market.users[0])
    values: list[tuple[DataReason, Any]] = [
        *(("not an object", wrong) for wrong in (None, 5, "job", pd.DataFrame())),
        *(("no known field", wrong) for wrong in (object(), SimpleNamespace(colour="red"), {})),
    ]
    for reason, wrong in values:
        with raises_data(reason, table="jobs", value=type(wrong).__name__):
            await engine.calculate_base_score(wrong)
        with raises_data(reason, table="users", value=type(wrong).__name__):
            await engine.calculate_seo_score(job, wrong)
    with raises_data("swapped arguments", table="users"):
        await engine.calculate_total_score(user, job)


async def test_profile_must_belong_to_the_user(engine: ScoringEngine) -> None:
    market = market_of(0)
    job, user = legacy_job(market.jobs[0]), legacy_user(market.users[0])
    known = await engine.calculate_total_score(job, user, user.user_id)
    for profile in (user, {"user_id": user.user_id}, np.int64(user.user_id), SimpleNamespace(), {"user_id": None}):
        assert await engine.calculate_total_score(job, user, profile) == known
    with raises_data("other user", table="users", column="user_id", value="999"):
        await engine.calculate_total_score(job, user, {"user_id": 999})
    with raises_data("missing value", table="users", column="user_id"):
        await engine.calculate_personal_score(job, SimpleNamespace(applications=[]))
    with raises_unknown("user", "not an id"):
        await engine.calculate_personal_score(job, {"user_id": "not an id"})
    # a user that the data do not contain has no history
    assert await engine.calculate_personal_score(job, 10**9) == 40.0


async def test_listed_pairs_need_ids(engine: ScoringEngine) -> None:
    job, user = {"fee": 5000}, {"prefecture_code": "01"}
    explanation = await engine.get_score_explanation(job, user)
    assert (explanation["job_id"], explanation["user_id"]) == (None, None)
    assert explanation["total_score"] == await engine.calculate_total_score(job, user)
    with raises_data("missing value", table="jobs", column="job_id", row=1):
        await engine.batch_calculate_scores([({"job_id": 1}, {"user_id": 1}), (job, {"user_id": 1})])
    with raises_data("number of fields", row=0):
        await engine.batch_calculate_scores([({"job_id": 1},)])


async def test_values_in_legacy_types_are_read(engine: ScoringEngine) -> None:
    """Enums, sets, numbers as text, mocks, and methods with the name of a column."""
    from decimal import Decimal
    from enum import Enum

    class Pay(Enum):
        HOURLY = "hourly"

    plain = {"job_id": 1, "salary_type": "hourly", "min_salary": 1500.0, "fee": 2500.0, "occupation_code": 101}
    other = {"job_id": "1", "salary_type": Pay.HOURLY, "min_salary": Decimal("1500"), "fee": "2500"}
    other["occupation_cd1"] = np.int32(101)  # type: ignore[assignment]
    assert await engine.calculate_base_score(other) == await engine.calculate_base_score(plain)
    users = [{"user_id": 1, "preferred_occupations": value} for value in ([101, 102], {102, 101}, "101|102")]
    assert len({await engine.calculate_seo_score(plain, user) for user in users}) == 1
    mock = MagicMock(job_id=1, fee=2500.0)
    mock.salary.min_salary, mock.salary.salary_type = 1500.0, "hourly"
    mock.category.occupation_cd1 = 101
    assert await engine.calculate_base_score(mock) == await engine.calculate_base_score(plain)


# --- Pairs on disk ------------------------------------------------------------------------------------------


async def test_scored_pairs_are_read_from_disk(engine: ScoringEngine, frames: Any, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "pairs"
    pairs = await engine.process_scoring_batch(frames["users"], frames["jobs"], out=place)
    every = await engine.process_scoring_batch(frames["users"], frames["jobs"])
    assert isinstance(pairs, ScoredPairs)
    assert isinstance(every, pd.DataFrame)
    assert len(pairs) == len(every) == len(frames["users"]) * len(frames["jobs"])
    assert list(pairs.columns) == every.columns.tolist()
    for n in (0, 1, 5, 61, 10**6):
        pd.testing.assert_frame_equal(pairs.head(n), every.head(n))
    users, jobs = frames["users"]["user_id"].tolist()[3:5], frames["jobs"]["job_id"].tolist()[-7:]
    wanted = every[every["user_id"].isin(users) & every["job_id"].isin(jobs)].reset_index(drop=True)
    pd.testing.assert_frame_equal(pairs.read(users=users, jobs=[*jobs, -5]), wanted)
    some = pairs.read(users=users, columns=["job_id", "total_score"])
    assert some.shape == (2 * len(frames["jobs"]), 2)
    assert pairs.dataset.count_rows() == len(every)
    pd.testing.assert_frame_equal(pd.concat(pairs.batches(17), ignore_index=True), every)
    assert "12 users × 40 jobs = 480 pairs" in repr(pairs)
    again = ScoredPairs(place)
    pd.testing.assert_frame_equal(again.read(), every)


async def test_reading_pairs_beyond_memory_is_rejected(
    engine: ScoringEngine, frames: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = await engine.process_scoring_batch(frames["users"], frames["jobs"], out=tmp_path / "pairs")
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: 10_000)
    assert isinstance(pairs, ScoredPairs)
    with raises_with(NotEnoughMemoryError, bytes_available=10_000) as raised:
        pairs.read()
    assert "batches()" in raised.value.alternatives[-1]
    assert len(pairs.read(users=[int(frames["users"]["user_id"][0])])) == 40


async def test_existing_folder_is_not_overwritten(engine: ScoringEngine, frames: Any, tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    with raises_with(OutputError, errno=errno.EEXIST):
        await engine.process_scoring_batch(frames["users"], frames["jobs"], out=tmp_path / "pairs")
    with raises_at(ConfigurationError, "top_k", match="out"):
        await engine.process_scoring_batch(frames["users"], frames["jobs"], top_k=3, out=tmp_path / "other")
    with raises_with(OutputError, path=str(tmp_path / "pairs")):
        ScoredPairs(tmp_path / "pairs")
    assert os.listdir(tmp_path) == ["pairs"]


@pytest.mark.parametrize("at", [0, 2])
async def test_failed_write_leaves_no_files(
    engine: ScoringEngine, frames: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    from scoring.facade import pair_parquet_dataset

    monkeypatch.setattr("scoring.facade.pair_chunks.PAIRS_PER_CHUNK", 3 * 40)
    write = pair_parquet_dataset._write_chunk

    def full(folder: Path, piece: Any, external_ids: Any) -> dict[str, Any]:
        if piece.number == at:
            raise OSError(28, "No space left on device")
        return write(folder, piece, external_ids)

    monkeypatch.setattr(pair_parquet_dataset, "_write_chunk", full)
    with raises_with(OutputError, errno=errno.ENOSPC):
        await engine.process_scoring_batch(frames["users"], frames["jobs"], out=tmp_path / "pairs")
    assert os.listdir(tmp_path) == []


async def test_readers_see_only_complete_results(
    engine: ScoringEngine, frames: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scoring.facade import pair_parquet_dataset

    seen = []
    write = pair_parquet_dataset._write_manifest
    monkeypatch.setattr(
        pair_parquet_dataset,
        "_write_manifest",
        lambda *arguments: (seen.append((tmp_path / "pairs").exists()), write(*arguments))[1],
    )
    await engine.process_scoring_batch(frames["users"], frames["jobs"], out=tmp_path / "pairs")
    assert seen == [False]
    assert os.listdir(tmp_path) == ["pairs"]


# --- Settings -----------------------------------------------------------------------------------------------


def test_settings_are_attributes_of_the_engine() -> None:
    engine = engine_of(market_of(0), chunk_size=7, max_workers=2)
    assert (engine.chunk_size, engine.max_workers) == (7, 2)
    assert (engine.company_cache_hours, engine.prefecture_cache_size, engine.company_cache_size) == (1, 10_000, 500)
    assert engine.PERFORMANCE_TARGET_MS_PER_USER == 180
    assert engine.model.name == "classic"


def test_invalid_engine_arguments_are_rejected(tmp_path: Path) -> None:
    with raises_at(ConfigurationError, "data"):
        ScoringEngine(None)
    with raises_at(ConfigurationError, "db"):
        ScoringEngine(5)
    with raises_at(ModelError, path="unknown_model"):
        ScoringEngine("sqlite://", "unknown_model")
    with raises_at(ConfigurationError, "as_of"):
        engine_of(market_of(0), as_of="2025-01-01")


async def test_database_without_data_is_rejected(sqlite_url: str) -> None:
    with ScoringEngine(sqlite_url) as engine, raises_with(DatabaseError, reason="missing file"):
        await engine.calculate_scores_for_all_users()
    market = market_of(0)
    market.users, market.actions, market.user_factors, market.job_factors = [], [], None, None
    store(market, sqlite_url)
    with ScoringEngine(sqlite_url, keep_factors=False) as engine:
        with raises_with(DatabaseError, reason="empty"):
            await engine.calculate_scores_for_all_users()
        # the caller's rows are scored even so
        assert await engine.calculate_base_score(legacy_job(market.jobs[0])) > 0


def test_missing_component_is_named_in_the_error() -> None:
    from scoring.model_catalog import load_model

    model = load_model("classic")
    engine = engine_of(market_of(0))
    engine.model = model
    from scoring.facade import job_only_scores

    with raises_at(ConfigurationError, "shine", match="fee, wage"):
        job_only_scores.compute_job_component(engine._data.get(), model, "shine", market_of(0).frames()["jobs"])


async def test_stats_count_calls_and_caches_are_cleared(engine: ScoringEngine, frames: Any) -> None:
    empty = engine.get_performance_stats()
    assert (empty["total_calculations"], empty["target_achievement"], empty["snapshot"]) == (0, None, None)
    stats = await engine.warmup_caches()
    counted = {name: stats["caches"]["plans"][name] for name in ("hits", "misses", "stored", "entries")}
    assert counted == {"hits": 0, "misses": 1, "stored": 1, "entries": 1}
    assert stats["cache_bytes"]["plans"] > 10_000
    await engine.calculate_scores_for_all_users(top_k=2)
    await engine.process_scoring_batch(frames["users"], frames["jobs"])
    stats = engine.get_performance_stats()
    active = int(frames["users"]["is_active"].sum())
    assert stats["total_users"] == 12 + active
    assert stats["total_calculations"] == (12 + active) * 40
    assert stats["caches"]["plans"]["hits"] == 1
    assert (stats["caches"]["snapshot"]["hits"], stats["caches"]["snapshot"]["misses"]) == (2, 1)
    assert stats["hits"] == sum(cache["hits"] for cache in stats["caches"].values())
    assert stats["cache_hit_rate"] == stats["hits"] / (stats["hits"] + stats["misses"])
    assert stats["snapshot"]["jobs"] == 40
    assert stats["avg_calculation_time_ms"] > 0
    engine.PERFORMANCE_TARGET_MS_PER_USER = 0
    assert engine.get_performance_stats()["target_achievement"] is False
    engine.PERFORMANCE_TARGET_MS_PER_USER = 10**9
    assert engine.get_performance_stats()["target_achievement"] is True

    engine.clear_caches(["plans"])
    assert engine.get_performance_stats()["caches"]["plans"]["entries"] == 0
    assert engine.get_performance_stats()["snapshot"] is not None
    engine.clear_caches()
    assert engine.get_performance_stats()["snapshot"] is None
    with raises_at(ConfigurationError, "unknown_cache", match="snapshot, prefecture"):
        engine.clear_caches(["unknown_cache"])


def test_import_loads_no_heavy_modules() -> None:
    import subprocess
    import sys

    heavy = "implicit", "pyarrow.parquet", "pyarrow.dataset"
    script = f"import sys, scoring.facade; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
