"""Integer ids for text ids, and codes for names. A text gets the same number in every import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from scoring.columns import TABLES
from scoring.columns.types import INTEGER
from scoring.columns.types.integer import find_text_ids
from scoring.database.schema import DATA_TABLES
from scoring.errors import DataError
from scoring.importing.computed_columns import fold

__all__ = ["known_codes", "known_ids", "number_ids"]

TEXT_OF: Final = {"users": "external_id", "jobs": "external_id", "occupations": "name"}
"""Table → the column that stores the original text of an id that is not a number."""


def known_codes(connection: Connection, table: str) -> Mapping[str, Any]:
    """Return folded name → code of a reference table."""
    columns = DATA_TABLES[table].c
    rows = connection.execute(select(columns.name, columns[TABLES[table].key[0]]))
    return {fold(name): code for name, code in rows if name is not None}


def known_ids(connection: Connection, table: str) -> dict[str, int]:
    """Return text → id of the users, jobs or occupations whose text is stored."""
    columns = DATA_TABLES[table].c
    text = columns[TEXT_OF[table]]
    rows = connection.execute(select(text, columns[TABLES[table].key[0]]).where(text.is_not(None)))
    return {_text(table, name): number for name, number in rows}


def number_ids(connection: Connection, table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with integers for text ids; the texts are stored in the column of `TEXT_OF`.

    Texts that are integers are unchanged. New texts are numbered in sorted order, above every id of the table and the
    frame. In actions, the texts are those of users and jobs. An unknown text stays, and its row is rejected later.

    Raises
    ------
    DataError: If the largest id leaves too few 64-bit integers for the new ids.
    """
    if table == "actions":
        for owner, key in (("users", "user_id"), ("jobs", "job_id")):
            frame = _referring(connection, owner, key, frame)
        return frame
    key = TABLES[table].key[0]
    if table not in TEXT_OF or key not in frame:
        return frame
    texts = find_text_ids(frame[key])
    if not texts.any():
        return frame
    names = frame[key].where(texts).dropna().astype(str).str.strip()
    known = known_ids(connection, table)
    new = sorted({_text(table, name) for name in names} - known.keys())
    start = _above(connection, table, frame[key].where(~texts))
    known |= {name: start + n for n, name in enumerate(new)}
    numbers = frame[key].astype(object)
    numbers[names.index] = [known[_text(table, name)] for name in names]
    kept = (
        frame[TEXT_OF[table]].astype(object) if TEXT_OF[table] in frame else pd.Series(None, frame.index, dtype=object)
    )
    blank = kept.map(lambda value: isinstance(value, str) and not value.strip())
    kept = kept.where(kept.notna() & ~blank, names.reindex(frame.index).astype(object))
    return frame.assign(**{key: numbers, TEXT_OF[table]: kept})


def _referring(connection: Connection, owner: str, key: str, frame: pd.DataFrame) -> pd.DataFrame:
    if key not in frame:
        return frame
    texts = find_text_ids(frame[key])
    if not texts.any():
        return frame
    known = known_ids(connection, owner)
    values = frame[key].astype(object)
    at = np.flatnonzero(texts)
    values.iloc[at] = [known.get(_text(owner, str(value).strip()), value) for value in values.iloc[at]]
    return frame.assign(**{key: values})


def _text(table: str, text: str) -> str:
    return fold(text) if table == "occupations" else text


def _above(connection: Connection, table: str, numbers: pd.Series) -> int:
    stored = connection.execute(select(func.max(DATA_TABLES[table].c[TABLES[table].key[0]]))).scalar() or 0
    brought = INTEGER.coerce(numbers).values.max()  # exact: as floats, ids beyond 2^53 would be rounded
    first = max(int(stored), 0 if pd.isna(brought) else int(brought), 0) + 1
    if first + len(numbers) > np.iinfo(np.int64).max:
        raise DataError(
            f"{table}: ids that are text are numbered from above the largest id, and {first - 1} leaves no room. "
            "Give that row another id."
        )
    return first
