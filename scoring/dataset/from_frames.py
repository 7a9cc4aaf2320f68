"""Tables out of DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from scoring.columns import TABLES
from scoring.columns.canonical_tables import Tables, empty_frame
from scoring.errors import DataError
from scoring.validation.cross_table import Intake, OnBad
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
    """The same, with the account of every row; `quarantine` sets aside the rows that cannot be used.

    Raises DataError where a table cannot be used at all, and ConfigurationError for another `on_bad`.
    """
    from scoring.dataset import reference
    from scoring.validation import normalise

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
    intake = Intake()

    def take(name: str, widths: Mapping[str, int | None]) -> pd.DataFrame | None:
        frame = given[name]
        return intake.take(name, lambda: normalise.examine(name, frame, code_width=widths), frame)

    prefectures = take("prefectures", {})
    width = None if prefectures is None else normalise.code_width(prefectures["prefecture_code"])
    for name in given:
        if name != "prefectures":
            take(name, {"prefecture_code": width, "adjacent_code": width})
    return intake.finish(on_bad, as_of=as_of, now=now)


def empty_board() -> Tables:
    """Nobody and nothing yet, beside Japan's reference tables: what a new database begins with."""
    return tables_from_frames(jobs=empty_frame("jobs"), users=empty_frame("users"))
