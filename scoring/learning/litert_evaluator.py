"""Networks in TensorFlow Lite format, evaluated by LiteRT: one interpreter per thread, with one thread each."""

from __future__ import annotations

import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np

from scoring.errors import ModelError
from scoring.learning.evaluator import Float32s, NetworkEvaluator
from scoring.optional_dependencies import require

__all__ = ["make_litert_evaluator"]

_CUSTOM = 32
"""`BuiltinOperator.CUSTOM` of the schema."""
_FLOAT32 = 0
"""`TensorType.FLOAT32` of the schema."""


def make_litert_evaluator(path: Path, content: bytes, probes: Float32s) -> NetworkEvaluator:
    """Return the evaluator of a model file's content. `probes` has as many columns as the model must have inputs.

    Raises
    ------
    ModelError: If the content is not a model with one input [N, d] and one output [N, 1] of float32.
    MissingDependencyError: If LiteRT is not installed.
    """
    require("A component with a TensorFlow Lite model", "learned", "ai_edge_litert")
    _check_model(path, content, probes.shape[1])
    interpreters = _Interpreters(path, content)
    interpreters.get()  # a model that the runtime refuses is an error now
    return NetworkEvaluator(interpreters.run, probes)


class _Interpreters:
    """One interpreter per thread. An interpreter holds the tensors of one batch."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._content = path, content
        self._local = threading.local()

    def get(self) -> Any:
        interpreter = getattr(self._local, "interpreter", None)
        if interpreter is None:
            interpreter = self._local.interpreter = self._make()
            self._local.size = -1
        return interpreter

    def run(self, rows: Float32s) -> Float32s:
        interpreter = self.get()
        source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        try:
            if self._local.size != len(rows):
                interpreter.resize_tensor_input(source, list(rows.shape), strict=True)
                interpreter.allocate_tensors()
                self._local.size = len(rows)
            interpreter.set_tensor(source, rows)
            interpreter.invoke()
            found: Float32s = np.array(interpreter.get_tensor(target), copy=True)
        except (RuntimeError, ValueError) as error:
            self._local.size = -1
            raise ModelError(
                f"{self._path}: the model fails for {len(rows):,} rows: {_shorten(error)}. Convert it with a "
                "dynamic number of rows.",
                path=str(self._path),
            ) from error
        if found.shape != (len(rows), 1):
            raise ModelError(
                f"{self._path}: the output for {len(rows):,} rows has the shape {list(found.shape)}, not [N, 1].",
                path=str(self._path),
            )
        return found

    def _make(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=self._content, num_threads=1)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self._path}: LiteRT refuses the model: {_shorten(error)}. Convert it with standard operators.",
                path=str(self._path),
            ) from error
        return interpreter


def _check_model(path: Path, content: bytes, n_inputs: int) -> None:
    """Check operators, data and shapes before the runtime's parser reads the file."""
    from ai_edge_litert import schema_py_generated as schema

    def fail(problem: str) -> ModelError:
        return ModelError(f"{path}: {problem}.", path=str(path))

    try:
        if content[4:8] != b"TFL3":
            raise fail("the content is not a TensorFlow Lite model. Convert the model again")
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        graphs = model.subgraphs or []
        if len(graphs) != 1:
            raise fail(f"the model has {len(graphs)} graphs. Convert it with one graph")
        custom = [
            (code.customCode or b"").decode("utf-8", "replace")
            if isinstance(code.customCode, bytes)
            else code.customCode
            for code in model.operatorCodes or []
            if max(code.builtinCode, code.deprecatedBuiltinCode) == _CUSTOM or code.customCode
        ]
        if custom:
            raise fail(f"operator {custom[0]!r} is not a standard operator. Convert the model with standard operators")
        outside = getattr(model, "externalBuffers", None) or getattr(model, "externalBufferGroups", None)
        if outside or any((buffer.offset or 0) > 1 for buffer in model.buffers or []):
            raise fail("its weights are not inside the model. Convert it with all weights in one file")
        graph = graphs[0]
        for what, places, width in (("input", graph.inputs, n_inputs), ("output", graph.outputs, 1)):
            if places is None or len(places) != 1:
                count = 0 if places is None else len(places)
                raise fail(f"the model has {count} {what}s. Convert it with one {what}")
            _check_tensor(path, what, graph.tensors[int(places[0])], width)
    except ModelError:
        raise
    except (struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise fail("the content is not a TensorFlow Lite model. Convert the model again") from error


def _check_tensor(path: Path, what: str, tensor: Any, width: int) -> None:
    shape = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    found = [] if shape is None else [int(size) for size in shape]
    if tensor.type != _FLOAT32 or found != [-1, width]:
        name = tensor.name.decode("utf-8", "replace") if isinstance(tensor.name, bytes) else tensor.name
        kind = "float32" if tensor.type == _FLOAT32 else f"of type {tensor.type}"
        per_input = ", one column for each input of the sidecar" if what == "input" else ""
        raise ModelError(
            f"{path}: {what} {name!r} is {kind} {found}. It must be float32 [-1, {width}]: a dynamic number of rows"
            f"{per_input}.",
            key=(what, str(name)),
            path=str(path),
        )


def _shorten(error: Exception) -> str:
    return " ".join(str(error).split())[:160].rstrip(".")
