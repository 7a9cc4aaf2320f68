"""The handful of shapes in which a component may depend on a pair (user u, job j).

A component's value is the sum of its terms in their order, in float64, over its divisor where it has one.
Kernels compute with terms and know no component; a model's weights can be folded into them before any
pair is visited. Arrays have a row per scored user or job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints
from scoring.dataset.arrays import Ragged

__all__ = [
    "DotTerm",
    "FlagTerm",
    "Flags",
    "IntervalTerm",
    "JobTerm",
    "Key",
    "LookupTerm",
    "Number",
    "Term",
    "UserTerm",
    "Value",
    "open_interval",
]


@dataclass(frozen=True, eq=False)
class Key:
    """A categorical column of the jobs: (m,) codes below `size`, -1 missing. Terms with equal names share it."""

    name: str
    codes: Ints
    size: int


@dataclass(frozen=True, eq=False)
class Number:
    """A numeric column of the jobs: (m,) float64, NaN where it lies in no interval."""

    name: str
    values: Floats


@dataclass(frozen=True, eq=False)
class Flags:
    """Bits of the jobs: (m,) whole numbers below 2 ** `width`."""

    name: str
    bits: NDArray[np.uint16]
    width: int

    @classmethod
    def of(cls, name: str, *bits: Bools) -> Flags:
        """Bit b from the b-th (m,) bool array."""
        packed = np.zeros(len(bits[0]), dtype=np.uint16)
        for position, bit in enumerate(bits):
            packed |= bit.astype(np.uint16) << position
        return cls(name, packed, len(bits))


@dataclass(frozen=True, eq=False)
class JobTerm:
    """`values[j]`, (m,) float64."""

    values: Floats


@dataclass(frozen=True, eq=False)
class UserTerm:
    """`values[u]`, (n,) float64."""

    values: Floats


@dataclass(frozen=True, eq=False)
class LookupTerm:
    """`rows[row_of[u], key.codes[j]]`, where the user has no entry of its own for that code.

    `rows` is (r, key.size + 1) float64, the last column the value for a missing code; `row_of` (n,).
    Entries are sparse exceptions: codes `entries[u]` have the value `gains`, one for each entry.
    """

    key: Key
    rows: Floats
    row_of: Ints
    entries: Ragged | None = None
    gains: Floats | None = None

    @classmethod
    def sparse(cls, key: Key, entries: Ragged, gain: float) -> LookupTerm:
        """`gain` for the codes that a user's entries name, 0 elsewhere and for a missing code."""
        n_users = len(entries)
        return cls(
            key,
            rows=np.zeros((1, key.size + 1)),
            row_of=np.zeros(n_users, dtype=np.int32),
            entries=entries,
            gains=np.full(len(entries.values), gain),
        )


@dataclass(frozen=True, eq=False)
class IntervalTerm:
    """`gain[u]` where `low[u] <= number.values[j] < high[u]`, else 0; (n,) float64 each. NaN bounds hold nothing."""

    number: Number
    low: Floats
    high: Floats
    gain: Floats


@dataclass(frozen=True, eq=False)
class FlagTerm:
    """`rows[row_of[u], flags.bits[j]]`; `rows` is (r, 2 ** flags.width) float64, `row_of` (n,)."""

    flags: Flags
    rows: Floats
    row_of: Ints


@dataclass(frozen=True, eq=False)
class DotTerm:
    """`scale * (shift + <users[u], jobs[j]>)` where both have a vector, else `otherwise[u]`.

    The product adds float64 products from dimension 0 up over float32 vectors, (n, d) and (m, d).
    """

    users: NDArray[np.float32]
    jobs: NDArray[np.float32]
    user_has: Bools
    job_has: Bools
    scale: float
    shift: float
    otherwise: Floats


Term = JobTerm | UserTerm | LookupTerm | IntervalTerm | FlagTerm | DotTerm


@dataclass(frozen=True, eq=False)
class Value:
    """A component's value: the sum of `terms` in order, over `divisor` (never 0) where there is one."""

    terms: tuple[Term, ...]
    divisor: UserTerm | FlagTerm | None = None


def open_interval(middle: Floats, share: float) -> tuple[Floats, Floats]:
    """Bounds (low, high) such that `low <= x < high` exactly when `abs(x - middle) < share * middle` in float64.

    0 < share < 1. Rounding makes the limits differ from `middle ± share * middle` by some units in the last place:
    they are sought where the formula itself changes its answer. NaN where nothing is inside, or the middle is NaN.
    """
    reach = share * middle
    some = reach > 0
    m, reach = np.where(some, middle, 1.0), np.where(some, reach, share)
    with np.errstate(over="ignore", invalid="ignore"):
        below = np.clip(m - 2 * reach, 0.0, np.nextafter(m, 0.0))
        above = np.maximum(m + 2 * reach, np.nextafter(m, np.inf))
        low = _first_float(below, m, lambda x: np.abs(x - m) < reach)
        high = _first_float(m, above, lambda x: np.abs(x - m) >= reach)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def _first_float(low: Floats, high: Floats, holds: Callable[[Floats], Bools]) -> Floats:
    """The smallest float in (low, high] for which something holds that holds from there on, and not at `low`.

    Elementwise, for numbers from 0: their bits, taken as whole numbers, go in their order, and are halved.
    """
    without, found = low.view(np.int64), high.view(np.int64)
    while len(found) and (found - without).max() > 1:
        half = without + (found - without) // 2
        there = holds(half.view(np.float64))
        without, found = np.where(there, without, half), np.where(there, half, found)
    return found.view(np.float64)
