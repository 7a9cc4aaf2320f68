"""Read delimited text: CSV, TSV and others.

Python's `csv` module decides how text is split into records. PyArrow reads files without quotes and blank lines, in a
tenth of the time. If it finds anything unusual, the file is read by `csv`. Both give equal rows:
`tests/importing/readers/test_delimited_text.py`.
"""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.text_normalisation import remove_invisible
from scoring.errors import DataError, pluralize
from scoring.importing.readers.raw_rows import RawRows, name_columns
from scoring.importing.readers.source_options import SourceOptions, locate_option
from scoring.importing.readers.text_delimiter import find_delimiter, read_separator_line
from scoring.importing.readers.text_encoding import (
    CHUNK,
    INVALID,
    TextEncoding,
    find_encoding,
    open_binary,
    open_text,
)

__all__ = ["read_by_csv", "read_delimited_text", "read_layout"]

SAMPLE_LINES: Final = 50
SAMPLE_CHARACTERS: Final = 1 << 16
BATCH: Final = 50_000  # records that are Python objects at the same time
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class TextLayout:
    """How a file is read: its encoding and delimiter, and its column names.

    Attributes
    ----------
    skipped: number of lines before the records: a `sep=` line.
    has_header: whether the first record contains the names.
    """

    encoding: TextEncoding
    delimiter: str
    skipped: int
    has_header: bool
    header_line: int
    names: list[str]
    duplicates: dict[str, tuple[str, ...]]


def read_delimited_text(path: Path, name: str, options: SourceOptions) -> RawRows:
    """Return the rows of a delimited text file, numbered by line.

    A row with invalid bytes or a wrong number of fields is unreadable.

    Raises
    ------
    DataError: If the file has no header, a quote is not closed, or the encoding or delimiter is not clear.
    """
    layout = read_layout(path, options)
    table = _read_by_arrow(path, layout)
    if table is None:
        return read_by_csv(path, name, layout)
    lines = np.arange(len(table)) + layout.header_line + 1
    return RawRows.of(_make_frame([table], layout), name, rows=lines, duplicates=layout.duplicates)


def read_layout(path: Path, options: SourceOptions) -> TextLayout:
    """Return the layout of a file: as stated, or detected from its first lines.

    Raises
    ------
    DataError: If the file has no header, or the encoding or delimiter is not clear.
    """
    csv.field_size_limit(sys.maxsize)  # one long text must not stop an import
    encoding = find_encoding(path, options.encoding)
    with open_text(path, encoding.name) as file:
        lines = _take_sample(file)
    stated = read_separator_line(lines[0]) if lines else None
    skipped = 0 if stated is None else 1
    delimiter = options.delimiter or stated or find_delimiter(path, lines)
    with open_text(path, encoding.name) as file:
        records = _iterate_records(itertools.islice(file, skipped, None), path, delimiter, skipped)
        line, first = next(records, (skipped + 1, []))
    if options.header:
        if first and len(first) != len(options.header):
            raise DataError(
                f"{path}, line {line}: the row has {pluralize(len(first), 'field')}, but header has "
                f"{pluralize(len(options.header), 'name')}. Give one name for each field, or correct the delimiter.",
                reason="number of fields",
                path=str(path),
                line=line,
            )
        names, duplicates = name_columns(options.header)
        return TextLayout(encoding, delimiter, skipped, False, skipped, names, duplicates)
    cleaned = [remove_invisible(field) for field in first]
    if not any(cleaned):
        raise DataError(
            f"{path} does not contain column names. Write them in its first line.",
            reason="no column names",
            path=str(path),
            line=1,
        )
    if any(INVALID in field for field in cleaned):
        raise DataError(
            f"{path}, line {line}: the column names are not {_format_encoding(encoding.name)}. State the encoding: "
            f"{locate_option('encoding')}.",
            reason="wrong encoding",
            path=str(path),
            line=line,
        )
    return TextLayout(encoding, delimiter, skipped, True, line, *name_columns(cleaned))


def _take_sample(lines: Iterable[str]) -> list[str]:
    sample: list[str] = []
    length = 0
    for line in lines:
        if sample and (len(sample) == SAMPLE_LINES or length + len(line) > SAMPLE_CHARACTERS):
            break
        sample.append(line)
        length += len(line)
    return sample


def _make_frame(tables: list[pa.Table], layout: TextLayout) -> pd.DataFrame:
    schema = pa.schema([(name, pa.large_string()) for name in layout.names])
    frame = pa.concat_tables(tables or [schema.empty_table()]).to_pandas()
    return frame.astype("str")


# Fast: PyArrow


def _read_by_arrow(path: Path, layout: TextLayout) -> pa.Table | None:
    """Return the records of a file without anything unusual; None for another file."""
    from pyarrow import csv as arrow_csv

    if layout.encoding.name != "utf-8" or not layout.encoding.is_valid or not _is_plain(path):
        return None
    skipped = layout.header_line
    if not layout.has_header:
        with open_binary(path) as file:
            if file.read(3) == b"\xef\xbb\xbf":
                return None
    try:
        with open_binary(path) as file:
            return arrow_csv.read_csv(
                file,
                read_options=arrow_csv.ReadOptions(column_names=layout.names, skip_rows=skipped),
                parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, quote_char=False, double_quote=False),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(layout.names, pa.large_string()),
                    strings_can_be_null=False,
                    check_utf8=False,  # checked by find_encoding
                ),
            )
    except pa.ArrowException:
        return None


def _is_plain(path: Path) -> bool:
    """Return whether a file has no quotes, NULs, blank lines or lone carriage returns."""
    tail = b"\n"  # a line end at the start would be a blank line
    with open_binary(path) as file:
        while chunk := file.read(CHUNK):
            text = tail + chunk
            if b'"' in chunk or b"\0" in chunk or b"\n\n" in text or b"\n\r" in text:
                return False
            if b"\r" in text and text.count(b"\r") - text.endswith(b"\r") != text.count(b"\r\n"):
                return False
            tail = text[-2:] if text[-1:] == b"\r" else text[-1:]
    return not tail.endswith(b"\r")


# Exact: Python's csv module


def read_by_csv(path: Path, name: str, layout: TextLayout) -> RawRows:
    """Return the rows as `read_delimited_text` does, for any file.

    Raises
    ------
    DataError: If a quote is not closed.
    """
    tables: list[pa.Table] = []
    rows: list[int] = []
    unreadable: list[tuple[str, int, str, dict[str, str]]] = []
    with open_text(path, layout.encoding.name) as file:
        lines = itertools.islice(file, layout.skipped, None)
        records = _iterate_records(lines, path, layout.delimiter, layout.skipped)
        if layout.has_header:
            next(records)
        while batch := list(itertools.islice(records, BATCH)):
            good: list[list[str]] = []
            for line, fields in batch:
                if len(fields) != len(layout.names):
                    reason = f"row has {pluralize(len(fields), 'field')}, but the header has {len(layout.names)}"
                elif not layout.encoding.is_valid and any(INVALID in field for field in fields):
                    reason = f"row is not valid {_format_encoding(layout.encoding.name)}"
                else:
                    rows.append(line)
                    good.append(fields)
                    continue
                shown = [field.replace(INVALID, REPLACEMENT) for field in fields]
                unreadable.append((name, line, reason, dict(zip(layout.names, shown, strict=False))))
            if good:
                columns = [pa.array(column, type=pa.large_string()) for column in zip(*good, strict=True)]
                tables.append(pa.table(columns, names=layout.names))
    return RawRows.of(
        _make_frame(tables, layout),
        name,
        rows=np.array(rows, dtype=np.int64),
        unreadable=unreadable,
        duplicates=layout.duplicates,
    )


def _format_encoding(encoding: str) -> str:
    return encoding.upper() if encoding.startswith("utf") else encoding


def _iterate_records(lines: Iterable[str], path: Path, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, fields) of each record; blank lines are skipped. `skipped` lines were before `lines`.

    A marker line follows the last line. Without it, `csv` would return all rows after an unclosed quote as one field.
    """
    reader: Any = csv.reader(itertools.chain(lines, [_END_MARKER]), delimiter=delimiter)
    begin = 1
    try:
        for fields in reader:
            if fields == [_END_MARKER]:
                return
            if fields and fields[-1].endswith(_END_MARKER):
                raise DataError(
                    f"{path}, line {begin + skipped}: the quote that starts here is not closed. Close it.",
                    reason="open quote",
                    path=str(path),
                    line=begin + skipped,
                )
            if fields:
                yield begin + skipped, fields
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {begin + skipped}: {error}. Check the quotes.",
            reason="invalid quotes",
            path=str(path),
            line=begin + skipped,
        ) from error


_END_MARKER: Final = "\0 end of the file \0"
