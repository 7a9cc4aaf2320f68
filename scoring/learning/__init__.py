"""Trained models as components: their files, inputs, values and explanations.

- `input_catalogue`: the inputs that a model may read; `sidecar`: the file that states a model's inputs and link
- `learned_model`: reads a model file once, with its sidecar
- `evaluator`: one interface to all models; `onnx_evaluator`, `litert_evaluator`: runtimes of networks
- `bundled_evaluator`: reads the models of a bundle
- `onnx_file_check`: checks an ONNX file before its runtime reads it
- `lightgbm_text`: reads the text format of LightGBM; `tree_ensemble`: the trees and their raw scores
- `model_shapes`: which models can be evaluated before pairs are known; `tree_tables`: trees as tables of states
- `tree_shap`: exact contributions of inputs to a raw score
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "DEFAULT_INPUTS": "scoring.training",
    "INPUTS": "scoring.learning.input_catalogue",
    "LearnedModel": "scoring.learning.learned_model",
    "ModelImport": "scoring.training",
    "TrainingFrame": "scoring.training",
    "frame": "scoring.training",
    "import_model": "scoring.training",
    "read_learned_model": "scoring.learning.learned_model",
}
"""Name → its package. Training is above this package, so its names are imported when they are first used."""

__all__ = [name for name in _HOMES if not name.isupper()]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'scoring.learning' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
