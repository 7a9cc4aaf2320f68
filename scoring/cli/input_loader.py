"""Load data, models and components from the values of options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scoring.cli.options import DEFAULT_MAX_REFUSED, DEFAULT_PROFILES
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.database.database import Database
    from scoring.dataset import Dataset
    from scoring.model import Component, ScoringModel
    from scoring.ranking import Prepared
    from scoring.registry import Registry
    from scoring.telemetry import Stopwatch
    from scoring.validation.report import DataReport

__all__ = ["compile_kernels", "load_data", "read_components", "read_model", "read_models"]


def read_model(
    name: str | None,
    weights: Path | None,
    component_files: Sequence[Path] | None,
    profile: str | None = None,
    profiles: Path = DEFAULT_PROFILES,
    db: str | None = None,
) -> ScoringModel:
    """Return a model with its weights, or the model of a saved profile.

    `db` is the database whose promoted profile `promoted` refers to.

    Raises
    ------
    ModelError: If the model, the weights, the profile or a component file is invalid.
    ConfigurationError: If a profile is given together with a model or weights.
    OutputError: If the folder of profiles is not accessible.
    """
    from scoring.errors import ConfigurationError, ModelError
    from scoring.model import parse_weights
    from scoring.model_catalog import load_model
    from scoring.storage.os_errors import describe_os_error

    components = read_components(component_files)
    if profile is not None:
        if name is not None or weights is not None:
            raise ConfigurationError("--profile contains a model and weights. Omit --model and --weights.")
        from scoring.registry import Registry

        return Registry(profiles, database=db, components=components).use(profile).model
    try:
        model = load_model("standard" if name is None else name, components)
    except ModelError as error:
        if name is not None and not Path(name).exists() and _is_profile(name, profiles):
            text = f"model {name}: {name} is a saved profile. Use --profile {name}."
            raise ModelError(text, key=("name",)) from error
        raise
    if weights is None:
        return model
    try:
        text = weights.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"--weights {weights}: {describe_os_error(error)}. Give the path of a weight file.") from error
    return model.with_weights(parse_weights(text, model, source=str(weights)))


def read_models(
    names: Sequence[str], component_files: Sequence[Path] | None, profiles: Path, db: str | None = None
) -> tuple[Registry, dict[str, ScoringModel]]:
    """Return the registry, and models by name: shipped models, model files and saved profiles.

    `db` is the database whose promoted profile `promoted` refers to.

    Raises
    ------
    ModelError: If a model, a profile or a component file is invalid.
    ConfigurationError: If a name is a duplicate.
    OutputError: If the folder of profiles is not accessible.
    """
    from scoring.errors import ConfigurationError
    from scoring.model_catalog import load_model
    from scoring.registry import Registry

    components = read_components(component_files)
    registry = Registry(profiles, database=db, components=components)
    models: dict[str, ScoringModel] = {}
    for name in names:
        if name in models:
            raise ConfigurationError(f"Duplicate model {name}. Give each model once.")
        is_path = Path(name).is_file() or Path(name).suffix in (".yaml", ".yml") or len(Path(name).parts) > 1
        models[name] = load_model(name, components) if is_path else registry.load_model(name)
    return registry, models


def _is_profile(name: str, profiles: Path) -> bool:
    from scoring.registry.store import ProfileStore

    return name.partition("@")[0] in ProfileStore(profiles).names()


def read_components(files: Sequence[Path] | None) -> list[type[Component]]:
    """Return the component classes of all files of the option --component.

    Raises
    ------
    ModelError: If a file cannot be run or does not define a component.
    """
    from scoring.model_catalog import load_components

    return [component for file in files or () for component in load_components(file, source=f"--component {file}")]


def load_data(
    database: Database,
    as_of: str | None,
    progress: Progress,
    watch: Stopwatch,
    *,
    max_refused: str = DEFAULT_MAX_REFUSED,
    refused_to: Path | None = None,
    is_reported: bool = True,
) -> Dataset:
    """Load a database, quarantining invalid rows up to a limit per table.

    Quarantined rows are reported and counted in the report of the dataset.

    Parameters
    ----------
    database: The database.
    as_of: The clock of the data; None for the time of the newest action.
    show: Progress output.
    watch: Stopwatch of the phases `load` and `encode`.
    max_refused: Maximum number or share of quarantined rows per table, such as "1%".
    refused_to: The folder for files of quarantined rows, which replace those of the last load; None for no files.
    is_reported: Whether quarantined rows and unknown values are printed as warnings.

    Raises
    ------
    DatabaseError: If the database is not readable, lacks a table or is empty.
    DataError: If the data are invalid, or more than `max_refused` rows of a table are.
    ConfigurationError: If `as_of` or `max_refused` is invalid.
    NotEnoughMemoryError: If the data do not fit into memory.
    OutputError: If the files of quarantined rows cannot be written.
    """
    from scoring.columns import TABLES
    from scoring.database.validated_reader import read_accepted
    from scoring.dataset import Dataset
    from scoring.dataset.dataset import parse_clock
    from scoring.runs import memory_forecast
    from scoring.validation.report import Limit

    limit, clock = Limit.parse(max_refused, "--max-refused"), parse_clock(as_of, "--as-of")
    where = "" if refused_to is None else f" The rows and the reasons are in {refused_to}."

    database.require_tables(*TABLES)
    database.require_data()
    users, jobs, actions = database.count_rows("users", "jobs", "actions")
    sizes = f"{pluralize(users, 'user')}, {pluralize(jobs, 'job')}, {pluralize(actions, 'action')}"
    memory_forecast.require(
        memory_forecast.predict_data(users, jobs, actions),
        f"Loading {sizes}",
        ["give the process more memory", "keep fewer old jobs and actions in the database"],
    )
    with progress.stage(f"loading {sizes}"), watch.phase("load"):
        tables, report, _ = read_accepted(
            database,
            as_of=clock,
            limit=limit,
            advice=f"{where} Correct them{'' if refused_to is None else ', or increase --max-refused'}. "
            "docs/input.md lists the rules.",
            refused_to=refused_to,
        )
    if is_reported:
        _report_problems(report, where, progress)
    with watch.phase("encode"):
        return Dataset(tables, as_of=clock, ledger=report)


def _report_problems(report: DataReport, where: str, progress: Progress) -> None:
    from scoring.errors import make_printable

    for table in report.tables.values():
        if table.rejected:
            progress.print_line(f"warning: {make_printable(table.format_line(), 500)}")
    for values in report.unknown:
        progress.print_line(f"warning: {make_printable(str(values), 500)}")
    if where and report.n_rejected:
        progress.print_line(f"warning: rejected rows are not used.{where}")


def compile_kernels(prepared: Prepared, progress: Progress) -> None:
    """Compile the kernels if this machine has not compiled them, so that progress and time limits exclude this."""
    from scoring.ranking.scorer import are_kernels_compiled

    if not are_kernels_compiled():
        with progress.stage("compiling kernels (once per machine, about 20 s)"):
            prepared.scorer.top_k(1, prepared.active_users[:1])
