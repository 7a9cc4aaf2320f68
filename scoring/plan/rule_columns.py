"""The columns that own eligibility rules read: distinct values and the place of each row's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.columns import Column, Table
from scoring.columns.text_normalisation import normalise_text
from scoring.columns.types import INTEGER_LIST
from scoring.dataset.arrays import to_microseconds
from scoring.errors import suggest
from scoring.model import EligibilityRule, Inputs
from scoring.model.rule_expression import ORDER, ColumnValue

__all__ = ["Kind", "RuleColumn", "find_table", "read_column", "read_constant", "require_operator"]

Kind = Literal["number", "text", "flag", "time"]

_ARTICLES: Final[dict[Kind, str]] = {"number": "a number", "text": "text", "flag": "a flag", "time": "a time"}


@dataclass(frozen=True)
class RuleColumn:
    """A column of n rows. A missing value has place -1. Lists have several values per row, and are never missing."""

    kind: Kind
    values: NDArray[Any]  # distinct, ascending
    place: Longs  # (n,) or (total length of the lists,)
    start: Longs | None = None  # (n + 1,) start of each list in `place`; None: no lists

    @property
    def is_list(self) -> bool:
        return self.start is not None


def find_table(inputs: Inputs, table: Literal["jobs", "users"]) -> Table:
    """Return the columns that rules may name."""
    return inputs.board.table(table)


def read_column(inputs: Inputs, rule: EligibilityRule, value: ColumnValue) -> RuleColumn:
    """Return the column that a rule names.

    Raises
    ------
    ModelError: If it does not exist.
    """
    column = _find_column(find_table(inputs, value.table), rule, value)
    rows = inputs.jobs if value.table == "jobs" else inputs.users
    series = rows.read_column(column.name)
    if column.type.is_list:
        start = np.zeros(len(series) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in series], out=start[1:])
        is_number = column.type is INTEGER_LIST
        flat = np.array([item for row in series for item in row], dtype=np.int64 if is_number else object)
        values, place = np.unique(flat, return_inverse=True)
        return RuleColumn("number" if is_number else "text", values, place.astype(np.int64), start)
    kind = find_kind(column)
    if kind == "time":
        series = pd.Series(to_microseconds(series)).where(series.notna().to_numpy())
    place, distinct = pd.factorize(series, sort=True)
    dtypes: dict[Kind, Any] = {"number": None, "text": object, "flag": bool, "time": np.int64}
    return RuleColumn(kind, np.asarray(distinct, dtype=dtypes[kind]), np.asarray(place, dtype=np.int64))


def find_kind(column: Column) -> Kind:
    """Return how the values of a column without lists are compared."""
    dtype = pd.api.types.pandas_dtype(column.type.dtype)
    if pd.api.types.is_bool_dtype(dtype):
        return "flag"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "time"
    return "number" if pd.api.types.is_numeric_dtype(dtype) else "text"


def _find_column(table: Table, rule: EligibilityRule, value: ColumnValue) -> Column:
    if value.name in table.names:
        return table.column(value.name)
    canonical = table.canonical_names.get(value.name)
    advice = f"Use {canonical}." if canonical else suggest(value.name, table.names)
    raise rule.error(f"names the unknown column {value.text}", value.place, advice, value.text)


def require_operator(rule: EligibilityRule, operator: str, value: ColumnValue, column: RuleColumn) -> None:
    """Require that the values of a column may be compared with an operator.

    Raises
    ------
    ModelError: If the operator needs an order, or one value, that the column does not have.
    """
    if column.is_list:
        advice = "A list may only be to the right of `in` or `not in`."
        raise rule.error(f"compares the list {value.text} with {operator}", value.place, advice, value.text)
    if operator in ORDER and column.kind in ("text", "flag"):
        problem = f"compares {value.text} with {operator}, but it is {_ARTICLES[column.kind]}"
        raise rule.error(problem, value.place, "Use ==, != or in.", value.text)


def require_kinds(
    rule: EligibilityRule, value: ColumnValue, column: RuleColumn, other: ColumnValue, other_column: RuleColumn
) -> None:
    """Require that two columns have values of one kind.

    Raises
    ------
    ModelError: If they differ.
    """
    if column.kind != other_column.kind:
        kinds = f"{value.text} is {_ARTICLES[column.kind]}, {other.text} is {_ARTICLES[other_column.kind]}"
        problem = f"compares columns of different types ({kinds})"
        raise rule.error(problem, value.place, "Compare columns of one type.", value.text)


def read_constant(rule: EligibilityRule, value: ColumnValue, column: RuleColumn, constant: Any, place: int) -> Any:
    """Return a constant in the form of a column's values.

    Raises
    ------
    ModelError: If it is of another type.
    """
    match column.kind:
        case "number" if isinstance(constant, int | float) and not isinstance(constant, bool):
            return constant
        case "flag" if isinstance(constant, bool):
            return constant
        case "text" if isinstance(constant, str):
            return normalise_text(constant)
        case "time" if isinstance(constant, str):
            try:
                time = pd.Timestamp(constant)
                time = time.tz_localize("UTC") if time.tz is None else time.tz_convert("UTC")
                return time.value // 1000
            except (ValueError, OverflowError):
                pass
    advice = {
        "number": "Write a number without quotes.",
        "text": "Write a text in quotes.",
        "flag": "Write True or False.",
        "time": "Write a time such as '2025-06-30' in quotes.",
    }[column.kind]
    problem = f"compares {value.text}, which is {_ARTICLES[column.kind]}, with {constant!r}"
    raise rule.error(problem, place, advice, value.text)
