"""Read source files as frames of raw values, with the rows that cannot be read."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scoring.errors import DataError, make_printable

__all__ = ["RawRows", "concatenate", "read_source"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class RawRows:
    """Raw rows of source files.

    Attributes
    ----------
    frame: the readable rows, with a RangeIndex.
    rows: (n,) the line (CSV) or the row number from 1 (Parquet) of each readable row.
    source: (n,) the file name of each readable row.
    unreadable: (file, line, reason, fields) of the other rows.
    """

    frame: pd.DataFrame
    rows: np.ndarray
    source: np.ndarray
    unreadable: list[tuple[str, int, str, dict[str, str]]]

    @property
    def n_rows(self) -> int:
        """Number of readable and unreadable rows."""
        return len(self.frame) + len(self.unreadable)


def read_source(path: Path, missing: tuple[str, ...] = ()) -> RawRows:
    """Return the rows of a CSV file (UTF-8, optional byte order mark, comma, header) or of a Parquet file.

    In CSV every value is text. A CSV row with invalid UTF-8 or a wrong number of fields is unreadable. Texts in
    `missing` become missing values.

    Raises
    ------
    DataError: If the file does not exist, has no header or another format, or a quote is not closed.
    """
    if not path.is_file():
        raise DataError(f"The file {path} does not exist.")
    if path.suffix.lower() in (".parquet", ".pq"):
        raw = _read_parquet(path)
    elif path.suffix.lower() in (".csv", ".txt"):
        raw = _read_csv(path)
    else:
        raise DataError(f"{path} cannot be imported. Use a .csv or .parquet file.")
    if not missing:
        return raw
    words = set(missing)
    columns = {
        name: column.map(lambda value: None if isinstance(value, str) and value in words else value)
        for name, column in raw.frame.items()
    }
    frame = pd.DataFrame(columns, index=raw.frame.index, copy=False)
    return RawRows(frame, raw.rows, raw.source, raw.unreadable)


def concatenate(raws: list[RawRows]) -> RawRows:
    """Return the concatenated rows of several sources. A column that a source lacks is missing in its rows."""
    if len(raws) == 1:
        return raws[0]
    return RawRows(
        pd.concat([raw.frame for raw in raws], ignore_index=True),
        np.concatenate([raw.rows for raw in raws]),
        np.concatenate([raw.source for raw in raws]),
        [row for raw in raws for row in raw.unreadable],
    )


def _read_parquet(path: Path) -> RawRows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pq.read_table(path).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(
            f"{path} cannot be read as a Parquet file: {problem}. Write the file again, or check its permissions."
        ) from error
    return RawRows(frame, np.arange(1, len(frame) + 1), np.full(len(frame), path.name, dtype=object), [])


def _read_csv(path: Path) -> RawRows:
    unreadable: list[tuple[str, int, str, dict[str, str]]] = []
    lines: list[int] = []
    records: list[list[str]] = []
    has_invalid_utf8 = not _is_utf8(path)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        iterator = _iterate_records(csv.reader(_add_end_marker(file)), path)
        header_line, header = next(iterator, (0, []))
        if not any(name.strip() for name in header):
            raise DataError(f"{path} does not contain column names. Write them in the first line.")
        header = [name.strip() for name in header]
        duplicate = next((name for name, count in Counter(header).items() if name and count > 1), None)
        if duplicate is not None:
            raise DataError(
                f"{path}, line {header_line}: duplicate column {make_printable(duplicate)!r}. Rename or remove one."
            )
        for line, fields in iterator:
            if len(fields) != len(header):
                reason = f"row has {len(fields)} fields, but the header has {len(header)}"
            elif has_invalid_utf8 and any(REPLACEMENT in field for field in fields):
                reason = "row is not valid UTF-8"
            else:
                lines.append(line)
                records.append(fields)
                continue
            unreadable.append((path.name, line, reason, dict(zip(header, fields, strict=False))))
    frame = pd.DataFrame(records, columns=header, dtype=object)
    return RawRows(frame, np.array(lines, dtype=np.int64), np.full(len(frame), path.name, dtype=object), unreadable)


def _iterate_records(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, fields) of each record; blank lines are skipped."""
    begin = 1
    try:
        for fields in reader:
            if fields == [_END_MARKER]:
                return
            if fields and fields[-1].endswith(_END_MARKER):
                raise DataError(f"{path}, line {begin}: the quote that starts here is not closed. Close it.")
            if fields:
                yield begin, fields
            begin = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        raise DataError(f"{path}, line {begin}: {error}. Check the quotes.") from error


_END_MARKER = "\0 end of the file \0"


def _add_end_marker(file: Iterable[str]) -> Iterator[str]:
    """Yield the lines, then a marker line. If the marker ends up inside a field, a quote was not closed.

    Without the marker, `csv` would silently return all rows after that quote as one field.
    """
    yield from file
    yield _END_MARKER


def _is_utf8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True
