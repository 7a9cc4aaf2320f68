"""Exact contributions of inputs to a raw score: Shapley values of the trees.

The game is that of path-dependent TreeSHAP (Lundberg et al., From local explanations to global understanding with
explainable AI for trees, 2020, algorithm 2). If an input is unknown, a row is split in the proportion of the training
rows. A leaf's value is then a product over the inputs of its path, so its Shapley values are sums of the coefficients
of a polynomial.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import factorial

import numpy as np

from scoring.array_types import Floats
from scoring.learning.tree_ensemble import Tree, TreeEnsemble

__all__ = ["RawContributions", "compute_contributions"]


@dataclass(frozen=True, eq=False)
class RawContributions:
    """`expected` + the sum of `values` is the raw score, up to rounding."""

    expected: float
    """The mean raw score of the training rows."""
    values: Floats  # (n_features,)


def compute_contributions(trees: TreeEnsemble, row: Floats) -> RawContributions:
    """Return the contribution of each feature to the raw score of a row (n_features,)."""
    numbers = np.asarray(row, dtype=np.float64).tolist()
    expected, values = 0.0, np.zeros(trees.n_features)
    by_length: dict[int, list[tuple[float, list[int], list[float], list[bool]]]] = defaultdict(list)
    for tree in trees.trees:
        for leaf_value, inputs in _list_paths(tree, numbers):
            shares = [share for share, _ in inputs.values()]
            expected += leaf_value * float(np.prod(shares))
            by_length[len(inputs)].append((leaf_value, list(inputs), shares, [enters for _, enters in inputs.values()]))
    for length, paths in by_length.items():
        if length:
            _add_contributions(length, paths, values)
    return RawContributions(expected, values)


def _list_paths(tree: Tree, row: list[float]) -> list[tuple[float, dict[int, tuple[float, bool]]]]:
    """Return per leaf its value and, per feature of its path, the share of the training rows that go towards the leaf,
    and whether the row does."""
    if not len(tree.feature):
        return [(float(tree.leaf_value[0]), {})]
    found: list[tuple[float, dict[int, tuple[float, bool]]]] = []
    waiting: list[tuple[int, dict[int, tuple[float, bool]]]] = [(0, {})]
    while waiting:
        split, inputs = waiting.pop()
        feature, count = int(tree.feature[split]), max(int(tree.split_count[split]), 1)
        goes_left = tree.goes_left(split, row[feature])
        share, enters = inputs.get(feature, (1.0, True))
        for child, is_left in ((int(tree.left[split]), True), (int(tree.right[split]), False)):
            n = int(tree.split_count[child] if child >= 0 else tree.leaf_count[~child])
            path = inputs | {feature: (share * (n / count), enters and goes_left is is_left)}
            if child >= 0:
                waiting.append((child, path))
            else:
                found.append((float(tree.leaf_value[~child]), path))
    return found


def _add_contributions(
    length: int, paths: list[tuple[float, list[int], list[float], list[bool]]], values: Floats
) -> None:
    """Add the Shapley values of leaves whose paths have `length` features.

    The value of a coalition is the product of `enters` over its features and of `share` over the remaining features.
    """
    leaf = np.array([path[0] for path in paths])
    feature = np.array([path[1] for path in paths])
    share, enters = (np.array([path[place] for path in paths], dtype=np.float64) for place in (2, 3))
    weight = [factorial(size) * factorial(length - 1 - size) / factorial(length) for size in range(length)]
    for place in range(length):
        sums = np.zeros((len(paths), length))  # column s: the sum over coalitions of s other features
        sums[:, 0] = 1.0
        for other in range(length):
            if other != place:
                entered = sums[:, :-1] * enters[:, other, None]
                sums *= share[:, other, None]
                sums[:, 1:] += entered
        gain = leaf * (enters[:, place] - share[:, place]) * (sums @ np.array(weight))
        np.add.at(values, feature[:, place], gain)
