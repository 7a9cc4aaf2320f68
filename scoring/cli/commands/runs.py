"""`scoring runs`: list, verify, publish and remove runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.json_csv_output import CsvOption, JsonOption, check_format, print_records
from scoring.cli.options import DEFAULT_DB, DEFAULT_OUT, DbOption
from scoring.cli.output_failures import note_stored

if TYPE_CHECKING:
    from scoring.database.database import Database
    from scoring.runs.retention import PruneReport

__all__ = ["app", "print_pruned"]

app = typer.Typer(help="List, verify, publish and remove runs.")

_SCREEN_ROWS = 20
"""Number of runs in the list. With a header and a reason, they fit a terminal of 24 lines."""
FolderOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of runs.")]
NoDatabaseOption = Annotated[bool, typer.Option("--no-database", help="Use the folder only.")]


@app.callback(invoke_without_command=True)
def _print_help(context: typer.Context) -> None:
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
def list_(
    out: FolderOption = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabaseOption = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            show_default="one screen; all with --json and --csv",
            help="Maximum number of runs in the list, the newest first.",
        ),
    ] = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """List the runs, newest first.

    The status is one of: in use, published, being written, unfinished, held back, damaged. If the folder and the
    database have different runs in use, the status names the place.
    """
    from scoring.cli.progress import make_console
    from scoring.cli.tables.runs import make_records, render_runs
    from scoring.errors import make_printable
    from scoring.runs.history import collect_runs

    check_format(json, csv)
    with _open_database(db, no_database) as database:
        records = collect_runs(out, database)
    if print_records(make_records(records[:limit]), json=json, csv=csv):
        return
    console = make_console()
    if not records:
        console.print(f"{out} contains no runs. Create one with `scoring run`.", markup=False, soft_wrap=True)
        return
    shown, length = records[: _SCREEN_ROWS if limit is None else limit], 1000
    reasons = [f"{run.run_id}: {run.gate}" for run in shown if run.gate is not None and not run.has_passed]
    if limit is None and reasons:  # the newest reason takes two lines instead of two runs
        shown, reasons, length = shown[: _SCREEN_ROWS - 2], reasons[:1], 2 * console.width
    console.print(render_runs(shown))
    if len(records) > len(shown):
        more = f"{len(records) - len(shown):,} older runs are not shown. Use --limit {len(records)} to list all."
        console.print(more, markup=False, soft_wrap=True)
    for text in reasons:
        console.print(make_printable(text, length), markup=False, soft_wrap=True)


@app.command()
def verify(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", show_default="all published runs", help="Id of a run, or `latest`.")
    ] = None,
    out: FolderOption = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabaseOption = False,
) -> None:
    """Verify that published runs are unchanged.

    Digests of files and numbers of rows are compared with the manifests, in the folder and in the database.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.errors import ConfigurationError, pluralize
    from scoring.runs.history import collect_runs, verify_rows

    n_damaged = 0
    with _open_database(db, no_database) as database:
        records = [record for record in collect_runs(out, database) if record.status.can_be_verified]
        run_id = (out / run).resolve().name if run == "latest" else run
        if run_id is not None:
            records = [record for record in records if record.run_id == run_id]
            if not records:
                places = f"{out}" if database is None else f"{out} or {database.display}"
                raise ConfigurationError(
                    f"{run} is not a published run in {places}. `scoring runs list` lists the ids of the runs."
                )
        for record in records:
            errors = _verify_folder(out / record.run_id) if record.folder else []
            errors += verify_rows(database, record.run_id) if database is not None else []
            for error in errors:
                Progress().print_line(f"error: {error}")
            if not errors:
                rows = pluralize(record.rows or 0, "row")
                make_console().print(f"{record.run_id}: verified, {rows}.", markup=False, soft_wrap=True)
            n_damaged += bool(errors)
    if n_damaged:
        raise typer.Exit(1)


def _verify_folder(folder: Path) -> list[str]:
    from scoring.errors import OutputError
    from scoring.runs.history import verify_run

    try:
        return verify_run(folder)
    except OutputError as error:  # continue: the next run may be valid
        return [str(error)]


@app.command()
def prune(
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", min=1, help="Number of published runs to keep, the newest first.")
    ],
    out: FolderOption = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabaseOption = False,
) -> None:
    """Remove old runs and the files of interrupted runs.

    The run in use, and runs that are being read or written, are kept.
    """
    from scoring.runs.retention import prune as remove

    with _open_database(db, no_database) as database:
        print_pruned(remove(out, database, keep))


@app.command()
def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run that was held back.")],
    force: Annotated[
        str, typer.Option("--force", metavar="REASON", help="Reason for publishing. The manifest contains it.")
    ],
    out: FolderOption = DEFAULT_OUT,
    db: DbOption = DEFAULT_DB,
    no_database: NoDatabaseOption = False,
) -> None:
    """Publish a run that was held back, without ranking again."""
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.promoted_model import warn_about_other_lists
    from scoring.runs.forced_publication import publish_held_back
    from scoring.runs.publishers import LATEST, DatabasePublisher, ParquetPublisher, Publisher

    with _open_database(db, no_database) as database:
        publishers: list[Publisher] = [] if database is None else [DatabasePublisher(database)]
        publishers.append(ParquetPublisher(out, by_run_id=True, latest=LATEST))
        destinations = publish_held_back(run, out, publishers, force)
        note_stored(f"Run {run} is published.")
        for destination in destinations:
            make_console().print(f"{destination.kind}: {destination.name}", markup=False, soft_wrap=True)
        if database is not None:
            warn_about_other_lists(database, Progress())


def print_pruned(report: PruneReport) -> None:
    """Print the numbers of removed runs, and why other runs were kept."""
    from scoring.cli.progress import Progress, make_console

    removed = [
        f"{len(report.removed):,} older than those to keep",
        *([f"{len(report.unfinished):,} unfinished"] if report.unfinished else []),
    ]
    where = " from the folder only; their rows in the database are kept" if report.is_folder_only else ""
    message = f"Runs removed: {', '.join(removed)}{where}."
    note_stored(message)
    make_console().print(message, markup=False, soft_wrap=True)
    for run_id, reason in report.kept.items():
        Progress().print_line(f"warning: run {run_id} is kept: {reason}.")
