"""Events: numbered changes of rows, in the form in which live lists apply them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

import pandas as pd

from scoring.columns import Column, Table
from scoring.columns.board_definition import Board
from scoring.dataset.column_lookup import to_plain_value
from scoring.dataset.python_row_encoding import EPOCH, PlainRows
from scoring.errors import DataError, shorten_repr

__all__ = ["Event", "EventKind", "Row", "make_rows", "to_microseconds"]

EventKind = Literal["job", "user", "action"]
"""Which table an event changes."""

Row = Mapping[str, Any]
"""Canonical column → canonical Python value. A missing value is None or not contained."""

_MICROSECOND: Final = timedelta(microseconds=1)
_KEYS: Final = {"job": "job_id", "user": "user_id", "action": "user_id"}


@dataclass(frozen=True)
class Event:
    """One row that was written or deleted.

    Parameters
    ----------
    seq: The number of the event, from 1. It is the version of the row.
    kind: The table of the row.
    key: The id of the job or the user; the user of an action.
    body: The whole row after the change; None if it was deleted. Values are canonical Python values.
    at: The time at which the event was recorded, with a zone.

    Raises
    ------
    DataError: If a value is invalid, or the body has another id than `key`.

    Example
    -------
    >>> from datetime import UTC, datetime
    >>> Event(1, "job", 9, {"job_id": 9, "fee": 800.0}, datetime(2025, 6, 1, tzinfo=UTC)).body["fee"]
    800.0
    """

    seq: int
    kind: EventKind
    key: int
    body: Row | None
    at: datetime

    def __post_init__(self) -> None:
        if self.kind not in get_args(EventKind):
            raise self._error(f"the kind {shorten_repr(self.kind)} is unknown. Use job, user or action", "kind")
        for name, least in (("seq", 1), ("key", -(2**63))):
            value = getattr(self, name)
            if type(value) is not int or not least <= value < 2**63:
                raise self._error(f"{name} is {shorten_repr(value)}; it must be an integer from {least}", name)
        if not isinstance(self.at, datetime) or self.at.tzinfo is None:
            raise self._error(f"`at` is {shorten_repr(self.at)}; it must be a time with a zone", "at")
        if self.body is None:
            if self.kind == "action":
                raise self._error("an action cannot be deleted. Delete its user", "body")
            return
        name = _KEYS[self.kind]
        if not isinstance(self.body, Mapping) or self.body.get(name) != self.key:
            raise self._error(f"the body must be a row whose {name} is the key {self.key}", name)

    @property
    def table(self) -> str:
        """The name of the table."""
        return f"{self.kind}s"

    def require_canonical(self, board: Board) -> None:
        """Require that the body is a row in canonical form.

        Raises
        ------
        DataError: If a column is unknown, or a value is missing or not canonical.
        """
        if self.body is None or self.__dict__.get("_checked") is board:  # an event is applied to several tables
            return
        table = board.table(self.table)
        unknown = self.body.keys() - set(table.names)
        if unknown:
            name = min(map(str, unknown))
            raise self._error(f"the column {shorten_repr(name)} is unknown", name)
        for column in table.columns:
            value = self.body.get(column.name)
            if value is None and not column.required:
                continue
            is_choice = not column.choices or value in column.choices
            if value is None or not is_choice or not _is_canonical(column, value):
                raise self._error(f"{column.name} is {shorten_repr(value)}, which is not canonical", column.name)
            if column.max_absolute is not None and abs(value) > column.max_absolute:
                raise self._error(f"{column.name} is {value!r}, beyond ±{column.max_absolute:g}", column.name)
        object.__setattr__(self, "_checked", board)

    def _error(self, problem: str, column: str) -> DataError:
        return DataError(
            f"event {shorten_repr(self.seq)}: {problem}.",
            reason="invalid rows",
            table="events",
            column=column,
        )


def _is_canonical(column: Column, value: Any) -> bool:
    """Return whether a value is unchanged by its column type. Series are used only for unusual values (1 ms)."""
    if column.type.accepts_object(value):
        return True
    try:
        coerced = column.type.coerce(pd.Series([value], dtype=object))
    except (TypeError, ValueError, OverflowError):
        return False
    if coerced.problems or column.find_violations(coerced.values):
        return False
    plain = to_plain_value(column.type.finish(coerced.values).iloc[0])
    return type(plain) is not bool and (list(plain) if isinstance(plain, tuple) else plain) == value


def to_microseconds(time: datetime) -> int:
    """Return a time with a zone in microseconds since 1970."""
    return (time - EPOCH) // _MICROSECOND


def make_rows(table: Table, rows: Sequence[Row]) -> PlainRows:
    """Return rows in canonical form."""
    if len(rows) == 1:
        return PlainRows(table, 1, {name: (value,) for name, value in rows[0].items() if value is not None})
    values = {}
    for column in table.columns:
        name = column.name
        of_column = [row.get(name) for row in rows]
        if any(value is not None for value in of_column):
            values[name] = of_column
    return PlainRows(table, len(rows), values)
