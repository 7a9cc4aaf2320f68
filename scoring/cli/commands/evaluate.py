"""`scoring evaluate`: evaluate models on actions that users took later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli import holdout_options
from scoring.cli.data_loader import load_data, read_models
from scoring.cli.holdout_options import (
    CountsOption,
    CutOption,
    DaysOption,
    HeldOption,
    HoldoutOption,
    HoldoutOptions,
    SeedOption,
    UserSplit,
    WindowDaysOption,
)
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
    from rich.console import RenderableType

    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Evaluator, Scoreboard
    from scoring.tuning.ablation import Ablation
    from scoring.tuning.registry import Registry

__all__ = ["evaluate", "log_test_access"]


def evaluate(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            show_default="standard",
            help="Shipped models, model files, saved profiles or `promoted`. The first is the baseline.",
        ),
    ] = None,
    db: DbOption = DEFAULT_DB,
    holdout: HoldoutOption = "time",
    days: DaysOption = 14.0,
    cut: CutOption = None,
    held: HeldOption = 1,
    window_days: WindowDaysOption = 0.0,
    counts: CountsOption = None,
    on: Annotated[
        UserSplit,
        typer.Option("--on", help="Evaluated users. An evaluation on test or all is logged with the profiles."),
    ] = ("validation"),
    top_k: TopKOption = 40,
    slices: Annotated[bool, typer.Option(help="Also compare by region, age group, tenure and occupation.")] = False,
    ablation: Annotated[
        bool, typer.Option(help="Also evaluate the last model without each of its components.")
    ] = False,
    level: Annotated[
        float,
        typer.Option("--level", metavar="LEVEL", min=0.5, max=0.999, help="Confidence level of intervals and tests."),
    ] = 0.95,
    out: ExportOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    as_of: AsOfOption = None,
    seed: SeedOption = 0,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Evaluate models on later actions of users.

    Prints metrics, properties of the lists, and the differences from the first model.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.evaluation import render_scoreboard
    from scoring.database.database import Database
    from scoring.evaluation import Scoreboard
    from scoring.telemetry import Stopwatch

    progress = Progress()
    registry, chosen_models = read_models(models or ["standard"], component, profiles)
    options = HoldoutOptions(holdout, days, cut, held, window_days, tuple(counts or ()))
    with progress.warnings():
        with Database.open(db) as database:
            data = load_data(database, as_of, progress, Stopwatch())
        evaluator = _make_evaluator(options, data, on, top_k, seed, factor_cache, progress)
        with progress.stage(f"ranking and evaluating for {pluralize(len(evaluator.user_id), 'user')} of {on}"):
            board = Scoreboard.of(evaluator, chosen_models, level=level, seed=seed)
    for name, model in chosen_models.items():
        for rule, pairs in evaluator.count_unreachable(model).items():
            progress.print_line(f"note: {pairs:,} relevant jobs cannot be in the lists of {name}: {rule}")
    if on in ("test", "all"):
        log_test_access(registry, board, progress)
    console = make_console()
    console.print(render_scoreboard(board))
    optional_tables = _OptionalTables(board, list(chosen_models)[-1], slices and len(chosen_models) > 1, ablation)
    for table in optional_tables.render():
        console.print(table)
    if out is not None:
        optional_tables.save(out)
        progress.print_line(f"tables and plots: {out}")


def _make_evaluator(
    options: HoldoutOptions,
    data: Dataset,
    on: UserSplit,
    k: int,
    seed: int,
    factor_cache: Path | None,
    progress: Progress,
) -> Evaluator:
    from scoring.evaluation import Evaluator
    from scoring.statistics.factors import default_cache

    with progress.stage("creating the holdout"):
        holdout = options.make_holdout(data)
    holdout_options.print_holdout(holdout, progress)
    users = holdout_options.select_users(holdout, on, seed)
    with progress.stage(f"preparing factors and statistics as of {holdout.data.as_of:%Y-%m-%d %H:%M} UTC"):
        evaluator = Evaluator(holdout, users=users, k=k, factor_cache=factor_cache or default_cache())
        evaluator.statistics.factors  # noqa: B018 - trained on first access
    return evaluator


def log_test_access(registry: Registry, board: Scoreboard, progress: Progress) -> None:
    """Log an evaluation of each model on test users. Print a warning if the users were evaluated before."""
    digest, frame = board.evaluator.holdout.digest, board.frame()
    before = registry.count_test_accesses(digest)
    for name, evaluation in board.evaluations.items():
        rows = frame[(frame["model"] == name) & frame["measure"].isin(list(evaluation.values))]
        means = dict(zip(rows["measure"], rows["mean"], strict=True))
        registry.log_test_access(evaluation.model, digest, means)
    if before:
        progress.print_line(
            f"warning: these users have been evaluated {pluralize(before, 'time')} before. Models that were chosen by "
            "earlier evaluations look better than they are. `scoring profiles looks` lists the evaluations."
        )


class _OptionalTables:
    """The tables that --slices and --ablation add."""

    def __init__(self, board: Scoreboard, last: str, slices: bool, ablation: bool) -> None:
        self._board = board
        self._metric = board.evaluator.metrics[0].name
        self._slices = board.slices(last) if slices else None
        self._ablation = _run_ablation(board, last) if ablation else None
        self._last = last

    def render(self) -> list[RenderableType]:
        from scoring.cli.tables.evaluation import render_ablation, render_slices

        tables: list[RenderableType] = []
        if self._slices is not None:
            tables += ["", render_slices(self._slices, self._metric, self._last, self._board.baseline)]
        if self._ablation is not None:
            tables += ["", render_ablation(self._ablation.frame(), self._metric, self._last)]
        return tables

    def save(self, folder: Path) -> None:
        from scoring.cli.export import save

        frames, figures = {"scoreboard": self._board.frame()}, {"scoreboard": self._board.plot()}
        if self._slices is not None:
            frames["slices"] = self._slices
        if self._ablation is not None:
            frames["ablation"] = self._ablation.frame()
            figures["ablation"] = self._ablation.plot()
        save(folder, frames, figures)


def _run_ablation(board: Scoreboard, name: str) -> Ablation:
    from scoring.tuning.ablation import ablation

    evaluator = board.evaluator
    return ablation(evaluator, board.evaluations[name].model, evaluator.metrics[0], level=board.level)
