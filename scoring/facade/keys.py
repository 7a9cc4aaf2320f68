"""What cached values depend on, as keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from types import CodeType, FunctionType
from typing import Any

import scoring
from scoring.model import ScoringModel

__all__ = ["code_of", "encoding_key", "frozen", "model_key"]


def model_key(model: ScoringModel) -> Hashable:
    """Of a model with its weights, and the code that gives it its meaning."""
    return (model.digest, *_code(model))


def encoding_key(model: ScoringModel) -> Hashable:
    """Of a model whatever its weights: parts, parameters, rules, and code."""
    parts = [
        (part.name, part.group, part.component.kind, part.component.model_dump(mode="json")) for part in model.parts
    ]
    return (json.dumps([parts, model.eligibility.model_dump(mode="json")]), *_code(model))


def _code(model: ScoringModel) -> tuple[Hashable, ...]:
    """This package's version, and each component's class and code: a notebook may define a name again."""
    classes = [type(part.component) for part in model.parts]
    return (scoring.__version__, *classes, *(code_of(kind) for kind in classes))


def code_of(kind: type) -> str:
    """A digest of the functions that a class and its bases have, as they are now."""
    digest = hashlib.blake2b(digest_size=16)
    for base in kind.__mro__[:-1]:
        for name, member in vars(base).items():
            function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            function = function.fget if isinstance(function, property) else function
            if isinstance(function, FunctionType):
                digest.update(f"{base.__qualname__}.{name}".encode())
                _digest_code(digest, function.__code__)
    return digest.hexdigest()


def _digest_code(digest: hashlib.blake2b, code: CodeType) -> None:
    digest.update(code.co_code + repr(code.co_names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _digest_code(digest, constant)
        else:
            digest.update(f"{type(constant).__name__} {constant!r}".encode())


def frozen(value: Any) -> Hashable:
    """A value as part of a key: equal for equal content of equal types (1, 1.0 and True are three)."""
    if isinstance(value, Mapping):
        return tuple((name, frozen(value[name])) for name in sorted(value))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(frozen(part) for part in value))
    if isinstance(value, float) and value != value:
        return ("nan",)
    try:
        hash(value)
    except TypeError:
        return (type(value).__name__, repr(value))
    return (type(value).__name__, value)
