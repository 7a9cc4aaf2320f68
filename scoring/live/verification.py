"""Compare live lists with lists from scratch, and the tables in memory with those of the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.bundle.ranked_lists import Ranking
from scoring.columns import ACTION_KINDS
from scoring.columns.dataset_frames import Tables
from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.readers import read_tables
from scoring.dataset.arrays import to_microseconds
from scoring.dataset.python_row_encoding import EPOCH
from scoring.errors import DataError, pluralize
from scoring.live.basis_store import StoredBasis
from scoring.live.event_log import EventLog, LogPosition
from scoring.live.live_tables import LiveTables
from scoring.model import ScoringModel
from scoring.ranking import Prepared
from scoring.validation.cross_table_checks import accept_tables

__all__ = ["VerifyReport", "compare_rows", "find_different_lists", "verify_lists"]

MAX_NAMED: Final = 20
"""Users and rows that a report names, at most."""

_END: Final = datetime.max.replace(tzinfo=UTC)
"""A clock after the times of all events: no time of a row is replaced by it."""


@dataclass(frozen=True)
class VerifyReport:
    """The result of a verification.

    Parameters
    ----------
    basis, seq: For which the lists were compared.
    n_lists: Number of compared lists.
    n_different: Number of lists that differ from those from scratch; `different_users` names some.
    n_changed: Number of rows of the database that are not those of the events; `changed_rows` names some, by table and
        id. A program that writes without triggers causes them.
    table_seq: The number of the newest event when the tables were read.
    """

    basis: int
    seq: int
    n_lists: int
    n_different: int
    different_users: tuple[int, ...]
    n_changed: int
    changed_rows: tuple[tuple[str, tuple[Any, ...]], ...]
    table_seq: int

    @property
    def is_exact(self) -> bool:
        """Whether all lists and rows are equal."""
        return not self.n_different and not self.n_changed

    def __str__(self) -> str:
        lists = f"{pluralize(self.n_lists, 'list')} of basis {self.basis} at event {self.seq:,}"
        if self.is_exact:
            return f"{lists}: all equal. The tables equal the events up to {self.table_seq:,}."
        rows = ", ".join(f"{table} {' '.join(map(str, key))}" for table, key in self.changed_rows)
        users = ", ".join(map(str, self.different_users))
        parts = [f"{lists}: {self.n_different:,} differ" + (f" (users {users})" if users else "")]
        if self.n_changed:
            parts.append(f"{pluralize(self.n_changed, 'row')} changed without an event ({rows})")
        return "; ".join(parts) + "."


def verify_lists(
    database: Database,
    log: EventLog,
    model: ScoringModel,
    stored: StoredBasis,
    tables: LiveTables,
    found: Ranking,
    seq: int,
    position: LogPosition,
) -> VerifyReport:
    """Compare lists with those from scratch, and tables with those of the database.

    Parameters
    ----------
    tables: The tables that the lists were computed from. The events up to the database's snapshot are added to them.
    found: The lists.
    seq, position: Up to which event the tables have the log.
    """
    basis = stored.basis
    prepared = Prepared.of(tables.make_dataset(basis.clock), model, basis=basis)
    k = max(1, found.job_id.shape[1])
    different = find_different_lists(found, prepared.top_k(k))
    with database.snapshot() as connection:
        board = read_board(connection)
        read = read_tables(connection, board)
        accepted, _ = accept_tables(read, on_bad="quarantine", board=board)
        stored_tables = accepted.with_tables(actions=read["actions"].frame)
        page = log.read(position)
        while True:
            _add_events(tables, page.events)
            if not page.n_left:
                break
            page = log.read(page.position)
    changed = [*compare_rows(tables, stored_tables)]
    return VerifyReport(
        basis=stored.number,
        seq=seq,
        n_lists=len(found.user_id),
        n_different=len(different),
        different_users=tuple(different[:MAX_NAMED]),
        n_changed=len(changed),
        changed_rows=tuple(changed[:MAX_NAMED]),
        table_seq=page.position.seq,
    )


def _add_events(tables: LiveTables, events: Iterable[Any]) -> None:
    for event in events:
        if event.kind in ("job", "user", "action"):
            try:
                tables.apply(event.event())
            except DataError:
                continue  # counted by the engine


def find_different_lists(found: Ranking, wanted: Ranking) -> list[int]:
    """Return the users whose lists differ in ids, order or a score, or exist in one ranking only."""
    different = np.setxor1d(found.user_id, wanted.user_id).tolist()
    _, at, of = np.intersect1d(found.user_id, wanted.user_id, return_indices=True)
    width = min(found.job_id.shape[1], wanted.job_id.shape[1])
    is_used = np.arange(width) < np.minimum(found.count[at], wanted.count[of])[:, None]
    differs = found.count[at] != wanted.count[of]
    differs |= ((found.job_id[at, :width] != wanted.job_id[of, :width]) & is_used).any(axis=1)
    unequal = (found.scores[at, :width] != wanted.scores[of, :width]).any(axis=2)
    differs |= (unequal & is_used).any(axis=1)
    return sorted([*different, *found.user_id[at][differs].tolist()])


def compare_rows(tables: LiveTables, stored: Tables) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """Yield the table and the key of each row that is not the same in memory and in the database."""
    for name, rows in (("jobs", tables.jobs), ("users", tables.users)):
        key, memory, database = rows.key, rows.make_frame(_END), getattr(stored, name)
        memory, database = memory.set_index(key), database.set_index(key)
        for only in memory.index.symmetric_difference(database.index).tolist():
            yield name, (only,)
        common = memory.index.intersection(database.index)
        memory, database = memory.loc[common], database.loc[common]
        differs = np.zeros(len(common), dtype=bool)
        for column in database.columns:
            ours = memory[column] if column in memory else pd.Series(None, index=common, dtype=object)
            differs |= _differ(ours, database[column])
        for one in common[differs].tolist():
            yield name, (one,)
    actions = tables.make_actions(_END)[0]
    first, second = _sort_actions(actions), _sort_actions(stored.actions)
    if first.shape == second.shape and np.array_equal(first, second):
        return
    for user, job, kind, at in {*map(tuple, first.T.tolist())} ^ {*map(tuple, second.T.tolist())}:
        yield "actions", (user, job, ACTION_KINDS[kind], (EPOCH + timedelta(microseconds=at)).isoformat())


def _sort_actions(frame: pd.DataFrame) -> Longs:
    """Return (4, n) user, job, kind and time of the distinct actions, sorted."""
    kind = pd.Categorical(frame["action"], categories=list(ACTION_KINDS)).codes
    columns = np.stack(
        [
            frame["user_id"].to_numpy(np.int64),
            frame["job_id"].to_numpy(np.int64),
            kind,
            to_microseconds(frame["occurred_at"]),
        ]
    ).astype(np.int64)
    columns = columns[:, np.lexsort(columns[::-1])]
    is_new = np.ones(columns.shape[1], dtype=bool)
    is_new[1:] = (columns[:, 1:] != columns[:, :-1]).any(axis=0)
    return columns[:, is_new]


def _differ(first: pd.Series, second: pd.Series) -> np.ndarray:
    ours, theirs = first.astype(object).to_numpy(), second.astype(object).to_numpy()
    return np.array([not _equal(one, other) for one, other in zip(ours, theirs, strict=True)], dtype=bool)


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, list | tuple | np.ndarray) or isinstance(second, list | tuple | np.ndarray):
        return list(first) == list(second)
    if pd.isna(first) or pd.isna(second):
        return bool(pd.isna(first) and pd.isna(second))
    return bool(first == second)
