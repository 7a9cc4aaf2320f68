"""Trained models with sidecars, of inputs that a test names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scoring.components.learned import Learned
from scoring.learning.input_catalogue import InputTables, make_specs
from scoring.learning.lightgbm_text import parse_lightgbm
from scoring.learning.sidecar import LinkSpec, SelfTest, Sidecar, digest_content, write_sidecar
from scoring.model import Inputs
from tests.support.trained_trees import train

__all__ = ["JOB_INPUTS", "USER_INPUTS", "write_trees"]

JOB_INPUTS = (
    "job.fee",
    "job.wage",
    "job.age_days",
    "job.clicks",
    "job.has_station",
    "job.occupation",
    "job.prefecture",
)
USER_INPUTS = ("user.salary_floor", "user.applications_90d", "user.mean_wage", "user.prefecture")


def write_trees(
    folder: Path, inputs: Inputs, names: Sequence[str], *, link: str = "affine", seed: int = 0, **settings: Any
) -> Learned:
    """Train trees on random pairs and random labels that depend on the inputs, and return the component."""
    rng = np.random.default_rng(seed)
    specs = make_specs(names, inputs)
    n = 3000
    rows = InputTables(inputs, specs).rows(
        rng.integers(len(inputs.users), size=n), rng.integers(len(inputs.jobs), size=n)
    )
    finite = np.nan_to_num(rows)
    scaled = (finite - finite.mean(axis=0)) / (finite.std(axis=0) + 1e-9)
    hidden = np.tanh(scaled @ rng.normal(size=(len(names), 8)))
    target = hidden @ rng.normal(size=8) + rng.normal(scale=0.3, size=n)
    if link == "sigmoid":
        target, settings = (target > 0).astype(float), {"objective": "binary"} | settings
    categorical = [place for place, spec in enumerate(specs) if spec.categorical]
    booster = train(rows, target, categorical_feature=categorical, **settings)
    path = folder / f"learned{seed}.txt"
    content = booster.model_to_string().encode()
    path.write_bytes(content)
    raw = parse_lightgbm(content).predict(rows)
    low, high = np.quantile(raw, [0.05, 0.95])
    spec = LinkSpec(kind="affine", low=low, high=high) if link == "affine" else LinkSpec(kind="sigmoid")
    test = SelfTest(rows=tuple(map(tuple, rows[:5].tolist())), outputs=tuple(raw[:5].tolist()))
    write_sidecar(
        Sidecar(format="lightgbm", digest=digest_content(content), inputs=specs, link=spec, self_test=test), path
    )
    return Learned(model=str(path))
