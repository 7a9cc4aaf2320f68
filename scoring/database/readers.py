"""Read tables of a database as canonical frames, with one query per table.

Ids to filter by are one bound parameter (JSON on SQLite, an array on PostgreSQL), so their number does not change the
number of round trips. Rows are returned in id order, and unknown ids are ignored. Each loader has an `_async` variant
that does not block the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    select,
)

from scoring.columns import ACTION_KINDS, FACTOR_TABLES, TABLES, Column
from scoring.columns.board_definition import Board
from scoring.columns.dataset_frames import Tables
from scoring.columns.id_arguments import IdList, is_text, list_ids
from scoring.columns.text_id_hash import OWNERS
from scoring.columns.types import ID, TEXT
from scoring.database.action_bulk_reader import PackedActions, read_packed_actions
from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.query_counter import QueryCounter
from scoring.database.row_conversion import DatabaseRows, fetch_columns, query_columns, read_query, to_frame
from scoring.database.schema import DATA_TABLES, get_data_table
from scoring.database.sql_filters import ALL_ROWS, has_id, is_in, mark_present, to_microseconds
from scoring.database.sqlite_column_reader import read_joined_arrays
from scoring.errors import ConfigurationError
from scoring.telemetry import fault_injection
from scoring.threads import run_meanwhile
from scoring.validation.cross_table_checks import InvalidRowPolicy, accept_tables
from scoring.validation.referenced_ids import OwnerIds, Owners
from scoring.validation.rejections import make_data_error
from scoring.validation.report import DataReport
from scoring.validation.table_validator import NormalisedTable, pad_prefectures

__all__ = [
    "QueryCounter",
    "load_actions",
    "load_actions_async",
    "load_company_actions",
    "load_company_actions_async",
    "load_jobs",
    "load_jobs_async",
    "load_tables",
    "load_tables_async",
    "load_users",
    "load_users_async",
    "read_database",
    "read_tables",
]


def load_tables(database: Database) -> Tables:
    """Return all tables from one snapshot, with one query each.

    Raises
    ------
    DatabaseError: If the database cannot be reached, or lacks a table or a column.
    DataError: If a row is invalid. The error lists all problems.

    Example
    -------
    >>> with Database.open(folder / "market.db") as database:
    ...     tables = load_tables(database)
    >>> len(tables.users), len(tables.jobs)
    (60, 400)
    """
    return read_database(database)[0]


def read_database(
    database: Database,
    *,
    on_bad: InvalidRowPolicy = "refuse",
    as_of: pd.Timestamp | None = None,
    now: datetime | None = None,
) -> tuple[Tables, DataReport]:
    """Return all tables and their row counts. With `on_bad="quarantine"`, invalid rows are left out.

    Raises
    ------
    DatabaseError, DataError: As in `load_tables`.
    ConfigurationError: If `on_bad` is another value.
    """

    def read(connection: Connection, second: Connection | None) -> tuple[Board, dict[str, NormalisedTable]]:
        board = read_board(connection)
        return board, read_tables(connection, board, second)

    board, tables = database.read_in_two(read)
    return accept_tables(tables, on_bad=on_bad, as_of=as_of, now=now, board=board)


def read_tables(connection: Connection, board: Board, second: Connection | None = None) -> dict[str, NormalisedTable]:
    """Return each table with its rejections, validated separately, with one query each.

    With a second connection of the same snapshot, another thread reads the actions meanwhile. The thread that ends
    first helps to split their texts.
    """
    if second is None or board.get_own("actions"):
        return _read_tables(connection, board, lambda: _read_packed(connection, board))
    actions = PackedActions()

    def read_actions() -> None:
        actions.fetch(second, ALL_ROWS)
        actions.split()

    with run_meanwhile(read_actions, stop=lambda: _interrupt(second)) as wait_for_actions:

        def get_actions() -> pd.DataFrame | None:
            actions.split()
            wait_for_actions()
            return actions.make_frame()

        return _read_tables(connection, board, get_actions)


def _read_tables(
    connection: Connection, board: Board, get_actions: Callable[[], pd.DataFrame | None]
) -> dict[str, NormalisedTable]:
    found = _read_table(connection, "prefectures", {}, {}, board)
    widths, prefectures = pad_prefectures(found, lambda w: _read_table(connection, "prefectures", w, {}, board))
    tables = {"prefectures": prefectures}
    owners: dict[str, OwnerIds] = {}
    for name in TABLES:  # users and jobs are before the tables that refer to them
        if name in FACTOR_TABLES:
            if (factors := _read_factors(connection, name, owners)) is not None:
                tables[name] = factors
        elif name == "actions" and (actions := get_actions()) is not None:
            tables[name] = _accept_packed(actions)
        elif name != "prefectures":
            tables[name] = _read_table(connection, name, widths, owners, board)
        if name in OWNERS.values():
            owners[name] = tables[name].owner_ids
    return tables


def load_jobs(
    database: Database,
    job_ids: IdList | None = None,
    limit: int | None = None,
    *,
    presence: Collection[str] = (),
    on_bad: InvalidRowPolicy = "refuse",
) -> pd.DataFrame:
    """Return jobs as a canonical frame, by job_id.

    Parameters
    ----------
    job_ids: ids to return, numbers or external ids; None for all.
    limit: largest number of rows; the smallest ids are returned.
    presence: text columns of which only the presence of a value is needed; present texts become `mark_present`. With
        `scoring.columns.PRESENCE`, shipped models give the same scores. The columns that they read then need a quarter
        of the memory after `scoring.dataset.smaller_dtypes.optimise`.
    on_bad: whether invalid rows raise an error ("refuse") or are left out ("quarantine").

    Raises
    ------
    DatabaseError: If the database cannot be read.
    DataError: If a row is invalid and `on_bad` is "refuse".
    ConfigurationError: If an id is not a 64-bit integer, `limit` is negative, or `presence` is not a text column.

    Example
    -------
    >>> with Database.open(folder / "market.db") as database:
    ...     jobs = load_jobs(database, limit=3)
    >>> jobs["job_id"].tolist()
    [1, 2, 3]
    """
    return _load(database, "jobs", job_ids, limit, presence, on_bad)


def load_users(
    database: Database,
    user_ids: IdList | None = None,
    limit: int | None = None,
    *,
    on_bad: InvalidRowPolicy = "refuse",
) -> pd.DataFrame:
    """Return users as a canonical frame, by user_id. Parameters and errors are as in `load_jobs`.

    Example
    -------
    >>> with Database.open(folder / "market.db") as database:
    ...     users = load_users(database, [2, 1])
    >>> users["user_id"].tolist()
    [1, 2]
    """
    return _load(database, "users", user_ids, limit, on_bad=on_bad)


def load_actions(
    database: Database, user_ids: IdList | None = None, *, on_bad: InvalidRowPolicy = "refuse"
) -> pd.DataFrame:
    """Return all actions, or those of the given users, by user, job, kind and time. Errors are as in `load_jobs`.

    Example
    -------
    >>> with Database.open(folder / "market.db") as database:
    ...     actions = load_actions(database, [1])
    >>> actions["user_id"].unique().tolist()
    [1]
    """

    def query(connection: Connection) -> pd.DataFrame:
        board = read_board(connection)
        table, users = get_data_table("actions", board).c, DATA_TABLES["users"].c
        condition: ColumnElement[bool] = ALL_ROWS
        if user_ids is not None:
            values = list_ids(user_ids)
            texts = [value for value in values if is_text(value)]
            condition = has_id(connection, table.user_id, None, [value for value in values if not is_text(value)])
            if texts:
                of_texts = select(users.user_id).where(has_id(connection, users.user_id, users.external_id, texts))
                condition |= table.user_id.in_(of_texts)
        return _read_frame(connection, "actions", board, condition, on_bad=on_bad)

    return database.read(query)


def load_company_actions(
    database: Database,
    company_ids: Iterable[str] | None,
    since: datetime | pd.Timestamp | None = None,
    until: datetime | pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return the number of actions per company with since ≤ time ≤ until, by company_id.

    Columns: company_id (str), and one count (int64) per kind of action. Companies without actions are left out.
    `company_ids=None` means all companies; jobs without a company are not counted.
    """

    def query(connection: Connection) -> pd.DataFrame:
        jobs, actions = DATA_TABLES["jobs"].c, DATA_TABLES["actions"].c
        counts = [func.count().filter(actions.action == kind).label(kind) for kind in ACTION_KINDS]
        statement = select(jobs.company_id, *counts).select_from(
            DATA_TABLES["jobs"].join(DATA_TABLES["actions"], jobs.job_id == actions.job_id)
        )
        statement = statement.where(jobs.company_id.is_not(None))
        if company_ids is not None:
            names = [str(name) for name in company_ids]
            statement = statement.where(is_in(connection, jobs.company_id, names))
        if since is not None:
            statement = statement.where(actions.occurred_at >= to_microseconds(since))
        if until is not None:
            statement = statement.where(actions.occurred_at <= to_microseconds(until))
        values = fetch_columns(connection.execute(statement.group_by(jobs.company_id).order_by(jobs.company_id)))
        columns = [Column("company_id", TEXT), *(Column(kind, ID) for kind in ACTION_KINDS)]
        return to_frame("actions", columns, values).sort_values("company_id", ignore_index=True)

    return database.read(query)


# Async variants


async def load_tables_async(database: Database) -> Tables:
    """Return `load_tables` without blocking the event loop."""
    return await database.run(load_tables, database)


async def load_jobs_async(
    database: Database,
    job_ids: IdList | None = None,
    limit: int | None = None,
    *,
    presence: Collection[str] = (),
    on_bad: InvalidRowPolicy = "refuse",
) -> pd.DataFrame:
    """Return `load_jobs` without blocking the event loop."""
    return await database.run(load_jobs, database, job_ids, limit, presence=presence, on_bad=on_bad)


async def load_users_async(
    database: Database,
    user_ids: IdList | None = None,
    limit: int | None = None,
    *,
    on_bad: InvalidRowPolicy = "refuse",
) -> pd.DataFrame:
    """Return `load_users` without blocking the event loop."""
    return await database.run(load_users, database, user_ids, limit, on_bad=on_bad)


async def load_actions_async(
    database: Database, user_ids: IdList | None = None, *, on_bad: InvalidRowPolicy = "refuse"
) -> pd.DataFrame:
    """Return `load_actions` without blocking the event loop."""
    return await database.run(load_actions, database, user_ids, on_bad=on_bad)


async def load_company_actions_async(
    database: Database,
    company_ids: Iterable[str] | None,
    since: datetime | pd.Timestamp | None = None,
    until: datetime | pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return `load_company_actions` without blocking the event loop."""
    return await database.run(load_company_actions, database, company_ids, since, until)


# Private


def _load(
    database: Database,
    name: str,
    ids: IdList | None,
    limit: int | None,
    presence: Collection[str] = (),
    on_bad: InvalidRowPolicy = "refuse",
) -> pd.DataFrame:
    texts = [column.name for column in TABLES[name].columns if column.type is TEXT]
    invalid = set(presence) - set(texts)
    if invalid:
        raise ConfigurationError(
            f"presence: {min(invalid)!r} is not a text column of {name}. The text columns are {', '.join(texts)}.",
            key=("presence",),
        )
    if limit is not None and limit < 0:
        raise ConfigurationError(
            f"{name}: limit is {limit}. It must be 0 or more, or None for all rows.", key=("limit",)
        )

    def query(connection: Connection) -> pd.DataFrame:
        board = read_board(connection)
        columns = get_data_table(name, board).c
        key, external_id = columns[TABLES[name].key[0]], columns.get("external_id")
        condition = ALL_ROWS if ids is None else has_id(connection, key, external_id, ids)
        return _read_frame(connection, name, board, condition, (key,), limit, presence, on_bad)

    return database.read(query)


def _read_frame(
    connection: Connection,
    name: str,
    board: Board,
    condition: ColumnElement[bool] = ALL_ROWS,
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
    presence: Collection[str] = (),
    on_bad: InvalidRowPolicy = "refuse",
) -> pd.DataFrame:
    if name == "actions" and (packed := _read_packed(connection, board, condition)) is not None:
        return packed
    statement = _select_rows(name, board, condition, order, limit, presence)
    found = read_query(connection, statement, name, board.table(name).columns, board=board)
    if on_bad == "refuse" and len(found.rejections):
        raise make_data_error(found.rejections)
    return found.frame


def _select_rows(
    name: str,
    board: Board,
    condition: ColumnElement[bool] = ALL_ROWS,
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
    presence: Collection[str] = (),
) -> Select[Any]:
    """Return the query of the columns of a table."""
    fault_injection.reach("table read")
    table, columns = get_data_table(name, board), board.table(name).columns
    expressions = [mark_present(table.c[c.name]) if c.name in presence else table.c[c.name] for c in columns]
    # without `order`, in key order, which is the order of storage
    statement = select(*expressions).where(condition)
    statement = statement.order_by(*(order or table.primary_key.columns))
    if limit is not None:
        statement = statement.limit(limit)
    return statement


def _read_table(
    connection: Connection, name: str, widths: Mapping[str, int | None], owners: Owners, board: Board
) -> NormalisedTable:
    statement, columns = _select_rows(name, board), board.table(name).columns
    arrays = read_joined_arrays(connection, name, columns) if name in OWNERS.values() else None
    return read_query(connection, statement, name, columns, widths, owners, board, arrays)


def _read_packed(
    connection: Connection, board: Board, condition: ColumnElement[bool] = ALL_ROWS
) -> pd.DataFrame | None:
    """Return the canonical frame of actions; None if they must be read row by row."""
    if board.get_own("actions"):
        return None
    return read_packed_actions(connection, condition)


def _accept_packed(actions: pd.DataFrame) -> NormalisedTable:
    stored = {str(column): values.array for column, values in actions.items()}
    source = DatabaseRows("actions", TABLES["actions"].columns, stored)
    return NormalisedTable.from_valid_frame("actions", actions, source)


def _interrupt(connection: Connection) -> None:
    """End the running statement of another thread."""
    raw: Any = connection.connection.driver_connection
    raw.interrupt()


def _read_factors(connection: Connection, name: str, owners: Owners) -> NormalisedTable | None:
    """Return the table with columns f0…fN; None if it is empty."""
    from scoring.database.factor_blobs import read_vectors

    fault_injection.reach("table read")
    table = DATA_TABLES[name]
    ids, vectors = query_columns(connection, select(*table.columns).order_by(*table.primary_key.columns))
    return read_vectors(name, ids, vectors, owners) if ids else None
