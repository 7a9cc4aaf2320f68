"""Ranks of numeric job columns, for comparison with the intervals of users."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from scoring.array_types import Floats, Ints
from scoring.bundle.terms import KnownColumns
from scoring.model.terms import IntervalTerm, Value

__all__ = ["rank_known_numbers", "rank_numbers"]


def rank_known_numbers(values: Iterable[Value]) -> KnownColumns:
    """Return the ranks of the numbers of all intervals, so that a packer does not compute them."""
    known = KnownColumns()
    for term in (term for value in values for term in value.terms if isinstance(term, IntervalTerm)):
        numbers = term.number.values
        if id(numbers) not in known.ranks:
            known.sources.append(numbers)
            known.ranks[id(numbers)] = rank_numbers(numbers)
    return known


def rank_numbers(numbers: Floats) -> tuple[Floats, Ints]:
    """Return the distinct numbers, ascending, and (m,) int32 the rank of each number; -1 for NaN.

    Money has few distinct values: a hash table finds them in a tenth of the time of a sort and a binary search.
    """
    codes, distinct = pd.factorize(np.asarray(numbers, dtype=np.float64))  # NaN: -1
    order = np.argsort(distinct)
    rank_of_code = np.full(len(distinct) + 1, -1, dtype=np.int32)  # the last element serves code -1
    rank_of_code[order] = np.arange(len(distinct), dtype=np.int32)
    return distinct[order], rank_of_code[codes]
