"""Every table's columns, their types and aliases.

Frames inside the package have these columns and dtypes. `scoring.validation.table_validator` converts DataFrames, CSV,
Parquet and databases to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from scoring.columns.series_functions import CoercedColumn, Mask, mask_present
from scoring.columns.types import (
    ACTIVE,
    CHOICE,
    CODE,
    FLAG,
    ID,
    INTEGER,
    INTEGER_LIST,
    NORMAL_TEXT,
    NUMBER,
    TEXT,
    TIME,
    ColumnType,
)

__all__ = [
    "ACTION_KINDS",
    "FACTOR_TABLES",
    "MAX_MONEY",
    "PRESENCE",
    "RESULT_COLUMNS",
    "SALARY_TYPES",
    "TABLES",
    "Column",
    "Table",
]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name: canonical name.
    aliases: other accepted names.
    required: whether a row without a value is rejected.
    max_absolute: largest valid absolute value, or None.
    show: whether explanations and pages show an own column of users.
    choices: the only valid values; empty if any value of the type is valid.
    """

    name: str
    type: ColumnType
    aliases: tuple[str, ...] = ()
    required: bool = False
    max_absolute: float | None = None
    show: bool = False
    choices: tuple[str, ...] = ()

    def find_out_of_range(self, values: pd.Series) -> list[tuple[Mask, str]]:
        """Return (mask, reason) of the coerced values whose absolute value exceeds `max_absolute`.

        Infinity is not included; `ColumnType.violates` rejects it.
        """
        if self.max_absolute is None:
            return []
        numbers = values.to_numpy(dtype=np.float64)
        with np.errstate(invalid="ignore"):
            out_of_range = (np.abs(numbers) > self.max_absolute) & np.isfinite(numbers)
        return [(out_of_range, f"is outside ±{self.max_absolute:,.0f}")] if out_of_range.any() else []

    def find_violations(self, values: pd.Series) -> list[tuple[Mask, str]]:
        """Return (mask, reason) of the coerced values that the type or the column rejects.

        Raises
        ------
        TypeError: If the values do not have the coerced dtype of the type.
        """
        if values.dtype != self.type.coerced_dtype:
            expected = self.type.coerced_dtype
            raise TypeError(f"{self.name}: {self.type.name} values have dtype {values.dtype}, not {expected}.")
        found = [(~mask_present(values), "is missing")] if self.required else []
        if self.type.violation:
            found.append((self.type.violates(values), self.type.violation))
        if self.choices:
            is_other = (values.notna() & ~values.isin(self.choices)).to_numpy(dtype=bool)
            found.append((is_other, f"is not one of {', '.join(self.choices)}"))
        return [(mask, reason) for mask, reason in found if mask.any()]

    def is_valid(self, coerced: CoercedColumn) -> bool:
        """Return whether every value of a coerced column is valid."""
        values = coerced.values
        return not (coerced.problems or self.find_violations(values) or self.find_out_of_range(values))


@dataclass(frozen=True)
class Table:
    """One table: its columns in order, and its key (the columns that identify a row)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)

    def column(self, name: str) -> Column:
        """Return the column with a canonical name. Raise KeyError if it does not exist."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def canonical_names(self) -> dict[str, str]:
        """Accepted name (canonical or alias) → canonical name."""
        names = {alias: column.name for column in self.columns for alias in column.aliases}
        return names | {name: name for name in self.names}


MAX_MONEY: Final = 1e12
"""Largest valid amount of money in any currency. A larger one would distort the mean wage of an area."""

SALARY_TYPES: Final = {"hourly": 1.0, "daily": 8.0, "monthly": 160.0}
"""Salary type → working hours per salary."""

FACTOR_TABLES: Final = ("user_factors", "job_factors")
"""Tables of vectors: an id and number columns f0…fN; the source determines N."""

ACTION_KINDS: Final = ("application", "click", "view")
"""Kinds of action. The position is the code in arrays."""

PRESENCE: Final = ("station_name", "address")
"""Text columns of jobs of which the shipped components only read whether a value is present."""

RESULT_COLUMNS: Final = (
    "user_id",
    "job_id",
    "rank",
    "total_score",
    "base_score",
    "match_score",
    "personal_score",
)
"""Columns of a ranked result: one row per user and rank (from 1), by user_id and rank; scores are float32."""

_C = Column

TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "jobs",
            (
                _C("job_id", ID, required=True),
                _C("company_id", NORMAL_TEXT, ("endcl_cd",)),
                _C("company_name", TEXT),
                _C("title", TEXT, ("application_name",)),
                _C("prefecture_code", CODE, ("pref_cd",)),
                _C("city_code", CODE, ("city_cd",)),
                _C("station_name", TEXT, ("station_name_eki",)),
                _C("address", TEXT),
                _C("salary_type", CHOICE),
                _C("min_salary", NUMBER, max_absolute=MAX_MONEY),
                _C("max_salary", NUMBER, max_absolute=MAX_MONEY),
                _C("fee", NUMBER, max_absolute=MAX_MONEY),
                _C("occupation_code", INTEGER, ("occupation_cd1",)),
                _C("employment_type_code", INTEGER, ("employment_type_cd",)),
                _C("has_daily_payment", FLAG),
                _C("has_no_experience", FLAG),
                _C("has_student_welcome", FLAG),
                _C("has_remote_work", FLAG),
                _C("posted_at", TIME, ("posting_date",)),
                _C("expires_at", TIME, ("end_at",)),
                _C("is_active", ACTIVE),
                _C("external_id", TEXT),
            ),
            ("job_id",),
        ),
        Table(
            "users",
            (
                _C("user_id", ID, required=True),
                _C("prefecture_code", CODE, ("estimated_pref_cd", "pref_cd")),
                _C("city_code", CODE, ("estimated_city_cd", "city_cd")),
                _C("age_group", NORMAL_TEXT),
                _C("gender", NORMAL_TEXT),
                _C("preferred_occupations", INTEGER_LIST, ("preferred_categories",)),
                _C("preferred_salary_min", NUMBER, max_absolute=MAX_MONEY),
                _C("preferred_work_style", NORMAL_TEXT),
                _C("registered_at", TIME, ("registration_date",)),
                _C("is_active", ACTIVE),
                _C("external_id", TEXT),
            ),
            ("user_id",),
        ),
        Table(
            "actions",
            (
                _C("user_id", ID, required=True),
                _C("job_id", ID, required=True),
                _C("action", CHOICE, ("action_type",), required=True, choices=ACTION_KINDS),
                _C("occurred_at", TIME, ("action_timestamp",), required=True),
            ),
            ("user_id", "job_id", "action", "occurred_at"),
        ),
        Table(
            "occupations",
            (
                _C("occupation_code", ID, required=True),
                _C("name", TEXT),
                _C("major_code", INTEGER),
            ),
            ("occupation_code",),
        ),
        Table(
            "prefectures",
            (
                _C("prefecture_code", CODE, required=True),
                _C("name", TEXT),
                _C("region", TEXT),
            ),
            ("prefecture_code",),
        ),
        Table(
            "prefecture_adjacency",
            (
                _C("prefecture_code", CODE, required=True),
                _C("adjacent_code", CODE, required=True),
            ),
            ("prefecture_code", "adjacent_code"),
        ),
        # factor tables also have number columns f0…fN; the source determines N
        Table("user_factors", (_C("user_id", ID, required=True),), ("user_id",)),
        Table("job_factors", (_C("job_id", ID, required=True),), ("job_id",)),
    )
}
"""Table name → table."""
