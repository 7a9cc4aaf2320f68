"""Weights of one level: the sum, the locks, and the message if no weight can change."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.widgets.weight_redistribution import move_weight
from tests.support.errors import raises_at

NAMES = ("a", "b", "c", "d")


@st.composite
def levels(draw) -> dict[str, float]:
    raw = draw(st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1)), min_size=4, max_size=4).filter(any))
    return {name: weight / math.fsum(raw) for name, weight in zip(NAMES, raw, strict=True)}


@settings(max_examples=150, deadline=None)
@given(levels(), st.sampled_from(NAMES), st.floats(-0.5, 1.5), st.sets(st.sampled_from(NAMES)))
def test_sum_is_1_and_locked_weights_do_not_change(weights, name, value, locked):
    try:
        result, note = move_weight("the level", weights, name, value, locked, dict.fromkeys(NAMES, 0.25))
    except ConfigurationError:
        assert name in locked or set(NAMES) - {name} <= locked
        return
    assert math.fsum(result.values()) == pytest.approx(1, abs=1e-12)
    assert all(weight >= 0 for weight in result.values())
    assert all(result[other] == weights[other] for other in locked - {name})
    room = 1 - math.fsum(weights[other] for other in locked - {name})
    assert result[name] == pytest.approx(min(max(value, 0), max(room, 0)), abs=1e-12)
    assert bool(note) == (result[name] != value)


@settings(max_examples=60, deadline=None)
@given(levels(), st.floats(0, 0.9), st.sets(st.sampled_from(NAMES[1:]), max_size=1))
def test_unlocked_weights_keep_their_proportions(weights, value, locked):
    free = [name for name in NAMES[1:] if name not in locked and weights[name] > 0]
    if len(free) < 2:
        return
    result, _ = move_weight("the level", weights, "a", value, locked)
    first, second = free[:2]
    assert result[first] * weights[second] == pytest.approx(result[second] * weights[first], abs=1e-12)


def test_weights_return_from_0_in_given_proportions():
    start = {"a": 0.5, "b": 0.3, "c": 0.2}
    all_of_it, _ = move_weight("base", start, "a", 1.0)
    assert all_of_it == {"a": 1.0, "b": 0.0, "c": 0.0}
    back, _ = move_weight("base", all_of_it, "a", 0.5, proportions=start)
    assert back == pytest.approx(start)


def test_move_without_known_proportions_is_rejected():
    with raises_at(ConfigurationError, "a", match="are 0"):
        move_weight("base", {"a": 1.0, "b": 0.0}, "a", 0.5)


def test_move_with_all_other_weights_locked_is_rejected():
    with raises_at(ConfigurationError, "a", match="base are locked"):
        move_weight("base", {"a": 0.5, "b": 0.5}, "a", 0.6, locked={"b"})


def test_locked_weights_limit_a_move():
    result, note = move_weight("base", {"a": 0.2, "b": 0.5, "c": 0.3}, "a", 0.9, locked={"b"})
    assert result == {"a": 0.5, "b": 0.5, "c": 0.0}
    assert note == "a was limited to 0.5: the locked weights of base leave no more."


def test_first_weight_of_an_all_zero_level_becomes_1():
    result, note = move_weight("base", {"a": 0.0, "b": 0.0}, "a", 0.3)
    assert result == {"a": 1.0, "b": 0.0}
    assert note.startswith("a gets the whole weight of base")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weight_that_is_not_finite_is_rejected(value):
    with raises_at(ConfigurationError, "a", match="from 0 to 1"):
        move_weight("base", {"a": 0.5, "b": 0.5}, "a", value)


def test_unknown_and_locked_names_are_rejected():
    with raises_at(ConfigurationError, "z"):
        move_weight("base", {"a": 0.5, "b": 0.5}, "z", 0.1)
    with raises_at(ConfigurationError, "a", match="is locked"):
        move_weight("base", {"a": 0.5, "b": 0.5}, "a", 0.1, locked={"a"})
