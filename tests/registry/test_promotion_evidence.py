"""Evidence for a promotion, from the log of evaluations on test users."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.registry import EvidenceError, Metric, Profile, Registry
from scoring.registry.evaluation_log import Change, DeclaredLimit, TestAccess
from scoring.registry.promotion_evidence import collect_evidence
from scoring.registry.promotions import Promotion
from tests.support.errors import raises_at

AT = datetime(2026, 1, 5, tzinfo=UTC)
BETTER = Change(difference=0.1, low=0.05, high=0.15, relative=0.5, is_significant=True, is_good=True)
WORSE = Change(difference=-0.1, low=-0.15, high=-0.05, relative=-0.05, is_significant=True, is_good=False)
DOUBTFUL = Change(difference=-0.1, low=-0.15, high=-0.05, relative=-0.05, is_significant=False, is_good=False)
LARGE = Change(difference=-2531.4, low=-4000, high=10, relative=-0.61, is_significant=False, is_good=False)
OTHER_DIGEST = "f" * 32


@pytest.fixture
def profile(registry: Registry, standard: ScoringModel) -> Profile:
    return registry.save("found", standard)


@pytest.fixture
def access(profile: Profile) -> Callable[..., TestAccess]:
    """Return a function that makes an evaluation in which NDCG@10 is better."""

    def make(look: int = 1, **fields: Any) -> TestAccess:
        known = {
            "at": AT,
            "look": look,
            "holdout": "h",
            "profile": "found@1",
            "digest": profile.digest,
            "n_users": 80,
            "n_fitted_users": 0,
            "baseline": "standard",
            "baseline_digest": "0" * 32,
            "changes": {"NDCG@10": BETTER},
        }
        measures = fields.get("changes", known["changes"])
        return TestAccess(**known | {"metrics": dict.fromkeys(measures, Metric(value=1))} | fields)

    return make


def test_better_result_has_no_objection(profile: Profile, access: Callable[..., TestAccess]) -> None:
    other = access(digest=OTHER_DIGEST, holdout="other")
    evidence = collect_evidence(profile, [other, access(), access(2, goals=("NDCG@10",)), other])
    assert (evidence.objections, evidence.warnings, evidence.list_worse_measures()) == ((), (), {})
    assert (evidence.n_looks, evidence.goals) == (2, ("NDCG@10",))
    assert evidence.describe_worse_measures() == ""


@pytest.mark.parametrize(
    ("fields", "objection"),
    [
        ({"changes": {}}, "does not compare it with another model"),
        ({"n_users": None, "n_fitted_users": None}, "by an earlier version, without the users"),
        ({"n_fitted_users": 61}, "fitted or selected on 61 of the 80 users"),
        ({"changes": {"NDCG@10": WORSE}, "goals": ("NDCG@10",)}, "declared goal NDCG@10 is significantly worse: -0.1."),
        ({"broken_floors": ("NDCG@10:tenure:newcomer",)}, "floor NDCG@10:tenure:newcomer is not kept"),
    ],
)
def test_objection(profile: Profile, access: Callable[..., TestAccess], fields: dict[str, Any], objection: str) -> None:
    evidence = collect_evidence(profile, [access(**fields)])
    (found,) = evidence.objections
    assert objection in found


def test_missing_evaluation_is_an_objection(profile: Profile, access: Callable[..., TestAccess]) -> None:
    (missing,) = collect_evidence(profile, []).objections
    assert "never evaluated" in missing
    with raises_at(ConfigurationError, "--guard"):
        collect_evidence(profile, [], guards=["mean fe@40"])
    # the same name with other weights, parameters or rules has another digest
    (other,) = collect_evidence(profile, [access(digest=OTHER_DIGEST)]).objections
    assert "Another version of found was evaluated" in other
    assert len(collect_evidence(profile, []).frame()) == 0


def test_exploratory_loss_is_a_price(profile: Profile, access: Callable[..., TestAccess]) -> None:
    changes = {"NDCG@10": BETTER, "coverage@40": WORSE, "mean wage@40": DOUBTFUL, "mean fee@40": LARGE}
    evidence = collect_evidence(profile, [access(changes=changes)])
    assert evidence.objections == ()
    assert list(evidence.list_worse_measures()) == ["coverage@40", "mean fee@40"]
    assert evidence.describe_worse_measures() == (
        "Given up on test users: coverage@40 -0.100 (-5%); mean fee@40 -2,531 yen (-61%), which may be due to chance."
    )
    frame = evidence.frame().set_index("measure")
    assert frame["worse"].tolist() == [False, True, False, True]
    assert frame["good"].tolist() == [True, False, False, False]


@pytest.mark.parametrize(("change", "n_objections"), [(WORSE, 1), (DOUBTFUL, 1), (LARGE, 0), (BETTER, 0)])
def test_guard_is_one_test(
    profile: Profile, access: Callable[..., TestAccess], change: Change, n_objections: int
) -> None:
    """The mark of an exploratory test is corrected for the other tests. A guard is not: its interval decides."""
    evidence = collect_evidence(profile, [access(changes={"mean fee@40": change})], guards=["mean fee@40"])
    assert len(evidence.objections) == n_objections
    assert evidence.is_significant("mean fee@40") == (change is not LARGE)


def test_unknown_guard_raises(profile: Profile, access: Callable[..., TestAccess]) -> None:
    with raises_at(ConfigurationError, "--guard"):
        collect_evidence(profile, [access()], guards=["fee"])


def test_later_evaluation_does_not_remove_a_declared_goal(profile: Profile, access: Callable[..., TestAccess]) -> None:
    worse = access(changes={"NDCG@10": WORSE}, goals=("NDCG@10",), broken_floors=("floor",), sketch=("00", "01"))
    for later in (access(2), access(1, holdout="overlapping", sketch=("00", "02"))):
        evidence = collect_evidence(profile, [worse, later])
        assert evidence.access is later
        assert len(evidence.objections) == 2
    # other held-out actions are new evidence
    assert collect_evidence(profile, [worse, access(holdout="new", sketch=("08", "09"))]).objections == ()


def test_loss_within_a_declared_limit_is_a_warning(profile: Profile, access: Callable[..., TestAccess]) -> None:
    def limit(is_kept: bool) -> tuple[DeclaredLimit, ...]:
        return (DeclaredLimit(measure="mean fee@40", text="mean fee@40 >= 90%", is_kept=is_kept),)

    fields = {"changes": {"NDCG@10": BETTER, "mean fee@40": WORSE}, "goals": ("NDCG@10", "mean fee@40")}
    search = access(**fields, limits=limit(True))
    for accesses in ([search], [search, access(2, changes=fields["changes"])]):
        evidence = collect_evidence(profile, accesses)
        assert evidence.objections == ()
        assert [text for text in evidence.warnings if "mean fee@40 >= 90% is kept" in text]
        assert list(evidence.list_worse_measures()) == ["mean fee@40"]
    again = access(2, **fields)  # declares the goal without a limit
    other = access(2, changes=fields["changes"], baseline_digest=OTHER_DIGEST)  # a limit holds for one baseline
    for accesses in ([search, again], [search, other], [access(**fields, limits=limit(False))]):
        (objection,) = collect_evidence(profile, accesses).objections
        assert "declared goal mean fee@40 is significantly worse" in objection
    assert "mean fee@40 >= 90% is not kept" in objection
    guarded = collect_evidence(profile, [search], guards=["mean fee@40"])
    assert "guard mean fee@40" in guarded.objections[0]


def test_independent_evaluation_is_preferred(profile: Profile, access: Callable[..., TestAccess]) -> None:
    independent = access()
    evidence = collect_evidence(profile, [independent, access(2, n_fitted_users=3), access(3, changes={})])
    assert evidence.access is independent
    assert evidence.objections == ()
    assert evidence.n_looks == 3


@pytest.mark.parametrize(("share", "n_objections"), [(1.0, 0), (0.9, 0), (0.89, 1), (0.0, 1), (None, 1)])
def test_evidence_of_other_data(
    profile: Profile, access: Callable[..., TestAccess], share: float | None, n_objections: int
) -> None:
    """The share is None if the key of the hashes is missing."""
    asked: list[TestAccess] = []

    def measure(evaluation: TestAccess) -> float | None:
        asked.append(evaluation)
        return share

    made = access(sketch=("0a",), since=AT)
    evidence = collect_evidence(profile, [made], measure_known_share=measure)
    assert len(evidence.objections) == n_objections
    assert asked == [made]


def test_backtest_with_a_declared_goal_is_evidence(profile: Profile, access: Callable[..., TestAccess]) -> None:
    single, exploratory = access(), access(holdout="cuts", n_cuts=6)
    declared = access(2, holdout="cuts", n_cuts=6, goals=("NDCG@10",))
    assert collect_evidence(profile, [single, exploratory]).access is single
    assert collect_evidence(profile, [single, exploratory, declared]).access is declared
    assert collect_evidence(profile, [declared]).objections == ()
    (objection,) = collect_evidence(profile, [exploratory]).objections
    assert "declares no goal" in objection


def test_guard_without_a_test_raises(profile: Profile, access: Callable[..., TestAccess]) -> None:
    """Coverage over several cuts has no interval: a guard that cannot fail protects nothing."""
    changes = {"coverage@40": Change(difference=-0.2, relative=-0.4, is_good=False)}
    evidence = collect_evidence(profile, [access(changes=changes)])
    assert evidence.describe_worse_measures().endswith("coverage@40 -0.200 (-40%), without a test.")
    with raises_at(ConfigurationError, "guards", "coverage@40"):
        collect_evidence(profile, [access(changes=changes)], guards=["coverage@40"])


def test_other_baseline_than_the_promoted_is_a_warning(profile: Profile, access: Callable[..., TestAccess]) -> None:
    promoted = Promotion(at=AT, action="promote", name="night", version=3, digest=OTHER_DIGEST)
    (warning,) = collect_evidence(profile, [access()], promoted=promoted).warnings
    assert warning.endswith("`scoring evaluate night@3 found@1 --on test`.")
    assert collect_evidence(profile, [access(baseline_digest=OTHER_DIGEST)], promoted=promoted).warnings == ()


def test_promotion_without_evidence_needs_a_reason(registry: Registry, profile: Profile) -> None:
    with pytest.raises(EvidenceError) as raised:
        registry.promote("found", note="better")
    assert raised.value.evidence.profile.metadata.reference == "found@1"
    assert raised.value.evidence.access is None
    assert len(raised.value.evidence.objections) == 1
    assert registry.load_promoted() is None
    registry.promote("found", note="better", force="a trial")
    assert registry.list_promotions()["note"].tolist() == ["better. Forced: a trial."]


def test_review_that_raises_prevents_the_promotion(registry: Registry, profile: Profile) -> None:
    seen = []

    def review(evidence: object) -> None:
        seen.append(evidence)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.promote("found", note="better", force="a trial", review=review)
    assert len(seen) == 1
    assert registry.load_promoted() is None


@pytest.mark.parametrize(
    ("texts", "key"),
    [
        ({"note": " "}, ("note",)),
        ({"note": "x", "force": ""}, ("force",)),
        ({"note": "x" * 4_001}, ("note", "length")),
    ],
)
def test_blank_and_huge_texts_raise(
    registry: Registry, profile: Profile, texts: dict[str, str], key: tuple[str, ...]
) -> None:
    with raises_at(ConfigurationError, *key):
        registry.promote("found", **texts)
    assert registry.list_promotions().empty
