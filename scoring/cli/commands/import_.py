"""`scoring import`: import tables from files and report the outcome of every row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoring.cli.options import DEFAULT_DB, DbOption

if TYPE_CHECKING:
    from scoring.importing.readers import SourceOptions

__all__ = ["import_"]


def import_(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE FILE]",
            help="Table to import (jobs, users, actions, …), and its source: a CSV, TSV, Excel, JSON, Parquet or "
            "database file, a folder, or a URL.",
        ),
    ] = None,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest",
            help="Print a draft of a mapping for files: scoring import --suggest FILE … > mapping.yaml",
        ),
    ] = False,
    map_: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="YAML file that maps files and columns to tables. With TABLE and FILE: the columns and rules of FILE.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            show_default="the folder of the --map file",
            help="Folder of the files that --map or --suggest names.",
        ),
    ] = None,
    db: DbOption = DEFAULT_DB,
    refused: Annotated[
        Path,
        typer.Option("--refused", metavar="DIR", help="Folder for the files of rejected rows, with their reasons."),
    ] = Path("data/refused"),
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Insert new rows, and replace stored rows that have the same id. Without it, such rows are rejected.",
        ),
    ] = False,
    close_missing: Annotated[
        bool,
        typer.Option(
            "--close-missing",
            help="With --update: set is_active to false for jobs that the file does not contain. With the TABLE users: "
            "for users.",
        ),
    ] = False,
    close_missing_users: Annotated[
        bool,
        typer.Option(
            "--close-missing-users",
            help="With --update and --map: set is_active to false for users that the files do not contain.",
        ),
    ] = False,
    close_most: Annotated[
        bool, typer.Option("--close-most", help="Allow --close-missing to close more than half of the active rows.")
    ] = False,
    missing_columns: Annotated[
        str,
        typer.Option(
            "--missing-columns",
            metavar="refuse|keep|clear",
            help="With --update, if the file lacks a column that has stored values: stop (refuse), keep the values, or "
            "make them missing (clear).",
        ),
    ] = "refuse",
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the existing rows of a table before the import.")
    ] = False,
    orphans: Annotated[
        str,
        typer.Option(
            "--orphans",
            metavar="refuse|delete",
            help="With --replace, if actions or factors refer to removed rows: stop (refuse), or delete them.",
        ),
    ] = "refuse",
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding", metavar="NAME", help="Encoding of a text file, such as cp932. The default is UTF-8."
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            metavar="CHAR",
            help="Character between fields of text: tab, comma, semicolon, pipe, space or another character.",
        ),
    ] = None,
    header: Annotated[
        str | None, typer.Option("--header", metavar="NAMES", help="Column names of a file without them: id,title,…")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of an Excel file: its name or number.")
    ] = None,
    source_table: Annotated[
        str | None, typer.Option("--source-table", metavar="NAME", help="Table of a database FILE or URL.")
    ] = None,
    query: Annotated[
        str | None, typer.Option("--query", metavar="SQL", help="Query of a database FILE or URL.")
    ] = None,
) -> None:
    """Import a table from a file, or several tables by a mapping file, in one transaction.

    With --suggest, print a draft of the mapping and import nothing. Edit the draft, then import it with --map.

    The database is created if it does not exist. The report accounts for every row: stored, merged or rejected. If the
    import fails, nothing is stored, and the same command can be repeated.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.database.database import Database
    from scoring.importing import ImportReport, import_file, import_mapping
    from scoring.importing.readers import SourceOptions, describe_source, format_option

    words = words or []
    names = () if header is None else tuple(header.split(","))
    source = SourceOptions(encoding, delimiter, names, sheet, source_table, query)
    if suggest:
        _print_draft(words, source, folder, has_map=map_ is not None)
        return
    if len(words) != 2 and (words or map_ is None):
        raise typer.BadParameter("Give TABLE and FILE, --map FILE, both, or --suggest and files.")
    if not words and source.given:
        given = " and ".join(map(format_option, source.given))
        keys = " and ".join(f"`{key}:`" for key in source.given)
        raise typer.BadParameter(f"{given}: with --map alone, state {keys} in the mapping file, below `sources`.")
    progress, console = Progress(), make_console()
    options: dict[str, Any] = {
        "refused_to": refused,
        "replace": replace,
        "update": update,
        "close_most": close_most,
        "missing_columns": missing_columns,
        "orphans": orphans,
    }

    reports: list[ImportReport] = []

    def print_report(report: ImportReport) -> None:
        reports.append(report)
        for line in report.lines():
            console.print(line, markup=False, soft_wrap=True)

    if db == DEFAULT_DB:
        Path(db).parent.mkdir(exist_ok=True)
    with Database.open(db) as database:
        try:
            if not words:
                assert map_ is not None
                closed = [*(["jobs"] if close_missing else []), *(["users"] if close_missing_users else [])]
                with progress.stage(f"importing {map_}"):
                    import_mapping(database, map_, folder, close_missing=closed, on_report=print_report, **options)
            else:
                table, file = words
                with progress.stage(f"importing {describe_source(file, source)}"):
                    report = import_file(
                        database, table, file, map_, close_missing=close_missing, options=source, **options
                    )
                    print_report(report)
        except BaseException:
            if reports:
                console.print(f"Nothing was stored in {database.display}.", markup=False, soft_wrap=True)
            raise


def _print_draft(files: list[str], source: SourceOptions, folder: Path | None, *, has_map: bool) -> None:
    from scoring.cli.progress import Progress
    from scoring.importing.mapping_draft import draft_mapping

    if not files or has_map:
        raise typer.BadParameter("--suggest needs the files to examine. It excludes --map.")
    with Progress().stage(f"examining {', '.join(files)}"):
        draft = draft_mapping(files, source, folder)
    typer.echo(draft, nl=False)
