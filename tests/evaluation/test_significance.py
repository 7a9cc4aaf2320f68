"""Intervals have their nominal coverage, and results depend only on ids and seeds."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
import scipy  # scipy.stats is imported on first use: the import takes 0.5 s
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scoring.errors import ConfigurationError
from scoring.evaluation.significance import (
    Difference,
    Resamples,
    adjust_benjamini_hochberg,
    adjust_holm,
    compute_detectable_difference,
)
from tests.support.errors import raises_at

NAN = float("nan")


def pairs(n: int, seed: int = 0, shift: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.random(n)
    return a, a + rng.normal(shift, 0.3, n)


def test_intervals_cover_mean_at_their_level() -> None:
    rng = np.random.default_rng(1)
    resamples = Resamples.of(range(120))
    # most users have a reciprocal rank of 0, as in real evaluations
    values = np.where(rng.random((120, 800)) < 0.6, 0.0, 1 / rng.integers(1, 20, (120, 800)))
    truth = 0.4 * np.mean(1 / np.arange(1, 20))
    found = resamples.differences(np.zeros_like(values), values)
    held = ((found.low[0] <= truth) & (truth <= found.high[0])).mean()
    assert 0.91 <= held <= 0.975  # 800 simulations: 0.95 ± 4 standard errors is 0.92 to 0.98


def test_intervals_are_near_scipy() -> None:
    a, b = pairs(200)
    result = Resamples.of(range(200), n_resamples=4_000).compare(a, b)
    peer = scipy.stats.bootstrap(
        (b - a,), np.mean, n_resamples=4_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    error = (b - a).std() / math.sqrt(200)
    assert (result.low, result.high) == pytest.approx((peer.low, peer.high), abs=0.15 * error)


def test_difference_by_hand() -> None:
    a, b = pairs(60)
    a[3], b[4], b[5], a[5] = NAN, NAN, NAN, NAN
    found = Resamples.of(range(60)).compare(a, b)
    both = ~np.isnan(a) & ~np.isnan(b)
    assert (found.n, found.n_left_out) == (57, 3)
    assert found.mean_a == pytest.approx(a[both].mean())
    assert found.mean_b == pytest.approx(b[both].mean())
    assert found.difference == pytest.approx(found.mean_b - found.mean_a)
    assert found.low < found.difference < found.high
    assert all(type(one) in (float, int) for one in astuple(found))


def test_interval_equals_interval_of_difference_to_0() -> None:
    values, _ = pairs(60)
    values[7] = NAN
    resamples = Resamples.of(range(60))
    low, high = resamples.interval(values, level=0.9)
    difference = resamples.compare(np.zeros(60), values, level=0.9)
    assert (low, high) == (difference.low, difference.high)
    wide = resamples.interval(values, level=0.99)
    assert wide[0] < low < high < wide[1]


def test_results_depend_on_seed_not_on_user_order() -> None:
    a, b = pairs(200)
    b[::9] = NAN
    ids = np.random.default_rng(4).choice(10**12, 200, replace=False)
    turn = np.random.default_rng(5).permutation(200)
    first = Resamples.of(ids, seed=3).compare(a, b)
    assert Resamples.of(ids[turn], seed=3).compare(a[turn], b[turn]) == first
    other = Resamples.of(ids, seed=4).compare(a, b)
    assert (other.difference, other.n) == (first.difference, first.n)
    assert (other.low, other.high, other.p) != (first.low, first.high, first.p)


def test_batch_of_differences_equals_single_calls() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random((150, 3)), rng.random((150, 3))
    a[::7, 0] = NAN
    masks = np.stack([np.ones(150, dtype=bool), rng.random(150) < 0.5, rng.random(150) < 0.1])
    resamples = Resamples.of(range(150))
    together = resamples.differences(a, b, masks)
    for part, mask in enumerate(masks):
        for column in range(3):
            alone = resamples.differences(a[:, column], b[:, column], mask[None]).at(0, 0)
            assert astuple(together.at(part, column)) == pytest.approx(astuple(alone), rel=1e-12)
            inside = mask & ~np.isnan(a[:, column])
            assert alone.n == inside.sum()
            assert alone.n_left_out == mask.sum() - inside.sum()
            assert alone.difference == pytest.approx((b - a)[inside, column].mean())


def test_users_outside_slice_do_not_count() -> None:
    a, b = pairs(80)
    mask = (np.arange(80) < 50)[None]
    resamples = Resamples.of(range(80))
    wild = np.where(mask[0], b, 1e9)
    assert resamples.differences(a, b, mask).at(0, 0) == resamples.differences(a, wild, mask).at(0, 0)


def test_small_slices_are_not_tested() -> None:
    a, b = pairs(40)
    masks = np.arange(40) < np.array([[0], [9], [10]])
    found = Resamples.of(range(40)).differences(a, b, masks, least=10)
    assert found.n[:, 0].tolist() == [0, 9, 10]
    assert np.isnan(found.p[:, 0]).tolist() == [True, True, False]
    assert np.isnan(found.low[:, 0]).tolist() == [True, True, False]
    assert np.isnan(found.difference[:, 0]).tolist() == [True, False, False]


def test_equal_values_have_difference_of_0() -> None:
    a, _ = pairs(50)
    found = Resamples.of(range(50)).compare(a, a)
    assert found == Difference(found.mean_a, found.mean_a, 0.0, 0.0, 0.0, 1.0, 50, 0)


def test_draws_have_n_users_with_replacement() -> None:
    counts = Resamples.of(range(30), n_resamples=2_000).counts
    assert (counts.sum(axis=1) == 30).all()
    # a multinomial's counts have mean 1 and variance 1 - 1/n
    assert counts.mean(axis=0) == pytest.approx(np.ones(30), abs=0.12)
    assert counts.var() == pytest.approx(29 / 30, abs=0.03)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (lambda: Resamples.of([]), ("user_id",)),
        (lambda: Resamples.of([3, 1, 3]), ("user_id", "3")),
        (lambda: Resamples.of([1], n_resamples=99), ("n_resamples",)),
        (lambda: Resamples.of([1], n_permutations=0), ("n_permutations",)),
        (lambda: Resamples.of([1, 2]).compare([1.0], [1.0]), ("a", "shape")),
        (lambda: Resamples.of([1, 2]).compare([NAN, 1.0], [1.0, NAN]), ("a", "b")),
        (lambda: Resamples.of([1, 2]).interval([NAN, NAN]), ("values",)),
        (lambda: Resamples.of([1, 2]).interval([1.0, 2.0], level=1.0), ("level",)),
        (lambda: Resamples.of([1, 2]).interval([[1.0, 2.0], [1.0, 2.0]]), ("values", "shape")),
        (lambda: Resamples.of([1, 2]).compare([1.0, 2.0], [1.0, math.inf]), ("b", "1")),
        (lambda: Resamples.of([1]).differences([[1.0]], [[1.0, 2.0]]), ("b", "shape")),
        (lambda: Resamples.of([1]).differences([1.0], [1.0], np.ones((1, 2), dtype=bool)), ("masks",)),
        (lambda: compute_detectable_difference([1.0, NAN], [1.0, 1.0]), ("a", "b")),
        (lambda: compute_detectable_difference([1.0, 2.0], [1.0]), ("b", "shape")),
        (lambda: compute_detectable_difference([1.0, 2.0], [1.0, 1.0], power=80), ("power",)),
        (lambda: adjust_holm([0.5, 1.5]), ("p_values",)),
    ],
)
def test_incomparable_values_raise(wrong: object, key: tuple[str, ...]) -> None:
    with raises_at(ConfigurationError, *key):
        wrong()  # type: ignore[operator]


def test_holm_by_hand() -> None:
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([[0.5, NAN], [0.01, NAN]]) == pytest.approx(np.array([[0.5, NAN], [0.02, NAN]]), nan_ok=True)
    assert adjust_holm([]).tolist() == []


@settings(max_examples=60, deadline=None)
@given(
    p=arrays.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1) | st.sampled_from([0.01, 0.02])),
    alpha=st.floats(0.001, 0.5),
)
def test_holm_equals_stepwise_procedure(p: np.ndarray, alpha: float) -> None:
    order, rejected = np.argsort(p, kind="stable"), np.zeros(len(p), dtype=bool)
    for step, place in enumerate(order):
        if p[place] * (len(p) - step) > alpha:
            break
        rejected[place] = True
    assert ((adjust_holm(p) <= alpha) == rejected).all()


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)))
def test_benjamini_hochberg_equals_scipy(p: np.ndarray) -> None:
    assert adjust_benjamini_hochberg(p) == pytest.approx(scipy.stats.false_discovery_control(p))
    with_untested = adjust_benjamini_hochberg(np.append(p, NAN))
    assert with_untested[:-1] == pytest.approx(adjust_benjamini_hochberg(p))


def test_minimum_detectable_difference_has_stated_power() -> None:
    rng = np.random.default_rng(9)
    n, spread = 100, 0.3
    detectable = compute_detectable_difference(np.zeros(20_000), rng.normal(0, spread, 20_000)) * math.sqrt(20_000 / n)
    assert detectable == pytest.approx(2.8016 * spread / math.sqrt(n), rel=0.03)
    found = Resamples.of(range(n), n_permutations=999).differences(
        np.zeros((n, 500)), rng.normal(detectable, spread, (n, 500))
    )
    detected = (found.p <= 0.05).mean()
    assert 0.72 <= detected <= 0.87  # 500 simulations of 0.8, ± 4 standard errors


def test_detectable_difference_of_few_users_has_stated_power() -> None:
    """The permutations of few users contain the mean difference, so the limit of the test is wider."""
    rng = np.random.default_rng(10)
    n, spread = 40, 0.3
    sample = rng.normal(0, 1, n)
    sample *= spread / sample.std(ddof=1)
    detectable = compute_detectable_difference(np.zeros(n), sample, 0.995)
    found = Resamples.of(range(n), n_permutations=1_999).differences(
        np.zeros((n, 500)), rng.normal(detectable, spread, (n, 500))
    )
    assert 0.72 <= (found.p <= 0.005).mean() <= 0.9  # 500 simulations of 0.8, ± 4 standard errors
    assert math.isnan(compute_detectable_difference(np.zeros(5), sample[:5], 0.99))
