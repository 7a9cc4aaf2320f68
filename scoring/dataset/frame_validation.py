"""Validate DataFrames as the tables of a dataset."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import pandas as pd

from scoring.columns import TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.dataset_frames import Tables, make_empty_frame
from scoring.columns.text_id_hash import OWNERS
from scoring.errors import DataError
from scoring.validation.cross_table_checks import InvalidRowPolicy, accept_tables
from scoring.validation.referenced_ids import OwnerIds
from scoring.validation.report import DataReport
from scoring.validation.table_validator import NormalisedTable, pad_prefectures, validate

__all__ = ["empty_board", "make_empty_tables", "read_frames", "tables_from_frames"]


def tables_from_frames(*, board: Board = DEFAULT_BOARD, **frames: pd.DataFrame | None) -> Tables:
    """Return canonical tables from frames by table name. Reference tables default to those of the preset.

    Raises
    ------
    DataError: If a table or a row is invalid; it names the table, the column and the row.
    """
    return read_frames(frames, board=board)[0]


def read_frames(
    frames: Mapping[str, pd.DataFrame | None],
    *,
    on_bad: InvalidRowPolicy = "refuse",
    as_of: pd.Timestamp | None = None,
    now: datetime | None = None,
    board: Board = DEFAULT_BOARD,
) -> tuple[Tables, DataReport]:
    """Return canonical tables as `tables_from_frames` does, and the row counts. "quarantine" leaves invalid rows out.

    Raises
    ------
    DataError: If a table cannot be used, or a row is invalid and `on_bad` is "refuse".
    ConfigurationError: If `on_bad` is another value.
    """
    tables, failures = _validate_tables(_add_reference_tables(frames, board), board)
    return accept_tables(tables, failures, on_bad=on_bad, as_of=as_of, now=now, board=board)


def _add_reference_tables(frames: Mapping[str, pd.DataFrame | None], board: Board) -> dict[str, pd.DataFrame]:
    """Return the given frames, and the defaults of the other tables.

    Raises
    ------
    DataError: If a table does not exist, or jobs or users are missing.
    """
    from scoring.dataset import reference

    unknown = set(frames) - set(TABLES)
    if unknown:
        raise DataError(
            f"Table {sorted(unknown)[0]!r} does not exist. The tables are {', '.join(TABLES)}.",
            reason="unknown table",
            table=sorted(unknown)[0],
        )
    complete = {name: frame for name, frame in frames.items() if frame is not None}
    for name in ("jobs", "users"):
        if name not in complete:
            raise DataError(
                f"{name}: expected a frame, not None. Give a frame of {name}.",
                reason="not a frame",
                table=name,
                value="NoneType",
            )
    if board.preset == "japan":
        complete.setdefault("occupations", reference.load_occupations())
        if "prefectures" not in complete:
            complete["prefectures"] = reference.load_prefectures()
            complete.setdefault("prefecture_adjacency", reference.load_prefecture_adjacency())
    for name in ("actions", "occupations", "prefectures", "prefecture_adjacency"):
        complete.setdefault(name, make_empty_frame(name, board))
    return complete


def _validate_tables(frames: Mapping[str, pd.DataFrame], board: Board) -> tuple[dict[str, NormalisedTable], list[str]]:
    """Return each table with its rejections, and the error messages of tables that cannot be used."""
    tables: dict[str, NormalisedTable] = {}
    failures: list[str] = []
    widths: dict[str, int | None] = {}
    owners: dict[str, OwnerIds] = {}
    first = ("prefectures", "users", "jobs")  # they determine the code width and the numbers of text ids
    for name in sorted(frames, key=lambda name: first.index(name) if name in first else len(first)):
        try:
            tables[name] = validate(name, frames[name], code_width=widths, owners=owners, board=board)
            if name == "prefectures":
                widths, tables[name] = pad_prefectures(
                    tables[name], lambda widths: validate("prefectures", frames["prefectures"], code_width=widths)
                )
        except DataError as error:
            failures.append(str(error))
        if name in OWNERS.values() and name in tables:
            owners[name] = tables[name].owner_ids
    return tables, failures


def make_empty_tables(board: Board = DEFAULT_BOARD) -> Tables:
    """Return empty jobs and users with the reference tables of the preset: the initial content of a database.

    Example
    -------
    >>> tables = make_empty_tables()
    >>> len(tables.jobs), len(tables.prefectures)
    (0, 47)
    """
    return _validate_empty_tables(board).copy()


@lru_cache(maxsize=4)
def _validate_empty_tables(board: Board) -> Tables:
    return tables_from_frames(jobs=make_empty_frame("jobs"), users=make_empty_frame("users"), board=board)


def empty_board() -> Tables:
    """Deprecated alias of `make_empty_tables`."""
    warnings.warn("empty_board is deprecated. Use make_empty_tables.", DeprecationWarning, stacklevel=2)
    return make_empty_tables()
