"""Rows of a cursor to canonical columns, and canonical columns to rows: the two directions of the database.

Columns are read from the driver's cursor in small slices and handed to Arrow, past SQLAlchemy's row objects:
a million actions take a second instead of six.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, CursorResult

from scoring.columns import Column, Kind
from scoring.dataset.coercion import text_series
from scoring.dataset.coercion.plain import EXACT
from scoring.dataset.driver import wrapped_errors
from scoring.dataset.traffic import past_sqlalchemy
from scoring.errors import DataError

__all__ = ["FIRST_TIME", "LAST_TIME", "columns_of", "frame_of", "rows_of", "series_of"]

FIRST_TIME: Final = int(np.datetime64("0001-01-01", "us").astype(np.int64))
LAST_TIME: Final = int(np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64))
SLICE: Final = 500  # rows at a time: their tuples stay in the processor's cache

_ARROW: Final = {
    Kind.ID: pa.int64(),
    Kind.TEXT: pa.large_string(),
    Kind.CODE: pa.large_string(),
    Kind.CHOICE: pa.large_string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.TIME: pa.int64(),
    Kind.INTEGERS: pa.large_string(),
}


def columns_of(result: CursorResult[Any]) -> list[list[Any]]:
    """The values of each column of a result."""
    cursor: Any = result.cursor
    columns: list[list[Any]] = [[] for _ in cursor.description]
    with wrapped_errors(result.connection, "fetch"):
        while rows := _next_slice(result.connection, cursor):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    result.close()
    return columns


def _next_slice(connection: Connection, cursor: Any) -> list[Any]:
    with past_sqlalchemy(connection):
        rows: list[Any] = cursor.fetchmany(SLICE)
        return rows


def frame_of(table: str, columns: Sequence[Column], values: Sequence[list[Any]]) -> pd.DataFrame:
    """The canonical frame of columns as the database holds them.

    Raises DataError naming table, column and value when the database holds what cannot be: text in a number
    column (SQLite lets it in), infinity, a missing id, a time out of the years 1 to 9999. Blank text is missing,
    as everywhere.
    """
    return pd.DataFrame(
        {column.name: _series(table, column, v) for column, v in zip(columns, values, strict=True)}, copy=False
    )


def _series(table: str, column: Column, values: list[Any]) -> pd.Series:
    kind = column.kind
    if kind in (Kind.FLAG, Kind.ACTIVE):
        return _flags(table, column, values)
    if pa.types.is_integer(_ARROW[kind]) and float in set(map(type, values)):  # Arrow would cut the fraction off
        raise DataError(_impossible(table, column, values))
    try:
        array = pa.array(values, type=_ARROW[kind])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        raise DataError(_impossible(table, column, values)) from None
    if column.required and array.null_count:
        raise DataError(f"{table}.{column.name} is missing in {array.null_count:,} rows of the database.")
    if kind is Kind.NUMBER and pc.any(pc.is_inf(array)).as_py():
        raise DataError(f"{table}.{column.name} holds infinity in the database. Repair it, or import again.")
    if kind is Kind.TIME and pc.any(pc.or_(pc.less(array, FIRST_TIME), pc.greater(array, LAST_TIME))).as_py():
        strange = [v for v in values if v is not None and not FIRST_TIME <= v <= LAST_TIME]
        raise DataError(_impossible(table, column, strange))
    if kind is Kind.INTEGERS:
        return pd.Series([_whole(table, column, text) for text in values], dtype=object)
    return series_of(kind, array)


def series_of(kind: Kind, array: pa.Array) -> pd.Series:
    """The canonical column of an Arrow array that holds what its kind may hold; blank text is missing."""
    if kind is Kind.ID:
        return pd.Series(array.to_numpy(zero_copy_only=False))
    if kind is Kind.NUMBER:
        return pd.Series(array.to_numpy(zero_copy_only=False).astype(np.float64))
    if kind is Kind.INTEGER:
        missing = pc.is_null(array).to_numpy(zero_copy_only=False)
        return pd.Series(pd.arrays.IntegerArray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), missing))
    if kind is Kind.TIME:
        raw = pc.fill_null(array, np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)  # NumPy's NaT
        return pd.Series(raw.view("datetime64[us]")).dt.tz_localize("UTC")
    array = pc.utf8_trim_whitespace(array)
    return text_series(pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.large_string()), array))


def _flags(table: str, column: Column, values: list[Any]) -> pd.Series:
    try:
        numbers = pa.array([None if v is None else int(v) for v in values], type=pa.int64())
    except (ValueError, TypeError):
        raise DataError(_impossible(table, column, values)) from None
    if pc.any(pc.invert(pc.is_in(pc.drop_null(numbers), pa.array([0, 1], type=pa.int64())))).as_py():
        raise DataError(_impossible(table, column, [v for v in values if v not in (None, 0, 1)]))
    missing = pc.is_null(numbers).to_numpy(zero_copy_only=False)
    true = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False) != 0
    if column.kind is Kind.ACTIVE:
        return pd.Series(true | missing)
    return pd.Series(pd.arrays.BooleanArray(true, missing))


def _whole(table: str, column: Column, text: str | None) -> list[int]:
    try:
        found = [int(piece) for piece in text.split("|")] if text else []
        if any(abs(number) > EXACT for number in found):
            raise ValueError
        return found
    except (ValueError, AttributeError):
        raise DataError(_impossible(table, column, [text])) from None


def _impossible(table: str, column: Column, values: list[Any]) -> str:
    expected: tuple[type, ...] = (str,)
    if column.kind not in (Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.INTEGERS):
        expected = (int, float) if column.kind is Kind.NUMBER else (int,)
    strange = next((v for v in values if v is not None and not isinstance(v, expected)), values[0])
    shown = ascii(strange)[:60]
    return (
        f"{table}.{column.name} holds {shown} in the database, which is no {column.kind.value}. "
        f"Repair it, or import the table again."
    )


# The other way


def rows_of(frame: pd.DataFrame, columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    """The rows of a canonical frame as the database holds them."""
    return zip(*(_stored(column.kind, frame[column.name]) for column in columns), strict=True)


def _stored(kind: Kind, values: pd.Series) -> list[Any]:
    return _STORED.get(kind, _objects)(values)


def _objects(values: pd.Series) -> list[Any]:
    return values.astype(object).where(values.notna(), None).tolist() if values.hasnans else values.tolist()


def _times(values: pd.Series) -> list[Any]:
    raw = values.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").view(np.int64)
    return (
        pd.Series(raw).astype(object).where(values.notna().to_numpy(), None).tolist()
        if values.hasnans
        else raw.tolist()
    )


def _lists(values: pd.Series) -> list[Any]:
    return ["|".join(map(str, row)) if len(row) else None for row in values]


_STORED: Final[dict[Kind, Callable[[pd.Series], list[Any]]]] = {Kind.TIME: _times, Kind.INTEGERS: _lists}
