"""The character between the fields of a text file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scoring.errors import DataError
from scoring.importing.readers.source_options import locate_option

__all__ = ["find_delimiter", "read_separator_line"]

CANDIDATES: Final = ",;\t|"
TAB_SUFFIXES: Final = (".tsv", ".tab", ".tsv.gz", ".tab.gz")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)


def read_separator_line(line: str) -> str | None:
    """Return the delimiter of a first line such as `sep=;`, which Excel writes; None for another line."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return match[1] if match else None


def find_delimiter(path: Path, lines: Sequence[str]) -> str:
    """Return the delimiter of the first lines of a file.

    It is the only candidate that the header contains. If there are several, it is the one that gives every line the
    same number of fields, and comma (tab in a .tsv file) if that does.

    Raises
    ------
    DataError: If several candidates are possible.
    """
    usual = "\t" if path.name.lower().endswith(TAB_SUFFIXES) else ","
    counts = {candidate: _count_fields(lines, candidate) for candidate in CANDIDATES}
    possible = [candidate for candidate, numbers in counts.items() if numbers and numbers[0] > 1]
    if len(possible) < 2:
        return possible[0] if possible else usual
    regular = [candidate for candidate in possible if len(set(counts[candidate])) == 1]
    if usual in regular or (usual in possible and not regular):
        return usual
    if len(regular) == 1:
        return regular[0]
    names = " or ".join(repr(candidate) for candidate in regular or possible)
    raise DataError(
        f"{path}: the delimiter may be {names}. State the delimiter: {locate_option('delimiter')}.",
        reason="several delimiters",
        path=str(path),
    )


def _count_fields(lines: Sequence[str], delimiter: str) -> list[int]:
    """Return the number of fields of each record. The last record may be cut off, so it counts only if it is alone."""
    try:
        records = [len(record) for record in csv.reader(lines, delimiter=delimiter) if record]
    except csv.Error:
        return []
    return records
