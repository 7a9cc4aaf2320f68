"""Bring one column of anything to the dtype of its kind; say which values cannot be.

Every function takes a Series with a RangeIndex and gives `Coerced`: the values in the kind's nullable form
(what cannot be is missing there) and, for each reason, a mask of the rows that it holds for. Homogeneous
columns go through NumPy or Arrow in one step; mixed ones (numbers beside texts, dates beside times) go through
their text, which is what a CSV of the same column would have given. `ready` tells columns that need none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

from scoring.columns import Kind
from scoring.columns.coercion.numbers import beyond, integer, number, whole_texts
from scoring.columns.coercion.others import flag, integers, time
from scoring.columns.coercion.plain import Coerced, Mask, arrow_texts, text_series
from scoring.columns.coercion.ready import TEXTS, holds_nul, ready
from scoring.columns.coercion.texts import choice, code, string

__all__ = [
    "TEXTS",
    "Coerced",
    "Mask",
    "arrow_texts",
    "beyond",
    "coerce",
    "holds_nul",
    "integer",
    "ready",
    "text_series",
    "time",
    "whole_texts",
]


def coerce(kind: Kind, column: pd.Series, width: int | None = None) -> Coerced:
    """The column as `kind`; `width` pads whole-number codes with zeros."""
    if kind is Kind.CODE:
        return code(column, width)
    return _COERCERS[kind](column)


_COERCERS: Final[dict[Kind, Callable[[pd.Series], Coerced]]] = {
    Kind.ID: integer,
    Kind.TEXT: string,
    Kind.CHOICE: choice,
    Kind.INTEGER: integer,
    Kind.NUMBER: number,
    Kind.FLAG: flag,
    Kind.ACTIVE: flag,
    Kind.TIME: time,
    Kind.INTEGERS: integers,
}
