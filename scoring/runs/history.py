"""List the runs in a folder and a database, published or not, and verify published runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import func, select

from scoring.database.database import Database
from scoring.database.schema import current_runs, results, runs
from scoring.errors import OutputError, pluralize
from scoring.runs.gate.verdict import Outcome, read_outcome, summarize_record
from scoring.runs.publishers import LATEST, list_published_runs, read_manifest
from scoring.runs.publishers.database_digests import count_wrong_shards
from scoring.runs.publishers.database_lock import hold_key
from scoring.runs.publishers.database_runs import PUBLISHED, WRITING
from scoring.runs.publishers.part_files import find_problem
from scoring.runs.publishers.reader_locks import lock_for_reading
from scoring.runs.publishers.run_journal import find_last_verdict, run_journal
from scoring.storage.file_lock import LockHeldError
from scoring.storage.home_folder_expansion import expand_path

__all__ = [
    "FolderLeftover",
    "Leftover",
    "RunRecord",
    "RunStatus",
    "collect_runs",
    "find_database_leftovers",
    "find_folder_leftovers",
    "list_runs",
    "read_latest",
    "verify_rows",
    "verify_run",
]

COLUMNS: Final = ("run_id", "status", "model", "as_of", "users", "rows", "bytes", "folder", "database", "gate")


class RunStatus(StrEnum):
    """Status of a run in `list_runs`."""

    IN_USE = "in use"
    IN_USE_IN_FOLDER = "in use (folder)"
    IN_USE_IN_DATABASE = "in use (database)"
    PUBLISHED = "published"
    BEING_WRITTEN = "being written"
    UNFINISHED = "unfinished"
    HELD_BACK = "held back"
    DAMAGED = "damaged"

    @property
    def can_be_verified(self) -> bool:
        """Whether the run was published."""
        return self not in (RunStatus.BEING_WRITTEN, RunStatus.UNFINISHED, RunStatus.HELD_BACK)


@dataclass
class RunRecord:
    """A run in a folder, in a database, or in both. None: unknown."""

    run_id: str
    status: RunStatus
    model: str | None = None
    as_of: pd.Timestamp | None = None
    users: int | None = None
    rows: int | None = None
    bytes: int | None = None
    folder: bool = False
    database: bool = False
    verdict: Mapping[str, Any] | None = None

    @property
    def gate(self) -> str | None:
        """The gate's verdict in one line."""
        return None if self.verdict is None else summarize_record(self.verdict)

    @property
    def has_passed(self) -> bool:
        """Whether no limit of the gate was exceeded, or no gate was asked."""
        return self.verdict is None or read_outcome(self.verdict) is Outcome.PASSED


@dataclass(frozen=True)
class Leftover:
    """An unpublished run: in progress (`is_in_progress`) or interrupted."""

    run_id: str
    key: str
    is_in_progress: bool
    verdict: Mapping[str, Any] | None  # of the gate

    @property
    def status(self) -> RunStatus:
        if self.is_in_progress:
            return RunStatus.BEING_WRITTEN
        is_held_back = self.verdict is not None and read_outcome(self.verdict) is Outcome.HELD_BACK
        return RunStatus.HELD_BACK if is_held_back else RunStatus.UNFINISHED


@dataclass(frozen=True)
class FolderLeftover(Leftover):
    """An unpublished run in a folder of runs."""

    work: Path  # the folder of its part files
    journal: Path


def read_latest(folder: Path) -> str | None:
    """Return the target of the link `latest`; None if the link does not exist."""
    link = folder / LATEST
    return os.readlink(link) if link.is_symlink() else None


def list_runs(folder: str | Path, database: Database | None = None) -> pd.DataFrame:
    """Return one row for each run, newest first, with the columns `COLUMNS`. Unknown values are missing.

    `bytes` is the size of the files. `folder` and `database` are booleans: where the run exists. `gate` is the verdict
    in one line. `status` is a value of `RunStatus`. A run is damaged if its manifest cannot be read. Readers of the
    folder and of the database may get different runs, as after a restore of one of them. The status of each is then
    in use (folder) or in use (database).

    Raises
    ------
    OutputError: If the folder cannot be read.
    DatabaseError: If the database cannot be read.
    """
    rows = [[getattr(run, name) for name in COLUMNS] for run in collect_runs(folder, database)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    integers = dict.fromkeys(("users", "rows", "bytes"), "Int64")
    places = {name: frame[name].eq(True) for name in ("folder", "database")}
    return frame.assign(**places, as_of=pd.to_datetime(frame["as_of"], utc=True)).astype(integers)


def collect_runs(folder: str | Path, database: Database | None = None) -> list[RunRecord]:
    """Return the runs that `list_runs` shows, newest first. Raises OutputError, DatabaseError."""
    folder = expand_path(folder, "folder")
    records: dict[str, RunRecord] = {}
    for path in list_published_runs(folder):
        records[path.name] = _read_record(path)
    for leftover in find_folder_leftovers(folder):
        # the folder may be published already, if the link was not moved to it
        run = records.setdefault(leftover.run_id, RunRecord(leftover.run_id, leftover.status))
        run.status, run.folder, run.verdict = leftover.status, True, leftover.verdict
    in_folder, in_database = {read_latest(folder)} - {None}, set()
    if database is not None:
        in_database = _add_database(database, records)
    for run in records.values():
        if run.status is RunStatus.PUBLISHED:
            run.status = _find_status(run.run_id, in_folder, in_database)
    return [records[run_id] for run_id in sorted(records, reverse=True)]


def _find_status(run_id: str, in_folder: set[str | None], in_database: set[str | None]) -> RunStatus:
    """Return the status of a published run; the sets contain the runs that readers of each place get."""
    if run_id in in_folder:
        return RunStatus.IN_USE_IN_FOLDER if in_database and run_id not in in_database else RunStatus.IN_USE
    if run_id in in_database:
        return RunStatus.IN_USE_IN_DATABASE if in_folder else RunStatus.IN_USE
    return RunStatus.PUBLISHED


def _read_record(folder: Path) -> RunRecord:
    try:
        manifest = read_manifest(folder)
        counts, verdict = manifest["counts"], manifest.get("gate")
        run = RunRecord(
            folder.name,
            RunStatus.PUBLISHED,
            model=manifest["model"],
            as_of=pd.Timestamp(manifest["as_of"]),
            users=counts["users_scored"],
            rows=counts["rows"],
            bytes=sum(file["bytes"] for file in manifest["files"]),
            folder=True,
            verdict=verdict,
        )
        run.gate  # noqa: B018 - raises if the verdict is damaged
    except (OutputError, LookupError, TypeError, ValueError):
        return RunRecord(folder.name, RunStatus.DAMAGED, folder=True)
    return run


def _add_database(database: Database, records: dict[str, RunRecord]) -> set[str | None]:
    """Add the runs of the database; return the runs that its readers get."""
    with database.connect() as connection:
        columns = (runs.c.run_id, runs.c.settings, runs.c.model, runs.c.as_of, runs.c.users, runs.c.rows)
        rows = connection.execute(select(*columns)).all()
        current = set(connection.execute(select(current_runs.c.run_id)).scalars().all())
    leftovers = {run.run_id: run for run in find_database_leftovers(database)}
    for row in rows:
        leftover = leftovers.get(row.run_id)
        status = RunStatus.PUBLISHED if leftover is None else leftover.status
        run = records.setdefault(row.run_id, RunRecord(row.run_id, status))
        run.database = True
        # the folder's values take precedence
        if run.verdict is None:
            run.verdict = json.loads(row.settings).get("gate") if leftover is None else leftover.verdict
        run.model = row.model if run.model is None else run.model
        if run.as_of is None and row.as_of is not None:
            run.as_of = pd.Timestamp(row.as_of, unit="us", tz="UTC")
        run.users = row.users if run.users is None else run.users
        run.rows = row.rows if run.rows is None else run.rows
        for unfinished in (RunStatus.HELD_BACK, RunStatus.UNFINISHED):  # also if the other place has published it
            if unfinished in (status, run.status):
                run.status = unfinished
    return current


def find_folder_leftovers(folder: Path) -> list[FolderLeftover]:
    """Return the unpublished runs in the folder, found by their journals."""
    leftovers = []
    for path in sorted(folder.glob(".*.journal")):
        key = path.name.removesuffix(".journal")[1:]
        journal = run_journal(path)
        try:
            journal.acquire()
        except LockHeldError:
            lines, is_in_progress = journal.read(), True
        else:
            lines, is_in_progress = journal.entries, False
            journal.release(remove=not lines)
        if lines and isinstance(lines[0].get("run_id"), str):
            work = path.with_name(f".{key}.writing")
            leftovers.append(
                FolderLeftover(lines[0]["run_id"], key, is_in_progress, find_last_verdict(lines), work, path)
            )
    return leftovers


def find_database_leftovers(database: Database) -> list[Leftover]:
    """Return the unpublished runs in the database."""
    with database.connect() as connection:
        query = select(runs.c.run_id, runs.c.settings).where(runs.c.status == WRITING).order_by(runs.c.run_id)
        rows = connection.execute(query).all()
    leftovers = []
    for row in rows:
        settings = json.loads(row.settings)
        key = settings.get("key", "")
        is_in_progress = False
        if key:
            try:
                hold_key(database, key, patience=0.0)()
            except LockHeldError:
                is_in_progress = True
        leftovers.append(Leftover(row.run_id, key, is_in_progress, settings.get("gate")))
    return leftovers


# Verification


def verify_run(folder: str | Path) -> list[str]:
    """Return the problems of a published run in a folder, one sentence each. Empty: the files are as written.

    Raises
    ------
    OutputError: If the folder does not contain a run.
    """
    import pyarrow.parquet as pq

    folder = expand_path(folder, "folder")
    with lock_for_reading(folder):
        manifest = read_manifest(folder)
        problems, rows = [], 0
        for file in manifest["files"]:
            problem = find_problem(folder, file)
            if problem is None:
                n_rows = pq.read_metadata(folder / file["name"]).num_rows
                rows += n_rows
                if n_rows != file["rows"]:
                    problem = f"{file['name']} contains {pluralize(n_rows, 'row')} instead of {file['rows']:,}"
            problems += [f"{folder}: {problem}. Start a new run."] if problem else []
        expected = manifest["counts"]["rows"]
        if not problems and rows != expected:
            problem = f"the files contain {pluralize(rows, 'row')} instead of {expected:,}"
            problems.append(f"{folder}: {problem}. Start a new run.")
        unlisted = {path.name for path in folder.glob("*.parquet")} - {file["name"] for file in manifest["files"]}
        problems += [f"{folder}: {name} is not a file of this run. Remove it." for name in sorted(unlisted)]
    return problems


def verify_rows(database: Database, run_id: str) -> list[str]:
    """Return the problems of a run in a database, one sentence each. Empty if the database does not contain it."""
    with database.connect() as connection:
        query = select(runs.c.settings, runs.c.users, runs.c.rows)
        run = connection.execute(query.where(runs.c.run_id == run_id, runs.c.status == PUBLISHED)).first()
        if run is None:
            return []
        count = select(func.count(), func.count(results.c.user_id.distinct())).where(results.c.run_id == run_id)
        n_rows, n_users = connection.execute(count).one()
    place = f"{database.display}: run {run_id}"
    if n_rows != run.rows:
        return [f"{place} has {pluralize(n_rows, 'row')} instead of {run.rows:,}. Start a new run."]
    if n_users > run.users:
        return [f"{place} has lists of {pluralize(n_users, 'user')} instead of {run.users:,}. Start a new run."]
    settings = json.loads(run.settings)
    counts, digests = ({int(n): value for n, value in settings.get(name, {}).items()} for name in ("shards", "digests"))
    if counts.keys() <= digests.keys():  # runs of older versions have no digests
        with database.connect() as connection:
            n_wrong = count_wrong_shards(connection, run_id, counts, digests)
        if n_wrong:
            shards = f"{n_wrong:,} of {pluralize(len(counts), 'shard')}"
            return [f"{place} was changed after it was written ({shards}). Start a new run without --resume."]
    return []
