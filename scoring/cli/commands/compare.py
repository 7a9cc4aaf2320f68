"""`scoring compare`: compare the lists of models or of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.input_loader import compile_kernels, load_data, read_models
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
from scoring.cli.slice_options import SliceColumns, UserSlicesByOption
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Comparison
    from scoring.model import ScoringModel
    from scoring.ranking import Prepared, Ranking

__all__ = ["compare"]


def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="A B …",
            show_default=False,
            help="At least two models (saved profiles, `promoted`, shipped models, model files), or at least two "
            "folders of runs. The first is the baseline.",
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            metavar="ID",
            help="Also print the list of this user and how its jobs moved. Requires exactly two models or runs.",
        ),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            "--job", metavar="ID", help="Also print why the total of this job changed. Requires --user and two models."
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="ATTRIBUTE",
            help="Attribute of jobs by which list places are counted: company, prefecture, occupation or an own "
            "column.",
        ),
    ] = "company",
    slices_by: UserSlicesByOption = None,
    db: DbOption = DEFAULT_DB,
    top_k: TopKOption = 40,
    out: ExportOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Compare the lists of two or more models, or of two or more runs.

    Prints the overlap of the lists with those of the first, the properties of the lists, and the largest gains and
    losses of list places.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.result_export import create_folder, print_saved
    from scoring.cli.tables.comparison import (
        render_movements,
        render_overlap,
        render_overlap_slices,
        render_overlaps,
        render_waterfall,
    )
    from scoring.cli.tables.profiles import render_diff
    from scoring.database.board_definition_storage import read_board
    from scoring.database.database import Database
    from scoring.evaluation import waterfall
    from scoring.evaluation.exposure_changes import check_attribute
    from scoring.registry import ProfileDiff
    from scoring.telemetry import Stopwatch

    if len(names or ()) < 2:
        raise typer.BadParameter("Give at least two models or two runs, such as `scoring compare standard promoted`.")
    operands = _Operands.of(tuple(names or ()), component, profiles, db)
    is_pair = len(operands.names) == 2
    if user is not None and not is_pair:
        raise typer.BadParameter(f"--user requires two models or two runs; {len(operands.names)} are given.")
    if job is not None and (user is None or operands.models is None):
        raise typer.BadParameter("--job requires --user and two models.")
    progress = Progress()
    create_folder(out)
    with Database.open(db) as database, progress.warnings():
        check_attribute(by, database.read(read_board))
        columns = SliceColumns.read(database, slices_by or ())
        if columns.jobs:
            raise typer.BadParameter(f"compare counts list places by columns of jobs: use --by {columns.jobs[0]}.")
        data = load_data(database, as_of, progress, Stopwatch())
    with progress.warnings():
        user_id = None if user is None else data.find_user(user)
        job_id = None if job is None else data.find_job(job)
        comparisons = operands.compare(data, top_k, factor_cache, progress)
    console = make_console()
    if not is_pair:
        console.print(render_overlaps(comparisons, by))
    else:
        if operands.models is not None:
            console.print(render_diff(ProfileDiff(*operands.models)))
        console.print(render_overlap(comparisons[0], by))
    slicings = columns.make_slicings(data.tables)
    if slicings:
        console.print(render_overlap_slices(comparisons, slicings))
    if user_id is not None:
        console.print(render_movements(comparisons[0], user_id, data))
    if user_id is not None and job_id is not None and operands.prepared is not None:
        before, after = operands.prepared
        console.print(render_waterfall(waterfall(before, after, user_id, job_id)))
    if out is not None:
        _write_files(out, comparisons, by)
        print_saved(out, progress)
    if operands.models is not None:
        print_next(
            "evaluate",
            *operands.names,
            "--slices",
            db=(db, DEFAULT_DB),
            profiles=(profiles, DEFAULT_PROFILES),
            component=(component, None),
        )


def _describe_other(name: str) -> str:
    """Return why a name is not a run, as the end of a sentence."""
    from scoring.storage.home_folder_expansion import expand_path

    path = expand_path(name)
    if path.is_dir():
        return "is a folder without a run"
    return "is not" if path.exists() or len(path.parts) == 1 else "does not exist"


@dataclass
class _Operands:
    """Either models or runs. The first is the baseline."""

    names: tuple[str, ...]
    models: tuple[ScoringModel, ...] | None
    prepared: tuple[Prepared, ...] | None = None

    @classmethod
    def of(cls, names: tuple[str, ...], component: list[Path] | None, profiles: Path, db: str) -> _Operands:
        from scoring.errors import ConfigurationError
        from scoring.runs.publishers import is_run

        runs = [is_run(name) for name in names]
        if all(runs):
            repeated = [name for index, name in enumerate(names) if name in names[:index]]
            if repeated:
                raise ConfigurationError(f"Duplicate run {repeated[0]}. Give each run once.")
            return cls(names, None)
        if any(runs):
            run, other = names[runs.index(True)], names[runs.index(False)]
            raise ConfigurationError(
                f"{run} is a run, but {other} {_describe_other(other)}. Give only runs or only models."
            )
        return cls(names, tuple(read_models(names, component, profiles, db)[1].values()))

    def compare(self, data: Dataset, k: int, factor_cache: Path | None, progress: Progress) -> list[Comparison]:
        """Return the comparison of each side with the first."""
        import numpy as np

        from scoring.evaluation import Comparison
        from scoring.model import Inputs
        from scoring.runs.run_reader import build_ranking, find_open_jobs, read_run
        from scoring.statistics import Statistics
        from scoring.statistics.factors import default_cache

        first, *rest = self.names
        if self.models is None:
            rankings = [build_ranking(read_run(name), data.jobs.job_id) for name in self.names]
            before, *others = _take_common_users(rankings, progress)
            inputs = Inputs.of(Statistics(data))
            eligible = find_open_jobs(self.names, inputs)
            if eligible is None:
                progress.print_line(
                    "note: the rules of a run are not known or do not fit the data, so coverage is a share of all "
                    "jobs, also of closed ones."
                )
            return [
                Comparison.of_rankings(before, after, inputs, k=k, names=(first, name), eligible=eligible)
                for name, after in zip(rest, others, strict=True)
            ]
        from scoring.ranking import Prepared

        with progress.stage("preparing factors, statistics and plan"):
            statistics = Statistics(data, factor_cache=factor_cache or default_cache())
            baseline = Prepared.of(statistics, self.models[0])
        compile_kernels(baseline, progress)
        with progress.stage(f"ranking with {len(self.models)} models"):
            self.prepared = (baseline, *(baseline.with_model(model) for model in self.models[1:]))
            before, *others = (prepared.top_k(k) for prepared in self.prepared)
            eligible = reduce(np.logical_or, [prepared.plan.exclusions.open_to_all for prepared in self.prepared])
            return [
                Comparison.of_rankings(before, after, baseline.inputs, names=(first, name), eligible=eligible)
                for name, after in zip(rest, others, strict=True)
            ]


def _take_common_users(rankings: Sequence[Ranking], progress: Progress) -> list[Ranking]:
    """Return the lists of the users that all runs contain, and print the number of other users."""
    import numpy as np

    ids = [ranking.user_id for ranking in rankings]
    common, union = reduce(np.intersect1d, ids), reduce(np.union1d, ids)
    n_excluded = len(union) - len(common)
    if n_excluded:
        which = "only one of the runs" if len(rankings) == 2 else "some of the runs only"
        progress.print_line(f"excluded: {pluralize(n_excluded, 'user')} in {which}")
    return [ranking.take(np.flatnonzero(np.isin(ranking.user_id, common))) for ranking in rankings]


def _write_files(folder: Path, comparisons: Sequence[Comparison], by: str) -> None:
    """Write the tables and plots. With more than two sides, the tables name the side, and plots are numbered."""
    import pandas as pd

    from scoring.cli.result_export import save

    if len(comparisons) == 1:
        (found,) = comparisons
        frames = {"users": found.frame(), "exposure": found.exposure(by), "movements": found.movements()}
        frames["measures"] = found.measures()
        save(folder, frames, {"comparison": found.plot(by)})
        return
    tables: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("overlap", "measures", "users", "exposure", "movements")
    }
    for found in comparisons:
        parts = (found.frame(), found.exposure(by), found.movements())
        overlap = found.summary()["value"].to_frame().T
        for table, part in zip(tables.values(), (overlap, found.measures(), *parts), strict=True):
            table.append(part.assign(compared=found.names[1]))
    save(
        folder,
        {name: pd.concat(table, ignore_index=True) for name, table in tables.items()},
        {f"comparison_{number}": found.plot(by) for number, found in enumerate(comparisons, start=2)},
    )
