"""From files to a database: `scoring import` of actions, first into an empty table, then again as an update."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, at_most
from benchmarks.sections.run import child_environment
from benchmarks.workspace import Size, Workspace
from scoring.database.database import Database
from scoring.database.readers import load_actions
from scoring.database.schema import DATA_TABLES

__all__ = ["measure"]


def measure(size: Size, work: Workspace) -> Section:
    market = work.database(size.users, size.jobs, size.actions)
    with Database.open(market) as database:
        actions = load_actions(database)
    figures = []
    with tempfile.TemporaryDirectory(dir=work.folder) as folder:
        at = Path(folder)
        base = at / "base.db"
        shutil.copyfile(market, base)
        with Database.open(base) as database, database.begin() as connection:
            connection.execute(sa.delete(DATA_TABLES["actions"]))
        for kind in ("csv", "parquet"):
            path = at / f"actions.{kind}"
            if kind == "csv":
                actions.to_csv(path, index=False)
            else:
                actions.to_parquet(path, index=False)
            print_progress(f"importing {len(actions):,} actions from {kind}")
            results = []
            for attempt in range(1 if size.quick else 3):
                target = at / f"{kind}-{attempt}.db"
                shutil.copyfile(base, target)
                results.append(_import(path, target, at / "refused"))
            again = _import(path, target, at / "refused", "--update")
            note = f"best of {len(results)}, whole process"
            peak = max(result[1] for result in results) / 1e9
            figures += [
                Figure(f"{kind}: import into an empty table", min(results)[0], "s", at_most(10), note),
                Figure(f"{kind}: peak memory of the process", peak, "GB", at_most(1)),
                Figure(f"{kind}: the same file again", again[0], "s", note=f"peak memory {again[1] / 1e9:.2f} GB"),
            ]
    return Section(
        name="files",
        title="Files to a database",
        size=f"SQLite: {len(actions):,} actions of {size.users:,} users and {size.jobs:,} jobs, `scoring import`",
        figures=figures,
    )


def _import(path: Path, database: Path, refused: Path, *options: str) -> tuple[float, int]:
    """Return the seconds and the peak memory in bytes of a new process."""
    arguments = ["import", "actions", str(path), "--db", str(database), "--refused", str(refused), *options]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "scoring.cli", *arguments], stdout=subprocess.DEVNULL, env=child_environment()
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"scoring {' '.join(arguments)} failed with exit code {process.returncode}.")
    return time.perf_counter() - start, usage.ru_maxrss * 1024
