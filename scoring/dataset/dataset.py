"""The data that every result is computed from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from scoring.array_types import Bools, Longs
from scoring.columns import Column
from scoring.columns.board_definition import Board, parse_own_columns
from scoring.columns.dataset_frames import Tables, find_newest_time
from scoring.columns.series_functions import view_bytes
from scoring.columns.types import TIME
from scoring.dataset.arrays import NO_TIME, ActionArrays, JobArrays, Ragged, UserArrays, to_microseconds
from scoring.dataset.clock import Clock
from scoring.dataset.row_lookup import ExternalIds, RowLookup
from scoring.dataset.vocabularies import collect_vocabularies
from scoring.errors import ConfigurationError, DataError, pluralize
from scoring.id_index import IdIndex
from scoring.plotting.html_table import render_html_table
from scoring.validation.cross_table_checks import InvalidRowPolicy
from scoring.validation.report import DataReport, TableReport

__all__ = ["Dataset", "parse_clock", "require_dataset"]


class Dataset:
    """Users, jobs, actions and reference tables as of the data's clock. Immutable.

    Rows are sorted by id, so that no result depends on the order of rows in the source.

    Parameters
    ----------
    tables: Canonical tables.
    as_of: The clock; None for the time of the newest action, or of the newest posting if there are no actions.
    set_back: Whether `as_of` is in the past of the data, so that `is_active` is not used. With None, it is in the past
        if the newest data of `tables` are more than one day later (`Clock.given`). Pass True if the rows after the
        clock have been removed from the tables.
    ledger: Row counts of the source; None if the tables contain every row.
    recorded_at: (n_actions,) the time at which each row of `tables.actions` was recorded, in microseconds; `NO_TIME` if
        not known. An action after the clock, but not after this time, counts as at the clock. None: not known.

    Raises
    ------
    DataError: If an id is duplicated, an action refers to an unknown user or job, or one factor table is missing.
    ConfigurationError: If the clock is not a time.

    Example
    -------
    >>> import pandas as pd
    >>> jobs = pd.DataFrame({"job_id": [1, 2], "min_salary": [1200, None], "posted_at": "2025-06-01"})
    >>> users = pd.DataFrame({"user_id": [7]})
    >>> data = Dataset.from_frames(jobs, users)
    >>> data
    Dataset(1 user, 2 jobs, 0 actions, as of 2025-06-01 00:00:00 UTC)
    """

    def __init__(
        self,
        tables: Tables,
        *,
        as_of: datetime | str | None = None,
        set_back: bool | None = None,
        ledger: DataReport | None = None,
        recorded_at: Longs | None = None,
    ) -> None:
        self.tables = _sort_tables(tables)
        self._recorded_at = recorded_at
        newest = find_newest_time(self.tables)
        moment = newest if as_of is None else _to_utc(as_of)
        self.clock = Clock.given(moment, newest, set_back)
        self.words = collect_vocabularies(self.tables)
        self.jobs = JobArrays.encode(self.tables.jobs, self.words)
        self.users = UserArrays.encode(self.tables.users, self.words)
        self.actions = self._encode_actions(self.clock.now)
        self.ledger = self._count_actions(ledger)
        """Row counts per table: read, used, left out by a rule, rejected with a reason."""

    @classmethod
    def from_frames(
        cls,
        jobs: pd.DataFrame,
        users: pd.DataFrame,
        actions: pd.DataFrame | None = None,
        *,
        as_of: datetime | str | None = None,
        set_back: bool | None = None,
        on_bad: InvalidRowPolicy = "refuse",
        own_columns: Mapping[str, Mapping[str, Any]] | None = None,
        board: Mapping[str, str] | None = None,
        **tables: pd.DataFrame,
    ) -> Self:
        """Return the dataset of DataFrames with canonical columns or their aliases.

        With `on_bad="refuse"`, invalid rows raise an error whose `problems` is a
        frame of all problems. With "quarantine", they are left out and listed in `ledger`.

        `as_of` and `set_back` are those of `Dataset`.

        `own_columns` declares columns of jobs, users and actions that components read by name:
        `{"jobs": {"seniority": "category"}, "users": {"hobby": {"type": "category", "show": True}}}`.
        The types are those of `scoring.columns.board_definition.OWN_TYPES`.

        `board` states the settings of `scoring.columns.board_definition.SETTINGS`, all optional. `preset`: the
        default of the reference tables, "japan" or "none". `currency` and `region`: words for labels of money and of
        prefectures, as in `{"preset": "none", "currency": "CHF", "region": "canton"}`.

        Raises
        ------
        DataError: If a row is invalid; it names the table, the column and the row.
        ConfigurationError: If `own_columns` or `board` is invalid.
        """
        from scoring.dataset.frame_validation import read_frames

        frames = {"jobs": jobs, "users": users, "actions": actions, **tables}
        described = parse_own_columns(own_columns).with_settings({} if board is None else board)
        accepted, ledger = read_frames(frames, on_bad=on_bad, as_of=parse_clock(as_of), board=described)
        return cls(accepted, as_of=as_of, set_back=set_back, ledger=ledger)

    @classmethod
    def from_database(
        cls,
        db: Any,
        *,
        as_of: datetime | str | None = None,
        set_back: bool | None = None,
        on_bad: InvalidRowPolicy = "refuse",
    ) -> Self:
        """Return the dataset of a database.

        Parameters
        ----------
        db: A SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, or the path of a SQLite file.
        as_of, set_back: As of `Dataset`.
        on_bad: As in `from_frames`. Other programs may have written invalid rows.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        DataError: If a table cannot be used, or a row is invalid and `on_bad` is "refuse".
        """
        from scoring.database.database import Database
        from scoring.database.readers import read_database

        database = Database.open(db)
        try:
            accepted, ledger = read_database(database, on_bad=on_bad, as_of=parse_clock(as_of))
        finally:
            if database is not db:
                database.close()
        return cls(accepted, as_of=as_of, set_back=set_back, ledger=ledger)

    @property
    def board(self) -> Board:
        """The own columns, and the words for money and regions."""
        return self.tables.board

    @property
    def as_of(self) -> pd.Timestamp:
        """The clock in UTC."""
        return self.clock.as_of

    @cached_property
    def user_index(self) -> IdIndex:
        """Users by number."""
        return IdIndex(self.users.user_id)

    @cached_property
    def job_index(self) -> IdIndex:
        """Jobs by number."""
        return IdIndex(self.jobs.job_id)

    @cached_property
    def user_lookup(self) -> RowLookup:
        """Users by number or external id."""
        return RowLookup("user", self.users.user_id, self.tables.users["external_id"])

    @cached_property
    def job_lookup(self) -> RowLookup:
        """Jobs by number or external id."""
        return RowLookup("job", self.jobs.job_id, self.tables.jobs["external_id"])

    @cached_property
    def external_ids(self) -> ExternalIds:
        """The external ids of users and jobs, for results."""
        return ExternalIds.of(self.user_lookup, self.job_lookup)

    def find_user(self, user_id: int | str) -> int:
        """Return the number of a user: the `user_id` of all results.

        Raises
        ------
        UnknownIdError: If the user does not exist.
        ConfigurationError: If the value is not an id.
        """
        return self.user_lookup.find_id(user_id)

    def find_job(self, job_id: int | str) -> int:
        """Return the number of a job: the `job_id` of all results.

        Raises
        ------
        UnknownIdError: If the job does not exist.
        ConfigurationError: If the value is not an id.
        """
        return self.job_lookup.find_id(job_id)

    def actions_as_of(self, clock: Clock) -> ActionArrays:
        """Return the actions up to another clock, as in a dataset with that clock."""
        if clock.now == self.clock.now:
            return self.actions
        if clock.now > self.clock.now or self._recorded_at is not None:
            return self._encode_actions(clock.now)
        if not len(self.actions) or self.actions.at.max() <= clock.now:
            return self.actions
        return self.actions.take(np.flatnonzero(self.actions.at <= clock.now))

    def _encode_actions(self, now: int) -> ActionArrays:
        actions, last = self.tables.actions, now
        if self._recorded_at is not None:
            used = self._find_used_actions(self._recorded_at, now)
            actions, last = actions[used], np.iinfo(np.int64).max
        found = ActionArrays.encode(
            actions,
            _find_rows(actions["user_id"], self.users.user_id, "user"),
            _find_rows(actions["job_id"], self.jobs.job_id, "job"),
            last,
            tuple(column.name for column in self.board.get_own("actions")),
        )
        # duplicates and the order of actions are those of the original times
        return found if self._recorded_at is None else replace(found, at=np.minimum(found.at, now))

    def _find_used_actions(self, recorded_at: Longs, now: int) -> Bools:
        at = to_microseconds(self.tables.actions["occurred_at"])
        used: Bools = (at <= now) | (at <= recorded_at)
        return used

    def _count_actions(self, ledger: DataReport | None) -> DataReport:
        """Return the report with the actions that are duplicates or after the clock."""
        if ledger is None:
            sizes = {name: len(frame) for name, frame in self.tables.items()}
            ledger = DataReport({name: TableReport(name, size, size) for name, size in sizes.items()})
        counts = ledger["actions"]
        recorded = np.full(len(self.tables.actions), NO_TIME) if self._recorded_at is None else self._recorded_at
        later = int((~self._find_used_actions(recorded, self.clock.now)).sum())
        repeated = counts.read - counts.n_rejected - later - len(self.actions)
        left_out = {rule: rows for rule, rows in (("repeated", repeated), ("after the clock", later)) if rows}
        return ledger.with_table(replace(counts, used=len(self.actions), left_out=left_out))

    def __repr__(self) -> str:
        return (
            f"Dataset({pluralize(len(self.users), 'user')}, {pluralize(len(self.jobs), 'job')}, "
            f"{pluralize(len(self.actions), 'action')}, "
            f"as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC)"
        )

    def _repr_html_(self) -> str:
        """Return the rows of each table and the clock. Actions that are not used are explained."""
        actions = self.ledger["actions"]
        left_out = "; ".join(f"{rows:,} {rule}" for rule, rows in actions.left_out.items())
        frame = pd.DataFrame(
            {
                "table": ["users", "jobs", "actions"],
                "rows": [len(self.users), len(self.jobs), len(self.actions)],
                "note": [
                    f"{np.count_nonzero(self.users.active):,} active",
                    f"{np.count_nonzero(self.open_jobs):,} open at the clock",
                    f"not used: {left_out}" if left_out else "",
                ],
            }
        )
        table = render_html_table(frame)
        return f"<p><b>Dataset</b> as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC</p>{table}"

    @cached_property
    def open_jobs(self) -> np.ndarray:
        """(n_jobs,) bool: open at the clock. `is_active` is used only if the clock was not set back."""
        return self.jobs.find_open(self.clock.now, check_active=not self.clock.set_back)

    @cached_property
    def adjacent(self) -> np.ndarray:
        """(n_prefectures, n_prefectures) bool by prefecture code, symmetric. Unknown codes have no neighbours."""
        pairs = self.tables.prefecture_adjacency
        known = self.tables.prefectures["prefecture_code"]
        pairs = pairs[pairs["prefecture_code"].isin(known) & pairs["adjacent_code"].isin(known)]
        first = self.words.prefecture.codes(pairs["prefecture_code"])
        second = self.words.prefecture.codes(pairs["adjacent_code"])
        matrix = np.zeros((len(self.words.prefecture),) * 2, dtype=bool)
        matrix[first, second] = matrix[second, first] = True
        return matrix

    @cached_property
    def reference_fingerprint(self) -> str:
        """Digest of the prefectures, their codes and their adjacency."""
        digest = hashlib.blake2b("\0".join(map(str, self.words.prefecture.values)).encode(), digest_size=16)
        for name in ("prefectures", "prefecture_adjacency"):
            _digest_frame(digest, self.board.table(name).columns, getattr(self.tables, name))
        return digest.hexdigest()

    @cached_property
    def users_fingerprint(self) -> str:
        """Digest of the users table."""
        digest = hashlib.blake2b(digest_size=16)
        _digest_frame(digest, self.board.table("users").columns, self.tables.users)
        return digest.hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """Digest of everything that a score can depend on. It does not depend on the row order of the source."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.clock.now} {self.clock.set_back}".encode())
        for rows in (self.jobs, self.users, self.actions):
            for field in fields(rows):
                values = getattr(rows, field.name)
                for array in (values.start, values.values) if isinstance(values, Ragged) else (values,):
                    if isinstance(array, np.ndarray):
                        digest.update(field.name.encode())
                        digest.update(view_bytes(array))
        for name in ("jobs", "users", "occupations", "prefectures", "prefecture_adjacency"):
            _digest_frame(digest, self.board.table(name).columns, getattr(self.tables, name))
        if self.actions.own is not None:
            _digest_frame(digest, self.board.get_own("actions"), self.actions.own)
        for name in ("user_factors", "job_factors"):
            frame = getattr(self.tables, name)
            if frame is not None:
                digest.update(name.encode())
                digest.update(view_bytes(frame.to_numpy(np.float64)))
        return digest.hexdigest()


def _digest_frame(digest: hashlib.blake2b, columns: Sequence[Column], frame: pd.DataFrame) -> None:
    """Add the columns of a frame to a digest, because components may read columns that no array contains."""
    for column in columns:
        if column.name in frame:
            column.type.update_digest(digest, column.name, frame[column.name])


def _sort_tables(tables: Tables) -> Tables:
    if (tables.user_factors is None) != (tables.job_factors is None):
        raise DataError(
            "user_factors and job_factors must be given together. Give both tables or neither.",
            reason="missing table",
            table="job_factors" if tables.job_factors is None else "user_factors",
        )
    if tables.user_factors is not None and tables.job_factors is not None:
        sizes = len(tables.user_factors.columns) - 1, len(tables.job_factors.columns) - 1
        if sizes[0] != sizes[1]:
            raise DataError(
                f"user_factors has {pluralize(sizes[0], 'factor')} (f0, f1, …), but job_factors has {sizes[1]}. "
                "Both need the same number.",
                reason="number of factors",
                table="user_factors",
                value=str(sizes[0]),
            )
    ordered = {}
    for name, frame in tables.items():
        table = tables.board.table(name)
        if name == "actions":
            ordered[name] = frame  # sorted when encoded
            continue
        key = table.key[0]
        if len(table.key) == 1 and (duplicates := frame[key].duplicated()).any():
            ids = ", ".join(str(value) for value in frame.loc[duplicates, key].unique()[:5])
            raise DataError(
                f"{name}: duplicate {key}: {ids}. Keep one row of each.",
                reason="duplicate id",
                table=name,
                column=key,
                value=str(frame.loc[duplicates, key].iloc[0]),
            )
        if len(table.key) > 1 or not frame[key].is_monotonic_increasing:
            frame = frame.sort_values(list(table.key), kind="stable")
        ordered[name] = frame.reset_index(drop=True)
    return tables.with_tables(**ordered)


def require_dataset(data: object, name: str = "data") -> None:
    """Check that an argument is a dataset.

    Raises
    ------
    ConfigurationError: If it is not.
    """
    if not isinstance(data, Dataset):
        raise ConfigurationError(
            f"{name} is of type {type(data).__name__}. Use a Dataset, such as Dataset.from_database or "
            "Dataset.from_frames returns.",
            key=(name,),
        )


def parse_clock(as_of: datetime | str | None, name: str = "as_of") -> pd.Timestamp | None:
    """Return a clock given by a caller, in UTC. Messages contain `name`, the argument or option of the caller.

    Raises
    ------
    ConfigurationError: If the value is not a time.
    """
    return None if as_of is None else _to_utc(as_of, name)


def _to_utc(as_of: datetime | str, name: str = "as_of") -> pd.Timestamp:
    try:
        if isinstance(as_of, int | float | np.number) and not pd.isna(as_of):
            raise TypeError  # pandas would read it as nanoseconds
        if isinstance(as_of, str):  # same rules as for times in tables: rejects "now" and day-first dates
            parsed = TIME.coerce(pd.Series([as_of], dtype="str"))
            if parsed.problems:
                raise ValueError
            clock = parsed.values[0]
        else:
            clock = pd.Timestamp(as_of)
        if not pd.isna(clock):
            clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock.tz_convert("UTC")
            if not 1 <= clock.year <= 9999:
                raise ValueError
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigurationError(
            f"{name}: {as_of!r} is not a time. Use a time such as 2025-06-30T12:00:00Z.", key=(name,)
        ) from error
    if pd.isna(clock):
        raise ConfigurationError(
            f"{name}: the time is missing. Use a time, or omit it for the time of the newest action.", key=(name,)
        )
    return clock


def _find_rows(ids: pd.Series, known: np.ndarray, what: str) -> np.ndarray:
    """Return the row of each id in the sorted known ids. Raise DataError if an id is unknown."""
    rows, present = IdIndex(known).find(ids.to_numpy())
    if not present.all():
        names = ", ".join(str(value) for value in ids[~present].unique()[:5])
        raise DataError(
            f"actions: {pluralize(int((~present).sum()), 'row')} with an unknown {what}, such as {what}_id {names}. "
            f"Add these {what}s, or remove the rows: `Dataset.from_frames` does so with on_bad='quarantine'.",
            reason="unknown id",
            table="actions",
            column=f"{what}_id",
            value=str(ids[~present].iloc[0]),
        )
    return rows.astype(np.int32)
