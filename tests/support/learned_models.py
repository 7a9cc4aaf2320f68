"""Trained models with sidecars, of inputs that a test names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scoring.components.learned import Learned
from scoring.learning.input_catalogue import InputSpec, InputTables, make_specs
from scoring.learning.learned_model import find_format, make_evaluator
from scoring.learning.sidecar import LinkSpec, SelfTest, Sidecar, digest_content, write_sidecar
from scoring.model import Inputs
from tests.learning.network_files import make_litert, make_onnx, random_layers
from tests.support.trained_trees import train

__all__ = ["JOB_INPUTS", "PAIR_INPUTS", "USER_INPUTS", "write_network", "write_trees"]

JOB_INPUTS = (
    "job.fee", "job.wage", "job.age_days", "job.clicks", "job.has_station", "job.occupation", "job.prefecture",
)  # fmt: skip
USER_INPUTS = ("user.salary_floor", "user.applications_90d", "user.mean_wage", "user.prefecture")
PAIR_INPUTS = ("pair.place", "pair.preferred_similarity", "pair.wage_ratio", "pair.factors")
_N_ROWS = 3000


def write_trees(
    folder: Path, inputs: Inputs, names: Sequence[str], *, link: str = "affine", seed: int = 0, **settings: Any
) -> Learned:
    """Train trees on random pairs and random labels that depend on the inputs, and return the component."""
    rng, specs = np.random.default_rng(seed), make_specs(names, inputs)
    rows = _draw_rows(inputs, specs, rng)
    scaled = _scale(rows)
    hidden = np.tanh(scaled @ rng.normal(size=(len(names), 8)))
    target = hidden @ rng.normal(size=8) + rng.normal(scale=0.3, size=_N_ROWS)
    if link == "sigmoid":
        target, settings = (target > 0).astype(float), {"objective": "binary"} | settings
    categorical = [place for place, spec in enumerate(specs) if spec.categorical]
    content = train(rows, target, categorical_feature=categorical, **settings).model_to_string().encode()
    return _write(folder / f"learned{seed}.txt", content, specs, rows, link)


def write_network(
    folder: Path,
    inputs: Inputs,
    names: Sequence[str],
    *,
    suffix: str = ".onnx",
    link: str = "affine",
    seed: int = 0,
    sizes: Sequence[int] = (8, 1),
) -> Learned:
    """Write a random network whose first layer scales the inputs, and return the component."""
    rng, specs = np.random.default_rng(seed), make_specs(names, inputs, missing=0.0)
    rows = _draw_rows(inputs, specs, rng)
    (weights, bias), *others = random_layers(len(names), sizes, seed)
    deviation = rows.std(axis=0) + 1e-9
    first = (weights / deviation[:, None]).astype(np.float32)
    layers = [(first, (bias - rows.mean(axis=0) @ first).astype(np.float32)), *others]
    content = make_onnx(layers) if suffix == ".onnx" else make_litert(layers)
    return _write(folder / f"learned{seed}{suffix}", content, specs, rows, link)


def _draw_rows(inputs: Inputs, specs: Sequence[InputSpec], rng: np.random.Generator) -> np.ndarray:
    users, jobs = (rng.integers(n, size=_N_ROWS) for n in (len(inputs.users), len(inputs.jobs)))
    return InputTables(inputs, specs).rows(users, jobs)


def _scale(rows: np.ndarray) -> np.ndarray:
    known = np.nan_to_num(rows)
    scaled: np.ndarray = (known - known.mean(axis=0)) / (known.std(axis=0) + 1e-9)
    return scaled


def _write(path: Path, content: bytes, specs: tuple[InputSpec, ...], rows: np.ndarray, link: str) -> Learned:
    """Write a model file and its sidecar. An affine link clips a tenth of the values of the rows."""
    path.write_bytes(content)
    trees, evaluator = make_evaluator(path, content, specs, rows[:5])
    model = trees or evaluator
    assert model is not None
    raw = model.predict(rows)
    low, high = np.quantile(raw, [0.05, 0.95])
    sidecar = Sidecar(
        format=find_format(path),
        digest=digest_content(content),
        inputs=specs,
        link=LinkSpec(kind="affine", low=low, high=high) if link == "affine" else LinkSpec(kind="sigmoid"),
        self_test=SelfTest(rows=tuple(map(tuple, rows[:5].tolist())), outputs=tuple(raw[:5].tolist())),
    )
    write_sidecar(sidecar, path)
    return Learned(model=str(path))
