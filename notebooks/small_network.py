"""Train a network with one hidden layer, and write it as an ONNX file. Needs NumPy and onnx."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def train_network(rows, labels, *, hidden=16, epochs=30, rate=0.01, seed=0):
    """Return weights and biases of a network for the logarithm of the odds of a label (Adam, logistic loss).

    The first layer contains the scaling of the inputs: the model file needs no other preparation of the rows.
    """
    generator = np.random.default_rng(seed)
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled, target = (rows - mean) / spread, (labels > 0).astype(float)
    n_inputs = rows.shape[1]
    parts = [
        generator.normal(0, n_inputs**-0.5, (n_inputs, hidden)),
        np.zeros(hidden),
        generator.normal(0, hidden**-0.5, (hidden, 1)),
        np.full(1, np.log(target.mean() / (1 - target.mean()))),
    ]
    moments = [(np.zeros_like(part), np.zeros_like(part)) for part in parts]
    step = 0
    for _ in range(epochs):
        order = generator.permutation(len(rows))
        for first in range(0, len(rows), 256):
            step += 1
            slopes = _compute_slopes(parts, scaled[order[first : first + 256]], target[order[first : first + 256]])
            for part, (one, two), slope in zip(parts, moments, slopes, strict=True):
                one += 0.1 * (slope - one)
                two += 0.001 * (slope**2 - two)
                part -= rate * (one / (1 - 0.9**step)) / (np.sqrt(two / (1 - 0.999**step)) + 1e-8)
    weights, bias = parts[0] / spread[:, None], parts[1] - (mean / spread) @ parts[0]
    return [(weights, bias), (parts[2], parts[3])]


def _compute_slopes(parts, rows, target, ridge=1e-4):
    """Return the gradients of the mean logistic loss."""
    weights, bias, last, offset = parts
    inner = np.maximum(rows @ weights + bias, 0)
    error = (1 / (1 + np.exp(-(inner @ last + offset)[:, 0])) - target)[:, None] / len(rows)
    back = (error @ last.T) * (inner > 0)
    return rows.T @ back + ridge * weights, back.sum(axis=0), inner.T @ error + ridge * last, error.sum(axis=0)


def save_onnx(layers, path):
    """Write layers with ReLU between them: one input [N, d], one output [N, 1], float32."""
    nodes, stored, name = [], [], "x"
    for place, (weights, bias) in enumerate(layers):
        for letter, values in (("w", weights), ("b", bias)):
            stored.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), f"{letter}{place}"))
        is_last = place == len(layers) - 1
        nodes.append(helper.make_node("Gemm", [name, f"w{place}", f"b{place}"], ["y" if is_last else f"g{place}"]))
        if not is_last:
            nodes.append(helper.make_node("Relu", [f"g{place}"], [f"r{place}"]))
            name = f"r{place}"
    shapes = [("x", layers[0][0].shape[0]), ("y", 1)]
    tensors = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["N", width]) for each, width in shapes]
    graph = helper.make_graph(nodes, "network", tensors[:1], tensors[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    Path(path).write_bytes(model.SerializeToString())
    return Path(path)
