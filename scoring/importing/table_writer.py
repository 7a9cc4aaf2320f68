"""Store validated rows in a table: insert, replace or update them, and close rows that a full file does not contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, delete, func, select, update

from scoring.array_types import Longs
from scoring.columns import FACTOR_TABLES, TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.series_functions import Mask
from scoring.database.event_tables import record_replacement, record_rows
from scoring.database.factor_blobs import VECTOR_DTYPE
from scoring.database.row_conversion import fetch_columns
from scoring.database.schema import DATA_TABLES, get_data_table
from scoring.database.sql_filters import is_in
from scoring.database.writers import (
    insert_new_rows,
    renew_revision,
    to_stored_columns,
    update_rows,
    write_frame,
)
from scoring.errors import ConfigurationError, DataError, pluralize
from scoring.validation.table_validator import NormalisedTable

__all__ = ["MissingColumns", "Orphans", "RowCounts", "WriteOptions", "delete_orphans", "read_ids", "store_rows"]

CLOSABLE: Final = ("jobs", "users")
"""Tables whose rows have `is_active`."""

COMPARED_ROWS: Final = 10_000
"""Rows of a file that an update compares at a time. Comparing 300,000 jobs at once needs 600 MB."""

DEPENDENTS: Final = {"jobs": ("actions", "job_factors"), "users": ("actions", "user_factors")}
"""Table → the tables whose rows refer to it."""

MissingColumns = Literal["refuse", "keep", "clear"]
Orphans = Literal["refuse", "delete"]


@dataclass(frozen=True)
class WriteOptions:
    """How rows of a file are combined with stored rows.

    Attributes
    ----------
    replace: empty the table first.
    update: replace stored rows that have the same key. Without `replace` and `update`, such rows are rejected.
    close_missing: tables whose active rows become inactive if the file does not contain them.
    close_most: whether more than half of the active rows may become inactive.
    missing_columns: what `update` does if the file lacks a column that has stored values: raise an error, keep these
        values, or clear them.
    orphans: what `replace` does with the actions and factors of rows that the file does not contain: raise an error, or
        delete them.
    """

    replace: bool = False
    update: bool = False
    close_missing: frozenset[str] = frozenset()
    close_most: bool = False
    missing_columns: MissingColumns = "refuse"
    orphans: Orphans = "refuse"

    def __post_init__(self) -> None:
        if self.replace and self.update:
            raise ConfigurationError("--replace and --update exclude each other. Use one of them.", key=("update",))
        if self.close_missing and not self.update:
            raise ConfigurationError("--close-missing needs --update. Add it.", key=("close_missing",))
        for table in sorted(self.close_missing - set(CLOSABLE)):
            raise ConfigurationError(
                f"Rows of {table} cannot be closed: only jobs and users have is_active. Remove --close-missing.",
                key=("close_missing",),
            )
        for name, kind in (("missing_columns", MissingColumns), ("orphans", Orphans)):
            value = getattr(self, name)
            if value not in get_args(kind):
                raise ConfigurationError(
                    f"--{name.replace('_', '-')} is {value!r}. Use one of: {', '.join(get_args(kind))}.", key=(name,)
                )


@dataclass(frozen=True)
class RowCounts:
    """Number of valid rows by what was done with them, and of stored rows that were closed.

    `reopened` rows are included in `updated`. `merged` rows are actions or prefecture pairs that are already stored.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    reopened: int = 0
    closed: int = 0


def store_rows(
    connection: Connection,
    validated: NormalisedTable,
    columns: frozenset[str],
    file_ids: Longs,
    options: WriteOptions,
    board: Board = DEFAULT_BOARD,
) -> tuple[NormalisedTable, RowCounts]:
    """Store the valid rows, and return the table with the rejections of rows that are already stored, and the counts.

    Parameters
    ----------
    columns: the canonical columns that the file has.
    file_ids: ids of all rows of the file, also of rejected rows: these are not closed.
    board: declares the own columns of the table.

    Raises
    ------
    DataError: If an update would clear values of a column that the file lacks, or close most rows, without permission.
    """
    table = validated.table
    if options.replace:
        with record_replacement(connection, [table], board):
            connection.execute(delete(DATA_TABLES[table]))
            write_frame(connection, table, validated.frame, board)
        return validated, RowCounts(inserted=len(validated.frame))
    if table in FACTOR_TABLES:
        _require_equal_width(connection, table, validated.frame)
    if len(TABLES[table].key) > 1:
        inserted = insert_new_rows(connection, table, validated.frame, board)
        return validated, RowCounts(inserted=inserted, merged=len(validated.frame) - inserted)
    if not options.update:
        key = TABLES[table].key[0]
        is_stored = _Stored.read(connection, table).contains(validated.frame[key])
        validated = validated.reject(is_stored, key, "already exists in the database (use --update to replace it)")
        if len(validated.frame):
            write_frame(connection, table, validated.frame, board)
        return validated, RowCounts(inserted=len(validated.frame))
    return validated, _update_table(connection, table, validated.frame, columns, file_ids, options, board)


def _require_equal_width(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    stored = connection.execute(select(DATA_TABLES[table].c.vector).limit(1)).scalar()
    n_stored = len(stored) // VECTOR_DTYPE.itemsize if stored is not None else 0
    given = len(frame.columns) - len(TABLES[table].names)
    if stored is not None and len(frame) and given != n_stored:
        raise DataError(
            f"{table}: the file has {pluralize(given, 'factor')} per row, but the stored rows have {n_stored}. Add "
            "`replace: true` to this table in the mapping, or use --replace if you import this table alone.",
            reason="number of factors",
            table=table,
            value=str(given),
        )


def _update_table(
    connection: Connection,
    table: str,
    frame: pd.DataFrame,
    columns: frozenset[str],
    file_ids: Longs,
    options: WriteOptions,
    board: Board,
) -> RowCounts:
    key = TABLES[table].key[0]
    stored = _Stored.read(connection, table)
    places = stored.find(frame[key])
    known = np.flatnonzero(places >= 0)
    known = known[np.argsort(places[known])]  # in the order of the stored keys, which are then read in this order
    lost: Counter[str] = Counter()
    updated = reopened = 0
    for start in range(0, len(known), COMPARED_ROWS):
        rows = frame.iloc[known[start : start + COMPARED_ROWS]]
        after = {name: _to_objects(values) for name, values in to_stored_columns(table, rows, board).items()}
        before = _read_rows(connection, get_data_table(table, board), list(after), after[key])
        lost.update(_keep_values(before, after, columns, options.missing_columns))
        if lost:
            continue
        differences = {name: before[name] != after[name] for name in after}
        changed = np.any(list(differences.values()), axis=0)
        if table in CLOSABLE:
            reopened += int(np.sum(_is_true(after["is_active"]) & ~_is_true(before["is_active"])))
        updated += int(changed.sum())
        names = [name for name in after if name == key or differences[name].any()]
        update_rows(connection, table, {name: after[name][changed].tolist() for name in names}, board)
    if lost:
        raise _make_lost_error(table, lost)
    new = np.flatnonzero(places < 0)
    if len(new):
        write_frame(connection, table, frame.iloc[new], board)
    closed = 0
    if table in options.close_missing:
        closed = _close_rows(connection, table, stored, file_ids, options, board)
    return RowCounts(len(new), updated, len(known) - updated, reopened=reopened, closed=closed)


def _read_rows(connection: Connection, table: Table, names: list[str], keys: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return column → stored values, in the order of the keys.

    Raises
    ------
    DataError: If a key is not stored. On PostgreSQL, another program can delete a row during an import.
    """
    (key,) = table.primary_key.columns
    condition = is_in(connection, key, keys.tolist())
    values = fetch_columns(connection.execute(select(*(table.c[name] for name in names)).where(condition)))
    at = pd.Index(values[names.index(key.name)], dtype=object).get_indexer(pd.Index(keys, dtype=object))
    if (at < 0).any():
        raise DataError(
            f"{table.name}: another program deleted the row of {key.name} {keys[at < 0][0]!r} during the import. "
            "Repeat the import.",
            reason="unknown id",
            table=table.name,
            column=key.name,
            value=str(keys[at < 0][0]),
        )
    return {name: _to_objects(stored)[at] for name, stored in zip(names, values, strict=True)}


def _keep_values(
    before: Mapping[str, NDArray[Any]],
    after: dict[str, NDArray[Any]],
    columns: frozenset[str],
    policy: MissingColumns,
) -> dict[str, int]:
    """Apply the policy to the columns that the file lacks. `after` is changed in place.

    A text id is kept, because it identifies the row. A file without `is_active` means active rows, as in any import.

    Returns
    -------
    column → number of values that the update must not clear.
    """
    lost: dict[str, int] = {}
    for name in after:
        if name == "external_id":
            after[name] = np.where(after[name] == None, before[name], after[name])  # noqa: E711 - element by element
        elif name not in columns and name != "vector":
            if policy == "keep":
                after[name] = before[name]
            elif policy == "refuse" and name != "is_active":
                lost |= {name: rows} if (rows := int(np.sum(before[name] != None))) else {}  # noqa: E711
    return lost


def _make_lost_error(table: str, lost: Mapping[str, int]) -> DataError:
    names = ", ".join(f"{name} ({pluralize(rows, 'row')})" for name, rows in lost.items())
    column, n_rows = next(iter(lost.items()))
    return DataError(
        f"{table}: the file does not have columns that have stored values: {names}. Add the columns, or choose "
        "--missing-columns keep (the stored values stay) or clear (they become missing).",
        reason="loses values",
        table=table,
        column=column,
        value=str(n_rows),
    )


def _close_rows(
    connection: Connection, table: str, stored: _Stored, file_ids: Longs, options: WriteOptions, board: Board
) -> int:
    """Make active rows inactive that the file does not contain, and return their number."""
    ids = stored.keys.to_numpy(dtype=np.int64)
    active = stored.active
    missing = active & ~np.isin(ids, file_ids)
    closed, n_active = int(missing.sum()), int(active.sum())
    if 2 * closed > n_active and not options.close_most:
        raise DataError(
            f"{table}: the file contains only {n_active - closed:,} of {n_active:,} active {table}, so --close-missing "
            "would close more than half of them. If the file is complete, add --close-most.",
            reason="closes most rows",
            table=table,
        )
    if closed:
        columns = DATA_TABLES[table].c
        condition = is_in(connection, columns[TABLES[table].key[0]], ids[missing].tolist())
        connection.execute(update(DATA_TABLES[table]).where(condition).values(is_active=False))
        record_rows(connection, table, board, condition)
        renew_revision(connection, table)
    return closed


def read_ids(connection: Connection, table: str) -> Longs:
    """Return the stored ids of users or jobs, ascending."""
    column = DATA_TABLES[table].c[TABLES[table].key[0]]
    (values,) = fetch_columns(connection.execute(select(column).order_by(column)))
    return np.array(values, dtype=np.int64)


def delete_orphans(
    connection: Connection, removed: Mapping[str, Longs], policy: Orphans, board: Board = DEFAULT_BOARD
) -> dict[str, dict[str, int]]:
    """Delete the actions and factors of removed users and jobs, and return table → dependent table → deleted rows.

    Call it after all tables are stored, because the import may replace the dependent rows too.

    Raises
    ------
    DataError: If such rows exist and `policy` is "refuse".
    """
    found: dict[str, dict[str, int]] = {}
    for table, ids in removed.items():
        key = TABLES[table].key[0]
        for dependent in DEPENDENTS[table] if len(ids) else ():
            condition = is_in(connection, DATA_TABLES[dependent].c[key], ids.tolist())
            count = select(func.count()).select_from(DATA_TABLES[dependent]).where(condition)
            if rows := int(connection.execute(count).scalar_one()):
                found.setdefault(table, {})[dependent] = rows
    if found and policy == "refuse":
        lines = "; ".join(
            f"{pluralize(len(removed[table]), table[:-1])} that the new file does not contain, with "
            + " and ".join(pluralize(rows, name.removesuffix("s").replace("_", " ")) for name, rows in counts.items())
            for table, counts in found.items()
        )
        raise DataError(
            f"--replace would remove {lines}. Use --update to keep them, or add --orphans delete to delete these rows.",
            reason="removes rows",
            table=next(iter(found)),
        )
    for table, counts in found.items():
        for dependent in counts:
            column = DATA_TABLES[dependent].c[TABLES[table].key[0]]
            condition = is_in(connection, column, removed[table].tolist())
            with record_replacement(connection, [dependent], board):
                connection.execute(delete(DATA_TABLES[dependent]).where(condition))
            renew_revision(connection, dependent)
    return found


@dataclass(frozen=True)
class _Stored:
    """The stored rows of a table in the order of their keys.

    Attributes
    ----------
    active: (n,) whether each row is active; empty if the table does not have `is_active`.
    """

    keys: pd.Index
    active: Mask

    @classmethod
    def read(cls, connection: Connection, table: str) -> _Stored:
        columns = DATA_TABLES[table].c
        key = TABLES[table].key[0]
        names = [key, *(["is_active"] if table in CLOSABLE else [])]
        statement = select(*(columns[name] for name in names)).order_by(columns[key])
        keys, *active = fetch_columns(connection.execute(statement))
        is_text = TABLES[table].column(key).type.is_text
        return cls(pd.Index(keys, dtype="str" if is_text else "int64"), np.array(active, dtype=bool).ravel())

    def find(self, keys: pd.Series) -> Longs:
        """Return the row of each key, -1 if it is not stored."""
        return np.asarray(self.keys.get_indexer(pd.Index(keys, dtype=self.keys.dtype)), dtype=np.int64)

    def contains(self, keys: pd.Series) -> Mask:
        return np.asarray(self.find(keys) >= 0)


def _to_objects(values: list[Any]) -> NDArray[Any]:
    """Return a one-dimensional array of objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _is_true(values: NDArray[Any]) -> Mask:
    return values.astype(bool)
