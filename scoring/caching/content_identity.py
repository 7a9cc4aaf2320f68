"""The content of values and classes: hashable forms for keys in this process, and digests for other processes."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from functools import cached_property
from types import CodeType, EllipsisType, FunctionType
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = ["Code", "compute_content_digest", "freeze", "read_code"]

_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
_UNCHANGING_PACKAGES: Final = ("builtins", "pydantic", "abc", "typing", "scoring")
"""Their classes do not change while a process runs."""

_EXACT_REPR: Final = (*_PLAIN, EllipsisType, date, time, timedelta, np.generic)
"""Types whose `repr` is equal for equal values only."""

_WITH_FUNCTION: Final = (classmethod, staticmethod, property, cached_property)
"""Members of a class that contain a function."""

_CODE_PARTS: Final = (
    "co_name",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_code",
    "co_consts",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_exceptiontable",
)
"""Attributes of code objects that define what a function does, without line numbers and file names."""


class Code:
    """Code as part of a key. It is hashed once: hashing the code objects of a model takes 8 µs."""

    __slots__ = ("_hash", "parts")

    def __init__(self, parts: Hashable) -> None:
        self.parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and self.parts == other.parts


def freeze(value: Any) -> Hashable:
    """Return a hashable form of a value: equal for equal content of equal types (1, 1.0 and True differ)."""
    if isinstance(value, Mapping):
        return tuple((freeze(name), freeze(value[name])) for name in sorted(value, key=str))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(freeze(part) for part in value))
    if isinstance(value, np.ndarray | pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        # their repr omits the middle of long arrays
        return (type(value).__name__, str(value.dtype), freeze(value.tolist()))
    if isinstance(value, float) and value != value:
        return ("nan",)
    try:
        hash(value)
    except TypeError:
        return (type(value).__name__, repr(value))
    return (type(value).__name__, value)


def read_code(*kinds: type) -> Hashable:
    """Return the current code of classes and their bases, each once. It changes if any of it is defined again.

    Functions are represented by their code objects, which Python compares by content. Computing digests of them took
    7 ms for each request; this takes about 0.1 ms. For classes from outside this package, the result includes functions
    of the same module that they call and plain constants that they name: a notebook cell may have changed these
    without defining the class again.
    """
    found: list[Hashable] = []
    for base in dict.fromkeys(base for kind in kinds for base in kind.__mro__):
        package = base.__module__.partition(".")[0]
        if package in _UNCHANGING_PACKAGES:
            continue
        for name, member in vars(base).items():
            if isinstance(function := _unwrap_function(member), FunctionType):
                found.append((name, *_iterate_code_parts(function, package != "scoring", {})))
            elif package != "scoring" and not name.startswith("_") and _is_plain(member):
                found.append((name, freeze(member)))
    return tuple(found)


def compute_content_digest(value: Hashable) -> bytes:
    """Return 16 bytes, the same in every process for equal content. For frozen values and the results of `read_code`.

    Raises
    ------
    TypeError: If a part of the value is compared by identity.
    """
    digest = hashlib.blake2b(f"{type(value).__module__}.{type(value).__qualname__}".encode(), digest_size=16)
    for part in _encode_parts(value):
        digest.update(part)
    return digest.digest()


def _encode_parts(value: Hashable) -> Iterable[bytes]:
    if isinstance(value, tuple):
        return map(compute_content_digest, value)
    if isinstance(value, Code):
        return [compute_content_digest(value.parts)]
    if isinstance(value, frozenset):
        return sorted(map(compute_content_digest, value))
    if isinstance(value, CodeType):
        return (compute_content_digest(getattr(value, name)) for name in _CODE_PARTS)
    if isinstance(value, type):
        return [f"{value.__module__}.{value.__qualname__}".encode()]
    if isinstance(value, _EXACT_REPR):
        return [b"\0" + repr(value).encode("utf-8", "surrogatepass")]
    raise TypeError(
        f"{value!r} cannot be part of the key of a shared cache, because its digest differs between processes. Use "
        "numbers, texts, tuples, classes or functions."
    )


def _unwrap_function(member: Any) -> Any:
    if not isinstance(member, _WITH_FUNCTION):  # most members
        return member
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    if isinstance(member, property):
        return member.fget
    return member.func if isinstance(member, cached_property) else member


def _iterate_code_parts(function: FunctionType, follow_names: bool, seen: dict[int, None]) -> Iterator[Hashable]:
    """Yield the code, the defaults, the closure and, with `follow_names`, the module values that it names."""
    seen[id(function)] = None
    code = function.__code__
    yield code
    for values in (function.__defaults__, function.__kwdefaults__):
        if values:
            yield freeze(values)
    for cell in function.__closure__ or ():
        try:
            yield from _iterate_value_parts(cell.cell_contents, function, follow_names, seen)
        except ValueError:  # an empty cell
            continue
    if follow_names:
        for name in sorted(_find_names(code) & function.__globals__.keys()):
            yield name
            yield from _iterate_value_parts(function.__globals__[name], function, follow_names, seen)


def _iterate_value_parts(
    value: Any, user: FunctionType, follow_names: bool, seen: dict[int, None]
) -> Iterator[Hashable]:
    if isinstance(value, FunctionType):
        if id(value) not in seen and value.__globals__ is user.__globals__:
            yield from _iterate_code_parts(value, follow_names, seen)
    elif _is_plain(value):
        yield freeze(value)


def _find_names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_find_names, inner))


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(part) for item in value.items() for part in item)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray | np.generic) and value.dtype != object)
