"""The snapshot that everything is computed from."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.columns.canonical_tables import Tables, newest_of
from scoring.columns.types import TIME
from scoring.dataset.arrays import ActionArrays, JobArrays, Ragged, UserArrays, instants
from scoring.dataset.vocabularies import vocabularies_of
from scoring.errors import ConfigurationError, DataError, counted
from scoring.id_index import IdIndex
from scoring.validation.cross_table import OnBad
from scoring.validation.report import DataLedger, TableLedger

__all__ = ["Dataset", "clock_of"]


class Dataset:
    """Users, jobs, actions and reference tables as of the data's clock. Never changes.

    `as_of` (None: the newest action, else the newest posting) is the clock; `clock_set_back` tells whether one
    was given that is earlier than that: then what is active today says nothing of that day. `set_back` says so
    outright, where tables no longer hold what came after. Rows are kept by id, so that nothing depends on the order
    in which a source gave them.

    Raises
    ------
    DataError: an id twice, an action on an unknown user or job, one factor table without the other.
    ConfigurationError: a clock that is no time.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        as_of: datetime | str | None = None,
        set_back: bool | None = None,
        ledger: DataLedger | None = None,
    ) -> None:
        self.tables = _by_id(tables)
        newest = newest_of(self.tables)
        self.as_of = newest if as_of is None else _given(as_of)
        self.clock_set_back = self.as_of < newest if set_back is None else set_back
        self.now = int(instants(pd.Series([self.as_of]).astype("datetime64[us, UTC]"))[0])
        """The clock in microseconds."""
        self.words = vocabularies_of(self.tables)
        self.jobs = JobArrays.encode(self.tables.jobs, self.words)
        self.users = UserArrays.encode(self.tables.users, self.words)
        actions = self.tables.actions
        self.actions = ActionArrays.encode(
            actions,
            _rows_of(actions["user_id"], self.users.user_id, "user"),
            _rows_of(actions["job_id"], self.jobs.job_id, "job"),
            self.now,
        )
        self.ledger = self._account(ledger)
        """What became of every row that was read: used, left out by a rule, refused for a reason."""

    @classmethod
    def from_frames(
        cls,
        jobs: pd.DataFrame,
        users: pd.DataFrame,
        actions: pd.DataFrame | None = None,
        *,
        as_of: datetime | str | None = None,
        on_bad: OnBad = "refuse",
        **tables: pd.DataFrame,
    ) -> Self:
        """From DataFrames with canonical columns or their aliases. Reference tables are Japan's unless given.

        `on_bad`: what to do about rows that cannot be used: "refuse" is an error that names them all (its `problems`
        as a frame), "quarantine" goes on without them, and `ledger` has them.

        Raises DataError naming table, column and row of what cannot be.
        """
        from scoring.dataset.from_frames import read_frames

        given = {"jobs": jobs, "users": users, "actions": actions, **tables}
        read, ledger = read_frames(given, on_bad=on_bad, as_of=clock_of(as_of))
        return cls(read, as_of=as_of, ledger=ledger)

    @classmethod
    def from_database(cls, db: Any, *, as_of: datetime | str | None = None, on_bad: OnBad = "refuse") -> Self:
        """From a database: a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine, URL, or a SQLite file's path.

        `on_bad` as above: somebody else may have filled it. Raises DatabaseError, DataError.
        """
        from scoring.database.database import Database
        from scoring.database.readers import read_database

        read, ledger = read_database(Database.open(db), on_bad=on_bad, as_of=clock_of(as_of))
        return cls(read, as_of=as_of, ledger=ledger)

    def _account(self, ledger: DataLedger | None) -> DataLedger:
        """With what the clock leaves out."""
        if ledger is None:
            sizes = {name: len(frame) for name, frame in self.tables.items()}
            ledger = DataLedger({name: TableLedger(name, size, size) for name, size in sizes.items()})
        found = ledger["actions"]
        later = int((instants(self.tables.actions["occurred_at"]) > self.now).sum())
        repeated = found.read - found.n_refused - later - len(self.actions)
        left_out = {rule: rows for rule, rows in (("repeated", repeated), ("after the clock", later)) if rows}
        return ledger.with_table(replace(found, used=len(self.actions), left_out=left_out))

    def __repr__(self) -> str:
        return (
            f"Dataset({counted(len(self.users), 'user')}, {counted(len(self.jobs), 'job')}, "
            f"{counted(len(self.actions), 'action')}, "
            f"as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC)"
        )

    @cached_property
    def open_jobs(self) -> np.ndarray:
        """(n_jobs,) bool: open at the clock; `is_active` counts only when the clock was not set back."""
        return self.jobs.open_at(self.now, check_active=not self.clock_set_back)

    @cached_property
    def adjacent(self) -> np.ndarray:
        """(n_prefectures, n_prefectures) bool by prefecture code, symmetric; unknown codes touch nothing."""
        pairs = self.tables.prefecture_adjacency
        known = self.tables.prefectures["prefecture_code"]
        pairs = pairs[pairs["prefecture_code"].isin(known) & pairs["adjacent_code"].isin(known)]
        a = self.words.prefecture.codes(pairs["prefecture_code"])
        b = self.words.prefecture.codes(pairs["adjacent_code"])
        matrix = np.zeros((len(self.words.prefecture),) * 2, dtype=bool)
        matrix[a, b] = matrix[b, a] = True
        return matrix

    @cached_property
    def reference_fingerprint(self) -> str:
        """A digest of which prefectures there are, by which codes, and which of them touch."""
        digest = hashlib.blake2b("\0".join(map(str, self.words.prefecture.values)).encode(), digest_size=16)
        for name in ("prefectures", "prefecture_adjacency"):
            _digest_frame(digest, name, getattr(self.tables, name))
        return digest.hexdigest()

    @cached_property
    def users_fingerprint(self) -> str:
        """A digest of the users' table, in its order."""
        digest = hashlib.blake2b(digest_size=16)
        _digest_frame(digest, "users", self.tables.users)
        return digest.hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that a score can depend on; equal for equal content in any row order."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.now} {self.clock_set_back}".encode())
        for rows in (self.jobs, self.users, self.actions):
            for field in fields(rows):
                values = getattr(rows, field.name)
                for array in (values.start, values.values) if isinstance(values, Ragged) else (values,):
                    if isinstance(array, np.ndarray):
                        digest.update(field.name.encode() + np.ascontiguousarray(array).tobytes())
        for name in ("jobs", "users", "occupations", "prefectures", "prefecture_adjacency"):
            _digest_frame(digest, name, getattr(self.tables, name))
        for name in ("user_factors", "job_factors"):
            frame = getattr(self.tables, name)
            if frame is not None:
                digest.update(name.encode() + np.ascontiguousarray(frame.to_numpy(np.float64)).tobytes())
        return digest.hexdigest()


def _digest_frame(digest: hashlib.blake2b, name: str, frame: pd.DataFrame) -> None:
    """Add the columns of a frame to a digest: a component may read columns that no array holds."""
    for column in TABLES[name].columns:
        if column.name in frame:
            column.type.update_digest(digest, column.name, frame[column.name])


def _by_id(tables: Tables) -> Tables:
    if (tables.user_factors is None) != (tables.job_factors is None):
        raise DataError("user_factors and job_factors belong together: bring both tables or neither.")
    if tables.user_factors is not None and tables.job_factors is not None:
        sizes = len(tables.user_factors.columns) - 1, len(tables.job_factors.columns) - 1
        if sizes[0] != sizes[1]:
            raise DataError(
                f"user_factors have {sizes[0]} dimensions and job_factors have {sizes[1]}: bring as many for both."
            )
    ordered = {}
    for name, frame in tables.items():
        table = TABLES[name]
        if name == "actions":
            ordered[name] = frame  # ordered when encoded
            continue
        key = table.key[0]
        if len(table.key) == 1 and (twice := frame[key].duplicated()).any():
            ids = ", ".join(str(value) for value in frame.loc[twice, key].unique()[:5])
            raise DataError(f"{name}: the same {key} stands twice: {ids}. Keep one row for each.")
        if len(table.key) > 1 or not frame[key].is_monotonic_increasing:
            frame = frame.sort_values(list(table.key), kind="stable")
        ordered[name] = frame.reset_index(drop=True)
    return tables.with_tables(**ordered)


def clock_of(as_of: datetime | str | None) -> pd.Timestamp | None:
    """The clock that was given, in UTC. Raises ConfigurationError for what is no time."""
    return None if as_of is None else _given(as_of)


def _given(as_of: datetime | str) -> pd.Timestamp:
    try:
        if isinstance(as_of, int | float | np.number) and not pd.isna(as_of):
            raise TypeError  # pandas would take it for nanoseconds
        if isinstance(as_of, str):  # read as every time in a table is: no "now", no day before its month
            read = TIME.coerce(pd.Series([as_of], dtype="str"))
            if read.problems:
                raise ValueError
            clock = read.values[0]
        else:
            clock = pd.Timestamp(as_of)
        if not pd.isna(clock):
            clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock.tz_convert("UTC")
            if not 1 <= clock.year <= 9999:
                raise ValueError
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigurationError(f"as_of: {as_of!r} is no time; write it like 2025-06-30T12:00:00Z.") from error
    if pd.isna(clock):
        raise ConfigurationError("as_of: a time is needed, or None for the newest action's.")
    return clock


def _rows_of(ids: pd.Series, known: np.ndarray, what: str) -> np.ndarray:
    """The row of each id among sorted known ids. Raises DataError naming those that are not there."""
    rows, present = IdIndex(known).find(ids.to_numpy())
    if not present.all():
        names = ", ".join(str(value) for value in ids[~present].unique()[:5])
        raise DataError(
            f"actions: {int((~present).sum())} of an unknown {what}, such as {what}_id {names}. Import these "
            f"{what}s, or the actions again with --replace: it refuses those of nobody and nothing."
        )
    return rows.astype(np.int32)
