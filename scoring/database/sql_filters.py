"""Conditions of queries. Ids to filter by are one bound parameter: JSON on SQLite, an array on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    tuple_,
)

from scoring.columns.id_arguments import is_text, list_ids, parse_plain_number
from scoring.columns.text_id_hash import is_reserved
from scoring.columns.text_normalisation import normalise_value
from scoring.database.engines import READ_ONLY
from scoring.errors import ConfigurationError

__all__ = ["ALL_ROWS", "has_id", "has_key", "is_in", "mark_present", "to_microseconds"]

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
    from sqlalchemy.dialects.postgresql import ARRAY

    item = Text() if values and isinstance(values[0], str) else key.type
    return key == any_(bindparam(None, values, ARRAY(item)))


def has_key(
    connection: Connection, key: Sequence[ColumnElement[Any]], rows: list[tuple[Any, ...]]
) -> ColumnElement[bool]:
    """Return the condition that the columns of `key` are those of one of the rows, given as bound parameters.

    For a list of rows as SQL, SQLite reads the whole table. For the rows of a query, it uses an index.
    """
    if len(key) == 1:
        return is_in(connection, key[0], [value for (value,) in rows])
    if connection.dialect.name == "sqlite":
        items: FromClause = func.json_each(bindparam(None, json.dumps(rows), String)).table_valued(column("value"))
        return tuple_(*key).in_(select(*(func.json_extract(items.c.value, f"$[{at}]") for at in range(len(key)))))
    if connection.dialect.name in READ_ONLY:
        return tuple_(*key).in_(rows)
    from sqlalchemy.dialects.postgresql import ARRAY

    arrays = (
        bindparam(None, list(values), ARRAY(of.type)) for of, values in zip(key, zip(*rows, strict=True), strict=True)
    )
    found = func.unnest(*arrays).table_valued(*(column(of.name) for of in key)).render_derived()
    return tuple_(*key).in_(select(*found.c))


def has_id(
    connection: Connection, key: ColumnElement[Any], external_id: ColumnElement[Any] | None, requested: Any
) -> ColumnElement[bool]:
    """Return the condition that a row has one of these ids: a number, or a text that is its external id.

    A text that is a plain number also means the row with this number if the row has no external id.

    Parameters
    ----------
    key: The column of numbers.
    external_id: The column of texts; None: only numbers are ids.
    requested: Several ids, or one.

    Raises
    ------
    ConfigurationError: If a value is not an id.
    """
    numbers: set[int] = set()
    texts: set[str] = set()
    plain: set[int] = set()
    for value in list_ids(requested):
        form = normalise_value(value) if is_text(value) else None
        number = _parse_number(value, key.name) if form is None else parse_plain_number(form)
        if form is not None and external_id is not None and not is_reserved(number):
            texts |= {form, str(value)}
            if number is not None:
                plain.add(number)
        elif number is not None:
            numbers.add(number)
        else:
            raise _make_id_error(value, key.name)
    condition = is_in(connection, key, sorted(numbers))
    if external_id is not None and texts:
        condition |= is_in(connection, external_id, sorted(texts))
    if external_id is not None and plain:
        condition |= is_in(connection, key, sorted(plain)) & external_id.is_(None)
    return condition


def _parse_number(value: Any, name: str) -> int:
    """Return an id as an int. Raises ConfigurationError if it is not a 64-bit integer."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise _make_id_error(value, name) from None
    if isinstance(value, bool | np.bool_ | bytes) or number != value or not -(2**63) <= number < 2**63:
        raise _make_id_error(value, name)
    return number


def _make_id_error(value: Any, name: str) -> ConfigurationError:
    return ConfigurationError(f"{name} {value!r} is not a 64-bit integer. Use ids of the database.", key=(name,))


def to_microseconds(moment: datetime | pd.Timestamp) -> int:
    """Return a time in microseconds since the epoch, as the tables store it. A time without a zone is UTC."""
    stamp = pd.Timestamp(moment)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return int(stamp.tz_convert(None).to_datetime64().astype("datetime64[us]").astype(np.int64))
