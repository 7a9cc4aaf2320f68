"""Gradient-boosted trees as bit masks of leaves.

The values of a feature are divided into classes that go the same way at every split. A class leaves some leaves of each
tree. The classes of all features leave one leaf of each tree. A tree has one word or more, so one word of each tree is
not 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Floats, Ints, Longs, UInt32s

__all__ = ["LEAVES_PER_WORD", "THRESHOLDS", "UNUSED", "ZERO", "TreeMasks"]

ZERO = float(np.float32(1e-35))
"""LightGBM reads values with at most this absolute value as 0 (`kZeroThreshold`)."""
LEAVES_PER_WORD = 32
"""LightGBM trains trees with 31 leaves by default, which are one word."""
THRESHOLDS, UNUSED = -1, -2
"""Codes in `TreeMasks.n_categories`: a feature with thresholds, and one that no split reads."""


class TreeMasks(NamedTuple):
    """Trees with d features. Words are in the order of the trees."""

    thresholds: Floats  # ascending for each feature
    threshold_start: Longs  # (d + 1,)
    n_categories: Longs  # (d,) number of categories that splits name, or a code
    table: UInt32s  # (all classes, words) the leaves that a class leaves
    table_start: Longs  # (d,) first class of each feature
    every_leaf: UInt32s  # (words,) all leaves
    leaf_value: Floats  # (LEAVES_PER_WORD × words,) value of each bit

    def classify(self, feature: int, values: Floats) -> Ints:
        """Return (n,) the row in `table` of each value of a feature; -1 if no split reads the feature."""
        n_categories, first = int(self.n_categories[feature]), int(self.table_start[feature])
        if n_categories == UNUSED:
            return np.full(len(values), -1, dtype=np.int32)
        if n_categories >= 0:
            known = (values > -1) & (values < n_categories)  # truncated towards 0; false for NaN
            of_values = np.where(known, np.where(known, values, 0).astype(np.int64), n_categories)
        else:
            thresholds = self.thresholds[self.threshold_start[feature] : self.threshold_start[feature + 1]]
            values = np.where(np.abs(values) <= ZERO, 0.0, values)
            of_values = np.where(np.isnan(values), len(thresholds) + 1, np.searchsorted(thresholds, values, "left"))
        return (first + of_values).astype(np.int32)
