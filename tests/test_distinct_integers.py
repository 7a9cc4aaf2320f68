"""Distinct keys equal those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.distinct_integers import sort_distinct


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
@pytest.mark.parametrize("largest", [0, 5, 2**62])
def test_keys_equal_those_of_numpy(n: int, largest: int) -> None:
    keys = np.random.default_rng(n).integers(0, largest, n, endpoint=True)
    wanted = np.unique(keys)
    found = sort_distinct(keys)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)
