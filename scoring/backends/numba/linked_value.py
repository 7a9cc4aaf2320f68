"""The value of a component after its link, and the sum of a user's and a job's trees."""

from __future__ import annotations

import math

import numpy as np

from scoring.backends.numba.jit import internal
from scoring.bundle.program import (
    LINK_FACTOR,
    LINK_KIND,
    LINK_MISSING,
    LINK_ORIGIN,
    ROW_HIGH,
    ROW_LOW,
    TABLE,
    WIDTH,
    Program,
)
from scoring.bundle.value_links import (
    AFFINE,
    EXP_COEFFICIENTS,
    LARGEST_EXPONENT,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    SLACK,
)

__all__ = ["add_trees", "bound_linked", "bound_trees", "link_value", "link_values", "sum_trees"]

_COEFFICIENTS = np.array(EXP_COEFFICIENTS)


@internal
def _exp(x: float) -> float:
    """Return exp(x) for x from -700 to 700 with the bits of `value_links`."""
    n = np.floor(x * LOG2_E + 0.5)
    rest = (x - n * LN2_HIGH) - n * LN2_LOW
    result = _COEFFICIENTS[0]
    for i in range(1, len(_COEFFICIENTS)):
        result = result * rest + _COEFFICIENTS[i]
    return math.ldexp(result, int(n))


@internal
def link_value(program: Program, c: int, raw: float) -> float:
    """Return the value of component c, which has a link, for the sum of its terms."""
    scaled = (raw - program.link[c, LINK_ORIGIN]) * program.link[c, LINK_FACTOR]
    if scaled != scaled:
        return program.link[c, LINK_MISSING]
    if program.link[c, LINK_KIND] == AFFINE:
        return min(max(scaled, 0.0), 100.0) + 0.0
    return 100.0 / (1.0 + _exp(-min(max(scaled, -LARGEST_EXPONENT), LARGEST_EXPONENT)))


@internal
def bound_linked(program: Program, c: int, high: float) -> float:
    """Return an upper bound of the value of component c for sums up to `high`; see `value_links.bound_link`."""
    value = link_value(program, c, high)
    return value if program.link[c, LINK_KIND] == AFFINE else min(value * (1.0 + SLACK), 100.0)


@internal
def sum_trees(program: Program, slot: int, user: int, job: int) -> float:
    """Return the value of a term of trees."""
    value = 0.0
    for tree in range(program.tree_start[slot], program.tree_start[slot + 1]):
        row = program.tree[tree, TABLE] + np.int64(program.tree_user_state[user, tree]) * program.tree[tree, WIDTH]
        value += program.tree_values[row + program.tree_job_state[job, tree]]
    return value


@internal
def bound_trees(program: Program, slot: int, user: int) -> tuple[float, float]:
    """Return bounds of the value of a term of trees for all jobs.

    Rounding does not decrease. Therefore sums of bounds in the same order are bounds of the sums.
    """
    low = high = 0.0
    for tree in range(program.tree_start[slot], program.tree_start[slot + 1]):
        state = program.tree_user_state[user, tree]
        low += program.tree_values[program.tree[tree, ROW_LOW] + state]
        high += program.tree_values[program.tree[tree, ROW_HIGH] + state]
    return low, high


@internal
def add_trees(program: Program, slot: int, user: int, states: np.ndarray, value: np.ndarray) -> None:
    """Add the values of a term of trees for the jobs with these states, (len(value), trees).

    Four sums at a time: one sum waits four cycles for each addition.
    """
    start, stop, n = program.tree_start[slot], program.tree_start[slot + 1], len(value)
    for i in range(0, n - 3, 4):
        a = b = c = d = 0.0
        s0, s1, s2, s3 = states[i], states[i + 1], states[i + 2], states[i + 3]
        for tree in range(start, stop):
            row = program.tree[tree, TABLE] + np.int64(program.tree_user_state[user, tree]) * program.tree[tree, WIDTH]
            a += program.tree_values[row + s0[tree]]
            b += program.tree_values[row + s1[tree]]
            c += program.tree_values[row + s2[tree]]
            d += program.tree_values[row + s3[tree]]
        value[i] += a
        value[i + 1] += b
        value[i + 2] += c
        value[i + 3] += d
    for i in range(n - n % 4, n):
        of_job = 0.0
        for tree in range(start, stop):
            row = program.tree[tree, TABLE] + np.int64(program.tree_user_state[user, tree]) * program.tree[tree, WIDTH]
            of_job += program.tree_values[row + states[i, tree]]
        value[i] += of_job


@internal
def link_values(program: Program, c: int, value: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] = link_value(program, c, value[i])
