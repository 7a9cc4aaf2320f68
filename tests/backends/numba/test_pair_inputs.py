"""Inputs of pairs in kernels have the bits of the formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scoring.backends.numba.pair_inputs import fill_formulas, fill_rows
from scoring.bundle.pair_formulas import (
    ElapsedDays,
    ListedCount,
    PairColumns,
    PairFormula,
    PlaceStep,
    RatioOfSides,
    TableLookup,
    VectorProduct,
    join_keys,
)

N_USERS, N_JOBS = 9, 31


def make_formulas(rng: np.random.Generator) -> list[PairFormula]:
    """One formula of each class, with missing values, and those with a second form."""

    def codes(n: int, most: int) -> Any:
        return rng.integers(-1, most, n).astype(np.int32)

    def values(n: int) -> np.ndarray:
        found = rng.normal(size=n) * 10.0 ** rng.integers(-3, 4, n)
        found[rng.random(n) < 0.2] = rng.choice([0.0, -0.0, np.nan, np.inf])
        return found

    pairs = np.unique(join_keys(rng.integers(0, N_USERS, 60), rng.integers(0, 5, 60)))
    places = codes(N_USERS, 4), codes(N_USERS, 6), codes(N_JOBS, 4), codes(N_JOBS, 6)
    vectors = rng.normal(size=(N_USERS, 7)).astype(np.float32), rng.normal(size=(N_JOBS, 7)).astype(np.float32)
    has = rng.random(N_USERS) < 0.7, rng.random(N_JOBS) < 0.7
    return [
        PlaceStep(*places, rng.random((4, 4)) < 0.5),
        PlaceStep(*places, np.zeros((0, 0), dtype=bool)),
        TableLookup(values(N_USERS * 6).reshape(N_USERS, 6), codes(N_JOBS, 5)),
        ListedCount(pairs, rng.integers(1, 9, len(pairs)).astype(float), np.empty(0), codes(N_JOBS, 5)),
        ListedCount(
            pairs,
            rng.integers(1, 9, len(pairs)).astype(float),
            rng.integers(0, 3, N_USERS).astype(float),
            codes(N_JOBS, 5),
        ),
        ElapsedDays(pairs, rng.integers(0, 10**15, len(pairs)).astype(float), codes(N_JOBS, 5).astype(np.int64), 1e15),
        ElapsedDays(np.empty(0, np.int64), np.empty(0), codes(N_JOBS, 5).astype(np.int64), 1e15),
        RatioOfSides(values(N_USERS), values(N_JOBS)),
        VectorProduct(*vectors, *has),
        VectorProduct(np.empty((N_USERS, 0), np.float32), np.empty((N_JOBS, 0), np.float32), *has),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_kernels_have_the_bits_of_the_formulas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    formulas = make_formulas(rng)
    sides = rng.permutation([0] * 3 + [1] * 2 + [2] * len(formulas)).astype(np.int8)
    missing = rng.choice([0.0, -1.5, np.nan], len(formulas))
    columns = PairColumns(sides, rng.normal(size=(N_JOBS, 3)), rng.normal(size=(N_USERS, 2)), tuple(formulas), missing)
    users, jobs = np.sort(rng.integers(0, N_USERS, 203)), rng.integers(0, N_JOBS, 203)
    for of_users, of_jobs in ((users, jobs), (users[::-1].copy(), jobs), (users[:1], jobs[:1]), (users[:0], jobs[:0])):
        expected = columns.rows(of_users, of_jobs)
        found = np.empty_like(expected)
        fill_rows(columns, of_users, of_jobs, found)
        assert found.tobytes() == expected.tobytes()
        pairs = np.empty((len(of_users), len(formulas)))
        fill_formulas(columns, of_users, of_jobs, pairs)
        assert pairs.tobytes() == np.ascontiguousarray(expected[:, sides == 2]).tobytes()


def test_jobs_are_taken_with_all_inputs() -> None:
    rng = np.random.default_rng(0)
    formulas = make_formulas(rng)
    sides = np.array([0, 1, *[2] * len(formulas)], dtype=np.int8)
    columns = PairColumns(
        sides, rng.normal(size=(N_JOBS, 1)), rng.normal(size=(N_USERS, 1)), tuple(formulas), np.zeros(len(formulas))
    )
    order, users, jobs = rng.permutation(N_JOBS), rng.integers(0, N_USERS, 50), rng.integers(0, N_JOBS, 50)
    assert columns.take_jobs(order).rows(users, jobs).tobytes() == columns.rows(users, order[jobs]).tobytes()
