"""Writes small trained models with their sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scoring.learning.input_catalogue import INPUTS, InputSpec
from scoring.learning.learned_model import find_format, make_evaluator
from scoring.learning.sidecar import LinkSpec, SelfTest, Sidecar, digest_content, write_sidecar
from tests.learning.network_files import make_litert, make_onnx, random_layers

NAMES = ("job.fee", "job.wage", "pair.place")


def make_specs_of(names: Sequence[str] = NAMES, missing: float = 0.0) -> tuple[InputSpec, ...]:
    """Return specs of inputs that are not categorical."""
    return tuple(
        InputSpec(
            name=name, side=INPUTS[name].side, formula=INPUTS[name].formula, unit=INPUTS[name].unit, missing=missing
        )
        for name in names
    )


def make_trees(names: Sequence[str] = NAMES, seed: int = 0) -> bytes:
    """Return LightGBM's text of a small model."""
    import lightgbm

    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(400, len(names)))
    target = rows[:, 0] * 2 + rows[:, -1] ** 2 + generator.normal(size=400)
    data = lightgbm.Dataset(rows, target, feature_name=list(names))
    settings = {"verbose": -1, "num_leaves": 7, "num_threads": 1}
    text: str = lightgbm.train(settings, data, 5).model_to_string()
    return text.encode()


def make_content(suffix: str, seed: int = 0) -> bytes:
    """Return a model with the inputs `NAMES`."""
    if suffix == ".txt":
        return make_trees(seed=seed)
    layers = random_layers(len(NAMES), (4, 1), seed)
    return make_onnx(layers) if suffix == ".onnx" else make_litert(layers)


def write_model(path: Path, content: bytes | None = None, specs: Sequence[InputSpec] | None = None) -> Sidecar:
    """Write a model file and its sidecar."""
    content = make_content(path.suffix) if content is None else content
    specs = make_specs_of() if specs is None else tuple(specs)
    rows = np.random.default_rng(1).normal(size=(4, len(specs)))
    path.write_bytes(content)
    trees, evaluator = make_evaluator(path, content, tuple(specs), rows)
    outputs = (trees or evaluator).predict(rows)  # type: ignore[union-attr]
    sidecar = Sidecar(
        format=find_format(path),
        digest=digest_content(content),
        inputs=tuple(specs),
        link=LinkSpec(kind="affine", low=-3.0, high=5.0),
        self_test=SelfTest(rows=rows.tolist(), outputs=outputs.tolist()),
    )
    write_sidecar(sidecar, path)
    return sidecar
