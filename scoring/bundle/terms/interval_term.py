"""Terms that add a gain if the job's number lies in the user's interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.bundle.program import INTERVAL, Program
from scoring.bundle.terms.term_kind import (
    KnownColumns,
    Packer,
    ReusableArrays,
    TermCheck,
    TermKind,
    require_same_column,
    stack,
)

__all__ = ["IntervalKind", "IntervalTerm", "Number"]


@dataclass(frozen=True, eq=False)
class Number:
    """A numeric column of the jobs: (m,) float64. NaN lies in no interval.

    Example
    -------
    >>> pay = Number("pay", np.array([1200.0, np.nan]))
    """

    name: str
    values: Floats


@dataclass(frozen=True, eq=False)
class IntervalTerm:
    """`gain[u]` if `low[u] <= number.values[j] < high[u]`, else 0; (n,) float64 each.

    With a NaN bound, the interval is empty.

    Example
    -------
    >>> pay = Number("pay", np.array([1200.0, np.nan]))
    >>> term = IntervalTerm(pay, low=np.array([1000.0]), high=np.array([np.inf]), gain=np.array([100.0]))
    """

    number: Number
    low: Floats
    high: Floats
    gain: Floats


class _Intervals:
    """Packs interval terms. Numbers are replaced by their ranks, so that comparisons are exact."""

    def __init__(self, n_users: int, n_jobs: int, ranks: Sequence[Ints], known: KnownColumns) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.reusable_ranks, self.known = ranks, known
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
            place, ranks = len(self.sorted), self.reusable_ranks
            self.numbers[number.name] = place
            values, rank = (
                self.known.ranks.get(id(number.values))
                or (_reuse_ranks(number.values, ranks[place]) if place < len(ranks) else None)
                or _rank_numbers(number.values)
            )
            self.sorted.append(values)
            self.ranks.append(rank)
            self.columns.append(number.values)
        require_same_column(number.name, self.columns[self.numbers[number.name]], number.values)
        return self.numbers[number.name]

    def arrays(self) -> dict[str, NDArray]:
        number, low, high, gain = zip(*self.rows, strict=True) if self.rows else ((), (), (), ())
        return {
            "number_rank": stack(self.ranks, np.int32, self.n_jobs),
            "interval_number": np.array(number, dtype=np.int32),
            "interval_low": stack(low, np.int32, self.n_users),
            "interval_high": stack(high, np.int32, self.n_users),
            "interval_gain": stack(gain, np.float64, self.n_users),
        }


class IntervalKind(TermKind[IntervalTerm]):
    """See `IntervalTerm`."""

    code, term = INTERVAL, IntervalTerm

    def check(self, term: IntervalTerm, check: TermCheck) -> None:
        check.require_shape("number.values", term.number.values, (check.n_jobs,))
        for field in ("low", "high", "gain"):
            check.require_shape(field, getattr(term, field), (check.n_users,))
        check.require_finite("gain", term.gain)

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[IntervalTerm]:
        return _Intervals(n_users, n_jobs, reusable.ranks, reusable.columns)

    def record_columns(self, term: IntervalTerm, program: Program, slot: int, known: KnownColumns) -> None:
        numbers = term.number.values
        if id(numbers) in known.ranks:
            return
        ranks = _reuse_ranks(numbers, program.number_rank[program.interval_number[slot]])
        if ranks is not None:
            known.sources.append(numbers)
            known.ranks.setdefault(id(numbers), ranks)

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        rank = program.number_rank[program.interval_number[slot], jobs][None, :]
        low, high = program.interval_low[slot, users][:, None], program.interval_high[slot, users][:, None]
        return np.where((low <= rank) & (rank < high), program.interval_gain[slot, users][:, None], 0.0)

    def value_of_pair(self, term: IntervalTerm) -> float:
        return float(term.gain[0]) if term.low[0] <= term.number.values[0] < term.high[0] else 0.0

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        gain = program.interval_gain[slot]
        return gain.min(keepdims=True, initial=0.0), gain.max(keepdims=True, initial=0.0)


def _rank_numbers(numbers: Floats) -> tuple[Floats, Ints]:
    """Return the distinct numbers, ascending, and (m,) the rank of each number; -1 for NaN."""
    missing = np.isnan(numbers)
    values = np.unique(numbers[~missing])
    rank = np.searchsorted(values, numbers).astype(np.int32)
    rank[missing] = -1
    return values, rank


def _reuse_ranks(numbers: Floats, rank: Ints) -> tuple[Floats, Ints] | None:
    """Return the result of `_rank_numbers` from known ranks, in a tenth of the time; None if they do not fit."""
    if rank.shape != numbers.shape:
        return None
    known = rank >= 0
    values = np.full(int(rank.max(initial=-1)) + 1, np.nan)
    values[rank[known]] = numbers[known]
    right = (
        np.array_equal(known, ~np.isnan(numbers))
        and bool((values[1:] > values[:-1]).all())  # false if a value is still NaN: a rank does not occur
        and np.array_equal(values[rank[known]], numbers[known])
    )
    return (values, rank) if right else None
