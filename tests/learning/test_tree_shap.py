"""Contributions to a raw score: Shapley values by definition, those of LightGBM, and their sum."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from scoring.learning.lightgbm_text import parse_lightgbm
from scoring.learning.tree_ensemble import Tree, TreeEnsemble
from scoring.learning.tree_shap import compute_contributions
from tests.support.trained_trees import make_rows, train, train_random


def value_of_coalition(tree: Tree, row: list[float], known: set[int], node: int = 0) -> float:
    """Return the expected leaf value if the features in `known` are known."""
    if node < 0 or not len(tree.feature):
        return float(tree.leaf_value[~node if node < 0 else 0])
    children = int(tree.left[node]), int(tree.right[node])
    feature = int(tree.feature[node])
    if feature in known:
        return value_of_coalition(tree, row, known, children[0 if tree.goes_left(node, row[feature]) else 1])
    counts = [int(tree.split_count[child] if child >= 0 else tree.leaf_count[~child]) for child in children]
    values = [value_of_coalition(tree, row, known, child) for child in children]
    return float(np.dot(counts, values) / tree.split_count[node])


def shapley_values(trees: TreeEnsemble, row: list[float]) -> list[float]:
    n = trees.n_features
    result = []
    for feature in range(n):
        others = [other for other in range(n) if other != feature]
        total = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - 1 - size) / factorial(n)
            for chosen in combinations(others, size):
                for tree in trees.trees:
                    gain = value_of_coalition(tree, row, {*chosen, feature}) - value_of_coalition(tree, row, {*chosen})
                    total += weight * gain
        result.append(total)
    return result


@pytest.mark.parametrize("seed", range(6))
def test_contributions_equal_shapley_values_by_definition(seed: int) -> None:
    rows = make_rows(seed, 200, 4)
    booster = train(rows, np.nan_to_num(rows).sum(axis=1), num_leaves=8, num_iterations=3, categorical_feature=[3])
    trees = parse_lightgbm(booster.model_to_string().encode())
    for row in rows[:5]:
        found = compute_contributions(trees, row)
        np.testing.assert_allclose(found.values, shapley_values(trees, row.tolist()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(15))
def test_contributions_equal_those_of_lightgbm_and_add_up(seed: int) -> None:
    booster, rows = train_random(seed)
    trees = parse_lightgbm(booster.model_to_string().encode())
    size = sum(float(np.abs(tree.leaf_value).sum()) for tree in trees.trees)
    rows = rows[np.random.default_rng(seed).choice(len(rows), 20, replace=False)]
    wanted = booster.predict(rows, pred_contrib=True, num_threads=1)
    for row, of_row, raw in zip(rows, wanted, trees.predict(rows), strict=True):
        found = compute_contributions(trees, row)
        assert abs(found.expected + found.values.sum() - raw) <= 1e-9 * size
        np.testing.assert_allclose(found.values, of_row[:-1], rtol=0, atol=1e-9 * size)
        assert abs(found.expected - of_row[-1]) <= 1e-9 * size


def test_constant_tree_has_only_an_expected_value() -> None:
    trees = parse_lightgbm(train(make_rows(0, 50, 2), np.full(50, 3.0)).model_to_string().encode())
    found = compute_contributions(trees, np.zeros(2))
    assert found.expected == trees.predict(np.zeros((1, 2)))[0]
    assert not found.values.any()
