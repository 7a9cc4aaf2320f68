"""The options of `scoring import`, and the import that they ask for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoring.cli.options import DEFAULT_DB
from scoring.cli.output_failures import note_stored

if TYPE_CHECKING:
    from scoring.database.database import Database
    from scoring.importing import ImportReport
    from scoring.importing.readers import SourceOptions

__all__ = [
    "CloseMissingOption",
    "CloseMissingUsersOption",
    "CloseMostOption",
    "DelimiterOption",
    "EncodingOption",
    "FolderOption",
    "HeaderOption",
    "ImportRequest",
    "MapOption",
    "MissingColumnsOption",
    "OrphansOption",
    "QueryOption",
    "RefusedOption",
    "ReplaceOption",
    "SheetOption",
    "SourceArgument",
    "SourceTableOption",
    "SuggestOption",
    "UpdateOption",
    "print_draft",
]

SourceArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TABLE FILE]",
        help="Table to import (jobs, users, actions, …), and its source: a CSV, TSV, Excel, JSON, Parquet or "
        "database file, a folder, or a URL.",
    ),
]
SuggestOption = Annotated[
    bool,
    typer.Option(
        "--suggest",
        help="Print a draft of a mapping for files: scoring import --suggest FILE … > mapping.yaml",
    ),
]
MapOption = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        help="YAML file that maps files and columns to tables. With TABLE and FILE: the columns and rules of FILE.",
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        show_default="the folder of the --map file",
        help="Folder of the files that --map or --suggest names.",
    ),
]
RefusedOption = Annotated[
    Path,
    typer.Option("--refused", metavar="DIR", help="Folder for the files of rejected rows, with their reasons."),
]
UpdateOption = Annotated[
    bool,
    typer.Option(
        "--update",
        help="Insert new rows, and replace stored rows that have the same id. Without it, such rows are rejected.",
    ),
]
CloseMissingOption = Annotated[
    bool,
    typer.Option(
        "--close-missing",
        help="With --update: set is_active to false for jobs that the file does not contain. With the TABLE users: "
        "for users.",
    ),
]
CloseMissingUsersOption = Annotated[
    bool,
    typer.Option(
        "--close-missing-users",
        help="With --update and --map: set is_active to false for users that the files do not contain.",
    ),
]
CloseMostOption = Annotated[
    bool, typer.Option("--close-most", help="Allow --close-missing to close more than half of the active rows.")
]
MissingColumnsOption = Annotated[
    str,
    typer.Option(
        "--missing-columns",
        metavar="refuse|keep|clear",
        help="With --update, if the file lacks a column that has stored values: stop (refuse), keep the values, or "
        "make them missing (clear).",
    ),
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Delete the existing rows of a table before the import.")
]
OrphansOption = Annotated[
    str,
    typer.Option(
        "--orphans",
        metavar="refuse|delete",
        help="With --replace, if actions or factors refer to removed rows: stop (refuse), or delete them.",
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="Encoding of a text file, such as cp932. The default is UTF-8."),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="CHAR",
        help="Character between fields of text: tab, comma, semicolon, pipe, space or another character.",
    ),
]
HeaderOption = Annotated[
    str | None, typer.Option("--header", metavar="NAMES", help="Column names of a file without them: id,title,…")
]
SheetOption = Annotated[
    str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of an Excel file: its name or number.")
]
SourceTableOption = Annotated[
    str | None, typer.Option("--source-table", metavar="NAME", help="Table of a database FILE or URL.")
]
QueryOption = Annotated[str | None, typer.Option("--query", metavar="SQL", help="Query of a database FILE or URL.")]


@dataclass(frozen=True)
class ImportRequest:
    """The import that the options ask for: of one file, or of all files of a mapping.

    Attributes
    ----------
    words: the table and its source; empty: all tables of the mapping.
    source: how to read the source.
    map_: the mapping file.
    folder: the folder of the files that the mapping names.
    close_missing, close_missing_users: whether missing jobs and users become inactive.
    options: the other arguments of `import_file` and `import_mapping`.
    """

    words: list[str]
    source: SourceOptions
    map_: Path | None
    folder: Path | None
    close_missing: bool
    close_missing_users: bool
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from scoring.importing.readers import format_option

        if len(self.words) != 2 and (self.words or self.map_ is None):
            raise typer.BadParameter("Give TABLE and FILE, --map FILE, both, or --suggest and files.")
        if not self.words and self.source.given:
            given = " and ".join(map(format_option, self.source.given))
            keys = " and ".join(f"`{key}:`" for key in self.source.given)
            raise typer.BadParameter(f"{given}: with --map alone, state {keys} in the mapping file, below `sources`.")

    def run(self, db: str) -> None:
        """Import into a database, which is created if it does not exist, and print the report of each table."""
        from scoring.cli.progress import make_console
        from scoring.database.database import Database

        console = make_console()
        reports: list[ImportReport] = []

        def print_report(report: ImportReport) -> None:
            reports.append(report)
            for line in report.lines():
                console.print(line, markup=False, soft_wrap=True)

        if db == DEFAULT_DB:
            Path(db).parent.mkdir(exist_ok=True)
        with Database.open(db) as database:
            try:
                self._import(database, print_report)
                note_stored(f"The rows are stored in {database.display}.")
            except BaseException:
                if reports:
                    console.print(f"Nothing was stored in {database.display}.", markup=False, soft_wrap=True)
                raise

    def _import(self, database: Database, print_report: Callable[[ImportReport], None]) -> None:
        from scoring.cli.progress import Progress
        from scoring.importing import import_file, import_mapping
        from scoring.importing.readers import describe_source

        if self.words:
            table, file = self.words
            with Progress().stage(f"importing {describe_source(file, self.source)}"):
                print_report(
                    import_file(
                        database,
                        table,
                        file,
                        self.map_,
                        close_missing=self.close_missing,
                        options=self.source,
                        **self.options,
                    )
                )
            return
        assert self.map_ is not None
        flags = {"jobs": self.close_missing, "users": self.close_missing_users}
        closed = [table for table, is_closed in flags.items() if is_closed]
        with Progress().stage(f"importing {self.map_}"):
            import_mapping(
                database, self.map_, self.folder, close_missing=closed, on_report=print_report, **self.options
            )


def print_draft(files: list[str], source: SourceOptions, folder: Path | None, *, has_map: bool) -> None:
    """Print the draft of a mapping for files: the result of --suggest."""
    from scoring.cli.progress import Progress
    from scoring.importing.mapping_draft import draft_mapping

    if not files or has_map:
        raise typer.BadParameter("--suggest needs the files to examine. It excludes --map.")
    with Progress().stage(f"examining {', '.join(files)}"):
        draft = draft_mapping(files, source, folder)
    sys.stdout.write(draft)
