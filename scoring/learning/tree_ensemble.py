"""Gradient-boosted trees: the raw score of rows, with the bits of LightGBM.

A split removes the leaves of the subtree that a row does not enter. The leaves that remain after all splits are a bit
mask per row and tree, and each feature contributes to it independently. Masks of all features leave one leaf. Masks of
the features of one side (user or job) leave a *state*: rows with equal masks reach equal leaves for every other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs, UInt32s, UInt64s
from scoring.bundle.tree_masks import LEAVES_PER_WORD, THRESHOLDS, UNUSED, ZERO, TreeMasks

__all__ = ["Tree", "TreeEnsemble", "TreeStates", "ValueClasses", "find_bits"]

_FEW_ROWS = 16
"""Up to this number of rows, a walk down each tree in Python is faster than masks."""
_WORD = 64


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree with n splits and n + 1 leaves. Split 0 is the root. Child c is a split if c >= 0, else leaf ~c."""

    feature: Ints  # (n,)
    threshold: Floats  # (n,) a row goes left if its value <= threshold; not used by categorical splits
    left: Ints  # (n,)
    right: Ints  # (n,)
    default_left: Bools  # (n,) where NaN goes, if `keeps_nan`
    keeps_nan: Bools  # (n,) False: NaN is read as 0
    categories: tuple[frozenset[int] | None, ...]  # (n,) categories that go left; None: a numerical split
    leaf_value: Floats  # (n + 1,)
    leaf_count: Longs  # (n + 1,) training rows in the leaf
    split_count: Longs  # (n,) training rows at the split

    def goes_left(self, split: int, value: float) -> bool:
        """Return whether a row with this value of the split's feature goes left."""
        categories = self.categories[split]
        if categories is not None:
            return -1 < value < 2**31 and int(value) in categories  # truncated towards 0
        if value != value:
            if self.keeps_nan[split]:
                return bool(self.default_left[split])
            value = 0.0
        return bool((0.0 if -ZERO <= value <= ZERO else value) <= self.threshold[split])

    def find_leaf(self, row: Sequence[float]) -> int:
        """Return the leaf of a row."""
        splits = self._splits
        node = 0 if splits else -1
        while node >= 0:
            feature, threshold, left, right, is_numerical = splits[node]
            value = row[feature]
            if is_numerical and (value > ZERO or value < -ZERO):
                node = left if value <= threshold else right
            else:
                node = left if self.goes_left(node, value) else right
        return ~node

    @cached_property
    def _splits(self) -> list[tuple[int, float, int, int, bool]]:
        """Feature, threshold, children and whether the split is numerical. Python reads lists faster than arrays."""
        numerical = [categories is None for categories in self.categories]
        columns = (self.feature.tolist(), self.threshold.tolist(), self.left.tolist(), self.right.tolist(), numerical)
        return list(zip(*columns, strict=True))

    @property
    def every_leaf(self) -> int:
        """All leaves, as a bit mask."""
        return (1 << len(self.leaf_value)) - 1

    @cached_property
    def leaves_below(self) -> tuple[list[int], list[int]]:
        """The leaves (bit masks) of the left and of the right subtree of each split."""
        left, right = [0] * len(self.feature), [0] * len(self.feature)

        def collect(child: int) -> int:
            return 1 << ~child if child < 0 else left[child] | right[child]

        for split in self._in_reverse_order():
            left[split], right[split] = collect(int(self.left[split])), collect(int(self.right[split]))
        return left, right

    def _in_reverse_order(self) -> list[int]:
        """Return the splits, children before their parents."""
        order = [0] if len(self.feature) else []
        for split in order:
            order.extend(int(child) for child in (self.left[split], self.right[split]) if child >= 0)
        return order[::-1]


@dataclass(frozen=True, eq=False)
class TreeStates:
    """The states of n rows in T trees, for the features of one side."""

    state: Ints  # (n, T) number of the row's mask in its tree
    masks: tuple[UInt64s, ...]  # per tree, (number of states, words) leaves that remain

    def __len__(self) -> int:
        return len(self.state)


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Trees in the order of their file."""

    trees: tuple[Tree, ...]
    feature_names: tuple[str, ...]
    objective: str

    @property
    def n_features(self) -> int:
        return len(self.feature_names)

    @cached_property
    def used_features(self) -> tuple[int, ...]:
        """The features of all splits, ascending."""
        return tuple(sorted({int(feature) for tree in self.trees for feature in tree.feature}))

    def predict(self, rows: Floats) -> Floats:
        """Return (n,) the raw scores of rows (n, n_features): leaf values are added in the order of the file."""
        rows = np.asarray(rows, dtype=np.float64)
        total = np.zeros(len(rows))
        if len(rows) <= _FEW_ROWS:
            for place, row in enumerate(rows.tolist()):
                value = 0.0
                for tree in self.trees:
                    value += float(tree.leaf_value[tree.find_leaf(row)])
                total[place] = value
            return total
        for tree, masks in zip(self.trees, self._iterate_masks(rows, self.used_features), strict=True):
            total += tree.leaf_value[find_bits(masks)]
        return total

    def compute_states(self, rows: Floats, features: Sequence[int]) -> TreeStates:
        """Return the states of rows (n, n_features) for the splits on some features. Other columns are not read."""
        state = np.zeros((len(rows), len(self.trees)), dtype=np.int32)
        masks = []
        for number, of_tree in enumerate(self._iterate_masks(np.asarray(rows, dtype=np.float64), features)):
            state[:, number], distinct = _number_masks(of_tree)
            masks.append(distinct)
        return TreeStates(state, tuple(masks))

    def _iterate_masks(self, rows: Floats, features: Sequence[int]) -> Iterator[UInt64s]:
        """Yield per tree (n, words) the leaves that remain after the splits on these features."""
        used = [feature for feature in features if feature in self.classes]
        classes = {feature: self.classes[feature].classify(rows[:, feature]) for feature in used}
        for tree, tables in zip(self.trees, self._tables, strict=True):
            masks = np.broadcast_to(_to_words(tree.every_leaf, tree), (len(rows), _count_words(tree)))
            for feature, table in tables.items():
                if feature in classes:
                    masks = masks & table[classes[feature]]
            yield masks

    @cached_property
    def classes(self) -> dict[int, ValueClasses]:
        """The classes of the values of each used feature: values of one class go the same way at every split."""
        thresholds: dict[int, set[float]] = {feature: set() for feature in self.used_features}
        n_categories = dict.fromkeys(self.used_features, -1)
        for tree in self.trees:
            for split, feature in enumerate(tree.feature.tolist()):
                categories = tree.categories[split]
                if categories is None:
                    thresholds[feature].add(float(tree.threshold[split]))
                else:
                    n_categories[feature] = max(n_categories[feature], 0, *(number + 1 for number in categories))
        return {
            feature: ValueClasses(np.array(sorted(thresholds[feature])), n_categories[feature])
            for feature in self.used_features
        }

    @cached_property
    def _tables(self) -> list[dict[int, UInt64s]]:
        """Per tree, feature → (classes, words) the leaves that remain for values of each class."""
        return [self._make_tables(tree) for tree in self.trees]

    @cached_property
    def masks(self) -> TreeMasks:
        """The trees as masks for kernels."""
        sizes = [-(-len(tree.leaf_value) // LEAVES_PER_WORD) for tree in self.trees]
        first_word = np.cumsum([0, *sizes])
        words = [slice(int(start), int(stop)) for start, stop in pairwise(first_word.tolist())]
        every, leaf_value = np.zeros(first_word[-1], np.uint32), np.zeros(LEAVES_PER_WORD * int(first_word[-1]))
        for tree, of_tree in zip(self.trees, words, strict=True):
            every[of_tree] = _to_short_words(tree.every_leaf, of_tree)
            first = LEAVES_PER_WORD * of_tree.start
            leaf_value[first : first + len(tree.leaf_value)] = tree.leaf_value
        used = self.used_features
        tables = {feature: np.tile(every, (self.classes[feature].n_classes, 1)) for feature in used}
        for tree, of_tree in zip(self.trees, words, strict=True):
            left, right = tree.leaves_below
            for split, feature in enumerate(tree.feature.tolist()):
                tables[feature][:, of_tree] &= np.where(
                    self.classes[feature].find_left(tree, split)[:, None],
                    _to_short_words(tree.every_leaf & ~right[split], of_tree),
                    _to_short_words(tree.every_leaf & ~left[split], of_tree),
                )
        n_categories = np.full(self.n_features, UNUSED, dtype=np.int64)
        n_thresholds, n_classes = (np.zeros(self.n_features, dtype=np.int64) for _ in range(2))
        for feature in used:
            classes = self.classes[feature]
            n_categories[feature] = classes.n_categories if classes.n_categories >= 0 else THRESHOLDS
            n_thresholds[feature], n_classes[feature] = len(classes.thresholds), classes.n_classes
        return TreeMasks(
            thresholds=np.concatenate([np.empty(0), *(self.classes[feature].thresholds for feature in used)]),
            threshold_start=np.concatenate([[0], np.cumsum(n_thresholds)]).astype(np.int64),
            n_categories=n_categories,
            table=np.concatenate([np.empty((0, len(every)), np.uint32), *(tables[feature] for feature in used)]),
            table_start=np.cumsum(n_classes) - n_classes,
            every_leaf=every,
            leaf_value=leaf_value,
        )

    def _make_tables(self, tree: Tree) -> dict[int, UInt64s]:
        every = tree.every_leaf
        tables: dict[int, UInt64s] = {}
        left, right = tree.leaves_below
        for split, feature in enumerate(tree.feature.tolist()):
            classes = self.classes[feature]
            goes_left = classes.find_left(tree, split)
            keeps = np.where(
                goes_left[:, None], _to_words(every & ~right[split], tree), _to_words(every & ~left[split], tree)
            )
            tables[feature] = tables[feature] & keeps if feature in tables else keeps
        return tables


@dataclass(frozen=True, eq=False)
class ValueClasses:
    """Classes of a feature's values: the number of lesser thresholds, and one more class for NaN; or the category."""

    thresholds: Floats  # (k,) ascending; none for a categorical feature
    n_categories: int  # -1: numerical. Class `n_categories`: all values that no split names

    @property
    def n_classes(self) -> int:
        return self.n_categories + 1 if self.n_categories >= 0 else len(self.thresholds) + 2

    def classify(self, values: Floats) -> Longs:
        """Return (n,) the class of each value."""
        if self.n_categories >= 0:
            known = (values > -1) & (values < self.n_categories)  # truncated towards 0; false for NaN
            return np.where(known, np.where(known, values, 0).astype(np.int64), self.n_categories)
        values = np.where(np.abs(values) <= ZERO, 0.0, values)
        return np.where(np.isnan(values), len(self.thresholds) + 1, np.searchsorted(self.thresholds, values, "left"))

    def find_left(self, tree: Tree, split: int) -> Bools:
        """Return (classes,) whether values of each class go left at a split."""
        categories = tree.categories[split]
        if categories is not None:
            found = np.zeros(self.n_categories + 1, dtype=bool)
            found[list(categories)] = True
            return found
        found = np.zeros(len(self.thresholds) + 2, dtype=bool)
        found[: np.searchsorted(self.thresholds, tree.threshold[split]) + 1] = True
        found[-1] = tree.default_left[split] if tree.keeps_nan[split] else tree.threshold[split] >= 0.0
        return found


def _count_words(tree: Tree) -> int:
    return -(-len(tree.leaf_value) // _WORD)


def _to_words(mask: int, tree: Tree) -> UInt64s:
    """Return a mask as words, the lowest bits first."""
    return np.array([(mask >> (_WORD * word)) & (2**_WORD - 1) for word in range(_count_words(tree))], dtype=np.uint64)


def _to_short_words(mask: int, words: slice) -> UInt32s:
    """Return a mask as words of 32 bits, the lowest bits first."""
    n_words = words.stop - words.start
    return np.array(
        [(mask >> (LEAVES_PER_WORD * word)) & (2**LEAVES_PER_WORD - 1) for word in range(n_words)], np.uint32
    )


def find_bits(masks: UInt64s) -> Longs:
    """Return (…) the number of the only bit that is set in each of `masks` (…, words)."""
    if masks.shape[-1] == 1:
        return np.frexp(masks[..., 0].astype(np.float64))[1] - 1  # exact: a power of two
    word = (masks != 0).argmax(axis=-1)
    bits = np.take_along_axis(masks, word[..., None], axis=-1)[..., 0]
    return _WORD * word + np.frexp(bits.astype(np.float64))[1] - 1


def _number_masks(masks: UInt64s) -> tuple[NDArray[np.integer], UInt64s]:
    """Return (n,) a number for each row of `masks` (n, words), and the distinct rows by number."""
    import pandas as pd  # workers of a cluster, which rank without tables of states, do not need it

    code, _ = pd.factorize(masks[:, 0])
    for word in range(1, masks.shape[1]):
        other, distinct = pd.factorize(masks[:, word])
        code, _ = pd.factorize(code * len(distinct) + other)
    first = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return code, masks[first]
