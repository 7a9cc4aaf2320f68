"""The body of `POST /events`: bytes to values, without what JSON leaves open."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from scoring.live.http_gate import RequestError

__all__ = ["MAX_BODY", "MAX_EVENTS", "check_idempotency_key", "parse_events"]

MAX_BODY: Final = 2**20
"""Bytes of a body."""
MAX_EVENTS: Final = 1_000
"""Events of a body."""
_MAX_DEPTH: Final = 8
_MAX_KEY: Final = 128


def parse_events(body: bytes) -> list[Mapping[str, Any]]:
    """Return the events of a body `{"events": [{…}, …]}`. The values of an event are checked later.

    Raises
    ------
    RequestError: If the body is not JSON in UTF-8, is ambiguous, has another form, or contains too many events.
    """
    try:
        text = body.decode("utf-8")
        found = json.loads(
            text, object_pairs_hook=_make_object, parse_constant=_reject_constant, parse_float=_parse_float
        )
        # escapes may form halves of surrogate pairs, which no database can store
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise _make_error("invalid_json", "The body is nested too deeply. Send flat rows.") from None
    except ValueError as error:  # UnicodeError and JSONDecodeError included
        problem = error.args[0] if isinstance(error, _AmbiguousJsonError) else "it is not valid JSON in UTF-8"
        raise _make_error("invalid_json", f"The body cannot be read: {problem}.") from None
    if not isinstance(found, dict) or set(found) != {"events"} or not isinstance(found["events"], list):
        raise _make_error("invalid_body", 'The body must be an object with one key: {"events": [{…}, …]}.')
    events = found["events"]
    if not events:
        raise _make_error("invalid_body", "The body contains no events. Send one or more.")
    if len(events) > MAX_EVENTS:
        raise RequestError(
            413, "too_many_events", f"The body contains {len(events):,} events. Send at most {MAX_EVENTS:,}."
        )
    for position, event in enumerate(events):
        if not isinstance(event, dict):
            raise _make_error("invalid_body", f"events[{position}] is not an object.")
        if _find_depth(event) > _MAX_DEPTH:
            raise _make_error("invalid_body", f"events[{position}] is nested too deeply. Send a flat row.")
    return events


def check_idempotency_key(key: str | None) -> str | None:
    """Return an idempotency key.

    Raises
    ------
    RequestError: If it is empty, too long, or contains other than visible ASCII characters.
    """
    if key is not None and not (0 < len(key) <= _MAX_KEY and all("!" <= letter <= "~" for letter in key)):
        raise _make_error(
            "invalid_idempotency_key", f"Idempotency-Key must have 1 to {_MAX_KEY} visible ASCII characters."
        )
    return key


class _AmbiguousJsonError(ValueError):
    pass


def _make_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _AmbiguousJsonError("a key occurs twice in an object")
    return found


def _reject_constant(name: str) -> None:
    raise _AmbiguousJsonError(f"{name} is not JSON. Use null for a missing value")


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _AmbiguousJsonError("a number is beyond the range of 64-bit floats")
    return value


def _find_depth(value: object) -> int:
    """Return how deeply objects and lists are nested, up to one more than `_MAX_DEPTH`."""
    level, depth = [value], 0
    while level and depth <= _MAX_DEPTH:
        level = [
            part
            for item in level
            if isinstance(item, dict | list)
            for part in (item.values() if isinstance(item, dict) else item)
            if isinstance(part, dict | list)
        ]
        depth += 1
    return depth


def _make_error(code: str, message: str) -> RequestError:
    return RequestError(400, code, message)
