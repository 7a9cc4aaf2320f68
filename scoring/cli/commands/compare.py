"""`scoring compare`: compare the lists of two models or of two runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoring.cli.data_loader import load_data, read_models, resolve_id
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOfOption,
    ComponentOption,
    DbOption,
    ExportOption,
    FactorCacheOption,
    ProfilesOption,
    TopKOption,
)
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Comparison
    from scoring.model import ScoringModel
    from scoring.ranking import Prepared, Ranking

__all__ = ["compare"]

By = Literal["company", "prefecture", "occupation"]
_SIDE_HELP = "A saved profile, `promoted`, a shipped model, a model file, or the folder of a run."


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=_SIDE_HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help=_SIDE_HELP)],
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="ID", help="Also print the list of this user and how its jobs moved."),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            "--job", metavar="ID", help="Also print why the total of this job changed. Requires --user and two models."
        ),
    ] = None,
    by: Annotated[By, typer.Option(help="Attribute of jobs by which list places are counted.")] = "company",
    db: DbOption = DEFAULT_DB,
    top_k: TopKOption = 40,
    out: ExportOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Compare the lists of two models or of two runs.

    Prints the overlap of the lists, and the largest gains and losses of list places.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.comparison import render_movements, render_overlap, render_waterfall
    from scoring.cli.tables.profiles import render_diff
    from scoring.database.database import Database
    from scoring.evaluation import waterfall
    from scoring.telemetry import Stopwatch
    from scoring.tuning.registry import ProfileDiff

    operands = _Operands.of((a, b), component, profiles)
    if job is not None and (user is None or operands.models is None):
        raise typer.BadParameter("--job requires --user and two models.")
    progress = Progress()
    with Database.open(db) as database, progress.warnings():
        data = load_data(database, as_of, progress, Stopwatch())
    with progress.warnings():
        user_id = None if user is None else resolve_id(user, data.tables.users, "user")
        job_id = None if job is None else resolve_id(job, data.tables.jobs, "job")
        comparison = operands.compare(data, top_k, factor_cache, progress)
    console = make_console()
    if operands.models is not None:
        console.print(render_diff(ProfileDiff(*operands.models)))
    console.print(render_overlap(comparison, by))
    if user_id is not None:
        console.print(render_movements(comparison, user_id, data))
    if user_id is not None and job_id is not None and operands.prepared is not None:
        console.print(render_waterfall(waterfall(*operands.prepared, user_id, job_id)))
    if out is not None:
        from scoring.cli.export import save

        frames = {"users": comparison.frame(), "exposure": comparison.exposure(by), "movements": comparison.movements()}
        save(out, frames, {"comparison": comparison.plot(by)})
        progress.print_line(f"tables and plots: {out}")


@dataclass
class _Operands:
    """Either two models or two runs."""

    names: tuple[str, str]
    models: tuple[ScoringModel, ScoringModel] | None
    prepared: tuple[Prepared, Prepared] | None = None

    @classmethod
    def of(cls, names: tuple[str, str], component: list[Path] | None, profiles: Path) -> _Operands:
        from scoring.errors import ConfigurationError
        from scoring.runs.publishers import is_run

        runs = [is_run(name) for name in names]
        if all(runs):
            return cls(names, None)
        if any(runs):
            run, other = names[runs.index(True)], names[runs.index(False)]
            raise ConfigurationError(f"{run} is a run, but {other} is not. Give two runs or two models.")
        before, after = read_models(names, component, profiles)[1].values()
        return cls(names, (before, after))

    def compare(self, data: Dataset, k: int, factor_cache: Path | None, progress: Progress) -> Comparison:
        from scoring.evaluation import Comparison
        from scoring.model import Inputs
        from scoring.runs.run_reader import build_ranking, read_run
        from scoring.statistics import Statistics
        from scoring.statistics.factors import default_cache

        if self.models is None:
            before, after = (build_ranking(read_run(name), data.jobs.job_id) for name in self.names)
            before, after = _take_common_users(before, after, progress)
            return Comparison.of_rankings(before, after, Inputs.of(Statistics(data)), k=k, names=self.names)
        from scoring.ranking import Prepared

        with progress.stage("preparing factors, statistics and plans, ranking with both models"):
            statistics = Statistics(data, factor_cache=factor_cache or default_cache())
            first = Prepared.of(statistics, self.models[0])
            self.prepared = first, first.with_model(self.models[1])
            return Comparison.of(*self.prepared, k, names=self.names)


def _take_common_users(before: Ranking, after: Ranking, progress: Progress) -> tuple[Ranking, Ranking]:
    """Return the lists of the users that both runs contain, and print the number of other users."""
    import numpy as np

    common = np.intersect1d(before.user_id, after.user_id)
    n_single = len(np.union1d(before.user_id, after.user_id)) - len(common)
    if n_single:
        progress.print_line(f"excluded: {pluralize(n_single, 'user')} in only one of the runs")
    rows = (np.flatnonzero(np.isin(ranking.user_id, common)) for ranking in (before, after))
    return before.take(next(rows)), after.take(next(rows))
