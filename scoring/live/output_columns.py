"""The inputs of a trained model of pairs, for users and jobs whose rows change in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.backends.numba.jit import compiled
from scoring.bundle.pair_formulas import (
    ElapsedDays,
    ListedCount,
    PairColumns,
    PairFormula,
    PlaceStep,
    RatioOfSides,
    TableLookup,
    VectorProduct,
)
from scoring.live.slabs import Slabs

__all__ = ["OutputColumns", "OutputTerm"]

Rows = NDArray[np.integer]

_USER_FIELDS: Final[dict[type[Any], tuple[str, ...]]] = {
    PlaceStep: ("home", "home_city"),
    TableLookup: ("table",),
    ListedCount: ("total",),
    ElapsedDays: (),
    RatioOfSides: ("of_user",),
    VectorProduct: ("user_vector", "user_has"),
}
_JOB_FIELDS: Final[dict[type[Any], tuple[str, ...]]] = {
    PlaceStep: ("place", "city"),
    TableLookup: ("code",),
    ListedCount: ("code",),
    ElapsedDays: (),
    RatioOfSides: ("of_job",),
    VectorProduct: ("job_vector", "job_has"),
}
"""The arrays of a formula with a row per user and per job. Values by user and code are in `_UserEntries`."""


@dataclass(frozen=True, eq=False)
class OutputTerm:
    """The outputs of a trained model of pairs. They are computed outside of kernels."""

    predict: Callable[[Floats], Floats]
    """(p, inputs) → (p,) outputs. A row has the same output alone and in any batch."""
    columns: PairColumns
    """The inputs of the rows of the term."""
    slots: Longs
    """The slot of each job of the users' actions."""


class OutputColumns:
    """The inputs of n users and m jobs with room for more.

    Parameters
    ----------
    term: The model, and the inputs of the first users and jobs.
    users_room, jobs_room: Numbers of rows with room for more.
    """

    def __init__(self, term: OutputTerm, users_room: int, jobs_room: int) -> None:
        columns, self._predict = term.columns, term.predict
        n_users = len(columns.user_columns)
        self._entries = [
            _UserEntries(formula, term.slots, n_users, users_room) if isinstance(formula, _Listed) else None
            for formula in columns.formulas
        ]
        formulas = [_widen_formula(formula, users_room, jobs_room) for formula in columns.formulas]
        self._columns = replace(
            columns,
            user_columns=_widen(columns.user_columns, users_room),
            job_columns=_widen(columns.job_columns, jobs_room),
            formulas=tuple(
                formula if entries is None else _of_entries(formula, entries)
                for formula, entries in zip(formulas, self._entries, strict=True)
            ),
        )
        self._formulas = formulas

    def write_user(self, user: int, term: OutputTerm) -> None:
        """Write one user, the only one of the term."""
        self._columns.user_columns[user] = term.columns.user_columns[0]
        for formula, entries, found in zip(self._formulas, self._entries, term.columns.formulas, strict=True):
            for name in _USER_FIELDS[type(formula)]:
                if getattr(formula, name).size:
                    getattr(formula, name)[user] = getattr(found, name)[0]
            if entries is not None:
                entries.write(user, found, term.slots)

    def write_job(self, slot: int, columns: PairColumns, row: int) -> None:
        """Write one job, row `row` of the columns."""
        self._columns.job_columns[slot] = columns.job_columns[row]
        for formula, found in zip(self._formulas, columns.formulas, strict=True):
            for name in _JOB_FIELDS[type(formula)]:
                getattr(formula, name)[slot] = getattr(found, name)[row]

    def compute(self, users: Rows, jobs: Rows) -> Floats:
        """Return (p,) the outputs of pairs of rows."""
        return self._predict(self._columns.rows(users, jobs))


_Listed = ListedCount | ElapsedDays


class _UserEntries:
    """Values by user and code, of which the codes of a user can be replaced."""

    def __init__(self, formula: ListedCount | ElapsedDays, slots: Longs, n_users: int, users_room: int) -> None:
        self._slabs = Slabs((users_room,), np.int32, np.float64)
        codes, values = _read_entries(formula, slots)
        start = np.searchsorted(formula.keys >> 32, np.arange(n_users + 1))
        self._slabs.fill(start, codes, values)

    def write(self, user: int, formula: Any, slots: Longs) -> None:
        self._slabs.set((user,), *_read_entries(formula, slots))

    def find(self, users: Rows, codes: Rows, otherwise: float) -> Floats:
        """Return (p,) the value of each user and code; `otherwise` without one."""
        start, stop, (known, values) = self._slabs.arrays()
        found = np.full(len(users), otherwise)
        look_up(start, stop, known, values, users.astype(np.int64), codes.astype(np.int64), found)
        return found


def _read_entries(formula: ListedCount | ElapsedDays, slots: Longs) -> tuple[Ints, Floats]:
    """Return the codes and values of all users, ascending by user and code. Rows of jobs become slots."""
    codes = (formula.keys & 0xFFFFFFFF).astype(np.int32)
    if isinstance(formula, ElapsedDays):
        return slots[codes].astype(np.int32), formula.at
    return codes, formula.counts


@compiled
def look_up(start: Longs, stop: Longs, known: Ints, value: Floats, users: Longs, codes: Longs, found: Floats) -> None:
    """Set `found` where a user has a value for a code. The codes of a user ascend."""
    for i in range(len(users)):
        low, high = start[users[i]], stop[users[i]]
        while low < high:
            middle = (low + high) // 2
            if known[middle] < codes[i]:
                low = middle + 1
            else:
                high = middle
        if low < stop[users[i]] and known[low] == codes[i]:
            found[i] = value[low]


def _of_entries(formula: Any, entries: _UserEntries) -> Any:
    """Return the function of a formula whose values by user and code are those of `entries`."""

    def count(users: Rows, jobs: Rows) -> Floats:
        code = formula.code[jobs]
        return formula.divide(np.where(code >= 0, entries.find(users, code, 0.0), 0.0), users)

    def elapse(users: Rows, jobs: Rows) -> Floats:
        return formula.count_days(entries.find(users, jobs, np.nan))

    return count if isinstance(formula, ListedCount) else elapse


def _widen_formula(formula: PairFormula, users_room: int, jobs_room: int) -> Any:
    """Return a formula with room for more users and jobs."""
    arrays: dict[str, Any] = {field.name: getattr(formula, field.name) for field in fields(formula)}
    for names, room in ((_USER_FIELDS, users_room), (_JOB_FIELDS, jobs_room)):
        arrays |= {name: _widen(arrays[name], room) for name in names[type(formula)]}
    if isinstance(formula, ListedCount) and not len(formula.total):
        arrays["total"] = formula.total
    return replace(formula, **arrays)


def _widen(array: NDArray[Any], room: int) -> NDArray[Any]:
    found = np.zeros((room, *array.shape[1:]), dtype=array.dtype)
    found[: len(array)] = array
    return found
