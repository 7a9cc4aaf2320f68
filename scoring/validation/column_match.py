"""Match of the columns of a frame with canonical columns."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from scoring.columns import FACTOR_TABLES, TABLES, Column, Table
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.text_normalisation import fold_text
from scoring.columns.types import NUMBER
from scoring.errors import DataError

__all__ = [
    "get_close_names",
    "get_columns",
    "get_table",
    "match_columns",
]


def get_table(name: str, board: Board = DEFAULT_BOARD) -> Table:
    """Return the table of this name, with the own columns of a board. Raise DataError if it does not exist."""
    if name not in TABLES:
        raise DataError(
            f"Table {name!r} does not exist. The tables are {', '.join(TABLES)}.", reason="unknown table", table=name
        )
    return board.table(name)


def get_columns(spec: Table, frame: pd.DataFrame) -> tuple[Column, ...]:
    """Return the canonical columns of a table; for a factor table, the frame determines the number of factors.

    Raises
    ------
    DataError: If factor columns are not f0…fN.
    """
    return _make_factor_columns(spec, frame) if spec.name in FACTOR_TABLES else spec.columns


def _make_factor_columns(spec: Table, frame: pd.DataFrame) -> tuple[Column, ...]:
    names = map(fold_text, map(str, frame.columns))
    numbers = sorted(int(name[1:]) for name in names if re.fullmatch(r"f(0|[1-9][0-9]*)", name))
    if not numbers or numbers != list(range(len(numbers))):
        raise DataError(
            f"{spec.name}: the factor columns must be f0, f1, … without a gap. Found {', '.join(map(str, frame))}.",
            reason="factor columns",
            table=spec.name,
        )
    return (*spec.columns, *(Column(f"f{n}", NUMBER, required=True) for n in numbers))


def match_columns(
    spec: Table, columns: Sequence[Column], frame: pd.DataFrame
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return canonical name → column of the frame, and the columns that are not used.

    Names are compared without case, invisible characters and differences in width. The canonical name has priority
    over aliases, and earlier aliases over later ones. An exact name has priority over one that differs in case.

    Raises
    ------
    DataError: If a required column is missing, or a used column is duplicated.
    """
    names = [str(name) for name in frame.columns]
    by_form = _group_headers(frame.columns)
    sources = {}
    for column in columns:
        name = _find_column(spec.name, column, by_form)
        if name is not None:
            sources[column.name] = name
        elif column.required:
            raise DataError(
                _describe_missing_column(spec, column, names),
                reason="missing column",
                table=spec.name,
                column=column.name,
            )
    used = set(map(str, sources.values()))
    return sources, tuple(name for name in names if name not in used)


def _group_headers(names: Iterable[str]) -> Mapping[str, list[str]]:
    """Return folded column name → names of the source."""
    by_form: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_form[fold_text(str(name))].append(name)
    return by_form


def _find_column(table: str, column: Column, headers: Mapping[str, list[str]]) -> str | None:
    """Return the name of the source column of a column; None if there is none. `headers`: of `_group_headers`.

    Raises
    ------
    DataError: If several source columns have that name.
    """
    accepted = next((name for name in (column.name, *column.aliases) if fold_text(name) in headers), None)
    if accepted is None:
        return None
    found = headers[fold_text(accepted)]
    exact = [name for name in found if name == accepted] or found
    if len(exact) > 1:
        raise DataError(
            f"{table}: duplicate column {accepted!r} ({', '.join(map(repr, exact))}). Keep one.",
            reason="duplicate column",
            table=table,
            column=accepted,
        )
    return exact[0]


def _describe_missing_column(spec: Table, column: Column, names: list[str]) -> str:
    accepted = [column.name, *column.aliases]
    close = get_close_names(accepted, names)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    aliases = f" (or {', '.join(column.aliases)})" if column.aliases else ""
    return f"{spec.name}: column {column.name}{aliases} is missing. The columns are {', '.join(names) or 'none'}.{hint}"


def get_close_names(wanted: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the names that are similar to a wanted name, the most similar first."""
    lower = {name.lower(): name for name in names}
    close = [lower[n] for word in wanted for n in difflib.get_close_matches(word.lower(), lower, n=2, cutoff=0.6)]
    return list(dict.fromkeys(close))
