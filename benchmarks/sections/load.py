"""From a database to frames."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measurement import Times, measure_times, print_progress
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring.database.database import Database
from scoring.database.query_counter import QueryCounter
from scoring.database.readers import load_tables


def measure(size: Size, work: Workspace) -> Section:
    path = work.database(size.users, size.jobs, size.actions)
    fewer = work.database(max(1, size.users // 10), max(1, size.jobs // 10), max(1, size.actions // 10))
    print_progress(f"loading {size.text}, {size.actions:,} actions")
    times, statements = _load(path, size.repeats)
    _, of_fewer = _load(fewer, 1)
    return Section(
        name="load",
        title="Database to frames",
        size=f"SQLite: {size.jobs:,} jobs, {size.users:,} users, {size.actions:,} actions",
        figures=[
            Figure("all tables, best", times.best, "s", at_most(1.2), f"of {len(times.seconds)}"),
            Figure("all tables, median", times.median, "s", at_most(1.2), f"of {len(times.seconds)}"),
            Figure("statements", statements, "", note=f"{of_fewer} for a tenth of the users and jobs"),
            Figure("additional statements for ten times the users", statements - of_fewer, "", at_most(0)),
        ],
        details={"times": times.as_dict()},
    )


def _load(path: Path, repeats: int) -> tuple[Times, int]:
    with Database.open(path) as database:
        load_tables(database)
        with QueryCounter(database) as queries:
            load_tables(database)
        return measure_times(lambda: load_tables(database), repeats), queries.count
