"""Terms with the value in the user's row at the job's flags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs, UInt16s
from scoring.bundle.program import FLAGS, Program
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

__all__ = ["FlagKind", "FlagTerm", "Flags", "flag_rows"]


@dataclass(frozen=True, eq=False)
class Flags:
    """Flags of the jobs as bits: (m,) integers below 2 ** `width`.

    Example
    -------
    >>> Flags.of("perks", np.array([True, False]), np.array([True, True])).bits.tolist()
    [3, 2]
    """

    name: str
    bits: UInt16s
    width: int

    @classmethod
    def of(cls, name: str, *bits: Bools) -> Flags:
        """Return flags with bit b from the b-th (m,) bool array."""
        packed = np.zeros(len(bits[0]), dtype=np.uint16)
        for position, bit in enumerate(bits):
            packed |= bit.astype(np.uint16) << position
        return cls(name, packed, len(bits))


@dataclass(frozen=True, eq=False)
class FlagTerm:
    """`rows[row_of[u], flags.bits[j]]`; `rows` is (r, 2 ** flags.width) float64, `row_of` (n,).

    Example
    -------
    >>> flags = Flags.of("perks", np.array([True, False]), np.array([True, True]))
    >>> term = FlagTerm(flags, np.array([[0.0, 50.0, 50.0, 100.0]]), row_of=np.array([0]))
    >>> term.rows[0, flags.bits].tolist()  # values of user 0
    [100.0, 50.0]
    """

    flags: Flags
    rows: Floats
    row_of: Ints


class _FlagTables:
    """Packs flag terms: concatenated tables; terms with the same flags share their bits."""

    def __init__(self, n_users: int, n_jobs: int, known: KnownColumns) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.known = known
        self.sets: dict[str, int] = {}
        self.bits: list[UInt16s] = []
        self.terms: list[FlagTerm] = []

    def add(self, term: FlagTerm) -> int:
        flags = term.flags
        bits = self.known.flags.get(id(flags.bits), flags.bits)
        if flags.name not in self.sets:
            self.sets[flags.name] = len(self.bits)
            self.bits.append(bits)
        require_same_column(flags.name, self.bits[self.sets[flags.name]], bits)
        self.terms.append(term)
        return len(self.terms) - 1

    def arrays(self) -> dict[str, NDArray]:
        tables = [np.ascontiguousarray(term.rows, dtype=np.float64).ravel() for term in self.terms]
        sizes = np.array([len(table) for table in tables], dtype=np.int64)
        return {
            "flag_bits": stack(self.bits, np.uint16, self.n_jobs),
            "flag_set": np.array([self.sets[term.flags.name] for term in self.terms], dtype=np.int32),
            "flag_width": np.array([term.rows.shape[1] for term in self.terms], dtype=np.int32),
            "flag_table": np.cumsum(sizes) - sizes,
            "flag_row": stack([term.row_of for term in self.terms], np.int32, self.n_users),
            "flag_values": concatenate(tables, np.float64),
        }


class FlagKind(KeyedKind[FlagTerm]):
    """See `FlagTerm`."""

    code, term = FLAGS, FlagTerm

    def check(self, term: FlagTerm, check: TermCheck) -> None:
        check.require_shape("flags.bits", term.flags.bits, (check.n_jobs,))
        check.require_range("flags.bits", term.flags.bits, 0, 2**term.flags.width)
        check.require_shape("rows", term.rows, (len(term.rows), 2**term.flags.width))
        check.require_finite("rows", term.rows)
        check.require_shape("row_of", term.row_of, (check.n_users,))
        check.require_range("row_of", term.row_of, 0, len(term.rows))

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[FlagTerm]:
        return _FlagTables(n_users, n_jobs, reusable.columns)

    def record_columns(self, term: FlagTerm, program: Program, slot: int, known: KnownColumns) -> None:
        bits = term.flags.bits
        known.sources.append(bits)
        known.checked.add((id(bits), 0, 2**term.flags.width))
        known.flags.setdefault(id(bits), self.codes(program, slot))

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        return flag_rows(program, slot, users)[:, self.codes(program, slot)[jobs]]

    def value_of_pair(self, term: FlagTerm) -> float:
        return float(term.rows[term.row_of[0], term.flags.bits[0]])

    def codes(self, program: Program, slot: int) -> UInt16s:
        return program.flag_bits[program.flag_set[slot]]

    def row_bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        width = int(program.flag_width[slot])
        first = program.flag_table[slot]
        rows = program.flag_values[first : first + (int(program.flag_row[slot].max()) + 1) * width].reshape(-1, width)
        return rows.min(axis=0), rows.max(axis=0)

    def divisors(self, term: FlagTerm) -> NDArray:
        return term.rows

    def key(self, program: Program, slot: int) -> int:
        return len(program.key_code) + int(program.flag_set[slot])

    def rows(self, program: Program, slot: int, users: Longs) -> Floats:
        return flag_rows(program, slot, users)

    def row_numbers(self, program: Program, slot: int) -> Ints:
        return program.flag_row[slot]


def flag_rows(program: Program, slot: int, users: Longs) -> Floats:
    """Return the values (len(users), width) of a flag term for each combination of bits."""
    width = program.flag_width[slot]
    first = program.flag_table[slot] + program.flag_row[slot, users].astype(np.int64) * width
    return program.flag_values[first[:, None] + np.arange(width)]
