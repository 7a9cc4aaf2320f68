"""What cached values depend on, as keys."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import pandas as pd

import scoring
from scoring.model import ScoringModel

__all__ = ["code_of", "encoding_key", "frozen", "model_key"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_NOT_OURS = ("builtins", "pydantic", "abc", "typing")
"""Packages whose classes do not change while a process runs."""


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
    classes = dict.fromkeys(type(part.component) for part in model.parts)
    return (scoring.__version__, *((kind, code_of(kind)) for kind in classes))


def code_of(kind: type) -> Hashable:
    """What a class and its bases do, as they are now: equal only where nothing was defined again.

    Functions are told by their code objects, which Python compares by content: digests of them took 7 ms for each
    request, this takes a fraction of one. Classes from outside this package are looked into further: functions of
    the same module that they call, and plain constants that they name, may have been changed in a notebook's cell
    while the class was not.
    """
    found: list[Hashable] = []
    for base in kind.__mro__:
        home = base.__module__.partition(".")[0]
        if home in _NOT_OURS:
            continue
        for name, member in vars(base).items():
            if isinstance(function := _function(member), FunctionType):
                found.append((name, *_parts_of(function, home != "scoring", {})))
            elif home != "scoring" and not name.startswith("_") and _is_plain(member):
                found.append((name, frozen(member)))
    return tuple(found)


def _function(member: Any) -> Any:
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    if isinstance(member, property):
        return member.fget
    return member.func if isinstance(member, cached_property) else member


def _parts_of(function: FunctionType, further: bool, seen: dict[int, None]) -> Iterator[Hashable]:
    """The code, the defaults, what it closes over and, `further`, what it names among its module's."""
    seen[id(function)] = None
    code = function.__code__
    yield code
    for values in (function.__defaults__, function.__kwdefaults__):
        if values:
            yield frozen(values)
    for cell in function.__closure__ or ():
        try:
            yield from _value(cell.cell_contents, function, further, seen)
        except ValueError:  # nothing in it yet
            continue
    if further:
        for name in sorted(_names(code) & function.__globals__.keys()):
            yield name
            yield from _value(function.__globals__[name], function, further, seen)


def _value(value: Any, user: FunctionType, further: bool, seen: dict[int, None]) -> Iterator[Hashable]:
    if isinstance(value, FunctionType):
        if id(value) not in seen and value.__globals__ is user.__globals__:
            yield from _parts_of(value, further, seen)
    elif _is_plain(value):
        yield frozen(value)


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(part) for item in value.items() for part in item)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray | np.generic) and value.dtype != object)


def frozen(value: Any) -> Hashable:
    """A value as part of a key: equal for equal content of equal types (1, 1.0 and True are three)."""
    if isinstance(value, Mapping):
        return tuple((frozen(name), frozen(value[name])) for name in sorted(value, key=str))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(frozen(part) for part in value))
    if isinstance(value, np.ndarray | pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        # their text leaves out what is long: two of a thousand numbers look the same
        return (type(value).__name__, str(value.dtype), frozen(value.tolist()))
    if isinstance(value, float) and value != value:
        return ("nan",)
    try:
        hash(value)
    except TypeError:
        return (type(value).__name__, repr(value))
    return (type(value).__name__, value)
