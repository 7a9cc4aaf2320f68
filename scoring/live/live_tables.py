"""The tables of a checkpoint with the events since then, as frames of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.columns import Table
from scoring.columns.board_definition import Board
from scoring.columns.dataset_frames import Tables
from scoring.columns.types import TIME
from scoring.dataset import Dataset
from scoring.dataset.clock import Clock
from scoring.dataset.column_lookup import NO_TIME, to_plain_value
from scoring.errors import ConfigurationError, UnknownIdError
from scoring.live.events import Event, Row, make_rows, to_microseconds

__all__ = ["EventTables", "LiveTables", "RecordedRow", "clamp_times", "make_row"]

ActionKey = tuple[int, int, str, datetime]
"""User, job, kind of action, time: what identifies an action."""

_ACTION_KEY: Final = ("user_id", "job_id", "action", "occurred_at")
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
"""When rows of the checkpoint were recorded: their times never count as the clock."""


@dataclass(frozen=True)
class RecordedRow:
    """A row of an event, and the time at which the event was recorded."""

    row: Row
    at: datetime

    def clamped(self, table: Table, now: datetime) -> Row:
        """Return the row as of a clock: times that count as the clock are replaced by it."""
        return clamp_times(self.row, table, now, self.at)


def make_row(values: pd.Series) -> dict[str, Any]:
    """Return a row of a canonical frame as the body of an event."""
    plain = {str(name): to_plain_value(value) for name, value in values.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def clamp_times(row: Row, table: Table, now: datetime, at: datetime) -> Row:
    """Return a row in which times after `now` that are not after `at` are `now`."""
    if at <= now:
        return row
    late = {
        column.name: now
        for column in table.columns
        if column.type is TIME and (time := row.get(column.name)) is not None and now < time <= at
    }
    return {**row, **late} if late else row


def make_action_key(row: Row) -> ActionKey:
    """Return what identifies an action."""
    user, job, kind, time = (row[name] for name in _ACTION_KEY)
    return user, job, kind, time


@dataclass
class ChangedRows:
    """One table with an id: the rows of a frame, and the rows that events changed since."""

    table: Table
    frame: pd.DataFrame
    changed: dict[int, RecordedRow | None] = field(default_factory=dict)
    """Id → the current row; None if it was deleted. Rows that are not contained are those of the frame."""
    versions: dict[int, int] = field(default_factory=dict)
    """Id → the number of the last event of the row."""

    def __post_init__(self) -> None:
        self._row_of: dict[int, int] | None = None

    @property
    def key(self) -> str:
        return self.table.key[0]

    def contains(self, key: int) -> bool:
        """Return whether a row with this id exists."""
        return self.changed[key] is not None if key in self.changed else key in self._place_of

    def get(self, key: int) -> RecordedRow | None:
        """Return the row with this id; None if it does not exist."""
        if key in self.changed:
            return self.changed[key]
        place = self._place_of.get(key)
        if place is None:
            return None
        values = self.frame.iloc[place]
        return RecordedRow(make_row(values), _BEFORE_ALL)

    def find_external_id(self, key: int) -> str | None:
        """Return the external id of a row; None if it has none or does not exist."""
        if key in self.changed:
            recorded = self.changed[key]
            value = None if recorded is None else recorded.row.get("external_id")
        else:
            place = self._place_of.get(key) if self._external_ids else None
            value = None if place is None else self._external_ids[place]
        return value if isinstance(value, str) else None

    @cached_property
    def _external_ids(self) -> list[object]:
        """The external ids of the frame; empty if no row has one."""
        column = self.frame.get("external_id")
        return [] if column is None or not column.notna().any() else column.astype(object).tolist()

    @property
    def _place_of(self) -> dict[int, int]:
        if self._row_of is None:
            self._row_of = {key: place for place, key in enumerate(self.frame[self.key].tolist())}
        return self._row_of

    def apply(self, event: Event) -> bool:
        """Write or delete a row; return whether the event is newer than the row."""
        if event.seq <= self.versions.get(event.key, 0):
            return False
        self.versions[event.key] = event.seq
        self.changed[event.key] = None if event.body is None else RecordedRow(event.body, event.at)
        return True

    def copy(self) -> ChangedRows:
        """Return a copy that later events do not change."""
        return ChangedRows(self.table, self.frame, dict(self.changed), dict(self.versions))

    def fold(self, now: datetime) -> ChangedRows:
        """Return equal rows in which those that were recorded up to `now` belong to the frame."""
        kept = self.frame[~self.frame[self.key].isin(list(self.changed))]
        rows = [recorded.row for recorded in self.changed.values() if recorded is not None and recorded.at <= now]
        later: dict[int, RecordedRow | None] = {
            key: row for key, row in self.changed.items() if row is not None and row.at > now
        }
        folded = ChangedRows(self.table, _append(kept, self.table, rows), later, dict(self.versions))
        folded._place_of  # noqa: B018 - computed at first access, for which no event should wait
        return folded

    def find_late(self, now: datetime) -> set[int]:
        """Return the ids of rows of the frame with a time after a clock."""
        names = [column.name for column in self.table.columns if column.type is TIME and column.name in self.frame]
        is_late = (self.frame[names] > pd.Timestamp(now)).any(axis=1)
        return set(self.frame.loc[is_late, self.key].tolist())

    def take(self, keys: Iterable[int]) -> ChangedRows:
        """Return the rows with these ids."""
        wanted = set(keys)
        places = [self._place_of[key] for key in sorted(wanted) if key in self._place_of]
        changed = {key: self.changed[key] for key in wanted if key in self.changed}
        return ChangedRows(self.table, self.frame.iloc[places].reset_index(drop=True), changed)

    def make_frame(self, now: datetime) -> pd.DataFrame:
        """Return the current rows as of a clock."""
        kept = self.frame[~self.frame[self.key].isin(list(self.changed))]
        rows = [row.clamped(self.table, now) for row in self.changed.values() if row is not None]
        return _append(kept, self.table, rows)


def _append(frame: pd.DataFrame, table: Table, rows: Sequence[Row]) -> pd.DataFrame:
    """Return a canonical frame followed by canonical rows."""
    if not rows:
        return frame
    added = make_rows(table, rows).frame
    if not len(frame):
        return added
    frame = frame.reindex(columns=added.columns)
    other = {name: added[name].dtype for name in added if frame[name].dtype != added[name].dtype}
    return pd.concat([frame.astype(other), added], ignore_index=True)


class LiveTables:
    """The tables after events. Events of one row may arrive in any order and more than once.

    - A row has the values of its event with the highest number.
    - An action is kept by user, time, job and kind. It counts while its user and its job exist.
    - When a user is deleted, all earlier actions of the user are removed, also those that did not count.

    Parameters
    ----------
    tables: The tables without events.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.jobs = ChangedRows(self.board.table("jobs"), tables.jobs)
        self.users = ChangedRows(self.board.table("users"), tables.users)
        self.actions: dict[ActionKey, tuple[int, RecordedRow]] = {}
        """Actions of events, with the number of their event."""
        self._erased: dict[int, int] = {}  # user → the number of the last event that deleted the user

    @property
    def board(self) -> Board:
        return self.tables.board

    def apply(self, event: Event) -> bool:
        """Apply an event; return whether it changed a row.

        Raises
        ------
        DataError: If the row is not canonical.
        """
        event.require_canonical(self.board)
        if event.kind == "action":
            return self._add_action(event)
        if event.kind == "job":
            return self.jobs.apply(event)
        # a deletion removes earlier actions, also if a later event has created the user again
        is_erased = event.body is None and self._erase(event.key, event.seq)
        return self.users.apply(event) or is_erased

    def _add_action(self, event: Event) -> bool:
        assert event.body is not None
        if event.seq <= self._erased.get(event.key, 0):
            return False
        key = make_action_key(event.body)
        if key in self.actions:
            return False
        self.actions[key] = event.seq, RecordedRow(event.body, event.at)
        return True

    def _erase(self, user: int, seq: int) -> bool:
        """Remove the actions of a user up to an event; return whether the deletion was not known."""
        if seq <= self._erased.get(user, 0):
            return False
        self._erased[user] = seq
        self.actions = {key: value for key, value in self.actions.items() if key[0] != user or value[0] > seq}
        return True

    def note_events(self, events: Iterable[Event], now: datetime) -> None:
        """Note the numbers and times of events whose rows the checkpoint contains already.

        Values stay those of the checkpoint: a program without triggers may have changed a row since its event. A time
        matters only for rows with a time after the clock `now`, and for those of the last event of a row.
        """
        last = {(event.kind, event.key): event for event in events if event.kind != "action"}
        late = {"job": self.jobs.find_late(now), "user": self.users.find_late(now)}
        for (kind, key), event in last.items():
            rows = self.jobs if kind == "job" else self.users
            rows.versions[key] = event.seq
            if event.body is not None and key in late[kind]:
                found = rows.get(key)
                assert found is not None
                rows.changed[key] = RecordedRow(found.row, event.at)
        stored = self.tables.actions
        columns = stored.loc[stored["occurred_at"] > pd.Timestamp(now), list(_ACTION_KEY)]
        late_actions = {
            (int(user), int(job), str(kind), time.to_pydatetime())
            for user, job, kind, time in columns.itertuples(index=False, name=None)
        }
        for event in events:
            if event.kind == "action" and event.body is not None:
                action = make_action_key(event.body)
                if action in late_actions:
                    self.actions[action] = event.seq, RecordedRow(event.body, event.at)

    def copy(self) -> LiveTables:
        """Return a copy that later events do not change."""
        found = LiveTables(self.tables)
        found.jobs, found.users = self.jobs.copy(), self.users.copy()
        found.actions, found._erased = dict(self.actions), dict(self._erased)
        return found

    def fold(self, now: datetime) -> LiveTables:
        """Return equal tables in which rows that were recorded up to `now` belong to the checkpoint.

        No earlier event of a row must arrive later: deletions of users are forgotten.
        """
        jobs, users = self.jobs.fold(now), self.users.fold(now)
        rows = [recorded.row for _, recorded in self.actions.values() if recorded.at <= now]
        actions = _append(self.make_checkpoint_actions(), self.board.table("actions"), rows)
        found = LiveTables(self.tables.with_tables(jobs=jobs.frame, users=users.frame, actions=actions))
        found.jobs, found.users = jobs, users
        found.actions = {key: value for key, value in self.actions.items() if value[1].at > now}
        return found

    def take(self, user_id: int, job_id: int) -> LiveTables:
        """Return the rows that the score of a pair depends on: the pair, the user's actions, and the jobs of these.

        Raises
        ------
        UnknownIdError: If the user or the job does not exist.
        """
        for table, kind, key in ((self.users, "user", user_id), (self.jobs, "job", job_id)):
            if not table.contains(key):
                raise UnknownIdError(f"{kind} {key} does not exist.", kind=kind, unknown_id=key)
        frame = self.tables.actions
        is_taken = (frame["user_id"].to_numpy() == user_id) & (user_id not in self._erased)
        actions = frame[is_taken].reset_index(drop=True)
        recorded = {key: value for key, value in self.actions.items() if key[0] == user_id}
        jobs = self.jobs.take([job_id, *actions["job_id"].tolist(), *(key[1] for key in recorded)])
        users = self.users.take([user_id])
        found = LiveTables(
            self.tables.with_tables(
                jobs=jobs.frame, users=users.frame, actions=actions, user_factors=None, job_factors=None
            )
        )
        found.jobs, found.users, found.actions = jobs, users, recorded
        return found

    def make_dataset(self, clock: Clock) -> Dataset:
        """Return the dataset at a clock. Times count as the clock up to the time at which they were recorded."""
        now = clock.as_of.to_pydatetime()
        jobs, users = self.jobs.make_frame(now), self.users.make_frame(now)
        actions, recorded_at = self.make_actions(now)
        exists = (actions["user_id"].isin(users["user_id"]) & actions["job_id"].isin(jobs["job_id"])).to_numpy(bool)
        tables = self.tables.with_tables(jobs=jobs, users=users, actions=actions[exists].reset_index(drop=True))
        return Dataset(tables, as_of=clock.as_of, set_back=clock.set_back, recorded_at=recorded_at[exists])

    def make_checkpoint_actions(self) -> pd.DataFrame:
        """Return the actions of the checkpoint, without those of users who were deleted since."""
        frame = self.tables.actions
        return frame[~frame["user_id"].isin(list(self._erased))] if self._erased else frame

    def make_actions(self, now: datetime) -> tuple[pd.DataFrame, Longs]:
        """Return all actions, with own times as of a clock, and when each was recorded."""
        table, kept = self.board.table("actions"), self.make_checkpoint_actions()
        recorded = [row for _, row in self.actions.values()]
        rows = [{**row.clamped(table, now), "occurred_at": row.row["occurred_at"]} for row in recorded]
        at = np.array([to_microseconds(row.at) for row in recorded], dtype=np.int64)
        return _append(kept, table, rows), np.concatenate([np.full(len(kept), NO_TIME), at])


class EventTables:
    """Tables and numbered events, from which the state after any event is built from scratch.

    Example
    -------
    >>> from datetime import UTC, datetime
    >>> new = int(data.jobs.job_id.max()) + 1
    >>> event = Event(1, "job", new, {"job_id": new, "fee": 800.0}, datetime(2025, 6, 1, tzinfo=UTC))
    >>> after = EventTables(data.tables, [event]).dataset_at(1, data.clock)
    >>> len(after.jobs) - len(data.jobs)
    1
    """

    def __init__(self, tables: Tables, events: Iterable[Event] = ()) -> None:
        self.tables = tables
        self._events = {event.seq: event for event in events}

    def add(self, event: Event) -> None:
        """Add an event. An event with the same number is replaced."""
        self._events[event.seq] = event

    @property
    def last_seq(self) -> int:
        """The highest number of an event; 0 without events."""
        return max(self._events, default=0)

    def dataset_at(self, upto: int, clock: Clock) -> Dataset:
        """See `EventSource`. Numbers may have gaps."""
        if upto > self.last_seq:
            raise ConfigurationError(
                f"upto is {upto}, but the last event has the number {self.last_seq}. Use a number up to that.",
                key=("upto",),
            )
        state = LiveTables(self.tables)
        for seq in sorted(self._events):
            if seq <= upto:
                state.apply(self._events[seq])
        return state.make_dataset(clock)
