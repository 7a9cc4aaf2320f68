"""Column types, one file each: how values become canonical, are stored and are digested.

To add a type, write a file with an instance of a `ColumnType` subclass and register it here.
"""

from typing import Final

from scoring.columns.types.active_flag import ACTIVE
from scoring.columns.types.category import CATEGORY, CATEGORY_LIST
from scoring.columns.types.choice import CHOICE
from scoring.columns.types.code import CODE
from scoring.columns.types.column_type import REGISTERED, ColumnType
from scoring.columns.types.flag import FLAG
from scoring.columns.types.id import ID
from scoring.columns.types.integer import INTEGER
from scoring.columns.types.integer_list import INTEGER_LIST
from scoring.columns.types.normalised_text import NORMAL_TEXT
from scoring.columns.types.number import NUMBER
from scoring.columns.types.text import TEXT
from scoring.columns.types.time import TIME

__all__ = [
    "ACTIVE",
    "CATEGORY",
    "CATEGORY_LIST",
    "CHOICE",
    "CODE",
    "COLUMN_TYPES",
    "FLAG",
    "ID",
    "INTEGER",
    "INTEGER_LIST",
    "NORMAL_TEXT",
    "NUMBER",
    "TEXT",
    "TIME",
    "ColumnType",
]

COLUMN_TYPES: Final[tuple[ColumnType, ...]] = (
    *(ID, TEXT, NORMAL_TEXT, CODE, CHOICE, INTEGER),
    *(NUMBER, FLAG, ACTIVE, TIME, INTEGER_LIST, CATEGORY, CATEGORY_LIST),
)
"""All column types of `scoring.columns.TABLES` and of own columns."""

REGISTERED.update({column_type.name: column_type for column_type in COLUMN_TYPES})
