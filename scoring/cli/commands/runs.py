"""`scoring runs`: list, verify, publish and remove runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.options import DEFAULT_DB, DEFAULT_OUT, DbOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from scoring.database.database import Database
    from scoring.runs.history import RunRecord
    from scoring.runs.retention import PruneReport

__all__ = ["app", "print_pruned"]

app = typer.Typer(help="List runs, verify them, publish what a gate kept aside, and remove old ones.")

Folder = Annotated[Path, typer.Option("--out", help="Folder of runs.")]
NoDatabase = Annotated[bool, typer.Option("--no-database", help="Look at the folder only.")]


@app.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@contextmanager
def _open_database(db: str, no_database: bool) -> Iterator[Database | None]:
    from scoring.database.database import Database

    if no_database:
        yield None
        return
    with Database.open(db) as database:
        database.require_tables("runs", "current_runs", "results")
        yield database


@app.command("list")
def list_(out: Folder = DEFAULT_OUT, db: DbOption = DEFAULT_DB, no_database: NoDatabase = False) -> None:
    """List every run, newest first: in use, published, being written, unfinished, kept aside by its gate, damaged.

    Where the folder's readers get another run than the database's, it says which is in use where.
    """
    from scoring.cli.progress import make_console
    from scoring.errors import printable
    from scoring.runs.history import collect_runs

    with _open_database(db, no_database) as database:
        found = collect_runs(out, database)
    if not found:
        make_console().print(f"{out} holds no runs yet. Make one with `scoring run`.", markup=False, soft_wrap=True)
        return
    make_console().print(_table(found))
    for run in found:
        if run.gate is not None and not run.has_passed:
            make_console().print(f"{run.run_id}: {printable(run.gate, 1000)}", markup=False, soft_wrap=True)


def _table(found: Sequence[RunRecord]) -> Table:
    from rich.table import Table

    from scoring.errors import printable

    table = Table(box=None, pad_edge=False)
    for name in ("run", "status", "model"):
        table.add_column(name, no_wrap=name != "model")
    for name in ("users", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("stored in", no_wrap=True)
    for run in found:
        table.add_row(
            run.run_id,
            run.status,
            "" if run.model is None else printable(run.model, 30),
            *("" if count is None else f"{count:,}" for count in (run.users, run.rows)),
            "both" if run.folder and run.database else "folder" if run.folder else "database",
        )
    return table


@app.command()
def verify(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The id of a run, or `latest`; else all.")] = None,
    out: Folder = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabase = False,
) -> None:
    """Look whether published runs are as they were written: digests of files, rows there and in the database."""
    from scoring.cli.progress import Progress, make_console
    from scoring.errors import ConfigurationError, pluralize
    from scoring.runs.history import collect_runs, verify_rows

    wrong = 0
    with _open_database(db, no_database) as database:
        found = [record for record in collect_runs(out, database) if record.status.can_be_verified]
        wanted = (out / run).resolve().name if run == "latest" else run
        if wanted is not None:
            found = [record for record in found if record.run_id == wanted]
            if not found:
                raise ConfigurationError(f"{out} holds no published run {run}; see `scoring runs list`.")
        for record in found:
            said = _verification_errors(out / record.run_id) if record.folder else []
            said += verify_rows(database, record.run_id) if database is not None else []
            for sentence in said:
                Progress().print_line(f"error: {sentence}")
            if not said:
                rows = pluralize(record.rows or 0, "row")
                make_console().print(f"{record.run_id}: whole, {rows}.", markup=False, soft_wrap=True)
            wrong += bool(said)
    if wrong:
        raise typer.Exit(1)


def _verification_errors(folder: Path) -> list[str]:
    from scoring.errors import OutputError
    from scoring.runs.history import verify_run

    try:
        return verify_run(folder)
    except OutputError as error:  # continue: the next run may be valid
        return [str(error)]


@app.command()
def prune(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of the newest published runs stay.")],
    out: Folder = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabase = False,
) -> None:
    """Remove old runs and what killed ones left; never the run in use, nor one that is being read or written."""
    from scoring.runs.retention import prune as remove

    with _open_database(db, no_database) as database:
        print_pruned(remove(out, database, keep))


@app.command()
def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run that its gate kept aside.")],
    force: Annotated[str, typer.Option("--force", metavar="REASON", help="Why; it stands in the run's manifest.")],
    out: Folder = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabase = False,
) -> None:
    """Publish a run that its gate kept aside, as it was written: nothing is loaded or ranked again."""
    from scoring.cli.progress import make_console
    from scoring.runs.force_publish import publish_held_back
    from scoring.runs.publishers import LATEST, DatabasePublisher, ParquetPublisher, Publisher

    with _open_database(db, no_database) as database:
        publishers: list[Publisher] = [] if database is None else [DatabasePublisher(database)]
        publishers.append(ParquetPublisher(out, by_run_id=True, latest=LATEST))
        for destination in publish_held_back(run, out, publishers, force):
            make_console().print(f"{destination.kind}: {destination.name}", markup=False, soft_wrap=True)


def print_pruned(done: PruneReport) -> None:
    """What was removed, and what was not and why."""
    from scoring.cli.progress import Progress, make_console

    removed = [f"{len(done.removed):,} old", *([f"{len(done.unfinished):,} unfinished"] if done.unfinished else [])]
    where = " from the folder alone; rows that a database holds of them stay there" if done.is_folder_only else ""
    make_console().print(f"Runs removed: {', '.join(removed)}{where}.", markup=False, soft_wrap=True)
    for run_id, reason in done.kept.items():
        Progress().print_line(f"warning: run {run_id} is kept: {reason}.")
