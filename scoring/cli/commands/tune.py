"""`scoring tune`: search for better weights and test them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scoring.cli.evaluation_log_entry import log_test_access
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
from scoring.cli.input_loader import read_components
from scoring.cli.mlflow_run import MlflowOption, MlflowRun, MlflowStore, list_metrics, name_digests
from scoring.cli.next_command import print_next
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOfOption,
    ComponentOption,
    DbOption,
    ExportOption,
    FactorCacheOption,
    LockOption,
    ModelOption,
    ProfileOption,
    ProfilesOption,
    TopKOption,
    WeightsOption,
)
from scoring.cli.output_failures import note_stored
from scoring.cli.signals import stop_signals
from scoring.cli.tune_options import (
    FloorOption,
    GoalOption,
    MinimiseOption,
    ParameterOption,
    PickOption,
    ProcessesOption,
    RandomTrialsOption,
    SamplerOption,
    SaveOption,
    StorageOption,
    TestOption,
    TrialsOption,
    UsersOption,
)
from scoring.cli.tune_request import SearchInputs, SourceOptions, TuneRequest, run_helper_processes
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.evaluation import Scoreboard
    from scoring.model import ScoringModel
    from scoring.registry import FittedUsers, Registry
    from scoring.registry import Profile as Saved
    from scoring.registry.evaluation_log import DeclaredLimit
    from scoring.tuning import Tuning

__all__ = ["tune"]


def tune(
    db: DbOption = DEFAULT_DB,
    model: ModelOption = None,
    weights: WeightsOption = None,
    profile: ProfileOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    goal: GoalOption = None,
    minimise: MinimiseOption = None,
    floor: FloorOption = None,
    pick: PickOption = None,
    lock: LockOption = None,
    parameter: ParameterOption = None,
    trials: TrialsOption = 300,
    random_trials: RandomTrialsOption = None,
    sampler: SamplerOption = "tpe",
    storage: StorageOption = None,
    holdout: HoldoutOption = "time",
    days: DaysOption = 14,
    cut: CutOption = None,
    held: HeldOption = 1,
    window_days: WindowDaysOption = 0,
    counts: CountsOption = None,
    users: UsersOption = None,
    top_k: TopKOption = 40,
    processes: ProcessesOption = 1,
    test: TestOption = True,
    save: SaveOption = None,
    out: ExportOption = None,
    mlflow: MlflowOption = None,
    as_of: AsOfOption = None,
    seed: SeedOption = 0,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Search for weights that predict later actions of users.

    The result is compared with the current weights, a random search and a direct fit.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.tuning import render_tuning
    from scoring.registry import Registry

    progress = Progress()
    registry = Registry(profiles, components=read_components(component))
    if save is not None:
        registry.list_versions(save)  # reject an invalid name before the search
    request = TuneRequest(
        source=SourceOptions(db, as_of, model, weights, profile, profiles, tuple(component or ()), factor_cache),
        holdout=HoldoutOptions(holdout, days, cut, held, window_days, tuple(counts or ())),
        goals=tuple(goal or ()),
        minimise=tuple(minimise or ()),
        floors=tuple(floor or ()),
        picks=tuple(pick or ()),
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
    store = MlflowStore.open(mlflow, progress)
    with progress.warnings():
        inputs = request.prepare(progress, processes, out)
        _warn_about_fitted_users(registry, inputs, progress)
        tuning = _run_search(request, inputs, processes, progress)
        board = tuning.test(inputs.test) if test else None
    look = None if board is None else _log_test(registry, request, tuning, board, progress)
    make_console().print(render_tuning(tuning, board))
    saved: Saved | None = None
    if save is not None:
        parent = registry.for_database(db).use(profile) if profile is not None else inputs.problem.baseline
        saved = _save_profile(registry, save, parent, inputs, tuning, board)
    if out is not None:
        from scoring.cli.result_export import print_saved

        _write_files(out, tuning, board)
        print_saved(out, progress)
    if store is not None:
        tags = {"look": look, "profile": None if saved is None else saved.metadata.reference}
        store.log(_make_run(request, inputs, tuning, board, tags), progress)
    shared = {"profiles": (profiles, DEFAULT_PROFILES), "component": (component, None)}
    if save is not None and weights is None:
        print_next("compare", profile or model or "standard", save, db=(db, DEFAULT_DB), **shared)
    elif (trial := tuning.find_trial()) is not None and save is None:
        print_next("profiles", "save", "NAME", "--trial", f"{request.journal_path(inputs.problem)}:{trial}", **shared)


def _log_test(
    registry: Registry, request: TuneRequest, tuning: Tuning, board: Scoreboard, progress: Progress
) -> int | None:
    """Log the evaluation on the test users, and return the number of looks at them."""
    return log_test_access(
        registry,
        board,
        progress,
        broken_floors=_find_broken_floors(tuning, board),
        limits=_check_limits(request, board),
        derived_from=tuning.problem.baseline,
    )


def _check_limits(request: TuneRequest, board: Scoreboard) -> list[DeclaredLimit]:
    """Return the conditions of --pick, and whether the search result satisfies them on the test users."""
    from scoring.registry.evaluation_log import DeclaredLimit
    from scoring.tuning.goal_parser import parse_condition
    from scoring.tuning.tune import BASELINE, SEARCH

    before, after = board.evaluations[BASELINE], board.evaluations[SEARCH]
    return [
        DeclaredLimit(
            measure=pick.goal.name, text=str(pick), is_kept=pick.shortfall(board.evaluator, after, before) <= 0
        )
        for pick in map(parse_condition, request.picks)
    ]


def _warn_about_fitted_users(registry: Registry, inputs: SearchInputs, progress: Progress) -> None:
    import numpy as np

    fitted = registry.find_fitted_users(inputs.problem.baseline).user_id
    n_known = int(np.isin(inputs.test.user_id, fitted).sum())
    if n_known:
        progress.print_line(
            f"warning: the model that the search starts with was fitted or selected on {n_known:,} of "
            f"{pluralize(len(inputs.test.user_id), 'test user')}. Use the --seed of that search, or another model."
        )


def _run_search(request: TuneRequest, inputs: SearchInputs, processes: int, progress: Progress) -> Tuning:
    from scoring.tuning import tune as search
    from scoring.tuning.goal_parser import parse_condition
    from scoring.tuning.secondary_measure_losses import describe_train_result

    journal_path = request.journal_path(inputs.problem)
    progress.print_line(
        f"trials: {journal_path}. If the search is interrupted, run the same command again to resume it. "
        f"`optuna-dashboard {journal_path}` shows the trials (pip install optuna-dashboard)."
    )
    _list_users(inputs).store(journal_path)
    picks = [parse_condition(text) for text in request.picks]
    goals = [goal.name for goal in inputs.problem.goals]
    for name in dict.fromkeys(pick.goal.name for pick in picks if pick.goal.name not in goals):
        progress.print_line(
            f"note: {name} is not a goal of the search, so few trials may satisfy --pick. To search for them, add it "
            "as a goal."
        )
    with _show_bars(progress) as on_progress, run_helper_processes(request, processes, progress):
        return search(
            inputs.problem,
            inputs.validation,
            request.trials,
            random_trials=request.random_trials,
            sampler=request.sampler,
            storage=journal_path,
            seed=request.seed,
            progress=on_progress,
            found=lambda stage, model: progress.print_line(f"{stage}: {describe_train_result(inputs.problem, model)}"),
            cancelled=stop_signals.raise_pending,
            pick=picks,
        )


def _save_profile(
    registry: Registry,
    name: str,
    parent: Saved | ScoringModel,
    inputs: SearchInputs,
    tuning: Tuning,
    test: Scoreboard | None,
) -> Saved:
    """Save the best model, print the name of its profile, and return it."""
    from scoring.cli.progress import make_console

    goals = ", ".join(goal.name for goal in inputs.problem.goals)
    before = registry.list_versions(name)
    saved = registry.save(
        name,
        tuning.winner,
        parent=parent,
        found_on=inputs.holdout.data,
        metrics=_collect_metrics(tuning, test),
        users=_list_users(inputs),
        note=f"scoring tune for {goals}: "
        + ", ".join(f"{pluralize(len(trials), 'trial')} of {study}" for study, trials in tuning.studies.items()),
    )
    reference = saved.metadata.reference
    message = f"{reference} is identical. Nothing was saved." if saved.version in before else f"Saved {reference}."
    note_stored(message)
    make_console().print(message, markup=False, soft_wrap=True)
    return saved


def _list_users(inputs: SearchInputs) -> FittedUsers:
    from scoring.registry import FittedUsers

    return FittedUsers.of(inputs.problem.train.user_id, inputs.validation.user_id)


def _find_broken_floors(tuning: Tuning, board: Scoreboard) -> list[str]:
    """Return the floors that the search result does not keep on test users, if the slice is significantly worse."""
    from scoring.tuning.tune import BASELINE, SEARCH

    floors = tuning.problem.floors
    if not floors:
        return []
    slices = board.slices(SEARCH, [floor.slicing for floor in floors])
    worse = slices[slices["worse"]]
    places = set(zip(worse["metric"], worse["slicing"], worse["slice"], strict=True))
    before, after = board.evaluations[BASELINE], board.evaluations[SEARCH]
    return [
        floor.name
        for floor in floors
        if floor.shortfall(after, before) > 0 and (floor.metric.name, floor.slicing.name, floor.label) in places
    ]


@contextmanager
def _show_bars(progress: Progress) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a progress callback that shows one bar per stage."""
    with ExitStack() as stack:
        current: str | None = None
        advance: Callable[[int, int], None] = lambda done, total: None  # noqa: E731

        def on_progress(stage: str, done: int, total: int) -> None:
            nonlocal current, advance
            if stage != current:
                stack.close()
                current, advance = stage, stack.enter_context(progress.bar(stage, "trials" if total > 1 else "fit"))
            advance(done, total)

        yield on_progress


def _collect_metrics(tuning: Tuning, test: Scoreboard | None) -> dict[str, dict[str, dict[str, float]]]:
    """Return split → measure → value, low, high, n of the best model, for the registry."""
    from scoring.tuning.tune import SEARCH

    boards = {"validation": tuning.scoreboard} | ({} if test is None else {"test": test})
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for split, board in boards.items():
        frame = board.frame()
        rows = frame[(frame["model"] == SEARCH) & frame["mean"].notna()]
        metrics[split] = {
            row["measure"]: {"value": row["mean"], "low": row["low"], "high": row["high"], "n": row["n"]}
            for row in rows.to_dict("records")
        }
    return metrics


def _write_files(folder: Path, tuning: Tuning, test: Scoreboard | None) -> None:
    import pandas as pd

    from scoring.cli.result_export import save

    frames = {"validation": tuning.frame(), "weights": tuning.weights().reset_index(), "trials": tuning.trials()}
    frames["notes"] = pd.DataFrame({"note": tuning.notes})
    figures = {"search": tuning.plot(), "validation": tuning.scoreboard.plot()}
    if len(tuning.problem.goals) > 1:
        changes = tuning.front_changes().add_prefix("change of ")
        frames["front"] = tuning.front().merge(changes, left_on="trial", right_index=True)
    if test is not None:
        frames["test"], figures["test"] = test.frame(), test.plot()
    save(folder, frames, figures)


def _make_run(
    request: TuneRequest,
    inputs: SearchInputs,
    tuning: Tuning,
    test: Scoreboard | None,
    tags: Mapping[str, object],
) -> MlflowRun:
    """Return the run for MLflow. `tags` are those in addition to the data and the goals."""
    from scoring.model.model_file import dump_model
    from scoring.tuning.tune import RANDOM, SEARCH

    goals = ", ".join(goal.name if goal.maximise else f"{goal.name} (minimise)" for goal in tuning.problem.goals)
    params = {
        "model": tuning.problem.baseline.name,
        "models": ", ".join(tuning.models),
        **name_digests(tuning.models),
        "holdout": inputs.holdout.name,
        "split": "validation" if test is None else "test",
        **{f"users.{split}": len(getattr(inputs, split).user_id) for split in ("train", "validation", "test")},
        "seed": request.seed,
        "top_k": request.top_k,
        "goals": goals,
        "floors": ", ".join(request.floors),
        "picks": ", ".join(request.picks),
        "locks": ", ".join(request.locks),
        "parameters": ", ".join(request.parameters),
        "sampler": request.sampler,
        "trials": len(tuning.studies[SEARCH]),
        "random_trials": len(tuning.studies[RANDOM]),
    }
    metrics = list_metrics(tuning.frame(), "validation")
    if test is not None:
        metrics += list_metrics(test.frame(), "test")
    evaluator = inputs.validation if test is None else inputs.test
    tags = {
        "data_fingerprint": inputs.holdout.data.fingerprint,
        "holdout_digest": evaluator.holdout.digest,
        "goals": goals,
        **tags,
    }

    def write_files(folder: Path) -> None:
        _write_files(folder, tuning, test)
        (folder / "model.yaml").write_text(dump_model(tuning.winner), "utf-8")

    return MlflowRun("tune", f"tune for {goals}", params, tags, metrics, write_files)
