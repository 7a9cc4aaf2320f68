"""A job column and a user column that an eligibility rule compares, with rows that change one at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools
from scoring.columns import Column
from scoring.columns.board_definition import Board
from scoring.columns.types import INTEGER_LIST
from scoring.dataset.column_lookup import to_plain_value
from scoring.live.events import to_microseconds
from scoring.model import EligibilityRule
from scoring.model.rule_expression import ColumnValue, Comparison
from scoring.plan.own_rule_evaluation import COMPARE
from scoring.plan.rule_columns import find_kind

__all__ = ["ComparedColumns"]


class _Column:
    """The values of a column by row, as numbers. A text has the number of its first occurrence on either side."""

    def __init__(self, column: Column, room: int, dtype: Any, numbers: dict[str, int]) -> None:
        self.name, self.is_list = column.name, column.type.is_list
        self.kind = ("number" if column.type is INTEGER_LIST else "text") if self.is_list else find_kind(column)
        self.values: NDArray[Any] = np.zeros(room, dtype=dtype)
        self.is_known: Bools = np.zeros(room, dtype=bool)
        self.lists: dict[int, tuple[Any, ...]] = {}
        self.rows_with: dict[Any, set[int]] = defaultdict(set)
        """Value → the rows whose list contains it."""
        self._numbers = numbers

    def write(self, row: int, value: Any) -> None:
        if self.is_list:
            for item in self.lists.get(row, ()):
                self.rows_with[item].discard(row)
            self.lists[row] = tuple(self._encode(item) for item in value or ())
            for item in self.lists[row]:
                self.rows_with[item].add(row)
            return
        self.is_known[row] = value is not None
        if value is not None:
            self.values[row] = self._encode(value)

    def _encode(self, value: Any) -> Any:
        if self.kind == "text":
            return self._numbers.setdefault(value, len(self._numbers))
        return to_microseconds(value) if self.kind == "time" else value

    def find_rows_with(self, value: Any, n: int) -> Bools:
        """Return (n,) whether the list of each row contains a value."""
        found = np.zeros(n, dtype=bool)
        found[[row for row in self.rows_with.get(value, ()) if row < n]] = True
        return found


class ComparedColumns:
    """The two columns of a rule such as `job.min_salary >= user.preferred_salary_min`.

    Parameters
    ----------
    rule: A rule of the form "columns".
    board: The columns of the tables.
    users_room, jobs_room: Numbers of rows.
    """

    def __init__(self, rule: EligibilityRule, board: Board, users_room: int, jobs_room: int) -> None:
        comparison = cast(Comparison, rule.expression)
        self._operator = comparison.operator
        sides = cast(tuple[ColumnValue, ColumnValue], (comparison.left, comparison.right))
        columns = [board.table(side.table).column(side.name) for side in sides]
        dtypes = [pd.api.types.pandas_dtype(column.type.dtype) for column in columns]
        dtype = np.float64 if any(dtype.kind == "f" for dtype in dtypes) else np.int64
        numbers: dict[str, int] = {}
        room = {"jobs": jobs_room, "users": users_room}
        self._tables = [side.table for side in sides]
        self._left, self._right = (
            _Column(column, room[side.table], dtype, numbers) for side, column in zip(sides, columns, strict=True)
        )

    def write(self, table: str, row: int, values: Mapping[str, Any]) -> None:
        """Write a row of a table. Values are canonical Python values."""
        for column in self._columns_of(table):
            column.write(row, values.get(column.name))

    def write_frame(self, table: str, frame: pd.DataFrame) -> None:
        """Write the first rows of a table."""
        for column in self._columns_of(table):
            for row, value in enumerate(frame[column.name]):
                column.write(row, to_plain_value(value))

    def _columns_of(self, table: str) -> list[_Column]:
        return [column for side, column in zip(self._tables, (self._left, self._right), strict=True) if side == table]

    def find_allowed(self, table: Literal["jobs", "users"], row: int, n: int) -> Bools:
        """Return (n,) whether the rule allows a row of `table` with each of the first n rows of the other table."""
        left, right = self._left, self._right
        is_left = self._tables[0] == table
        left_rows, right_rows = (slice(row, row + 1), slice(0, n)) if is_left else (slice(0, n), slice(row, row + 1))
        if self._operator in COMPARE:
            holds = COMPARE[self._operator](left.values[left_rows], right.values[right_rows])
            return np.asarray(holds & left.is_known[left_rows] & right.is_known[right_rows], dtype=bool)
        if is_left:
            found = right.find_rows_with(left.values[row].item(), n)
        else:
            found = np.isin(left.values[left_rows], np.array(right.lists.get(row, ()), dtype=left.values.dtype))
        return (found ^ (self._operator == "not in")) & left.is_known[left_rows]
