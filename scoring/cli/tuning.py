"""`scoring tune`: better weights, with evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scoring.cli import holding
from scoring.cli.evaluating import log_look
from scoring.cli.holding import Asked, Counts, Cut, Days, Held, HeldOut, Seed, Window
from scoring.cli.opening import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOf,
    Components,
    Db,
    FactorCache,
    Model,
    Profile,
    Profiles,
    Weights,
    load_components,
    load_data,
    read_model,
)
from scoring.cli.stopping import stops

if TYPE_CHECKING:
    from scoring.cli.progress import Show
    from scoring.evaluation import Evaluator, Holdout, Scoreboard
    from scoring.model import ScoringModel
    from scoring.tuning import Problem, Tuning

__all__ = ["tune"]

DEFAULT_SEARCHES = Path("data/searches")

_Texts = list[str] | None


def tune(
    db: Db = DEFAULT_DB,
    model: Model = None,
    weights: Weights = None,
    profile: Profile = None,
    profiles: Profiles = DEFAULT_PROFILES,
    goal: Annotated[
        _Texts, typer.Option(help="More of it is better: a metric, or `mean fee@40`; else NDCG@10. May be repeated.")
    ] = None,
    minimise: Annotated[_Texts, typer.Option(help="Less of it is better: `concentration@40`. May be repeated.")] = None,
    floor: Annotated[
        _Texts,
        typer.Option(metavar="METRIC:SLICING:SLICE=SHARE", help="What is not to fall below this share of now."),
    ] = None,
    lock: Annotated[_Texts, typer.Option(help="A component that keeps its weight. May be repeated.")] = None,
    parameter: Annotated[
        _Texts,
        typer.Option(metavar="COMPONENT.FIELD=LOW..HIGH[,log]", help="Search this parameter, too. May be repeated."),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Models that are tried.")] = 300,
    random_trials: Annotated[int | None, typer.Option(min=1, help="By random search; else as many.")] = None,
    sampler: Annotated[Literal["tpe", "random", "nsga2"], typer.Option(help="Who suggests models.")] = "tpe",
    storage: Annotated[
        Path | None, typer.Option(help=f"A file of trials, to go on with; else one in {DEFAULT_SEARCHES}.")
    ] = None,
    holdout: HeldOut = "time",
    days: Days = 14.0,
    cut: Cut = None,
    held: Held = 1,
    window_days: Window = 0.0,
    counts: Counts = None,
    users: Annotated[int | None, typer.Option(min=1, help="Try models on so many of the users only.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Jobs per user.")] = 40,
    test: Annotated[bool, typer.Option(help="Look once at users whom nothing has seen, and log that.")] = True,
    save: Annotated[str | None, typer.Option(metavar="NAME", help="Save what is found as this profile.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for tables (CSV) and plots (PNG).")] = None,
    as_of: AsOf = None,
    seed: Seed = 0,
    factor_cache: FactorCache = None,
    component: Components = None,
) -> None:
    """Search weights by what people did afterwards, beside the weights of now, random search and a direct fit."""
    from scoring.cli.progress import Show, output
    from scoring.tuning import tune as search
    from scoring.tuning.registry import Registry

    show = Show()
    chosen = read_model(model, weights, component, profile, profiles)
    own = [one for file in component or () for one in load_components(file)]
    registry = Registry(profiles, components=own)
    if save is not None:
        registry.versions(save)  # a name that is not safe is said before the work, not after it
    with show.warnings():
        found = _held_out(db, as_of, Asked(holdout, days, cut, held, window_days, tuple(counts or ())), show)
        parts = _Parts.of(found, factor_cache, top_k, users, seed, show)
        problem = _problem(chosen, parts, goal, minimise, floor, lock, parameter)
        storage = storage or DEFAULT_SEARCHES / f"{problem.digest[:12]}.journal"
        show.say(f"trials are kept in {storage}: the same command goes on with them")
        with _bars(show) as progress:
            tuning = search(
                problem,
                parts.validation,
                trials,
                random_trials=random_trials,
                sampler=sampler,
                storage=storage,
                seed=seed,
                progress=progress,
                cancelled=stops.lost,
            )
        board = tuning.test(parts.test) if test else None
    if board is not None:
        log_look(registry, board, show)
    output().print(_report(tuning, board))
    if save is not None:
        saved = registry.save(
            save,
            tuning.winner,
            parent=profile or chosen,
            found_on=found.data,
            metrics=_metrics(tuning, board),
            note=f"scoring tune: {', '.join(goal.name for goal in problem.goals)} by {trials:,} trials",
        )
        output().print(f"Saved {saved.about.reference}.", markup=False, soft_wrap=True)
    if out is not None:
        _save(out, tuning, board)
        show.say(f"tables and plots: {out}")


def _held_out(db: str, as_of: str | None, asked: Asked, show: Show) -> Holdout:
    from scoring.dataset.database import Database
    from scoring.telemetry import Stopwatch

    with Database.open(db) as database:
        data = load_data(database, as_of, show, Stopwatch())
    with show.stage("holding out"):
        found = asked.holdout(data)
    holding.tell(found, show)
    return found


@dataclass(frozen=True)
class _Parts:
    """Evaluators of the three parts of the users."""

    train: Evaluator
    validation: Evaluator
    test: Evaluator

    @classmethod
    def of(cls, holdout: Holdout, factor_cache: Path | None, k: int, most: int | None, seed: int, show: Show) -> _Parts:
        from scoring.evaluation import Evaluator
        from scoring.statistics import Statistics
        from scoring.statistics.factors import default_cache

        split = holding.split_of(holdout, seed)
        with show.stage(f"preparing factors and statistics as of {holdout.data.as_of:%Y-%m-%d %H:%M} UTC"):
            statistics = Statistics(holdout.data, factor_cache=factor_cache or default_cache())
            statistics.factors  # noqa: B018 - trained when first asked for
        train = split.train if most is None else _some(split.train, most, seed)
        show.say(
            f"users: {len(train):,} to try models on, {len(split.validation):,} to choose, {len(split.test):,} test"
        )
        ids = (train, split.validation, split.test)
        return cls(*(Evaluator(holdout, users=one, k=k, statistics=statistics) for one in ids))


def _some(ids: Any, most: int, seed: int) -> Any:
    import numpy as np

    return np.sort(np.random.default_rng(seed).permutation(ids)[:most])


def _problem(
    model: ScoringModel,
    parts: _Parts,
    goals: _Texts,
    minimise: _Texts,
    floors: _Texts,
    locks: _Texts,
    parameters: _Texts,
) -> Problem:
    from scoring.evaluation import slices_of
    from scoring.model import Inputs
    from scoring.tuning import Problem, Space
    from scoring.tuning.naming import floor_named, goal_named, parameter_named

    space = Space(model, tuple(locks or ()), tuple(parameter_named(text) for text in parameters or ()))
    wanted = goals or ([] if minimise else ["NDCG@10"])
    both = [*(goal_named(text) for text in wanted), *(goal_named(text, maximise=False) for text in minimise or ())]
    slicings = slices_of(Inputs.of(parts.train.statistics)) if floors else ()
    return Problem(space, parts.train, tuple(both), tuple(floor_named(text, slicings) for text in floors or ()))


@contextmanager
def _bars(show: Show) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage, one after the other."""
    with ExitStack() as stack:
        now: str | None = None
        advance: Callable[[int, int], None] = lambda done, total: None  # noqa: E731

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal now, advance
            if stage != now:
                stack.close()
                now, advance = stage, stack.enter_context(show.bar(stage, "trials" if total > 1 else "fit"))
            advance(done, total)

        yield progress


def _report(tuning: Tuning, test: Scoreboard | None) -> Any:
    from rich.console import Group
    from rich.text import Text

    from scoring.cli.measured import front, side_by_side, verdict, weights

    goals = [goal.name for goal in tuning.problem.goals]
    measures = list(dict.fromkeys([*goals, *(metric.name for metric in tuning.validation.metrics)]))
    parts: list[Any] = []
    if len(goals) > 1:
        parts += [Text("Trials that no other beats in all goals (training users)", style="bold"), front(tuning), Text()]
    for board, what in ((tuning.scoreboard, "validation"), (test, "test")):
        if board is not None:
            head = f"{len(board.evaluator.user_id):,} users of {what}, all against the baseline"
            parts += [Text(head, style="bold"), side_by_side(board, measures), Text()]
    parts += [Text("Flat weights", style="bold"), weights(tuning.weights()), Text()]
    return Group(*parts, verdict(test or tuning.scoreboard, goals[0], "test" if test else "validation"))


def _metrics(tuning: Tuning, test: Scoreboard | None) -> dict[str, dict[str, dict[str, float]]]:
    """Split → measure → value, low, high, n, of the winner, for the registry."""
    from scoring.tuning.tune import SEARCH

    boards = {"validation": tuning.scoreboard} | ({} if test is None else {"test": test})
    found: dict[str, dict[str, dict[str, float]]] = {}
    for split, board in boards.items():
        frame = board.frame()
        rows = frame[(frame["model"] == SEARCH) & frame["mean"].notna()]
        found[split] = {
            row["measure"]: {"value": row["mean"], "low": row["low"], "high": row["high"], "n": row["n"]}
            for row in rows.to_dict("records")
        }
    return found


def _save(folder: Path, tuning: Tuning, test: Scoreboard | None) -> None:
    from scoring.cli.saving import save

    frames = {"validation": tuning.frame(), "weights": tuning.weights().reset_index(), "trials": tuning.trials()}
    figures = {"search": tuning.plot(), "validation": tuning.scoreboard.plot()}
    if len(tuning.problem.goals) > 1:
        frames["front"] = tuning.front()
    if test is not None:
        frames["test"], figures["test"] = test.frame(), test.plot()
    save(folder, frames, figures)
