"""The terms of a model as arrays that single users and jobs can change in place.

The arrays differ from `scoring.bundle.Program` in three ways. Both sides have unused columns for new users and jobs.
Numbers are compared with the users' bounds themselves, because a new number has no rank among the known numbers. A
missing code is column 0 of a table, so that known codes keep their columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Int8s, Ints, Longs, Singles, UInt16s
from scoring.bundle.program import DOT, FLAGS, INTERVAL, JOB, LOOKUP, NONE, USER
from scoring.components.classic.match_group import make_stated_flags
from scoring.components.clicks import make_feature_flags
from scoring.components.conditions import make_condition_flags
from scoring.dataset.arrays import JobArrays
from scoring.live.slabs import Slabs
from scoring.model.terms import DotTerm, Flags, FlagTerm, IntervalTerm, JobTerm, LookupTerm, UserTerm, Value

__all__ = ["LayoutChangedError", "PairArrays", "PairLayout"]


class LayoutChangedError(Exception):
    """The arrays have no place for a row, so they must be built again. It never reaches a caller of the package."""


class PairArrays(NamedTuple):
    """Kernel input. c components, N user columns, M job columns; `.` is the number of slots of a kind."""

    flat_weight: Floats  # (c,)
    group_weight: Floats  # (c,)
    group: Ints  # (c,)
    term_start: Ints  # (c + 1,)
    divisor_kind: Int8s  # (c,)
    divisor_slot: Ints  # (c,)
    term_kind: Int8s
    term_slot: Ints
    is_job_only: Bools  # (c,) whether the component is a sum of job terms
    # jobs
    job_sum: Floats  # (M,) what components of the job alone add to the total, up to rounding
    job_value: Floats  # (., M)
    key_code: Ints  # (n_keys, M) 0 missing, else the code + 1
    number: Floats  # (n_numbers, M)
    flag_bits: UInt16s  # (n_flag_sets, M)
    dot_job_has: Bools  # (., M)
    job_vector: Singles  # (M, d)
    # users
    user_value: Floats  # (., N)
    lookup_key: Ints  # (.,)
    lookup_first: Longs  # (.,) start of the table in lookup_values
    lookup_stride: Longs  # (.,) number of rows of the table: the values of one code are contiguous
    lookup_row: Ints  # (., N)
    lookup_values: Floats
    entry_start: Longs  # (., N)
    entry_stop: Longs  # (., N)
    entry_code: Ints
    entry_value: Floats
    entry_mask: NDArray[np.uint64]  # (., N) bit code % 64 is set for each code that the user has an entry for
    interval_number: Ints  # (.,)
    interval_low: Floats  # (., N)
    interval_high: Floats  # (., N)
    interval_gain: Floats  # (., N)
    flag_set: Ints  # (.,)
    flag_width: Ints  # (.,)
    flag_first: Longs  # (.,)
    flag_row: Ints  # (., N)
    flag_values: Floats
    dot_start: Ints  # (. + 1,)
    dot_scale: Floats
    dot_shift: Floats
    dot_otherwise: Floats  # (., N)
    dot_user_has: Bools  # (., N)
    user_vector: Singles  # (d, N)


_FLAGS: Final[dict[str, Callable[[JobArrays], Flags]]] = {
    "features": make_feature_flags,
    "remote, attractive": make_condition_flags,
    "features known, attractive": make_stated_flags,
}
"""Name of flags → the function that makes them. Keys and numbers have the names of arrays of jobs."""

_KIND_OF: dict[type, int] = {
    JobTerm: JOB,
    UserTerm: USER,
    LookupTerm: LOOKUP,
    IntervalTerm: INTERVAL,
    FlagTerm: FLAGS,
    DotTerm: DOT,
}


class _Terms:
    """The terms of the values by kind, in order; a term's place is its slot."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.of_kind: dict[int, list[Any]] = {kind: [] for kind in _KIND_OF.values()}
        self.placed = [[self._place(term) for term in value.terms] for value in values]
        self.divisors = [(NONE, 0) if value.divisor is None else self._place(value.divisor) for value in values]

    def _place(self, term: Any) -> tuple[int, int]:
        kind = _KIND_OF[type(term)]
        self.of_kind[kind].append(term)
        return kind, len(self.of_kind[kind]) - 1

    def columns(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Return the keys, numbers and flags of the terms by name."""
        return (
            {term.key.name: term.key for term in self.of_kind[LOOKUP]},
            {term.number.name: term.number for term in self.of_kind[INTERVAL]},
            {term.flags.name: term.flags for term in self.of_kind[FLAGS]},
        )


def _is_job_only(value: Value) -> bool:
    return value.divisor is None and all(isinstance(term, JobTerm) for term in value.terms)


def _find_weights(
    placed: list[list[tuple[int, int]]], values: Sequence[Value], flat_weight: Floats, n_slots: int
) -> Floats:
    """Return the weight of each slot of job terms in the total; 0 for terms of components that read users too."""
    weights = np.zeros(n_slots)
    for value, weight, terms in zip(values, flat_weight, placed, strict=True):
        if _is_job_only(value):
            weights[[slot for _, slot in terms]] = weight
    return weights


class PairLayout:
    """Arrays of n users and m jobs, with room for more.

    Parameters
    ----------
    values: The value of each component for the users and jobs.
    flat_weight, group_weight, group: As of `Program`.
    n_users, m_jobs: Numbers of users and jobs.
    users_room, jobs_room: Numbers of columns.
    """

    def __init__(
        self,
        values: Sequence[Value],
        flat_weight: Floats,
        group_weight: Floats,
        group: Ints,
        n_users: int,
        n_jobs: int,
        users_room: int,
        jobs_room: int,
    ) -> None:
        self.users_room, self.jobs_room = users_room, jobs_room
        terms = _Terms(values)
        kinds = terms.of_kind
        keys, numbers, flags = terms.columns()
        self._keys = {name: place for place, name in enumerate(keys)}
        self._key_size = {name: key.size for name, key in keys.items()}
        self._numbers = {name: place for place, name in enumerate(numbers)}
        self._flags = {name: place for place, name in enumerate(flags)}
        self._is_own_row: list[bool] = []
        self._tables: list[Floats] = []  # (rows, codes) of shared tables
        self._flag_tables = [term.rows for term in kinds[FLAGS]]
        dimensions = [term.users.shape[1] for term in kinds[DOT]]
        self.entries = Slabs((len(kinds[LOOKUP]), users_room), np.int32, np.float64)
        lookups = self._make_lookups(kinds[LOOKUP], n_users)
        flag_sizes = np.array([term.rows.size for term in kinds[FLAGS]], dtype=np.int64)
        self._arrays: dict[str, Any] = {
            "flat_weight": np.ascontiguousarray(flat_weight, dtype=np.float64),
            "group_weight": np.ascontiguousarray(group_weight, dtype=np.float64),
            "group": group.astype(np.int32),
            "term_start": np.cumsum([0, *map(len, terms.placed)]).astype(np.int32),
            "divisor_kind": np.array([kind for kind, _ in terms.divisors], dtype=np.int8),
            "divisor_slot": np.array([slot for _, slot in terms.divisors], dtype=np.int32),
            "term_kind": np.array([kind for row in terms.placed for kind, _ in row], dtype=np.int8),
            "term_slot": np.array([slot for row in terms.placed for _, slot in row], dtype=np.int32),
            "is_job_only": np.array([_is_job_only(value) for value in values], dtype=bool),
            "job_sum": np.zeros(jobs_room),
            "job_value": self._make(len(kinds[JOB]), jobs_room, np.float64),
            "entry_mask": self._make(len(kinds[LOOKUP]), users_room, np.uint64),
            "key_code": self._make(len(keys), jobs_room, np.int32),
            "number": self._make(len(numbers), jobs_room, np.float64),
            "flag_bits": self._make(len(flags), jobs_room, np.uint16),
            "dot_job_has": self._make(len(kinds[DOT]), jobs_room, np.bool_),
            "job_vector": self._make(jobs_room, sum(dimensions), np.float32),
            "user_value": self._make(len(kinds[USER]), users_room, np.float64),
            **lookups,
            "interval_number": np.array([self._numbers[t.number.name] for t in kinds[INTERVAL]], dtype=np.int32),
            "interval_low": self._make(len(kinds[INTERVAL]), users_room, np.float64),
            "interval_high": self._make(len(kinds[INTERVAL]), users_room, np.float64),
            "interval_gain": self._make(len(kinds[INTERVAL]), users_room, np.float64),
            "flag_set": np.array([self._flags[term.flags.name] for term in kinds[FLAGS]], dtype=np.int32),
            "flag_width": np.array([term.rows.shape[1] for term in kinds[FLAGS]], dtype=np.int32),
            "flag_first": np.cumsum(flag_sizes) - flag_sizes,
            "flag_row": self._make(len(kinds[FLAGS]), users_room, np.int32),
            "flag_values": np.concatenate([np.empty(0), *(table.ravel() for table in self._flag_tables)]),
            "dot_start": np.cumsum([0, *dimensions]).astype(np.int32),
            "dot_scale": np.array([term.scale for term in kinds[DOT]], dtype=np.float64),
            "dot_shift": np.array([term.shift for term in kinds[DOT]], dtype=np.float64),
            "dot_otherwise": self._make(len(kinds[DOT]), users_room, np.float64),
            "dot_user_has": self._make(len(kinds[DOT]), users_room, np.bool_),
            "user_vector": self._make(sum(dimensions), users_room, np.float32),
        }
        self._weight_of_job_slot = _find_weights(terms.placed, values, flat_weight, len(kinds[JOB]))
        self._write_jobs(kinds, slice(0, n_jobs))
        self._write_users(kinds, slice(0, n_users))
        self._refresh()

    @staticmethod
    def _make(slots: int, room: int, dtype: Any) -> NDArray[Any]:
        return np.zeros((slots, room), dtype=dtype)

    def _make_lookups(self, terms: Sequence[LookupTerm], n_users: int) -> dict[str, Any]:
        """Return the tables by code. A table with one row per user has a column for each possible user."""
        tables = []
        for term in terms:
            own = len(term.rows) == n_users and np.array_equal(term.row_of, np.arange(n_users))
            table = np.concatenate([term.rows[:, -1:], term.rows[:, :-1]], axis=1).T  # missing first
            if own:
                padded = np.zeros((len(table), self.users_room))
                padded[:, :n_users] = table
                table = padded
            self._is_own_row.append(own)
            self._tables.append(term.rows)
            tables.append(np.ascontiguousarray(table))
        sizes = np.array([table.size for table in tables], dtype=np.int64)
        return {
            "lookup_key": np.array([self._keys[term.key.name] for term in terms], dtype=np.int32),
            "lookup_first": np.cumsum(sizes) - sizes,
            "lookup_stride": np.array([table.shape[1] for table in tables], dtype=np.int64),
            "lookup_row": self._make(len(terms), self.users_room, np.int32),
            "lookup_values": np.concatenate([np.empty(0), *(table.ravel() for table in tables)]),
        }

    def _refresh(self) -> None:
        start, stop, (code, value) = self.entries.arrays()
        self.arrays = PairArrays(**self._arrays, entry_start=start, entry_stop=stop, entry_code=code, entry_value=value)

    def _write_jobs(self, kinds: dict[int, list[Any]], jobs: slice) -> None:
        arrays = self._arrays
        for slot, term in enumerate(kinds[JOB]):
            arrays["job_value"][slot, jobs] = term.values
        arrays["job_sum"][jobs] = self._weight_of_job_slot @ arrays["job_value"][:, jobs]
        for term in kinds[LOOKUP]:
            arrays["key_code"][self._keys[term.key.name], jobs] = term.key.codes + 1
        for term in kinds[INTERVAL]:
            arrays["number"][self._numbers[term.number.name], jobs] = term.number.values
        for term in kinds[FLAGS]:
            arrays["flag_bits"][self._flags[term.flags.name], jobs] = term.flags.bits
        for slot, term in enumerate(kinds[DOT]):
            dimensions = slice(arrays["dot_start"][slot], arrays["dot_start"][slot + 1])
            arrays["dot_job_has"][slot, jobs] = term.job_has
            arrays["job_vector"][jobs, dimensions] = term.jobs

    def _write_users(self, kinds: dict[int, list[Any]], users: slice) -> None:
        arrays = self._arrays
        for slot, term in enumerate(kinds[USER]):
            arrays["user_value"][slot, users] = term.values
        for slot, term in enumerate(kinds[LOOKUP]):
            self._write_lookup(slot, term, users)
        for slot, term in enumerate(kinds[INTERVAL]):
            arrays["interval_low"][slot, users] = term.low
            arrays["interval_high"][slot, users] = term.high
            arrays["interval_gain"][slot, users] = term.gain
        for slot, term in enumerate(kinds[FLAGS]):
            arrays["flag_row"][slot, users] = np.where(term.row_of < 0, len(term.rows) - 1, term.row_of)
        for slot, term in enumerate(kinds[DOT]):
            dimensions = slice(arrays["dot_start"][slot], arrays["dot_start"][slot + 1])
            arrays["dot_otherwise"][slot, users] = term.otherwise
            arrays["dot_user_has"][slot, users] = term.user_has
            arrays["user_vector"][dimensions, users] = term.users.T

    def _write_lookup(self, slot: int, term: LookupTerm, users: slice) -> None:
        arrays = self._arrays
        n = users.stop - users.start
        if self._is_own_row[slot]:
            arrays["lookup_row"][slot, users] = np.arange(users.start, users.stop)
            if n == 1:
                row = term.rows[int(term.row_of[0])]
                first, stride = int(arrays["lookup_first"][slot]), int(arrays["lookup_stride"][slot])
                column = arrays["lookup_values"][first + users.start :: stride][: len(row)]
                column[0], column[1:] = row[-1], row[:-1]
        else:
            arrays["lookup_row"][slot, users] = np.where(term.row_of < 0, len(term.rows) - 1, term.row_of)
        if term.entries is None or term.gains is None:
            return
        codes = term.entries.values + 1
        mask = np.uint64(1) << (codes & 63).astype(np.uint64)
        if n == 1:
            self.entries.set((slot, users.start), codes, term.gains)
            arrays["entry_mask"][slot, users.start] = np.bitwise_or.reduce(mask)
        else:
            self.entries.fill(term.entries.start, codes, term.gains, place=(slot,))
            np.bitwise_or.at(arrays["entry_mask"][slot], term.entries.rows, mask)

    def write_job(self, slot: int, job: JobArrays, values: Sequence[Value], vector: Singles | None) -> None:
        """Write one job, whose codes the tables contain.

        Parameters
        ----------
        slot: The job's column.
        job: The job alone.
        values: The values of the components that depend on the job alone, in order.
        vector: The vector of the job; None if it has none.

        Raises
        ------
        LayoutChangedError: If no column is left.
        """
        if slot >= self.jobs_room:
            raise LayoutChangedError
        arrays = self._arrays
        terms = [term for value in values for term in value.terms if isinstance(term, JobTerm)]
        for place, term in enumerate(terms):
            arrays["job_value"][place, slot] = term.values[0]
        arrays["job_sum"][slot] = self._weight_of_job_slot @ arrays["job_value"][:, slot]
        for name, place in self._keys.items():
            arrays["key_code"][place, slot] = getattr(job, name)[0] + 1
        for name, place in self._numbers.items():
            arrays["number"][place, slot] = getattr(job, name)[0]
        for name, place in self._flags.items():
            arrays["flag_bits"][place, slot] = _FLAGS[name](job).bits[0]
        arrays["dot_job_has"][:, slot] = vector is not None
        for place in range(len(arrays["dot_scale"])):
            dimensions = slice(arrays["dot_start"][place], arrays["dot_start"][place + 1])
            arrays["job_vector"][slot, dimensions] = 0.0 if vector is None else vector

    def write_user(self, user: int, values: Sequence[Value]) -> None:
        """Write one user. `values`: those of the components that do not depend on the job alone, for any jobs.

        Raises
        ------
        LayoutChangedError: If a table has other values than the one that all users share, or no column is left.
        """
        if user >= self.users_room:
            raise LayoutChangedError
        kinds = _Terms(values).of_kind
        for slot, term in enumerate(kinds[LOOKUP]):
            same_size = term.key.size == self._key_size[term.key.name]
            if not same_size or not (self._is_own_row[slot] or np.array_equal(term.rows, self._tables[slot])):
                raise LayoutChangedError
        for term, table in zip(kinds[FLAGS], self._flag_tables, strict=True):
            if not np.array_equal(term.rows, table):
                raise LayoutChangedError
        version = self.entries.version
        self._write_users(kinds, slice(user, user + 1))
        if self.entries.version != version:
            self._refresh()
