"""The draft of a mapping as commented YAML."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from scoring.columns import TABLES
from scoring.columns.text_normalisation import normalise_text
from scoring.columns.types import ACTIVE, FLAG, NUMBER, TIME
from scoring.importing.mapping_draft.board_definition_draft import draft_settings, find_own_columns
from scoring.importing.mapping_draft.column_profile import ColumnProfile
from scoring.importing.mapping_draft.table_choice import ColumnDraft, SourceFile, TableDraft, choose_tables
from scoring.importing.readers import SourceOptions, read_source
from scoring.importing.readers.source_reader import list_parts
from scoring.importing.readers.text_encoding import guess_encoding, open_binary
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["draft_mapping"]

N_ROWS: Final = 200_000
"""Rows of a file that are examined."""

N_BYTES: Final = 1 << 20
"""Bytes of a text from which its encoding is guessed."""

_SUFFIXES: Final = re.compile(r"\.(csv|tsv|tab|txt|parquet|pq|xlsx|jsonl|ndjson)?(\.gz)?$", re.IGNORECASE)

HEAD: Final = """\
# A draft. Check each line, then import:
#   scoring import --map THIS_FILE --db board.db
# docs/mapping.md describes every key. The comments show the most frequent values."""


def draft_mapping(
    paths: Sequence[str | Path], options: SourceOptions | None = None, folder: str | Path | None = None
) -> str:
    """Return the draft of a mapping file for some files, as commented YAML.

    Parameters
    ----------
    paths: files, folders or URLs of databases. Each table of a database and each sheet of a workbook is a source.
    options: how to read every file; an encoding that they do not state is guessed.
    folder: the folder of relative paths; None for the current folder.

    Raises
    ------
    DataError: If a file cannot be read, or no file contains jobs.

    Example
    -------
    >>> draft = draft_mapping([folder / "jobs.csv", folder / "users.csv"])
    >>> "job_id: number" in draft
    True
    """
    stated = {} if options is None else options.given
    files: list[SourceFile] = []
    for path in map(str, paths):
        location = path if folder is None or _is_url(path) else str(expand_path(folder, "folder") / expand_path(path))
        parts = [SourceOptions()] if {"table", "query", "sheet"} & stated.keys() else list_parts(location)
        for part in parts:
            name = _make_name(part.table or part.sheet or path, [file.name for file in files])
            files.append(_read(path, location, name, part.given | stated))
    return "\n".join(_write(files, choose_tables(files))) + "\n"


def _make_name(text: str | int, taken: Sequence[str]) -> str:
    """Return a short name of a source that is not taken."""
    name = _SUFFIXES.sub("", normalise_text(Path(str(text)).name))
    stem = re.sub(r"[\W_]+", "_", name).strip("_").lower() or "source"
    numbered = (stem if number == 1 else f"{stem}_{number}" for number in count(1))
    return next(name for name in numbered if name not in taken)


def _is_url(path: str) -> bool:
    return "://" in path or path.startswith("${")


def _read(path: str, location: str, name: str, stated: Mapping[str, Any]) -> SourceFile:
    options = ({} if _is_url(path) else _guess_options(expand_path(location))) | dict(stated)
    frame = _drop_headers(read_source(location, options=SourceOptions(**options)).frame.iloc[:N_ROWS])
    profiles = {str(column): ColumnProfile.of(str(column), frame[column]) for column in frame.columns}
    unclear = {word for profile in profiles.values() for word in profile.unclear}
    for profile in [profile for profile in profiles.values() if unclear.intersection(profile.missing)]:
        # `missing` applies to all columns of a source: a word that is a value of a column cannot be in it
        profiles[profile.name] = ColumnProfile.of(profile.name, frame[profile.name], unclear)
    return SourceFile(name, _hide_password(path), options, frame, profiles)


def _drop_headers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that do not repeat the header, whose words would become values."""
    is_header = np.logical_and.reduce([frame[name].isin([name]).to_numpy(dtype=bool) for name in frame.columns])
    return frame[~is_header].reset_index(drop=True) if is_header.any() else frame


def _hide_password(path: str) -> str:
    """Return a path as it is, and a URL with an environment variable in place of its password."""
    return re.sub(r"(://[^:/@]*):(?!\$\{)[^@/]*@", r"\1:${PASSWORD}@", path) if _is_url(path) else path


def _guess_options(path: Path) -> dict[str, Any]:
    """Return the encoding of a text file that is not UTF-8."""
    if not path.is_file():
        return {}
    with open_binary(path) as file:
        head = file.read(N_BYTES)
    if b"\0" in head or head.startswith(b"PK"):  # not text, or text in UTF-16, which states its encoding
        return {}
    try:
        head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        guess = guess_encoding(head[: head.rfind(b"\n") + 1 or None])
        return {} if guess is None else {"encoding": guess}
    return {}


def _write(files: Sequence[SourceFile], tables: Sequence[TableDraft]) -> Iterator[str]:
    yield HEAD
    if settings := draft_settings(files, tables):
        hint = "; add currency: NAME for labels of money" if "currency" not in settings else ""
        yield f"board: {_dump_flow(settings)}  # none: without Japan's regions and occupations{hint}"
    yield "sources:"
    for file in files:
        options = {key: list(value) if isinstance(value, tuple) else value for key, value in file.options.items()}
        keys = {"url" if _is_url(file.path) else "file": file.path, **options}
        if file.missing:
            keys["missing"] = list(file.missing)
        yield f"  {file.name}: {_dump_flow(keys)}"
    used: dict[str, set[str]] = {file.name: set() for file in files}
    for table in tables:
        _mark_all_used(table, used)
    own = find_own_columns(tables, used)
    yield "tables:"
    for table in tables:
        yield ""
        yield from _write_table(table, own.get(table.table, {}))
    for columns in own.values():
        for file in files:
            used[file.name].update(profile.name for _, profile in columns.values() if profile in file.profiles.values())
    for file in files:
        unused = [profile for name, profile in file.profiles.items() if name not in used[file.name]]
        if unused:
            yield ""
            yield f"# Columns of {file.path} that are not used:"
            yield from (f"#   {profile.name}: {profile.describe()}" for profile in unused)


def _write_table(draft: TableDraft, own: Mapping[str, tuple[ColumnDraft, ColumnProfile]]) -> Iterator[str]:
    yield f"  {draft.table}:"
    yield from (f"    # {note}" for note in draft.notes)
    names = [file.name for file in draft.sources]
    yield f"    from: {names[0] if len(names) == 1 else _dump_flow(names)}"
    if draft.replace:
        yield "    replace: true"
    if draft.one_row_per is not None:
        yield f"    one_row_per: {draft.one_row_per}"
    by_name: list[str] = []
    lines: list[tuple[str, str]] = []
    for target, column in draft.columns.items():
        if column.source in _list_accepted_names(draft.table, target) and not column.keys:
            by_name.append(str(column.source))
            continue
        profile = _find_profile(draft, column)
        with_odd = TABLES[draft.table].column(target).type in (NUMBER, TIME, FLAG, ACTIVE)
        notes = [*column.notes, *([profile.describe(with_odd=with_odd)] if profile is not None else [])]
        lines.append((f"      {target}: {_format_column(column)}", "; ".join(notes)))
    if by_name:
        text = f"found by name: {', '.join(by_name)}"
        yield from textwrap.wrap(text, 116, initial_indent="    # ", subsequent_indent="    #   ")
    if lines:
        yield "    columns:"
        yield from _align(lines)
    if own:
        entries = [
            (f"{name}: {_format_own(name, column)}", _describe(column, profile))
            for name, (column, profile) in own.items()
        ]
        indent = "      # " if lines else "    #   "
        if lines:
            yield '      # Own columns: remove "# " from a line to keep the column'
        else:
            yield '    # Own columns: remove "# " from these lines to keep the columns'
            yield "    # columns:"
        yield from _align([(f"{indent}{line}", comment) for line, comment in entries])


def _align(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield lines with their comments in one column."""
    width = min(max(len(line) for line, _ in lines), 60)
    for line, comment in lines:
        yield f"{line:<{width}}  # {comment}" if comment else line


def _describe(column: ColumnDraft, profile: ColumnProfile) -> str:
    return "; ".join([*column.notes, profile.describe()])


def _format_own(name: str, column: ColumnDraft) -> str:
    source = {} if column.source == name else {"from": column.source}
    return _dump_flow({**source, **column.keys})


def _mark_all_used(draft: TableDraft, used: Mapping[str, set[str]]) -> None:
    """Mark the source columns of a table as used."""
    for column in draft.columns.values():
        _mark_used(draft, column, used)
    if not draft.columns:  # a reference table whose columns have the canonical names
        for file in draft.sources:
            used[file.name].update(file.profiles)


def _mark_used(draft: TableDraft, column: ColumnDraft, used: Mapping[str, set[str]]) -> None:
    unit = column.keys.get("per")
    names = {column.source, unit["from"] if isinstance(unit, dict) else None} - {None}
    for file in draft.sources:
        used[file.name].update(map(str, names))


def _find_profile(draft: TableDraft, column: ColumnDraft) -> ColumnProfile | None:
    profiles = [file.profiles[column.source] for file in draft.sources if column.source in file.profiles]  # type: ignore[index]
    return profiles[0] if profiles else None


def _list_accepted_names(table: str, target: str) -> tuple[str, ...]:
    spec = TABLES[table].column(target)
    return (spec.name, *spec.aliases)


def _format_column(column: ColumnDraft) -> str:
    if column.source is None:
        return _dump_flow(column.keys)
    return _dump_flow({"from": column.source, **column.keys}) if column.keys else _dump_flow(column.source)


def _dump_flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...").strip()
