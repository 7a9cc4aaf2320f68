"""The shapes that components are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.dataset.arrays import Ragged
from scoring.model.terms import Flags, Key, LookupTerm, open_interval
from tests.support.example_counts import try_examples
from tests.support.random_programs import cases

middles = st.one_of(
    st.floats(1e-3, 1e9),
    st.integers(1, 10**7).map(float),
    st.builds(lambda wage, hours: wage / hours, st.integers(1, 10**7), st.sampled_from([1, 8, 160, 3])),
)
shares = st.one_of(st.just(0.2), st.floats(1e-17, 1 - 1e-16), st.sampled_from([0.5, 0.99609375]))


@try_examples(60, 300, how=cases, values=st.lists(middles, min_size=1, max_size=20), share=shares)
def test_open_interval_equals_formula_at_bounds(values: list[float], share: float) -> None:
    """Step over both bounds one float at a time."""
    middle = np.array(values)
    low, high = open_interval(middle, share)
    for start in (low, high, middle - share * middle, middle + share * middle):
        x = start
        for _ in range(4):
            x = np.nextafter(x, -np.inf)
        for _ in range(9):
            np.testing.assert_array_equal((low <= x) & (x < high), np.abs(x - middle) < share * middle)
            x = np.nextafter(x, np.inf)


@try_examples(60, 200, how=cases, middle=middles, share=shares, x=st.floats(-1e10, 1e10))
def test_open_interval_equals_formula_for_any_number(middle: float, share: float, x: float) -> None:
    low, high = open_interval(np.array([middle]), share)
    assert bool((low[0] <= x) and (x < high[0])) == (abs(x - middle) < share * middle)


@pytest.mark.parametrize("middle", [0.0, -1000.0, 1.7e308, 1000.0, 1250.0, 1e-300, 5e-324, 1e308])
def test_bounds_of_open_interval_are_outside(middle: float) -> None:
    low, high = open_interval(np.array([middle]), 0.2)
    for x in (middle - 0.2 * middle, middle + 0.2 * middle, middle):
        assert (low[0] <= x < high[0]) == (abs(x - middle) < 0.2 * middle)


def test_open_interval_of_nan_is_empty() -> None:
    low, high = open_interval(np.array([np.nan, 1000.0]), 0.2)
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] < 1000 < high[1]
    assert [len(bound) for bound in open_interval(np.empty(0), 0.2)] == [0, 0]


def test_flags_are_bits_in_order() -> None:
    flags = Flags.of("f", np.array([True, False, True]), np.array([False, True, True]))
    assert (flags.width, flags.bits.tolist()) == (2, [1, 2, 3])
    assert flags.bits.dtype == np.uint16
    widest = Flags.of("f", *([np.array([True])] * 16))
    assert widest.bits.tolist() == [2**16 - 1]


def test_sparse_entries_have_gain_and_other_codes_0() -> None:
    key = Key("k", np.array([0, -1], dtype=np.int32), 3)
    term = LookupTerm.sparse(key, Ragged.of([[0, 2], [], [1]]), 7.0)
    assert term.rows.shape == (1, 4)
    assert not term.rows.any()
    assert term.gains is not None
    assert term.gains.tolist() == [7.0, 7.0, 7.0]
    assert term.row_of.tolist() == [0, 0, 0]
