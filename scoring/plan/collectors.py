"""What the terms of one kind come to, as arrays: terms are added one by one, and say where they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints
from scoring.errors import ModelError
from scoring.model.terms import DotTerm, Flags, FlagTerm, IntervalTerm, JobTerm, Key, LookupTerm, Number, UserTerm

__all__ = ["Columns", "Dots", "FlagTables", "Intervals", "Lookups", "Vectors"]

Vectors = tuple[NDArray[np.float32], NDArray[np.float32]]
"""`user_vector` and `job_vector` of a program."""

_TURNED_AT_ONCE = 512
"""Jobs whose vectors are turned at a time: 64 KB at 32 dimensions, which a core's cache holds."""


class Lookups:
    """Collects lookup terms; tables lie one behind the other, terms with the same key share its codes."""

    def __init__(self, n_users: int, n_jobs: int) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.keys: dict[str, int] = {}
        self.codes: list[Ints] = []
        self.terms: list[LookupTerm] = []

    def add(self, term: LookupTerm) -> int:
        codes = self._codes(term.key)
        if term.key.name not in self.keys:
            self.keys[term.key.name] = len(self.codes)
            self.codes.append(codes)
        _check_same(term.key.name, self.codes[self.keys[term.key.name]], codes)
        self.terms.append(term)
        return len(self.terms) - 1

    @staticmethod
    def _codes(key: Key) -> Ints:
        """A missing code becomes the last column of a table."""
        return np.where(key.codes < 0, key.size, key.codes).astype(np.int32)

    def arrays(self) -> dict[str, NDArray]:
        tables = [np.ascontiguousarray(term.rows, dtype=np.float64).ravel() for term in self.terms]
        sizes = np.array([len(table) for table in tables], dtype=np.int64)
        width = [term.rows.shape[1] for term in self.terms]
        rows = [
            np.where(term.row_of < 0, len(term.rows) - 1, term.row_of)  # -1 is the last row, as in NumPy
            for term in self.terms
        ]
        start = np.zeros((len(self.terms), self.n_users + 1), dtype=np.int64)
        code, value, before = [], [], 0
        for slot, term in enumerate(self.terms):
            if term.entries is not None and term.gains is not None:
                start[slot] = term.entries.start
                code.append(term.entries.values)
                value.append(term.gains)
            start[slot] += before
            before = int(start[slot, -1])
        return {
            "key_code": _stack(self.codes, np.int32, self.n_jobs),
            "lookup_key": np.array([self.keys[term.key.name] for term in self.terms], dtype=np.int32),
            "lookup_width": np.array(width, dtype=np.int32),
            "lookup_table": np.cumsum(sizes) - sizes,
            "lookup_row": _stack(rows, np.int32, self.n_users),
            "lookup_values": _flat(tables, np.float64),
            "entry_start": start,
            "entry_code": _flat(code, np.int32),
            "entry_value": _flat(value, np.float64),
        }


class Intervals:
    """Collects interval terms; numbers become ranks, so that comparing is exact in any width."""

    def __init__(self, n_users: int, n_jobs: int, known: Sequence[Ints]) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.known = known
        self.numbers: dict[str, int] = {}
        self.columns: list[Floats] = []
        self.sorted: list[Floats] = []
        self.ranks: list[Ints] = []
        self.rows: list[tuple[int, Ints, Ints, Floats]] = []

    def add(self, term: IntervalTerm) -> int:
        number = self._number(term.number)
        values = self.sorted[number]
        low, high = (np.searchsorted(values, bound, side="left").astype(np.int32) for bound in (term.low, term.high))
        nothing = np.isnan(term.low) | np.isnan(term.high)
        low[nothing], high[nothing] = len(values), 0
        self.rows.append((number, low, high, np.asarray(term.gain, dtype=np.float64)))
        return len(self.rows) - 1

    def _number(self, number: Number) -> int:
        if number.name not in self.numbers:
            place = self.numbers[number.name] = len(self.sorted)
            values, rank = (_by_rank(number.values, self.known[place]) if place < len(self.known) else None) or _ranked(
                number.values
            )
            self.sorted.append(values)
            self.ranks.append(rank)
            self.columns.append(number.values)
        _check_same(number.name, self.columns[self.numbers[number.name]], number.values)
        return self.numbers[number.name]

    def arrays(self) -> dict[str, NDArray]:
        number, low, high, gain = zip(*self.rows, strict=True) if self.rows else ((), (), (), ())
        return {
            "number_rank": _stack(self.ranks, np.int32, self.n_jobs),
            "interval_number": np.array(number, dtype=np.int32),
            "interval_low": _stack(low, np.int32, self.n_users),
            "interval_high": _stack(high, np.int32, self.n_users),
            "interval_gain": _stack(gain, np.float64, self.n_users),
        }


def _ranked(numbers: Floats) -> tuple[Floats, Ints]:
    """The different numbers, ascending; and (m,) the place of each among them, -1 for NaN."""
    missing = np.isnan(numbers)
    values = np.unique(numbers[~missing])
    rank = np.searchsorted(values, numbers).astype(np.int32)
    rank[missing] = -1
    return values, rank


def _by_rank(numbers: Floats, rank: Ints) -> tuple[Floats, Ints] | None:
    """The same with ranks that another program has, in a tenth of the time; None where they are not these numbers'."""
    if rank.shape != numbers.shape:
        return None
    there = rank >= 0
    values = np.full(int(rank.max(initial=-1)) + 1, np.nan)
    values[rank[there]] = numbers[there]
    right = (
        np.array_equal(there, ~np.isnan(numbers))
        and bool((values[1:] > values[:-1]).all())  # none is left NaN: every rank is there
        and np.array_equal(values[rank[there]], numbers[there])
    )
    return (values, rank) if right else None


class FlagTables:
    """Collects flag terms; terms with the same flags share their bits."""

    def __init__(self, n_users: int, n_jobs: int) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.sets: dict[str, int] = {}
        self.bits: list[NDArray[np.uint16]] = []
        self.terms: list[FlagTerm] = []

    def add(self, term: FlagTerm) -> int:
        self._set(term.flags)
        self.terms.append(term)
        return len(self.terms) - 1

    def _set(self, flags: Flags) -> None:
        if flags.name not in self.sets:
            self.sets[flags.name] = len(self.bits)
            self.bits.append(flags.bits)
        _check_same(flags.name, self.bits[self.sets[flags.name]], flags.bits)

    def arrays(self) -> dict[str, NDArray]:
        tables = [np.ascontiguousarray(term.rows, dtype=np.float64).ravel() for term in self.terms]
        sizes = np.array([len(table) for table in tables], dtype=np.int64)
        return {
            "flag_bits": _stack(self.bits, np.uint16, self.n_jobs),
            "flag_set": np.array([self.sets[term.flags.name] for term in self.terms], dtype=np.int32),
            "flag_width": np.array([term.rows.shape[1] for term in self.terms], dtype=np.int32),
            "flag_table": np.cumsum(sizes) - sizes,
            "flag_row": _stack([term.row_of for term in self.terms], np.int32, self.n_users),
            "flag_values": _flat(tables, np.float64),
        }


class Dots:
    """Collects dot terms; all their dimensions lie side by side, a dimension of all jobs in one row."""

    def __init__(self, n_users: int, n_jobs: int) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.terms: list[DotTerm] = []

    def add(self, term: DotTerm) -> int:
        self.terms.append(term)
        return len(self.terms) - 1

    def arrays(self, vectors: Vectors | None) -> dict[str, NDArray]:
        dimensions = [term.users.shape[1] for term in self.terms]
        if vectors is None:
            vectors = self._user_vector(), self._job_vector(sum(dimensions))
        return {
            "dot_start": np.cumsum([0, *dimensions]).astype(np.int32),
            "dot_scale": np.array([term.scale for term in self.terms], dtype=np.float64),
            "dot_shift": np.array([term.shift for term in self.terms], dtype=np.float64),
            "dot_otherwise": _stack([term.otherwise for term in self.terms], np.float64, self.n_users),
            "dot_user_has": _stack([term.user_has for term in self.terms], np.bool_, self.n_users),
            "dot_job_has": _stack([term.job_has for term in self.terms], np.bool_, self.n_jobs),
            "user_vector": vectors[0],
            "job_vector": vectors[1],
        }

    def _user_vector(self) -> NDArray[np.float32]:
        """(n_users, dimensions)"""
        none = np.zeros((self.n_users, 0), dtype=np.float32)  # of float64, all would be made float64 on the way
        return np.ascontiguousarray(np.concatenate([none, *(term.users for term in self.terms)], axis=1), np.float32)

    def _job_vector(self, dimensions: int) -> NDArray[np.float32]:
        """(dimensions, n_jobs), a few jobs at a time: turned as a whole it takes four times as long."""
        result = np.empty((dimensions, self.n_jobs), dtype=np.float32)
        for first in range(0, self.n_jobs, _TURNED_AT_ONCE):
            some = slice(first, first + _TURNED_AT_ONCE)
            row = 0
            for term in self.terms:
                result[row : row + term.jobs.shape[1], some] = term.jobs[some].T
                row += term.jobs.shape[1]
        return result


class Columns:
    """Collects terms of a job or of a user alone."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.rows: list[Floats] = []

    def add(self, term: JobTerm | UserTerm) -> int:
        self.rows.append(np.asarray(term.values, dtype=np.float64))
        return len(self.rows) - 1

    def array(self) -> NDArray:
        return _stack(self.rows, np.float64, self.length)


def _check_same(name: str, first: NDArray, second: NDArray) -> None:
    if first is not second and not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
        raise ModelError(f"two terms call different columns of the jobs {name!r}; give one of them another name.")


def _stack(rows: Sequence[NDArray], dtype: type, length: int) -> NDArray:
    """(len(rows), length), also for no rows."""
    result: NDArray = np.empty((len(rows), length), dtype=dtype)
    for place, row in enumerate(rows):
        if row.shape != (length,):
            raise ModelError(f"a term has an array of shape {row.shape} where ({length},) is needed.")
        result[place] = row
    return result


def _flat(arrays: Sequence[NDArray], dtype: type) -> NDArray:
    return np.concatenate([np.empty(0, dtype=dtype), *arrays]).astype(dtype, copy=False)
