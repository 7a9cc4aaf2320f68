"""Data sources that a new process can load by name, for measurements in separate processes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, suggest
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs import runner
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.runner import DEFAULT_CHUNK_SIZE
from scoring.telemetry import Stopwatch

__all__ = ["Source", "full_run"]


@dataclass(frozen=True)
class Source:
    """A database (the path of a SQLite file, or a URL), a model, and the folder in which trained factors are cached.

    Example
    -------
    >>> source = Source(str(folder / "market.db"))
    >>> source.dataset()
    Dataset(60 users, 400 jobs, ... actions, as of ...)
    """

    database: str = field(repr=False)  # a URL may contain a password
    model: str = "standard"
    factors: Path | None = None

    @classmethod
    def generate(cls, n_users: int, n_jobs: int, n_actions: int, *, seed: int = 0, model: str = "standard") -> Source:
        """Return the source of a synthetic market of this size, in a new temporary folder that also keeps its factors.

        Raises
        ------
        ConfigurationError: As `make_market`.
        """
        from scoring.synthetic import make_market  # not imported by the processes that measure a source

        market, folder = make_market(n_users, n_jobs, n_actions, seed=seed), Path(tempfile.mkdtemp(prefix="scoring-"))
        market.save(folder / "market.db")
        return cls(str(folder / "market.db"), model, folder)

    def dataset(self, watch: Stopwatch | None = None) -> Dataset:
        """Load the dataset. Warn if rows are quarantined, as `scoring run` does.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        DataError: If the data cannot be used.
        """
        from scoring.database.database import Database
        from scoring.database.validated_reader import read_accepted, warn_about_rejections

        watch = watch or Stopwatch()
        with Database.open(self.database) as database, watch.phase("load"):
            found = read_accepted(database)
        warn_about_rejections(found.ledger, stacklevel=2)
        with watch.phase("encode"):
            return Dataset(found.tables, ledger=found.ledger)

    def read_table(self, table: str) -> pd.DataFrame:
        """Return a table as pandas reads it from the database, without validation, ordered by its first column.

        Raises
        ------
        ConfigurationError: If the table is not one of the package.
        DatabaseError: If the database cannot be read.
        """
        from sqlalchemy import select

        from scoring.database.database import Database
        from scoring.database.schema import DATA_TABLES

        if table not in DATA_TABLES:
            raise ConfigurationError(f"table is {table!r}. {suggest(table, DATA_TABLES)}", key=("table",))
        stored = DATA_TABLES[table]
        query = select(stored).order_by(*stored.c[:1])
        with Database.open(self.database) as database:
            return database.read(lambda connection: pd.read_sql(query, connection))

    def prepared(self, watch: Stopwatch | None = None) -> Prepared:
        """Load the dataset and prepare it for ranking, including the kernels.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        DataError: If the data cannot be used.
        ModelError: If the model cannot be loaded or used with this data.
        """
        watch = watch or Stopwatch()
        return runner.prepare(self.dataset(watch), load_model(self.model), watch=watch, factor_cache=self.factors)


def full_run(
    source: Source,
    *,
    k: int = 40,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    workers: int | None = None,
    watch: Stopwatch | None = None,
) -> runner.RunResult:
    """Load a database, rank and publish Parquet files in a temporary folder. Raise the errors of `runner.run`.

    Example
    -------
    >>> full_run(Source(str(folder / "market.db")), k=5).counts.jobs_read
    400
    """
    watch = watch or Stopwatch()
    prepared = source.prepared(watch)
    with tempfile.TemporaryDirectory() as folder:
        publishers = [ParquetPublisher(Path(folder) / "run")]
        return runner.run(prepared, k=k, chunk_size=chunk_size, workers=workers, publishers=publishers, watch=watch)
