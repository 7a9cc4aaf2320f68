"""Trees with splits on one side as leaves that remain, per tree, for a row of that side.

A bit mask of leaves needs no number of its state: a row has the same mask alone and in any set of rows. The leaf of a
pair is the only bit that the masks of its user and of its job have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from scoring.array_types import Floats, Longs, UInt32s
from scoring.backends.numba.jit import compiled, internal
from scoring.backends.numba.simd_blocks import lowest_bit
from scoring.bundle.tree_masks import ZERO
from scoring.learning.input_catalogue import InputSpec
from scoring.learning.tree_ensemble import TreeEnsemble

__all__ = ["WORD", "LeafMasks", "LeafTerm", "bound_leaves", "find_masks"]

WORD = 32
"""Leaves per word. LightGBM trains trees with 31 leaves by default, which are one word."""


class SplitTables(NamedTuple):
    """Kernel input: for each of f features, the classes of its values, and the leaves that remain in each class."""

    threshold_start: Longs  # (f + 1,)
    thresholds: Floats  # ascending per feature; none of a categorical one
    n_categories: Longs  # (f,) -1: numerical. Class `n_categories`: all values that no split names
    first_class: Longs  # (f,) row of `leaves`
    leaves: UInt32s  # (classes of all features, words)
    all_leaves: UInt32s  # (words,)


class LeafMasks:
    """The masks of the rows of both sides, for the trees of one model.

    Parameters
    ----------
    trees: The trees.
    specs: The inputs, in the order of the features.
    """

    def __init__(self, trees: TreeEnsemble, specs: Sequence[InputSpec]) -> None:
        self._features: Longs = np.array(trees.used_features, dtype=np.int64)
        sizes = [-(-len(tree.leaf_value) // WORD) for tree in trees.trees]
        self.first_word: Longs = np.cumsum([0, *sizes])
        """(trees + 1,) the first word of each tree."""
        self.leaf_value: Floats = np.zeros(WORD * int(self.first_word[-1]))
        """The value of each bit of a mask."""
        for tree, first in zip(trees.trees, self.first_word[:-1].tolist(), strict=True):
            self.leaf_value[WORD * first : WORD * first + len(tree.leaf_value)] = tree.leaf_value
        self._tables = _make_tables(trees, self.first_word)
        columns = {
            side: {feature: place for place, feature in enumerate(n for n, s in enumerate(specs) if s.side == side)}
            for side in ("user", "job")
        }
        self._columns: dict[str, Longs] = {
            side: np.array([of_side.get(feature, -1) for feature in self._features.tolist()], dtype=np.int64)
            for side, of_side in columns.items()
        }

    def compute(self, side: str, columns: Floats) -> UInt32s:
        """Return (rows, words) the leaves that remain after the splits of one side.

        `columns` (rows, inputs of the side) are in the order of the specs.
        """
        found = np.empty((len(columns), len(self._tables.all_leaves)), dtype=np.uint32)
        fill_masks(self._tables, self._columns[side], columns, found)
        return found

    def predict(self, rows: Floats) -> Floats:
        """Return (n,) the raw scores of rows (n, features), with the bits of `TreeEnsemble.predict`."""
        found = np.empty(len(rows))
        sum_leaves(self._tables, self._features, rows, self.first_word, self.leaf_value, found)
        return found


def _make_tables(trees: TreeEnsemble, first_word: Longs) -> SplitTables:
    classes = [trees.classes[feature] for feature in trees.used_features]
    words = [slice(int(start), int(stop)) for start, stop in pairwise(first_word.tolist())]
    all_leaves = np.zeros(int(first_word[-1]), dtype=np.uint32)
    for tree, of_tree in zip(trees.trees, words, strict=True):
        all_leaves[of_tree] = _to_words((1 << len(tree.leaf_value)) - 1, of_tree.stop - of_tree.start)
    tables = {
        feature: np.tile(all_leaves, (of_feature.n_classes, 1))
        for feature, of_feature in zip(trees.used_features, classes, strict=True)
    }
    for tree, of_tree in zip(trees.trees, words, strict=True):
        n_words, (left, right) = of_tree.stop - of_tree.start, tree.leaves_below
        every = (1 << len(tree.leaf_value)) - 1
        for split, feature in enumerate(tree.feature.tolist()):
            tables[feature][:, of_tree] &= np.where(
                trees.classes[feature].find_left(tree, split)[:, None],
                _to_words(every & ~right[split], n_words),
                _to_words(every & ~left[split], n_words),
            )
    sizes = np.array([of_feature.n_classes for of_feature in classes], dtype=np.int64)
    return SplitTables(
        np.cumsum([0, *(len(of_feature.thresholds) for of_feature in classes)]).astype(np.int64),
        np.concatenate([np.empty(0), *(of_feature.thresholds for of_feature in classes)]),
        np.array([of_feature.n_categories for of_feature in classes], dtype=np.int64),
        np.cumsum(sizes) - sizes,
        np.concatenate([np.empty((0, len(all_leaves)), dtype=np.uint32), *tables.values()]),
        all_leaves,
    )


_known: WeakKeyDictionary[TreeEnsemble, LeafMasks] = WeakKeyDictionary()


def find_masks(trees: TreeEnsemble, specs: Sequence[InputSpec]) -> LeafMasks:
    """Return the masks of a model. They are computed once, not at each tick."""
    if trees not in _known:
        _known[trees] = LeafMasks(trees, specs)
    return _known[trees]


@dataclass(frozen=True, eq=False)
class LeafTerm:
    """The sum over trees of the value of the leaf that user and job have in common, in the order of the file."""

    masks: LeafMasks
    users: UInt32s  # (n, words)
    jobs: UInt32s  # (m, words)


@compiled
def bound_leaves(leaves: UInt32s, first_word: Longs, leaf_value: Floats, high: Floats) -> None:
    """Set high (n,) to the greatest sum of one remaining leaf per tree, for masks (n, words).

    Rounding does not decrease, so the sum of bounds in the same order is a bound of the sum.
    """
    for row in range(len(leaves)):
        total = 0.0
        for tree in range(len(first_word) - 1):
            best = -np.inf
            for word in range(first_word[tree], first_word[tree + 1]):
                bits = np.uint64(leaves[row, word])
                while bits:
                    best = max(best, leaf_value[WORD * word + lowest_bit(bits)])
                    bits &= bits - np.uint64(1)
            total += best
        high[row] = total


@internal
def _fill_mask(tables: SplitTables, columns: Longs, row: Floats, mask: UInt32s) -> None:
    """Set the leaves that remain for a row. `columns` (f,) is the place of each feature in the row; -1: not read."""
    for word in range(len(mask)):
        mask[word] = tables.all_leaves[word]
    for f in range(len(columns)):
        if columns[f] < 0:
            continue
        value, n_categories = row[columns[f]], tables.n_categories[f]
        if n_categories >= 0:  # truncated towards 0; comparisons with NaN are false
            of_value = np.int64(value) if value > -1.0 and value < n_categories else n_categories
        else:
            low, high = tables.threshold_start[f], tables.threshold_start[f + 1]
            of_value = high - low + 1
            if value == value:
                value = 0.0 if abs(value) <= ZERO else value
                first = low
                while low < high:
                    middle = (low + high) // 2
                    if tables.thresholds[middle] < value:
                        low = middle + 1
                    else:
                        high = middle
                of_value = low - first
        leaves = tables.leaves[tables.first_class[f] + of_value]
        for word in range(len(mask)):
            mask[word] &= leaves[word]


@compiled
def fill_masks(tables: SplitTables, columns: Longs, rows: Floats, masks: UInt32s) -> None:
    """Set masks (n, words) of rows."""
    for row in range(len(rows)):
        _fill_mask(tables, columns, rows[row], masks[row])


@compiled
def sum_leaves(
    tables: SplitTables, columns: Longs, rows: Floats, first_word: Longs, leaf_value: Floats, raw: Floats
) -> None:
    """Set raw (n,) to the sum of the leaves of rows, in the order of the trees."""
    mask = np.empty(len(tables.all_leaves), dtype=np.uint32)
    for row in range(len(rows)):
        _fill_mask(tables, columns, rows[row], mask)
        total = 0.0
        for tree in range(len(first_word) - 1):
            for word in range(first_word[tree], first_word[tree + 1]):
                if mask[word]:
                    total += leaf_value[WORD * word + lowest_bit(np.uint64(mask[word]))]
                    break
        raw[row] = total


def _to_words(mask: int, n_words: int) -> UInt32s:
    return np.array([(mask >> (WORD * word)) & (2**WORD - 1) for word in range(n_words)], dtype=np.uint32)
