"""The terms of a model as arrays that single users and jobs can change in place, and bounds of totals.

The arrays differ from `scoring.bundle.Program` in three ways. Both sides have unused rows for new users and jobs.
Numbers are compared with the users' bounds themselves, because a new number has no rank among the known numbers. A
missing code is column 0 of a table, so that known codes keep their columns.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Int8s, Ints, Longs, Singles, UInt16s, UInt32s
from scoring.bundle.pair_formulas import PairColumns
from scoring.bundle.program import DOT, FLAGS, INTERVAL, JOB, LINK_TOKEN, LOOKUP, NONE, PAIRS, TREES, USER
from scoring.bundle.value_links import Link, bound_link
from scoring.components.classic.match_group import make_stated_flags
from scoring.components.clicks import make_feature_flags
from scoring.components.conditions import make_condition_flags
from scoring.dataset.arrays import JobArrays
from scoring.errors import ModelError
from scoring.live.leaf_masks import WORD, LeafTerm, bound_leaves
from scoring.live.output_columns import OutputColumns, OutputTerm
from scoring.live.slabs import Slabs
from scoring.model.terms import DotTerm, Flags, FlagTerm, IntervalTerm, JobTerm, LookupTerm, UserTerm, Value

__all__ = ["JobBound", "LayoutChangedError", "PairArrays", "PairLayout"]


_SAMPLED_USERS: Final = 64
"""Users whose rows show how well a key separates totals."""
_SAMPLED_ROWS: Final = 256
"""Users and jobs that show which side bounds the trees of a component better."""
_N_BOUND_KEYS: Final = 2
_MAX_CODES: Final = 1024
"""Codes of a key of bounds. A user has a bound for each."""
_MAX_CLASS_WIDTH: Final = 6
"""Bits of the classes of jobs. A user has a bound for each class."""
_LEAST_CODES: Final = 3
"""Codes from which an own component shows, for a single job, that its codes do not depend on other jobs."""


class LayoutChangedError(Exception):
    """The arrays have no place for a row, so they must be built again. It never reaches a caller of the package."""


class PairArrays(NamedTuple):
    """Kernel input. c components, N user rows, M job rows; `.` is the number of slots of a kind."""

    flat_weight: Floats  # (c,)
    group_weight: Floats  # (c,)
    group: Ints  # (c,)
    term_start: Ints  # (c + 1,)
    divisor_kind: Int8s  # (c,)
    divisor_slot: Ints  # (c,)
    term_kind: Int8s
    term_slot: Ints
    link: Floats  # (c, 4) as of `Program.link`, without the token
    is_in_sum: Bools  # (c,) whether job_sum bounds the component: a sum of job terms, or trees
    # jobs
    job_sum: Floats  # (M,) the most that job terms, and some trees, add to the total, up to rounding
    job_value: Floats  # (M, .)
    job_value_max: Floats  # (.,) at least the greatest value of each slot
    key_code: Ints  # (M, n_keys) 0 missing, else the code + 1
    number: Floats  # (M, n_numbers)
    flag_bits: UInt16s  # (M, n_flag_sets)
    dot_job_has: Bools  # (M, .)
    dot_reach: Floats  # (.,) at least the greatest length of a job's vector
    job_vector: Singles  # (M, d)
    job_leaves: UInt32s  # (M, words) leaves that remain
    # users
    user_value: Floats  # (N, .)
    lookup_key: Ints  # (.,)
    lookup_first: Longs  # (.,) start of the table in lookup_values
    lookup_stride: Longs  # (.,) number of rows of the table: the values of one code are contiguous
    lookup_row: Ints  # (N, .)
    lookup_values: Floats
    entry_start: Longs  # (N, .)
    entry_stop: Longs  # (N, .)
    entry_code: Ints
    entry_value: Floats
    interval_number: Ints  # (.,)
    interval_low: Floats  # (N, .)
    interval_high: Floats  # (N, .)
    interval_gain: Floats  # (N, .)
    flag_set: Ints  # (.,)
    flag_width: Ints  # (.,)
    flag_first: Longs  # (.,)
    flag_row: Ints  # (N, .)
    flag_values: Floats
    dot_start: Ints  # (. + 1,)
    dot_scale: Floats
    dot_shift: Floats
    dot_otherwise: Floats  # (N, .)
    dot_user_has: Bools  # (N, .)
    user_vector: Singles  # (N, d)
    user_leaves: UInt32s  # (N, words) leaves that remain
    tree_start: Ints  # (. + 1,)
    tree_word: Ints  # (trees + 1,) first word of each tree
    leaf_value: Floats  # (words * WORD,)
    # outputs of trained models of pairs, for the users of one job or the jobs of one user
    output: Floats  # (., max(N, M)) infinity where it was not computed
    is_output_by_job: Bools  # (1,) whether the columns of `output` are jobs
    # bounds of totals: job_sum + the user's bounds for the job's codes of two keys, and for its class
    bound_key: Ints  # (2,) -1 none
    bound_first: Ints  # (3,) first row of each key and of the classes
    job_class: Ints  # (M,) bits of flag sets and dot_job_has
    class_flag_shift: Ints  # (n_flag_sets,) place of a flag set in a class, -1 none
    class_dot_shift: Ints  # (.,) place of a dot term in a class, -1 none
    bound: Singles  # (codes of both keys + 1 + classes, N)
    class_bound: Singles  # (N,) greatest bound of a class


_OF_JOBS: Final = ("job_value", "key_code", "number", "flag_bits", "dot_job_has", "job_vector")
_OF_USERS: Final = (
    "user_value", "lookup_row", "interval_low", "interval_high", "interval_gain", "flag_row", "dot_otherwise",
    "dot_user_has", "user_vector",
)  # fmt: skip
"""The arrays with a row per job and per user."""


class EncodedJobs(NamedTuple):
    """The columns of n jobs, as of `PairArrays`."""

    job_value: Floats  # (n, .)
    key_code: Ints  # (n, n_keys)
    number: Floats  # (n, n_numbers)
    flag_bits: UInt16s  # (n, n_flag_sets)
    leaves: UInt32s  # (n, words)
    vectors: list[tuple[int, slice, Bools, Singles]]
    """Of own components: slot, dimensions, which jobs have a vector, and the vectors."""
    columns: list[tuple[int, PairColumns]]
    """Of trained models of pairs: slot and inputs."""


class JobBound(NamedTuple):
    """The points of a job's own, and the rows of `PairArrays.bound` that bound the rest of its totals."""

    points: float
    first: int
    second: int
    third: int


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
    LeafTerm: TREES,
    OutputTerm: PAIRS,
}


class _Terms:
    """The terms of the values by kind, in order; a term's place is its slot."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.of_kind: dict[int, list[Any]] = {kind: [] for kind in _KIND_OF.values()}
        self.placed = [[self._place(term) for term in value.terms] for value in values]
        self.divisors = [(NONE, 0) if value.divisor is None else self._place(value.divisor) for value in values]

    def _place(self, term: Any) -> tuple[int, int]:
        if type(term) not in _KIND_OF:
            raise ModelError(
                f"Live lists do not support a {type(term).__name__} of a component of your own. Remove the component, "
                "or rank with `scoring run`.",
                key=("terms",),
            )
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


def _is_sum(value: Value) -> bool:
    return value.divisor is None and value.link is None


def _is_job_only(value: Value) -> bool:
    return _is_sum(value) and all(isinstance(term, JobTerm) for term in value.terms)


def _find_weights(
    placed: list[list[tuple[int, int]]], values: Sequence[Value], flat_weight: Floats, n_slots: int
) -> Floats:
    """Return the weight of each slot of job terms in the total; 0 for components with a divisor or a link."""
    weights = np.zeros(n_slots)
    for value, weight, terms in zip(values, flat_weight, placed, strict=True):
        if _is_sum(value):
            weights[[slot for kind, slot in terms if kind == JOB]] = weight
    return weights


@dataclass(frozen=True, eq=False)
class _TreesOfComponent:
    """The trees of one component, and a bound of its value for the masks of one side."""

    component: int
    term: LeafTerm
    link: Link | None
    weight: float
    words: slice
    """Its columns of `user_leaves` and `job_leaves`."""

    def bound(self, leaves: UInt32s) -> Floats:
        """Return (n,) the most that the value can be for masks (n, words) of one side."""
        masks, high = self.term.masks, np.zeros(len(leaves))
        bound_leaves(leaves, masks.first_word, masks.leaf_value, high)
        if self.link is None:
            return high
        return bound_link(self.link.code, self.link.parameters, high, high)[1]


class _Trees:
    """The terms of trees: their words, and which side bounds each component."""

    def __init__(
        self, placed: list[list[tuple[int, int]]], values: Sequence[Value], weights: Floats, terms: Sequence[LeafTerm]
    ) -> None:
        sizes = [len(term.masks.leaf_value) // WORD for term in terms]
        self._terms, self._first = terms, np.cumsum([0, *sizes])
        self.n_words = int(self._first[-1])
        self.of_jobs: list[_TreesOfComponent] = []
        """The components whose values the masks of jobs bound better than those of users."""
        for component, (value, weight, of_value) in enumerate(zip(values, weights, placed, strict=True)):
            slots = [slot for kind, slot in of_value if kind == TREES]
            if len(of_value) == len(slots) == 1 and value.divisor is None and weight:
                term = terms[slots[0]]
                found = _TreesOfComponent(component, term, value.link, float(weight), self.words(slots[0]))
                if found.bound(term.jobs[:_SAMPLED_ROWS]).sum() * len(term.users[:_SAMPLED_ROWS]) <= found.bound(
                    term.users[:_SAMPLED_ROWS]
                ).sum() * len(term.jobs[:_SAMPLED_ROWS]):
                    self.of_jobs.append(found)

    def words(self, slot: int) -> slice:
        return slice(int(self._first[slot]), int(self._first[slot + 1]))

    def arrays(self) -> dict[str, Any]:
        """Return the trees of all terms, one term after another."""
        starts = [term.masks.first_word[:-1] + first for term, first in zip(self._terms, self._first, strict=False)]
        return {
            "tree_start": np.cumsum([0, *map(len, starts)]).astype(np.int32),
            "tree_word": np.concatenate([*starts, [self.n_words]]).astype(np.int32),
            "leaf_value": np.concatenate([np.empty(0), *(term.masks.leaf_value for term in self._terms)]),
        }


def _find_weighted(placed: list[list[tuple[int, int]]], flat_weight: Floats, group_weight: Floats) -> list[int]:
    """Return the slots of the outputs of components with a weight."""
    return [
        slot
        for terms, weight, within in zip(placed, flat_weight, group_weight, strict=True)
        for kind, slot in terms
        if kind == PAIRS and (weight or within)
    ]


def _make_links(values: Sequence[Value]) -> Floats:
    """Return (c, 4) the links: kind, origin, factor and missing value."""
    links = np.zeros((len(values), LINK_TOKEN))
    for row, value in zip(links, values, strict=True):
        if value.link is not None:
            row[:] = value.link.code, *value.link.parameters
    return links


class PairLayout:
    """Arrays of n users and m jobs, with room for more.

    Parameters
    ----------
    values: The value of each component for the users and jobs.
    flat_weight, group_weight, group: As of `Program`.
    n_users, m_jobs: Numbers of users and jobs.
    users_room, jobs_room: Numbers of rows with room for more.
    evaluated: Components whose terms `encode_jobs` receives. It takes the columns of all other components from the job.
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
        evaluated: Container[int] = frozenset(),
    ) -> None:
        self.users_room, self.jobs_room = users_room, jobs_room
        terms = _Terms(values)
        kinds = terms.of_kind
        keys, numbers, flags = terms.columns()
        self._placed, self._divisors = terms.placed, terms.divisors
        self._keys = {name: place for place, name in enumerate(keys)}
        self._key_size = {name: key.size for name, key in keys.items()}
        self._numbers = {name: place for place, name in enumerate(numbers)}
        self._flags = {name: place for place, name in enumerate(flags)}
        self._flag_width = {name: of_name.width for name, of_name in flags.items()}
        self._note_sources(values, evaluated)
        self._is_own_row: list[bool] = []
        self._tables: list[Floats] = []  # (rows, codes) of shared tables
        self._flag_tables = [term.rows for term in kinds[FLAGS]]
        dimensions = [term.users.shape[1] for term in kinds[DOT]]
        self.entries = Slabs((users_room, len(kinds[LOOKUP])), np.int32, np.float64)
        lookups = self._make_lookups(kinds[LOOKUP], n_users)
        self._trees = _Trees(terms.placed, values, flat_weight, kinds[TREES])
        flag_sizes = np.array([term.rows.size for term in kinds[FLAGS]], dtype=np.int64)

        def of_jobs(columns: int, dtype: Any) -> NDArray[Any]:
            return np.zeros((jobs_room, columns), dtype=dtype)

        def of_users(columns: int, dtype: Any) -> NDArray[Any]:
            return np.zeros((users_room, columns), dtype=dtype)

        self._arrays: dict[str, Any] = {
            "flat_weight": np.ascontiguousarray(flat_weight, dtype=np.float64),
            "group_weight": np.ascontiguousarray(group_weight, dtype=np.float64),
            "group": group.astype(np.int32),
            "term_start": np.cumsum([0, *map(len, terms.placed)]).astype(np.int32),
            "divisor_kind": np.array([kind for kind, _ in terms.divisors], dtype=np.int8),
            "divisor_slot": np.array([slot for _, slot in terms.divisors], dtype=np.int32),
            "term_kind": np.array([kind for row in terms.placed for kind, _ in row], dtype=np.int8),
            "term_slot": np.array([slot for row in terms.placed for _, slot in row], dtype=np.int32),
            "link": _make_links(values),
            "job_sum": np.zeros(jobs_room),
            "job_value": of_jobs(len(kinds[JOB]), np.float64),
            "job_value_max": np.zeros(len(kinds[JOB])),
            "key_code": of_jobs(len(keys), np.int32),
            "number": of_jobs(len(numbers), np.float64),
            "flag_bits": of_jobs(len(flags), np.uint16),
            "dot_job_has": of_jobs(len(kinds[DOT]), np.bool_),
            "dot_reach": np.zeros(len(kinds[DOT])),
            "job_vector": of_jobs(sum(dimensions), np.float32),
            "job_leaves": of_jobs(self._trees.n_words, np.uint32),
            "job_class": np.zeros(jobs_room, dtype=np.int32),
            "user_value": of_users(len(kinds[USER]), np.float64),
            **lookups,
            "interval_number": np.array([self._numbers[t.number.name] for t in kinds[INTERVAL]], dtype=np.int32),
            "interval_low": of_users(len(kinds[INTERVAL]), np.float64),
            "interval_high": of_users(len(kinds[INTERVAL]), np.float64),
            "interval_gain": of_users(len(kinds[INTERVAL]), np.float64),
            "flag_set": np.array([self._flags[term.flags.name] for term in kinds[FLAGS]], dtype=np.int32),
            "flag_width": np.array([term.rows.shape[1] for term in kinds[FLAGS]], dtype=np.int32),
            "flag_first": np.cumsum(flag_sizes) - flag_sizes,
            "flag_row": of_users(len(kinds[FLAGS]), np.int32),
            "flag_values": np.concatenate([np.empty(0), *(table.ravel() for table in self._flag_tables)]),
            "dot_start": np.cumsum([0, *dimensions]).astype(np.int32),
            "dot_scale": np.array([term.scale for term in kinds[DOT]], dtype=np.float64),
            "dot_shift": np.array([term.shift for term in kinds[DOT]], dtype=np.float64),
            "dot_otherwise": of_users(len(kinds[DOT]), np.float64),
            "dot_user_has": of_users(len(kinds[DOT]), np.bool_),
            "user_vector": of_users(sum(dimensions), np.float32),
            "user_leaves": of_users(self._trees.n_words, np.uint32),
            **self._trees.arrays(),
            "output": np.full((len(kinds[PAIRS]), max(users_room, jobs_room)), np.inf),
            "is_output_by_job": np.zeros(1, dtype=bool),
        }
        self._n_users = n_users
        self._outputs = [OutputColumns(term, users_room, jobs_room) for term in kinds[PAIRS]]
        self._weighted_outputs = _find_weighted(terms.placed, flat_weight, group_weight)
        self.is_job_only: Bools = np.array([_is_job_only(value) for value in values], dtype=bool)
        self._weight_of_job_slot = _find_weights(terms.placed, values, flat_weight, len(kinds[JOB]))
        self._arrays |= self._make_classes()
        self._arrays["is_in_sum"] = self.is_job_only.copy()
        self._arrays["is_in_sum"][[trees.component for trees in self._trees.of_jobs]] = True
        self._write_jobs(kinds, slice(0, n_jobs))
        self._write_users(kinds, slice(0, n_users))
        self._arrays |= self._make_bounds(values, n_users)
        self._bound_keys, self._bound_first = (self._arrays[name].tolist() for name in ("bound_key", "bound_first"))
        self._refresh()

    def _note_sources(self, values: Sequence[Value], evaluated: Container[int]) -> None:
        """Note which columns `encode_jobs` takes from jobs, and the kinds of the terms of each component."""
        of_rows = _Terms([value for number, value in enumerate(values) if number not in evaluated])
        keys, numbers, flags = of_rows.columns()
        self._keys_of_rows = [(name, self._keys[name]) for name in keys]
        self._numbers_of_rows = [(name, self._numbers[name]) for name in numbers]
        self._flags_of_rows = [(name, self._flags[name]) for name in flags]
        self._vectors_of_basis: list[tuple[int, slice]] = []
        self._kinds = [tuple(map(type, (*value.terms, value.divisor))) for value in values]
        place, first = 0, 0
        for number, value in enumerate(values):
            for term in value.terms:
                if isinstance(term, DotTerm):
                    stop = first + term.users.shape[1]
                    if number not in evaluated:
                        self._vectors_of_basis.append((place, slice(first, stop)))
                    place, first = place + 1, stop

    def _make_bounds(self, values: Sequence[Value], n_users: int) -> dict[str, Any]:
        """Return empty bounds by the two keys that separate totals most."""
        spread = dict.fromkeys(self._keys, 0.0)
        sample = np.linspace(0, n_users - 1, min(n_users, _SAMPLED_USERS)).astype(np.int64)
        for value, weight in zip(values, self._arrays["flat_weight"], strict=True):
            for term in value.terms:
                if isinstance(term, LookupTerm) and _is_sum(value) and len(sample):
                    rows = term.rows[term.row_of[sample]]
                    gain = 0.0 if term.gains is None else float(term.gains.max(initial=0.0))
                    spread[term.key.name] += weight * max(float(np.ptp(rows, axis=1).mean()), gain)
        chosen = sorted(
            (name for name in spread if spread[name] > 0 and self._key_size[name] <= _MAX_CODES),
            key=lambda name: -spread[name],
        )[:_N_BOUND_KEYS]
        sizes = [self._key_size[name] + 1 for name in chosen]
        first = np.cumsum([0, *sizes, 1, *([0] * (_N_BOUND_KEYS - len(chosen)))])  # one row for jobs without a key
        if len(chosen) < _N_BOUND_KEYS:
            first[len(chosen) : _N_BOUND_KEYS] = first[-1] - 1
        return {
            "bound_key": np.array([*(self._keys[name] for name in chosen), -1, -1], np.int32)[:_N_BOUND_KEYS],
            "bound_first": np.append(first[:_N_BOUND_KEYS], first[-1]).astype(np.int32),
            "bound": np.zeros((int(first[-1]) + (1 << self._class_width), self.users_room), dtype=np.float32),
            "class_bound": np.zeros(self.users_room, dtype=np.float32),
        }

    def _make_classes(self) -> dict[str, Any]:
        """Return the places of flags and of vectors in the classes of jobs."""
        shifts: dict[str, list[int]] = {"flag": [], "dot": []}
        self._class_width = 0
        widths = [("dot", 1)] * len(self._arrays["dot_scale"]) + [("flag", w) for w in self._flag_width.values()]
        for name, width in widths:
            is_used = self._class_width + width <= _MAX_CLASS_WIDTH
            shifts[name].append(self._class_width if is_used else -1)
            self._class_width += width if is_used else 0
        return {f"class_{name}_shift": np.array(of_name, dtype=np.int32) for name, of_name in shifts.items()}

    def _find_classes(self, jobs: slice) -> Ints:
        """Return the class of each job."""
        arrays, found = self._arrays, np.zeros(jobs.stop - jobs.start, dtype=np.int32)
        for column, shifts in (("flag_bits", "class_flag_shift"), ("dot_job_has", "class_dot_shift")):
            for place, shift in enumerate(arrays[shifts].tolist()):
                if shift >= 0:
                    found |= arrays[column][jobs, place].astype(np.int32) << shift
        return found

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
            "lookup_row": np.zeros((self.users_room, len(terms)), dtype=np.int32),
            "lookup_values": np.concatenate([np.empty(0), *(table.ravel() for table in tables)]),
        }

    def _sum_points(self, jobs: slice) -> Floats:
        """Return the most that job terms and the trees of jobs add to the total of each job."""
        points: Floats = self._arrays["job_value"][jobs] @ self._weight_of_job_slot
        for trees in self._trees.of_jobs:
            points = points + trees.weight * trees.bound(self._arrays["job_leaves"][jobs, trees.words])
        return points

    def _refresh(self) -> None:
        start, stop, (code, value) = self.entries.arrays()
        self.arrays = PairArrays(**self._arrays, entry_start=start, entry_stop=stop, entry_code=code, entry_value=value)

    def _write_jobs(self, kinds: dict[int, list[Any]], jobs: slice) -> None:
        arrays = self._arrays
        for slot, term in enumerate(kinds[JOB]):
            arrays["job_value"][jobs, slot] = term.values
            arrays["job_value_max"][slot] = term.values.max(initial=0.0)
        for slot, term in enumerate(kinds[TREES]):
            arrays["job_leaves"][jobs, self._trees.words(slot)] = term.jobs
        arrays["job_sum"][jobs] = self._sum_points(jobs)
        for term in kinds[LOOKUP]:
            arrays["key_code"][jobs, self._keys[term.key.name]] = term.key.codes + 1
        for term in kinds[INTERVAL]:
            arrays["number"][jobs, self._numbers[term.number.name]] = term.number.values
        for term in kinds[FLAGS]:
            arrays["flag_bits"][jobs, self._flags[term.flags.name]] = term.flags.bits
        for slot, term in enumerate(kinds[DOT]):
            dimensions = slice(arrays["dot_start"][slot], arrays["dot_start"][slot + 1])
            arrays["dot_job_has"][jobs, slot] = term.job_has
            arrays["job_vector"][jobs, dimensions] = term.jobs
            arrays["dot_reach"][slot] = _find_reach(term.jobs)
        arrays["job_class"][jobs] = self._find_classes(jobs)

    def _write_users(self, kinds: dict[int, list[Any]], users: slice) -> None:
        for terms in kinds.values():
            for slot, term in enumerate(terms):
                self._write_user_term(term, slot, users)

    def _write_user_term(self, term: Any, slot: int, users: slice) -> None:
        arrays = self._arrays
        if isinstance(term, UserTerm):
            arrays["user_value"][users, slot] = term.values
        elif isinstance(term, LookupTerm):
            self._write_lookup(slot, term, users)
        elif isinstance(term, IntervalTerm):
            arrays["interval_low"][users, slot] = term.low
            arrays["interval_high"][users, slot] = term.high
            arrays["interval_gain"][users, slot] = term.gain
        elif isinstance(term, FlagTerm):
            arrays["flag_row"][users, slot] = np.where(term.row_of < 0, len(term.rows) - 1, term.row_of)
        elif isinstance(term, LeafTerm):
            arrays["user_leaves"][users, self._trees.words(slot)] = term.users
        elif isinstance(term, OutputTerm):
            if users.stop - users.start == 1:  # those of all users are written when the columns are made
                self._outputs[slot].write_user(users.start, term)
        elif isinstance(term, DotTerm):
            dimensions = slice(arrays["dot_start"][slot], arrays["dot_start"][slot + 1])
            arrays["dot_otherwise"][users, slot] = term.otherwise
            arrays["dot_user_has"][users, slot] = term.user_has
            arrays["user_vector"][users, dimensions] = term.users

    def _write_lookup(self, slot: int, term: LookupTerm, users: slice) -> None:
        arrays = self._arrays
        n = users.stop - users.start
        if self._is_own_row[slot]:
            arrays["lookup_row"][users, slot] = np.arange(users.start, users.stop)
            if n == 1:
                row = term.rows[int(term.row_of[0])]
                first, stride = int(arrays["lookup_first"][slot]), int(arrays["lookup_stride"][slot])
                column = arrays["lookup_values"][first + users.start :: stride][: len(row)]
                column[0], column[1:] = row[-1], row[:-1]
        else:
            arrays["lookup_row"][users, slot] = np.where(term.row_of < 0, len(term.rows) - 1, term.row_of)
        if term.entries is None or term.gains is None:
            return
        codes = term.entries.values + 1
        if n == 1:
            self.entries.set((users.start, slot), codes, term.gains)
        else:
            self.entries.fill(term.entries.start, codes, term.gains, place=(slice(None), slot))

    def encode_jobs(self, jobs: JobArrays, values: Mapping[int, Value]) -> EncodedJobs:
        """Return the columns of a few jobs.

        Parameters
        ----------
        jobs: The jobs, whose codes the tables contain.
        values: Component → value for these jobs and no users, of the components of `evaluated`.

        Raises
        ------
        LayoutChangedError: If a component returned other terms, codes or maxima than before.
        """
        n, arrays = len(jobs), self._arrays
        found = EncodedJobs(
            np.zeros((n, arrays["job_value"].shape[1])),
            np.zeros((n, len(self._keys)), dtype=np.int32),
            np.zeros((n, len(self._numbers))),
            np.zeros((n, len(self._flags)), dtype=np.uint16),
            np.zeros((n, self._trees.n_words), dtype=np.uint32),
            [],
            [],
        )
        for name, key in self._keys_of_rows:
            found.key_code[:, key] = getattr(jobs, name) + 1
        for name, number in self._numbers_of_rows:
            found.number[:, number] = getattr(jobs, name)
        for name, flag_set in self._flags_of_rows:
            found.flag_bits[:, flag_set] = _FLAGS[name](jobs).bits
        for component, value in values.items():
            self._encode_terms(component, value, found)
        return found

    def _encode_terms(self, component: int, value: Value, found: EncodedJobs) -> None:
        arrays = self._arrays
        for term, (_, place) in self._place_terms(component, value):
            if isinstance(term, JobTerm):
                found.job_value[:, place] = term.values
                if not _is_sum(value) and term.values.max() > arrays["job_value_max"][place]:
                    raise LayoutChangedError
            elif isinstance(term, LookupTerm):
                if term.key.size != self._key_size[term.key.name] or term.key.size < _LEAST_CODES:
                    raise LayoutChangedError
                found.key_code[:, self._keys[term.key.name]] = term.key.codes + 1
            elif isinstance(term, IntervalTerm):
                found.number[:, self._numbers[term.number.name]] = term.number.values
            elif isinstance(term, FlagTerm):
                if term.flags.width != self._flag_width[term.flags.name]:
                    raise LayoutChangedError
                found.flag_bits[:, self._flags[term.flags.name]] = term.flags.bits
            elif isinstance(term, LeafTerm):
                found.leaves[:, self._trees.words(place)] = term.jobs
            elif isinstance(term, OutputTerm):
                found.columns.append((place, term.columns))
            elif isinstance(term, DotTerm):
                start, stop = arrays["dot_start"][place : place + 2]
                if term.jobs.shape[1] != stop - start or _find_reach(term.jobs) > arrays["dot_reach"][place]:
                    raise LayoutChangedError
                found.vectors.append((place, slice(start, stop), term.job_has, term.jobs))

    def _place_terms(self, component: int, value: Value) -> list[tuple[Any, tuple[int, int]]]:
        """Return the terms of a component, its divisor included, with their kinds and slots."""
        if self._kinds[component] != tuple(map(type, (*value.terms, value.divisor))):
            raise LayoutChangedError
        placed = list(zip(value.terms, self._placed[component], strict=True))
        return placed if value.divisor is None else [*placed, (value.divisor, self._divisors[component])]

    def write_job(self, slot: int, encoded: EncodedJobs, row: int, vector: Singles | None) -> None:
        """Write one job, row `row` of `encoded`. `vector`: that of the basis; None if the job has none.

        Raises
        ------
        LayoutChangedError: If no row is left.
        """
        if slot >= self.jobs_room:
            raise LayoutChangedError
        arrays = self.arrays
        arrays.job_value[slot] = encoded.job_value[row]
        arrays.key_code[slot] = encoded.key_code[row]
        arrays.number[slot] = encoded.number[row]
        arrays.flag_bits[slot] = encoded.flag_bits[row]
        arrays.job_leaves[slot] = encoded.leaves[row]
        for place, dimensions in self._vectors_of_basis:
            arrays.dot_job_has[slot, place] = vector is not None
            arrays.job_vector[slot, dimensions] = 0.0 if vector is None else vector
        for place, dimensions, has, vectors in encoded.vectors:
            arrays.dot_job_has[slot, place] = has[row]
            arrays.job_vector[slot, dimensions] = vectors[row]
        for place, columns in encoded.columns:
            self._outputs[place].write_job(slot, columns, row)
        arrays.job_sum[slot] = self._sum_points(slice(slot, slot + 1))[0]
        arrays.job_class[slot] = self._find_classes(slice(slot, slot + 1))[0]

    def write_user(self, user: int, values: Mapping[int, Value]) -> None:
        """Write one user, except the bounds. `values`: those of components that changed, for any jobs.

        Raises
        ------
        LayoutChangedError: If a table has other values than the one that all users share, a component returned other
            terms than before, or no row is left.
        """
        if user >= self.users_room or (self._outputs and not self._n_users):
            raise LayoutChangedError
        placed = [term for component, value in values.items() for term in self._place_terms(component, value)]
        for term, (_, slot) in placed:
            self._require_same_table(term, slot)
        version = self.entries.version
        for term, (_, slot) in placed:
            self._write_user_term(term, slot, slice(user, user + 1))
        if self.entries.version != version:
            self._refresh()

    def _require_same_table(self, term: Any, slot: int) -> None:
        is_same = True
        if isinstance(term, LookupTerm):
            is_same = term.key.size == self._key_size[term.key.name] and (
                self._is_own_row[slot] or np.array_equal(term.rows, self._tables[slot])
            )
        elif isinstance(term, FlagTerm):
            is_same = np.array_equal(term.rows, self._flag_tables[slot])
        elif isinstance(term, DotTerm):
            is_same = term.users.shape[1] == self._arrays["dot_start"][slot + 1] - self._arrays["dot_start"][slot]
        if not is_same:
            raise LayoutChangedError

    def read_job(self, slot: int) -> list[NDArray[Any]]:
        """Return copies of the values of a job."""
        return [self._arrays[name][slot].copy() for name in _OF_JOBS]

    def read_user(self, user: int) -> list[NDArray[Any]]:
        """Return copies of the values of a user, without the bounds."""
        arrays = self._arrays
        own = [
            arrays["lookup_values"][first + user :: stride][: len(table.T)].copy()
            for first, stride, table, is_own in zip(
                arrays["lookup_first"], arrays["lookup_stride"], self._tables, self._is_own_row, strict=True
            )
            if is_own
        ]
        entries = [column.copy() for slot in range(len(self._tables)) for column in self.entries.get((user, slot))]
        return [*(arrays[name][user].copy() for name in _OF_USERS), *own, *entries]

    @property
    def has_outputs(self) -> bool:
        """Whether a component with a weight needs outputs of pairs."""
        return bool(self._weighted_outputs)

    def clear_outputs(self, *, by_job: bool) -> None:
        """Set all outputs to infinity, with which scores are upper bounds. `by_job`: as of `is_output_by_job`."""
        self._arrays["output"].fill(np.inf)
        self._arrays["is_output_by_job"][0] = by_job

    def compute_outputs(self, users: Longs, jobs: Longs) -> None:
        """Compute the outputs of pairs (p,), all of one user or of one job."""
        output, columns = self._arrays["output"], jobs if self._arrays["is_output_by_job"][0] else users
        for slot in self._weighted_outputs if len(columns) else ():
            output[slot, columns] = self._outputs[slot].compute(users, jobs)

    def find_bound(self, slot: int) -> JobBound:
        """Return what bounds the totals of a job."""
        arrays, (first, second, third) = self.arrays, self._bound_first
        (first_key, second_key), codes = self._bound_keys, arrays.key_code[slot]
        return JobBound(
            float(arrays.job_sum[slot]),
            first if first_key < 0 else first + int(codes[first_key]),
            second if second_key < 0 else second + int(codes[second_key]),
            third + int(arrays.job_class[slot]),
        )


def _find_reach(vectors: Singles) -> float:
    """Return the greatest length of a vector, and at least 1, the length of the basis' vectors."""
    return max(1.000001, float(np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1).max(initial=0.0))))
