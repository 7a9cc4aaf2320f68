"""`ScoringEngine.live()` returns a live engine of the same database and model."""

from __future__ import annotations

import pytest

from scoring import Dataset
from scoring.errors import ConfigurationError
from scoring.facade import ScoringEngine
from tests.support.live_market import make_tables, save_market


def test_live_engine_has_the_database_and_the_model(sqlite_url: str) -> None:
    save_market(sqlite_url)
    with ScoringEngine(sqlite_url, "classic", keep_factors=False) as engine, engine.live(k=3) as live:
        status = live.status()
        assert status.model == engine.model.name
        user = int(live._require_state().published.copy().user_id[0])
        assert len(live.get(user).list or ()) <= 3


def test_live_engine_of_a_dataset_is_an_error() -> None:
    with ScoringEngine(Dataset(make_tables())) as engine, pytest.raises(ConfigurationError) as caught:
        engine.live()
    assert caught.value.key == ("db",)
