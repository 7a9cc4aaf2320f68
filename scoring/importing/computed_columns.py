"""Compute target columns from source columns: renaming, constants, joined texts, replaced values, code lookups."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.errors import DataError, suggest
from scoring.importing.mapping import ColumnMap, TableMap

__all__ = ["compute_columns", "fold_name"]

Lookup = Callable[[str], Mapping[str, Any]]


def compute_columns(
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
    converted = {name for column in mapping.columns.values() for name in (column.source, *column.join)}
    blanks = {name: _clear_blanks(raw[name]) for name in raw.columns if name in converted}
    raw = raw.assign(**blanks)
    computed: dict[str, pd.Series] = {}
    used: set[str] = set()
    unknown: dict[str, int] = {}
    for target, column in mapping.columns.items():
        values = _read_source_columns(table, raw, target, column, used)
        values = _remove_patterns(values, column.cut)
        if column.values:
            words = column.values
            values = values.map(lambda value, words=words: words.get(str(value), value), na_action="ignore")
        if column.lookup is not None:
            look_up = _look_up_lists if TABLES[table].column(target).type.is_list else _look_up
            values, missed = look_up(values, lookup(column.lookup))
            if missed:
                unknown[f"{target}: the name does not exist in {column.lookup}"] = missed
        computed[target] = values
    for column_spec in TABLES[table].columns:  # the canonical name has priority, then earlier aliases
        name = next((name for name in (column_spec.name, *column_spec.aliases) if name in raw.columns), None)
        if name is not None and column_spec.name not in computed:
            computed[column_spec.name] = raw[name]
            used.add(name)
    ignored = tuple(str(name) for name in raw.columns if str(name) not in used)
    return pd.DataFrame(computed, index=raw.index), unknown, ignored


def _look_up(values: pd.Series, codes: Mapping[str, Any]) -> tuple[pd.Series, int]:
    """Return the code of each name, and the number of names without a code."""
    matched = values.map(lambda value: codes.get(fold_name(str(value))), na_action="ignore")
    return matched, int((matched.isna() & values.notna()).sum())


def _look_up_lists(values: pd.Series, codes: Mapping[str, Any]) -> tuple[pd.Series, int]:
    """As `_look_up`, for cells with several names: separated by |, or a list (in Parquet files)."""
    missed = 0
    matched: list[list[Any]] = []
    for value in values.array:
        if isinstance(value, list | tuple | np.ndarray):
            names = [str(name) for name in value if name is not None]
        elif pd.isna(value):
            names = []
        else:
            # a name may contain a |
            names = [str(value)] if fold_name(str(value)) in codes else str(value).split("|")
        names = [fold_name(name) for name in names if name.strip()]
        matched.append([codes[name] for name in names if name in codes])
        missed += len(names) - len(matched[-1])
    return pd.Series(matched, index=values.index, dtype=object), missed


def fold_name(name: str) -> str:
    """Return the name without differences in case and spaces, for comparison."""
    return " ".join(name.split()).casefold()


def _clear_blanks(column: pd.Series) -> pd.Series:
    if column.dtype not in (object, "str"):
        return column
    return column.map(lambda value: None if isinstance(value, str) and not value.strip() else value)


def _read_source_columns(table: str, raw: pd.DataFrame, target: str, column: ColumnMap, used: set[str]) -> pd.Series:
    if column.value is not None:
        return pd.Series([column.value] * len(raw), index=raw.index, dtype=object)
    names = column.join or (str(column.source),)
    for name in names:
        if name not in raw.columns:
            raise DataError(
                f"The mapping takes {table}.{target} from column {name!r}, which the source does not have. "
                f"Correct the mapping. {suggest(str(name), map(str, raw.columns))}"
            )
        used.add(str(name))
    if not column.join:
        return raw[str(column.source)]
    columns = (raw[name].tolist() for name in column.join)
    joined = [
        column.glue.join(str(text) for text in row if not pd.isna(text)) or None for row in zip(*columns, strict=True)
    ]
    return pd.Series(joined, index=raw.index, dtype=object)


def _remove_patterns(values: pd.Series, patterns: tuple[str, ...]) -> pd.Series:
    if not patterns:
        return values
    compiled = [re.compile(pattern) for pattern in patterns]

    def clean(value: Any) -> str | None:
        text = str(value)
        for pattern in compiled:
            text = pattern.sub("", text)
        return " ".join(text.split()) or None

    cleaned = {value: clean(value) for value in values.dropna().unique()}
    return values.map(cleaned, na_action="ignore")
