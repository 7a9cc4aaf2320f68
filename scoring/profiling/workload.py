"""Data that a process of its own can load: what is measured there can be given by name."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from scoring.catalog import load_model
from scoring.dataset import Dataset
from scoring.ranking import Prepared
from scoring.runs import runner
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.runner import DEFAULT_CHUNK_SIZE
from scoring.telemetry import Stopwatch

__all__ = ["Source", "full_run"]


@dataclass(frozen=True)
class Source:
    """A database (a SQLite file's path, or a URL), a model, and the folder where trained factors are kept."""

    database: str = field(repr=False)  # its URL may hold a password
    model: str = "standard"
    factors: Path | None = None

    def dataset(self, watch: Stopwatch | None = None) -> Dataset:
        """Loads it, with a warning where rows are left out as `scoring run` leaves them out.

        Raises DatabaseError, DataError.
        """
        from scoring.database.database import Database
        from scoring.database.quarantine import read_usable, warn_of

        watch = watch or Stopwatch()
        with Database.open(self.database) as database, watch.phase("load"):
            found = read_usable(database)
        warn_of(found.ledger, stacklevel=2)
        with watch.phase("encode"):
            return Dataset(found.tables, ledger=found.ledger)

    def prepared(self, watch: Stopwatch | None = None) -> Prepared:
        """Loads it and makes it ready, kernels included. Raises DatabaseError, DataError, ModelError."""
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
    """From the database to published Parquet files, in a folder that goes away. Raises what `batch.run` raises."""
    watch = watch or Stopwatch()
    prepared = source.prepared(watch)
    with tempfile.TemporaryDirectory() as folder:
        sinks = [ParquetPublisher(Path(folder) / "run")]
        return runner.run(prepared, k=k, chunk_size=chunk_size, workers=workers, sinks=sinks, watch=watch)
