"""Write canonical frames to the database: whole tables, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count, islice
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    delete,
    exists,
    insert,
    select,
    update,
)

from scoring.columns import FACTOR_TABLES, TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.dataset_frames import Tables
from scoring.database import sqlite_bulk_insert
from scoring.database.board_definition_storage import store_board
from scoring.database.database import Database
from scoring.database.driver_transactions import wrap_driver_errors
from scoring.database.event_statements import EVENT_KINDS
from scoring.database.event_tables import is_recorded_here, record_change, record_replacement, record_rows
from scoring.database.factor_blobs import VECTOR_DTYPE
from scoring.database.query_counter import count_driver_call
from scoring.database.schema import DATA_TABLES, data_changes, get_data_table
from scoring.database.sql_filters import has_key, is_in
from scoring.errors import DataError

__all__ = [
    "insert_columns",
    "insert_new_rows",
    "insert_rows",
    "renew_revision",
    "save_tables",
    "to_stored_columns",
    "update_rows",
    "write_frame",
]

ROWS_PER_BATCH: Final = 50_000
MANY_ROWS: Final = 100_000
VALUES_PER_INSERT: Final = 320
"""Values per INSERT on SQLite. With 40 results per INSERT instead of one, storing them takes half the time."""

_WIRE: Final[dict[type, str]] = {BigInteger: ">i8", Integer: ">i4", Double: ">f8"}
"""SQL type → NumPy dtype of a number in PostgreSQL's binary COPY."""


def save_tables(database: Database, tables: Tables, *, replace: bool = False) -> None:
    """Store all `tables` (canonical frames) in one transaction. Missing tables are created first.

    Duplicate actions are stored once.

    Parameters
    ----------
    replace: empty all tables before writing, including factor tables that are None.

    Raises
    ------
    DataError: If a table is not empty and `replace` is false.
    DatabaseError: If the database cannot be written.

    Example
    -------
    >>> with Database.open(folder / "copy.db") as database:
    ...     save_tables(database, tables)
    ...     database.count_rows("jobs")
    (400,)
    """
    database.create()
    with database.begin() as connection:
        store_board(connection, tables.board)
        if replace:
            with record_replacement(connection, TABLES, tables.board):
                for name in TABLES:
                    connection.execute(delete(DATA_TABLES[name]))
        for name, frame in tables.items():
            if not replace and connection.execute(select(DATA_TABLES[name]).limit(1)).first() is not None:
                raise DataError(
                    f"{database.display}: table {name} is not empty. Use another database, or replace=True, which "
                    "empties all tables first.",
                    reason="not empty",
                    table=name,
                )
            if name == "actions":  # lists cannot be compared; canonical frames have no other duplicates
                frame = frame.drop_duplicates(list(TABLES[name].key))
            write_frame(connection, name, frame, tables.board)
        if replace:
            for name in FACTOR_TABLES:
                renew_revision(connection, name)


def write_frame(connection: Connection, name: str, frame: pd.DataFrame, board: Board = DEFAULT_BOARD) -> None:
    """Insert the rows of a canonical frame into a data table, within the transaction of the connection.

    `board` declares the own columns of the frame, which `store_board` has added to the table.
    """
    table = get_data_table(name, board)
    with _defer_indexes(connection, DATA_TABLES[name], len(frame)):
        _insert_frame(connection, table, name, frame, board)
    if is_recorded_here(connection, name):
        _record_frame(connection, name, frame, board)
    renew_revision(connection, name)


def _record_frame(connection: Connection, name: str, frame: pd.DataFrame, board: Board) -> None:
    """Write the events of rows that were inserted."""
    key = get_data_table(name, board).primary_key.columns
    for start in range(0, len(frame), ROWS_PER_BATCH):
        columns = to_stored_columns(name, frame.iloc[start : start + ROWS_PER_BATCH], board)
        rows = list(zip(*(columns[column.name] for column in key), strict=True))
        record_rows(connection, name, board, has_key(connection, list(key), rows))


def _insert_frame(connection: Connection, target: Table, name: str, frame: pd.DataFrame, board: Board) -> None:
    if name == "actions":  # in key order, rows are appended at the end of the table
        frame = frame.sort_values(list(TABLES[name].key), kind="stable")
    names = [column.name for column in target.columns]

    def convert() -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(frame), ROWS_PER_BATCH):
            columns = to_stored_columns(name, frame.iloc[start : start + ROWS_PER_BATCH], board)
            yield from zip(*(columns[column] for column in names), strict=True)

    insert_rows(connection, target, names, convert())


def to_stored_columns(name: str, frame: pd.DataFrame, board: Board = DEFAULT_BOARD) -> dict[str, list[Any]]:
    """Return column → values as the database stores them, of a canonical frame. Factors are one column `vector`."""
    spec = board.table(name)
    columns = {column.name: column.type.to_database(frame[column.name]) for column in spec.columns}
    if name in FACTOR_TABLES:
        vectors = frame.drop(columns=list(spec.names)).to_numpy(VECTOR_DTYPE)
        columns["vector"] = list(map(bytes, vectors))
    return columns


def insert_new_rows(connection: Connection, name: str, frame: pd.DataFrame, board: Board = DEFAULT_BOARD) -> int:
    """Insert the rows whose key is not stored yet, and return their number. Own columns of stored rows are kept."""
    table = get_data_table(name, board)
    if connection.execute(select(table).limit(1)).first() is None:
        write_frame(connection, name, frame, board)
        return len(frame)
    with _create_stage(connection, table, list(board.table(name).names)) as staged:
        _insert_frame(connection, staged, name, frame, board)
        stored = table.alias("stored")
        is_stored = exists().where(*(stored.c[key] == staged.c[key] for key in TABLES[name].key))
        missing = insert(table).from_select(staged.c.keys(), select(staged).where(~is_stored))
        record_rows(connection, name, board, ~is_stored, staged)
        inserted = connection.execute(missing.execution_options(preserve_rowcount=True)).rowcount
    if inserted:
        renew_revision(connection, name)
    return inserted


def update_rows(
    connection: Connection, name: str, columns: Mapping[str, list[Any]], board: Board = DEFAULT_BOARD
) -> None:
    """Replace values of stored rows that have the same key, in a table with a key of one column.

    `columns`: the key and the columns to replace, as `to_stored_columns` returns them.
    """
    if not _get_length(columns):
        return
    table = get_data_table(name, board)
    with _create_stage(connection, table, list(columns)) as staged:
        insert_rows(connection, staged, list(columns), zip(*columns.values(), strict=True))
        (key,) = TABLES[name].key
        values = {column: staged.c[column] for column in columns if column != key}
        # the second condition is redundant: without it, SQLite reads all rows of the table instead of those of the keys
        conditions = table.c[key] == staged.c[key], table.c[key].in_(select(staged.c[key]))
        connection.execute(update(table).where(*conditions).values(values))
    record_rows(connection, name, board, is_in(connection, table.c[key], columns[key]))
    renew_revision(connection, name)


@contextmanager
def _create_stage(connection: Connection, table: Table, names: list[str]) -> Iterator[Table]:
    """Yield an empty temporary table with these columns of a data table. It is dropped at the end."""
    columns = [
        Column(name, table.c[name].type, primary_key=table.c[name].primary_key, autoincrement=False) for name in names
    ]
    staged = Table(f"staged_{table.name}", MetaData(), *columns, prefixes=["TEMPORARY"])
    staged.create(connection)
    yield staged
    staged.drop(connection)


@contextmanager
def _defer_indexes(connection: Connection, table: Table, rows: int) -> Iterator[None]:
    """Drop the indexes of a table and rebuild them after many rows, which is faster than a million insertions each."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if rows >= MANY_ROWS else []
    for index in indexes:
        index.drop(connection, checkfirst=True)
    yield
    for index in indexes:
        index.create(connection)


def insert_columns(connection: Connection, table: Table, columns: Mapping[str, NDArray[Any] | str]) -> None:
    """Insert rows, given as columns of numbers of equal length. A text is a value that all rows share.

    With psycopg, NumPy builds one binary COPY: 388,360 results take 0.2 s of CPU time in this process instead of 1.3 s.
    With SQLite, it builds the image of a database, and one statement copies the rows from there.
    """
    names, length = list(columns), _get_length(columns)
    if _is_psycopg(connection):
        _copy(connection, table, names, "(FORMAT binary)", [_encode_binary_rows(table, columns)])
        return
    if length <= sqlite_bulk_insert.MAX_ROWS and _insert_from_image(connection, table, columns):
        return
    values: list[Any] = [None] * (length * len(names))
    for place, column in enumerate(columns.values()):
        values[place :: len(names)] = [column] * length if isinstance(column, str) else column.tolist()
    _insert(connection, table, names, values)


def _insert_from_image(connection: Connection, table: Table, columns: Mapping[str, NDArray[Any] | str]) -> bool:
    """Insert rows of numbers by one statement; return False if the connection cannot."""
    texts = [column for column in columns.values() if isinstance(column, str)]
    numbers = [column for column in columns.values() if not isinstance(column, str)]
    places = count()
    values = ["?" if isinstance(column, str) else f"c{next(places)}" for column in columns.values()]
    quote = connection.dialect.identifier_preparer.quote
    with sqlite_bulk_insert.attach_image(connection, numbers) as is_attached:
        if is_attached:
            into = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, columns))}) "
            copied = f"SELECT {', '.join(values)} FROM {sqlite_bulk_insert.TABLE}"  # noqa: S608 - our names
            connection.exec_driver_sql(into + copied, tuple(texts))
    return is_attached


def insert_rows(connection: Connection, table: Table, names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert many rows: COPY with psycopg, otherwise executemany. Values are always bound, never part of the SQL."""
    if _is_psycopg(connection):
        _copy(connection, table, names, "", rows)
        return
    iterator = iter(rows)
    while batch := list(islice(iterator, ROWS_PER_BATCH)):
        _insert(connection, table, names, list(chain.from_iterable(batch)))


def _insert(connection: Connection, table: Table, names: list[str], values: list[Any]) -> None:
    """Insert rows given as one flat list of values, row by row."""
    width = len(names)
    if connection.dialect.paramstyle != "qmark":
        rows = [dict(zip(names, values[at : at + width], strict=True)) for at in range(0, len(values), width)]
        connection.execute(insert(table), rows)
        return
    quote = connection.dialect.identifier_preparer.quote
    into = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))}) VALUES "  # noqa: S608 - our names
    row = f"({', '.join('?' * width)})"
    size = max(1, VALUES_PER_INSERT // width) * width
    full = len(values) // size * size
    if full:
        batches = [tuple(values[at : at + size]) for at in range(0, full, size)]
        connection.exec_driver_sql(into + ", ".join([row] * (size // width)), batches)
    if values[full:]:
        rest = [tuple(values[at : at + width]) for at in range(full, len(values), width)]
        connection.exec_driver_sql(into + row, rest)


def _is_psycopg(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql" and connection.dialect.driver == "psycopg"


def _copy(
    connection: Connection, table: Table, names: list[str], options: str, parts: Iterable[tuple[Any, ...] | bytes]
) -> None:
    """COPY rows, or bytes that are already in the format of the options."""
    quote = connection.dialect.identifier_preparer.quote
    cursor: Any = connection.connection.cursor()
    statement = f"COPY {quote(table.name)} ({', '.join(map(quote, names))}) FROM STDIN {options}"
    try:
        with (
            count_driver_call(connection, round_trips=1),
            wrap_driver_errors(connection, f"COPY {table.name}"),
            cursor.copy(statement) as copy,
        ):
            for part in parts:
                if isinstance(part, bytes):
                    copy.write(part)
                else:
                    copy.write_row(part)
    finally:
        cursor.close()


def _encode_binary_rows(table: Table, columns: Mapping[str, NDArray[Any] | str]) -> bytes:
    """Return rows in PostgreSQL's binary COPY format: number of columns, then length and big-endian bytes of each.

    Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
    """
    fields, values = [("columns", ">i2")], [("columns", len(columns))]
    for name, column in columns.items():
        value: Any = column.encode() if isinstance(column, str) else column
        kind = f"S{len(value)}" if isinstance(value, bytes) else _WIRE[type(table.c[name].type)]
        fields += [(f"length of {name}", ">i4"), (name, kind)]
        values += [(f"length of {name}", np.dtype(kind).itemsize), (name, value)]
    rows = np.empty(_get_length(columns), dtype=fields)
    for name, value in values:
        rows[name] = value
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"


def _get_length(columns: Mapping[str, NDArray[Any] | list[Any] | str]) -> int:
    return next(len(column) for column in columns.values() if not isinstance(column, str))


def renew_revision(connection: Connection, name: str) -> None:
    """Give a data table a new revision, which is part of its change token.

    A counter would be equal in two copies of a database that were changed differently.
    """
    if name not in EVENT_KINDS:  # a table that lists depend on, but whose rows are not events
        record_change(connection)
    revision = time.time_ns()
    changed = connection.execute(
        update(data_changes).where(data_changes.c.table_name == name).values(revision=revision)
    )
    if not changed.rowcount:
        connection.execute(insert(data_changes).values(table_name=name, revision=revision))
