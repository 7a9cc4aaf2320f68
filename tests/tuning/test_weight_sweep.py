"""Lists along one weight, compared with all jobs sorted by exact totals at each weight."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.tuning.weight_sweep import GRID, sweep_weight, vary_weight
from tests.support.errors import raises_at

STEPS = 400


def some_values(seed: int) -> np.ndarray:
    """Return (3 or 4, m) values: coarse with many ties, or fine; some with a constant component or duplicate jobs."""
    random = np.random.default_rng(seed)
    n, m = int(random.integers(3, 5)), int(random.integers(1, 60))
    values = random.uniform(0, 100, (n, m))
    if seed % 2:
        values = random.integers(0, 5, (n, m)) * 25.0
    if seed % 3 == 0:
        values[random.integers(n)] = 50.0
    if seed % 5 < 2 and m > 3:
        values[:, m // 2 :] = values[:, random.integers(0, m // 2, m - m // 2)]
    return values


def some_weights(seed: int, n: int) -> np.ndarray:
    weights = np.random.default_rng(seed + 1).dirichlet(np.ones(n))
    if seed % 4 == 0:
        weights = np.full(n, 1.0)  # equal weights and coarse values: many lines intersect
    if seed % 7 == 0:
        weights = np.eye(n)[0]
    return weights / weights.sum()


def whole_ends(values: np.ndarray, flat: np.ndarray, component: int) -> tuple[list[int], list[int]]:
    """Return both ends of each line as Python integers."""
    share = vary_weight(flat, component, 0.0)
    ends = []
    for line in values.T:
        mean = 0.0
        for weight, value in zip(share, line, strict=True):
            mean += weight * value
        ends.append(round((mean + 1.0) * GRID))
    return ends, [round((value + 1.0) * GRID) for value in values[component].tolist()]


def by_sorting(a: list[int], y: list[int], t: Fraction, k: int) -> list[int]:
    totals = [(t - 1) * low - t * high for low, high in zip(a, y, strict=True)]
    return sorted(range(len(a)), key=lambda job: (totals[job], job))[:k]


def list_at(found: tuple[np.ndarray, np.ndarray, np.ndarray], t: float) -> list[int]:
    times, at, within = found
    place = int(np.searchsorted(times, t))
    return (at[place] if times[place] == t else within[place - 1]).tolist()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_lists_equal_sorting_on_grid_of_weights(seed: int, k: int) -> None:
    values = some_values(seed)
    flat = some_weights(seed, len(values))
    component = seed % len(values)
    found = sweep_weight(values, flat, component, k)
    a, y = whole_ends(values, flat, component)
    for step in range(0, STEPS + 1, 1 if seed % 8 == 0 else 8):
        t = Fraction(step, STEPS)
        assert list_at(found, step / STEPS) == by_sorting(a, y, t, k), f"at {t}"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_lists_equal_sorting_at_and_between_crossings(seed: int, k: int) -> None:
    values = some_values(seed)[:, :25]
    flat = some_weights(seed, len(values))
    a, y = whole_ends(values, flat, 0)
    times, at, within = sweep_weight(values, flat, 0, k)
    crossings = {Fraction(0), Fraction(1)}
    for i in range(len(a)):
        for j in range(len(a)):
            drop, rise = a[i] - a[j], y[j] - y[i]
            if drop > 0 and rise > 0:
                crossings.add(Fraction(drop, drop + rise))
    points = sorted(crossings)
    expected_times, expected_at, expected_within = [0.0], [by_sorting(a, y, Fraction(0), k)], []
    for before, after in pairwise(points):
        between = by_sorting(a, y, (before + after) / 2, k)
        if before and between != expected_within[-1]:
            expected_times.append(float(before))
            expected_at.append(by_sorting(a, y, before, k))
        if not before or between != expected_within[-1]:
            expected_within.append(between)
    assert times.tolist() == [*expected_times, 1.0]
    assert at.tolist() == [*expected_at, by_sorting(a, y, Fraction(1), k)]
    assert within.tolist() == expected_within


def test_list_where_three_lines_meet() -> None:
    # ends 0→100, 50→50, 100→0 in the first component: all totals are 50 at 0.5, so ids decide
    values = np.array([[50.0, 0.0, 100.0], [50.0, 100.0, 0.0]])
    times, at, within = sweep_weight(values, np.array([0.5, 0.5]), 0, 3)
    assert times.tolist() == [0.0, 0.5, 1.0]
    assert within.tolist() == [[1, 0, 2], [2, 0, 1]]
    assert at.tolist() == [[1, 0, 2], [0, 1, 2], [2, 0, 1]]


def test_ties_at_ends_are_ordered_by_id() -> None:
    values = np.array([[10.0, 10.0], [20.0, 30.0]])
    times, at, within = sweep_weight(values, np.array([0.3, 0.7]), 0, 1)
    assert times.tolist() == [0.0, 1.0]
    assert within.tolist() == [[1]]
    assert at.tolist() == [[1], [0]]


def test_no_jobs_give_empty_lists() -> None:
    times, at, within = sweep_weight(np.empty((2, 0)), np.array([0.5, 0.5]), 1, 5)
    assert (times.tolist(), at.shape, within.shape) == ([0.0, 1.0], (2, 0), (1, 0))


def test_vary_weight_keeps_proportions_of_others() -> None:
    flat = np.array([0.2, 0.6, 0.2])
    np.testing.assert_allclose(vary_weight(flat, 0, 0.6), [0.6, 0.3, 0.1])
    np.testing.assert_allclose(vary_weight(flat, 0, 0.2), flat)
    np.testing.assert_allclose(vary_weight(np.array([1.0, 0.0, 0.0]), 0, 0.5), [0.5, 0.25, 0.25])


def test_vary_weight_of_one_component_raises() -> None:
    with raises_at(ConfigurationError, "flat"):
        vary_weight(np.array([1.0]), 0, 0.5)


@pytest.mark.parametrize("value", [150.0, -20.0, np.nan])
def test_values_outside_0_to_100_raise(value: float) -> None:
    with raises_at(ConfigurationError, "values"):
        sweep_weight(np.array([[value, 1.0], [2.0, 3.0]]), np.array([0.5, 0.5]), 0, 1)
