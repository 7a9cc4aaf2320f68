"""The randomisation test equals brute force for enumerated signs, and SciPy for sampled signs."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import scipy  # scipy.stats is imported on first use: the import takes 0.5 s
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.evaluation.randomisation_p_values import compute_p_values, draw_signs

DRAWS = 4_095


def signs(n: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    return draw_signs(n, draws, np.random.default_rng(seed))


def brute_force(delta: list[float]) -> float:
    """Return the p-value in exact arithmetic, with zero differences included."""
    exact = [Fraction(one) for one in delta]
    seen = abs(sum(exact))
    sums = [
        abs(sum(s * one for s, one in zip(some, exact, strict=True))) for some in product((1, -1), repeat=len(exact))
    ]
    return sum(one >= seen for one in sums) / len(sums)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        # sums of these values are exact; exact arithmetic cannot check sums that tie only up to rounding
        st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.25, 1.0, 3.0]) | st.integers(-1024, 1024).map(lambda one: one / 1024),
        min_size=1,
        max_size=9,
    )
)
def test_few_differences_are_enumerated(delta: list[float]) -> None:
    assert compute_p_values(np.array(delta)[:, None], signs(len(delta)))[0] == pytest.approx(
        brute_force(delta), abs=1e-15
    )


def test_enumeration_ends_at_number_of_draws() -> None:
    def found(draws: int) -> set[float]:
        return {compute_p_values(np.ones((12, 1)), signs(12, draws, seed))[0] for seed in range(5)}

    assert found(4_096) == {2 / 4_096}
    assert len(found(4_095)) > 1


def test_p_is_1_without_differences() -> None:
    assert compute_p_values(np.zeros((50, 2)), signs(50)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_sampled_p_is_near_scipy(shift: float) -> None:
    rng = np.random.default_rng(5)
    delta = rng.normal(shift, 1, 80)
    peer = scipy.stats.permutation_test(
        (delta, np.zeros(80)),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(6),
    )
    # five standard errors of both samples combined
    bound = 5 * np.sqrt(peer.pvalue * (1 - peer.pvalue) * (1 / DRAWS + 1 / 20_000)) + 2 / DRAWS
    assert compute_p_values(delta[:, None], signs(80))[0] == pytest.approx(peer.pvalue, abs=bound)


def test_p_is_uniform_under_null_hypothesis() -> None:
    rng = np.random.default_rng(7)
    # 400 comparisons with the same sampled signs
    p = compute_p_values(rng.standard_t(3, (60, 400)), signs(60))
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01


def test_p_is_never_below_one_draw() -> None:
    assert compute_p_values(np.ones((60, 1)), signs(60))[0] == 1 / (DRAWS + 1)


def test_sums_equal_up_to_rounding_count_as_extreme() -> None:
    # 0.1 + 0.2 is not 0.3: rounding separates sums that are equal in exact arithmetic
    delta = np.array([0.1, 0.2, 0.3, -0.3, -0.2, -0.1, 0.7])
    assert compute_p_values(delta[:, None], signs(7))[0] == brute_force([1.0, 2.0, 3.0, -3.0, -2.0, -1.0, 7.0])


def test_blocks_of_signs_are_each_used_once() -> None:
    n = 3_000  # more than one block of unpacked signs
    delta = np.random.default_rng(8).normal(0.02, 1, n)
    drawn = signs(n, draws=500)
    bits = np.unpackbits(drawn, axis=1, count=n) * -2.0 + 1
    extreme = (np.abs(bits @ delta) >= abs(delta.sum())).sum()
    assert compute_p_values(delta[:, None], drawn)[0] == (extreme + 1) / 501
