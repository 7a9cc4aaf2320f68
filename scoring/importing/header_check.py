"""Check that a source has the columns that an import needs, and show the header that was read."""

from __future__ import annotations

import re
from typing import Final

from scoring.columns import FACTOR_TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.text_normalisation import fold_text
from scoring.errors import DataError, make_printable
from scoring.importing.mapping_file import TableMap
from scoring.importing.readers import RawRows, locate_option
from scoring.validation.column_match import get_close_names

__all__ = ["require_columns"]

MAX_HEADER: Final = 400  # characters in a message
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,:/ TZ-]*")
_MOJIBAKE: Final = re.compile("\N{REPLACEMENT CHARACTER}|[ÃÂâã][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|縺|繧|繝")


def require_columns(table: str, raw: RawRows, mapping: TableMap, source: str, board: Board = DEFAULT_BOARD) -> None:
    """Check the source columns of a table's import.

    Raises
    ------
    DataError: If the source lacks a column that the mapping names or the table requires, or contains it twice.
    """
    names = [str(name) for name in raw.frame.columns]
    header = [*names, *raw.duplicates]
    folded = {fold_text(name) for name in header}
    used = [name for column in mapping.columns.values() for name in column.source_columns]
    for target, column in mapping.columns.items():
        for name in column.source_columns:
            if fold_text(name) not in folded:
                problem = f"The mapping takes {table}.{target} from column {name!r}, which the source does not have."
                raise DataError(
                    f"{problem} Correct the mapping. {_describe_header(source, names, [name])}",
                    reason="missing column",
                    table=table,
                    column=name,
                )
    for spec in board.table(table).columns:
        accepted = (spec.name, *spec.aliases)
        used += [name for name in accepted if spec.name not in mapping.columns]
        if spec.required and spec.name not in mapping.columns and folded.isdisjoint(map(fold_text, accepted)):
            others = f" (or {', '.join(spec.aliases)})" if spec.aliases else ""
            problem = f"{source}: column {spec.name}{others} is missing."
            raise DataError(
                f"{problem} {_describe_header(source, names, accepted, spec.name)}",
                reason="missing column",
                table=table,
                column=spec.name,
            )
    for target, column in mapping.columns.items():
        if raw.is_1904 and column.source is not None and "excel" in column.format:
            raise DataError(
                f"{source} counts days from 1904, so `excel` is not the format of {table}.{target}. State `format: "
                "excel-1904` in the mapping.",
                reason="other format",
                table=table,
                column=target,
            )
    raw.require_single(header if table in FACTOR_TABLES else used)


def _describe_header(source: str, names: list[str], wanted: list[str] | tuple[str, ...], target: str = "") -> str:
    """Return the header, and the most likely reason why a wanted column is not in it."""
    shown = make_printable(", ".join(names), MAX_HEADER) or "empty"
    close = get_close_names(wanted, names)
    if len(names) == 1 and (found := re.search("[,;\t|]", names[0])):
        word = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}[found[0]]
        advice = f"The delimiter may be another one. Use {locate_option('delimiter', word)}."
    elif close:
        advice = f"Did you mean {' or '.join(map(repr, close))}?"
    elif any(_MOJIBAKE.search(name) for name in names):
        advice = f"The text may have another encoding, such as cp932. State it: {locate_option('encoding')}."
    elif names and all(_NUMBER.fullmatch(name) or name.startswith("column ") for name in names[:1]):
        advice = f"The first row may be data. State the column names: {locate_option('header')}."
    elif target:
        advice = f"Name its column in a mapping: `columns: {{{target}: …}}`."
    else:
        advice = ""
    return f"The header is: {shown}. {advice}".rstrip()
