"""Input values with their outcome at every entry point: for test_entry_points.py and docs/input.md."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Final

from scoring.columns import MAX_MONEY, TABLES, Column
from scoring.columns.board_definition import DEFAULT_BOARD, OWN_TYPES, Board
from scoring.columns.types import (
    ACTIVE,
    CATEGORY,
    CATEGORY_LIST,
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

KEPT: Final = "kept"
MISSING: Final = "missing"

NO_NUMBER, NO_WHOLE, INFINITE = "is not a number", "is not an integer", "is infinite"
NO_TEXT, NUL, NO_FLAG = "is not valid UTF-8 text", "contains a NUL character", "is neither true nor false"
NO_TIME, NO_LIST, LARGE = "is not a time", "is not a list of integers", "does not fit in a 64-bit integer"
NO_SET = "is not a list of categories"
FAR, GONE = f"is outside ±{MAX_MONEY:,.0f}", "is missing"

RESERVED: Final = "is reserved for text ids"

NAN: Final = float("nan")
INF: Final = float("inf")

_ABSENT = [(None, MISSING), (NAN, MISSING), ("", MISSING), (" \u3000", MISSING)]
_TEXTS = [("a\0b", NUL), ("\ud800", NO_TEXT), (b"x", NO_TEXT), (INF, INFINITE)]

VALUES: Final[dict[ColumnType, list[tuple[Any, str]]]] = {
    ID: [
        (None, GONE), (NAN, GONE), ("", GONE), (1.5, NO_WHOLE), (True, "is not an id"), ([1], "is not an id"),
        (INF, NO_WHOLE), (2.0**60, "is a float beyond 2^53"), ("a\0b", NUL), ("\ud800", NO_TEXT), (b"x", NO_TEXT),
        *((word, "is a word for a missing value") for word in ("NULL", "None", "#N/A", "NA", "nan", "n/a ")),
        (-(2**52), RESERVED), (-(2**53) + 1, RESERVED), (-7, KEPT),
        (2**53 + 1, KEPT), ("4611686018427387905", KEPT), (-(2**53), KEPT), (-(2**52) + 1, KEPT), ("+1017", KEPT),
        ("1018.0", KEPT), ("１０１９", KEPT), ("A-1", KEPT), ("合計", KEPT), ("1.23457E+12", KEPT), ("00012345", KEPT),
        ("1.5", KEPT), (2**63, KEPT), ("9" * 30, KEPT),
    ],
    NUMBER: [
        *_ABSENT, ("nan", MISSING), (INF, INFINITE), (-INF, INFINITE), ("a lot", NO_NUMBER), ("1,200", NO_NUMBER),
        (True, NO_NUMBER), (b"12", NO_NUMBER), (1e13, FAR), (-1e13, FAR), (-5, KEPT), ("1200", KEPT), (0, KEPT),
        ("１２００", KEPT), ("1200\u200b", KEPT), ("１，２００", NO_NUMBER),
    ],
    INTEGER: [
        *_ABSENT, (1.5, NO_WHOLE), (INF, NO_WHOLE), ("x", NO_NUMBER), (True, NO_NUMBER), (2**63, LARGE),
        (-1, KEPT), (13.0, KEPT), (999_999, KEPT), ("１３", KEPT),
    ],
    FLAG: [*_ABSENT, ("perhaps", NO_FLAG), (7, NO_FLAG), (0.5, NO_FLAG), (INF, NO_FLAG), ("ｙｅｓ", KEPT), (0, KEPT)],
    ACTIVE: [*_ABSENT, ("perhaps", NO_FLAG), (7, NO_FLAG), ("no", KEPT)],
    TIME: [
        *_ABSENT, ("soon", NO_TIME), ("2025-02-30", NO_TIME), (20250101, NO_TIME), ("10000-01-01", NO_TIME),
        (True, NO_TIME), ("1969-12-31", KEPT), ("0001-01-01", KEPT), ("2025-06-30 12:00", KEPT),
        ("2025-06-30T12:00:00+09:00", KEPT), ("２０２５-０６-３０", KEPT),
    ],
    CODE: [*_ABSENT, *_TEXTS, (True, "is not a code"), ("ZZ", KEPT), (13, KEPT), (13.0, KEPT), ("１３", KEPT)],
    TEXT: [*_ABSENT, *_TEXTS, ("居酒屋", KEPT), ("'); DROP TABLE jobs;--", KEPT), (5, KEPT)],
    NORMAL_TEXT: [*_ABSENT, *_TEXTS, ("Ａ１\u200b", KEPT), (5, KEPT), (5.0, KEPT)],
    CHOICE: [*_ABSENT, *_TEXTS, ("yearly", KEPT), ("HOURLY", KEPT), ("ｈｏｕｒｌｙ\u3000", KEPT)],
    INTEGER_LIST: [
        *_ABSENT, ("1|x", NO_LIST), ([1.5], NO_LIST), ([2**63], NO_LIST), ({"a": 1}, NO_LIST), ("[1, x]", NO_LIST),
        ("[[1]]", NO_LIST),
        ([101, 102], KEPT), ("101|102", KEPT), ("[101, 102]", KEPT), ("{101,102}", KEPT), ("101,102", KEPT),
        ("[101 102]", KEPT), ('["101", null]', KEPT), ("(101,)", KEPT), ("１０１", KEPT), ("[]", MISSING),
        ("{}", MISSING),
    ],
    CATEGORY: [*_ABSENT, *_TEXTS, (["a"], "is a list"), ("Ａ１\u200b", KEPT), (5, KEPT), (5.0, KEPT), (True, KEPT)],
    CATEGORY_LIST: [
        *_ABSENT, ("a\0b", NUL), ("\ud800", NO_SET), (b"x", NO_SET), (INF, NO_SET), ({"a": 1}, NO_SET),
        ([["a"]], NO_SET), (["a\0b"], NUL), ([], MISSING), ("[]", MISSING), (["b", "a", "b"], KEPT), ("b|a", KEPT),
        ("{a,b}", KEPT), ('["a", null]', KEPT), ("['a', \"it's\"]", KEPT), ("['a' 'b']", KEPT), (5, KEPT),
    ],
}  # fmt: skip
"""Column type → (value, outcome): kept, missing, or the reason why the row is rejected."""


@dataclass(frozen=True)
class Case:
    """One value in one column. A row whose required value is missing is rejected."""

    table: str
    column: Column
    value: Any
    outcome: str

    @property
    def refused(self) -> bool:
        return self.outcome not in (KEPT, MISSING)

    def __str__(self) -> str:
        return f"{self.table}.{self.column.name} = {self.value!a}"


OWN: Final = {table: {f"own_{word}": word for word in OWN_TYPES} for table in ("jobs", "users", "actions")}
"""One own column of each type in each table, as `Dataset.from_frames(own_columns=OWN)`."""


def cases(table: str, board: Board = DEFAULT_BOARD) -> list[Case]:
    """Return every column of a table with every value for its type; with own columns, only these."""
    found = []
    for column in board.get_own(table) or TABLES[table].columns:
        for value, outcome in VALUES[column.type]:
            if column.name == "action" and outcome == KEPT:
                outcome = "is not one of application, click, view"
            if column.required and outcome == MISSING:
                outcome = GONE
            if table == "actions" and outcome == RESERVED:
                outcome = KEPT  # it is the number of a text id, if the data have that text
            if column.max_absolute is None and outcome == FAR:
                outcome = KEPT
            found.append(Case(table, column, value, outcome))
    return found


_REJECTED: Final = {
    ID: "missing, also as a word such as NULL; a fraction; a float beyond 2^53; a boolean; the column name; an "
    "integer reserved for text ids; NUL; invalid UTF-8; a duplicate",
    NUMBER: "not a number; a boolean; infinity",
    INTEGER: "not a 64-bit integer; a boolean; infinity",
    FLAG: "neither true nor false",
    ACTIVE: "neither true nor false",
    TIME: "not a time of the years 1 to 9999; a number",
    CODE: "NUL; invalid UTF-8; infinity; a list; a boolean",
    TEXT: "NUL; invalid UTF-8; infinity; a list",
    NORMAL_TEXT: "NUL; invalid UTF-8; infinity; a list",
    CHOICE: "NUL; invalid UTF-8; infinity; a list",
    INTEGER_LIST: "not a list of integers",
}
_MEANS: Final = {
    FLAG: "unknown (`standard`: false)",
    ACTIVE: "true",
    INTEGER_LIST: "none",
}
_OF_COLUMN: Final = {
    "min_salary": "; 0 or less is unknown",
    "fee": "; scored as 0. A negative fee gets no points and is below any `min_fee`",
    "preferred_salary_min": "; 0 or less means no minimum",
    "salary_type": "; another word is also unknown, and so is the wage",
    "prefecture_code": "; an unknown code is kept and matches itself",
    "city_code": "; an unknown code is kept and matches itself",
    "occupation_code": "; an unknown code is kept and matches itself",
}


def page() -> str:
    """Return the table of docs/input.md: per column, what is rejected and what a missing value means."""
    lines = ["| column | a row is rejected if the value is | a missing value means |", "|---|---|---|"]
    for table in ("jobs", "users", "actions"):
        for column in TABLES[table].columns:
            rejected = _REJECTED[column.type] + (
                f"; beyond ±{column.max_absolute:,.0f}" if column.max_absolute is not None else ""
            )
            if column.name == "action":
                rejected = "missing; another kind of action"
            elif column.name == "occurred_at":
                rejected = f"missing; {rejected}; more than a day in the future"
            elif table == "actions":
                rejected = f"{rejected.rpartition(';')[0]}; an id of no user or job in the data"
            means = "rejected" if column.required else _MEANS.get(column.type, "unknown")
            means += "" if column.required else _OF_COLUMN.get(column.name, "")
            lines.append(f"| {table}.`{column.name}` | {rejected} | {means} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page() + "\n")
