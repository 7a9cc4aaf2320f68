"""What pydantic refuses, in a sentence."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

__all__ = ["problem_of", "short"]


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 80, 80


def short(value: Any) -> str:
    """As Python writes it, cut off: a few lines of YAML with aliases may stand for billions of values."""
    return _REPR.repr(value)


def problem_of(error: ValidationError, kind: type[BaseModel], beside: Sequence[str] = ()) -> tuple[str, str]:
    """The field that the first problem is about ("" for the whole), and a sentence.

    `beside` are keys that may stand beside the fields.
    """
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    path = ".".join(map(str, first["loc"]))
    if first["type"] in ("extra_forbidden", "missing") and path != field:  # of a part of the field
        return field, f"`{path}` is missing." if first["type"] == "missing" else f"unknown key `{path}`."
    if first["type"] == "extra_forbidden":
        known = ", ".join([*sorted(kind.model_fields), *beside]) or "none"
        return field, f"unknown key `{field}`; known: {known}."
    message = first["msg"].removeprefix("Value error, ")
    if not field:
        return field, f"{message}."
    if first["type"] == "missing":
        return field, f"`{field}` is missing."
    return field, f"`{field}`: {message} (it is {short(first['input'])})."
