"""Trees with splits on one side as leaves that remain, per tree, for a row of that side.

A bit mask of leaves needs no number of its state: a row has the same mask alone and in any set of rows. The leaf of a
pair is the only bit that the masks of its user and of its job have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from scoring.array_types import Floats, Longs, UInt32s
from scoring.backends.numba.jit import compiled
from scoring.backends.numba.simd_blocks import lowest_bit
from scoring.learning.input_catalogue import InputSpec
from scoring.learning.tree_ensemble import TreeEnsemble

__all__ = ["WORD", "LeafMasks", "LeafTerm", "bound_leaves", "find_masks"]

WORD = 32
"""Leaves per word. LightGBM trains trees with 31 leaves by default, which are one word."""
_ROWS_AT_ONCE = 1024


class LeafMasks:
    """The masks of the rows of both sides, for the trees of one model.

    Parameters
    ----------
    trees: The trees.
    specs: The inputs, in the order of the features.
    """

    def __init__(self, trees: TreeEnsemble, specs: Sequence[InputSpec]) -> None:
        self._classes, self._trees = trees.classes, trees.trees  # without `trees`, of which this is a weak value
        self._features = {
            side: [feature for feature in trees.used_features if specs[feature].side == side]
            for side in ("user", "job")
        }
        self._columns = {
            side: {feature: place for place, feature in enumerate(n for n, s in enumerate(specs) if s.side == side)}
            for side in ("user", "job")
        }
        sizes = [-(-len(tree.leaf_value) // WORD) for tree in trees.trees]
        self.first_word: Longs = np.cumsum([0, *sizes])
        """(trees + 1,) the first word of each tree."""
        self.leaf_value: Floats = np.zeros(WORD * int(self.first_word[-1]))
        """The value of each bit of a mask."""
        for tree, first in zip(trees.trees, self.first_word[:-1].tolist(), strict=True):
            self.leaf_value[WORD * first : WORD * first + len(tree.leaf_value)] = tree.leaf_value

    @cached_property
    def _all(self) -> UInt32s:
        """(words,) all leaves."""
        found = np.zeros(int(self.first_word[-1]), dtype=np.uint32)
        for number, tree in enumerate(self._trees):
            found[self._words(number)] = _to_words((1 << len(tree.leaf_value)) - 1, self._n_words(number))
        return found

    @cached_property
    def _tables(self) -> dict[int, UInt32s]:
        """Feature → (classes, words) the leaves that remain for values of each class."""
        tables = {feature: np.tile(self._all, (classes.n_classes, 1)) for feature, classes in self._classes.items()}
        for number, tree in enumerate(self._trees):
            words, n_words, left = self._words(number), self._n_words(number), tree.leaves_below
            every = (1 << len(tree.leaf_value)) - 1
            for split, feature in enumerate(tree.feature.tolist()):
                goes_left = self._classes[feature].find_left(tree, split)
                keeps = np.where(
                    goes_left[:, None],
                    _to_words(every & ~left[1][split], n_words),
                    _to_words(every & ~left[0][split], n_words),
                )
                tables[feature][:, words] &= keeps
        return tables

    def _words(self, tree: int) -> slice:
        return slice(int(self.first_word[tree]), int(self.first_word[tree + 1]))

    def _n_words(self, tree: int) -> int:
        return int(self.first_word[tree + 1] - self.first_word[tree])

    def compute(self, side: str, columns: Floats) -> UInt32s:
        """Return (rows, words) the leaves that remain after the splits of one side.

        `columns` (rows, inputs of the side) are in the order of the specs.
        """
        found = np.empty((len(columns), len(self._all)), dtype=np.uint32)
        classes = {
            feature: self._classes[feature].classify(columns[:, self._columns[side][feature]])
            for feature in self._features[side]
        }
        for first in range(0, len(columns), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            part = found[rows]
            part[:] = self._all
            for feature, of_rows in classes.items():
                part &= self._tables[feature][of_rows[rows]]
        return found


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


def _to_words(mask: int, n_words: int) -> UInt32s:
    return np.array([(mask >> (WORD * word)) & (2**WORD - 1) for word in range(n_words)], dtype=np.uint32)
