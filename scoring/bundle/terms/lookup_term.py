"""Terms with the value in the user's row at the job's code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.bundle.program import LOOKUP, Program
from scoring.bundle.terms.term_kind import (
    KeyedKind,
    KnownColumns,
    Packer,
    ReusableArrays,
    TermCheck,
    concatenate,
    require_same_column,
    stack,
)
from scoring.ragged_array import Ragged

__all__ = ["Key", "LookupKind", "LookupTerm", "lookup_rows"]


@dataclass(frozen=True, eq=False)
class Key:
    """A categorical column of the jobs: (m,) codes below `size`, -1 missing. Terms with equal names share it.

    Example
    -------
    >>> level = Key("level", np.array([0, 1, -1]), size=2)
    """

    name: str
    codes: Ints
    size: int


@dataclass(frozen=True, eq=False)
class LookupTerm:
    """`rows[row_of[u], key.codes[j]]`, unless the user has an entry for that code.

    `rows` is (r, key.size + 1) float64; the last column is the value for a missing code. `row_of` is (n,).
    Entries are sparse exceptions: for user u, the codes `entries[u]` have the values in `gains`, one per entry.

    Example
    -------
    >>> level = Key("level", np.array([0, 1, -1]), size=2)
    >>> rows = np.array([[100.0, 0.0, 50.0], [0.0, 100.0, 50.0]])  # the last column: a missing level
    >>> same_level = LookupTerm(level, rows, row_of=np.array([1, 0]))
    >>> same_level.rows[same_level.row_of[0], level.codes].tolist()  # values of user 0
    [0.0, 100.0, 50.0]
    """

    key: Key
    rows: Floats
    row_of: Ints
    entries: Ragged | None = None
    gains: Floats | None = None

    @classmethod
    def sparse(cls, key: Key, entries: Ragged, gain: float) -> LookupTerm:
        """Return a term of value `gain` for the codes in the user's entries, and 0 for other and missing codes."""
        n_users = len(entries)
        return cls(
            key,
            rows=np.zeros((1, key.size + 1)),
            row_of=np.zeros(n_users, dtype=np.int32),
            entries=entries,
            gains=np.full(len(entries.values), gain),
        )


class _Lookups:
    """Packs lookup terms: concatenated tables; terms with the same key share its codes."""

    def __init__(self, n_users: int, n_jobs: int, known: KnownColumns) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.known = known
        self.keys: dict[str, int] = {}
        self.codes: list[Ints] = []
        self.terms: list[LookupTerm] = []

    def add(self, term: LookupTerm) -> int:
        codes = self.known.codes.get((id(term.key.codes), term.key.size))
        if codes is None:  # a missing code becomes the last column of a table
            codes = np.where(term.key.codes < 0, term.key.size, term.key.codes).astype(np.int32)
        if term.key.name not in self.keys:
            self.keys[term.key.name] = len(self.codes)
            self.codes.append(codes)
        require_same_column(term.key.name, self.codes[self.keys[term.key.name]], codes)
        self.terms.append(term)
        return len(self.terms) - 1

    def arrays(self) -> dict[str, NDArray]:
        tables = [np.ascontiguousarray(term.rows, dtype=np.float64).ravel() for term in self.terms]
        sizes = np.array([len(table) for table in tables], dtype=np.int64)
        width = [term.rows.shape[1] for term in self.terms]
        rows = [
            np.where(term.row_of < 0, len(term.rows) - 1, term.row_of)  # -1 is the last row, as in NumPy
            for term in self.terms
        ]
        start = np.zeros((len(self.terms), self.n_users + 1), dtype=np.int64)
        code, value, offset = [], [], 0
        for slot, term in enumerate(self.terms):
            if term.entries is not None and term.gains is not None:
                start[slot] = term.entries.start
                code.append(term.entries.values)
                value.append(term.gains)
            start[slot] += offset
            offset = int(start[slot, -1])
        return {
            "key_code": stack(self.codes, np.int32, self.n_jobs),
            "lookup_key": np.array([self.keys[term.key.name] for term in self.terms], dtype=np.int32),
            "lookup_width": np.array(width, dtype=np.int32),
            "lookup_table": np.cumsum(sizes) - sizes,
            "lookup_row": stack(rows, np.int32, self.n_users),
            "lookup_values": concatenate(tables, np.float64),
            "entry_start": start,
            "entry_code": concatenate(code, np.int32),
            "entry_value": concatenate(value, np.float64),
        }


class LookupKind(KeyedKind[LookupTerm]):
    """See `LookupTerm`."""

    code, term = LOOKUP, LookupTerm

    def check(self, term: LookupTerm, check: TermCheck) -> None:
        size = term.key.size
        check.require_shape("key.codes", term.key.codes, (check.n_jobs,))
        check.require_range("key.codes", term.key.codes, -1, size)
        check.require_shape("rows", term.rows, (len(term.rows), size + 1))  # the last column is for a missing code
        check.require_finite("rows", term.rows)
        check.require_shape("row_of", term.row_of, (check.n_users,))
        check.require_range("row_of", term.row_of, -1 if len(term.rows) else 0, len(term.rows))  # -1 is the last row
        if (term.entries is None) != (term.gains is None):
            raise check.error("only one of `entries` and `gains` is given. Give both or neither", "entries", "gains")
        if term.entries is not None and term.gains is not None:
            check.require_shape("entries.start", term.entries.start, (check.n_users + 1,))
            check.require_range("entries", term.entries.values, 0, size)
            check.require_shape("gains", term.gains, (len(term.entries.values),))
            check.require_finite("gains", term.gains)

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[LookupTerm]:
        return _Lookups(n_users, n_jobs, reusable.columns)

    def record_columns(self, term: LookupTerm, program: Program, slot: int, known: KnownColumns) -> None:
        codes, size = term.key.codes, term.key.size
        known.sources.append(codes)
        known.checked.add((id(codes), -1, size))
        known.codes.setdefault((id(codes), size), self.codes(program, slot))

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        return lookup_rows(program, slot, users)[:, self.codes(program, slot)[jobs]]

    def value_of_pair(self, term: LookupTerm) -> float:
        code = int(term.key.codes[0])
        if term.entries is not None and term.gains is not None and code >= 0:
            gains = dict(zip(term.entries.values.tolist(), term.gains.tolist(), strict=True))
            if code in gains:
                return float(gains[code])
        return float(term.rows[term.row_of[0], code])  # code -1 is the last column, as in NumPy

    def codes(self, program: Program, slot: int) -> Ints:
        return program.key_code[program.lookup_key[slot]]

    def row_bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        width = int(program.lookup_width[slot])
        first = program.lookup_table[slot]
        rows = program.lookup_values[first : first + (int(program.lookup_row[slot].max()) + 1) * width]
        low, high = rows.reshape(-1, width).min(axis=0), rows.reshape(-1, width).max(axis=0)
        entries = slice(program.entry_start[slot, 0], program.entry_start[slot, -1])
        np.minimum.at(low, program.entry_code[entries], program.entry_value[entries])
        np.maximum.at(high, program.entry_code[entries], program.entry_value[entries])
        return low, high

    def key(self, program: Program, slot: int) -> int:
        return int(program.lookup_key[slot])

    def rows(self, program: Program, slot: int, users: Longs) -> Floats:
        return lookup_rows(program, slot, users)

    def row_numbers(self, program: Program, slot: int) -> Ints | None:
        has_exceptions = program.entry_start[slot, 0] != program.entry_start[slot, -1]
        return None if has_exceptions else program.lookup_row[slot]


def lookup_rows(program: Program, slot: int, users: Longs) -> Floats:
    """Return the values (len(users), width) of a lookup for each code, including the users' exceptions."""
    width = program.lookup_width[slot]
    first = program.lookup_table[slot] + program.lookup_row[slot, users].astype(np.int64) * width
    rows = program.lookup_values[first[:, None] + np.arange(width)]
    for row, user in enumerate(users):
        entries = slice(program.entry_start[slot, user], program.entry_start[slot, user + 1])
        rows[row, program.entry_code[entries]] = program.entry_value[entries]
    return rows
