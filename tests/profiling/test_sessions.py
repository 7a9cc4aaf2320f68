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
    assert times.loc["pair", "warm_ms"] < times.loc["pair", "off_ms"]
    bars = plot_times(times).axes[0]
    assert {"pair", "explanation"} <= {label.get_text() for label in bars.get_yticklabels()}
    assert bars.get_xlabel() == "median milliseconds"

    axes = plot_hit_rates(cached).axes[0]
    assert axes.get_xlabel()
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "overall"
