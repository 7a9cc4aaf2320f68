"""`scoring import`: import tables from files and report the outcome of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scoring.cli.options import DEFAULT_DB, DbOption

__all__ = ["import_"]


def import_(
    table: Annotated[str | None, typer.Argument(help="The table that the file is for: jobs, users, actions …")] = None,
    file: Annotated[Path | None, typer.Argument(help="A CSV or Parquet file.")] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", help="A YAML file that says which files and columns go where.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the files of --map are; else beside it.")
    ] = None,
    db: DbOption = DEFAULT_DB,
    refused: Annotated[
        Path, typer.Option("--refused", help="Folder for the rows that are refused, with the reasons.")
    ] = Path("data/refused"),
    replace: Annotated[bool, typer.Option("--replace", help="Empty a table before it is filled.")] = False,
) -> None:
    """Import a table from a file, or several as a mapping file says, and account for every row."""
    from scoring.cli.progress import Progress, make_console
    from scoring.database.database import Database
    from scoring.importing import import_file, import_mapping

    if (file is None) == (map_ is None) or (file is None) != (table is None):
        raise typer.BadParameter("give TABLE and FILE, or --map FILE.")
    progress, console = Progress(), make_console()
    with Database.open(db) as database:
        if map_ is not None:
            with progress.stage(f"importing by {map_}"):
                ledgers = import_mapping(database, map_, folder, refused_to=refused, replace=replace)
        else:
            assert table is not None
            assert file is not None
            with progress.stage(f"importing {file}"):
                ledgers = [import_file(database, table, file, refused_to=refused, replace=replace)]
    for ledger in ledgers:
        for line in ledger.lines():
            console.print(line, markup=False, soft_wrap=True)
