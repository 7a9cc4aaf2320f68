"""Writes small networks in the formats ONNX and TensorFlow Lite: dense layers with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Layers = Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Per layer weights (inputs, outputs) and bias (outputs,)."""


def random_layers(n_inputs: int, sizes: Sequence[int], seed: int) -> Layers:
    """Return random layers."""
    generator = np.random.default_rng(seed)
    widths = (n_inputs, *sizes)
    return [
        (
            generator.normal(0.0, widths[place] ** -0.5, (widths[place], width)).astype(np.float32),
            generator.normal(0.0, 0.1, width).astype(np.float32),
        )
        for place, width in enumerate(sizes)
    ]


def apply_layers(layers: Layers, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) outputs in float64."""
    found = rows
    for place, (weights, bias) in enumerate(layers):
        found = found @ weights.astype(np.float64) + bias.astype(np.float64)
        if place < len(layers) - 1:
            found = np.maximum(found, 0.0)
    return found[:, 0]


def make_onnx(layers: Layers, **changes: Any) -> bytes:
    """Return an ONNX file. `changes`: opset, rows (a fixed number or None), inputs, outputs, domain, type, external."""
    from onnx import TensorProto, checker, helper, numpy_helper

    kind = changes.get("type", TensorProto.FLOAT)
    dtype = np.float32 if kind == TensorProto.FLOAT else np.float64
    rows = changes.get("rows", "N")
    nodes, weights = [], []
    name = "x"
    for place, (matrix, bias) in enumerate(layers):
        weights += [
            numpy_helper.from_array(matrix.astype(dtype), f"w{place}"),
            numpy_helper.from_array(bias.astype(dtype), f"b{place}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{place}", f"b{place}"], [f"g{place}"]))
        name = f"g{place}"
        if place < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"r{place}"]))
            name = f"r{place}"
    if "domain" in changes:
        nodes.append(helper.make_node("Gelu", [name], ["y"], domain=changes["domain"]))
    else:
        nodes.append(helper.make_node("Identity", [name], ["y"]))
    inputs = [helper.make_tensor_value_info("x", kind, [rows, layers[0][0].shape[0]])]
    outputs = [helper.make_tensor_value_info("y", kind, [rows, layers[-1][0].shape[1]])]
    if changes.get("inputs", 1) == 2:
        inputs.append(helper.make_tensor_value_info("z", kind, [rows, 1]))
    if changes.get("outputs", 1) == 2:
        nodes.append(helper.make_node("Identity", [name], ["y2"]))
        outputs.append(helper.make_tensor_value_info("y2", kind, [rows, layers[-1][0].shape[1]]))
    opsets = [helper.make_opsetid("", changes.get("opset", 17))]
    if "domain" in changes:
        opsets.append(helper.make_opsetid(changes["domain"], 1))
    graph = helper.make_graph(nodes, "network", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    if not changes:
        checker.check_model(model)
    if changes.get("external"):
        tensor = model.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "weights.bin"
    return model.SerializeToString()


def make_litert(layers: Layers, **changes: Any) -> bytes:
    """Return a TensorFlow Lite file. `changes`: rows (a fixed number or -1), custom, outputs."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    rows = changes.get("rows", -1)
    buffers = [schema.BufferT()]
    tensors: list[Any] = []

    def add_tensor(name: str, shape: list[int], data: NDArray[np.float32] | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, shape, schema.TensorType.FLOAT32
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), dtype=np.uint8)
            buffers.append(buffer)
            tensor.buffer = len(buffers) - 1
        else:
            tensor.shape = [1, *shape[1:]]
            tensor.shapeSignature = shape
        tensors.append(tensor)
        return len(tensors) - 1

    operators = []
    at = first = add_tensor("x", [rows, layers[0][0].shape[0]])
    for place, (matrix, bias) in enumerate(layers):
        turned = np.ascontiguousarray(matrix.T)
        weights, offsets = (
            add_tensor(f"w{place}", list(turned.shape), turned),
            add_tensor(f"b{place}", [len(bias)], bias),
        )
        result = add_tensor(f"y{place}", [rows, len(bias)])
        operator, options = schema.OperatorT(), schema.FullyConnectedOptionsT()
        if place < len(layers) - 1:
            options.fusedActivationFunction = schema.ActivationFunctionType.RELU
        operator.opcodeIndex, operator.inputs, operator.outputs = 0, [at, weights, offsets], [result]
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        operator.builtinOptions = options
        operators.append(operator)
        at = result
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    codes = [code]
    if changes.get("custom"):
        other = schema.OperatorCodeT()
        other.builtinCode = other.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        other.customCode = "Mine"
        codes.append(other)
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs = tensors, operators, [first]
    graph.outputs = [at] if changes.get("outputs", 1) == 1 else [at, at]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, codes, [graph], buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
