"""The runs that a folder and a database hold, published or not, and whether a published one is still what it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import func, select

from scoring.database.database import Database
from scoring.database.schema import current_runs, results, runs
from scoring.errors import OutputError, counted
from scoring.runs.gate.verdict import KEPT_ASIDE, in_words
from scoring.runs.publishers import LATEST, published_runs, read_manifest
from scoring.runs.publishers.database_digests import wrong_shards
from scoring.runs.publishers.database_lock import hold_key
from scoring.runs.publishers.part_files import wrong_with
from scoring.runs.publishers.reader_locks import reading
from scoring.runs.publishers.run_journal import last_verdict, run_journal
from scoring.storage.file_lock import LockHeldError

__all__ = [
    "Leftover",
    "latest_of",
    "leftovers_in_database",
    "leftovers_in_folder",
    "list_runs",
    "verify_rows",
    "verify_run",
]

COLUMNS: Final = ("run_id", "status", "model", "as_of", "users", "rows", "bytes", "folder", "database", "gate")


@dataclass(frozen=True)
class Leftover:
    """A run that is not published: somebody is at it, or it was stopped."""

    run_id: str
    key: str
    alive: bool
    work: Path = Path()  # its part files, in a folder of runs
    journal: Path | None = None
    verdict: Mapping[str, Any] | None = None  # of the gate


def latest_of(folder: Path) -> str | None:
    """The run that the link `latest` leads to."""
    link = folder / LATEST
    return os.readlink(link) if link.is_symlink() else None


def list_runs(folder: str | Path, database: Database | None = None) -> pd.DataFrame:
    """A row for each run, newest first: run_id, status, model, as_of, users, rows, bytes (of the files), whether it
    is in the folder and in the database, and what its gate said, in a line.

    A run is in use, published, being written, unfinished, kept aside (by its gate), or damaged: its manifest cannot be
    read. Where readers of the folder get another run than those of the database, as after one of them was put back
    from a backup, each is in use (folder) or in use (database). What is not known of a run is missing.

    Raises OutputError, DatabaseError.
    """
    folder = Path(folder)
    found: dict[str, dict[str, Any]] = {}
    for path in published_runs(folder):
        found[path.name] = _of_manifest(path) | {"folder": True}
    for left in leftovers_in_folder(folder):
        # also where the folder is there already: the link to it was not moved
        found[left.run_id] = found.get(left.run_id, {}) | _of_leftover(left) | {"folder": True}
    followed = {"folder": {latest_of(folder)} - {None}}
    if database is not None:
        followed["database"] = _add_database(database, found)
    for run_id, run in found.items():
        if run["status"] == "published":
            run["status"] = _in_use(run_id, followed) or "published"
    rows = [{"run_id": run_id} | found[run_id] for run_id in sorted(found, reverse=True)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = dict.fromkeys(("users", "rows", "bytes"), "Int64")
    places = {name: frame[name].eq(True) for name in ("folder", "database")}
    return frame.assign(**places, as_of=pd.to_datetime(frame["as_of"], utc=True)).astype(whole)


def _in_use(run_id: str, followed: Mapping[str, set[str | None]]) -> str:
    """By the runs that readers of each place get."""
    places = [place for place, runs_there in followed.items() if run_id in runs_there]
    others = [place for place, runs_there in followed.items() if runs_there and place not in places]
    return "" if not places else f"in use ({places[0]})" if others else "in use"


def _of_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = read_manifest(folder)
        counts = manifest["counts"]
        return {
            "status": "published",
            "model": manifest["model"],
            "as_of": pd.Timestamp(manifest["as_of"]),
            "users": counts["users_scored"],
            "rows": counts["rows"],
            "bytes": sum(file["bytes"] for file in manifest["files"]),
            "gate": _gate(manifest.get("gate")),
        }
    except (OutputError, LookupError, TypeError, ValueError):
        return {"status": "damaged"}


def _add_database(database: Database, found: dict[str, dict[str, Any]]) -> set[str | None]:
    """Adds what it knows; returns the runs that its readers get."""
    with database.connect() as connection:
        columns = (runs.c.run_id, runs.c.settings, runs.c.model, runs.c.as_of, runs.c.users, runs.c.rows)
        rows = connection.execute(select(*columns)).all()
        followed = set(connection.execute(select(current_runs.c.run_id)).scalars().all())
    left = {one.run_id: one for one in leftovers_in_database(database)}
    for row in rows:
        known = {
            **(_of_leftover(left[row.run_id]) if row.run_id in left else _of_published(row.settings)),
            "model": row.model,
            "as_of": None if row.as_of is None else pd.Timestamp(row.as_of, unit="us", tz="UTC"),
            "users": row.users,
            "rows": row.rows,
        }
        here = found.setdefault(row.run_id, known)
        found[row.run_id] = known | here | {"database": True}
        for status in (KEPT_ASIDE, "unfinished"):  # published in one place alone is half a run
            if status in (known["status"], here["status"]):
                found[row.run_id]["status"] = status
    return followed


def _of_leftover(left: Leftover) -> dict[str, Any]:
    if left.alive:
        return {"status": "being written"}
    aside = left.verdict is not None and left.verdict["outcome"] == KEPT_ASIDE
    return {"status": KEPT_ASIDE if aside else "unfinished", "gate": _gate(left.verdict)}


def _of_published(settings: str) -> dict[str, Any]:
    return {"status": "published", "gate": _gate(json.loads(settings).get("gate"))}


def _gate(verdict: Mapping[str, Any] | None) -> str | None:
    return None if verdict is None else in_words(verdict)


def leftovers_in_folder(folder: Path) -> list[Leftover]:
    """What the journals in it tell of."""
    found = []
    for path in sorted(folder.glob(".*.journal")):
        key = path.name.removesuffix(".journal")[1:]
        journal = run_journal(path)
        try:
            journal.acquire()
        except LockHeldError:
            lines, alive = journal.read(), True
        else:
            lines, alive = journal.entries, False
            journal.release(remove=not lines)
        if lines and isinstance(lines[0].get("run_id"), str):
            work = path.with_name(f".{key}.writing")
            found.append(Leftover(lines[0]["run_id"], key, alive, work, path, last_verdict(lines)))
    return found


def leftovers_in_database(database: Database) -> list[Leftover]:
    """Runs that are not published."""
    with database.connect() as connection:
        wanted = select(runs.c.run_id, runs.c.settings).where(runs.c.status == "writing").order_by(runs.c.run_id)
        rows = connection.execute(wanted).all()
    found = []
    for row in rows:
        settings = json.loads(row.settings)
        key = settings.get("key", "")
        alive = False
        if key:
            try:
                hold_key(database, key, patience=0.0)()
            except LockHeldError:
                alive = True
        found.append(Leftover(row.run_id, key, alive, verdict=settings.get("gate")))
    return found


# What is wrong


def verify_run(folder: str | Path) -> list[str]:
    """What is wrong with a published run in a folder, a sentence each; nothing: it is as it was written.

    Raises OutputError: there is no run.
    """
    import pyarrow.parquet as pq

    folder = Path(folder)
    with reading(folder):
        manifest = read_manifest(folder)
        wrong, rows = [], 0
        for file in manifest["files"]:
            problem = wrong_with(folder, file)
            if problem is None:
                there = pq.read_metadata(folder / file["name"]).num_rows
                rows += there
                if there != file["rows"]:
                    problem = f"{file['name']} holds {counted(there, 'row')} instead of {file['rows']:,}"
            wrong += [f"{folder}: {problem}; run it again."] if problem else []
        said = manifest["counts"]["rows"]
        if not wrong and rows != said:
            wrong.append(f"{folder}: its files hold {counted(rows, 'row')}, and the run had {said:,}; run it again.")
        strange = {path.name for path in folder.glob("*.parquet")} - {file["name"] for file in manifest["files"]}
        wrong += [f"{folder}: {name} is no file of this run; take it away." for name in sorted(strange)]
    return wrong


def verify_rows(database: Database, run_id: str) -> list[str]:
    """What is wrong with a run in a database, a sentence each. Nothing where the database does not hold it."""
    with database.connect() as connection:
        wanted = select(runs.c.settings, runs.c.users, runs.c.rows)
        run = connection.execute(wanted.where(runs.c.run_id == run_id, runs.c.status == "published")).first()
        if run is None:
            return []
        mine = select(func.count(), func.count(results.c.user_id.distinct())).where(results.c.run_id == run_id)
        there, users = connection.execute(mine).one()
    if there != run.rows:
        return [f"{database.display}: run {run_id} has {counted(there, 'row')} instead of {run.rows:,}; run it again."]
    if users > run.users:
        return [
            f"{database.display}: run {run_id} has lists of {counted(users, 'user')} instead of {run.users:,}; run it "
            "again."
        ]
    settings = json.loads(run.settings)
    counts, digests = ({int(n): value for n, value in settings.get(name, {}).items()} for name in ("shards", "digests"))
    if counts.keys() <= digests.keys():  # runs of before there were any have none
        with database.connect() as connection:
            wrong = wrong_shards(connection, run_id, counts, digests)
        if wrong:
            said = f"run {run_id} has other rows than were written, in {counted(wrong, 'part')} of {len(counts):,}"
            return [f"{database.display}: {said}; run it again without --resume."]
    return []
