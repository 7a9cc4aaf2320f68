"""Integer codes of values. A value has the same code in every table, and keeps it when a request adds values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs
from scoring.columns.dataset_frames import Tables
from scoring.columns.dictionary_column import DictionaryColumn
from scoring.dataset.lazy_fields import Lazy
from scoring.validation.lazy_columns import ValidatedFrame

__all__ = [
    "MISSING",
    "Vocabularies",
    "Vocabulary",
    "collect_vocabularies",
    "combine_places",
    "encode_places",
    "extend_lazily",
    "extend_vocabularies",
]


MISSING = -1
"""The code of a missing value."""
MAX_PLACES = 1_000_000
"""Pairs of a prefecture and a city up to which a table of all pairs is faster than a hash table."""

SHORT: Final = 1_000
"""Rows of a column whose values are not made distinct before they are joined with those of other columns."""


class Vocabulary:
    """Values ↔ codes 0…n-1. Codes are not ordered by value; -1 is missing or unknown."""

    def __init__(self, values: pd.Index) -> None:
        self.values = values

    @classmethod
    def of(cls, *columns: pd.Series) -> Self:
        """Return the vocabulary of all values of the columns, sorted, so that it does not depend on the row order."""
        if not columns:
            return cls(pd.Index([]))
        # pandas needs more time for each step on a short column than for its values
        parts = [column if len(column) < SHORT else pd.Series(column.dropna().unique()) for column in columns]
        values = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        return cls(pd.Index(values.dropna().unique()).sort_values())

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def code_of(self) -> dict[Any, int]:
        """Value → its code."""
        return {value: code for code, value in enumerate(self.values.tolist())}

    @cached_property
    def order(self) -> Longs:
        """(n + 1,) the rank of each code's value; the last entry is for a missing value, which is last.

        Codes do not have the order of their values if rows added values to the vocabulary of a basis.
        """
        ranks = np.empty(len(self.values) + 1, dtype=np.int64)
        ranks[self.values.argsort()] = np.arange(len(self.values))
        ranks[-1] = len(self.values)
        return ranks

    def codes(self, column: pd.Series | DictionaryColumn) -> Ints:
        """Return (n,) int32 codes; -1 for missing and unknown values."""
        coded = column if isinstance(column, DictionaryColumn) else DictionaryColumn.of(column)
        if not len(self.values):
            return np.full(len(coded.place), MISSING, dtype=np.int32)
        codes_of_values = np.append(self._find_codes(coded.values), MISSING).astype(np.int32)
        return np.asarray(codes_of_values[coded.place], dtype=np.int32)

    def extend(self, column: pd.Series | DictionaryColumn) -> Vocabulary:
        """Return the vocabulary with the new values of a column appended. Existing values keep their codes."""
        coded = column if isinstance(column, DictionaryColumn) else DictionaryColumn.of(column)
        values = coded.values
        if len(self.values):
            unknown = self._find_codes(values) < 0
            if not unknown.any():
                return self
            values = values[unknown]
        new = pd.Index(values.dropna().unique())
        if not len(new):
            return self
        return Vocabulary(self.values.append(new.sort_values()) if len(self.values) else new.sort_values())

    def _find_codes(self, values: pd.Series) -> NDArray[np.intp]:
        if values.dtype != self.values.dtype:
            values = values.astype(self.values.dtype)
        return self.values.get_indexer(pd.Index(values))

    def value(self, code: int) -> Any:
        """Return the value of a code; None for -1."""
        return None if code < 0 else self.values[code]


@dataclass(frozen=True)
class Vocabularies:
    """One vocabulary per kind of code."""

    prefecture: Vocabulary
    city: Vocabulary
    place: Vocabulary
    occupation: Vocabulary
    major: Vocabulary
    company: Vocabulary
    major_of: pd.Series  # occupation value → major value, from the occupations table

    def majors(self) -> Ints:
        """Return (n_occupations,) the code of each occupation's major group; -1 if unknown."""
        return self._majors.copy()

    def equals(self, other: Vocabularies) -> bool:
        """Return whether every value has the same code, and every occupation the same major group, in both."""
        names = ("prefecture", "city", "place", "occupation", "major", "company")
        pairs = ((getattr(self, name).values, getattr(other, name).values) for name in names)
        return all(first.equals(second) for first, second in pairs) and self.major_of.equals(other.major_of)

    @cached_property
    def _majors(self) -> Ints:
        return self._find_majors()

    def _find_majors(self) -> Ints:
        majors = self.major_of.reindex(self.occupation.values).reset_index(drop=True)
        return self.major.codes(majors)


def combine_places(prefecture: Ints, city: Ints) -> pd.Series:
    """Return (n,) one integer per (prefecture, city), because city codes may repeat between prefectures.

    It is missing if the prefecture or the city is missing.
    """
    known = (prefecture >= 0) & (city >= 0)
    places = (prefecture.astype(np.int64) << 32) | city.astype(np.int64)
    return pd.Series(pd.arrays.IntegerArray(np.where(known, places, 1), ~known), copy=False)


def encode_places(prefecture: Ints, city: Ints) -> DictionaryColumn:
    """Return `DictionaryColumn.of(combine_places(prefecture, city))` from a table of all pairs, if the table is small.

    The distinct values are in ascending order.
    """
    n_cities = int(city.max(initial=MISSING)) + 1
    n_places = (int(prefecture.max(initial=MISSING)) + 1) * n_cities
    if n_places > MAX_PLACES:
        return DictionaryColumn.of(combine_places(prefecture, city))
    known = (prefecture >= 0) & (city >= 0)
    cell = np.where(known, prefecture * np.int64(n_cities) + city, n_places)  # the last cell: missing
    place_of_cell = np.zeros(n_places + 1, dtype=np.int64)
    place_of_cell[cell] = 1
    distinct = np.flatnonzero(place_of_cell[:-1])
    place_of_cell[distinct], place_of_cell[-1] = np.arange(len(distinct)), MISSING
    values = (distinct // max(n_cities, 1) << 32) | distinct % max(n_cities, 1)
    return DictionaryColumn(pd.Series(values, dtype="Int64"), place_of_cell[cell])


def flatten_lists(column: pd.Series) -> pd.Series:
    """Return the concatenated values of a column of lists."""
    return pd.Series([value for row in column for value in row], dtype="int64")


def collect_vocabularies(tables: Tables) -> Vocabularies:
    """Return the vocabularies of all codes in the tables."""
    jobs, users, adjacency = tables.jobs, tables.users, tables.prefecture_adjacency
    prefecture = Vocabulary.of(
        tables.prefectures["prefecture_code"],
        adjacency["prefecture_code"],
        adjacency["adjacent_code"],
        jobs["prefecture_code"],
        users["prefecture_code"],
    )
    city = Vocabulary.of(jobs["city_code"], users["city_code"])
    places = [
        combine_places(prefecture.codes(frame["prefecture_code"]), city.codes(frame["city_code"]))
        for frame in (jobs, users)
    ]
    occupation = Vocabulary.of(
        tables.occupations["occupation_code"].astype("Int64"),
        jobs["occupation_code"],
        flatten_lists(users["preferred_occupations"]).astype("Int64"),
    )
    major_of = tables.occupations.set_index("occupation_code")["major_code"]
    return Vocabularies(
        prefecture=prefecture,
        city=city,
        place=Vocabulary.of(*places),
        occupation=occupation,
        major=Vocabulary.of(tables.occupations["major_code"]),
        company=Vocabulary.of(jobs["company_id"]),
        major_of=major_of.astype("Int64"),
    )


class _LazyVocabularies(Lazy, Vocabularies):
    """Vocabularies that are extended at first access."""

    _original: Vocabularies

    def _find_majors(self) -> Ints:
        known = self.occupation is self._original.occupation
        return self._original.majors() if known else super()._find_majors()


def extend_lazily(words: Vocabularies, jobs: ValidatedFrame, users: pd.DataFrame | None = None) -> Vocabularies:
    """Return `extend_vocabularies(words, jobs.frame, users)`, with each vocabulary computed at first access."""

    def extend(name: str, column: str) -> Vocabulary:
        known: Vocabulary = getattr(words, name)
        extended = known.extend(jobs.get_dictionary(column))
        return extended if users is None or column not in users else extended.extend(users[column])

    def occupation() -> Vocabulary:
        extended = extend("occupation", "occupation_code")
        if users is None:
            return extended
        return extended.extend(flatten_lists(users["preferred_occupations"]).astype("Int64"))

    def place() -> Vocabulary:
        prefecture, city = jobs.get_dictionary("prefecture_code"), jobs.get_dictionary("city_code")
        extended = words.place.extend(encode_places(lazy.prefecture.codes(prefecture), lazy.city.codes(city)))
        if users is None:
            return extended
        codes = lazy.prefecture.codes(users["prefecture_code"]), lazy.city.codes(users["city_code"])
        return extended.extend(combine_places(*codes))

    lazy = _LazyVocabularies.from_makers(
        {
            "prefecture": lambda: extend("prefecture", "prefecture_code"),
            "city": lambda: extend("city", "city_code"),
            "place": place,
            "occupation": occupation,
            "company": lambda: extend("company", "company_id"),
        },
        major=words.major,
        major_of=words.major_of,
        _original=words,
    )
    return lazy


def extend_vocabularies(words: Vocabularies, jobs: pd.DataFrame | None, users: pd.DataFrame | None) -> Vocabularies:
    """Return the vocabularies with the new values of a request's rows. Known values keep their codes."""
    prefecture, city, place, occupation, company = (
        words.prefecture,
        words.city,
        words.place,
        words.occupation,
        words.company,
    )
    for frame in (jobs, users):
        if frame is not None:
            prefecture = prefecture.extend(frame["prefecture_code"])
            city = city.extend(frame["city_code"])
            places = combine_places(prefecture.codes(frame["prefecture_code"]), city.codes(frame["city_code"]))
            place = place.extend(places)
    if jobs is not None:
        occupation = occupation.extend(jobs["occupation_code"])
        company = company.extend(jobs["company_id"])
    if users is not None:
        occupation = occupation.extend(flatten_lists(users["preferred_occupations"]).astype("Int64"))
    extended = {
        "prefecture": prefecture,
        "city": city,
        "place": place,
        "occupation": occupation,
        "company": company,
    }
    if all(getattr(words, name) is vocabulary for name, vocabulary in extended.items()):
        return words
    return Vocabularies(**extended, major=words.major, major_of=words.major_of)
