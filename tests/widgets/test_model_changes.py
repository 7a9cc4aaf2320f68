"""Changes of a model are described by what the user moved, not by what made room."""

from __future__ import annotations

from scoring import load_model
from scoring.widgets.model_changes import describe_changes, list_changes
from scoring.widgets.slider_view_model import WeightsModel

STANDARD = load_model("standard")


def describe(*moves, locked=()):
    weights = WeightsModel(STANDARD)
    for name in locked:
        weights.lock(name)
    for name, *arguments in moves:
        getattr(weights, name)(*arguments)
    return list_changes(STANDARD, weights.model, weights.state.moved)


def test_one_moved_weight_is_one_change():
    assert describe(("set_weight", "location", 0.6)) == ["location 12 → 18 %"]
    assert describe(("set_weight", "location", 0.2)) == ["location 12 → 6 %"]
    assert describe(("set_weight", "fee", 0.0)) == ["fee 10 → 0 %"]
    assert describe(("set_group", "match", 0.4)) == ["group match 30 → 40 %"]


def test_of_two_changed_weights_the_moved_one_is_named():
    assert describe(("set_weight", "location", 0.2), locked=["category"]) == ["location 12 → 6 %"]
    weights = WeightsModel(STANDARD)
    weights.lock("category")
    weights.set_weight("location", 0.6)
    assert list_changes(STANDARD, weights.model) == ["location 12 → 18 %"]
    assert list_changes(weights.model, STANDARD) == ["conditions 1.5 → 7.5 %"]  # the one that rose


def test_several_moves_are_named_by_size():
    found = describe(("set_weight", "fee", 0.30), ("set_weight", "location", 0.9))
    assert found == ["location 12 → 27 %", "fee 10 → 12 %"]


def test_unrelated_weights_are_all_named():
    other = STANDARD.with_weights({part.name: 1 + place**2 for place, part in enumerate(STANDARD.parts)})
    names = {text.split()[0] for text in list_changes(STANDARD, other)}
    assert {part.name for part in STANDARD.parts} <= names
    assert describe_changes(STANDARD, other).count(" → ") == 3
    assert " more" in describe_changes(STANDARD, other)


def test_parameters_curves_and_rules_are_named():
    changed = STANDARD.with_parameters("freshness", half_life_days=7)
    assert list_changes(STANDARD, changed) == ["freshness.half_life_days 14 → 7"]
    curve = ((0, 0), (1, 70), (1.2, 80), (1.5, 100))
    assert list_changes(STANDARD, STANDARD.with_parameters("wage", curve=curve)) == ["wage.curve (1, 60) → (1, 70)"]
    shorter = STANDARD.with_parameters("wage", curve=curve[1:])
    assert list_changes(STANDARD, shorter) == ["wage.curve 4 → 3 points"]
    rules = STANDARD.with_eligibility(min_fee=800, not_applied=False, rules=["job.fee >= 900"])
    assert list_changes(STANDARD, rules) == [
        "rule min_fee 0 → 800",
        "rule not_applied on → off",
        "rule job.fee >= 900 off → on",
    ]
    assert describe_changes(STANDARD, STANDARD) == ""
