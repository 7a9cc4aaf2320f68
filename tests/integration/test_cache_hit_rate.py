"""Cache hit rates in a session of weight tuning."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.facade import ScoringEngine
from scoring.profiling.sessions import SessionClock, make_session, replay, session_requests
from scoring.synthetic import make_market


async def test_cache_hit_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is short and contains a write, so hit rates are lower than in a usual session."""
    monkeypatch.setattr(session_requests, "REQUESTS_PER_WRITE", 180)
    tables, clock = make_market(60, 400, seed=0).tables, SessionClock()
    session = make_session(Dataset(tables), 220, seed=0)
    with Database.open(tmp_path / "market.db") as database:
        save_tables(database, tables)
        with ScoringEngine(tmp_path / "market.db", "standard", keep_factors=False, clock=clock) as engine:
            report = await replay(engine, session, database, clock)
            stats = engine.get_performance_stats()
    assert "new actions" in set(report.requests["kind"])
    assert report.hit_rates["overall"] == stats["cache_hit_rate"] > 0.8
    assert report.hit_rates["prefecture"] > 0.95
    assert report.hit_rates["company"] > 0.85
