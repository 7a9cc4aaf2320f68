"""Small runs, their publishers, and the error that stops them where a process would be killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scoring.database.database import Database
from scoring.ranking import Prepared
from scoring.runs import runner
from scoring.runs.publishers import DatabasePublisher, ParquetPublisher, Publisher

__all__ = ["Stopped", "make_publishers", "read_parts", "run"]


class Stopped(BaseException):
    """Stop a run at the point where a process would be killed. No cleanup code runs after it."""


def run(prepared: Prepared, *publishers: Publisher, **settings: Any) -> runner.RunResult:
    """Run with lists of 5 jobs in chunks of 30 users."""
    return runner.run(prepared, **({"k": 5, "chunk_size": 30, "publishers": publishers} | settings))


def make_publishers(folder: Path, database: Database) -> list[Publisher]:
    """Return the publishers of a database and of a folder of runs."""
    return [DatabasePublisher(database), ParquetPublisher(folder, latest="latest", by_run_id=True)]


def read_parts(folder: Path) -> dict[str, bytes]:
    """Return file name → content of the parts of a run."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
