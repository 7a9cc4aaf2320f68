"""Rows keep their values when other rows are replaced, grow or move."""

from __future__ import annotations

import numpy as np

from scoring.live.slabs import Slabs


def test_rows_equal_a_dictionary_of_lists() -> None:
    draw = np.random.default_rng(0)
    slabs = Slabs((3, 5), np.int32, np.float64)
    slabs.fill(np.array([0, 2, 2]), np.array([7, 8], dtype=np.int32), np.array([3.5, 4.0]), place=(2,))
    wanted = {(2, 0): [7, 8], (2, 1): []}
    for _ in range(300):
        place = (int(draw.integers(3)), int(draw.integers(1, 5)))
        row = draw.integers(0, 99, draw.integers(0, 9)).astype(np.int32)
        slabs.set(place, row, row / 2)
        wanted[place] = row.tolist()
    for place, of_place in wanted.items():
        codes, halves = slabs.get(place)
        assert codes.tolist() == of_place
        np.testing.assert_array_equal(halves, codes / 2)


def test_version_changes_with_the_arrays_of_values() -> None:
    slabs = Slabs((4,), np.int32)
    known = {slabs.version: slabs.arrays()[2][0]}
    for row in range(4):
        slabs.set((row,), np.arange(40, dtype=np.int32))
        values = slabs.arrays()[2][0]
        assert known.setdefault(slabs.version, values) is values
    assert len(known) > 1
