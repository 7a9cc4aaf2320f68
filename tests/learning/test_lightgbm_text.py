"""The text format of LightGBM: raw scores equal those of LightGBM bit for bit, and other files are rejected."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest

from scoring.errors import ModelError
from scoring.learning.lightgbm_text import parse_lightgbm
from tests.support.errors import raises_at
from tests.support.trained_trees import make_rows, train, train_random

N_MODELS = 40


@pytest.mark.parametrize("seed", range(N_MODELS))
def test_raw_scores_equal_those_of_lightgbm(seed: int) -> None:
    booster, rows = train_random(seed)
    trees = parse_lightgbm(booster.model_to_string().encode())
    wanted = booster.predict(rows, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(trees.predict(rows), wanted)
    few = [trees.predict(rows[first : first + 9]) for first in range(0, len(rows), 9)]
    np.testing.assert_array_equal(np.concatenate(few), wanted)


@pytest.mark.parametrize("seed", range(10))
def test_states_of_two_sides_give_the_leaf(seed: int) -> None:
    booster, rows = train_random(seed)
    trees = parse_lightgbm(booster.model_to_string().encode())
    rng = np.random.default_rng(seed)
    side = rng.random(trees.n_features) < 0.5
    users = trees.compute_states(rows, np.flatnonzero(side).tolist())
    jobs = trees.compute_states(rows, np.flatnonzero(~side).tolist())
    for number, tree in enumerate(trees.trees):
        left = users.masks[number][users.state[:, number]] & jobs.masks[number][jobs.state[:, number]]
        leaves = [tree.find_leaf(row) for row in rows.tolist()]
        assert [sum(int(word) << (64 * i) for i, word in enumerate(mask)) for mask in left] == [1 << x for x in leaves]


REFUSED: dict[str, dict[str, Any]] = {
    "average_output": {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
    "zero_as_missing": {"zero_as_missing": True},
    "is_linear": {"linear_tree": True, "boosting": "gbdt"},
    "num_class": {"objective": "multiclass", "num_class": 3},
    "objective": {"objective": "none"},
}


@pytest.mark.parametrize("key", REFUSED)
def test_model_outside_of_the_subset_is_rejected_by_name(key: str) -> None:
    rows = make_rows(0, 300, 3)
    target = np.random.default_rng(0).integers(0, 3, 300).astype(float)
    if key == "objective":
        rounds = lightgbm.Booster(
            {"objective": "none", "verbosity": -1}, lightgbm.Dataset(rows, target, params={"verbosity": -1})
        )
        rounds.update(fobj=lambda score, _: (score - target, np.ones(300)))
        text = rounds.model_to_string()
    else:
        text = train(rows, target, **REFUSED[key]).model_to_string()
    with raises_at(ModelError, key):
        parse_lightgbm(text.encode())


@pytest.mark.parametrize("version", ["v2", "v3", "v5"])
def test_other_version_is_rejected(version: str) -> None:
    text = train(make_rows(0, 100, 2), np.arange(100.0)).model_to_string()
    with raises_at(ModelError, "version"):
        parse_lightgbm(text.replace("version=v4", f"version={version}").encode())


@pytest.mark.parametrize("content", [b"", b"tree\n", b"\xff\xfe", b"not a model", b"tree\nversion=v4\n"])
def test_other_file_is_rejected(content: bytes) -> None:
    with pytest.raises(ModelError):
        parse_lightgbm(content)


def test_truncated_file_is_rejected_at_every_length() -> None:
    text = train(make_rows(1, 200, 3), np.arange(200.0), num_leaves=5, num_iterations=3).model_to_string().encode()
    end = text.index(b"end of trees") + len(b"end of trees")
    for length in range(0, end, 7):
        with pytest.raises(ModelError):
            parse_lightgbm(text[:length])


def test_mutated_file_is_rejected_or_has_valid_trees() -> None:
    """The digest in the sidecar rejects every mutation. Without it, a mutated file never reads outside an array."""
    rows = make_rows(1, 200, 3)
    text = train(rows, rows[:, 0], num_leaves=5, num_iterations=3, categorical_feature=[2]).model_to_string().encode()
    rng, read = np.random.default_rng(0), 0
    for _ in range(600):
        changed = bytearray(text[: text.index(b"parameters:")])
        changed[rng.integers(len(changed))] = int(rng.choice(list(b"0123456789 -=.\neTx")))
        try:
            trees = parse_lightgbm(bytes(changed))
        except ModelError:
            continue
        assert np.isfinite(trees.predict(rows)).all()
        read += 1
    assert read < 600


def test_tree_of_one_leaf() -> None:
    trees = parse_lightgbm(train(make_rows(0, 50, 2), np.full(50, 3.0)).model_to_string().encode())
    np.testing.assert_array_equal(trees.predict(np.zeros((40, 2))), np.full(40, trees.predict(np.zeros((1, 2)))[0]))
    assert not trees.used_features
