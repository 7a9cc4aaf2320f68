"""Check that components of users have values from 0 to 100. Those of the package are tested instead."""

from __future__ import annotations

from typing import Final

import numpy as np

from scoring.array_types import Floats, Longs
from scoring.backends.reference import compute_component_values
from scoring.bundle.program import LINK_ORIGIN, LINK_TOKEN, NONE, Program
from scoring.bundle.terms import KINDS
from scoring.bundle.value_links import bound_link
from scoring.components.learned import Learned
from scoring.errors import ModelError
from scoring.model import Part
from scoring.model_catalog import SHIPPED

__all__ = ["RANGE_TOLERANCE", "is_shipped", "require_range"]

RANGE_TOLERANCE: Final = 1e-5
"""Tolerance of the range 0 to 100.

Rounding to float32 changes a vector by at most 2^-24 of its length. Therefore a cosine exceeds 1 by at most 1.2e-7,
and 50 · (1 + cosine) exceeds its range by at most 6e-6.
"""
_VALUES_AT_ONCE: Final = 1 << 20


def is_shipped(part: Part) -> bool:
    """Return whether the component of a part belongs to this package."""
    return type(part.component) in SHIPPED or isinstance(part.component, Learned)


def require_range(part: Part, program: Program, number: int, user_id: Longs, job_id: Longs) -> None:
    """Require that component `number` of a program has values from 0 to 100 for all pairs.

    Bounds of its terms usually show this in a few milliseconds. Otherwise the values of all pairs are computed.

    Raises
    ------
    ModelError: If a value is outside. The message names the component, the user and the job.
    """
    if not program.n_users or not program.n_jobs or _has_bounds_in_range(program, number):
        return
    jobs = np.arange(program.n_jobs)
    at_once = max(1, _VALUES_AT_ONCE // program.n_jobs)
    for first in range(0, program.n_users, at_once):
        users = np.arange(first, min(first + at_once, program.n_users))
        values = compute_component_values(program, users, jobs, [number])[0]
        outside = ~_is_in_range(values)
        if outside.any():
            user, job = (int(row) for row in np.argwhere(outside)[0])
            raise ModelError(
                f"component {part.name}: the value of user {user_id[first + user]} and job {job_id[job]} is "
                f"{values[user, job]:.6g}. Return values from 0 to 100.",
                key=(part.name, "range"),
            )


def _is_in_range(values: Floats) -> np.ndarray:
    return (values >= -RANGE_TOLERANCE) & (values <= 100 + RANGE_TOLERANCE)  # False for NaN


def _has_bounds_in_range(program: Program, number: int) -> bool:
    """Return whether bounds of the terms show that all values are from 0 to 100."""
    low, high = np.zeros(1), np.zeros(1)
    for term in range(program.term_start[number], program.term_start[number + 1]):
        kind = KINDS[program.term_kind[term]]
        lowest, highest = kind.bounds(program, int(program.term_slot[term]))
        low, high = low + lowest, high + highest
    if program.divisor_kind[number] != NONE:
        kind = KINDS[program.divisor_kind[number]]
        divisors = kind.bounds(program, int(program.divisor_slot[number]))
        smallest, largest = divisors[0].min(), divisors[1].max()
        if smallest <= 0 <= largest:
            return False
        quotients = [bound / divisor for bound in (low, high) for divisor in (smallest, largest)]
        low, high = np.minimum.reduce(quotients), np.maximum.reduce(quotients)
    if program.link_kind[number] != NONE:
        low, high = bound_link(program.link_kind[number], program.link[number, LINK_ORIGIN:LINK_TOKEN], low, high)
    return bool(_is_in_range(low).all() and _is_in_range(high).all())
