"""The one vocabulary: every table's columns, their kinds and the names they are also known by.

Frames inside the package have these columns with the dtypes of `Kind`; whatever comes from outside
(DataFrames, CSV, Parquet, a database) is brought to them by `scoring.validation.normalise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = [
    "ACTION_KINDS",
    "MOST_MONEY",
    "PRESENCE",
    "RESULT_COLUMNS",
    "SALARY_TYPES",
    "TABLES",
    "Column",
    "Kind",
    "Table",
]


class Kind(Enum):
    """What a column holds; `dtype` is what a canonical frame gives it."""

    ID = "id"  # int64, never missing
    TEXT = "text"  # missing is NaN
    CODE = "code"  # text; a whole number becomes text, padded to the width of the reference table's codes
    CHOICE = "choice"  # text in lower case out of a closed set; other text is kept
    INTEGER = "integer"  # missing is <NA>
    NUMBER = "number"  # missing is NaN; infinity is refused
    FLAG = "flag"  # missing is <NA>: `classic` tells a missing flag from a false one
    ACTIVE = "active"  # a missing one is true
    TIME = "time"  # missing is NaT; without a zone it is UTC; a date is its midnight
    INTEGERS = "integers"  # a list of int, empty when missing; separated by | in text

    @property
    def dtype(self) -> str:
        """The pandas dtype of a canonical frame's column."""
        return _DTYPES[self]


_DTYPES = {
    Kind.ID: "int64",
    Kind.TEXT: "str",
    Kind.CODE: "str",
    Kind.CHOICE: "str",
    Kind.INTEGER: "Int64",
    Kind.NUMBER: "float64",
    Kind.FLAG: "boolean",
    Kind.ACTIVE: "bool",
    Kind.TIME: "datetime64[us, UTC]",
    Kind.INTEGERS: "object",
}


@dataclass(frozen=True)
class Column:
    """One column: canonical name, kind, accepted aliases, whether a row without a value is refused.

    `most`: a number further from 0 is refused.
    """

    name: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    required: bool = False
    most: float | None = None


@dataclass(frozen=True)
class Table:
    """One table: its columns in order and its key (the columns that name a row)."""

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
        """The column of this canonical name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def canonical(self) -> dict[str, str]:
        """Every accepted name (canonical and alias) → the canonical one."""
        names = {alias: column.name for column in self.columns for alias in column.aliases}
        return names | {name: name for name in self.names}


MOST_MONEY: Final = 1e12
"""Amounts further from 0 are no salary and no fee in any currency: one of them would move the mean of a whole area."""

SALARY_TYPES: Final = {"hourly": 1.0, "daily": 8.0, "monthly": 160.0}
"""Salary type → hours that one salary pays for."""

ACTION_KINDS: Final = ("application", "click", "view")
"""Kinds of action; the position is the code used in arrays."""

PRESENCE: Final = ("station_name", "address")
"""Texts of jobs of which every component that ships reads only whether they are there."""

RESULT_COLUMNS: Final = (
    "user_id",
    "job_id",
    "rank",
    "total_score",
    "base_score",
    "match_score",
    "personal_score",
)
"""A ranked result: one row per user and rank (from 1), by user_id, then rank; scores float32."""

_C, _K = Column, Kind

TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "jobs",
            (
                _C("job_id", _K.ID, required=True),
                _C("company_id", _K.TEXT, ("endcl_cd",)),
                _C("company_name", _K.TEXT),
                _C("title", _K.TEXT, ("application_name",)),
                _C("prefecture_code", _K.CODE, ("pref_cd",)),
                _C("city_code", _K.CODE, ("city_cd",)),
                _C("station_name", _K.TEXT, ("station_name_eki",)),
                _C("address", _K.TEXT),
                _C("salary_type", _K.CHOICE),
                _C("min_salary", _K.NUMBER, most=MOST_MONEY),
                _C("max_salary", _K.NUMBER, most=MOST_MONEY),
                _C("fee", _K.NUMBER, most=MOST_MONEY),
                _C("occupation_code", _K.INTEGER, ("occupation_cd1",)),
                _C("employment_type_code", _K.INTEGER, ("employment_type_cd",)),
                _C("has_daily_payment", _K.FLAG),
                _C("has_no_experience", _K.FLAG),
                _C("has_student_welcome", _K.FLAG),
                _C("has_remote_work", _K.FLAG),
                _C("posted_at", _K.TIME, ("posting_date",)),
                _C("expires_at", _K.TIME, ("end_at",)),
                _C("is_active", _K.ACTIVE),
                _C("external_id", _K.TEXT),
            ),
            ("job_id",),
        ),
        Table(
            "users",
            (
                _C("user_id", _K.ID, required=True),
                _C("prefecture_code", _K.CODE, ("estimated_pref_cd", "pref_cd")),
                _C("city_code", _K.CODE, ("estimated_city_cd", "city_cd")),
                _C("age_group", _K.TEXT),
                _C("gender", _K.TEXT),
                _C("preferred_occupations", _K.INTEGERS, ("preferred_categories",)),
                _C("preferred_salary_min", _K.NUMBER, most=MOST_MONEY),
                _C("preferred_work_style", _K.TEXT),
                _C("registered_at", _K.TIME, ("registration_date",)),
                _C("is_active", _K.ACTIVE),
                _C("external_id", _K.TEXT),
            ),
            ("user_id",),
        ),
        Table(
            "actions",
            (
                _C("user_id", _K.ID, required=True),
                _C("job_id", _K.ID, required=True),
                _C("action", _K.CHOICE, ("action_type",), required=True),
                _C("occurred_at", _K.TIME, ("action_timestamp",), required=True),
            ),
            ("user_id", "job_id", "action", "occurred_at"),
        ),
        Table(
            "occupations",
            (
                _C("occupation_code", _K.ID, required=True),
                _C("name", _K.TEXT),
                _C("major_code", _K.INTEGER),
            ),
            ("occupation_code",),
        ),
        Table(
            "prefectures",
            (
                _C("prefecture_code", _K.CODE, required=True),
                _C("name", _K.TEXT),
                _C("region", _K.TEXT),
            ),
            ("prefecture_code",),
        ),
        Table(
            "prefecture_adjacency",
            (
                _C("prefecture_code", _K.CODE, required=True),
                _C("adjacent_code", _K.CODE, required=True),
            ),
            ("prefecture_code", "adjacent_code"),
        ),
        # the factor tables have, beside the id, as many number columns f0…fN as were brought
        Table("user_factors", (_C("user_id", _K.ID, required=True),), ("user_id",)),
        Table("job_factors", (_C("job_id", _K.ID, required=True),), ("job_id",)),
    )
}
"""Table name → its vocabulary."""
