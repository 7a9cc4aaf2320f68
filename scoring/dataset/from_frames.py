"""Tables out of DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from scoring.columns import TABLES
from scoring.columns.canonical_tables import Tables, empty_frame
from scoring.errors import DataError
from scoring.validation.cross_table import OnBad, accept_tables
from scoring.validation.normalise import NormalisedTable, code_width, examine
from scoring.validation.report import DataLedger

__all__ = ["empty_board", "read_frames", "tables_from_frames"]


def tables_from_frames(**frames: pd.DataFrame | None) -> Tables:
    """Canonical tables from frames by table name; without reference tables Japan's are taken, without actions none.

    Raises DataError naming table, column and row of all that cannot be.
    """
    return read_frames(frames)[0]


def read_frames(
    frames: Mapping[str, pd.DataFrame | None],
    *,
    on_bad: OnBad = "refuse",
    as_of: pd.Timestamp | None = None,
    now: datetime | None = None,
) -> tuple[Tables, DataLedger]:
    """Return the same, and the account of every row; `quarantine` leaves invalid rows out.

    Raises DataError where a table cannot be used at all, and ConfigurationError for another `on_bad`.
    """
    tables, failures = _validated(_with_reference_tables(frames))
    return accept_tables(tables, failures, on_bad=on_bad, as_of=as_of, now=now)


def _with_reference_tables(frames: Mapping[str, pd.DataFrame | None]) -> dict[str, pd.DataFrame]:
    """Return all frames of a dataset: those that were given, then the defaults of the others.

    Raises DataError where a table does not exist, or jobs or users are missing.
    """
    from scoring.dataset import reference

    strange = set(frames) - set(TABLES)
    if strange:
        raise DataError(f"there is no table {sorted(strange)[0]!r}; the tables are {', '.join(TABLES)}.")
    given = {name: frame for name, frame in frames.items() if frame is not None}
    for name in ("jobs", "users"):
        if name not in given:
            raise DataError(f"{name}: a pandas DataFrame is needed, not None.")
    given.setdefault("occupations", reference.occupations())
    if "prefectures" not in given:
        given["prefectures"] = reference.prefectures()
        given.setdefault("prefecture_adjacency", reference.prefecture_adjacency())
    for name in ("actions", "prefecture_adjacency"):
        given.setdefault(name, empty_frame(name))
    return given


def _validated(frames: Mapping[str, pd.DataFrame]) -> tuple[dict[str, NormalisedTable], list[str]]:
    """Return each table with its rejections, and what is wrong with tables that cannot be used at all."""
    tables: dict[str, NormalisedTable] = {}
    failures: list[str] = []
    widths: dict[str, int | None] = {}
    for name in sorted(frames, key=lambda name: name != "prefectures"):  # first: it has the width of the codes
        try:
            tables[name] = examine(name, frames[name], code_width=widths)
        except DataError as error:
            failures.append(str(error))
        if name == "prefectures":
            width = code_width(tables[name].frame["prefecture_code"]) if name in tables else None
            widths = {"prefecture_code": width, "adjacent_code": width}
    return tables, failures


def empty_board() -> Tables:
    """Nobody and nothing yet, beside Japan's reference tables: what a new database begins with."""
    return tables_from_frames(jobs=empty_frame("jobs"), users=empty_frame("users"))
