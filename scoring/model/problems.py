"""What pydantic refuses, in a sentence."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

__all__ = ["problem_of"]


def problem_of(error: ValidationError, kind: type[BaseModel]) -> tuple[str, str]:
    """The field that the first problem is about ("" for the whole), and a sentence."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(kind.model_fields)) or "none"
        return field, f"unknown key `{field}`; known: {known}."
    message = first["msg"].removeprefix("Value error, ")
    if not field:
        return field, f"{message}."
    if first["type"] == "missing":
        return field, f"`{field}` is missing."
    return field, f"`{field}`: {message} (it is {first['input']!r})."
