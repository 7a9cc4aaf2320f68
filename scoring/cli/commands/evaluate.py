"""`scoring evaluate`: evaluate models on actions that users took later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli import holdout_options
from scoring.cli.holdout_options import Asked, Counts, Cut, Days, Held, HeldOut, Part, Seed, Window
from scoring.cli.opening import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOf,
    Components,
    Db,
    FactorCache,
    Profiles,
    load_data,
    read_models,
)
from scoring.errors import pluralize

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scoring.cli.progress import Show
    from scoring.dataset import Dataset
    from scoring.evaluation import Evaluator, Scoreboard
    from scoring.tuning.ablation import Ablation
    from scoring.tuning.registry import Registry

__all__ = ["evaluate", "log_look"]


def evaluate(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Models that ship, model files, saved profiles, `promoted`; the first is the baseline. Else standard.",
        ),
    ] = None,
    db: Db = DEFAULT_DB,
    holdout: HeldOut = "time",
    days: Days = 14.0,
    cut: Cut = None,
    held: Held = 1,
    window_days: Window = 0.0,
    counts: Counts = None,
    on: Annotated[Part, typer.Option(help="Users: a look at test, or at all, is logged with the profiles.")] = (
        "validation"
    ),
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Jobs per user.")] = 40,
    slices: Annotated[bool, typer.Option(help="Also by region, age group, tenure and occupation.")] = False,
    ablation: Annotated[bool, typer.Option(help="Also the last model without each of its components.")] = False,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals and tests.")] = 0.95,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for tables (CSV) and plots (PNG).")] = None,
    profiles: Profiles = DEFAULT_PROFILES,
    as_of: AsOf = None,
    seed: Seed = 0,
    factor_cache: FactorCache = None,
    component: Components = None,
) -> None:
    """Hold models to what people did afterwards: metrics, what lists are like, differences with their intervals."""
    from scoring.cli.progress import Show, output
    from scoring.cli.tables.evaluation import standings
    from scoring.database.database import Database
    from scoring.evaluation import Scoreboard
    from scoring.telemetry import Stopwatch

    show = Show()
    registry, chosen = read_models(models or ["standard"], component, profiles)
    asked = Asked(holdout, days, cut, held, window_days, tuple(counts or ()))
    with show.warnings():
        with Database.open(db) as database:
            data = load_data(database, as_of, show, Stopwatch())
        evaluator = _evaluator(asked, data, on, top_k, seed, factor_cache, show)
        with show.stage(f"ranking and judging for {pluralize(len(evaluator.user_id), 'user')} of {on}"):
            board = Scoreboard.of(evaluator, chosen, level=level, seed=seed)
    for name, model in chosen.items():
        for rule, pairs in evaluator.unreachable(model).items():
            show.say(f"note: {pairs:,} of the jobs to be found can be on no list of {name}: {rule}")
    if on in ("test", "all"):
        log_look(registry, board, show)
    console = output()
    console.print(standings(board))
    parts = _Parts(board, list(chosen)[-1], slices and len(chosen) > 1, ablation)
    for part in parts.told():
        console.print(part)
    if out is not None:
        parts.save(out)
        show.say(f"tables and plots: {out}")


def _evaluator(
    asked: Asked, data: Dataset, on: Part, k: int, seed: int, factor_cache: Path | None, show: Show
) -> Evaluator:
    from scoring.evaluation import Evaluator
    from scoring.statistics.factors import default_cache

    with show.stage("holding out"):
        found = asked.holdout(data)
    holdout_options.tell(found, show)
    users = holdout_options.users_on(found, on, seed)
    with show.stage(f"preparing factors and statistics as of {found.data.as_of:%Y-%m-%d %H:%M} UTC"):
        evaluator = Evaluator(found, users=users, k=k, factor_cache=factor_cache or default_cache())
        evaluator.statistics.factors  # noqa: B018 - trained on first access
    return evaluator


def log_look(registry: Registry, board: Scoreboard, show: Show) -> None:
    """Notes that these users were looked at, for every model; says it where it was not the first time."""
    digest, frame = board.evaluator.holdout.digest, board.frame()
    before = registry.test_looks(digest)
    for name, judgement in board.judgements.items():
        rows = frame[(frame["model"] == name) & frame["measure"].isin(list(judgement.values))]
        means = dict(zip(rows["measure"], rows["mean"], strict=True))
        registry.log_test_look(judgement.model, digest, means)
    if before:
        show.say(
            f"warning: this is look {before + 1:,} and on at these users; what was chosen by earlier looks looks "
            "better here than it is. `scoring profiles looks` lists them."
        )


class _Parts:
    """What is told beyond the scoreboard."""

    def __init__(self, board: Scoreboard, last: str, slices: bool, ablation: bool) -> None:
        self._board = board
        self._metric = board.evaluator.metrics[0].name
        self._slices = board.slices(last) if slices else None
        self._ablation = _ablation(board, last) if ablation else None
        self._last = last

    def told(self) -> list[RenderableType]:
        from rich.text import Text

        from scoring.cli.tables.evaluation import lost_without, slices

        parts: list[RenderableType] = []
        if self._slices is not None:
            parts += [Text(f"\n{self._metric} of {self._last} against {self._board.baseline}, by slice", style="bold")]
            parts += [slices(self._slices, self._metric)]
        if self._ablation is not None:
            parts += [Text(f"\n{self._last} without each of its components", style="bold")]
            parts += [lost_without(self._ablation.frame(), self._metric)]
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
    return ablation(evaluator, board.judgements[name].model, evaluator.metrics[0], level=board.level)
