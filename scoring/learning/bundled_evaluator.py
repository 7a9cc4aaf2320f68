"""Reads the trained models of a bundle. It needs NumPy and the runtime of the model."""

from __future__ import annotations

from pathlib import Path

from scoring.bundle.bundled_model import BundledModel, Predict
from scoring.bundle.tree_masks import TreeMasks
from scoring.errors import ModelError
from scoring.learning.evaluator import NetworkEvaluator
from scoring.learning.lightgbm_text import parse_lightgbm
from scoring.learning.litert_evaluator import make_litert_evaluator
from scoring.learning.onnx_evaluator import make_onnx_evaluator

__all__ = ["PROBES_KEY", "make_masks", "make_predict"]

PROBES_KEY = ("probes",)
"""Key of the error about other outputs of the probe rows."""


def make_masks(model: BundledModel) -> TreeMasks | None:
    """Return trees as masks for kernels; None for a network.

    Raises
    ------
    ModelError: If the content is not a model of its format.
    """
    return parse_lightgbm(model.content, source=model.name).masks if model.format == "lightgbm" else None


def make_predict(model: BundledModel) -> Predict:
    """Return the function that computes outputs.

    Raises
    ------
    ModelError: If the content is not a model of its format, or the network computes other outputs of the probe rows
        than where the bundle was made.
    MissingDependencyError: If the runtime is not installed.
    """
    if model.format == "lightgbm":
        return parse_lightgbm(model.content, source=model.name).predict
    make = make_onnx_evaluator if model.format == "onnx" else make_litert_evaluator
    evaluator: NetworkEvaluator = make(Path(model.name), model.content, model.probes)
    if evaluator.probe_digest != model.read_digest():
        raise ModelError(
            f"{model.name}: this machine computes other outputs than the machine where the bundle was made. Use the "
            "same processor and the same version of the runtime.",
            key=PROBES_KEY,
        )
    return evaluator.predict
