"""Trained models of the benchmark: trees that LightGBM trains on random pairs, and networks with random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from scoring.array_types import Floats
from scoring.components.learned import Learned
from scoring.learning.input_catalogue import InputTables, make_specs
from scoring.model import Inputs
from scoring.training import TrainingFrame, import_model

__all__ = ["JOB_INPUTS", "PAIR_INPUTS", "USER_INPUTS", "make_network", "make_trees"]

JOB_INPUTS = (
    "job.wage", "job.wage_ratio", "job.fee", "job.age_days", "job.clicks_30d", "job.views", "job.company_rate",
    "job.has_station",
)  # fmt: skip
USER_INPUTS = (
    "user.applications_90d", "user.clicks_30d", "user.mean_wage", "user.salary_floor", "user.preferred",
    "user.days_since_click",
)  # fmt: skip
PAIR_INPUTS = (
    "pair.place", "pair.preferred_similarity", "pair.wage_ratio", "pair.factors", "pair.click_occupation_share",
    "pair.floor_ratio",
)  # fmt: skip

_N_ROWS = 20_000


def make_trees(folder: Path, name: str, inputs: Inputs, names: Sequence[str], seed: int = 0) -> Learned:
    """Return the component of 100 trees of at most 31 leaves, trained on a random function of the inputs with noise."""
    import lightgbm

    frame = _draw_pairs(inputs, names, np.nan, seed)
    generator = np.random.default_rng(seed)
    known = np.nan_to_num(frame.rows)
    scaled = (known - known.mean(axis=0)) / (known.std(axis=0) + 1e-9)
    hidden = np.tanh(scaled @ generator.normal(size=(len(names), 8)))
    label = hidden @ generator.normal(size=8) + generator.normal(scale=0.3, size=_N_ROWS)
    settings: dict[str, Any] = {"objective": "regression", "num_leaves": 31, "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(frame.rows, label, feature_name=frame.names, categorical_feature=frame.categorical)
    path = folder / f"{name}.txt"
    lightgbm.train(settings | {"seed": seed}, data, 100).save_model(path)
    return _import(path, frame)


def make_network(
    folder: Path,
    name: str,
    inputs: Inputs,
    names: Sequence[str],
    write: Callable[[Sequence[tuple[Any, Any]]], bytes],
    sizes: Sequence[int] = (32, 16, 1),
    seed: int = 0,
) -> Learned:
    """Return the component of a network with ReLU. Its first layer scales the inputs.

    Parameters
    ----------
    name: The name of its file, with the suffix.
    write: Layers, each weights (inputs, outputs) and bias (outputs,) → the file.
    """
    frame = _draw_pairs(inputs, names, 0.0, seed)
    generator, widths = np.random.default_rng(seed), (len(names), *sizes)
    layers = []
    for n_inputs, n_outputs in pairwise(widths):
        weights = generator.normal(0.0, n_inputs**-0.5, (n_inputs, n_outputs))
        layers.append((weights, generator.normal(0.0, 0.1, n_outputs)))
    weights, bias = layers[0]
    weights = weights / (frame.rows.std(axis=0) + 1e-9)[:, None]
    layers[0] = weights, bias - frame.rows.mean(axis=0) @ weights
    path = folder / name
    path.write_bytes(write([(weights.astype(np.float32), bias.astype(np.float32)) for weights, bias in layers]))
    return _import(path, frame)


def _draw_pairs(inputs: Inputs, names: Sequence[str], missing: float, seed: int) -> TrainingFrame:
    generator = np.random.default_rng(seed)
    users, jobs = (np.sort(generator.integers(n, size=_N_ROWS)) for n in (len(inputs.users), len(inputs.jobs)))
    jobs = generator.permutation(jobs)
    specs = make_specs(names, inputs, missing=missing)
    rows: Floats = InputTables(inputs, specs).rows(users, jobs)
    user_id, job_id = inputs.users.user_id[users], inputs.jobs.job_id[jobs]
    return TrainingFrame(specs, rows, np.zeros(_N_ROWS), user_id, job_id, None, seed, "")


def _import(path: Path, frame: TrainingFrame) -> Learned:
    import_model(path, frame)
    return Learned(model=str(path))
