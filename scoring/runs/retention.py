"""Remove old runs, and the data of killed runs, from a folder and a database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from scoring.argument_checks import check_positive_integer
from scoring.database.database import Database
from scoring.database.schema import current_runs, runs
from scoring.runs.history import Leftover, find_database_leftovers, find_folder_leftovers, read_latest
from scoring.runs.publishers import list_published_runs
from scoring.runs.publishers.database_lock import hold_key, remove_stale_locks
from scoring.runs.publishers.database_runs import PUBLISHED, remove_run
from scoring.runs.publishers.reader_locks import lock_for_removal
from scoring.storage.atomic_file import sync_folder
from scoring.storage.file_lock import FileLock, LockHeldError
from scoring.storage.home_folder_expansion import expand_path
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
    kept: dict[str, str] = field(default_factory=dict)
    """Run → the reason why it was not removed."""
    is_folder_only: bool = False
    """Whether published runs were removed from the folder without a database to check."""


def prune(folder: str | Path, database: Database | None, keep: int) -> PruneReport:
    """Remove all published runs except the newest `keep`, in both places, and never a current run of readers.

    Unfinished runs that are older than the newest published one are removed too, unless a process is writing them. A
    run that `read_run` is reading is kept and reported in `PruneReport.kept`.

    Raises
    ------
    ConfigurationError: If `keep` is below 1.
    OutputError, DatabaseError: If a run cannot be removed.
    """
    keep = check_positive_integer("keep", keep)
    folder = expand_path(folder, "folder")
    _finish_removing(folder)
    in_folder = {path.name: path for path in list_published_runs(folder)}
    in_database, current = _read_database(database) if database is not None else (set(), set())
    current |= {name for name in [read_latest(folder)] if name}
    known = sorted({*in_folder, *in_database})
    report = PruneReport()
    for run_id in known[:-keep]:
        if run_id in current:
            continue
        try:
            if run_id in in_folder:
                with lock_for_removal(in_folder[run_id]):
                    _remove_folder(in_folder[run_id])
        except LockHeldError:
            report.kept[run_id] = "it is being read"
            continue
        if database is not None and run_id in in_database:
            with database.begin() as connection:
                remove_run(connection, run_id)
        report.removed.append(run_id)
        fault_injection.reach("old run removed")
    report.is_folder_only = database is None and bool(report.removed)
    if known:
        _remove_unfinished(folder, database, known[-1], report)
    if database is not None:
        remove_stale_locks(database)
    return report


def _read_database(database: Database) -> tuple[set[str], set[str]]:
    """Return the published runs, and the runs in `current_runs`."""
    with database.connect() as connection:
        published = connection.execute(select(runs.c.run_id).where(runs.c.status == PUBLISHED)).scalars().all()
        current = connection.execute(select(current_runs.c.run_id)).scalars().all()
    return set(published), set(current)


def _remove_folder(path: Path) -> None:
    """Hide the run from readers in one step, then delete its files."""
    hidden = path.with_name(f".{path.name}{_REMOVING}")
    with wrap_os_errors(path, content="Results"):
        os.rename(path, hidden)
        fault_injection.reach("old run hidden")
        shutil.rmtree(hidden)
        sync_folder(path.parent)


def _finish_removing(folder: Path) -> None:
    """Delete runs whose removal was interrupted."""
    for hidden in folder.glob(f".*{_REMOVING}"):
        with wrap_os_errors(hidden, content="Results"):
            shutil.rmtree(hidden)


def _remove_unfinished(folder: Path, database: Database | None, newest: str, report: PruneReport) -> None:
    for run in find_folder_leftovers(folder):
        if run.run_id < newest and not run.is_in_progress:
            with _skip_if_locked(), wrap_os_errors(folder, content="Results"):
                lock = FileLock(run.journal).acquire()
                shutil.rmtree(run.work, ignore_errors=True)
                lock.release(remove=True)
                report.unfinished.append(run.run_id)
    if database is None:
        return
    for unpublished in find_database_leftovers(database):
        if unpublished.run_id < newest and not unpublished.is_in_progress:
            _remove_rows(database, unpublished, report)


def _remove_rows(database: Database, run: Leftover, report: PruneReport) -> None:
    with _skip_if_locked():
        release = hold_key(database, run.key) if run.key else lambda: None
        try:
            with database.begin() as connection:
                remove_run(connection, run.run_id)
        finally:
            release()
        if run.run_id not in report.unfinished:
            report.unfinished.append(run.run_id)


@contextmanager
def _skip_if_locked() -> Iterator[None]:
    """Skip a run that another process has locked meanwhile."""
    try:
        yield
    except LockHeldError:
        return
