"""`scoring evaluate`: evaluate models on actions that users took later."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import typer

from scoring.cli import holdout_options
from scoring.cli.backtest_request import BacktestRequest, log_cuts, print_cuts, print_look_warning
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
from scoring.cli.mlflow_run import MlflowOption, MlflowRun, MlflowStore, cut_metrics, list_metrics, name_digests
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
from scoring.cli.slice_options import SlicesByOption, UserColumns
from scoring.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from scoring.array_types import Longs
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Backtest, Evaluator, ExternalLists, Holdout, Scoreboard, Slicing
    from scoring.evaluation.measure_values import Measure
    from scoring.model import ScoringModel
    from scoring.registry import Registry
    from scoring.tuning.ablation import Ablation

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
    cuts: Annotated[
        int,
        typer.Option(
            "--cuts", metavar="N", min=1, help="With --holdout time: number of holdouts, of which --cut is the newest."
        ),
    ] = 1,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="TIME",
            show_default="--days",
            help="With --cuts: time between two cuts, such as 14d or 2w.",
        ),
    ] = None,
    held: HeldOption = 1,
    window_days: WindowDaysOption = 0.0,
    counts: CountsOption = None,
    on: Annotated[
        UserSplit,
        typer.Option("--on", help="Evaluated users. An evaluation on test or all is logged with the profiles."),
    ] = ("validation"),
    top_k: TopKOption = 40,
    goal: Annotated[
        list[str] | None,
        typer.Option(
            "--goal",
            metavar="METRIC",
            help="Measure that the last model was meant to improve, declared before this evaluation. Its test is not "
            "corrected for the other tests. May be repeated: several goals are corrected among themselves.",
        ),
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option(
            "--lists",
            metavar="FILE|NAME=FILE",
            help="Also evaluate lists of another system: a Parquet or CSV table (user, job, rank or score), a TREC run "
            "(.trec, .run, .txt), a ranx run (.json), or the folder of a run. May be repeated.",
        ),
    ] = None,
    lists_at: Annotated[
        str | None,
        typer.Option(
            "--lists-at",
            metavar="TIME",
            show_default="the clock of a run; otherwise the start of the holdout",
            help="Clock of the data that the lists were computed from. Earlier actions do not count as relevant.",
        ),
    ] = None,
    slices: Annotated[bool, typer.Option(help="Also compare by region, age group, tenure and occupation.")] = False,
    slices_by: SlicesByOption = None,
    ablation: Annotated[
        bool, typer.Option(help="Also evaluate the last model without each of its components.")
    ] = False,
    exclude_fitted: Annotated[
        bool, typer.Option("--exclude-fitted", help="Leave out users that a model was fitted or selected on.")
    ] = False,
    level: Annotated[
        float,
        typer.Option("--level", metavar="LEVEL", min=0.5, max=0.999, help="Confidence level of intervals and tests."),
    ] = 0.95,
    out: ExportOption = None,
    lists_out: Annotated[
        Path | None,
        typer.Option(
            "--lists-out",
            metavar="DIR",
            help="Write the lists and the relevant jobs to this folder, for trec_eval and ir-measures (NAME.run, "
            "qrels.txt) and for ranx (NAME.json, qrels.json).",
        ),
    ] = None,
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
    from scoring.cli.export import create_folder
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.evaluation import render_scoreboard
    from scoring.database.database import Database
    from scoring.evaluation import Scoreboard, make_slicings
    from scoring.telemetry import Stopwatch

    progress = Progress()
    registry, chosen_models = read_models(models or ["standard"], component, profiles, db)
    list_options = _ListOptions.parse(lists or [], lists_at, chosen_models)
    if (slices or slices_by) and len(chosen_models) + len(list_options.paths) < 2:
        option = "--slices" if slices else "--slices-by"
        raise typer.BadParameter(f"{option} requires two models, or a model and --lists.")
    goals = _parse_goals(goal or [], len(chosen_models) + len(list_options.paths), cuts)
    longest = max([top_k, *(measure.k for measure in goals)])
    options = HoldoutOptions(holdout, days, cut, held, window_days, tuple(counts or ()))
    request = BacktestRequest.parse(
        cuts,
        every,
        options,
        {
            "--lists": lists,
            "--lists-out": lists_out,
            "--slices": slices,
            "--slices-by": slices_by,
            "--ablation": ablation,
        },
    )
    create_folder(out)
    store = MlflowStore.parse(mlflow)
    if store is not None:
        store.warn_if_unreachable(progress)
    with progress.warnings():
        with Database.open(db) as database:
            columns = UserColumns.read(database, slices_by or ())
            data = load_data(database, as_of, progress, Stopwatch())
        if request is not None:
            users = request.select_users(data, on, seed)
            backtest = request.run(
                data,
                chosen_models,
                users=_check_fitted_users(registry, chosen_models, users, exclude_fitted, progress),
                on=on,
                k=longest,
                level=level,
                seed=seed,
                goals=goals,
                factor_cache=factor_cache,
                progress=progress,
            )
            print_cuts(backtest, request, progress)
            look = log_cuts(registry, backtest, chosen_models, on, progress) if on in ("test", "all") else None
            _print_backtest(backtest, out, progress)
            if store is not None:
                params = _list_params(chosen_models, on, backtest.n_users, seed, longest, level) | {
                    "goals": ", ".join(measure.name for measure in goals),
                    "holdout": f"{request.options.days:g} days, {pluralize(len(backtest.cuts), 'cut')}",
                    "cuts": ", ".join(f"{cut.at:%Y-%m-%d}" for cut in backtest.cuts),
                }
                tags = {"data_fingerprint": data.fingerprint, "look": look}
                write_files = partial(_save_backtest, backtest)
                name, metrics = _name_run(backtest.models), cut_metrics(backtest, on)
                store.log(MlflowRun("evaluate", name, params, tags, metrics, write_files), progress)
            return
        external = list_options.read(data, progress)
        with progress.stage("creating the holdout"):
            times = [lists.at for lists in external.values() if lists.at is not None]
            whole = options.make_holdout(data, max(times, default=None))
        holdout_options.print_holdout(whole, progress)
        users = holdout_options.select_users(whole, on, seed)
        users = _check_fitted_users(registry, chosen_models, users, exclude_fitted, progress)
        evaluator = _make_evaluator(whole, users, longest, factor_cache, progress)
        with progress.stage(f"ranking and evaluating for {pluralize(len(evaluator.user_id), 'user')} of {on}"):
            board = Scoreboard.of(evaluator, {**chosen_models, **external}, level=level, seed=seed, goals=goals)
    for name, model in chosen_models.items():
        for rule, pairs in evaluator.count_unreachable(model).items():
            progress.print_line(f"note: {pairs:,} relevant jobs cannot be in the lists of {name}: {rule}")
    for evaluation in board.evaluations.values():
        for note in evaluation.notes:
            progress.print_line(f"note: {note}")
    look = log_test_access(registry, board, progress, split=on) if on in ("test", "all") else None
    console = make_console()
    console.print(render_scoreboard(board))
    optional_tables = _OptionalTables(
        board,
        slicings=[*(make_slicings(evaluator.inputs) if slices else ()), *columns.make_slicings(data.tables)],
        ablated=list(chosen_models)[-1] if ablation else None,
    )
    for table in optional_tables.render():
        console.print(table)
    if out is not None:
        optional_tables.save(out)
        progress.print_line(f"tables and plots: {out}")
    if lists_out is not None:
        from scoring.evaluation.list_writer import write_lists

        rankings = {name: evaluation.ranking for name, evaluation in board.evaluations.items()}
        write_lists(lists_out, rankings, evaluator.holdout.relevance)
        progress.print_line(f"lists and relevant jobs: {lists_out}")
    if store is not None:
        goal_names = ", ".join(measure.name for measure in goals)
        params = _list_params(chosen_models, on, len(evaluator.user_id), seed, longest, level) | {
            "models": ", ".join(board.evaluations),
            "holdout": whole.name,
            "goals": goal_names,
        }
        tags = {
            "data_fingerprint": whole.data.fingerprint,
            "holdout_digest": board.evaluator.holdout.digest,
            "goals": goal_names,
            "look": look,
        }
        name, metrics = _name_run(board.evaluations), list_metrics(board.frame(), on)
        store.log(MlflowRun("evaluate", name, params, tags, metrics, optional_tables.save), progress)
    _print_next(list(chosen_models), db, profiles, component)


def _print_next(names: Sequence[str], db: str, profiles: Path, component: Sequence[Path] | None) -> None:
    """Print the command that usually follows: a search after one model, otherwise a comparison of the lists."""
    shared = {
        "db": (db, DEFAULT_DB),
        "profiles": (profiles, DEFAULT_PROFILES),
        "component": (component, None),
    }
    if len(names) > 1:
        print_next("compare", *names, **shared)
    else:
        from scoring.catalog import preset_names

        is_profile = names[0] not in preset_names() and not Path(names[0]).is_file()
        print_next("tune", "--profile" if is_profile else "--model", names[0], **shared)


def _name_run(models: Iterable[str]) -> str:
    return f"evaluate {' '.join(models)}"


def _list_params(
    models: Mapping[str, ScoringModel], on: UserSplit, n_users: int, seed: int, top_k: int, level: float
) -> dict[str, object]:
    """Return the parameters of a run for MLflow."""
    return {
        "models": ", ".join(models),
        **name_digests(models),
        "split": on,
        "users": n_users,
        "seed": seed,
        "top_k": top_k,
        "level": level,
    }


def _print_backtest(backtest: Backtest, out: Path | None, progress: Progress) -> None:
    """Print a backtest, and write it to `out`."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.backtest import render_backtest

    make_console().print(render_backtest(backtest))
    if out is not None:
        _save_backtest(backtest, out)
        progress.print_line(f"tables and plots: {out}")


def _save_backtest(backtest: Backtest, folder: Path) -> None:
    from scoring.cli.export import save

    frames = {"backtest": backtest.pooled(), "backtest_cuts": backtest.frame()}
    save(folder, frames, {"backtest": backtest.plot()})


def _parse_goals(texts: Sequence[str], n_models: int, cuts: int) -> list[Measure]:
    """Return the declared measures. Check them before data are loaded.

    Raises
    ------
    BadParameter: If goals are given with only one model, or a goal has no test over several cuts.
    ConfigurationError: If a goal is not a measure.
    """
    from scoring.evaluation.list_metrics import PopulationFact
    from scoring.tuning.goal_parser import parse_goal

    goals = [parse_goal(text) for text in texts]
    if goals and n_models < 2:
        raise typer.BadParameter("--goal requires a second model, which is compared with the first one.")
    untested = [text for text, goal in zip(texts, goals, strict=True) if isinstance(goal.measure, PopulationFact)]
    if untested and cuts > 1:
        raise typer.BadParameter(f"--goal {untested[0]}: no test over several cuts. Omit --cuts, or use another goal.")
    return [goal.measure for goal in goals if goal.measure is not None]


@dataclass(frozen=True)
class _ListOptions:
    """The files of --lists by name, and the value of --lists-at."""

    paths: Mapping[str, Path]
    at: pd.Timestamp | None

    @classmethod
    def parse(cls, arguments: Sequence[str], at: str | None, models: Container[str]) -> Self:
        """Check the options, before data are loaded.

        Raises
        ------
        BadParameter: If --lists-at is given alone.
        ConfigurationError: If a file does not exist, a name is a duplicate, or the time is invalid.
        """
        from scoring.dataset.dataset import parse_clock
        from scoring.errors import ConfigurationError
        from scoring.evaluation.external_lists import name_lists

        if at is not None and not arguments:
            raise typer.BadParameter("--lists-at requires --lists.")
        clock, paths = parse_clock(at, "--lists-at"), dict[str, Path]()
        for argument in arguments:
            name, separator, path = argument.partition("=")
            if not separator or Path(argument).exists():
                name, path = "", argument
            if not Path(path).exists():
                raise ConfigurationError(
                    f"--lists {argument}: {path} does not exist. Give a file, or the folder of a run."
                )
            name = name.strip() or name_lists(Path(path))
            if name in paths or name in models:
                raise ConfigurationError(f"--lists {argument}: duplicate name {name}. Use NAME=FILE with another name.")
            paths[name] = Path(path)
        return cls(paths, clock)

    def read(self, data: Dataset, progress: Progress) -> dict[str, ExternalLists]:
        """Return the lists by name.

        Raises
        ------
        DataError: If a file is invalid.
        """
        from scoring.evaluation import ExternalLists

        result = {}
        for name, path in self.paths.items():
            with progress.stage(f"reading {path}"):
                result[name] = ExternalLists.read(path, data, name=name, at=self.at)
        return result


def _check_fitted_users(
    registry: Registry, models: Mapping[str, ScoringModel], users: Longs, exclude: bool, progress: Progress
) -> Longs:
    """Warn about users that a model was fitted or selected on. With `exclude`, return the other users.

    Raises
    ------
    ConfigurationError: If no user remains.
    """
    import numpy as np

    from scoring.errors import ConfigurationError

    is_known = np.zeros(len(users), dtype=bool)
    for name, model in models.items():
        overlap = np.isin(users, registry.find_fitted_users(model).user_id)
        is_known |= overlap
        if overlap.any() and not exclude:
            of_users = f"{overlap.sum():,} of these {pluralize(len(users), 'user')}"
            progress.print_line(
                f"warning: {name} was fitted or selected on {of_users}. Its values are too high. To leave these users "
                "out, add --exclude-fitted."
            )
    if not exclude:
        return users
    if is_known.all():
        raise ConfigurationError(
            f"--exclude-fitted leaves none of {pluralize(len(users), 'user')}. Use the test users of the search "
            "(--on test with its --seed), or another holdout."
        )
    progress.print_line(f"excluded: {pluralize(int(is_known.sum()), 'user')} of the fit or selection of a model")
    return users[~is_known]


def _make_evaluator(holdout: Holdout, users: Longs, k: int, factor_cache: Path | None, progress: Progress) -> Evaluator:
    from scoring.evaluation import Evaluator
    from scoring.statistics.factors import default_cache

    with progress.stage(f"preparing factors and statistics as of {holdout.data.as_of:%Y-%m-%d %H:%M} UTC"):
        evaluator = Evaluator(holdout, users=users, k=k, factor_cache=factor_cache or default_cache())
        evaluator.statistics.factors  # noqa: B018 - trained on first access
    return evaluator


def log_test_access(
    registry: Registry,
    board: Scoreboard,
    progress: Progress,
    *,
    split: Literal["test", "all"] = "test",
    broken_floors: Sequence[str] = (),
    derived_from: ScoringModel | None = None,
) -> int:
    """Log an evaluation on test users as one look. Print a warning if the users were evaluated before.

    Return the number of looks at these users, including this one.
    """
    looks = registry.log_scoreboard(board, split=split, broken_floors=broken_floors, derived_from=derived_from)
    if looks > 1:
        print_look_warning("these users", looks, progress)
    return looks


class _OptionalTables:
    """The tables that --slices, --slices-by and --ablation add."""

    def __init__(self, board: Scoreboard, slicings: Sequence[Slicing], ablated: str | None) -> None:
        self._board, self._ablated = board, ablated
        self._compared = list(board.evaluations)[-1]
        self._metric = board.evaluator.metrics[0].name
        self._slices = board.slices(self._compared, slicings) if slicings else None
        self._ablation = None if ablated is None else _run_ablation(board, ablated)

    def render(self) -> list[RenderableType]:
        from scoring.cli.tables.evaluation import render_ablation, render_slices

        tables: list[RenderableType] = []
        if self._slices is not None:
            tables += ["", render_slices(self._slices, self._metric, self._compared, self._board.baseline)]
        if self._ablation is not None and self._ablated is not None:
            tables += ["", render_ablation(self._ablation.frame(), self._metric, self._ablated)]
        return tables

    def save(self, folder: Path) -> None:
        import pandas as pd

        from scoring.cli.export import save

        frames, figures = {"scoreboard": self._board.frame()}, {"scoreboard": self._board.plot()}
        frames["notes"] = pd.DataFrame({"note": self._board.notes})
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
