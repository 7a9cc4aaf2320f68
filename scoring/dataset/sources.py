"""Tables out of DataFrames."""

from __future__ import annotations

import pandas as pd

from scoring.columns import TABLES
from scoring.dataset.canonical import Tables, empty_frame
from scoring.errors import DataError

__all__ = ["empty_board", "tables_from_frames"]


def tables_from_frames(**frames: pd.DataFrame | None) -> Tables:
    """Canonical tables from frames by table name; without reference tables Japan's are taken, without actions none.

    Raises DataError naming table, column and row of what cannot be.
    """
    from scoring.dataset import reference, validation

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
    checked = {"prefectures": validation.check("prefectures", given["prefectures"])}
    width = validation.code_width(checked["prefectures"]["prefecture_code"])
    widths = {"prefecture_code": width, "adjacent_code": width}
    for name, frame in given.items():
        if name not in checked:
            checked[name] = validation.check(name, frame, code_width=widths)
    return Tables(**checked)


def empty_board() -> Tables:
    """Nobody and nothing yet, beside Japan's reference tables: what a new database begins with."""
    return tables_from_frames(jobs=empty_frame("jobs"), users=empty_frame("users"))
