"""The data of the benchmark: made once, kept as SQLite files and factor files, read by the process of each section."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurement import print_progress, run_in_new_process
from scoring import Dataset, Statistics, make_market
from scoring.database.database import Database
from scoring.database.writers import save_tables

__all__ = ["Size", "Workspace"]


@dataclass(frozen=True)
class Size:
    """Users and jobs of the main market; `quick` shortens everything else."""

    users: int = 10_000
    jobs: int = 100_000
    quick: bool = False

    @property
    def actions(self) -> int:
        return 100 * self.users

    @property
    def repeats(self) -> int:
        return 3 if self.quick else 7

    @property
    def text(self) -> str:
        return f"{self.users:,} users × {self.jobs:,} jobs"


@dataclass(frozen=True)
class Workspace:
    """A folder of markets (by size) and of trained factors."""

    folder: Path

    @property
    def factors(self) -> Path:
        return self.folder / "factors"

    def database(self, users: int, jobs: int, actions: int) -> Path:
        """Return a SQLite file with the synthetic market of this size."""
        path = self.folder / f"market-{users}-{jobs}-{actions}.db"
        if not path.exists():
            print_progress(f"generating a market of {users:,} users, {jobs:,} jobs, {actions:,} actions")
            self.folder.mkdir(parents=True, exist_ok=True)
            run_in_new_process(_make, path, users, jobs, actions)
        return path

    def dataset(self, size: Size) -> Dataset:
        return Dataset.from_database(self.database(size.users, size.jobs, size.actions))

    def statistics(self, size: Size) -> Statistics:
        """Return the statistics of the main market; its factors are trained at most once."""
        found = Statistics(self.dataset(size), factor_cache=self.factors)
        found.factors  # noqa: B018 - trained at the first access
        return found


def _make(path: Path, users: int, jobs: int, actions: int) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)  # left by a benchmark that was stopped
    with Database.open(part) as database:
        database.create()
        save_tables(database, make_market(users, jobs, actions, seed=0).tables)
    part.rename(path)
