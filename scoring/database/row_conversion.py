"""Convert rows of a cursor to canonical columns, and canonical columns to rows.

Columns are read from the driver's cursor in small slices and passed to Arrow, without SQLAlchemy's row objects. A
million actions take one second instead of six. `read_query` converts some thousand rows at a time: the Python objects
of a table with 22 columns take four times the memory of its arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.exc import OperationalError

from scoring.columns import ACTION_KINDS, TABLES, Column
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.text_id_hash import OWNERS, mask_reserved
from scoring.database.driver_transactions import wrap_driver_errors
from scoring.database.query_counter import count_driver_call
from scoring.validation.referenced_ids import Owners
from scoring.validation.rejections import Rejections, RowName, make_data_error
from scoring.validation.table_validator import NormalisedTable, normalise
from scoring.validation.zero_padding_notes import describe_short_codes

__all__ = [
    "ROWS_PER_FETCH",
    "DatabaseRows",
    "fetch_columns",
    "fetch_slices",
    "query_columns",
    "read_query",
    "read_rows",
    "to_frame",
]

ROWS_PER_FETCH: Final = 500  # rows per fetch; their tuples stay in the CPU cache
ROWS_PER_ARRAY: Final = 5_000  # rows whose Python objects exist at a time; with 20,000, reading jobs took 8% longer


def fetch_columns(result: CursorResult[Any]) -> list[list[Any]]:
    """Return the values of each column of a result."""
    cursor: Any = result.cursor
    columns: list[list[Any]] = [[] for _ in cursor.description]
    for rows in fetch_slices(result):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return columns


def fetch_slices(result: CursorResult[Any], n_rows: int = ROWS_PER_FETCH) -> Iterator[list[Any]]:
    """Yield `n_rows` rows of a result at a time."""
    cursor: Any = result.cursor
    with wrap_driver_errors(result.connection, "fetch"):
        while rows := _fetch_next_slice(result.connection, cursor, n_rows):
            yield rows
    result.close()


def _fetch_next_slice(connection: Connection, cursor: Any, n_rows: int = ROWS_PER_FETCH) -> list[Any]:
    with count_driver_call(connection):
        rows: list[Any] = cursor.fetchmany(n_rows)
        return rows


def _fetch_arrays(result: CursorResult[Any], columns: Sequence[Column]) -> list[pa.Array] | None:
    """Return the array of each column of a result; None if a value has another type than its column."""
    cursor: Any = result.cursor
    chunks: list[list[pa.Array]] = [[column.type.to_array([])] for column in columns]
    values: list[list[Any]] = [[] for _ in columns]
    is_last = False
    with wrap_driver_errors(result.connection, "fetch"):
        while not is_last:
            rows = _fetch_next_slice(result.connection, cursor)
            is_last = not rows
            for place, of_column in enumerate(zip(*rows, strict=True)):
                values[place].extend(of_column)
            if not is_last and len(values[0]) < ROWS_PER_ARRAY:
                continue
            for place, column in enumerate(columns):
                array = column.type.to_array(values[place])
                if array is None:
                    result.close()
                    return None
                chunks[place].append(array)
                values[place].clear()
    result.close()
    # the memory of one column's chunks is reused for the next column
    return [_join_chunks(chunks.pop(0)) for _ in columns]


def _join_chunks(chunks: list[pa.Array]) -> pa.Array:
    """Return one array. Chunks of flags that are all missing have another type than those of integers."""
    kinds = {chunk.type for chunk in chunks if len(chunk) > chunk.null_count} or {chunks[0].type}
    kind = kinds.pop() if len(kinds) == 1 else pa.int64()
    if len(chunks) == 2:  # the first one is empty
        return chunks[1].cast(kind)
    return pa.concat_arrays([chunk.cast(kind) for chunk in chunks])


def query_columns(connection: Connection, statement: Select[Any]) -> list[list[Any]]:
    """Return the values of each column of a query. Invalid UTF-8 (possible in SQLite) becomes surrogate escapes."""
    try:
        return fetch_columns(connection.execute(statement))
    except OperationalError as error:
        if not _is_not_utf8(connection, error):
            raise
        raw: Any = connection.connection.dbapi_connection
    text_factory, raw.text_factory = raw.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        return fetch_columns(connection.execute(statement))
    finally:
        raw.text_factory = text_factory


def _is_not_utf8(connection: Connection, error: OperationalError) -> bool:
    return connection.dialect.name == "sqlite" and "decode to UTF-8" in str(error)


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


def read_query(
    connection: Connection,
    statement: Select[Any],
    table: str,
    columns: Sequence[Column],
    code_width: Mapping[str, int | None] | None = None,
    owners: Owners | None = None,
    board: Board = DEFAULT_BOARD,
    arrays: Sequence[pa.Array] | None = None,
) -> NormalisedTable:
    """Return the canonical rows of a query, and the rejected rows, which are named by their key.

    The rules are those of DataFrames, except that times must be integer microseconds, because queries compare them. If
    a value does not conform to the schema, the query is repeated, and its rows are validated one by one.

    Parameters
    ----------
    columns: the columns of the query.
    code_width: code column → digits to which integers are padded.
    owners: the ids of users and jobs.
    arrays: the stored values of the columns if they were read before.
    """
    widths = code_width or {}
    if arrays is None:
        arrays = _query_arrays(connection, statement, columns)
    accepted = None if arrays is None else _accept_arrays(table, columns, arrays, widths, board)
    if accepted is not None:
        return accepted
    return _read_by_row(table, columns, query_columns(connection, statement), widths, owners, board)


def _query_arrays(connection: Connection, statement: Select[Any], columns: Sequence[Column]) -> list[pa.Array] | None:
    try:
        return _fetch_arrays(connection.execute(statement), columns)
    except OperationalError as error:
        if not _is_not_utf8(connection, error):
            raise
        return None


def read_rows(
    table: str,
    columns: Sequence[Column],
    values: Sequence[list[Any]],
    board: Board = DEFAULT_BOARD,
    *,
    code_width: Mapping[str, int | None] | None = None,
    unique: bool = True,
) -> NormalisedTable:
    """Return `read_query` of stored columns that were fetched before.

    `unique`: whether rows with the key of another row are rejected.
    """
    widths = code_width or {}
    arrays = [column.type.to_array(stored) for column, stored in zip(columns, values, strict=True)]
    accepted = None
    if all(array is not None for array in arrays):
        accepted = _accept_arrays(table, columns, arrays, widths, board, unique)
    return accepted or _read_by_row(table, columns, values, widths, None, board, unique)


def _accept_arrays(
    table: str,
    columns: Sequence[Column],
    arrays: Sequence[pa.Array],
    widths: Mapping[str, int | None],
    board: Board,
    unique: bool = True,
) -> NormalisedTable | None:
    """Return the canonical rows of stored columns; None if a row is not valid."""
    series: dict[str, pd.Series] = {}
    notes: dict[str, int] = {}
    for column, array in zip(columns, arrays, strict=True):
        converted = column.type.from_array(array, widths.get(column.name))
        if converted is None or (column.required and converted.isna().any()) or column.find_out_of_range(converted):
            return None
        series[column.name] = converted
        notes |= describe_short_codes(column.name, array, widths.get(column.name))
    frame = pd.DataFrame(series, copy=False)
    if tuple(series) == board.table(table).names and not _is_valid(table, frame, unique):
        return None
    return NormalisedTable.from_valid_frame(table, frame, DatabaseRows.of(table, columns, arrays), notes=notes)


def _is_valid(table: str, frame: pd.DataFrame, unique: bool) -> bool:
    """Return whether keys are distinct and actions valid. Tables of other programs may lack these constraints."""
    if table == "actions":  # duplicate actions are removed when they are encoded
        return bool(frame["action"].isin(ACTION_KINDS).all())
    key = list(TABLES[table].key)
    if table in OWNERS.values():
        reserved = mask_reserved(frame[key[0]].to_numpy())
        if reserved.any() and frame["external_id"][reserved].isna().any():
            return False
    if not unique:
        return True
    return _is_distinct(frame[key[0]]) if len(key) == 1 else not frame.duplicated(key).any()


class DatabaseRows:
    """The stored rows of a table, by column. A row is named by its key: `job_id 3`."""

    def __init__(self, table: str, columns: Sequence[Column], values: Mapping[str, Sequence[Any]]) -> None:
        self._key = TABLES[table].key
        self._types = {column.name: column.type for column in columns}
        self._values = values

    @classmethod
    def of(cls, table: str, columns: Sequence[Column], values: Sequence[Sequence[Any]]) -> DatabaseRows:
        names = (column.name for column in columns)
        return cls(table, columns, dict(zip(names, values, strict=True)))

    def take(self, at: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows at these positions, with values in the form that users expect."""
        return pd.DataFrame(
            {
                name: pd.Series([self._types[name].to_readable(_get(values, row)) for row in at.tolist()], dtype=object)
                for name, values in self._values.items()
            }
        )

    def names(self, at: NDArray[np.int64]) -> pd.Series:
        key = [name for name in self._key if name.endswith(("_id", "_code")) and name in self._values]
        names = [RowName(", ".join(f"{name} {_get(self._values[name], row)}" for name in key)) for row in at.tolist()]
        return pd.Series(names, dtype=object)


def _get(values: Sequence[Any], row: int) -> Any:
    value = values[row]
    return value.as_py() if isinstance(value, pa.Scalar) else value


def _read_by_row(
    table: str,
    columns: Sequence[Column],
    values: Sequence[list[Any]],
    widths: Mapping[str, int | None],
    owners: Owners | None,
    board: Board,
    unique: bool = True,
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
        unique=unique,
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
