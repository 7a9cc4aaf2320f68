"""The weights behind the sliders, after any sequence of changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import load_model
from scoring.errors import ConfigurationError, ModelError, ScoringError
from scoring.model import ScoringModel, WeightProfile
from scoring.widgets.parameter_sliders import list_parameters
from scoring.widgets.slider_view_model import State, WeightsModel
from tests.support.errors import raises_at

STANDARD = load_model("standard")
COMPONENTS = [part.name for part in STANDARD.parts]
PARAMETERS = [parameter.name for part in STANDARD.parts for parameter in list_parameters(part)]
GROUPS = ["base", "match", "personal"]

Move = Callable[[WeightsModel], object]

moves = st.one_of(
    st.tuples(st.just("set_weight"), st.sampled_from(COMPONENTS), st.floats(0, 1)),
    st.tuples(st.just("set_group"), st.sampled_from(GROUPS), st.floats(0, 1)),
    st.tuples(st.just("set_parameter"), st.sampled_from(PARAMETERS), st.floats(0, 100)),
    st.tuples(st.just("lock"), st.sampled_from(COMPONENTS), st.booleans()),
    st.tuples(st.just("lock_group"), st.sampled_from(GROUPS), st.booleans()),
    st.tuples(st.just("make_baseline")),
    st.tuples(st.just("reset")),
)


def apply_move(weights: WeightsModel, move: tuple[str, str, float]) -> None:
    """Apply the change if it is valid."""
    name, *arguments = move
    with suppress(ScoringError):
        getattr(weights, name)(*arguments)


@settings(max_examples=60, deadline=None)
@given(st.lists(moves, min_size=1, max_size=12))
def test_any_moves_keep_sums_and_locks_and_can_be_undone(sequence):
    weights = WeightsModel(STANDARD)
    states = [weights.state]
    for move in sequence:
        before, locked = weights.model.weights, weights.state
        apply_move(weights, move)
        after = weights.model.weights
        assert math.fsum(weights.flat.values()) == pytest.approx(1, abs=1e-9)
        if move == ("reset",):
            assert weights.model == locked.baseline  # the last baseline that was set, or the initial one
        assert weights.baseline == (locked.model if move == ("make_baseline",) else locked.baseline)
        for name in locked.locked & weights.state.locked:
            group = next(part.group for part in STANDARD.parts if part.name == name)
            assert after.components[group][name] == before.components[group][name]
        for group in locked.locked_groups & weights.state.locked_groups:
            assert after.groups[group] == before.groups[group]
        if weights.state != states[-1]:
            states.append(weights.state)
    for state in reversed(states[:-1]):
        weights.undo()
        assert weights.state == state
    with raises_at(ConfigurationError, "undo"):
        weights.undo()
    for state in states[1:]:
        weights.redo()
        assert weights.state == state
    with raises_at(ConfigurationError, "redo"):
        weights.redo()


def test_moves_change_other_weights_in_proportion():
    weights = WeightsModel(STANDARD)
    weights.set_weight("fee", 0.5)
    assert weights.weight("fee") == 0.5
    assert weights.weight("wage") == pytest.approx(0.35 * 0.5 / 0.75)
    assert weights.groups == {"base": 0.4, "match": 0.3, "personal": 0.3}
    weights.set_group("base", 0.6)
    assert weights.groups == pytest.approx({"base": 0.6, "match": 0.2, "personal": 0.2})
    assert weights.flat["fee"] == pytest.approx(0.3)


def test_rejected_move_changes_nothing():
    weights = WeightsModel(STANDARD)
    weights.lock("fee")
    before = weights.state
    with raises_at(ConfigurationError, "fee", match="is locked"):
        weights.set_weight("fee", 0.5)
    with raises_at(ModelError, "location"):
        weights.set_parameter("location.same_city", 10)
    with raises_at(ConfigurationError, "freshness.half_life_days"):
        weights.set_parameter("freshness.half_life_days", math.nan)
    assert weights.state is before


def test_new_move_clears_redo():
    weights = WeightsModel(STANDARD)
    weights.set_weight("fee", 0.5)
    weights.undo()
    weights.set_weight("fee", 0.1)
    with raises_at(ConfigurationError, "redo"):
        weights.redo()
    with raises_at(ConfigurationError, "redo"):
        weights.redo()


def test_reset_can_be_undone():
    weights = WeightsModel(STANDARD)
    weights.set_weight("fee", 0.5)
    moved = weights.state
    weights.reset()
    assert weights.model == STANDARD
    weights.undo()
    assert weights.state == moved


def test_reset_restores_the_baseline_until_it_is_undone():
    weights = WeightsModel(STANDARD)
    assert weights.baseline_description == "The baseline is standard as it was opened. Reset restores it."
    assert weights.make_baseline() == "These weights are already the baseline."
    with raises_at(ConfigurationError, "undo"):
        weights.undo()
    weights.set_weight("fee", 0.5)
    weights.set_parameter("freshness.half_life_days", 7)
    better = weights.model
    assert weights.make_baseline() == ""
    assert (weights.model, weights.baseline) == (better, better)
    assert "5 weights and 1 parameter differ from standard as it was opened" in weights.baseline_description
    assert weights.has_unsaved_changes  # setting a baseline does not save the model
    weights.set_weight("location", 0.9)
    weights.lock("location")
    weights.reset()
    assert weights.state == State(better, better)
    for _ in range(3):  # reset, lock, location
        weights.undo()
    assert (weights.model, weights.baseline) == (better, better)
    weights.undo()
    assert (weights.model, weights.baseline) == (better, STANDARD)
    weights.redo()
    assert weights.baseline == better


def test_description_counts_differences_of_the_baseline():
    weights = WeightsModel(STANDARD)
    weights.set_parameter("freshness.half_life_days", 7)
    weights.make_baseline()
    assert weights.baseline_description.startswith(
        "The baseline was set in this panel. 1 parameter differs from standard"
    )
    weights.load(STANDARD.with_parameters("wage", curve=((0, 0), (1, 60), (2, 100))))
    weights.make_baseline()
    assert " 4 parameters differ from" in weights.baseline_description  # third and missing fourth point
    weights.load(STANDARD.with_eligibility(min_fee=1))
    weights.make_baseline()
    assert weights.baseline_description.startswith("The baseline was set in this panel. Reset")


def test_group_of_all_zero_components_stays_at_0():
    profile = WeightProfile.normalised(
        {"base": 1.0, "match": 0.0, "personal": 0.0},
        {group: {name: float(group == "base") for name in STANDARD.weights.components[group]} for group in GROUPS},
    )
    weights = WeightsModel(STANDARD.with_weights(profile))
    with raises_at(ConfigurationError, "match", match="weight 0"):
        weights.set_group("match", 0.5)
    assert weights.set_weight("location", 0.3).startswith("location gets the whole weight of group match")
    weights.set_group("match", 0.5)
    assert weights.flat["location"] == pytest.approx(0.5)


def test_changes_are_unsaved_until_saved_or_undone():
    weights = WeightsModel(STANDARD)
    assert not weights.has_unsaved_changes
    weights.set_parameter("freshness.half_life_days", 7)
    assert weights.has_unsaved_changes
    weights.undo()
    assert not weights.has_unsaved_changes
    weights.redo()
    weights.mark_saved(weights.model)
    assert not weights.has_unsaved_changes


def test_loading_replaces_weights_and_parameters():
    weights = WeightsModel(STANDARD)
    other = STANDARD.with_parameters("freshness", half_life_days=3).with_weights({"wage": 0.5, "clicks": 0.5})
    weights.load(other)
    assert weights.model == other
    assert not weights.has_unsaved_changes
    weights.undo()
    assert weights.model == STANDARD


def test_model_with_other_components_is_rejected():
    weights = WeightsModel(STANDARD)
    with raises_at(ConfigurationError, "model"):
        weights.load(load_model("classic"))
    assert weights.model == STANDARD


def test_unknown_names_are_rejected():
    weights = WeightsModel(STANDARD)
    for move in (lambda: weights.set_weight("x", 0.1), lambda: weights.lock("x"), lambda: weights.set_group("x", 0.1),
                 lambda: weights.lock_group("x"), lambda: weights.set_parameter("x", 1)):  # fmt: skip
        with raises_at(ConfigurationError, "x"):
            move()


@pytest.mark.parametrize("model", [STANDARD, load_model("classic")], ids=lambda model: model.name)
def test_every_shipped_model_can_be_tuned(model: ScoringModel):
    weights = WeightsModel(model)
    for part in model.parts:
        weights.set_weight(part.name, 0.5)
        assert weights.weight(part.name) == 0.5
