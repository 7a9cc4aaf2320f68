"""`scoring report`: write one page about a profile, a run or an evaluation, for readers without the tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.input_loader import compile_kernels, load_data, read_components
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_OUT,
    DEFAULT_PROFILES,
    AsOfOption,
    ComponentOption,
    FactorCacheOption,
    ProfilesOption,
    TopKOption,
)
from scoring.cli.output_failures import note_stored

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Comparison
    from scoring.model import Component, ScoringModel
    from scoring.model_report import ReportContent
    from scoring.registry import Registry

__all__ = ["report"]


def report(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A saved profile (NAME[@VERSION] or `promoted`), a published run (its id, its folder or `latest`), or "
            "the folder of `scoring evaluate A B --out DIR`.",
        ),
    ],
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="The page. A report that exists is replaced.")],
    db: Annotated[
        str | None,
        typer.Option("--db", metavar="FILE|URL", show_default=f"{DEFAULT_DB} if it exists", help="The database."),
    ] = None,
    top_k: TopKOption = 40,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of runs.")] = DEFAULT_OUT,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Write one page about a profile, a run or an evaluation, for readers without the tool.

    It states what changed, the evidence, the price, who wins and loses, three example users without names, and who
    decided. A profile is compared with the model of its evaluation, a run with the run that it replaced, and the last
    model of an evaluation with the first one. The page is one file, loads nothing and can be printed. It contains
    titles of jobs and names of companies.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.model_report.report_page import check_report_file, write_report_page
    from scoring.registry import Registry
    from scoring.registry.evaluation_file import find_evaluation

    check_report_file(html)
    progress = Progress()
    database = db if db is not None or not Path(DEFAULT_DB).exists() else DEFAULT_DB
    components = read_components(component)
    registry = Registry(profiles, database=database, components=components)
    source = _Source(database, top_k, as_of, factor_cache, progress)
    folder, evaluation = _find_run(name, out), find_evaluation(name)
    with progress.warnings():
        if evaluation is not None:
            content = _collect_evaluation(evaluation, registry, components, source)
        elif folder is not None:
            content = _collect_run(folder, registry, components, source)
        else:
            content = _collect_profile(name, registry, source, out)
    size = write_report_page(html, content)
    note_stored(f"The report is in {html}.")
    note_stored(f"The report is in {html}.")
    make_console().print(f"Report: {html} ({size / 1000:,.0f} kB)", markup=False, soft_wrap=True)


@dataclass(frozen=True)
class _Source:
    """The options about the data."""

    database: str | None
    k: int
    as_of: str | None
    factor_cache: Path | None
    progress: Progress

    def load(self, as_of: str | None = None) -> Dataset:
        from scoring.database.database import Database
        from scoring.telemetry import Stopwatch

        assert self.database is not None, "the caller checks it"
        with Database.open(self.database) as database:
            return load_data(database, self.as_of or as_of, self.progress, Stopwatch())


_NO_DATABASE = f"{DEFAULT_DB} does not exist. Give the database with --db to compare the lists."


def _find_run(name: str, out: Path) -> Path | None:
    """Return the folder of a published run: a path, or an id in the folder of runs. None: not a published run."""
    from scoring.runs.publishers import is_run

    for folder in (out / name, Path(name)):
        if is_run(folder):
            return folder.resolve()
    return None


def _collect_profile(name: str, registry: Registry, source: _Source, out: Path) -> ReportContent:
    from scoring.errors import ConfigurationError, ModelError, suggest
    from scoring.model_report import collect_profile_content
    from scoring.model_report.list_changes import ListChanges
    from scoring.model_report.report_content import find_baseline

    try:
        profile = registry.use(name)
    except (ModelError, ConfigurationError) as error:
        if not _is_unknown(name, registry):
            raise
        _require_no_run(name, source.database, out)
        raise ConfigurationError(
            f"{name} is neither a profile in {registry.folder}, nor a published run in {out}, nor a folder with an "
            f"evaluation of two models. {suggest(name, registry.list()['name'])}",
            key=("name",),
        ) from error
    baseline = find_baseline(registry, profile)
    if source.database is None or baseline.model is None:
        return collect_profile_content(registry, profile, baseline, None, _NO_DATABASE)
    comparison = _compare_models(baseline.model, profile.model, baseline.name, profile.metadata.reference, source)
    return collect_profile_content(registry, profile, baseline, ListChanges.of(comparison))


def _collect_evaluation(
    path: Path, registry: Registry, components: list[type[Component]], source: _Source
) -> ReportContent:
    from scoring.model_catalog import get_component_kinds
    from scoring.model_report import collect_evaluation_content
    from scoring.model_report.list_changes import ListChanges
    from scoring.registry.evaluation_file import load_evaluation

    saved = load_evaluation(path)
    kinds = get_component_kinds(components)
    before, after = (side.load(kinds, str(path)) for side in (saved.baseline, saved.model))
    if source.database is None:
        return collect_evaluation_content(registry, saved, (before, after), None, _NO_DATABASE)
    if before is None or after is None:
        problem = "A model needs a component that is not given, or that was changed. Give it with --component."
        return collect_evaluation_content(registry, saved, (before, after), None, problem)
    comparison = _compare_models(before, after, saved.baseline.name, saved.model.name, source)
    return collect_evaluation_content(registry, saved, (before, after), ListChanges.of(comparison))


def _is_unknown(name: str, registry: Registry) -> bool:
    """Return whether no profile has this name; a version or the promotion may be missing."""
    from scoring.model_catalog import list_preset_names
    from scoring.registry.names import PROMOTED

    base = name.partition("@")[0]
    return base != PROMOTED and base not in list_preset_names() and base not in set(registry.list()["name"])


def _require_no_run(name: str, database: str | None, out: Path) -> None:
    """Check that no run without files in the folder has this id.

    Raises
    ------
    ConfigurationError: If the run is not published, or only the database contains it.
    """
    from scoring.database.database import Database
    from scoring.errors import ConfigurationError
    from scoring.runs.history import collect_runs

    if database is None:
        runs = collect_runs(out)
    else:
        with Database.open(database) as opened:
            runs = collect_runs(out, opened)
    found = next((run for run in runs if run.run_id == name), None)
    if found is None:
        return
    problem = (
        f"has no files in {out}. Give the folder of the run, or set --out"
        if found.status.can_be_verified
        else f"is not published: it is {found.status}. Give the id of a published run"
    )
    raise ConfigurationError(f"Run {name} {problem}. `scoring runs list` lists the runs.", key=("name",))


def _compare_models(
    before: ScoringModel, after: ScoringModel, name_before: str, name_after: str, source: _Source
) -> Comparison:
    from scoring.evaluation import Comparison
    from scoring.ranking import Prepared
    from scoring.statistics import Statistics
    from scoring.statistics.factors import default_cache

    progress = source.progress
    data = source.load()
    with progress.stage("preparing factors, statistics and plan"):
        statistics = Statistics(data, factor_cache=source.factor_cache or default_cache())
        prepared = Prepared.of(statistics, before)
    compile_kernels(prepared, progress)
    with progress.stage("ranking with 2 models"):
        return Comparison.of(prepared, prepared.with_model(after), source.k, names=(name_before, name_after))


def _collect_run(folder: Path, registry: Registry, components: list[type[Component]], source: _Source) -> ReportContent:
    from scoring.errors import UnknownIdError
    from scoring.model_report import collect_run_content
    from scoring.model_report.list_changes import ListChanges
    from scoring.model_report.report_content import RunFacts
    from scoring.runs.history import read_latest
    from scoring.runs.publishers import is_run, read_manifest

    manifest = read_manifest(folder)
    run = RunFacts.of(manifest, read_latest(folder.parent))
    replaced = None if run.replaced is None else folder.parent / run.replaced
    before = None if replaced is None or not is_run(replaced) else read_manifest(replaced)
    models = _read_model(before, components), _read_model(manifest, components)
    profile = registry.find_profile(manifest["model_digest"])
    comparison, problem = None, ""
    if run.replaced is None:
        problem = "No earlier run is recorded."
    elif replaced is None or before is None:
        problem = f"The replaced run {run.replaced} was removed."
    elif source.database is None:
        problem = _NO_DATABASE
    else:
        data = source.load(str(run.as_of))
        try:
            comparison = _compare_runs(replaced, folder, data, source)
        except UnknownIdError:  # rows may be deleted after a run
            problem = "The database no longer contains all jobs of the two runs."
        else:
            problem = "" if comparison is not None else "The two runs have no users in common."
    lists = None if comparison is None else ListChanges.of(comparison)
    return collect_run_content(registry, run, profile, models, lists, problem)


def _read_model(manifest: dict[str, object] | None, components: list[type[Component]]) -> ScoringModel | None:
    """Return the model of a run. None: the manifest does not contain it, or needs a component that is not given."""
    import yaml

    from scoring.errors import ModelError
    from scoring.model import parse_model
    from scoring.model_catalog import get_component_kinds

    if manifest is None or not isinstance(manifest.get("definition"), dict):
        return None
    text = yaml.safe_dump(manifest["definition"], allow_unicode=True, sort_keys=False)
    try:
        model = parse_model(text, get_component_kinds(components), source=f"the manifest of {manifest['run_id']}")
    except ModelError:
        return None
    return model if model.digest == manifest["model_digest"] else None


def _compare_runs(before: Path, after: Path, data: Dataset, source: _Source) -> Comparison | None:
    """Return the comparison of the users that both runs contain. None: there are none.

    Raises
    ------
    UnknownIdError: If the data do not contain a listed job.
    """
    import numpy as np

    from scoring.evaluation import Comparison
    from scoring.model import Inputs
    from scoring.runs.run_reader import build_ranking, find_open_jobs, read_run
    from scoring.statistics import Statistics

    rankings = [build_ranking(read_run(folder), data.jobs.job_id) for folder in (before, after)]
    common = np.intersect1d(rankings[0].user_id, rankings[1].user_id)
    if not len(common):
        return None
    first, second = (ranking.take(np.flatnonzero(np.isin(ranking.user_id, common))) for ranking in rankings)
    inputs = Inputs.of(Statistics(data))
    names = before.name, after.name
    eligible = find_open_jobs((before, after), inputs)
    return Comparison.of_rankings(first, second, inputs, k=source.k, names=names, eligible=eligible)
