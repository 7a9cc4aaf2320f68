"""Facts of an explanation in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from scoring.errors import printable

__all__ = ["in_words", "value_in_words"]


def in_words(facts: Mapping[str, Any]) -> str:
    """Facts as a reader would say them: `yen per hour 1,250; ratio 0.897; like them in occupation, wage`."""
    return printable("; ".join(f"{name} {value_in_words(value)}" for name, value in facts.items()), 1000)


def value_in_words(value: Any) -> str:
    """One fact; what is nested in it is said in one line."""
    if isinstance(value, Mapping):
        held = {str(name).replace("_", " "): what for name, what in value.items() if what}
        said = [name if what is True else f"{name} {value_in_words(what)}" for name, what in held.items()]
        return ", ".join(said) if said else "nothing"
    if isinstance(value, tuple | list):
        return "/".join(map(value_in_words, value)) if len(value) else "none"
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
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
