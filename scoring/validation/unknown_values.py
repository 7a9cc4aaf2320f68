"""Values that no reference table and no rule of the model knows. They are valid, but score as if they were missing.

An unknown code matches only itself. Without a report, a whole column of them lowers every score in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns import SALARY_TYPES, TABLES
from scoring.columns.series_functions import to_arrow_texts
from scoring.errors import make_printable, pluralize

__all__ = ["REFERENCES", "UnknownValues", "find_unknown_values", "format_most_frequent"]

N_FREQUENT: Final = 3
"""Number of values that a report names."""

REFERENCES: Final = {
    ("jobs", "salary_type"): None,
    ("jobs", "prefecture_code"): "prefectures",
    ("jobs", "occupation_code"): "occupations",
    ("users", "prefecture_code"): "prefectures",
    ("users", "preferred_occupations"): "occupations",
}
"""Column → the reference table that knows its codes; None: the rules of the model."""


@dataclass(frozen=True)
class UnknownValues:
    """The unknown values of a column.

    Attributes
    ----------
    count: number of values, not of distinct values.
    most_frequent: value → count, the most frequent first; equal counts in the order of the values.
    known: the known values, in words.
    """

    table: str
    column: str
    count: int
    most_frequent: Mapping[str, int]
    known: str

    def describe(self) -> str:
        """Return a sentence without the table: `salary_type: 200 values are not hourly, …; most often '時給' (180)`."""
        first = f"'{make_printable(next(iter(self.most_frequent)), 40)}'"
        if self.count == 1:
            return f"{self.column} {first} is not {self.known}"
        if len(self.most_frequent) == 1:
            return f"{self.column}: {pluralize(self.count, 'value')} {first} are not {self.known}"
        often = format_most_frequent(self.most_frequent)
        return f"{self.column}: {pluralize(self.count, 'value')} are not {self.known}; most often {often}"

    def __str__(self) -> str:
        return f"{self.table}.{self.describe()}"


def format_most_frequent(counts: Mapping[str, int]) -> str:
    """Return the most frequent values with their counts; equal counts in the order of the values.

    Blank text is "no value".

    Example
    -------
    >>> format_most_frequent({"Osacka": 3, "Tokio": 120})
    "'Tokio' (120), 'Osacka' (3)"
    """
    first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:N_FREQUENT]
    quoted = ((f"'{make_printable(value, 40)}'" if value else "no value", count) for value, count in first)
    return ", ".join(f"{text} ({count:,})" for text, count in quoted)


def find_unknown_values(
    frames: Mapping[str, pd.DataFrame | Mapping[str, pd.Series]],
    references: Mapping[str, pd.DataFrame | Mapping[str, pd.Series]] | None = None,
) -> tuple[UnknownValues, ...]:
    """Return the unknown values of canonical frames, by table and column.

    Parameters
    ----------
    frames: the frames to search, or the columns of `REFERENCES`.
    references: the reference tables; None: those of `frames`. Without rows, a reference table is not compared with.
    """
    references = frames if references is None else references
    found = []
    if "jobs" in frames:
        words = list(SALARY_TYPES)
        texts = to_arrow_texts(frames["jobs"]["salary_type"])
        known = f"{', '.join(words[:-1])} or {words[-1]}"
        found.append(_count("jobs", "salary_type", _find_unknown(texts, pa.array(words, pa.large_string())), known))
    for (table, column), reference in REFERENCES.items():
        if reference is None or table not in frames or reference not in references:
            continue
        codes = references[reference][TABLES[reference].key[0]]
        if not len(codes):
            continue
        unknown = _find_unknown(_to_arrow(frames[table][column]), _to_arrow(codes))
        found.append(_count(table, column, unknown, f"in {reference}"))
    return tuple(values for values in found if values is not None)


def _to_arrow(column: pd.Series) -> pa.Array:
    if column.dtype == object:  # lists of integers
        return pa.array(np.fromiter(chain.from_iterable(column.tolist()), dtype=np.int64))
    if isinstance(column.dtype, pd.StringDtype):
        return to_arrow_texts(column)
    return pa.array(column, type=pa.int64(), from_pandas=True)


def _find_unknown(values: pa.Array, known: pa.Array) -> pa.Array:
    """Return the values, without missing ones, that are not among the known ones."""
    is_known = pc.is_in(values, value_set=known)
    if pc.sum(is_known).as_py() == len(values) - values.null_count:
        return values[:0]
    return values.filter(pc.and_(pc.is_valid(values), pc.invert(is_known)))


def _count(table: str, column: str, unknown: pa.Array, known: str) -> UnknownValues | None:
    if not len(unknown):
        return None
    counts = pc.value_counts(unknown)
    pairs: Sequence[tuple[object, int]] = list(
        zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    )
    pairs = sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))[:N_FREQUENT]
    return UnknownValues(table, column, len(unknown), {str(value): count for value, count in pairs}, known)
