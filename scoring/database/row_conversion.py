"""Convert rows of a cursor to canonical columns, and canonical columns to rows.

Columns are read from the driver's cursor in small slices and passed to Arrow, without SQLAlchemy's row objects. A
million actions take one second instead of six.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.exc import OperationalError

from scoring.columns import ACTION_KINDS, TABLES, Column
from scoring.columns.job_board import DEFAULT_BOARD, Board
from scoring.columns.text_ids import OWNERS, mask_reserved
from scoring.database.driver_transactions import wrap_driver_errors
from scoring.database.query_counter import count_driver_call
from scoring.validation.normalise import NormalisedTable, normalise
from scoring.validation.referenced_ids import Owners
from scoring.validation.rejections import Rejections, RowName, make_data_error
from scoring.validation.zero_padding_notes import describe_short_codes

__all__ = [
    "DatabaseRows",
    "fetch_columns",
    "query_columns",
    "read_rows",
    "to_frame",
]

ROWS_PER_FETCH: Final = 500  # rows per fetch; their tuples stay in the CPU cache


def fetch_columns(result: CursorResult[Any]) -> list[list[Any]]:
    """Return the values of each column of a result."""
    cursor: Any = result.cursor
    columns: list[list[Any]] = [[] for _ in cursor.description]
    with wrap_driver_errors(result.connection, "fetch"):
        while rows := _fetch_next_slice(result.connection, cursor):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    result.close()
    return columns


def _fetch_next_slice(connection: Connection, cursor: Any) -> list[Any]:
    with count_driver_call(connection):
        rows: list[Any] = cursor.fetchmany(ROWS_PER_FETCH)
        return rows


def query_columns(connection: Connection, statement: Select[Any]) -> list[list[Any]]:
    """Return the values of each column of a query. Invalid UTF-8 (possible in SQLite) becomes surrogate escapes."""
    try:
        return fetch_columns(connection.execute(statement))
    except OperationalError as error:
        if connection.dialect.name != "sqlite" or "decode to UTF-8" not in str(error):
            raise
        raw: Any = connection.connection.dbapi_connection
    text_factory, raw.text_factory = raw.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        return fetch_columns(connection.execute(statement))
    finally:
        raw.text_factory = text_factory


def to_frame(
    table: str, columns: Sequence[Column], values: Sequence[list[Any]], board: Board = DEFAULT_BOARD
) -> pd.DataFrame:
    """Return the canonical frame of stored columns.

    Raises
    ------
    DataError: If a value is invalid; the error lists table, column, row and value. Other programs may have written it,
        and SQLite does not check types.
    """
    result = read_rows(table, columns, values, board=board)
    if len(result.rejections):
        raise make_data_error(result.rejections)
    return result.frame


def read_rows(
    table: str,
    columns: Sequence[Column],
    values: Sequence[list[Any]],
    code_width: Mapping[str, int | None] | None = None,
    owners: Owners | None = None,
    board: Board = DEFAULT_BOARD,
) -> NormalisedTable:
    """Return the canonical rows of stored columns, and the rejected rows, which are named by their key.

    The rules are those of DataFrames, except that times must be integer microseconds, because queries compare them.
    `code_width`: code column → digits to which integers are padded. `owners`: the ids of users and jobs.
    """
    series: dict[str, pd.Series] = {}
    widths = code_width or {}
    notes: dict[str, int] = {}
    for column, stored_values in zip(columns, values, strict=True):
        converted = column.type.from_database(stored_values, widths.get(column.name))
        if converted is None or (column.required and converted.isna().any()) or column.find_out_of_range(converted):
            return _read_by_row(table, columns, values, widths, owners, board)
        series[column.name] = converted
        notes |= describe_short_codes(column.name, stored_values, widths.get(column.name))
    frame = pd.DataFrame(series, copy=False)
    if tuple(series) == board.table(table).names and not _is_valid(table, frame):
        return _read_by_row(table, columns, values, widths, owners, board)
    return NormalisedTable.from_valid_frame(table, frame, DatabaseRows.of(table, columns, values), notes=notes)


def _is_valid(table: str, frame: pd.DataFrame) -> bool:
    """Return whether keys are distinct and actions valid. Tables of other programs may lack these constraints."""
    if table == "actions":  # duplicate actions are removed when they are encoded
        return bool(frame["action"].isin(ACTION_KINDS).all())
    key = list(TABLES[table].key)
    if table in OWNERS.values():
        reserved = mask_reserved(frame[key[0]].to_numpy())
        if reserved.any() and frame["external_id"][reserved].isna().any():
            return False
    return _is_distinct(frame[key[0]]) if len(key) == 1 else not frame.duplicated(key).any()


class DatabaseRows:
    """The stored rows of a table, by column. A row is named by its key: `job_id 3`."""

    def __init__(self, table: str, columns: Sequence[Column], values: Mapping[str, Sequence[Any]]) -> None:
        self._key = TABLES[table].key
        self._types = {column.name: column.type for column in columns}
        self._values = values

    @classmethod
    def of(cls, table: str, columns: Sequence[Column], values: Sequence[list[Any]]) -> DatabaseRows:
        names = (column.name for column in columns)
        return cls(table, columns, dict(zip(names, values, strict=True)))

    def take(self, at: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows at these positions, with values in the form that users expect."""
        return pd.DataFrame(
            {
                name: pd.Series([self._types[name].to_readable(values[row]) for row in at.tolist()], dtype=object)
                for name, values in self._values.items()
            }
        )

    def names(self, at: NDArray[np.int64]) -> pd.Series:
        key = [name for name in self._key if name.endswith(("_id", "_code")) and name in self._values]
        names = [RowName(", ".join(f"{name} {self._values[name][row]}" for name in key)) for row in at.tolist()]
        return pd.Series(names, dtype=object)


def _read_by_row(
    table: str,
    columns: Sequence[Column],
    values: Sequence[list[Any]],
    widths: Mapping[str, int | None],
    owners: Owners | None,
    board: Board,
) -> NormalisedTable:
    """Validate the columns as a DataFrame, which finds all rejections."""
    rejections = Rejections(table, len(values[0]))
    raw: dict[str, pd.Series] = {}
    for column, stored_values in zip(columns, values, strict=True):
        stored = pd.Series(stored_values, dtype=object)
        decoded = column.type.decode(stored)
        for mask, reason in decoded.problems:
            rejections.add(mask, column.name, stored, reason)
        raw[column.name] = decoded.values
    source = DatabaseRows.of(table, columns, values)
    return normalise(
        table,
        pd.DataFrame(raw),
        code_width=widths,
        source=source,
        rejections=rejections,
        owners=owners,
        board=board,
    )


def _is_distinct(ids: pd.Series) -> bool:
    """Return whether ids are distinct; fast if they ascend, as a database returns them."""
    numbers = ids.to_numpy()
    if numbers.dtype == np.int64 and bool((numbers[1:] > numbers[:-1]).all()):
        return True
    return bool(ids.is_unique)
