"""Models that LightGBM trains on random rows."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

__all__ = ["make_rows", "train", "train_random"]


def make_rows(seed: int, n: int, d: int) -> np.ndarray:
    """Return (n, d) rows with NaN, zeros, and categories in the last column."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d))
    rows[rng.random(rows.shape) < 0.1] = 0.0
    rows[:, -1] = rng.integers(0, 40, n)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def train(rows: np.ndarray, target: np.ndarray, **settings: Any) -> lightgbm.Booster:
    """Return a model; 5 trees of at most 31 leaves by default."""
    categorical = settings.pop("categorical_feature", [])
    known: dict[str, Any] = {
        "objective": "regression",
        "verbosity": -1,
        "num_threads": 1,
        "min_data_in_leaf": 2,
        "num_iterations": 5,
    }
    chosen = known | settings
    rounds = chosen.pop("num_iterations")
    group = [len(rows)] if chosen["objective"] == "lambdarank" else None
    data = lightgbm.Dataset(rows, target, group=group, categorical_feature=categorical, params=chosen)
    return lightgbm.train(chosen, data, rounds)


def train_random(seed: int) -> tuple[lightgbm.Booster, np.ndarray]:
    """Return a random model, and rows at and beside its thresholds, and with NaN, infinity and unseen categories."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 7))
    rows = make_rows(seed, 400, d)
    objective = str(rng.choice(["regression", "binary", "poisson", "lambdarank", "huber", "cross_entropy"]))
    target = np.nan_to_num(rows) @ rng.normal(size=d) + rng.normal(size=400)
    if objective in ("binary", "cross_entropy", "lambdarank"):
        target = (target > np.median(target)).astype(float)
    booster = train(
        rows,
        np.abs(target) if objective == "poisson" else target,
        objective=objective,
        boosting=str(rng.choice(["gbdt", "dart"])),
        num_leaves=int(rng.choice([2, 7, 31, 100])),
        num_iterations=int(rng.integers(1, 20)),
        use_missing=bool(rng.random() < 0.8),
        categorical_feature=[d - 1] if rng.random() < 0.7 else [],
        min_data_per_group=1,
        cat_smooth=1,
    )
    special = np.array([0.0, -0.5, 3.7, 1e9, 1e300, -1.0, np.nan, np.inf, -np.inf, 1e-36, -1e-35, 2e-35])
    return booster, np.concatenate([rows, 50 * rng.normal(size=(100, d)), rng.choice(special, (200, d))])
