"""Convert pydantic validation errors to one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from scoring.errors import shorten_repr

__all__ = ["describe_problem"]


def describe_problem(error: ValidationError, kind: type[BaseModel], other_keys: Sequence[str] = ()) -> tuple[str, str]:
    """Return the field of the first problem ("" if it concerns the whole model), and a sentence.

    `other_keys` are further valid keys, listed with the fields.
    """
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    path = ".".join(map(str, first["loc"]))
    if first["type"] in ("extra_forbidden", "missing") and path != field:  # the problem is inside the field
        return field, f"`{path}` is missing." if first["type"] == "missing" else f"unknown key `{path}`."
    if first["type"] == "extra_forbidden":
        known = ", ".join([*sorted(kind.model_fields), *other_keys]) or "none"
        return field, f"unknown key `{field}`; known: {known}."
    if first["type"] == "eligibility_rule":
        return field, first["msg"]
    message = first["msg"].removeprefix("Value error, ")
    if not field:
        return field, f"{message}."
    if first["type"] == "missing":
        return field, f"`{field}` is missing."
    return field, f"`{field}` is {shorten_repr(first['input'])}; {message[:1].lower()}{message[1:]}."
