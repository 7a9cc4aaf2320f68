"""Piecewise-constant curves."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.tuning.step_function import StepCurve, find_constant_interval


def some_curve(seed: int) -> StepCurve:
    """Return a curve with integer values. Breakpoints are on a coarse grid, so those of two curves often coincide."""
    random = np.random.default_rng(seed)
    t = np.unique(np.concatenate([[0.0, 1.0], random.integers(0, 11, 5) / 10]))
    return StepCurve(t, random.integers(0, 3, len(t)) * 1.0, random.integers(0, 3, len(t) - 1) * 1.0)


EVERYWHERE = np.arange(0, 21) / 20


def test_curve_values_at_points_pieces_and_outside() -> None:
    curve = StepCurve(np.array([0.0, 0.5, 1.0]), np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0]))
    assert curve([0.0, 0.2, 0.5, 0.7, 1.0]).tolist() == [1.0, 4.0, 2.0, 5.0, 3.0]
    assert np.isnan(curve([-0.1, 1.1])).all()
    assert curve.frame()["value"].tolist() == [4.0, 5.0]


@pytest.mark.parametrize("seed", range(20))
def test_simplify_keeps_values_and_breakpoints(seed: int) -> None:
    curve = some_curve(seed)
    simple = StepCurve.simplify(curve.t, curve.at, curve.within)
    assert simple(EVERYWHERE).tolist() == curve(EVERYWHERE).tolist()
    assert set(simple.t[1:-1]) <= set(simple.changes)


@pytest.mark.parametrize("seed", range(20))
def test_sum_and_mean_equal_sum_and_mean_of_values(seed: int) -> None:
    curves = [some_curve(100 * seed + place) for place in range(4)]
    values = sum(curve(EVERYWHERE) for curve in curves)
    assert StepCurve.sum(curves)(EVERYWHERE).tolist() == values.tolist()
    assert StepCurve.mean(curves)(EVERYWHERE).tolist() == (values / 4).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_best_is_nearest_piece_of_highest_value(seed: int) -> None:
    curve = some_curve(seed)
    for near in EVERYWHERE:
        best, low, high = curve.best(float(near))
        assert curve(best) == curve.highest
        assert low <= best <= high
        if curve(near) == curve.highest and near not in curve.changes:
            assert best == near


def test_constant_interval_ends_at_next_change() -> None:
    changes = np.array([0.2, 0.6])
    assert find_constant_interval(changes, 0.3) == (0.2, 0.6)
    assert find_constant_interval(changes, 0.6) == (0.6, 0.6)
    assert find_constant_interval(changes, 0.1) == (0.0, 0.2)
    assert find_constant_interval(np.empty(0), 0.1) == (0.0, 1.0)
