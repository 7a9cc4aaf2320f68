"""Ranks of numbers from a hash table equal those from a sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scoring.bundle.terms.interval_term import _rank_numbers
from scoring.plan.number_ranks import rank_numbers
from tests.support.random_programs import cases

NUMBERS = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 5e-324, np.nextafter(1.0, 2.0)])


@cases(100)
@given(st.lists(NUMBERS | st.floats(), max_size=30))
def test_ranks_equal_places_among_sorted_numbers(given_numbers: list[float]) -> None:
    numbers = np.array(given_numbers, dtype=np.float64)
    for found, expected in zip(rank_numbers(numbers), _rank_numbers(numbers), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
