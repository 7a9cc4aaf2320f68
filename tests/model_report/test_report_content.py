"""What a report compares a profile with, and what it states about the decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.model_report.report_content import Decision, collect_profile_content, find_baseline
from scoring.registry import Profile, Registry

UNTESTED = {"note": "try it", "force": "untested"}
"""Arguments of a promotion without evidence."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    times = count()
    return Registry(
        tmp_path / "profiles", clock=lambda: datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=next(times))
    )


@pytest.fixture
def make_model() -> Callable[[float], ScoringModel]:
    standard = load_model("standard")
    flat = {part.name: 1.0 for part in standard.parts}
    return lambda fee: standard.with_weights(flat | {"fee": fee})


def test_baseline_of_new_profile_is_the_one_in_use(
    registry: Registry, make_model: Callable[[float], ScoringModel]
) -> None:
    first, second = registry.save("night", make_model(2.0)), registry.save("night", make_model(3.0), parent="night@1")
    assert [find_baseline(registry, profile).name for profile in (first, second)] == ["standard", "night@1"]
    assert find_baseline(registry, second).reason == "night@2 was derived from it."
    third = registry.save("other", make_model(4.0), parent="night@2")
    registry.promote("night@1", **UNTESTED)
    found = find_baseline(registry, third)
    assert (found.name, found.reason, found.model.digest) == ("night@1", "It is in use now.", first.digest)
    registry.promote("other@1", **UNTESTED)
    found = find_baseline(registry, third)
    assert (found.name, found.reason) == ("night@1", "It was in use before.")


def test_baseline_of_evaluated_profile_is_that_of_the_evaluation(
    registry: Registry, make_model: Callable[[float], ScoringModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = registry.save("night", make_model(2.0)), registry.save("night", make_model(3.0))
    registry.promote("night@1", **UNTESTED)
    change = {"difference": 0.1, "low": 0.05, "high": 0.15, "relative": 0.5, "is_significant": True, "is_good": True}
    shared = {"holdout": "h", "n_users": 80, "n_fitted_users": 0}
    standard = load_model("standard")
    registry._log_look(
        [
            shared | {"digest": standard.digest, "profile": "standard", "metrics": {"NDCG@10": {"value": 0.2}}},
            shared
            | {"digest": second.digest, "profile": "night@2", "metrics": {"NDCG@10": {"value": 0.3}}}
            | {"baseline": "standard", "baseline_digest": standard.digest, "changes": {"NDCG@10": change}},
        ]
    )
    found = find_baseline(registry, second)
    assert (found.name, found.model.digest) == ("standard", standard.digest)
    content = collect_profile_content(registry, second, found, None, "no data")
    assert content.access is not None
    assert content.baseline_values == {"NDCG@10": 0.2}
    assert find_baseline(registry, first).name == "standard"


def test_decision_lists_promotions_of_the_same_model(
    registry: Registry, make_model: Callable[[float], ScoringModel]
) -> None:
    first: Profile = registry.save("night", make_model(2.0))
    second = registry.save("night", make_model(3.0))
    assert Decision.of(registry, first.digest) == Decision((), None, False)
    registry.promote("night@1", **UNTESTED)
    registry.promote("night@2", **UNTESTED)
    decision = Decision.of(registry, first.digest)
    assert ([str(entry.action) for entry in decision.promotions], decision.is_in_use) == (["promote"], False)
    assert Decision.of(registry, second.digest).is_in_use
    registry.rollback()
    decision = Decision.of(registry, first.digest)
    assert ([str(entry.action) for entry in decision.promotions], decision.is_in_use) == (["promote", "rollback"], True)


def test_profile_in_use_is_not_compared_with_itself(
    registry: Registry, make_model: Callable[[float], ScoringModel]
) -> None:
    saved = registry.save("night", make_model(2.0))
    registry.promote("night@1", **UNTESTED)
    evidence = registry.collect_evidence_of(saved)
    assert evidence.warnings == ()
    assert "evaluate standard night@1" in evidence.objections[0]
