"""`scoring evaluate`: evaluate models on actions that users took later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.backtest_request import BacktestRequest, CutsOption, EveryOption, print_cuts
from scoring.cli.evaluate_request import (
    EvaluateRequest,
    ExcludeFittedOption,
    GoalOption,
    LevelOption,
    ModelsArgument,
    OnOption,
    parse_goals,
)
from scoring.cli.evaluation_log_entry import log_cuts, log_test_access
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
from scoring.cli.input_loader import load_data, read_models
from scoring.cli.list_file_options import ListFiles, ListsAtOption, ListsOption, ListsOutOption
from scoring.cli.mlflow_run import MlflowOption, MlflowRun, MlflowStore, cut_metrics, list_metrics
from scoring.cli.next_command import print_next
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
from scoring.cli.output_failures import note_stored
from scoring.cli.promoted_model import PROMOTED
from scoring.cli.slice_options import SliceColumns, SlicesByOption, SlicesOption
from scoring.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Backtest, JobSlicing, Scoreboard, Slicing
    from scoring.registry.evaluation_file import SavedEvaluation
    from scoring.tuning.ablation import Ablation

__all__ = ["evaluate"]

AblationOption = Annotated[bool, typer.Option(help="Also evaluate the last model without each of its components.")]


def evaluate(
    models: ModelsArgument = None,
    db: DbOption = DEFAULT_DB,
    holdout: HoldoutOption = "time",
    days: DaysOption = 14,
    cut: CutOption = None,
    cuts: CutsOption = 1,
    every: EveryOption = None,
    held: HeldOption = 1,
    window_days: WindowDaysOption = 0,
    counts: CountsOption = None,
    on: OnOption = "validation",
    top_k: TopKOption = 40,
    goal: GoalOption = None,
    lists: ListsOption = None,
    lists_at: ListsAtOption = None,
    slices: SlicesOption = False,
    slices_by: SlicesByOption = None,
    ablation: AblationOption = False,
    exclude_fitted: ExcludeFittedOption = False,
    level: LevelOption = 0.95,
    out: ExportOption = None,
    lists_out: ListsOutOption = None,
    mlflow: MlflowOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    as_of: AsOfOption = None,
    seed: SeedOption = 0,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Evaluate models, and lists of other systems, on later actions of users.

    Prints metrics, properties of the lists, and the differences from the first model.
    """
    from scoring.cli.progress import Progress
    from scoring.cli.result_export import create_folder
    from scoring.database.database import Database
    from scoring.telemetry import Stopwatch

    progress = Progress()
    registry, chosen = read_models(models or ["standard"], component, profiles, db)
    files = ListFiles.parse(lists or [], lists_at, chosen)
    n_models = len(chosen) + len(files.paths)
    if (slices or slices_by) and n_models < 2:
        option = "--slices" if slices else "--slices-by"
        raise typer.BadParameter(f"{option} requires two models, or a model and --lists.")
    request = EvaluateRequest(
        registry=registry,
        models=chosen,
        lists=files,
        goals=parse_goals(goal or [], n_models, cuts),
        holdout=HoldoutOptions(holdout, days, cut, held, window_days, tuple(counts or ())),
        on=on,
        top_k=top_k,
        level=level,
        seed=seed,
        exclude_fitted=exclude_fitted,
        factor_cache=factor_cache,
    )
    unsupported = {
        "--lists": lists,
        "--lists-out": lists_out,
        "--slices": slices,
        "--slices-by": slices_by,
        "--ablation": ablation,
    }
    cut_request = BacktestRequest.parse(cuts, every, request.holdout, unsupported)
    create_folder(out)
    store = MlflowStore.open(mlflow, progress)
    with progress.warnings():
        with Database.open(db) as database:
            columns = SliceColumns.read(database, slices_by or ())
            data = load_data(database, as_of, progress, Stopwatch())
        if cut_request is not None:
            _evaluate_cuts(request, cut_request, data, out, store, progress)
            return
        board = request.evaluate(data, progress)
    _print_notes(request, board, progress)
    slicings: list[Slicing | JobSlicing] = [
        *_make_slicings(board, slices),
        *columns.make_slicings(data.tables),
        *columns.make_job_slicings(board.evaluator.inputs),
    ]
    last = list(board.evaluations)[-1]
    of_last = board.slices(last, slicings) if slicings else None
    of_model = None if board.evaluations[last].is_external else of_last
    look = log_test_access(registry, board, progress, split=on, slices=of_model)
    tables = _OptionalTables(board, slicings, of_last, list(chosen)[-1] if ablation else None)
    _print_tables(board, tables)
    _write_files(board, tables, out, lists_out, progress)
    if out is not None:
        _save_evaluation(request, board, look, tables.slices, out)
    if store is not None:
        store.log(_make_run(request, board, look, tables.save), progress)
    _print_next(list(chosen), db, profiles, component)


def _evaluate_cuts(
    request: EvaluateRequest,
    cuts: BacktestRequest,
    data: Dataset,
    out: Path | None,
    store: MlflowStore | None,
    progress: Progress,
) -> None:
    """Evaluate at several cuts: print the result, write it to `out`, and log it."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.backtest import render_backtest

    backtest = request.evaluate_cuts(cuts, data, progress)
    print_cuts(backtest, cuts, progress)
    look = log_cuts(request.registry, backtest, request.models, request.on, progress)
    make_console().print(render_backtest(backtest))
    if out is not None:
        from scoring.cli.result_export import print_saved

        _save_backtest(backtest, out)
        registry = request.registry
        _write_evaluation(registry.describe_backtest(backtest, request.models, split=request.on, n_looks=look), out)
        print_saved(out, progress)
    if store is not None:
        params = request.list_params(backtest.n_users) | {
            "goals": ", ".join(measure.name for measure in request.goals),
            "holdout": f"{cuts.options.days:g} days, {pluralize(len(backtest.cuts), 'cut')}",
            "cuts": ", ".join(f"{cut.at:%Y-%m-%d}" for cut in backtest.cuts),
        }
        tags = {"data_fingerprint": data.fingerprint, "look": look}
        name, metrics = _name_run(backtest.models), cut_metrics(backtest, request.on)
        store.log(MlflowRun("evaluate", name, params, tags, metrics, partial(_save_backtest, backtest)), progress)


def _print_notes(request: EvaluateRequest, board: Scoreboard, progress: Progress) -> None:
    """Print which relevant jobs the lists of a model cannot contain, and the notes of each evaluation."""
    names: dict[tuple[str, int], list[str]] = {}
    for name, model in request.models.items():
        for rule, pairs in board.evaluator.count_unreachable(model).items():
            names.setdefault((rule, pairs), []).append(name)
    for (rule, pairs), models in names.items():
        whose = ", ".join(models)
        progress.print_line(f"note: {pluralize(pairs, 'relevant job')} cannot be in the lists of {whose}: {rule}")
    for evaluation in board.evaluations.values():
        for note in evaluation.notes:
            progress.print_line(f"note: {note}")


def _make_slicings(board: Scoreboard, slices: bool) -> Sequence[Slicing]:
    """Return the slicings of --slices."""
    from scoring.evaluation import make_slicings

    return make_slicings(board.evaluator.inputs) if slices else ()


def _print_tables(board: Scoreboard, tables: _OptionalTables) -> None:
    from scoring.cli.progress import make_console
    from scoring.cli.tables.evaluation import render_scoreboard

    console = make_console()
    console.print(render_scoreboard(board))
    for table in tables.render():
        console.print(table)


def _write_files(
    board: Scoreboard, tables: _OptionalTables, out: Path | None, lists_out: Path | None, progress: Progress
) -> None:
    """Write the files of --out and --lists-out."""
    if out is not None:
        from scoring.cli.result_export import print_saved

        tables.save(out)
        print_saved(out, progress)
    if lists_out is not None:
        from scoring.evaluation.list_writer import write_lists

        rankings = {name: evaluation.ranking for name, evaluation in board.evaluations.items()}
        write_lists(lists_out, rankings, board.evaluator.holdout.relevance)
        note_stored(f"The lists are in {lists_out}.")
        progress.print_line(f"lists and relevant jobs: {lists_out}")


def _save_evaluation(
    request: EvaluateRequest, board: Scoreboard, look: int | None, slices: pd.DataFrame | None, out: Path
) -> None:
    """Write the comparison of the last model with the first one, for `scoring report`."""
    is_last_model = not list(board.evaluations.values())[-1].is_external
    of_model = slices if is_last_model else None
    saved = request.registry.describe_evaluation(board, split=request.on, n_looks=look, slices=of_model)
    _write_evaluation(saved, out)


def _write_evaluation(saved: SavedEvaluation | None, out: Path) -> None:
    """Write the file of an evaluation. None: it has no second model, and an earlier file is removed."""
    from scoring.registry.evaluation_file import EVALUATION
    from scoring.storage.os_errors import wrap_os_errors

    with wrap_os_errors(out / EVALUATION):
        if saved is None:
            (out / EVALUATION).unlink(missing_ok=True)
        else:
            (out / EVALUATION).write_text(saved.dump(), "utf-8")


def _make_run(
    request: EvaluateRequest, board: Scoreboard, look: int | None, write_files: Callable[[Path], None]
) -> MlflowRun:
    """Return the run for MLflow."""
    evaluator, goals = board.evaluator, ", ".join(measure.name for measure in request.goals)
    params = request.list_params(len(evaluator.user_id)) | {
        "models": ", ".join(board.evaluations),
        "holdout": evaluator.holdout.name,
        "goals": goals,
    }
    tags = {
        "data_fingerprint": evaluator.holdout.data.fingerprint,
        "holdout_digest": evaluator.holdout.digest,
        "goals": goals,
        "look": look,
    }
    metrics = list_metrics(board.frame(), request.on)
    return MlflowRun("evaluate", _name_run(board.evaluations), params, tags, metrics, write_files)


def _print_next(names: Sequence[str], db: str, profiles: Path, component: Sequence[Path] | None) -> None:
    """Print the command that usually follows.

    It is a search after one model, the promotion of a saved profile, or a comparison of the lists.
    """
    from scoring.model_catalog import list_preset_names

    is_profile = names[-1] not in (*list_preset_names(), PROMOTED) and not Path(names[-1]).is_file()
    shared = {
        "db": (db, DEFAULT_DB),
        "profiles": (profiles, DEFAULT_PROFILES),
        "component": (component, None),
    }
    if len(names) > 1 and is_profile:
        print_next("profiles", "promote", names[-1], "--note", "TEXT", **shared)
    elif len(names) > 1:
        print_next("compare", *names, **shared)
    else:
        print_next("tune", "--profile" if is_profile or names[0] == PROMOTED else "--model", names[0], **shared)


def _name_run(models: Iterable[str]) -> str:
    return f"evaluate {' '.join(models)}"


def _save_backtest(backtest: Backtest, folder: Path) -> None:
    from scoring.cli.result_export import save

    frames = {"backtest": backtest.pooled(), "backtest_cuts": backtest.frame()}
    save(folder, frames, {"backtest": backtest.plot()})


class _OptionalTables:
    """The tables that --slices, --slices-by and --ablation add."""

    def __init__(
        self,
        board: Scoreboard,
        slicings: Sequence[Slicing | JobSlicing],
        slices: pd.DataFrame | None,
        ablated: str | None,
    ) -> None:
        self._board, self._ablated = board, ablated
        self._compared = list(board.evaluations)[-1]
        self._metric = board.evaluator.metrics[0].name
        self.slices = slices
        self._slicings = slicings
        self._ablation = None if ablated is None else _run_ablation(board, ablated)

    def render(self) -> list[RenderableType]:
        from scoring.cli.tables.evaluation import render_ablation, render_slices

        tables: list[RenderableType] = []
        if self.slices is not None:
            names = self._metric, self._compared, self._board.baseline
            tables += ["", render_slices(self.slices, *names, self._slicings)]
        if self._ablation is not None and self._ablated is not None:
            tables += ["", render_ablation(self._ablation.frame(), self._metric, self._ablated)]
        return tables

    def save(self, folder: Path) -> None:
        import pandas as pd

        from scoring.cli.result_export import save

        frames, figures = {"scoreboard": self._board.frame()}, {"scoreboard": self._board.plot()}
        frames["notes"] = pd.DataFrame({"note": self._board.notes})
        if self.slices is not None:
            frames["slices"] = self.slices
        if self._ablation is not None:
            frames["ablation"] = self._ablation.frame()
            figures["ablation"] = self._ablation.plot()
        save(folder, frames, figures)


def _run_ablation(board: Scoreboard, name: str) -> Ablation:
    from scoring.tuning.ablation import ablation

    evaluator = board.evaluator
    return ablation(evaluator, board.evaluations[name].model, evaluator.metrics[0], level=board.level)
