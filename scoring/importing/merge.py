"""Rules on typed rows, and merging of rows that share a key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scoring.columns import TABLES, Table
from scoring.columns.series import Mask
from scoring.errors import ConfigurationError
from scoring.importing.mapping import Rule, TableMap

__all__ = ["breaks", "cleared_column", "one_row_per_key"]


def breaks(table: str, rule: Rule, frame: pd.DataFrame) -> Mask:
    """Return (n,) bool: the rows that violate a rule. Missing values violate no rule.

    Raises
    ------
    ConfigurationError: If a limit of the rule does not have the type of the column.
    """
    values = frame[rule.column]
    broken = pd.Series(False, index=frame.index)
    if rule.after is not None:
        broken |= (values <= frame[rule.after]).fillna(False)
    if rule.least is not None:
        broken |= (values < _bound(table, rule, rule.least)).fillna(False)
    if rule.most is not None:
        broken |= (values > _bound(table, rule, rule.most)).fillna(False)
    return broken.to_numpy(dtype=bool)


def _bound(table: str, rule: Rule, value: Any) -> Any:
    column_type = TABLES[table].column(rule.column).type
    try:
        return column_type.parse_bound(value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{table}: {value!r} is no bound for {rule.column}, which is a {column_type.name}."
        ) from None


def cleared_column(table: str, column: str, frame: pd.DataFrame, rows: Mask) -> pd.DataFrame:
    """Return the frame with missing values in a column for the given rows."""
    missing = TABLES[table].column(column).type.missing
    values = frame[column].mask(pd.Series(rows, index=frame.index), missing)
    return frame.assign(**{column: values})


def one_row_per_key(table: str, frame: pd.DataFrame, mapping: TableMap) -> tuple[pd.DataFrame, np.ndarray]:
    """Return merged rows in key order, and (n,) the index label of each group's first row.

    Raises
    ------
    ConfigurationError: If a column that is not a list has `pick: all`.
    """
    spec = TABLES[table]
    key = spec.key[0]
    groups = frame.groupby(key, sort=True)
    first = groups.head(1).sort_values(key, kind="stable")
    out: dict[str, pd.Series | np.ndarray] = {key: first[key].to_numpy()}
    for column in spec.columns:
        if column.name != key:
            chosen = mapping.columns.get(column.name)
            out[column.name] = _picked(spec, frame, key, column.name, chosen.pick if chosen else "first")
    merged = pd.DataFrame(out).reset_index(drop=True)
    return merged[list(spec.names)], first.index.to_numpy()


def _picked(spec: Table, frame: pd.DataFrame, key: str, name: str, pick: str) -> pd.Series:
    """Return one value per key, in key order."""
    column_type = spec.column(name).type
    if column_type.is_list:
        lists = frame.groupby(key, sort=True)[name].agg(list)
        return pd.Series([_list_of(rows, pick) for rows in lists], dtype=object)
    groups = frame.groupby(key, sort=True)[name]
    dtype = pd.api.types.pandas_dtype(column_type.dtype)
    if pick == "most_common":
        known = frame[[key, name]].dropna()
        counts = known.groupby([key, name], sort=True).size().rename("n").reset_index()
        counts = counts.sort_values([key, "n", name], ascending=[True, False, True], kind="stable")
        best = counts.drop_duplicates(key).set_index(key)[name]
        return best.reindex(pd.Index(sorted(frame[key].unique()))).astype(dtype).reset_index(drop=True)
    if pick == "all":
        raise ConfigurationError(f"{spec.name}.{name}: pick: all is for lists; this is a {column_type.name}.")
    return getattr(groups, pick)().astype(dtype).reset_index(drop=True)


def _list_of(rows: list[list[int]], pick: str) -> list[int]:
    if pick == "all":
        return sorted({value for row in rows for value in row})
    known = [row for row in rows if len(row)] or [[]]
    return known[-1] if pick == "last" else known[0]
