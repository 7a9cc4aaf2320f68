"""Select the reader of a file or of a folder of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from scoring.errors import ConfigurationError, DataError
from scoring.importing.readers.delimited_text import read_delimited_text
from scoring.importing.readers.excel_sheet import list_sheets, read_excel
from scoring.importing.readers.json_lines import read_json
from scoring.importing.readers.parquet_file import read_parquet
from scoring.importing.readers.raw_rows import RawRows, concatenate
from scoring.importing.readers.source_options import SourceOptions, locate_option
from scoring.importing.readers.sql_query import hide_password, list_tables, read_duckdb, read_sql, read_sqlite
from scoring.importing.readers.text_encoding import open_binary
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["describe_source", "list_parts", "read_source"]


@dataclass(frozen=True)
class FileKind:
    """A kind of file: its name in messages, its suffixes, the options that it uses, and its reader.

    The reader gets the path, the name of the file in reports, and the options. It raises DataError if the file cannot
    be read as a whole; invalid rows are in the result.
    """

    name: str
    suffixes: tuple[str, ...]
    options: frozenset[str]
    read: Callable[[Path, str, SourceOptions], RawRows]


KINDS: Final = (
    FileKind(
        "text",
        (".csv", ".tsv", ".tab", ".txt", ".csv.gz", ".tsv.gz", ".tab.gz", ".txt.gz"),
        frozenset({"encoding", "delimiter", "header"}),
        read_delimited_text,
    ),
    FileKind("Excel", (".xlsx", ".xlsm"), frozenset({"sheet", "header"}), read_excel),
    FileKind(
        "JSON",
        (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz"),
        frozenset({"encoding"}),
        read_json,
    ),
    FileKind("Parquet", (".parquet", ".pq"), frozenset(), read_parquet),
    FileKind("SQLite", (".db", ".sqlite", ".sqlite3"), frozenset({"table", "query"}), read_sqlite),
    FileKind("DuckDB", (".duckdb", ".ddb"), frozenset({"table", "query"}), read_duckdb),
)
ADVICE: Final = {
    ".xls": "Save it as .xlsx.",
    ".ods": "Save it as .xlsx or .csv.",
    ".numbers": "Export it as .xlsx or .csv.",
    ".zip": "Unpack it first.",
}
SIGNATURES: Final = {
    b"PK\x03\x04": "Excel or zip. If it is a workbook, rename it to .xlsx; otherwise unpack it",
    b"\x1f\x8b": "gzip. Add .gz to its name",
    b"PAR1": "Parquet. Rename it to .parquet",
    b"SQLite format 3\0": "SQLite. Rename it to .db",
}
"""First bytes of a file that is not text → what it is, and what to do."""

NULL_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"


def read_source(location: Path | str, missing: tuple[str, ...] = (), options: SourceOptions | None = None) -> RawRows:
    """Return the rows of a file, of all files in a folder, or of a database. Texts in `missing` become missing values.

    A text that contains :// is the URL of a database; `${NAME}` in it, or instead of it, is an environment variable.

    In text files every value is text. A row with invalid bytes or a wrong number of fields is unreadable. In a folder,
    each part is a file; folders such as `month=2025-06` add the column `month`.

    Raises
    ------
    DataError: If the file does not exist, has no header or another format, or a quote is not closed.
    ConfigurationError: If an option is not an option of this kind of file, or one is missing.
    DatabaseError: If a database cannot be read. The message does not contain the password.
    MissingDependencyError: If a package for this kind of source is not installed.
    """
    options = options or SourceOptions()
    if _is_url(location):
        return read_sql(str(location), options.table or "query", options).clear(missing)
    path = expand_path(location)
    if path.is_dir():
        return _read_folder(path, options).clear(missing)
    if not path.is_file():
        if path.exists():
            raise DataError(
                f"{path} is not a regular file. Write its content to a file, and import that file.",
                reason="not a regular file",
                path=str(path),
            )
        raise DataError(f"The file {path} does not exist. Check the path.", reason="missing file", path=str(path))
    kind = _find_kind(path) or (KINDS[0] if _is_text(path) else None)
    if kind is None:
        raise DataError(
            f"{path} cannot be imported. {ADVICE.get(path.suffix.lower()) or _describe_kinds()}",
            reason="unknown format",
            path=str(path),
        )
    return _read_file(kind, path, path.name, options).clear(missing)


def list_parts(location: Path | str) -> list[SourceOptions]:
    """Return the options of each part of a source: the tables of a database, the sheets of a workbook, or one part.

    Errors are those of `read_source`.
    """
    if _is_url(location):
        return [SourceOptions(table=table) for table in list_tables(location)]
    path = expand_path(location)
    kind = _find_kind(path) if path.is_file() else None
    if kind is not None and kind.name == "SQLite":
        tables = list_tables(path)
        return [SourceOptions(table=table) for table in tables]
    if kind is not None and kind.name == "Excel" and len(sheets := list_sheets(path)) > 1:
        return [SourceOptions(sheet=sheet) for sheet in sheets]
    return [SourceOptions()]


def _is_url(location: Path | str) -> bool:
    return isinstance(location, str) and ("://" in location or location.startswith("${"))


def describe_source(location: Path | str, options: SourceOptions | None = None) -> str:
    """Return the name of a source in reports. It contains no password."""
    options = options or SourceOptions()
    parts = [hide_password(str(location)) if _is_url(location) else str(location)]
    if options.sheet is not None:
        parts.append(f"sheet {options.sheet}")
    if options.table is not None or options.query is not None:
        parts.append(f"table {options.table}" if options.table is not None else "query")
    return ", ".join(parts)


def _read_file(kind: FileKind, path: Path, name: str, options: SourceOptions) -> RawRows:
    for option in options.given:
        if option not in kind.options:
            kinds = " and ".join(other.name for other in KINDS if option in other.options)
            raise ConfigurationError(
                f"{path} is a {kind.name} file, but `{option}` is for {kinds} files. Remove {locate_option(option)}.",
                path=str(path),
                key=(option,),
            )
    if kind is KINDS[0] and not path.name.lower().endswith(".gz"):
        with open_binary(path) as file:
            head = file.read(16)
        found = next((text for signature, text in SIGNATURES.items() if head.startswith(signature)), None)
        if found is not None:
            raise DataError(
                f"{path} is not text, but {found}.",
                reason="unknown format",
                path=str(path),
                value=found.partition(".")[0],
            )
    return kind.read(path, name, options)


def _find_kind(path: Path) -> FileKind | None:
    name = path.name.lower()
    return next((kind for kind in KINDS if name.endswith(kind.suffixes)), None)


def _is_text(path: Path) -> bool:
    """Return whether a file with another suffix contains text. UTF-16 requires a suffix of text."""
    with open_binary(path) as file:
        head = file.read(4096)
    return bool(head.strip()) and b"\0" not in head and path.suffix.lower() not in ADVICE


def _describe_kinds() -> str:
    return f"Use a file that ends with {', '.join(suffix for kind in KINDS for suffix in kind.suffixes)}."


def _read_folder(folder: Path, options: SourceOptions) -> RawRows:
    """Return the rows of all parts, in the order of their paths. Files whose names begin with . or _ are not parts."""
    parts = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(piece.startswith((".", "_")) for piece in relative.parts):
            kind = _find_kind(path)
            if kind is None:
                raise DataError(
                    f"The folder {folder} contains {relative}, which cannot be imported. Remove the file.",
                    reason="unknown format",
                    path=str(path),
                )
            parts.append((kind, path, relative))
    if not parts:
        raise DataError(
            f"The folder {folder} does not contain a file to import. {_describe_kinds()}",
            reason="empty folder",
            path=str(folder),
        )
    first = parts[0]
    for kind, _, relative in parts:
        if kind is not first[0]:
            raise DataError(
                f"The folder {folder} contains files of several kinds, such as {first[2]} and {relative}. "
                "Keep one kind, or import them separately.",
                reason="several formats",
                path=str(folder),
                value=str(relative),
            )
    return concatenate([_read_part(*part, options) for part in parts])


def _read_part(kind: FileKind, path: Path, relative: Path, options: SourceOptions) -> RawRows:
    raw = _read_file(kind, path, str(relative), options)
    for piece in relative.parts[:-1]:
        name, equals, value = piece.partition("=")
        if equals and name not in raw.frame:
            raw.frame[name] = None if value == NULL_PARTITION else unquote(value)
    return raw
