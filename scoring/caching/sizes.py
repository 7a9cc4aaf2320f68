"""Bytes that a value holds in memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Shared", "bytes_of"]


class Shared:
    """Base of what values refer to without holding it: caches above all, which hold the values themselves."""


def bytes_of(value: Any) -> int:
    """Of arrays, frames, and what containers and objects hold of them; what is there twice counts once.

    Python's own overhead is counted for what is looked at, an object's class and what it shares with others
    (functions, modules, locks, `Shared`) is not: a bound on memory, not an audit of it.

    Other threads may add to a dict or a set meanwhile (a property computed when first asked for): each is copied, in
    one step, before it is gone through.
    """
    return _bytes_of(value, set())


def _bytes_of(value: Any, seen: set[int]) -> int:
    if value is None or id(value) in seen or isinstance(value, Shared):
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return _bytes_of_array(value, seen)
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        used = value.memory_usage(deep=True)
        return int(used if isinstance(used, int | np.integer) else used.sum())
    size = sys.getsizeof(value, 0)
    if isinstance(value, Mapping):
        return size + sum(_bytes_of(part, seen) for item in list(value.items()) for part in item)
    if isinstance(value, list | tuple | set | frozenset):
        return size + sum(_bytes_of(part, seen) for part in tuple(value))
    if isinstance(value, str | bytes | int | float | bool | type) or callable(value):
        return size
    return size + _bytes_of(getattr(value, "__dict__", None), seen) + _bytes_of_slots(value, seen)


def _bytes_of_array(array: np.ndarray, seen: set[int]) -> int:
    """A view counts as the whole that it keeps alive."""
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if owner is not array:
        if id(owner) in seen:
            return 0
        seen.add(id(owner))
    return int(owner.nbytes) + sys.getsizeof(array, 0) * (owner is not array)


def _bytes_of_slots(value: Any, seen: set[int]) -> int:
    names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return sum(_bytes_of(getattr(value, name, None), seen) for name in names if isinstance(name, str))
