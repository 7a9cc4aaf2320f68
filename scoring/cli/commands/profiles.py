"""`scoring profiles`: save, compare and promote models."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.input_loader import load_data, read_components, read_model
from scoring.cli.json_csv_output import CsvOption, JsonOption, print_records
from scoring.cli.next_command import format_next
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_JOURNALS,
    DEFAULT_PROFILES,
    AsOfOption,
    ComponentOption,
    ModelOption,
    WeightsOption,
)
from scoring.cli.output_failures import note_stored
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.dataset import Dataset
    from scoring.model import ScoringModel
    from scoring.registry import Evidence, Profile, Registry

__all__ = ["app"]

app = typer.Typer(help="Save, compare and promote models.")

FolderOption = Annotated[
    Path,
    typer.Option(
        "--profiles", metavar="DIR", help="Folder of profiles. Each is a folder with one YAML file per version."
    ),
]
IndexOption = Annotated[
    str | None, typer.Option("--db", metavar="FILE|URL", help="Also update the index of profiles in this database.")
]
PromotionsOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        show_default=f"{DEFAULT_DB} if it exists",
        help="Database whose promotions apply. Without one: those of the folder.",
    ),
]
PromotionNoteOption = Annotated[
    str, typer.Option("--note", metavar="TEXT", show_default=False, help="Reason for the promotion. It is stored.")
]
GuardOption = Annotated[
    list[str] | None,
    typer.Option(
        "--guard", metavar="MEASURE", help="Measure that must not be significantly worse, such as `mean fee@40`."
    ),
]
ForceOption = Annotated[
    str | None,
    typer.Option("--force", metavar="REASON", help="Promote although the evidence does not support it."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", show_default=False, help="Your name. It is recorded.")]
PromoterOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="NAME",
        show_default=False,
        help="Your name. It is recorded, not authenticated. Default: the name of the system user.",
    ),
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="A profile. Without a version: its newest version.")
]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", show_default=False, help="Free text.")]
_MODEL_HELP = "A profile, `promoted`, or a shipped model."


@app.callback(invoke_without_command=True)
def _print_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _open_registry(folder: Path, components: list[Path] | None = None, database: str | None = None) -> Registry:
    from scoring.registry import Registry

    classes = read_components(components)
    return Registry(folder, database=database, components=classes)


def _find_default_database(db: str | None) -> str | None:
    """Return the database whose promotions apply. None: there is none."""
    return db if db is not None or not Path(DEFAULT_DB).exists() else DEFAULT_DB


def _require_database(db: str | None) -> str:
    database = _find_default_database(db)
    if database is None:
        raise typer.BadParameter(
            f"{DEFAULT_DB} does not exist. Give the database that the promotion applies to with --db."
        )
    return database


@app.command("list")
def list_(
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """List all versions of all profiles."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.profiles import render_list

    versions = _open_registry(profiles, database=_find_default_database(db)).list()
    if print_records(versions, json=json, csv=csv):
        return
    if versions.empty:
        message = f"{profiles} contains no profiles. Save one with `scoring profiles save NAME`."
        make_console().print(message, markup=False, soft_wrap=True)
        return
    console = make_console()
    console.print(render_list(versions, is_short=console.is_terminal))
    for problem in versions["problem"].dropna():
        Progress().print_line(f"warning: {problem}")


@app.command()
def show(
    name: VersionArgument,
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    component: ComponentOption = None,
) -> None:
    """Show the metadata, metrics and model of a version."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.profiles import render_profile

    registry = _open_registry(profiles, component, _find_default_database(db))
    with Progress().warnings():
        profile = registry.load(name)
    history = registry.list_promotions()
    used = history[history["in_use"]]
    is_promoted = (used["name"] == profile.name) & (used["version"] == profile.version)
    lineage = registry.list_lineage(profile.name, profile.version)
    make_console().print(render_profile(profile, lineage, in_use=bool(is_promoted.any())))


@app.command()
def save(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the profile: letters, digits, `-`, `_` and `.`.")
    ],
    model: ModelOption = None,
    weights: WeightsOption = None,
    trial: Annotated[
        str | None,
        typer.Option(
            "--trial",
            metavar="SEARCH:NUMBER",
            help="A trial of `scoring tune` instead of --model and --weights. SEARCH is its journal in "
            "data/searches, or a path.",
        ),
    ] = None,
    parent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[@VERSION]", help="Version that this one is derived from. A digest is also accepted."
        ),
    ] = None,
    note: NoteOption = "",
    author: Annotated[str | None, typer.Option("--author", metavar="NAME", help="Author of the version.")] = None,
    found_on: Annotated[
        str | None,
        typer.Option(
            "--found-on", metavar="FILE|URL", help="Database that the model was tuned on. Its fingerprint is stored."
        ),
    ] = None,
    as_of: AsOfOption = None,
    profiles: FolderOption = DEFAULT_PROFILES,
    db: IndexOption = None,
    component: ComponentOption = None,
) -> None:
    """Save a model and its weights as the next version of a profile."""
    registry = _open_registry(profiles, component, db)
    origin: str | ScoringModel | None = parent
    users = None
    if trial is None:
        chosen = read_model(model, weights, component)
    else:
        from scoring.registry import FittedUsers
        from scoring.tuning.stored_trial import load_trial

        if model is not None or weights is not None:
            raise typer.BadParameter("--trial contains a model and weights. Omit --model and --weights.")
        kinds = read_components(component)
        stored = load_trial(trial, DEFAULT_JOURNALS, kinds)
        chosen, origin, note = stored.model, parent or stored.baseline, note or str(stored)
        users = FittedUsers.of_search(stored.path)
    data = _load_found_on(found_on, as_of)
    before = registry.list_versions(name)
    saved = registry.save(name, chosen, parent=origin, found_on=data, note=note, author=author, users=users)
    if saved.version in before:
        _print_stored(f"{saved.metadata.reference} is identical. Nothing was saved.")
        return
    path = profiles / saved.name / f"{saved.version:04d}.yaml"
    _print_stored(f"Saved {saved.metadata.reference} as {path}.")


def _load_found_on(found_on: str | None, as_of: str | None) -> Dataset | None:
    if found_on is None:
        if as_of is not None:
            raise typer.BadParameter("--as-of requires --found-on.")
        return None
    from scoring.cli.progress import Progress
    from scoring.database.database import Database
    from scoring.telemetry import Stopwatch

    show = Progress()
    with Database.open(found_on) as database, show.warnings():
        return load_data(database, as_of, show, Stopwatch())


@app.command()
def promote(
    name: VersionArgument,
    note: PromotionNoteOption,
    by: PromoterOption = None,
    guard: GuardOption = None,
    force: ForceOption = None,
    yes: YesOption = False,
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    component: ComponentOption = None,
) -> None:
    """Promote a version: `scoring run` uses it from now on.

    Prints the evidence, the last evaluation on test users, and asks for confirmation. The promotion needs --force
    REASON if no such evaluation exists, if a declared goal, a floor or a --guard is significantly worse, or if the
    evaluation is of other data.
    """
    from scoring.registry.promotion_requests import find_user_name

    database = _require_database(db)
    registry = _open_registry(profiles, component, database)
    review = _make_review(force, yes, database)
    profile = registry.promote(
        name, note=note, guards=guard or (), force=force, review=review, approved_by=by or find_user_name()
    )
    _print_promoted(profile, database, component)


@app.command()
def request(
    name: VersionArgument,
    by: ByOption,
    note: PromotionNoteOption,
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    component: ComponentOption = None,
) -> None:
    """Request the promotion of a version, for `approve` by a second person."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.promotion_evidence import render_evidence

    registry = _open_registry(profiles, component, _find_default_database(db))
    entry = registry.request(name, by=by, note=note)
    reference = f"{entry.name}@{entry.version}"
    note_stored(f"The request for {reference} is stored.")
    console = make_console()
    console.print(render_evidence(registry.collect_evidence(name)))
    command = format_next("profiles", "approve", reference, "--by", "NAME", options={"component": (component, None)})
    message = f"{by} requests the promotion of {reference}. Next: {command}"
    console.print(message, markup=False, soft_wrap=True)


@app.command()
def approve(
    name: VersionArgument,
    by: ByOption,
    guard: GuardOption = None,
    force: ForceOption = None,
    yes: YesOption = False,
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    component: ComponentOption = None,
) -> None:
    """Promote a version that another person requested.

    Both names are recorded, not authenticated. See `promote`.
    """
    database = _require_database(db)
    registry = _open_registry(profiles, component, database)
    review = _make_review(force, yes, database)
    _print_promoted(registry.approve(name, by=by, guards=guard or (), force=force, review=review), database, component)


def _make_review(force: str | None, yes: bool, database: str) -> Callable[[Evidence], None]:
    """Return a function that prints the evidence, and asks for confirmation if it allows the promotion."""

    def review(evidence: Evidence) -> None:
        from scoring.cli.progress import make_console
        from scoring.cli.tables.promotion_evidence import render_evidence

        make_console().print(render_evidence(evidence))
        if yes or (evidence.objections and force is None):
            return
        if not _is_terminal():
            raise typer.BadParameter("The standard input is not a terminal. Read the evidence, and confirm with --yes.")
        reference = evidence.profile.metadata.reference
        _require_confirmation(f"Promote {reference} for {_mask_password(database)}?", f"{reference} is not promoted.")

    return review


def _require_confirmation(question: str, refusal: str) -> None:
    """Ask a question. If the answer is not yes, print `refusal` and exit with code 1."""
    from scoring.cli.progress import make_console

    try:
        is_confirmed = typer.confirm(question)
    except typer.Abort:  # Ctrl-C or Ctrl-D
        is_confirmed = False
    if not is_confirmed:
        make_console().print(refusal, markup=False, soft_wrap=True)
        raise typer.Exit(1)


def _is_terminal() -> bool:
    """Return whether a person can answer. A scheduler may have closed the standard input: then it is None."""
    return sys.stdin is not None and sys.stdin.isatty()


def _mask_password(database: str) -> str:
    """Return the URL of a database without its password."""
    from scoring.database.engines import format_url, parse_url

    return format_url(parse_url(database))


def _print_stored(message: str) -> None:
    """Print what is stored."""
    from scoring.cli.progress import make_console

    note_stored(message)
    make_console().print(message, markup=False, soft_wrap=True)


def _print_promoted(profile: Profile, database: str, component: Sequence[Path] | None) -> None:
    url = DEFAULT_DB if database == DEFAULT_DB else _mask_password(database)
    command = format_next("run", options={"db": (url, DEFAULT_DB), "component": (component, None)})
    _print_stored(f"Promoted {profile.metadata.reference}. Next: {command}")


@app.command()
def rollback(
    note: NoteOption = "",
    yes: YesOption = False,
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    component: ComponentOption = None,
) -> None:
    """Undo the last promotion.

    The version that was promoted before is promoted again. In a terminal the command asks for confirmation. A script
    is not asked: the version was in use before.
    """
    database = _require_database(db)
    registry = _open_registry(profiles, component, database)
    if not yes and _is_terminal():
        target = registry.find_rollback().reference
        _require_confirmation(f"Roll back to {target} for {_mask_password(database)}?", "Nothing was rolled back.")
    profile = registry.rollback(note=note)
    _print_stored(f"Rolled back to {profile.metadata.reference}.")


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=_MODEL_HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help=_MODEL_HELP)],
    profiles: FolderOption = DEFAULT_PROFILES,
    db: PromotionsOption = None,
    component: ComponentOption = None,
) -> None:
    """Show the differences from A to B: weights, parameters and rules."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.profiles import render_diff

    with Progress().warnings():
        differences = _open_registry(profiles, component, _find_default_database(db)).diff(a, b)
    make_console().print(render_diff(differences))


@app.command()
def history(profiles: FolderOption = DEFAULT_PROFILES, db: PromotionsOption = None) -> None:
    """List all promotions and rollbacks."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.profiles import render_history

    promotions = _open_registry(profiles, database=_find_default_database(db)).list_promotions()
    if promotions.empty:
        make_console().print("Nothing was promoted.", markup=False, soft_wrap=True)
        return
    console = make_console()
    console.print(render_history(promotions, is_short=console.is_terminal))


@app.command()
def looks(profiles: FolderOption = DEFAULT_PROFILES) -> None:
    """List all evaluations on test users."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.profiles import render_test_accesses

    accesses = _open_registry(profiles).list_test_accesses()
    if accesses.empty:
        make_console().print(f"{profiles} contains no evaluations on test users.", markup=False, soft_wrap=True)
        return
    make_console().print(render_test_accesses(accesses))


@app.command()
def reindex(
    db: Annotated[str, typer.Option("--db", metavar="FILE|URL", help="A SQLite file or a database URL.")],
    profiles: FolderOption = DEFAULT_PROFILES,
) -> None:
    """Rebuild the index of profiles in a database from the files."""
    from scoring.database.database import Database

    with Database.open(db) as database:
        count = _open_registry(profiles).reindex(database)
        message = f"{database.display}: indexed {pluralize(count, 'version')} of {profiles}."
    _print_stored(message)
