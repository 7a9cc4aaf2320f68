"""Conditions of queries. Ids to filter by are one bound parameter: JSON on SQLite, an array on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    Text,
    any_,
    bindparam,
    case,
    column,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from scoring.database.engines import READ_ONLY
from scoring.errors import ConfigurationError

__all__ = ["ALL_ROWS", "is_in", "mark_present", "parse_ids", "to_microseconds"]

PRESENT_MARK: Final = "given"
BLANK_CHARACTERS: Final = "".join(filter(str.isspace, map(chr, range(0x3001))))  # the characters of blank text
ALL_ROWS: Final = true()
"""A condition that is true for every row."""


def mark_present(text: ColumnElement[str]) -> ColumnElement[str | None]:
    """Return an expression: `mark_present`, or NULL if the text is missing or blank."""
    return case((func.trim(text, BLANK_CHARACTERS) != "", PRESENT_MARK))


def is_in(connection: Connection, key: ColumnElement[Any], values: list[Any]) -> ColumnElement[bool]:
    """Return the condition `key IN values`, with the values as one bound parameter."""
    if connection.dialect.name == "sqlite":
        items: FromClause = func.json_each(bindparam(None, json.dumps(values), String)).table_valued(column("value"))
        return key.in_(select(items.c.value))
    if connection.dialect.name in READ_ONLY:
        return key.in_(values)
    item = Text() if values and isinstance(values[0], str) else key.type
    return key == any_(bindparam(None, values, ARRAY(item)))


def parse_ids(ids: Iterable[int], name: str) -> list[int]:
    """Return the distinct ids, ascending.

    Raises
    ------
    ConfigurationError: If a value is not a 64-bit integer.
    """
    numbers = set()
    for value in ids:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = 2**63
        if isinstance(value, bool | np.bool_) or (not isinstance(value, str) and number != value):
            number = 2**63
        if not -(2**63) <= number < 2**63:
            raise ConfigurationError(f"{name} {value!r} is not a 64-bit integer. Use ids of the database.", key=(name,))
        numbers.add(number)
    return sorted(numbers)


def to_microseconds(moment: datetime | pd.Timestamp) -> int:
    """Return a time in microseconds since the epoch, as the tables store it. A time without a zone is UTC."""
    stamp = pd.Timestamp(moment)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return int(stamp.tz_convert(None).to_datetime64().astype("datetime64[us]").astype(np.int64))
