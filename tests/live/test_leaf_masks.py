"""Masks of the leaves that remain give the leaves of the trees, and bounds of their sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring.learning.input_catalogue import InputTables, make_specs
from scoring.learning.lightgbm_text import parse_lightgbm
from scoring.live.leaf_masks import WORD, LeafMasks, bound_leaves, find_masks
from tests.support.learned_models import JOB_INPUTS, USER_INPUTS, write_trees
from tests.support.prepared_markets import small
from tests.support.trained_trees import train_random

INPUTS = small(1, 20, 120).inputs


@pytest.mark.parametrize("num_leaves", [2, 32, 90])
def test_common_leaves_sum_to_the_output(tmp_path: Path, num_leaves: int) -> None:
    learned = write_trees(tmp_path, INPUTS, (*JOB_INPUTS, *USER_INPUTS), num_leaves=num_leaves).learned
    assert learned.trees is not None
    tables, masks = InputTables(INPUTS, learned.inputs), LeafMasks(learned.trees, learned.inputs)
    users, jobs = masks.compute("user", tables.user_columns), masks.compute("job", tables.job_columns)
    user, job = np.divmod(np.arange(len(users) * len(jobs)), len(jobs))
    raw = learned.predict(tables.rows(user, job))
    common = users[user] & jobs[job]
    assert np.bitwise_count(common).sum(axis=1).tolist() == [len(learned.trees.trees)] * len(raw)
    is_leaf = (common[:, :, None] >> np.arange(WORD, dtype=np.uint32)) & 1
    leaf = np.flatnonzero(is_leaf.reshape(len(raw), -1).ravel()) % (WORD * common.shape[1])
    values = masks.leaf_value[leaf.reshape(len(raw), -1)]
    np.testing.assert_array_equal(np.add.accumulate(values, axis=1)[:, -1], raw)
    np.testing.assert_array_equal(masks.predict(tables.rows(user, job)), raw)
    high = np.zeros(len(jobs))
    bound_leaves(jobs, masks.first_word, masks.leaf_value, high)
    best = raw.reshape(len(users), -1).max(axis=0)
    assert (high >= best).all()
    assert high.mean() < np.abs(raw).max() * len(learned.trees.trees)


def test_masks_of_a_row_alone_equal_those_among_all(tmp_path: Path) -> None:
    learned = write_trees(tmp_path, INPUTS, (*JOB_INPUTS, *USER_INPUTS)).learned
    assert learned.trees is not None
    masks, columns = LeafMasks(learned.trees, learned.inputs), InputTables(INPUTS, learned.inputs).job_columns
    alone = np.concatenate([masks.compute("job", columns[row : row + 1]) for row in range(len(columns))])
    np.testing.assert_array_equal(alone, masks.compute("job", columns))


def test_masks_are_computed_once_for_a_model(tmp_path: Path) -> None:
    learned = write_trees(tmp_path, INPUTS, (*JOB_INPUTS, *USER_INPUTS)).learned
    assert learned.trees is not None
    assert find_masks(learned.trees, learned.inputs) is find_masks(learned.trees, learned.inputs)


@pytest.mark.parametrize("seed", range(20))
def test_predictions_have_the_bits_of_the_trees(seed: int) -> None:
    """On rows at and beside thresholds, and with NaN, infinity and unseen categories."""
    booster, rows = train_random(seed)
    trees = parse_lightgbm(booster.model_to_string().encode())
    specs = make_specs(JOB_INPUTS[: rows.shape[1]], INPUTS)
    np.testing.assert_array_equal(LeafMasks(trees, specs).predict(rows), trees.predict(rows))
