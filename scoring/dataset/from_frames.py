"""Validate DataFrames as the tables of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from scoring.columns import TABLES
from scoring.columns.canonical_tables import Tables, make_empty_frame
from scoring.errors import DataError
from scoring.validation.cross_table import InvalidRowPolicy, accept_tables
from scoring.validation.normalise import NormalisedTable, code_width, validate
from scoring.validation.report import DataReport

__all__ = ["empty_board", "read_frames", "tables_from_frames"]


def tables_from_frames(**frames: pd.DataFrame | None) -> Tables:
    """Return canonical tables from frames by table name. Reference tables default to Japan's, actions to none.

    Raises
    ------
    DataError: If a table or a row is invalid; it names the table, the column and the row.
    """
    return read_frames(frames)[0]


def read_frames(
    frames: Mapping[str, pd.DataFrame | None],
    *,
    on_bad: InvalidRowPolicy = "refuse",
    as_of: pd.Timestamp | None = None,
    now: datetime | None = None,
) -> tuple[Tables, DataReport]:
    """Return canonical tables as `tables_from_frames` does, and the row counts. "quarantine" leaves invalid rows out.

    Raises
    ------
    DataError: If a table cannot be used, or a row is invalid and `on_bad` is "refuse".
    ConfigurationError: If `on_bad` is another value.
    """
    tables, failures = _validated(_with_reference_tables(frames))
    return accept_tables(tables, failures, on_bad=on_bad, as_of=as_of, now=now)


def _with_reference_tables(frames: Mapping[str, pd.DataFrame | None]) -> dict[str, pd.DataFrame]:
    """Return the given frames, and the defaults of the others.

    Raises
    ------
    DataError: If a table does not exist, or jobs or users are missing.
    """
    from scoring.dataset import reference

    strange = set(frames) - set(TABLES)
    if strange:
        raise DataError(f"there is no table {sorted(strange)[0]!r}; the tables are {', '.join(TABLES)}.")
    given = {name: frame for name, frame in frames.items() if frame is not None}
    for name in ("jobs", "users"):
        if name not in given:
            raise DataError(f"{name}: expected a pandas DataFrame, not None.")
    given.setdefault("occupations", reference.occupations())
    if "prefectures" not in given:
        given["prefectures"] = reference.prefectures()
        given.setdefault("prefecture_adjacency", reference.prefecture_adjacency())
    for name in ("actions", "prefecture_adjacency"):
        given.setdefault(name, make_empty_frame(name))
    return given


def _validated(frames: Mapping[str, pd.DataFrame]) -> tuple[dict[str, NormalisedTable], list[str]]:
    """Return each table with its rejections, and the error messages of tables that cannot be used."""
    tables: dict[str, NormalisedTable] = {}
    failures: list[str] = []
    widths: dict[str, int | None] = {}
    for name in sorted(frames, key=lambda name: name != "prefectures"):  # first: determines the code width
        try:
            tables[name] = validate(name, frames[name], code_width=widths)
        except DataError as error:
            failures.append(str(error))
        if name == "prefectures":
            width = code_width(tables[name].frame["prefecture_code"]) if name in tables else None
            widths = {"prefecture_code": width, "adjacent_code": width}
    return tables, failures


def empty_board() -> Tables:
    """Return empty jobs and users with Japan's reference tables: the initial content of a database."""
    return tables_from_frames(jobs=make_empty_frame("jobs"), users=make_empty_frame("users"))
