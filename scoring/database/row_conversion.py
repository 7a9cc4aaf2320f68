"""Rows of a cursor to canonical columns, and canonical columns to rows: the two directions of the database.

Columns are read from the driver's cursor in small slices and handed to Arrow, past SQLAlchemy's row objects:
a million actions take a second instead of six.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.exc import OperationalError

from scoring.columns import ACTION_KINDS, TABLES, Column
from scoring.database.dbapi import wrapped_errors
from scoring.database.query_tracing import count_driver_call
from scoring.validation.data_errors import Rejections, RowName, refusal
from scoring.validation.normalise import NormalisedTable, normalise

__all__ = [
    "DatabaseRows",
    "columns_of",
    "frame_of",
    "read_rows",
    "rows_of",
    "values_of",
]

SLICE: Final = 500  # rows at a time: their tuples stay in the processor's cache


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
    with count_driver_call(connection):
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
        made = column.type.from_database(held, widths.get(column.name))
        if made is None or (column.required and made.isna().any()) or column.beyond(made):
            return _one_by_one(table, columns, values, widths)
        series[column.name] = made
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


class DatabaseRows:
    """The rows of a table as a database holds them, by column; a row is named by its key: `job_id 3`."""

    def __init__(self, table: str, values: Mapping[str, Sequence[Any]]) -> None:
        self._table = TABLES[table]
        self._values = values

    @classmethod
    def of(cls, table: str, columns: Sequence[Column], values: Sequence[list[Any]]) -> DatabaseRows:
        return cls(table, {column.name: held for column, held in zip(columns, values, strict=True)})

    def take(self, at: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows at these positions, as a reader expects their values."""
        types = {column.name: column.type for column in self._table.columns}
        return pd.DataFrame(
            {
                name: pd.Series([types[name].readable(values[row]) for row in at.tolist()], dtype=object)
                for name, values in self._values.items()
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
    raw: dict[str, pd.Series] = {}
    for column, held in zip(columns, values, strict=True):
        stored = pd.Series(held, dtype=object)
        decoded = column.type.decode(stored)
        for mask, reason in decoded.problems:
            rejections.add(mask, column.name, stored, reason)
        raw[column.name] = decoded.values
    source = DatabaseRows.of(table, columns, values)
    return normalise(table, pd.DataFrame(raw), code_width=widths, source=source, rejections=rejections)


def _different(ids: pd.Series) -> bool:
    """Without a look at each where they ascend, as a database gives them."""
    numbers = ids.to_numpy()
    if numbers.dtype == np.int64 and bool((numbers[1:] > numbers[:-1]).all()):
        return True
    return bool(ids.is_unique)


# The other way


def rows_of(frame: pd.DataFrame, columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    """The rows of a canonical frame as the database holds them."""
    return zip(*(column.type.to_database(frame[column.name]) for column in columns), strict=True)
