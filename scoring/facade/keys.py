"""What cached values depend on, as keys."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from types import CodeType, FunctionType
from typing import Any

import scoring
from scoring.model import Component, ScoringModel

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
    """This package's version, and each component's class and functions: a notebook may define them again."""
    classes = [type(part.component) for part in model.parts]
    return (scoring.__version__, *classes, *(code_of(kind) for kind in classes))


def code_of(kind: type[Component]) -> tuple[CodeType, ...]:
    """The code of the functions that a component's class, and its bases that are components, have now.

    Code is equal where it says the same. What it calls elsewhere is not looked at.
    """
    bases = [base for base in kind.__mro__ if issubclass(base, Component) and base is not Component]
    members = [member for base in bases for member in vars(base).values()]
    functions = [member.__func__ if isinstance(member, classmethod | staticmethod) else member for member in members]
    functions = [member.fget if isinstance(member, property) else member for member in functions]
    return tuple(function.__code__ for function in functions if isinstance(function, FunctionType))


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
