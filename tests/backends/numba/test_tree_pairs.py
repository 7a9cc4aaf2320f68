"""Trees on inputs of users, jobs and pairs have the bits of the trees on rows."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.backends.numba.tree_pairs import TreePairs
from scoring.bundle.pair_formulas import PairColumns, TableLookup
from scoring.learning.lightgbm_text import parse_lightgbm
from tests.support.trained_trees import train, train_random

N_USERS, N_JOBS = 12, 40


def make_columns(rng: np.random.Generator, rows: np.ndarray) -> PairColumns:
    """Columns of random sides, with the values of the rows. A pair's value is one of a table."""
    d = rows.shape[1]
    sides = rng.integers(0, 3, d).astype(np.int8)
    formulas = tuple(
        TableLookup(rng.choice(rows[:, column], (N_USERS, 5)), rng.integers(0, 4, N_JOBS).astype(np.int32))
        for column in np.flatnonzero(sides == 2)
    )
    jobs = rng.permuted(np.resize(rows[:, sides == 0], (N_JOBS, (sides == 0).sum())), axis=0)
    users = rng.permuted(np.resize(rows[:, sides == 1], (N_USERS, (sides == 1).sum())), axis=0)
    return PairColumns(sides, jobs, users, formulas, np.full(len(formulas), np.nan))


@pytest.mark.parametrize("seed", range(12))
def test_random_trees_have_the_bits_of_rows(seed: int) -> None:
    booster, rows = train_random(seed)
    trees, rng = parse_lightgbm(booster.model_to_string().encode(), source="trees.txt"), np.random.default_rng(seed)
    columns = make_columns(rng, rows)
    users, jobs = np.sort(rng.integers(0, N_USERS, 301)), rng.integers(0, N_JOBS, 301)
    pairs = TreePairs(trees.masks, columns)
    for n in (301, 5, 1, 0):
        expected = trees.predict(columns.rows(users[:n], jobs[:n]))
        assert pairs.predict(users[:n], jobs[:n]).tobytes() == expected.tobytes()


def test_trees_of_many_leaves_have_several_words() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 3))
    booster = train(rows, np.sin(rows @ [3.0, 5.0, 7.0]), num_leaves=120, num_iterations=3)
    trees = parse_lightgbm(booster.model_to_string().encode(), source="trees.txt")
    assert len(trees.masks.every_leaf) > len(trees.trees)
    columns = PairColumns(
        np.array([0, 1, 2], dtype=np.int8),
        rows[:N_JOBS, :1],
        rows[:N_USERS, 1:2],
        (TableLookup(rows[:N_USERS, 2:3].repeat(3, axis=1), np.zeros(N_JOBS, np.int32)),),
        np.zeros(1),
    )
    users, jobs = rng.integers(0, N_USERS, 100), rng.integers(0, N_JOBS, 100)
    expected = trees.predict(columns.rows(users, jobs))
    assert TreePairs(trees.masks, columns).predict(users, jobs).tobytes() == expected.tobytes()
