"""The request of `audience` and `reach`: the data and the model of a question about one job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scoring.cli.input_loader import load_data
from scoring.cli.promoted_model import ModelSource, choose_model

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.model import ScoringModel
    from scoring.ranking import Prepared

__all__ = ["JobRequest"]


@dataclass(frozen=True)
class JobRequest:
    """The database, the model, the clock, the cache of factors and the folder for tables."""

    db: str
    source: ModelSource
    as_of: str | None
    factor_cache: Path | None
    out: Path | None

    def load(
        self, progress: Progress, check: Callable[[ScoringModel], object] | None = None
    ) -> tuple[Dataset, ScoringModel]:
        """Return the data and the model. `check` may reject the model before the data are loaded.

        Raises
        ------
        ScoringError: If the model, the data or the folder of --out is invalid.
        """
        from scoring.cli.result_export import create_folder
        from scoring.database.database import Database
        from scoring.telemetry import Stopwatch

        given = self.source.read()
        create_folder(self.out)
        with Database.open(self.db) as database, progress.warnings():
            choice = choose_model(self.source, given, database, progress)
            if choice.text:
                progress.print_line(choice.text)
            if check is not None:
                check(choice.model)
            return load_data(database, self.as_of, progress, Stopwatch()), choice.model

    def prepare(self, data: Dataset, model: ScoringModel, progress: Progress) -> Prepared:
        """Return the model prepared for the data."""
        from scoring.ranking import Prepared
        from scoring.statistics import Statistics, default_cache

        with progress.stage("preparing factors, statistics and plan"):
            return Prepared.of(Statistics(data, factor_cache=self.factor_cache or default_cache()), model)
