"""Ids as callers give them: numbers, texts, or both; several of them, or one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any, Final, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.errors import ConfigurationError

__all__ = ["IdList", "has_text", "is_text", "list_ids", "parse_plain_number"]

IdList = NDArray[Any] | Iterable[int | str] | int
"""Numbers or external ids of users or jobs: several of them, or one."""

_PLAIN_NUMBER: Final = re.compile(r"[+-]?(0|[1-9][0-9]{0,18})")


def list_ids(requested: Any) -> Any:
    """Return ids as a list or an array. A single id counts as a list of one.

    Raises
    ------
    ConfigurationError: If a frame is given. Its ids would be the names of its columns.
    """
    if isinstance(requested, pd.Series | pd.Index):
        requested = requested.to_numpy()
    if hasattr(type(requested), "columns"):
        raise ConfigurationError(
            f"A frame ({type(requested).__qualname__}) is given as ids. Use one of its columns.", key=("ids",)
        )
    if hasattr(requested, "to_pylist"):  # PyArrow
        requested = requested.to_pylist()
    if isinstance(requested, np.ndarray):
        return requested.reshape(1) if requested.ndim == 0 else requested
    if isinstance(requested, str | bytes) or not isinstance(requested, Iterable):
        return [requested]
    return list(requested)


def is_text(value: object) -> TypeGuard[str | uuid.UUID]:
    """Return whether an id is given as text."""
    return isinstance(value, str | uuid.UUID)


def has_text(values: Any) -> bool:
    """Return whether one of the ids is given as text."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
        return False
    return any(is_text(value) for value in values)


def parse_plain_number(form: str) -> int | None:
    """Return the integer of a text in normal form. None: it has a leading zero or an exponent, or is not a number."""
    if not _PLAIN_NUMBER.fullmatch(form):
        return None
    number = int(form)
    return number if -(2**63) <= number < 2**63 else None
