"""Compute target columns from source columns: renaming, constants, joined texts, replaced values, code lookups."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.errors import DataError
from scoring.importing.mapping import ColumnMap, TableMap

__all__ = ["compose", "fold"]

Lookup = Callable[[str], Mapping[str, Any]]


def compose(
    table: str, raw: pd.DataFrame, mapping: TableMap, lookup: Lookup
) -> tuple[pd.DataFrame, dict[str, int], tuple[str, ...]]:
    """Return the target columns as raw values, the failed lookups, and the unused source columns.

    Parameters
    ----------
    lookup: returns folded name → code of a reference table.

    Returns
    -------
    The target columns; message → number of names that the lookup table does not contain; source columns not used.

    Raises
    ------
    DataError: If a source column does not exist.
    """
    # columns that are only matched by name are left unchanged: the coercion of their types handles blanks
    touched = {name for column in mapping.columns.values() for name in (column.source, *column.join)}
    blanks = {name: _blank_is_missing(raw[name]) for name in raw.columns if name in touched}
    raw = raw.assign(**blanks)
    out: dict[str, pd.Series] = {}
    used: set[str] = set()
    unknown: dict[str, int] = {}
    for target, column in mapping.columns.items():
        values = _origin(table, raw, target, column, used)
        values = _cut(values, column.cut)
        if column.values:
            words = column.values
            values = values.map(lambda value, words=words: words.get(str(value), value), na_action="ignore")
        if column.lookup is not None:
            look_up = _lists_looked_up if TABLES[table].column(target).type.is_list else _looked_up
            values, missed = look_up(values, lookup(column.lookup))
            if missed:
                unknown[f"{target}: not a name in {column.lookup}"] = missed
        out[target] = values
    for wanted in TABLES[table].columns:  # the canonical name has priority, then earlier aliases
        name = next((name for name in (wanted.name, *wanted.aliases) if name in raw.columns), None)
        if name is not None and wanted.name not in out:
            out[wanted.name] = raw[name]
            used.add(name)
    ignored = tuple(str(name) for name in raw.columns if str(name) not in used)
    return pd.DataFrame(out, index=raw.index), unknown, ignored


def _looked_up(values: pd.Series, codes: Mapping[str, Any]) -> tuple[pd.Series, int]:
    """Return the code of each name, and the number of names without a code."""
    found = values.map(lambda value: codes.get(fold(str(value))), na_action="ignore")
    return found, int((found.isna() & values.notna()).sum())


def _lists_looked_up(values: pd.Series, codes: Mapping[str, Any]) -> tuple[pd.Series, int]:
    """As `_looked_up`, for cells with several names: separated by |, or a list (in Parquet files)."""
    missed = 0
    found: list[list[Any]] = []
    for value in values.array:
        if isinstance(value, list | tuple | np.ndarray):
            names = [str(name) for name in value if name is not None]
        elif pd.isna(value):
            names = []
        else:
            # a name may contain a |
            names = [str(value)] if fold(str(value)) in codes else str(value).split("|")
        names = [fold(name) for name in names if name.strip()]
        found.append([codes[name] for name in names if name in codes])
        missed += len(names) - len(found[-1])
    return pd.Series(found, index=values.index, dtype=object), missed


def fold(name: str) -> str:
    """Return the name without differences in case and spaces, for comparison."""
    return " ".join(name.split()).casefold()


def _blank_is_missing(column: pd.Series) -> pd.Series:
    if column.dtype not in (object, "str"):
        return column
    return column.map(lambda value: None if isinstance(value, str) and not value.strip() else value)


def _origin(table: str, raw: pd.DataFrame, target: str, column: ColumnMap, used: set[str]) -> pd.Series:
    if column.value is not None:
        return pd.Series([column.value] * len(raw), index=raw.index, dtype=object)
    names = column.join or (str(column.source),)
    for name in names:
        if name not in raw.columns:
            close = difflib.get_close_matches(str(name), [str(n) for n in raw.columns], n=1)
            hint = f" Perhaps {close[0]!r}?" if close else ""
            raise DataError(
                f"{table}.{target} comes from the column {name!r}, which is not among "
                f"{', '.join(map(str, raw.columns))}.{hint}"
            )
        used.add(str(name))
    if not column.join:
        return raw[str(column.source)]
    pieces = (raw[name].tolist() for name in column.join)
    joined = [column.glue.join(str(p) for p in row if not pd.isna(p)) or None for row in zip(*pieces, strict=True)]
    return pd.Series(joined, index=raw.index, dtype=object)


def _cut(values: pd.Series, patterns: tuple[str, ...]) -> pd.Series:
    if not patterns:
        return values
    compiled = [re.compile(pattern) for pattern in patterns]

    def clean(value: Any) -> str | None:
        text = str(value)
        for pattern in compiled:
            text = pattern.sub("", text)
        return " ".join(text.split()) or None

    known = {value: clean(value) for value in values.dropna().unique()}
    return values.map(known, na_action="ignore")
