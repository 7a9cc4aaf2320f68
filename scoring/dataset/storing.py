"""Canonical frames into the database: whole tables at once, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Table, delete, insert, select, update

from scoring.columns import TABLES
from scoring.dataset.canonical import Tables
from scoring.dataset.database import Database
from scoring.dataset.driver import wrapped_errors
from scoring.dataset.rows import rows_of
from scoring.dataset.tables import DATA_TABLES, data_changes
from scoring.errors import DataError

__all__ = ["factor_frame", "insert_rows", "save_tables", "write_frame"]

BATCH: Final = 50_000
MANY: Final = 100_000
VECTOR: Final = np.dtype("<f8")


def save_tables(database: Database, tables: Tables, *, replace: bool = False) -> None:
    """Stores every table of `tables` (canonical frames) in one transaction; makes missing tables first.

    `replace` empties a table before it is written (all tables, factors that are None included). A repeated
    action is stored once.

    Raises
    ------
    DataError: without `replace`, a table that is not empty.
    DatabaseError: cannot be written.
    """
    database.create()
    with database.begin() as connection:
        if replace:
            for name in TABLES:
                connection.execute(delete(DATA_TABLES[name]))
        for name, frame in tables.items():
            if not replace and connection.execute(select(DATA_TABLES[name]).limit(1)).first() is not None:
                raise DataError(
                    f"{database.display}: {name} holds rows already. Save with replace=True to exchange them."
                )
            if name == "actions":
                frame = frame.drop_duplicates()
            write_frame(connection, name, frame)
        if replace:
            for name in ("user_factors", "job_factors"):
                note_change(connection, name)


def write_frame(connection: Connection, name: str, frame: pd.DataFrame) -> None:
    """Adds the rows of a canonical frame to a data table, within the connection's transaction."""
    spec = TABLES[name]
    names = [column.name for column in spec.columns]
    if name.endswith("_factors"):
        vectors = frame.drop(columns=names).to_numpy(VECTOR)
        rows: Iterable[tuple[Any, ...]] = zip(frame[names[0]].tolist(), map(bytes, vectors), strict=True)
        names.append("vector")
    else:
        if name == "actions":  # in the order of its key, the table grows at its end
            frame = frame.sort_values(list(spec.key), kind="stable")
        rows = rows_of(frame, spec.columns)
    with _indexes_later(connection, DATA_TABLES[name], len(frame)):
        insert_rows(connection, DATA_TABLES[name], names, rows)
    note_change(connection, name)


@contextmanager
def _indexes_later(connection: Connection, table: Table, rows: int) -> Iterator[None]:
    """Makes the table's indexes anew after many rows: a million random insertions into each cost far more."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if rows >= MANY else []
    for index in indexes:
        index.drop(connection, checkfirst=True)
    yield
    for index in indexes:
        index.create(connection)


def insert_rows(connection: Connection, table: Any, names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Inserts many rows fast: COPY through psycopg, executemany elsewhere; values are always data, never SQL."""
    if connection.dialect.name == "postgresql" and connection.dialect.driver == "psycopg":
        _copy(connection, table, names, rows)
        return
    compiled = insert(table).values(dict.fromkeys(names)).compile(dialect=connection.dialect)
    order = list(compiled.positiontup or names)
    if order != names or "?" not in str(compiled):
        for batch in _batches(rows):
            connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in batch])
        return
    for batch in _batches(rows):
        connection.exec_driver_sql(str(compiled), batch)


def _copy(connection: Connection, table: Any, names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    cursor: Any = connection.connection.cursor()
    columns = ", ".join(map(quote, names))
    try:
        with (
            wrapped_errors(connection, f"COPY {table.name}"),
            cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def note_change(connection: Connection, name: str) -> None:
    """Counts a write of a data table, so that `change_tokens` tells it."""
    counter = data_changes.c
    changed = connection.execute(
        update(data_changes).where(counter.table_name == name).values(revision=counter.revision + 1)
    )
    if not changed.rowcount:
        connection.execute(insert(data_changes).values(table_name=name, revision=1))


def factor_frame(name: str, ids: list[int], vectors: list[bytes]) -> pd.DataFrame:
    """id and f0…fN float64. Raises DataError when vectors differ in length or hold NaN or infinity."""
    if not all(isinstance(vector, bytes | bytearray | memoryview) for vector in vectors):
        raise DataError(f"{name}: a vector in the database is no blob of numbers. Store the table again.")
    lengths = {len(vector) for vector in vectors}
    if len(lengths) > 1 or not all(length % VECTOR.itemsize == 0 and length for length in lengths):
        raise DataError(f"{name}: the vectors in the database differ in length. Store the table again.")
    matrix = np.frombuffer(b"".join(vectors), dtype=VECTOR).reshape(len(ids), -1).astype(np.float64)
    if not np.isfinite(matrix).all():
        raise DataError(f"{name}: a vector in the database holds NaN or infinity. Store the table again.")
    frame = pd.DataFrame(matrix, columns=[f"f{n}" for n in range(matrix.shape[1])])
    frame.insert(0, TABLES[name].key[0], np.array(ids, dtype=np.int64))
    return frame
