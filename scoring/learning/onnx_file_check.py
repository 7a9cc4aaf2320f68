"""Check an ONNX file before a native parser reads it: standard operators, no external data, no functions.

The file is a Protocol Buffers message. Only its structure is walked here (`onnx.proto3` of the ONNX specification):
fields that refer to other files or to operators outside the standard are found without a runtime.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scoring.errors import ModelError

__all__ = ["check_onnx_file"]

_STANDARD: Final = frozenset(("", "ai.onnx", "ai.onnx.ml"))
_MAX_DEPTH: Final = 16

# field numbers
_GRAPH, _OPSET, _FUNCTIONS = 7, 8, 25  # ModelProto
_OPSET_DOMAIN = 1  # OperatorSetIdProto
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15  # GraphProto
_OPERATOR, _ATTRIBUTE, _DOMAIN = 4, 5, 7  # NodeProto
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)  # AttributeProto
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # TensorProto
_SPARSE_PARTS = (1, 2)  # SparseTensorProto

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _InvalidMessageError(ValueError):
    pass


def check_onnx_file(path: Path, content: bytes) -> None:
    """Check the structure of a model.

    Raises
    ------
    ModelError: If the content is not an ONNX model, uses operators outside the standard, defines functions, or
        refers to data in other files.
    """
    try:
        problem = _find_problem(memoryview(content))
    except _InvalidMessageError as error:
        raise ModelError(
            f"{path}: the content is not an ONNX model. Export the model again.", path=str(path)
        ) from error
    if problem is not None:
        raise ModelError(f"{path}: {problem}.", path=str(path))


def _find_problem(content: memoryview) -> str | None:
    graphs, opsets = [], 0
    for field, value in _read_fields(content):
        if field == _FUNCTIONS:
            return "the model defines functions of its own. Export it with standard operators only"
        if field == _OPSET and isinstance(value, memoryview):
            opsets += 1
            domain = _find_text(value, _OPSET_DOMAIN)
            if domain not in _STANDARD:
                return f"the model uses operators of {domain!r}. Export it with standard operators only"
        if field == _GRAPH and isinstance(value, memoryview):
            graphs.append(value)
    if not opsets or len(graphs) != 1:
        raise _InvalidMessageError
    return _check_graph(graphs[0], 0)


def _check_graph(graph: memoryview, depth: int) -> str | None:
    if depth > _MAX_DEPTH:
        return "its graphs are nested too deeply. Export a simpler model"
    for field, value in _read_fields(graph):
        problem = None
        if not isinstance(value, memoryview):
            continue
        if field == _NODE:
            problem = _check_node(value, depth)
        elif field == _INITIALIZER:
            problem = _check_tensor(value)
        elif field == _SPARSE_INITIALIZER:
            problem = _check_sparse(value)
        if problem is not None:
            return problem
    return None


def _check_node(node: memoryview, depth: int) -> str | None:
    domain = _find_text(node, _DOMAIN)
    if domain not in _STANDARD:
        operator = _find_text(node, _OPERATOR)
        return f"operator {operator!r} of {domain!r} is not a standard operator. Export it with standard operators only"
    for field, value in _read_fields(node):
        if field != _ATTRIBUTE or not isinstance(value, memoryview):
            continue
        for inner, part in _read_fields(value):
            problem = None
            if not isinstance(part, memoryview):
                continue
            if inner in _ATTRIBUTE_TENSORS:
                problem = _check_tensor(part)
            elif inner in _ATTRIBUTE_GRAPHS:
                problem = _check_graph(part, depth + 1)
            elif inner in _ATTRIBUTE_SPARSE:
                problem = _check_sparse(part)
            if problem is not None:
                return problem
    return None


def _check_sparse(tensor: memoryview) -> str | None:
    for field, value in _read_fields(tensor):
        if field in _SPARSE_PARTS and isinstance(value, memoryview):
            problem = _check_tensor(value)
            if problem is not None:
                return problem
    return None


def _check_tensor(tensor: memoryview) -> str | None:
    for field, value in _read_fields(tensor):
        if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value == 1):
            return "its weights are in another file. Export the model with all weights in one file"
    return None


def _find_text(message: memoryview, wanted: int) -> str:
    text = ""
    for field, value in _read_fields(message):
        if field == wanted and isinstance(value, memoryview):
            text = bytes(value).decode("utf-8", "replace")
    return text


def _read_fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of a message. A value is an integer or the bytes of a field."""
    place, end = 0, len(message)
    while place < end:
        key, place = _read_varint(message, place)
        field, wire = key >> 3, key & 7
        if field == 0:
            raise _InvalidMessageError
        if wire == _VARINT:
            number, place = _read_varint(message, place)
            yield field, number
            continue
        if wire == _BYTES:
            size, place = _read_varint(message, place)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise _InvalidMessageError
        if place + size > end:
            raise _InvalidMessageError
        yield field, message[place : place + size]
        place += size


def _read_varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
    raise _InvalidMessageError
