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
    FactorCacheOption,
    ProfilesOption,
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
            metavar="[MODEL]...",
            help="Models that ship, model files, saved profiles, `promoted`; the first is the baseline. Else standard.",
        ),
    ] = None,
    db: DbOption = DEFAULT_DB,
    holdout: HoldoutOption = "time",
    days: DaysOption = 14.0,
    cut: CutOption = None,
    held: HeldOption = 1,
    window_days: WindowDaysOption = 0.0,
    counts: CountsOption = None,
    on: Annotated[UserSplit, typer.Option(help="Users: a look at test, or at all, is logged with the profiles.")] = (
        "validation"
    ),
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Jobs per user.")] = 40,
    slices: Annotated[bool, typer.Option(help="Also by region, age group, tenure and occupation.")] = False,
    ablation: Annotated[bool, typer.Option(help="Also the last model without each of its components.")] = False,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals and tests.")] = 0.95,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for tables (CSV) and plots (PNG).")] = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    as_of: AsOfOption = None,
    seed: SeedOption = 0,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Hold models to what people did afterwards: metrics, what lists are like, differences with their intervals."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.evaluation import render_scoreboard
    from scoring.database.database import Database
    from scoring.evaluation import Scoreboard
    from scoring.telemetry import Stopwatch

    progress = Progress()
    registry, chosen = read_models(models or ["standard"], component, profiles)
    asked = HoldoutOptions(holdout, days, cut, held, window_days, tuple(counts or ()))
    with progress.warnings():
        with Database.open(db) as database:
            data = load_data(database, as_of, progress, Stopwatch())
        evaluator = _evaluator(asked, data, on, top_k, seed, factor_cache, progress)
        with progress.stage(f"ranking and judging for {pluralize(len(evaluator.user_id), 'user')} of {on}"):
            board = Scoreboard.of(evaluator, chosen, level=level, seed=seed)
    for name, model in chosen.items():
        for rule, pairs in evaluator.unreachable(model).items():
            progress.print_line(f"note: {pairs:,} of the jobs to be found can be on no list of {name}: {rule}")
    if on in ("test", "all"):
        log_test_access(registry, board, progress)
    console = make_console()
    console.print(render_scoreboard(board))
    parts = _OptionalTables(board, list(chosen)[-1], slices and len(chosen) > 1, ablation)
    for part in parts.told():
        console.print(part)
    if out is not None:
        parts.save(out)
        progress.print_line(f"tables and plots: {out}")


def _evaluator(
    asked: HoldoutOptions,
    data: Dataset,
    on: UserSplit,
    k: int,
    seed: int,
    factor_cache: Path | None,
    progress: Progress,
) -> Evaluator:
    from scoring.evaluation import Evaluator
    from scoring.statistics.factors import default_cache

    with progress.stage("holding out"):
        found = asked.holdout(data)
    holdout_options.print_holdout(found, progress)
    users = holdout_options.users_of_split(found, on, seed)
    with progress.stage(f"preparing factors and statistics as of {found.data.as_of:%Y-%m-%d %H:%M} UTC"):
        evaluator = Evaluator(found, users=users, k=k, factor_cache=factor_cache or default_cache())
        evaluator.statistics.factors  # noqa: B018 - trained on first access
    return evaluator


def log_test_access(registry: Registry, board: Scoreboard, progress: Progress) -> None:
    """Notes that these users were looked at, for every model; says it where it was not the first time."""
    digest, frame = board.evaluator.holdout.digest, board.frame()
    before = registry.count_test_accesses(digest)
    for name, evaluation in board.evaluations.items():
        rows = frame[(frame["model"] == name) & frame["measure"].isin(list(evaluation.values))]
        means = dict(zip(rows["measure"], rows["mean"], strict=True))
        registry.log_test_access(evaluation.model, digest, means)
    if before:
        progress.print_line(
            f"warning: this is look {before + 1:,} and on at these users; what was chosen by earlier looks looks "
            "better here than it is. `scoring profiles looks` lists them."
        )


class _OptionalTables:
    """What is told beyond the scoreboard."""

    def __init__(self, board: Scoreboard, last: str, slices: bool, ablation: bool) -> None:
        self._board = board
        self._metric = board.evaluator.metrics[0].name
        self._slices = board.slices(last) if slices else None
        self._ablation = _ablation(board, last) if ablation else None
        self._last = last

    def told(self) -> list[RenderableType]:
        from rich.text import Text

        from scoring.cli.tables.evaluation import render_ablation, slices

        parts: list[RenderableType] = []
        if self._slices is not None:
            parts += [Text(f"\n{self._metric} of {self._last} against {self._board.baseline}, by slice", style="bold")]
            parts += [slices(self._slices, self._metric)]
        if self._ablation is not None:
            parts += [Text(f"\n{self._last} without each of its components", style="bold")]
            parts += [render_ablation(self._ablation.frame(), self._metric)]
        return parts

    def save(self, folder: Path) -> None:
        from scoring.cli.export import save

        frames, figures = {"scoreboard": self._board.frame()}, {"scoreboard": self._board.plot()}
        if self._slices is not None:
            frames["slices"] = self._slices
        if self._ablation is not None:
            frames["ablation"] = self._ablation.frame()
            figures["ablation"] = self._ablation.plot()
        save(folder, frames, figures)


def _ablation(board: Scoreboard, name: str) -> Ablation:
    from scoring.tuning.ablation import ablation

    evaluator = board.evaluator
    return ablation(evaluator, board.evaluations[name].model, evaluator.metrics[0], level=board.level)
