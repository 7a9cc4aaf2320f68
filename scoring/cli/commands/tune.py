"""`scoring tune`: search for better weights and test them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scoring.cli.commands.evaluate import log_test_access
from scoring.cli.data_loader import load_components
from scoring.cli.holdout_options import (
    CountsOption,
    CutOption,
    DaysOption,
    HeldOption,
    HoldoutOption,
    HoldoutOptions,
    SeedOption,
    WindowDaysOption,
)
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOfOption,
    ComponentOption,
    DbOption,
    FactorCacheOption,
    ModelOption,
    ProfileOption,
    ProfilesOption,
    WeightsOption,
)
from scoring.cli.signals import stop_signals
from scoring.cli.tune_request import DEFAULT_JOURNALS, SearchInputs, SourceOptions, TuneRequest, helper_processes
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.evaluation import Scoreboard
    from scoring.tuning import Tuning
    from scoring.tuning.registry import Profile as Saved
    from scoring.tuning.registry import Registry

__all__ = ["tune"]

_Texts = list[str] | None


def tune(
    db: DbOption = DEFAULT_DB,
    model: ModelOption = None,
    weights: WeightsOption = None,
    profile: ProfileOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
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
        Path | None, typer.Option(help=f"A file of trials, to go on with; else one in {DEFAULT_JOURNALS}.")
    ] = None,
    holdout: HoldoutOption = "time",
    days: DaysOption = 14.0,
    cut: CutOption = None,
    held: HeldOption = 1,
    window_days: WindowDaysOption = 0.0,
    counts: CountsOption = None,
    users: Annotated[int | None, typer.Option(min=1, help="Try models on so many of the users only.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Jobs per user.")] = 40,
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the trials.")] = 1,
    test: Annotated[bool, typer.Option(help="Look once at users whom nothing has seen, and log that.")] = True,
    save: Annotated[str | None, typer.Option(metavar="NAME", help="Save what is found as this profile.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for tables (CSV) and plots (PNG).")] = None,
    as_of: AsOfOption = None,
    seed: SeedOption = 0,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Search weights by what people did afterwards, beside the weights of now, random search and a direct fit."""
    from scoring.cli.progress import Progress, make_console
    from scoring.tuning.registry import Registry

    progress = Progress()
    registry = Registry(profiles, components=[one for file in component or () for one in load_components(file)])
    if save is not None:
        registry.versions(save)  # reject an invalid name before the search
    request = TuneRequest(
        source=SourceOptions(db, as_of, model, weights, profile, profiles, tuple(component or ()), factor_cache),
        asked=HoldoutOptions(holdout, days, cut, held, window_days, tuple(counts or ())),
        goals=tuple(goal or ()),
        minimise=tuple(minimise or ()),
        floors=tuple(floor or ()),
        locks=tuple(lock or ()),
        parameters=tuple(parameter or ()),
        users=users,
        top_k=top_k,
        seed=seed,
        trials=trials,
        random_trials=random_trials,
        sampler=sampler,
        storage=storage,
    )
    with progress.warnings():
        ready = request.ready(progress, processes)
        tuning = _searched(request, ready, processes, progress)
        board = tuning.test(ready.test) if test else None
    if board is not None:
        log_test_access(registry, board, progress)
    make_console().print(_report(tuning, board))
    if save is not None:
        saved = _saved(registry, save, profile, ready, tuning, board)
        make_console().print(f"Saved {saved.metadata.reference}.", markup=False, soft_wrap=True)
    if out is not None:
        _save(out, tuning, board)
        progress.print_line(f"tables and plots: {out}")


def _searched(request: TuneRequest, ready: SearchInputs, processes: int, progress: Progress) -> Tuning:
    from scoring.tuning import tune as search

    journal_path = request.journal_path(ready.problem)
    progress.print_line(f"trials are kept in {journal_path}: the same command goes on with them")
    with _bars(progress) as on_progress, helper_processes(request, processes, progress):
        return search(
            ready.problem,
            ready.validation,
            request.trials,
            random_trials=request.random_trials,
            sampler=request.sampler,
            storage=journal_path,
            seed=request.seed,
            progress=on_progress,
            cancelled=stop_signals.raise_pending,
        )


def _saved(
    registry: Registry, name: str, parent: str | None, ready: SearchInputs, tuning: Tuning, test: Scoreboard | None
) -> Saved:
    goals = ", ".join(goal.name for goal in ready.problem.goals)
    return registry.save(
        name,
        tuning.winner,
        parent=parent or ready.problem.baseline,
        found_on=ready.holdout.data,
        metrics=_metrics(tuning, test),
        note=f"scoring tune for {goals}: "
        + ", ".join(f"{pluralize(len(trials), 'trial')} of {study}" for study, trials in tuning.studies.items()),
    )


@contextmanager
def _bars(progress: Progress) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage, one after the other."""
    with ExitStack() as stack:
        now: str | None = None
        advance: Callable[[int, int], None] = lambda done, total: None  # noqa: E731

        def on_progress(stage: str, done: int, total: int) -> None:
            nonlocal now, advance
            if stage != now:
                stack.close()
                now, advance = stage, stack.enter_context(progress.bar(stage, "trials" if total > 1 else "fit"))
            advance(done, total)

        yield on_progress


def _report(tuning: Tuning, test: Scoreboard | None) -> Any:
    from rich.console import Group
    from rich.text import Text

    from scoring.cli.tables.evaluation import front, render_measures, verdict, weights
    from scoring.tuning.tune import BASELINE, DIRECT

    goals = [goal.name for goal in tuning.problem.goals]
    measures = list(dict.fromkeys([*goals, *(metric.name for metric in tuning.validation.metrics)]))
    parts: list[Any] = []
    if len(goals) > 1:
        parts += [
            Text("Trials that no other beats in all goals (training users)", style="bold"),
            front(tuning),
            Text(),
        ]
    for board, what in ((tuning.scoreboard, "validation"), (test, "test")):
        if board is not None:
            head = f"{pluralize(len(board.evaluator.user_id), 'user')} of {what}, all against the baseline"
            parts += [Text(head, style="bold"), render_measures(board, measures), Text()]
    parts += [Text("Flat weights", style="bold"), weights(tuning.weights()), Text()]
    parts += [verdict(test or tuning.scoreboard, goals[0], "test" if test else "validation")]
    for name in (BASELINE, DIRECT):  # models that the search starts from
        if tuning.winner.digest == tuning.models[name].digest:
            parts += [Text(f"The search found nothing that is better on validation users than the {name}.")]
    return Group(*parts)


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
    from scoring.cli.export import save

    frames = {"validation": tuning.frame(), "weights": tuning.weights().reset_index(), "trials": tuning.trials()}
    figures = {"search": tuning.plot(), "validation": tuning.scoreboard.plot()}
    if len(tuning.problem.goals) > 1:
        frames["front"] = tuning.front()
    if test is not None:
        frames["test"], figures["test"] = test.frame(), test.plot()
    save(folder, frames, figures)
