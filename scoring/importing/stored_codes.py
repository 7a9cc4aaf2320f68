"""Stored ids for imported text ids, integer codes for occupations that are texts, and codes for names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select, update

from scoring.columns import TABLES
from scoring.columns.text_id_hash import OWNERS
from scoring.columns.types import INTEGER
from scoring.columns.types.integer import find_text_ids
from scoring.database.schema import DATA_TABLES
from scoring.errors import DataError
from scoring.importing.computed_columns import fold_name, list_names
from scoring.validation.referenced_ids import OwnerIds, Owners

__all__ = [
    "CITY_TABLES",
    "number_occupations",
    "pad_stored_prefectures",
    "read_city_codes",
    "read_codes",
    "read_owners",
    "read_prefecture_codes",
    "read_references",
]


def read_codes(connection: Connection, table: str) -> Mapping[str, Any]:
    """Return folded name → code of a reference table. Prefectures have short names too: 東京 for 東京都."""
    columns = DATA_TABLES[table].c
    rows = connection.execute(select(columns.name, columns[TABLES[table].key[0]])).all()
    codes = {fold_name(name): code for name, code in rows if name is not None}
    if table == "prefectures":
        codes = {short: code for name, code in codes.items() for short in list_names(name)} | codes
    return codes


def read_owners(connection: Connection, table: str) -> Owners:
    """Return the stored ids that decide the numbers of text ids in a table: its own, or those it refers to.

    A file may not refer to a row by a number that version 0.1 made for a text id.
    """
    owners = {OWNERS[column.name] for column in TABLES[table].columns if column.name in OWNERS}
    return {owner: _read_owner(connection, owner) for owner in owners}


def _read_owner(connection: Connection, table: str) -> OwnerIds:
    columns = DATA_TABLES[table].c
    statement = select(columns[TABLES[table].key[0]], columns.external_id).where(columns.external_id.is_not(None))
    rows = connection.execute(statement).all()
    ids = pd.Series([number for number, _ in rows], dtype="Int64")
    return OwnerIds(ids, pd.Series([text for _, text in rows], dtype="str"), numbers_are_internal=True)


def read_prefecture_codes(connection: Connection) -> pd.Series:
    """Return the stored codes of prefectures."""
    codes = connection.execute(select(DATA_TABLES["prefectures"].c.prefecture_code)).scalars().all()
    return pd.Series(codes, dtype="str")


def read_references(connection: Connection) -> dict[str, pd.DataFrame]:
    """Return the stored codes of prefectures and occupations, as frames of one column."""
    codes = connection.execute(select(DATA_TABLES["occupations"].c.occupation_code)).scalars().all()
    return {
        "prefectures": read_prefecture_codes(connection).to_frame("prefecture_code"),
        "occupations": pd.DataFrame({"occupation_code": pd.Series(codes, dtype="int64")}),
    }


def pad_stored_prefectures(connection: Connection, width: int | None) -> None:
    """Pad stored codes of prefectures, so that a row of a file finds the row that it updates.

    Version 0.1 stored them as they were given. A code whose padded form is stored too stays as it is.
    """
    stored = set(read_prefecture_codes(connection))
    codes = DATA_TABLES["prefectures"].c.prefecture_code
    for code in sorted(stored):
        padded = code.zfill(width) if width is not None and code.isascii() and code.isdigit() else code
        if padded not in stored:
            connection.execute(update(DATA_TABLES["prefectures"]).where(codes == code).values(prefecture_code=padded))


CITY_TABLES: Final = ("jobs", "users")
"""Tables with a city_code."""


def read_city_codes(connection: Connection, tables: Iterable[str]) -> pd.Series:
    """Return the different stored city codes of tables."""
    codes = [connection.execute(select(DATA_TABLES[name].c.city_code).distinct()).scalars() for name in tables]
    return pd.Series([code for values in codes for code in values], dtype="str")


OCCUPATION: Final = "occupation_code"


def number_occupations(connection: Connection, frame: pd.DataFrame) -> pd.DataFrame:
    """Return occupations with integers for codes that are texts; the texts are stored as names.

    A text that is the name of a stored occupation gets its code. New texts are numbered in sorted order, above every
    code of the table and the frame.

    Raises
    ------
    DataError: If the largest code leaves too few 64-bit integers for the new codes.
    """
    if OCCUPATION not in frame:
        return frame
    texts = find_text_ids(frame[OCCUPATION])
    if not texts.any():
        return frame
    given = frame[OCCUPATION].where(texts).dropna().astype(str).str.strip()
    codes = dict(read_codes(connection, "occupations"))
    new = sorted({fold_name(name) for name in given} - codes.keys())
    start = _find_next_code(connection, frame[OCCUPATION].where(~texts))
    codes |= {name: start + n for n, name in enumerate(new)}
    numbers = frame[OCCUPATION].astype(object)
    numbers[given.index] = [codes[fold_name(name)] for name in given]
    names = frame["name"].astype(object) if "name" in frame else pd.Series(None, frame.index, dtype=object)
    blank = names.map(lambda value: isinstance(value, str) and not value.strip())
    names = names.where(names.notna() & ~blank, given.reindex(frame.index).astype(object))
    return frame.assign(**{OCCUPATION: numbers, "name": names})


def _find_next_code(connection: Connection, numbers: pd.Series) -> int:
    stored = connection.execute(select(func.max(DATA_TABLES["occupations"].c[OCCUPATION]))).scalar() or 0
    largest_given = INTEGER.coerce(numbers).values.max()  # exact: as floats, codes beyond 2^53 would be rounded
    first = max(int(stored), 0 if pd.isna(largest_given) else int(largest_given), 0) + 1
    if first + len(numbers) > np.iinfo(np.int64).max:
        raise DataError(
            f"occupations: too few 64-bit integers are left for the codes that are texts. They are numbered above the "
            f"largest code, {first - 1}. Give the row with code {first - 1} a smaller code.",
            reason="too large",
            table="occupations",
            column=OCCUPATION,
            value=str(first - 1),
        )
    return first
