"""Format the facts of an explanation as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd

from scoring.errors import make_printable

__all__ = ["format_columns", "format_facts", "format_value"]

_SIMILARITY: Final = "similar in"
"""Name of the fact in which attributes a job resembles jobs of earlier actions."""


def format_facts(facts: Mapping[str, Any]) -> str:
    """Return facts as one line of text: `yen per hour 1,250; ratio 0.897; similar in occupation, wage`.

    Missing facts and the shares of met conditions have separate phrases.
    """
    has_no_actions = 0 in (facts.get("applications"), facts.get("clicks"))  # then no job can be compared
    shown = {name: value for name, value in facts.items() if not (has_no_actions and name == _SIMILARITY)}
    return make_printable("; ".join(_format_fact(name, value) for name, value in shown.items()), 1000)


def format_columns(values: Mapping[str, Any]) -> str:
    """Return the values of own columns as one line of text: `seniority senior; distance km 3.50; hobby missing`."""
    texts = (f"{name.replace('_', ' ')} {format_value(value)}" for name, value in values.items())
    return make_printable("; ".join(texts), 1000)


def _format_fact(name: str, value: Any) -> str:
    if name == "met" and isinstance(value, Mapping):
        return _format_conditions(value)
    if name == _SIMILARITY and isinstance(value, Mapping) and not any(value.values()):
        return "none similar"
    if name == "days":
        return f"in the last {format_value(value)} days"
    if name == "cosine":
        if _is_missing(value):
            return "factor similarity: user or job has no factors"
        return f"factor similarity {format_value(value)} (from -1 to 1)"
    if _is_missing(value):
        return f"no {name}"
    return f"{name} {format_value(value)}"


def _format_conditions(conditions: Mapping[str, Any]) -> str:
    """Return text such as `conditions: work style (half met), attractive features (met)`."""
    degrees = {1.0: "met", 0.5: "half met", 0.0: "not met"}
    texts = [
        f"{str(name).replace('_', ' ')} ({degrees.get(float(part), f'met by {float(part):.0%}')})"
        for name, part in conditions.items()
    ]
    return f"conditions: {', '.join(texts)}" if texts else "no conditions"


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def format_value(value: Any) -> str:
    """Return the text of one value, with nested values in the same line."""
    if isinstance(value, Mapping):
        items = {str(name).replace("_", " "): item for name, item in value.items() if item}
        texts = [name if item is True else f"{name} {format_value(item)}" for name, item in items.items()]
        return ", ".join(texts) if texts else "nothing"
    if isinstance(value, tuple | list):
        return "/".join(map(format_value, value)) if len(value) else "none"
    if _is_missing(value):
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int):
        return str(value)  # counts and codes
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"
    return str(value)
