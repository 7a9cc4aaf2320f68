"""`scoring import`: import tables from files and report the outcome of every row."""

from __future__ import annotations

from pathlib import Path

from scoring.cli.import_request import (
    CloseMissingOption,
    CloseMissingUsersOption,
    CloseMostOption,
    DelimiterOption,
    EncodingOption,
    FolderOption,
    HeaderOption,
    ImportRequest,
    MapOption,
    MissingColumnsOption,
    OrphansOption,
    QueryOption,
    RefusedOption,
    ReplaceOption,
    SheetOption,
    SourceArgument,
    SourceTableOption,
    SuggestOption,
    UpdateOption,
    print_draft,
)
from scoring.cli.options import DEFAULT_DB, DbOption

__all__ = ["import_"]


def import_(
    words: SourceArgument = None,
    suggest: SuggestOption = False,
    map_: MapOption = None,
    folder: FolderOption = None,
    db: DbOption = DEFAULT_DB,
    refused: RefusedOption = Path("data/refused"),
    update: UpdateOption = False,
    close_missing: CloseMissingOption = False,
    close_missing_users: CloseMissingUsersOption = False,
    close_most: CloseMostOption = False,
    missing_columns: MissingColumnsOption = "refuse",
    replace: ReplaceOption = False,
    orphans: OrphansOption = "refuse",
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    header: HeaderOption = None,
    sheet: SheetOption = None,
    source_table: SourceTableOption = None,
    query: QueryOption = None,
) -> None:
    """Import a table from a file, or several tables by a mapping file, in one transaction.

    With --suggest, print a draft of the mapping and import nothing. Edit the draft, then import it with --map.

    The database is created if it does not exist. The report accounts for every row: stored, merged or rejected. If the
    import fails, nothing is stored, and the same command can be repeated.
    """
    from scoring.importing.readers import SourceOptions

    names = () if header is None else tuple(header.split(","))
    source = SourceOptions(encoding, delimiter, names, sheet, source_table, query)
    if suggest:
        print_draft(words or [], source, folder, has_map=map_ is not None)
        return
    options = {
        "refused_to": refused,
        "replace": replace,
        "update": update,
        "close_most": close_most,
        "missing_columns": missing_columns,
        "orphans": orphans,
    }
    ImportRequest(words or [], source, map_, folder, close_missing, close_missing_users, options).run(db)
