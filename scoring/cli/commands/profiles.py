"""`scoring profiles`: save, compare and promote models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.data_loader import load_components, load_data, read_model
from scoring.cli.options import DEFAULT_PROFILES, AsOfOption, ComponentOption, ModelOption, WeightsOption

if TYPE_CHECKING:
    from scoring.dataset import Dataset
    from scoring.tuning.registry import Registry

__all__ = ["app"]

app = typer.Typer(help="Save models, compare them, and say which one is in use.")

Folder = Annotated[Path, typer.Option("--profiles", help="Folder of profiles: a folder each, a YAML file per version.")]
IndexIn = Annotated[str | None, typer.Option("--db", help="A SQLite file, or a database URL, to keep an index in.")]
Named = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A profile; without a version its newest.")]
Note = Annotated[str, typer.Option(help="What is to be remembered, in your words.")]
_EITHER = "A profile, `promoted`, or a model that ships."


@app.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _registry(folder: Path, components: list[Path] | None = None, index: str | None = None) -> Registry:
    from scoring.tuning.registry import Registry

    own = [component for file in components or () for component in load_components(file)]
    return Registry(folder, database=index, components=own)


@app.command("list")
def list_(profiles: Folder = DEFAULT_PROFILES) -> None:
    """List every version of every profile."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.profiles import render_list

    found = _registry(profiles).list()
    if found.empty:
        said = f"{profiles} holds no profiles yet. Save one with `scoring profiles save NAME`."
        make_console().print(said, markup=False, soft_wrap=True)
        return
    make_console().print(render_list(found))
    for problem in found["problem"].dropna():
        Progress().print_line(f"warning: {problem}")


@app.command()
def show(name: Named, profiles: Folder = DEFAULT_PROFILES, component: ComponentOption = None) -> None:
    """Show one: what is known of it, what it measured, its weights, parameters and rules."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.profiles import render_profile

    registry = _registry(profiles, component)
    with Progress().warnings():
        profile = registry.load(name)
    history = registry.history()
    used = history[history["in_use"]]
    mine = (used["name"] == profile.name) & (used["version"] == profile.version)
    lineage = registry.lineage(profile.name, profile.version)
    make_console().print(render_profile(profile, lineage, in_use=bool(mine.any())))


@app.command()
def save(
    name: Annotated[str, typer.Argument(help="Letters, digits, `-`, `_` and `.`; the same name: a new version.")],
    model: ModelOption = None,
    weights: WeightsOption = None,
    parent: Annotated[
        str | None, typer.Option(metavar="NAME[@VERSION]", help="What it was made from; a digest will do, too.")
    ] = None,
    note: Note = "",
    author: Annotated[str | None, typer.Option(help="Who made it; nobody is noted otherwise.")] = None,
    found_on: Annotated[
        str | None, typer.Option("--found-on", help="The database that it was found on: its fingerprint is noted.")
    ] = None,
    as_of: AsOfOption = None,
    profiles: Folder = DEFAULT_PROFILES,
    db: IndexIn = None,
    component: ComponentOption = None,
) -> None:
    """Save a model, with its weights, as the next version of a profile."""
    from scoring.cli.progress import make_console

    chosen = read_model(model, weights, component)
    registry = _registry(profiles, component, db)
    data = _data(found_on, as_of)
    saved = registry.save(name, chosen, parent=parent, found_on=data, note=note, author=author)
    path = profiles / saved.name / f"{saved.version:04d}.yaml"
    make_console().print(f"Saved {saved.metadata.reference} as {path}.", markup=False, soft_wrap=True)


def _data(found_on: str | None, as_of: str | None) -> Dataset | None:
    if found_on is None:
        if as_of is not None:
            raise typer.BadParameter("--as-of is the clock of the data of --found-on, which is missing.")
        return None
    from scoring.cli.progress import Progress
    from scoring.database.database import Database
    from scoring.telemetry import Stopwatch

    show = Progress()
    with Database.open(found_on) as database, show.warnings():
        return load_data(database, as_of, show, Stopwatch())


@app.command()
def promote(
    name: Named,
    note: Note = "",
    profiles: Folder = DEFAULT_PROFILES,
    db: IndexIn = None,
    component: ComponentOption = None,
) -> None:
    """Take a version into use: `scoring run --profile promoted` runs it from then on."""
    from scoring.cli.progress import make_console

    profile = _registry(profiles, component, db).promote(name, note=note)
    said = f"{profile.metadata.reference} is in use now: `scoring run --profile promoted` runs it."
    make_console().print(said, markup=False, soft_wrap=True)


@app.command()
def rollback(
    note: Note = "", profiles: Folder = DEFAULT_PROFILES, db: IndexIn = None, component: ComponentOption = None
) -> None:
    """Take the version that was promoted before into use again."""
    from scoring.cli.progress import make_console

    profile = _registry(profiles, component, db).rollback(note=note)
    make_console().print(f"{profile.metadata.reference} is in use again.", markup=False, soft_wrap=True)


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=_EITHER)],
    b: Annotated[str, typer.Argument(metavar="B", help=_EITHER)],
    profiles: Folder = DEFAULT_PROFILES,
    component: ComponentOption = None,
) -> None:
    """Show what changes from A to B: weights, parameters, rules."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.profiles import comparison

    with Progress().warnings():
        found = _registry(profiles, component).diff(a, b)
    make_console().print(comparison(found))


@app.command()
def history(profiles: Folder = DEFAULT_PROFILES) -> None:
    """List every promotion and rollback."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.profiles import render_history

    found = _registry(profiles).history()
    if found.empty:
        make_console().print(f"Nothing in {profiles} was ever promoted.", markup=False, soft_wrap=True)
        return
    make_console().print(render_history(found))


@app.command()
def looks(profiles: Folder = DEFAULT_PROFILES) -> None:
    """List every look at test users."""
    from scoring.cli.progress import make_console
    from scoring.cli.tables.profiles import render_test_accesses

    found = _registry(profiles).test_accesses()
    if found.empty:
        make_console().print(f"Nobody looked at test users by {profiles}.", markup=False, soft_wrap=True)
        return
    make_console().print(render_test_accesses(found))


@app.command()
def reindex(
    db: Annotated[str, typer.Option("--db", help="A SQLite file, or a database URL.")],
    profiles: Folder = DEFAULT_PROFILES,
) -> None:
    """Make the index in a database anew from the files."""
    from scoring.cli.progress import make_console
    from scoring.database.database import Database

    with Database.open(db) as database:
        count = _registry(profiles).reindex(database)
        said = f"{database.display} indexes {count:,} version{'' if count == 1 else 's'} of {profiles}."
    make_console().print(said, markup=False, soft_wrap=True)
