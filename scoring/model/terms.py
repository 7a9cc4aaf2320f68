"""What a component yields: terms, the few shapes in which it may depend on a pair (user u, job j).

A component's value is the sum of its terms in their order, in float64, over its divisor if it has one.
Kernels compute with terms and know no component; a model's weights can be folded into them before any
pair is visited. Arrays have a row per scored user or job. `scoring.bundle.terms` has a file for each kind of term.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scoring.array_types import Bools, Floats
from scoring.bundle.terms import (
    DotTerm,
    Flags,
    FlagTerm,
    IntervalTerm,
    JobTerm,
    Key,
    LookupTerm,
    Number,
    Term,
    UserTerm,
)

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
