"""Read sheets of Excel workbooks (.xlsx). Requires openpyxl, of the extra `excel`."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from scoring.columns.text_normalisation import remove_invisible
from scoring.errors import DataError, make_printable, pluralize
from scoring.importing.readers.raw_rows import RawRows, make_object_frame, name_columns
from scoring.importing.readers.source_options import SourceOptions, locate_option
from scoring.optional_dependencies import require

__all__ = ["read_excel"]

_MERGED: Final = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
CHUNK: Final = 1 << 20

Row = list[Any]


def read_excel(path: Path, name: str, options: SourceOptions) -> RawRows:
    """Return the rows of a sheet, with the row numbers of the sheet.

    The first row that is not blank is the header; a title in merged cells above it is skipped. Blank rows are skipped.
    Numbers, booleans and dates keep their types, and a formula is its stored value. Each cell of a merged range has
    the value of the range.

    Raises
    ------
    DataError: If the file is not a workbook, or the sheet does not exist, is not stated, or has no header.
    MissingDependencyError: If openpyxl is not installed.
    """
    with _open_workbook(path) as workbook:
        rows = _read_rows(path, name, _select_sheet(path, workbook, options.sheet), options.header)
        return replace(rows, is_1904=workbook.epoch.year == 1904)


@contextmanager
def _open_workbook(path: Path) -> Iterator[Any]:
    require(f"The Excel file {path}", "excel", "openpyxl")
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about styles and validations, which an import does not need
        try:
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                yield workbook
            finally:
                workbook.close()
        except (OSError, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"{path} cannot be read as an Excel workbook: {make_printable(str(error))}. Save it again as .xlsx, "
                "without a password.",
                reason="unreadable",
                path=str(path),
            ) from error


def list_sheets(path: Path) -> list[str]:
    """Return the visible sheets with cells. Errors are those of `read_excel`."""
    with _open_workbook(path) as workbook:
        return [sheet.title for sheet in workbook.worksheets if sheet.sheet_state == "visible" and _has_cells(sheet)]


def _select_sheet(path: Path, workbook: Any, stated: str | int | None) -> Any:
    sheets = {sheet.title: sheet for sheet in workbook.worksheets}
    names = ", ".join(map(repr, sheets))
    if stated is None:
        filled = [sheet for sheet in sheets.values() if sheet.sheet_state == "visible" and _has_cells(sheet)]
        if len(filled) == 1 or len(sheets) == 1:
            return filled[0] if filled else next(iter(sheets.values()))
        raise DataError(
            f"{path} has {pluralize(len(sheets), 'sheet')}: {names}. State the sheet: {locate_option('sheet')}.",
            reason="several sheets",
            path=str(path),
        )
    if stated in sheets:
        return sheets[str(stated)]
    if str(stated).isdecimal() and 1 <= int(stated) <= len(sheets):
        return list(sheets.values())[int(stated) - 1]
    raise DataError(
        f"{path} does not have the sheet {stated!r}. Its sheets are {names}.",
        reason="unknown sheet",
        path=str(path),
        value=str(stated),
    )


def _has_cells(sheet: Any) -> bool:
    return next(_iterate_rows(sheet), None) is not None


def _iterate_rows(sheet: Any) -> Iterator[tuple[int, Row]]:
    """Yield the number and the values of each row that is not blank."""
    sheet.reset_dimensions()  # the stored size of a sheet may be wrong
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(value is not None and not (isinstance(value, str) and not value.strip()) for value in values):
            yield number, list(values)


def _read_rows(path: Path, name: str, sheet: Any, stated: tuple[str, ...]) -> RawRows:
    merged = _find_merged_ranges(path, sheet)
    titles = {low_row for low_column, low_row, high_column, _ in merged if high_column > low_column}
    rows = _iterate_rows(sheet)
    header: Row = list(stated)
    if not stated:
        for number, values in rows:
            if number in titles and sum(value is not None for value in values) == 1:
                continue
            header = values
            break
        if not header:
            raise DataError(
                f"{path}: the sheet {sheet.title!r} has no column names. Write them in its first row.",
                reason="no column names",
                path=str(path),
                line=1,
            )
    numbers: list[int] = []
    records: list[Row] = []
    for number, values in _fill_merged(rows, merged):
        numbers.append(number)
        records.append(values)
    width = max(map(len, [header, *records]))
    texts = ["" if value is None else remove_invisible(str(value)) for value in header]
    while width > len(texts) and not any(record[width - 1] is not None for record in records if len(record) >= width):
        width -= 1
    while texts and not texts[-1] and len(texts) >= width:
        if any(len(record) >= len(texts) and record[len(texts) - 1] is not None for record in records):
            break
        width = len(texts) - 1
        del texts[-1]
    names, duplicates = name_columns(texts + [""] * (width - len(texts)))
    records = [(record + [None] * (width - len(record)))[:width] for record in records]
    frame = make_object_frame(names, records)
    return RawRows.of(frame, name, rows=np.array(numbers, dtype=np.int64), duplicates=duplicates)


def _find_merged_ranges(path: Path, sheet: Any) -> list[tuple[int, int, int, int]]:
    """Return (first column, first row, last column, last row) of merged ranges, by first row.

    openpyxl does not read them if it reads row by row, which large sheets need.
    """
    from openpyxl.utils import range_boundaries

    found: list[bytes] = []
    tail = b""
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path) as file:
        while chunk := file.read(CHUNK):
            text = tail + chunk
            found += _MERGED.findall(text)
            tail = text[text.rfind(b"<") :][-1000:]
    ranges = {range_boundaries(reference.decode()) for reference in found}
    return sorted(ranges, key=lambda range_: range_[1])


def _fill_merged(rows: Iterator[tuple[int, Row]], merged: list[tuple[int, int, int, int]]) -> Iterator[tuple[int, Row]]:
    """Yield the rows with the value of each merged range in all of its cells."""
    waiting = list(reversed(merged))
    active: list[tuple[tuple[int, int, int, int], Any]] = []
    for number, values in rows:
        active = [(range_, value) for range_, value in active if range_[3] >= number]
        while waiting and waiting[-1][1] <= number:
            range_ = waiting.pop()
            if range_[1] == number and range_[0] <= len(values):
                active.append((range_, values[range_[0] - 1]))
        for (low, _, high, _), value in active:
            values += [None] * (high - len(values))
            values[low - 1 : high] = [value] * (high - low + 1)
        yield number, values
