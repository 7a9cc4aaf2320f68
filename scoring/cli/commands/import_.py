"""`scoring import`: import tables from files and report the outcome of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.options import DEFAULT_DB, DbOption

__all__ = ["import_"]


def import_(
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="Table to import: jobs, users, actions, …")
    ] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="CSV or Parquet file.")] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="YAML file that maps files and columns to tables.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            show_default="the folder of the --map file",
            help="Folder of the files that --map names.",
        ),
    ] = None,
    db: DbOption = DEFAULT_DB,
    refused: Annotated[
        Path, typer.Option("--refused", metavar="DIR", help="Folder for rejected rows and the reasons.")
    ] = Path("data/refused"),
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the existing rows of a table before the import.")
    ] = False,
) -> None:
    """Import a table from a file, or several tables by a mapping file.

    The report accounts for every row: stored, merged or rejected.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.database.database import Database
    from scoring.importing import import_file, import_mapping

    if (file is None) == (map_ is None) or (file is None) != (table is None):
        raise typer.BadParameter("Give either TABLE and FILE, or only --map FILE.")
    progress, console = Progress(), make_console()
    with Database.open(db) as database:
        if map_ is not None:
            with progress.stage(f"importing {map_}"):
                reports = import_mapping(database, map_, folder, refused_to=refused, replace=replace)
        else:
            assert table is not None
            assert file is not None
            with progress.stage(f"importing {file}"):
                reports = [import_file(database, table, file, refused_to=refused, replace=replace)]
    for report in reports:
        for line in report.lines():
            console.print(line, markup=False, soft_wrap=True)
