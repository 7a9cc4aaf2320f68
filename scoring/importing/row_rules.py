"""Rules on typed rows, and merging of rows that share a key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scoring.columns import Table
from scoring.columns.series_functions import Mask
from scoring.errors import ConfigurationError
from scoring.importing.mapping_file import Rule, TableMap

__all__ = ["clear_values", "find_violations", "merge_rows"]


def find_violations(spec: Table, rule: Rule, frame: pd.DataFrame) -> Mask:
    """Return (n,) bool: the rows that violate a rule. Missing values do not violate rules.

    Raises
    ------
    ConfigurationError: If a limit of the rule does not have the type of the column.
    """
    values = frame[rule.column]
    violations = pd.Series(False, index=frame.index)
    if rule.after is not None:
        violations |= (values <= frame[rule.after]).fillna(False)
    if rule.minimum is not None:
        violations |= (values < _parse_bound(spec, rule, rule.minimum)).fillna(False)
    if rule.maximum is not None:
        violations |= (values > _parse_bound(spec, rule, rule.maximum)).fillna(False)
    return violations.to_numpy(dtype=bool)


def _parse_bound(spec: Table, rule: Rule, value: Any) -> Any:
    column_type = spec.column(rule.column).type
    try:
        return column_type.parse_bound(value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{spec.name}: the rule of column {rule.column} has the limit {value!r}, which is not a valid "
            f"{column_type.name}. Correct min or max in the mapping."
        ) from None


def clear_values(spec: Table, column: str, frame: pd.DataFrame, rows: Mask) -> pd.DataFrame:
    """Return the frame with missing values in a column for the given rows."""
    missing = spec.column(column).type.missing
    values = frame[column].mask(pd.Series(rows, index=frame.index), missing)
    return frame.assign(**{column: values})


def merge_rows(spec: Table, frame: pd.DataFrame, mapping: TableMap) -> tuple[pd.DataFrame, np.ndarray]:
    """Return merged rows in key order, and (n,) the index label of each group's first row.

    Raises
    ------
    ConfigurationError: If a column that is not a list has `pick: all`.
    """
    key = spec.key[0]
    groups = frame.groupby(key, sort=True)
    first = groups.head(1).sort_values(key, kind="stable")
    out: dict[str, pd.Series | np.ndarray] = {key: first[key].to_numpy()}
    for column in spec.columns:
        if column.name != key:
            chosen = mapping.columns.get(column.name)
            out[column.name] = _pick_values(spec, frame, key, column.name, chosen.pick if chosen else "first")
    merged = pd.DataFrame(out).reset_index(drop=True)
    return merged[list(spec.names)], first.index.to_numpy()


def _pick_values(spec: Table, frame: pd.DataFrame, key: str, name: str, pick: str) -> pd.Series:
    """Return one value per key, in key order."""
    column_type = spec.column(name).type
    if column_type.is_list:
        lists = frame.groupby(key, sort=True)[name].agg(list)
        return pd.Series([_merge_lists(rows, pick) for rows in lists], dtype=object)
    groups = frame.groupby(key, sort=True)[name]
    dtype = pd.api.types.pandas_dtype(column_type.dtype)
    if pick == "most_common":
        present = frame[[key, name]].dropna()
        counts = present.groupby([key, name], sort=True).size().rename("n").reset_index()
        counts = counts.sort_values([key, "n", name], ascending=[True, False, True], kind="stable")
        best = counts.drop_duplicates(key).set_index(key)[name]
        return best.reindex(pd.Index(sorted(frame[key].unique()))).astype(dtype).reset_index(drop=True)
    if pick == "all":
        raise ConfigurationError(
            f"The mapping has `pick: all` for {spec.name}.{name}, which requires a list column, but the type is "
            f"{column_type.name}. Use another `pick`, such as `first`."
        )
    return getattr(groups, pick)().astype(dtype).reset_index(drop=True)


def _merge_lists(rows: list[list[Any]], pick: str) -> list[Any]:
    if pick == "all":
        return sorted({value for row in rows for value in row})
    present = [row for row in rows if len(row)] or [[]]
    return present[-1] if pick == "last" else present[0]
