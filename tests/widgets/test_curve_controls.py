"""Points of a curve keep their order and their limits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import load_model
from scoring.errors import ConfigurationError
from scoring.widgets.curve_controls import list_curves, set_curve
from scoring.widgets.slider_view_model import WeightsModel
from tests.support.errors import raises_at

STANDARD = load_model("standard")


@pytest.fixture
def weights():
    return WeightsModel(STANDARD)


def points(weights, name="wage.curve"):
    return next(curve for curve in list_curves(weights) if curve["name"] == name)["points"]


def test_curves_are_listed_with_axes(weights):
    curves = list_curves(weights)
    json.dumps(curves, allow_nan=False)
    assert [curve["name"] for curve in curves] == ["wage.curve", "popularity.curve"]
    wage = curves[0]
    assert wage["points"] == [[0, 0], [1, 60], [1.2, 80], [1.5, 100]]
    assert (wage["component"], wage["field"], wage["y"], wage["is_changed"]) == ("wage", "curve", [0, 100], False)
    assert wage["x"][0] <= 0 < 1.5 < wage["x"][1]


def test_moved_point_stays_between_its_neighbours(weights):
    assert set_curve(weights, "wage.curve", [[0, 0], [1.1, 65], [1.2, 80], [1.5, 100]]) == ""
    assert points(weights)[1] == [1.1, 65]
    assert "was limited" in set_curve(weights, "wage.curve", [[0, 0], [9, 65], [1.2, 80], [1.5, 100]])
    assert 1.1 < points(weights)[1][0] < 1.2
    assert "was limited" in set_curve(weights, "wage.curve", [[0, 0], [1, 165], [1.2, 80], [1.5, -4]])
    assert [y for _, y in points(weights)] == [0, 100, 80, 0]
    weights.undo()
    weights.undo()
    weights.undo()
    assert weights.model == STANDARD


def test_points_are_added_and_removed(weights):
    assert set_curve(weights, "wage.curve", [[0, 0], [1, 60], [1.2, 80], [1.5, 100], [0.5, 20]]) == ""
    assert points(weights)[1] == [0.5, 20]
    set_curve(weights, "wage.curve", [[0, 10], [2, 90]])
    assert points(weights) == [[0, 10], [2, 90]]


@pytest.mark.parametrize(
    "wrong",
    [[], [[0, 0]], [[0, 0], [0, 5], [1, 3]], [[0, 0], [1]], [[0, 0], ["a", 1]], [[0, 0], [float("nan"), 1]], "ab",
     [[float(x), 0] for x in range(30)]],
)  # fmt: skip
def test_invalid_points_are_rejected(weights, wrong):
    with raises_at(ConfigurationError, "curve"):
        set_curve(weights, "wage.curve", wrong)
    with raises_at(ConfigurationError, "curve"):
        set_curve(weights, "fee.curve", [[0, 0], [1, 1]])
    assert weights.model == STANDARD


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-3, 5), st.floats(-50, 150)), min_size=1, max_size=8))
def test_any_moves_give_a_valid_curve(moves):
    weights = WeightsModel(STANDARD)
    for place, x, y in moves:
        wanted = points(weights)
        wanted[place] = [x, y]
        set_curve(weights, "wage.curve", wanted)
        xs, ys = zip(*points(weights), strict=True)
        assert list(xs) == sorted(set(xs))
        assert all(0 <= one <= 100 for one in ys)
