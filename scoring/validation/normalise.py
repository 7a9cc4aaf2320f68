"""The door for frames: any DataFrame to the canonical columns and dtypes, or a refusal that names the rows.

`normalise` keeps the good rows and lists the refused ones with their reasons (for the importer's ledger);
`check` raises instead (for DataFrame arguments), and is fast where nothing is wrong.
Coercion is `scoring.columns.coercion`, the short way `scoring.validation.lazy_frame`; what a canonical frame must
satisfy is stated once, as pandera schemas derived from `scoring.columns.TABLES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from scoring.columns import ACTION_KINDS, Column, Kind, Table
from scoring.columns.coercion import Mask, beyond, coerce
from scoring.errors import DataError
from scoring.validation.column_matching import columns_of, sources_of, table_of
from scoring.validation.data_errors import Names, Problems, by_row, no_problems, refusal
from scoring.validation.lazy_frame import Checked, coerced_dtype, final, missing, read

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

__all__ = [
    "Normalised",
    "check",
    "check_references",
    "checked",
    "code_width",
    "examine",
    "normalise",
    "unknown_references",
]


@dataclass(frozen=True)
class Normalised:
    """What `normalise` gives.

    `frame`: the good rows, canonical columns and dtypes, RangeIndex. `rows`: (n,) the source row of each.
    `refused`: one row per refused source row: row, column, value (text), reason; by position in the source.
    `each`: one row per problem (a row may have several), its position `at` in front.
    `merged`: rows that repeat an action already there. `ignored`: columns that were not used.
    """

    frame: pd.DataFrame
    rows: np.ndarray
    refused: pd.DataFrame
    each: pd.DataFrame
    merged: int
    ignored: tuple[str, ...]

    @classmethod
    def clean(cls, frame: pd.DataFrame, ignored: tuple[str, ...] = ()) -> Self:
        """Of a canonical frame in which nothing is wrong."""
        none = no_problems()
        return cls(frame, np.arange(len(frame)), by_row(none), none, 0, ignored)


def normalise(
    table: str,
    frame: pd.DataFrame,
    *,
    code_width: Mapping[str, int | None] | None = None,
    source_rows: Names | None = None,
    unique: bool = True,
    problems: Problems | None = None,
) -> Normalised:
    """Canonical rows of a frame, and the refused ones.

    Parameters
    ----------
    code_width: code column → digits to pad whole numbers to (`code_width()` reads it off a reference table).
    source_rows: (n,) what to call the rows; the frame's index unless given.
    unique: False leaves rows that share a key alone (the importer makes several source rows one).
    problems: what is known to be wrong with its rows already.

    Raises
    ------
    DataError: a required column is missing, a column stands twice, or factor columns are not f0…fN.
    """
    spec, names = table_of(table), (frame.index if source_rows is None else source_rows)
    columns = columns_of(spec, frame)
    sources, ignored = sources_of(spec, columns, frame)
    widths = code_width or {}
    problems = problems or Problems(len(frame))
    out: dict[str, pd.Series] = {}
    for column in columns:
        source = sources.get(column.name)
        if source is None:
            out[column.name] = missing(column, len(frame))
            continue
        given = frame[source].reset_index(drop=True)
        coerced = coerce(column.kind, given, widths.get(column.name))
        out[column.name] = coerced.values
        for mask, reason in (*coerced.problems, *beyond(column, coerced.values)):
            problems.add(mask, column.name, given, reason)
    whole = pd.DataFrame(out, copy=False)
    problems.check(_schema(table, columns), whole)
    merged = np.zeros(len(frame), dtype=bool)
    if unique:
        merged = _repeated(spec, whole, problems)
    keep = np.flatnonzero(~problems.refused & ~merged)
    good = whole if len(keep) == len(whole) else whole.iloc[keep].reset_index(drop=True)
    for column in columns:
        good[column.name] = final(column, good[column.name])
    each = problems.each(names)
    return Normalised(good, keep, by_row(each), each, int(merged.sum()), ignored)


def examine(table: str, frame: pd.DataFrame, *, code_width: Mapping[str, int | None] | None = None) -> Normalised:
    """`normalise`, which is asked only where something may be wrong. Raises what it raises."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{table}: a pandas DataFrame is needed, not {type(frame).__name__}.")
    found = read(table, frame, code_width)
    if found is None:
        return normalise(table, frame, code_width=code_width)
    spec = table_of(table)
    _, ignored = sources_of(spec, columns_of(spec, frame), frame)
    return Normalised.clean(found.frame, ignored)


def check(table: str, frame: pd.DataFrame, *, code_width: Mapping[str, int | None] | None = None) -> pd.DataFrame:
    """The canonical frame of a DataFrame argument.

    Raises DataError that names table, columns, rows (by the frame's index) and values: the first few problems
    and how many there are. Repeated actions collapse to one without an error.
    """
    return checked(table, frame, code_width=code_width).frame


def checked(table: str, frame: pd.DataFrame, *, code_width: Mapping[str, int | None] | None = None) -> Checked:
    """The same, with columns that are made canonical when they are read. Raises what `check` raises."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{table}: a pandas DataFrame is needed, not {type(frame).__name__}.")
    found = read(table, frame, code_width)
    if found is not None:
        return found
    result = normalise(table, frame, code_width=code_width)
    if len(result.refused):
        raise refusal({table: result.each})
    return Checked.of(table, result.frame)


def code_width(codes: pd.Series) -> int | None:
    """The width of a reference table's codes where those are all digits of one width, else None."""
    texts = codes.dropna().astype(str)
    if not len(texts) or not texts.str.fullmatch(r"[0-9]+").all():
        return None
    widths = texts.str.len().unique()
    return int(widths[0]) if len(widths) == 1 else None


def unknown_references(actions: pd.DataFrame, users: pd.Index, jobs: pd.Index) -> pd.DataFrame:
    """Actions on users or jobs that are not there: row (position), column, value, reason; frames canonical."""
    return by_row(_unknown(actions, users, jobs))


def _unknown(actions: pd.DataFrame, users: pd.Index, jobs: pd.Index) -> pd.DataFrame:
    problems = Problems(len(actions))
    for name, known in (("user_id", users), ("job_id", jobs)):
        strange = ~actions[name].isin(known).to_numpy()
        problems.add(strange, name, actions[name], f"is no {name} of {name.removesuffix('_id')}s")
    return problems.each(np.arange(len(actions)))


def check_references(actions: pd.DataFrame, users: pd.DataFrame, jobs: pd.DataFrame) -> None:
    """Raises DataError naming the actions on users or jobs that are not there; frames canonical."""
    unknown = _unknown(actions, pd.Index(users["user_id"]), pd.Index(jobs["job_id"]))
    if len(unknown):
        raise refusal({"actions": unknown})


@lru_cache(maxsize=32)
def _schema(table: str, columns: tuple[Column, ...]) -> DataFrameSchema:
    """What the coerced columns of a table must satisfy, row by row."""
    import pandera.pandas as pandera

    checks: dict[str, pandera.Check] = {}
    for column in columns:
        if column.kind is Kind.NUMBER:
            checks[column.name] = pandera.Check(lambda values: ~np.isinf(values), error="is infinite")
    if table == "actions":
        checks["action"] = pandera.Check.isin(ACTION_KINDS, error=f"is none of {', '.join(ACTION_KINDS)}")
    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                coerced_dtype(column),
                checks=checks.get(column.name),
                nullable=not column.required,
            )
            for column in columns
        },
        ordered=True,
        strict=True,
    )


def _repeated(spec: Table, frame: pd.DataFrame, problems: Problems) -> Mask:
    """Among the sound rows: repeated actions and borders (merged), or rows whose key was there before (refused).

    Judged after all else, so that a refused row does not take its id away from a good one.
    """
    sound = np.flatnonzero(~problems.refused)
    keys = frame[list(spec.key)]
    repeated = np.zeros(len(frame), dtype=bool)
    repeated[sound] = (keys if len(sound) == len(frame) else keys.iloc[sound]).duplicated().to_numpy()
    if len(spec.key) > 1:
        return repeated
    problems.add(repeated, spec.key[0], frame[spec.key[0]], "stands there already in an earlier row")
    return np.zeros(len(frame), dtype=bool)
