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
from scoring.importing.computed_columns import fold_name

__all__ = ["read_codes", "read_text_ids", "replace_text_ids"]

TEXT_COLUMN: Final = {"users": "external_id", "jobs": "external_id", "occupations": "name"}
"""Table → the column that stores the original text of an id that is not a number."""


def read_codes(connection: Connection, table: str) -> Mapping[str, Any]:
    """Return folded name → code of a reference table."""
    columns = DATA_TABLES[table].c
    rows = connection.execute(select(columns.name, columns[TABLES[table].key[0]]))
    return {fold_name(name): code for name, code in rows if name is not None}


def read_text_ids(connection: Connection, table: str) -> dict[str, int]:
    """Return text → id of the users, jobs or occupations whose text is stored."""
    columns = DATA_TABLES[table].c
    text = columns[TEXT_COLUMN[table]]
    rows = connection.execute(select(text, columns[TABLES[table].key[0]]).where(text.is_not(None)))
    return {_normalise_text(table, name): number for name, number in rows}


def replace_text_ids(connection: Connection, table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with integers for text ids; the texts are stored in the column of `TEXT_COLUMN`.

    Texts that are integers are unchanged. New texts are numbered in sorted order, above every id of the table and the
    frame. In actions, the texts are those of users and jobs. An unknown text stays, and its row is rejected later.

    Raises
    ------
    DataError: If the largest id leaves too few 64-bit integers for the new ids.
    """
    if table == "actions":
        for owner, key in (("users", "user_id"), ("jobs", "job_id")):
            frame = _replace_references(connection, owner, key, frame)
        return frame
    key = TABLES[table].key[0]
    if table not in TEXT_COLUMN or key not in frame:
        return frame
    texts = find_text_ids(frame[key])
    if not texts.any():
        return frame
    names = frame[key].where(texts).dropna().astype(str).str.strip()
    ids_by_text = read_text_ids(connection, table)
    new = sorted({_normalise_text(table, name) for name in names} - ids_by_text.keys())
    start = _find_next_id(connection, table, frame[key].where(~texts))
    ids_by_text |= {name: start + n for n, name in enumerate(new)}
    numbers = frame[key].astype(object)
    numbers[names.index] = [ids_by_text[_normalise_text(table, name)] for name in names]
    stored_texts = (
        frame[TEXT_COLUMN[table]].astype(object)
        if TEXT_COLUMN[table] in frame
        else pd.Series(None, frame.index, dtype=object)
    )
    blank = stored_texts.map(lambda value: isinstance(value, str) and not value.strip())
    stored_texts = stored_texts.where(stored_texts.notna() & ~blank, names.reindex(frame.index).astype(object))
    return frame.assign(**{key: numbers, TEXT_COLUMN[table]: stored_texts})


def _replace_references(connection: Connection, owner: str, key: str, frame: pd.DataFrame) -> pd.DataFrame:
    if key not in frame:
        return frame
    texts = find_text_ids(frame[key])
    if not texts.any():
        return frame
    ids_by_text = read_text_ids(connection, owner)
    values = frame[key].astype(object)
    at = np.flatnonzero(texts)
    values.iloc[at] = [ids_by_text.get(_normalise_text(owner, str(value).strip()), value) for value in values.iloc[at]]
    return frame.assign(**{key: values})


def _normalise_text(table: str, text: str) -> str:
    return fold_name(text) if table == "occupations" else text


def _find_next_id(connection: Connection, table: str, numbers: pd.Series) -> int:
    stored = connection.execute(select(func.max(DATA_TABLES[table].c[TABLES[table].key[0]]))).scalar() or 0
    largest_given = INTEGER.coerce(numbers).values.max()  # exact: as floats, ids beyond 2^53 would be rounded
    first = max(int(stored), 0 if pd.isna(largest_given) else int(largest_given), 0) + 1
    if first + len(numbers) > np.iinfo(np.int64).max:
        raise DataError(
            f"{table}: too few 64-bit integers are left for the text ids. They are numbered above the largest id, "
            f"{first - 1}. Give the row with id {first - 1} a smaller id."
        )
    return first
