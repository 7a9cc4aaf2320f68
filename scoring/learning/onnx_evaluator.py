"""Networks in ONNX format, evaluated by ONNX Runtime with one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scoring.errors import ModelError
from scoring.learning.evaluator import Float32s, NetworkEvaluator
from scoring.learning.onnx_file_check import check_onnx_file
from scoring.optional_dependencies import require

__all__ = ["make_onnx_evaluator"]


def make_onnx_evaluator(path: Path, content: bytes, probes: Float32s) -> NetworkEvaluator:
    """Return the evaluator of a model file's content. `probes` has as many columns as the model must have inputs.

    Raises
    ------
    ModelError: If the content is not a model with one input [N, d] and one output [N, 1] of float32.
    MissingDependencyError: If ONNX Runtime is not installed.
    """
    require("A component with an ONNX model", "learned", "onnxruntime")
    check_onnx_file(path, content)
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    errors = tuple(
        getattr(state, name)
        for name in ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (*errors, RuntimeError, ValueError) as error:
        reason = _shorten(error)
        raise ModelError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} refuses the model: {reason}. Export it for an "
            "operator set that this version supports.",
            path=str(path),
        ) from error
    name = _check_shapes(path, session.get_inputs(), session.get_outputs(), probes.shape[1])
    output = session.get_outputs()[0].name

    def run(rows: Float32s) -> Float32s:
        try:
            return np.asarray(session.run([output], {name: rows})[0])
        except (*errors, RuntimeError, ValueError) as error:
            raise ModelError(
                f"{path}: the model fails for {len(rows):,} rows: {_shorten(error)}. Export it with a "
                "dynamic number of rows.",
                path=str(path),
            ) from error

    return NetworkEvaluator(run, probes)


def _check_shapes(path: Path, inputs: list[Any], outputs: list[Any], n_inputs: int) -> str:
    """Return the name of the input tensor."""
    for what, nodes, width in (("input", inputs, n_inputs), ("output", outputs, 1)):
        if len(nodes) != 1:
            names = ", ".join(repr(node.name) for node in nodes) or "none"
            raise ModelError(
                f"{path}: the model has {len(nodes)} {what}s ({names}). Export it with one {what}.", path=str(path)
            )
        node = nodes[0]
        is_right = (
            node.type == "tensor(float)"
            and len(node.shape) == 2
            and not isinstance(node.shape[0], int)
            and node.shape[1] == width
        )
        if not is_right:
            per_input = ", one column for each input of the sidecar" if what == "input" else ""
            raise ModelError(
                f"{path}: {what} {node.name!r} is {node.type} {list(node.shape)}. It must be float32 [N, {width}]: a "
                f"dynamic number of rows{per_input}.",
                key=(what, node.name),
                path=str(path),
            )
    return str(inputs[0].name)


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:160].rstrip(".")
