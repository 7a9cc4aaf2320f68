"""Legacy objects, mappings and rows of DataFrames to canonical frames.

A value is looked for under its canonical name and its aliases: first on the thing itself (`job.fee`,
`job["fee"]`), then in the part of a job where legacy objects keep it (`job.salary.fee`). What is not there, is
None, or is a method, is missing. Values are checked and coerced by the same rules as a DataFrame's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.errors import DataError
from scoring.validation import normalise

__all__ = ["canonical_frame", "profile_id", "read_job", "read_user"]

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
"""Canonical job column → the part of a legacy job that holds it."""

_ABSENT: Final = object()


def read_job(job: Any) -> Row:
    """Canonical column → value as it stands, of a job. Raises DataError where nothing in it is a job's."""
    row = _read("jobs", job, _PARTS)
    if "job_id" not in row and _getter(job)("user_id") is not _ABSENT:
        raise DataError("a user stands where a job is expected; the job comes first, then the user.")
    return row


def read_user(user: Any) -> Row:
    """Canonical column → value as it stands, of a user. Raises DataError where nothing in it is a user's."""
    row = _read("users", user, {})
    if "user_id" not in row and _getter(user)("job_id") is not _ABSENT:
        raise DataError("a job stands where a user is expected; the job comes first, then the user.")
    return row


def profile_id(profile: Any) -> int | None:
    """Whose profile it is: its `user_id`, or the profile itself where it is a whole number; None for nobody named.

    Raises DataError where the id is no whole number.
    """
    if isinstance(profile, int | np.integer) and not isinstance(profile, bool):
        return int(profile)
    if isinstance(profile, str | bytes | bool | float):
        raise DataError(f"a user profile is an object, a mapping or a user's id, not {profile!r}.")
    value = _getter(profile)("user_id")
    if value is _ABSENT or _is_missing(value):
        return None
    if type(value) is int and abs(value) < 2**63:
        return value  # without the two milliseconds of a frame
    return int(canonical_frame("users", [{"user_id": value}], {})["user_id"].iloc[0])


def canonical_frame(table: str, rows: Sequence[Row], code_width: Mapping[str, int | None]) -> pd.DataFrame:
    """The canonical frame of rows read before, each with its id, in their order; several may have the same id.

    A fraction of the time of `validation.check` for a row or a few; that has the last word where coercion finds
    something wrong.
    Raises DataError naming row (by its position), column and value.
    """
    columns: dict[str, pd.Series] = {}
    for column in TABLES[table].columns:
        given = [row.get(column.name) for row in rows]
        if all(value is None for value in given):
            columns[column.name] = column.type.absent(len(rows))
            continue
        clean = column.type.from_objects(given, code_width.get(column.name))
        if clean is not None and not column.beyond(clean):
            columns[column.name] = clean
            continue
        coerced = column.type.coerce(pd.Series(given, dtype=object), code_width.get(column.name))
        if not column.is_valid(coerced):
            return _checked(table, rows, code_width)
        columns[column.name] = column.type.finish(coerced.values)
    return pd.DataFrame(columns, copy=False)


def _read(table: str, thing: Any, parts: Mapping[str, str]) -> Row:
    what = table.removesuffix("s")
    if thing is None or isinstance(thing, str | bytes | bool | int | float | np.generic | pd.DataFrame):
        raise DataError(f"a {what} is an object, a mapping or a row of a DataFrame, not {type(thing).__name__}.")
    get = _getter(thing)
    inner: dict[str, Callable[[str], Any]] = {}
    for part in set(parts.values()):
        found = _raw(thing, part)
        if found is not _ABSENT and found is not None:
            inner[part] = _getter(found)
    row: Row = {}
    nothing_known = True
    for column in TABLES[table].columns:
        names = (column.name, *column.aliases)
        getters = [get, *([inner[parts[column.name]]] if parts.get(column.name) in inner else [])]
        for getter, name in ((getter, name) for getter in getters for name in names):
            value = getter(name)
            nothing_known &= value is _ABSENT
            if value is not _ABSENT and not _is_missing(value):
                row[column.name] = _plain(value)
                break
    if nothing_known:
        known = ", ".join(column.name for column in TABLES[table].columns[:6])
        raise DataError(f"a {type(thing).__name__} has nothing of a {what}: none of {known}, … is there.")
    return row


def _getter(thing: Any) -> Callable[[str], Any]:
    """How to ask the thing for a value; `_ABSENT` where it has none of that name, or a method."""

    def get(name: str) -> Any:
        value = _raw(thing, name)
        return _ABSENT if callable(value) else value

    return get


def _raw(thing: Any, name: str) -> Any:
    if isinstance(thing, Mapping):
        return thing.get(name, _ABSENT)
    if isinstance(thing, pd.Series):
        return thing[name] if name in thing.index else _ABSENT
    return getattr(thing, name, _ABSENT)


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    missing = pd.isna(value) if not isinstance(value, list | tuple | set | frozenset | dict | np.ndarray) else False
    return missing is True or (isinstance(missing, np.bool_) and bool(missing))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        return value.item()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value


def _checked(table: str, rows: Sequence[Row], code_width: Mapping[str, int | None]) -> pd.DataFrame:
    """By the door for frames, which says what is wrong."""
    names = TABLES[table].names
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    result = normalise.normalise(table, frame, code_width=code_width, unique=False)
    if len(result.rejections):
        normalise.check(table, frame.loc[result.refused["row"].to_numpy()], code_width=code_width)
    return result.frame
