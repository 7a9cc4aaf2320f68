"""The inputs of trained models for pairs of users and jobs, with the bits of `PairColumns.rows`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs, Singles
from scoring.backends.numba.jit import compiled, internal
from scoring.bundle.pair_formulas import (
    JOB_SIDE,
    PAIR_SIDE,
    USER_SIDE,
    ElapsedDays,
    ListedCount,
    PairColumns,
    PairFormula,
    PlaceStep,
    RatioOfSides,
    TableLookup,
    VectorProduct,
)

__all__ = ["fill_formulas", "fill_rows"]

Rows = NDArray[np.integer]

_DAY = 24.0 * 60 * 60 * 1_000_000
"""Microseconds."""


def fill_rows(columns: PairColumns, users: Rows, jobs: Rows, out: Floats) -> None:
    """Fill `out` (p, d) with the inputs of pairs of rows."""
    at_job, at_user, at_pair = (
        np.flatnonzero(columns.sides == side).astype(np.int64) for side in (JOB_SIDE, USER_SIDE, PAIR_SIDE)
    )
    _gather(columns.job_columns, at_job, jobs, out)
    _gather(columns.user_columns, at_user, users, out)
    for formula, missing, column in zip(columns.formulas, columns.missing.tolist(), at_pair.tolist(), strict=True):
        _fill(formula, users, jobs, missing, out[:, column])


def fill_formulas(columns: PairColumns, users: Rows, jobs: Rows, out: Floats) -> None:
    """Fill `out` (p, number of PAIR_SIDE) with the inputs of pairs of rows that depend on both sides."""
    for column, (formula, missing) in enumerate(zip(columns.formulas, columns.missing.tolist(), strict=True)):
        _fill(formula, users, jobs, missing, out[:, column])


def _fill(formula: PairFormula, users: Rows, jobs: Rows, missing: float, out: Floats) -> None:
    match formula:
        case PlaceStep():
            _fill_places(
                formula.home,
                formula.home_city,
                formula.place,
                formula.city,
                formula.adjacent,
                users,
                jobs,
                missing,
                out,
            )
        case TableLookup():
            _fill_lookups(formula.table, formula.code, users, jobs, missing, out)
        case ListedCount():
            _fill_counts(formula.keys, formula.counts, formula.total, formula.code, users, jobs, missing, out)
        case ElapsedDays():
            _fill_days(formula.keys, formula.at, formula.row, formula.now, users, jobs, missing, out)
        case RatioOfSides():
            _fill_ratios(formula.of_user, formula.of_job, users, jobs, missing, out)
        case VectorProduct():
            _fill_products(
                formula.user_vector, formula.job_vector, formula.user_has, formula.job_has, users, jobs, missing, out
            )


@internal(forceinline=True)
def _or_missing(value: float, missing: float) -> float:
    return missing if value != value else value


@compiled
def _gather(values: Floats, places: Longs, rows: Longs, out: Floats) -> None:
    for p in range(len(rows)):
        row = rows[p]
        for i in range(len(places)):
            out[p, places[i]] = values[row, i]


@compiled
def _fill_places(
    home: Ints, home_city: Ints, place: Ints, city: Ints, adjacent: Bools, users: Longs, jobs: Longs, missing: float,
    out: Floats,
) -> None:  # fmt: skip
    for p in range(len(users)):
        of_user, of_job = home[users[p]], place[jobs[p]]
        value = 0.0
        if of_user < 0 or of_job < 0:
            value = missing
        elif of_user == of_job:
            city_of_user = home_city[users[p]]
            value = 3.0 if city_of_user >= 0 and city_of_user == city[jobs[p]] else 2.0
        elif adjacent.size > 0 and adjacent[of_user, of_job]:
            value = 1.0
        out[p] = value


@compiled
def _fill_lookups(table: Floats, code: Ints, users: Longs, jobs: Longs, missing: float, out: Floats) -> None:
    for p in range(len(users)):
        out[p] = _or_missing(table[users[p], code[jobs[p]]], missing)


@internal
def _find_key(keys: Longs, low: int, high: int, wanted: int) -> int:
    """Return the first place from `low` to `high` of a key that is not less than `wanted`."""
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _fill_counts(
    keys: Longs, counts: Floats, total: Floats, code: Ints, users: Longs, jobs: Longs, missing: float, out: Floats
) -> None:
    user, first, last = np.int64(-1), 0, 0
    for p in range(len(users)):
        if users[p] != user:
            user = users[p]
            first = _find_key(keys, 0, len(keys), user << 32)
            last = _find_key(keys, first, len(keys), (user + 1) << 32)
        of_job, value = np.int64(code[jobs[p]]), 0.0
        if of_job >= 0:
            wanted = (user << 32) | of_job
            at = _find_key(keys, first, last, wanted)
            if at < last and keys[at] == wanted:
                value = counts[at]
        if len(total) > 0:
            of_user = total[user]
            value = value / max(of_user, 1.0) if of_user > 0 else np.nan
        out[p] = _or_missing(value, missing)


@compiled
def _fill_days(
    keys: Longs, at: Floats, row: Longs, now: float, users: Longs, jobs: Longs, missing: float, out: Floats
) -> None:
    user, first, last = np.int64(-1), 0, 0
    for p in range(len(users)):
        if users[p] != user:
            user = users[p]
            first = _find_key(keys, 0, len(keys), user << 32)
            last = _find_key(keys, first, len(keys), (user + 1) << 32)
        of_job, value = np.int64(row[jobs[p]]), np.nan
        if of_job >= 0:
            wanted = (user << 32) | of_job
            place = _find_key(keys, first, last, wanted)
            if place < last and keys[place] == wanted:
                value = (now - at[place]) / _DAY
        out[p] = _or_missing(value, missing)


@compiled
def _fill_ratios(of_user: Floats, of_job: Floats, users: Longs, jobs: Longs, missing: float, out: Floats) -> None:
    for p in range(len(users)):
        out[p] = _or_missing(of_job[jobs[p]] / of_user[users[p]], missing)


@compiled
def _fill_products(
    user_vector: Singles, job_vector: Singles, user_has: Bools, job_has: Bools, users: Longs, jobs: Longs,
    missing: float, out: Floats,
) -> None:  # fmt: skip
    """Four pairs at a time: one sum waits four cycles for each addition."""
    n_dimensions, n = user_vector.shape[1], len(users)
    for p in range(0, n, 4):
        # after the last pair, the last one is computed again
        p1, p2, p3 = min(p + 1, n - 1), min(p + 2, n - 1), min(p + 3, n - 1)
        u0, u1, u2, u3 = user_vector[users[p]], user_vector[users[p1]], user_vector[users[p2]], user_vector[users[p3]]
        j0, j1, j2, j3 = job_vector[jobs[p]], job_vector[jobs[p1]], job_vector[jobs[p2]], job_vector[jobs[p3]]
        a = b = c = d = -0.0  # added to a first product, it leaves every bit
        for i in range(n_dimensions):
            a += np.float64(u0[i]) * np.float64(j0[i])
            b += np.float64(u1[i]) * np.float64(j1[i])
            c += np.float64(u2[i]) * np.float64(j2[i])
            d += np.float64(u3[i]) * np.float64(j3[i])
        for place, value in ((p, a), (p1, b), (p2, c), (p3, d)):
            has = user_has[users[place]] and job_has[jobs[place]]
            out[place] = _or_missing(value + 0.0, missing) if has else missing
