"""A search on two levels keeps every lock and reaches every other weight."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import load_model
from scoring.errors import ConfigurationError
from scoring.model import GROUPS
from scoring.tuning.group_weight_space import LevelSpace

STANDARD = load_model("standard")
NAMES = [part.name for part in STANDARD.parts]


def test_any_point_keeps_locks_and_sums():
    @settings(max_examples=50, deadline=None)
    @given(
        st.sets(st.sampled_from(GROUPS), max_size=3),
        st.sets(st.sampled_from(NAMES), max_size=6),
        st.sets(st.sampled_from(NAMES), max_size=4),
        st.randoms(use_true_random=False),
    )
    def check(groups, components, constant, rng):
        try:
            space = LevelSpace(
                STANDARD, locked_groups=tuple(sorted(groups)), locked_components=tuple(sorted(components))
            ).drop(tuple(constant))
        except ConfigurationError:
            return
        point = {name: rng.uniform(1e-6, 1) for name in space._list_coordinates()}
        weights = space.model_at(point).weights
        for group in groups:
            assert weights.groups[group] == pytest.approx(STANDARD.weights.groups[group], abs=1e-12)
        for part in STANDARD.parts:
            found = weights.components[part.group][part.name]
            if part.name in components:
                expected = STANDARD.weights.components[part.group][part.name]
                assert found == pytest.approx(expected, abs=1e-12)
            elif part.name in space.dropped:
                assert found == 0
        assert math.fsum(weights.groups.values()) == pytest.approx(1)

    check()


def test_points_and_models_are_inverse():
    space = LevelSpace(STANDARD, locked_groups=("match",), locked_components=("wage", "clicks"))
    found = space.model_at(space.point_of(STANDARD))
    assert found.weights.groups == pytest.approx(STANDARD.weights.groups)
    for group in GROUPS:
        assert found.weights.components[group] == pytest.approx(STANDARD.weights.components[group])
    other = STANDARD.with_weights({name: 1 + place for place, name in enumerate(NAMES)})
    projected = space.project(other)
    assert projected.weights.groups["match"] == pytest.approx(0.3)
    assert projected.weights.components["base"]["wage"] == pytest.approx(0.35)
    ratio = other.weights.components["base"]["fee"] / other.weights.components["base"]["access"]
    free = projected.weights.components["base"]
    assert free["fee"] / free["access"] == pytest.approx(ratio)
    assert space.project(projected).weights.groups == pytest.approx(projected.weights.groups)


def test_space_without_freedom_is_rejected():
    with pytest.raises(ConfigurationError):
        LevelSpace(STANDARD, locked_groups=GROUPS, locked_components=tuple(NAMES))
    with pytest.raises(ConfigurationError):
        LevelSpace(STANDARD, locked_groups=("none",))
    one = LevelSpace(STANDARD, locked_groups=GROUPS, locked_components=tuple(set(NAMES) - {"fee", "wage"}))
    assert one._list_coordinates() == ["u(fee)", "u(wage)"]


def test_group_of_constant_components_gets_no_weight():
    space = LevelSpace(STANDARD).drop(("history", "clicks", "collaborative"))
    weights = space.model_at(space.point_of(STANDARD)).weights
    assert weights.groups["personal"] == 0
    assert weights.groups["base"] == pytest.approx(4 / 7)
    kept = LevelSpace(STANDARD, locked_groups=("personal",)).drop(("history", "clicks", "collaborative"))
    assert kept.model_at(kept.point_of(STANDARD)).weights.groups["personal"] == pytest.approx(0.3)
