"""Remove old runs, and the data of killed runs, from a folder and a database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from scoring.argument_checks import whole_number
from scoring.database.database import Database
from scoring.database.schema import current_runs, runs
from scoring.runs.history import Leftover, leftovers_in_database, leftovers_in_folder, read_latest
from scoring.runs.publishers import published_runs
from scoring.runs.publishers.database_lock import hold_key, remove_stale_locks
from scoring.runs.publishers.database_runs import PUBLISHED, remove_run
from scoring.runs.publishers.reader_locks import lock_for_removal
from scoring.storage.atomic_file import sync_folder
from scoring.storage.file_lock import FileLock, LockHeldError
from scoring.storage.os_errors import wrap_os_errors
from scoring.telemetry import fault_injection

__all__ = ["PruneReport", "prune"]

_REMOVING = ".removing"


@dataclass
class PruneReport:
    """The runs that were removed, and those that could not be."""

    removed: list[str] = field(default_factory=list)
    """Published runs."""
    unfinished: list[str] = field(default_factory=list)
    """Removed runs that were stopped or killed, and are older than the newest published one."""
    stayed: dict[str, str] = field(default_factory=dict)
    """Run → the reason why it was not removed."""
    is_folder_only: bool = False
    """Whether published runs were removed from the folder without a database to check."""


def prune(folder: str | Path, database: Database | None, keep: int) -> PruneReport:
    """Remove all published runs except the newest `keep`, in both places, and never a current run of readers.

    Unfinished runs that are older than the newest published one are removed too, unless a process is writing them. A
    run that `read_run` is reading is kept and reported in `PruneReport.stayed`.

    Raises
    ------
    ConfigurationError: If `keep` is below 1.
    OutputError, DatabaseError: If a run cannot be removed.
    """
    keep = whole_number("keep", keep, "a whole number of runs is kept")
    folder = Path(folder)
    _finish_removing(folder)
    in_folder = {path.name: path for path in published_runs(folder)}
    in_database, followed = _in_database(database) if database is not None else (set(), set())
    followed |= {name for name in [read_latest(folder)] if name}
    known = sorted({*in_folder, *in_database})
    done = PruneReport()
    for run_id in known[:-keep]:
        if run_id in followed:
            continue
        try:
            if run_id in in_folder:
                with lock_for_removal(in_folder[run_id]):
                    _remove_folder(in_folder[run_id])
        except LockHeldError:
            done.stayed[run_id] = "it is being read"
            continue
        if database is not None and run_id in in_database:
            with database.begin() as connection:
                remove_run(connection, run_id)
        done.removed.append(run_id)
        fault_injection.reach("old run removed")
    done.is_folder_only = database is None and bool(done.removed)
    if known:
        _remove_unfinished(folder, database, known[-1], done)
    if database is not None:
        remove_stale_locks(database)
    return done


def _in_database(database: Database) -> tuple[set[str], set[str]]:
    """Return the published runs, and the runs in `current_runs`."""
    with database.connect() as connection:
        published = connection.execute(select(runs.c.run_id).where(runs.c.status == PUBLISHED)).scalars().all()
        followed = connection.execute(select(current_runs.c.run_id)).scalars().all()
    return set(published), set(followed)


def _remove_folder(path: Path) -> None:
    """Hide the run from readers in one step, then delete its files."""
    hidden = path.with_name(f".{path.name}{_REMOVING}")
    with wrap_os_errors(path, what="Results"):
        os.rename(path, hidden)
        fault_injection.reach("old run hidden")
        shutil.rmtree(hidden)
        sync_folder(path.parent)


def _finish_removing(folder: Path) -> None:
    """Delete runs whose removal was interrupted."""
    for hidden in folder.glob(f".*{_REMOVING}"):
        with wrap_os_errors(hidden, what="Results"):
            shutil.rmtree(hidden)


def _remove_unfinished(folder: Path, database: Database | None, newest: str, done: PruneReport) -> None:
    for left in leftovers_in_folder(folder):
        if left.run_id < newest and not left.alive:
            with _unless_held(), wrap_os_errors(folder, what="Results"):
                lock = FileLock(left.journal).acquire()
                shutil.rmtree(left.work, ignore_errors=True)
                lock.release(remove=True)
                done.unfinished.append(left.run_id)
    if database is None:
        return
    for unpublished in leftovers_in_database(database):
        if unpublished.run_id < newest and not unpublished.alive:
            _remove_rows(database, unpublished, done)


def _remove_rows(database: Database, left: Leftover, done: PruneReport) -> None:
    with _unless_held():
        let_go = hold_key(database, left.key) if left.key else lambda: None
        try:
            with database.begin() as connection:
                remove_run(connection, left.run_id)
        finally:
            let_go()
        if left.run_id not in done.unfinished:
            done.unfinished.append(left.run_id)


@contextmanager
def _unless_held() -> Iterator[None]:
    """Skip a run that another process has locked meanwhile."""
    try:
        yield
    except LockHeldError:
        return
