"""Rows of a cursor to canonical columns, and canonical columns to rows: the two directions of the database.

Columns are read from the driver's cursor in small slices and handed to Arrow, past SQLAlchemy's row objects:
a million actions take a second instead of six.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.exc import OperationalError

from scoring.columns import ACTION_KINDS, TABLES, Column, Kind
from scoring.columns.coercion import TEXTS, beyond, coerce, holds_nul, text_series
from scoring.columns.coercion.plain import EXACT
from scoring.database.dbapi import wrapped_errors
from scoring.database.traffic import past_sqlalchemy
from scoring.validation.data_errors import Rejections, RowName, refusal
from scoring.validation.lazy_frame import DictionaryColumn
from scoring.validation.normalise import NormalisedTable, normalise

__all__ = [
    "FIRST_TIME",
    "LAST_TIME",
    "DatabaseRows",
    "columns_of",
    "frame_of",
    "read_rows",
    "rows_of",
    "series_of",
    "values_of",
]

FIRST_TIME: Final = int(np.datetime64("0001-01-01", "us").astype(np.int64))
LAST_TIME: Final = int(np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64))
SLICE: Final = 500  # rows at a time: their tuples stay in the processor's cache

NOT_MICROSECONDS: Final = "is no whole number of microseconds since 1970, in the years 1 to 9999"

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


def values_of(connection: Connection, statement: Select[Any]) -> list[list[Any]]:
    """`columns_of` a query's result. Texts that are no UTF-8, which SQLite lets in, hold lone surrogates instead."""
    try:
        return columns_of(connection.execute(statement))
    except OperationalError as error:
        if connection.dialect.name != "sqlite" or "decode to UTF-8" not in str(error):
            raise
        raw: Any = connection.connection.dbapi_connection
    usual, raw.text_factory = raw.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        return columns_of(connection.execute(statement))
    finally:
        raw.text_factory = usual


def frame_of(table: str, columns: Sequence[Column], values: Sequence[list[Any]]) -> pd.DataFrame:
    """The canonical frame of columns as the database holds them.

    Raises DataError naming table, column, row and value of all that cannot be. Databases that somebody else filled,
    or SQLite, which checks no types, may hold it.
    """
    found = read_rows(table, columns, values)
    if len(found.rejections):
        raise refusal(found.rejections)
    return found.frame


def read_rows(
    table: str,
    columns: Sequence[Column],
    values: Sequence[list[Any]],
    code_width: Mapping[str, int | None] | None = None,
) -> NormalisedTable:
    """The canonical rows of columns as the database holds them, and the refused ones.

    Rows are named by their key. `code_width`: code column → digits to pad whole numbers to. What a DataFrame may
    hold, a database may hold, with one difference: its times are whole microseconds, because queries compare them.
    """
    series: dict[str, pd.Series] = {}
    widths = code_width or {}
    for column, held in zip(columns, values, strict=True):
        made = _series(column, held)
        if made is None or beyond(column, made):
            return _one_by_one(table, columns, values, widths)
        series[column.name] = _whole_codes(made, widths.get(column.name)) if column.kind is Kind.CODE else made
    frame = pd.DataFrame(series, copy=False)
    if tuple(series) == TABLES[table].names and not _sound(table, frame):
        return _one_by_one(table, columns, values, widths)
    return NormalisedTable.valid(table, frame, DatabaseRows.of(table, columns, values))


def _sound(table: str, frame: pd.DataFrame) -> bool:
    """What the keys and checks of the database's own table see to, and those of somebody else's may not."""
    if table == "actions":  # (repeated ones are counted once when they are encoded)
        return bool(frame["action"].isin(ACTION_KINDS).all())
    key = list(TABLES[table].key)
    return _different(frame[key[0]]) if len(key) == 1 else not frame.duplicated(key).any()


def _whole_codes(texts: pd.Series, width: int | None) -> pd.Series:
    """Padded as codes of a DataFrame are."""
    column = DictionaryColumn.of(texts)
    fitting = coerce(Kind.CODE, column.values, width).values
    return texts if fitting.equals(column.values) else DictionaryColumn(fitting, column.place).series()


class DatabaseRows:
    """The rows of a table as a database holds them, by column; a row is named by its key: `job_id 3`."""

    def __init__(self, table: str, values: Mapping[str, Sequence[Any]]) -> None:
        self._table = TABLES[table]
        self._values = values

    @classmethod
    def of(cls, table: str, columns: Sequence[Column], values: Sequence[list[Any]]) -> DatabaseRows:
        return cls(table, {column.name: held for column, held in zip(columns, values, strict=True)})

    def take(self, at: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows at these positions, with times for microseconds; what is not a time stays as it is."""
        times = {column.name for column in self._table.columns if column.kind is Kind.TIME}
        chosen = {name: [values[row] for row in at.tolist()] for name, values in self._values.items()}
        return pd.DataFrame(
            {
                name: pd.Series([_readable_time(value) for value in values] if name in times else values, dtype=object)
                for name, values in chosen.items()
            }
        )

    def names(self, at: NDArray[np.int64]) -> pd.Series:
        key = [name for name in self._table.key if name.endswith(("_id", "_code")) and name in self._values]
        names = [RowName(", ".join(f"{name} {self._values[name][row]}" for name in key)) for row in at.tolist()]
        return pd.Series(names, dtype=object)


def _one_by_one(
    table: str, columns: Sequence[Column], values: Sequence[list[Any]], widths: Mapping[str, int | None]
) -> NormalisedTable:
    """Validate as a DataFrame is, which finds every rejection."""
    rejections = Rejections(table, len(values[0]))
    raw = {column.name: pd.Series(rows, dtype=object) for column, rows in zip(columns, values, strict=True)}
    for column in columns:
        if column.kind is Kind.TIME:
            strange = np.array([not _is_time(value) for value in raw[column.name]], dtype=bool)
            rejections.add(strange, column.name, raw[column.name], NOT_MICROSECONDS)
            times = pa.array(raw[column.name].mask(pd.Series(strange), None), type=pa.int64(), from_pandas=True)
            raw[column.name] = series_of(Kind.TIME, times)
    source = DatabaseRows.of(table, columns, values)
    return normalise(table, pd.DataFrame(raw), code_width=widths, source=source, rejections=rejections)


def _readable_time(value: Any) -> Any:
    return pd.Timestamp(value, unit="us", tz="UTC") if value is not None and _is_time(value) else value


def _is_time(value: Any) -> bool:
    return value is None or (type(value) is int and FIRST_TIME <= value <= LAST_TIME)


def _different(ids: pd.Series) -> bool:
    """Without a look at each where they ascend, as a database gives them."""
    numbers = ids.to_numpy()
    if numbers.dtype == np.int64 and bool((numbers[1:] > numbers[:-1]).all()):
        return True
    return bool(ids.is_unique)


def _series(column: Column, values: list[Any]) -> pd.Series | None:
    """The canonical column; None where a value is not what the database's own table would hold."""
    kind = column.kind
    if kind in (Kind.FLAG, Kind.ACTIVE):
        return _flags(kind, values)
    if pa.types.is_integer(_ARROW[kind]) and float in set(map(type, values)):  # Arrow would cut the fraction off
        return None
    try:
        array = pa.array(values, type=_ARROW[kind])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        return None
    if column.required and array.null_count:
        return None
    if kind is Kind.NUMBER and pc.any(pc.is_inf(array)).as_py():
        return None
    if kind is Kind.TIME and pc.any(pc.or_(pc.less(array, FIRST_TIME), pc.greater(array, LAST_TIME))).as_py():
        return None
    if kind is Kind.INTEGERS:
        lists = [_whole(text) for text in values]
        return None if None in lists else pd.Series(lists, dtype=object)
    if kind in TEXTS and holds_nul(array):
        return None
    made = series_of(kind, array)
    return None if column.required and made.isna().any() else made


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
    if kind is Kind.CHOICE:
        array = pc.utf8_lower(array)
    return text_series(pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.large_string()), array))


def _flags(kind: Kind, values: list[Any]) -> pd.Series | None:
    kinds = set(map(type, values))
    if not kinds <= {int, bool, type(None)}:
        return None
    if bool in kinds:  # SQLite has none, and Arrow takes them for no number
        values = [None if value is None else int(value) for value in values]
    try:
        numbers = pa.array(values, type=pa.int64())
    except OverflowError:
        return None
    if pc.any(pc.invert(pc.is_in(pc.drop_null(numbers), pa.array([0, 1], type=pa.int64())))).as_py():
        return None
    missing = pc.is_null(numbers).to_numpy(zero_copy_only=False)
    true = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False) != 0
    if kind is Kind.ACTIVE:
        return pd.Series(true | missing)
    return pd.Series(pd.arrays.BooleanArray(true, missing))


def _whole(text: str | None) -> list[int] | None:
    try:
        found = [int(piece) for piece in text.split("|")] if text else []
    except ValueError:
        return None
    if text and "_" in text:  # (which Python reads as a number)
        return None
    return found if all(abs(number) <= EXACT for number in found) else None


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
