"""Convert legacy objects, mappings and rows of DataFrames to canonical frames.

A value is read by its canonical name or an alias: first from the object itself (`job.fee`, `job["fee"]`), then from
the part of a job in which legacy objects keep it (`job.salary.fee`). An absent value, None and a method count as
missing. Values are validated and coerced by the same rules as those of a DataFrame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.id_arguments import is_text, parse_plain_number
from scoring.columns.text_normalisation import normalise_value
from scoring.dataset.row_lookup import RowLookup
from scoring.errors import DataError
from scoring.id_index import IdIndex
from scoring.validation.rejections import make_data_error
from scoring.validation.table_validator import normalise

__all__ = ["make_canonical_frame", "read_job", "read_profile_id", "read_user", "resolve_row"]

Row = dict[str, Any]

_PARTS: Final = {
    name: part
    for part, names in {
        "salary": ("salary_type", "min_salary", "max_salary", "fee"),
        "location": ("prefecture_code", "city_code", "station_name", "address"),
        "category": ("occupation_code",),
        "features": ("has_daily_payment", "has_no_experience", "has_student_welcome", "has_remote_work"),
    }.items()
    for name in names
}
"""Canonical job column → the part of a legacy job that contains it."""

_ABSENT: Final = object()


def read_job(job: Any, board: Board = DEFAULT_BOARD) -> Row:
    """Return canonical or own column → unchanged value of a job. Raises DataError if it has no value of a job."""
    row = _read("jobs", job, _PARTS, board)
    if "job_id" not in row and _make_getter(job)("user_id") is not _ABSENT:
        raise DataError(
            "A user was passed as the job. Pass the job first, then the user.", table="jobs", reason="swapped arguments"
        )
    return row


def read_user(user: Any, board: Board = DEFAULT_BOARD) -> Row:
    """Return canonical or own column → unchanged value of a user. Raises DataError if it has no value of a user."""
    row = _read("users", user, {}, board)
    if "user_id" not in row and _make_getter(user)("job_id") is not _ABSENT:
        raise DataError(
            "A job was passed as the user. Pass the job first, then the user.",
            reason="swapped arguments",
            table="users",
        )
    return row


def read_profile_id(profile: Any) -> int | str | None:
    """Return the `user_id` of a profile, or the profile itself if it is an id. None: it has no user_id.

    Raises
    ------
    DataError: If the id is neither a number nor a text.
    """
    if isinstance(profile, int | np.integer) and not isinstance(profile, bool):
        return int(profile)
    if is_text(profile) and str(profile).strip():
        return str(profile)
    if isinstance(profile, str | bytes | bool | float):
        raise DataError(
            f"The user profile is {profile!r}. Use an object or a mapping with a user_id, or a user_id.",
            reason="unknown value",
            table="users",
            column="user_id",
            value=repr(profile),
        )
    value = _make_getter(profile)("user_id")
    if value is _ABSENT or _is_missing(value):
        return None
    if type(value) is int and abs(value) < 2**63:
        return value  # saves the 2 ms of a frame
    if is_text(value):
        return str(value)
    return int(make_canonical_frame("users", [{"user_id": value}], {})["user_id"].iloc[0])


def resolve_row(row: Row, lookup: RowLookup) -> Row:
    """Return a row whose id is a number, if the data contain its text id.

    Validation gives a number to a text id that the data do not contain.
    """
    key = f"{lookup.kind}_id"
    value = row.get(key)
    if not is_text(value):
        return row
    rows, is_known = lookup.resolve([value])
    form = normalise_value(value)
    number = None if form is None else parse_plain_number(form)
    if is_known[0]:
        found = int(lookup.ids[rows[0]])
        text = {} if number == found else {"external_id": form}  # the text may be the number itself
        return text | row | {key: found}
    if number is not None and not IdIndex(lookup.ids).contains(np.array([number]))[0]:
        return row | {key: number}
    return row


def make_canonical_frame(
    table: str, rows: Sequence[Row], code_width: Mapping[str, int | None], board: Board = DEFAULT_BOARD
) -> pd.DataFrame:
    """Return the canonical frame of rows, each with its id, in their order. Ids may occur more than once.

    Takes a fraction of the time of `validation.check` for a few rows. If coercion finds an invalid value, that
    function decides.

    Raises
    ------
    DataError: If a value is invalid; the message has the position of the row, the column and the value.
    """
    columns: dict[str, pd.Series] = {}
    for column in board.table(table).columns:
        given = [row.get(column.name) for row in rows]
        if all(value is None for value in given):
            columns[column.name] = column.type.make_missing(len(rows))
            continue
        clean = column.type.from_objects(given, code_width.get(column.name))
        if clean is not None and not column.find_out_of_range(clean):
            columns[column.name] = clean
            continue
        coerced = column.type.coerce(pd.Series(given, dtype=object), code_width.get(column.name))
        if not column.is_valid(coerced):
            return _validate_rows(table, rows, code_width, board)
        columns[column.name] = column.type.finish(coerced.values)
    return pd.DataFrame(columns, copy=False)


def _read(table: str, source: Any, parts: Mapping[str, str], board: Board) -> Row:
    what = table.removesuffix("s")
    if source is None or isinstance(source, str | bytes | bool | int | float | np.generic | pd.DataFrame):
        raise DataError(
            f"The {what} is of type {type(source).__name__}. Give an object, a mapping or a row of a DataFrame.",
            reason="not an object",
            table=table,
            value=type(source).__name__,
        )
    get = _make_getter(source)
    inner: dict[str, Callable[[str], Any]] = {}
    for part in set(parts.values()):
        found = _get_value(source, part)
        if found is not _ABSENT and found is not None:
            inner[part] = _make_getter(found)
    row: Row = {}
    nosource_known = True
    for column in board.table(table).columns:
        names = (column.name, *column.aliases)
        getters = [get, *([inner[parts[column.name]]] if parts.get(column.name) in inner else [])]
        for getter, name in ((getter, name) for getter in getters for name in names):
            value = getter(name)
            nosource_known &= value is _ABSENT
            if value is not _ABSENT and not _is_missing(value):
                row[column.name] = _to_plain_value(value)
                break
    if nosource_known:
        known = ", ".join(column.name for column in TABLES[table].columns[:6])
        raise DataError(
            f"The {what}, of type {type(source).__name__}, has none of the fields {known}, …. Give an object, a "
            f"mapping or a row of a DataFrame with fields of a {what}.",
            reason="no known field",
            table=table,
            value=type(source).__name__,
        )
    return row


def _make_getter(source: Any) -> Callable[[str], Any]:
    """Return a function that returns a value by name; `_ABSENT` if there is none, or if it is a method."""

    def get(name: str) -> Any:
        value = _get_value(source, name)
        return _ABSENT if callable(value) else value

    return get


def _get_value(source: Any, name: str) -> Any:
    if isinstance(source, Mapping):
        return source.get(name, _ABSENT)
    if isinstance(source, pd.Series):
        return source[name] if name in source.index else _ABSENT
    return getattr(source, name, _ABSENT)


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    missing = pd.isna(value) if not isinstance(value, list | tuple | set | frozenset | dict | np.ndarray) else False
    return missing is True or (isinstance(missing, np.bool_) and bool(missing))


def _to_plain_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        return value.item()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value


def _validate_rows(table: str, rows: Sequence[Row], code_width: Mapping[str, int | None], board: Board) -> pd.DataFrame:
    """Validate the rows as a frame, which reports what is invalid."""
    names = board.table(table).names
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    result = normalise(table, frame, code_width=code_width, unique=False, board=board)
    if len(result.rejections):
        raise make_data_error(result.rejections)
    return result.frame
