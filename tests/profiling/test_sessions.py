"""The same seed gives the same session, and an engine with caches answers it like one without."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.caching import EngineCaches
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset, Tables
from scoring.facade import ScoringEngine
from scoring.profiling.sessions import (
    KINDS,
    Session,
    SessionClock,
    SessionReport,
    compare_caches,
    count_recomputed,
    make_session,
    plot_hit_rates,
    plot_times,
    replay,
    session_requests,
)
from scoring.synthetic import make_market

N_REQUESTS = 80


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_market(40, 200, seed=3).tables


@pytest.fixture
def session(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(session_requests, "REQUESTS_PER_WRITE", 25)
    return make_session(Dataset(tables), N_REQUESTS, seed=1)


async def replayed(path: Path, tables: Tables, session: Session, caches: str) -> SessionReport:
    clock = SessionClock()
    engine_caches = EngineCaches.off(company_hours=1, clock=clock) if caches == "off" else EngineCaches(clock=clock)
    with Database.open(path) as database:
        save_tables(database, tables)
        settings = {"caches": engine_caches, "clock": clock, "keep_factors": False}
        with ScoringEngine(path, "standard", **settings) as engine:
            return await replay(engine, session, database, clock)


def test_session_is_reproducible_and_has_every_kind(tables: Tables, session: Session) -> None:
    again = make_session(Dataset(tables), N_REQUESTS, seed=1)
    assert [(r.kind, r.at, r.job, r.user, r.companies, r.weights) for r in session.requests] == [
        (r.kind, r.at, r.job, r.user, r.companies, r.weights) for r in again.requests
    ]
    other = make_session(Dataset(tables), N_REQUESTS, seed=2)
    assert [r.user for r in session.requests] != [r.user for r in other.requests]
    assert {r.kind for r in session.requests} == {*KINDS, "new actions"}
    assert session.requests[-1].at > 3 * 3600
    assert all(r.job in session.jobs and r.user in session.users for r in session.requests if r.kind == "pair")


async def test_results_equal_an_engine_without_caches(tmp_path: Path, tables: Tables, session: Session) -> None:
    cached = await replayed(tmp_path / "cached.db", tables, session, "on")
    off = await replayed(tmp_path / "off.db", tables, session, "off")
    assert len(cached.requests) == len(session.requests)
    assert cached.different_from(off).empty
    assert cached.requests["answer"].nunique() > 20
    caches = cached.caches
    assert (caches["hits"] + caches["misses"] + caches["joined"] == caches["requests"]).all()
    assert off.caches.loc[["plans", "scores", "explanations"], "hits"].sum() == 0
    assert caches.loc["company", "misses"] > 1  # hours passed
    times = cached.times(off)
    assert (
        times.loc["pair", ["warm_ms", "off_ms"]] > 0
    ).all()  # which one is faster depends on the load of the machine
    bars = plot_times(times).axes[0]
    assert {"pair", "explanation"} <= {label.get_text() for label in bars.get_yticklabels()}
    assert bars.get_xlabel() == "median milliseconds"

    axes = plot_hit_rates(cached).axes[0]
    assert axes.get_xlabel()
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "overall"


async def test_compared_sessions_agree_and_name_causes(tables: Tables) -> None:
    kept, off = await compare_caches(ScoringEngine, tables, 60, seed=1)
    assert len(kept.requests) == len(off.requests) == 60
    assert kept.different_from(off).empty
    assert kept.requests["cold"].equals(kept.requests["computed"] != "")
    assert off.caches.loc[["plans", "scores"], "hits"].sum() == 0
    slowest = kept.slowest(5)
    assert slowest["ms"].tolist() == sorted(1000 * kept.requests["seconds"], reverse=True)[:5]
    assert slowest["computed"].iloc[0]
    assert slowest["kind"].tolist() == kept.requests["kind"].iloc[slowest["request"] - 1].tolist()
    causes = kept.causes()
    assert causes["requests"].sum() == (kept.requests["answer"] != "").sum()
    assert causes["total_ms"].is_monotonic_decreasing
    assert causes["total_ms"].sum() == pytest.approx(1000 * kept.requests["seconds"].sum())


async def test_recomputed_values_follow_the_change(tables: Tables) -> None:
    counts = await count_recomputed(ScoringEngine, tables, 5)
    assert counts.loc["first request", ["snapshot", "encoded", "plans"]].tolist() == [1, 1, 1]
    assert counts.loc[["nothing changed", "first weights again"]].to_numpy().sum() == 0
    assert counts.columns[counts.loc["other weights"] > 0].tolist() == ["plans", "scores"]
    assert counts.loc["a new action", "snapshot"] == 1
    assert counts.loc["one hour later", ["snapshot", "company"]].tolist() == [0, 1]
    assert counts.loc["clear_caches('lru')", "scores"] == 1
