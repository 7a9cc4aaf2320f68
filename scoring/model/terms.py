"""The terms that a component returns: the supported functions of a pair (user u, job j).

A component's value is the sum of its terms, in order and in float64, divided by its divisor if it has one, and changed
by its link if it has one.
Kernels read terms, not components, so weights can be multiplied into the terms before pairs are scored.
Arrays have one row per scored user or job. `scoring.bundle.terms` contains one module per kind of term.
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
    TreeTerm,
    UserTerm,
)
from scoring.bundle.terms.pair_term import PairTerm
from scoring.bundle.value_links import AffineLink, Link, SigmoidLink

__all__ = [
    "AffineLink",
    "DotTerm",
    "FlagTerm",
    "Flags",
    "IntervalTerm",
    "JobTerm",
    "Key",
    "Link",
    "LookupTerm",
    "Number",
    "PairTerm",
    "SigmoidLink",
    "Term",
    "TreeTerm",
    "UserTerm",
    "Value",
    "open_interval",
]

_NEAR = 4
"""Floats on each side of a guess that are searched first."""


@dataclass(frozen=True, eq=False)
class Value:
    """A component's value: the sum of `terms` in order, divided by `divisor` (never 0), and changed by `link`.

    Without a divisor or a link, that step is omitted. A link makes the component as slow as one with a divisor: it is
    computed per pair and bounded.

    Example
    -------
    >>> Value((JobTerm(np.array([0.0, 100.0])), UserTerm(np.array([50.0]))), divisor=UserTerm(np.array([2.0]))).divisor
    UserTerm(values=array([2.]))
    """

    terms: tuple[Term, ...]
    divisor: UserTerm | FlagTerm | None = None
    link: Link | None = None


def open_interval(middle: Floats, share: float) -> tuple[Floats, Floats]:
    """Return bounds (low, high) such that `low <= x < high` exactly when `abs(x - middle) < share * middle` in float64.

    0 < share < 1. Because of rounding, the bounds differ from `middle ± share * middle` by some units in the last
    place. A search finds the floats at which the formula changes its result. NaN if the interval is empty or
    `middle` is NaN.
    """
    reach = share * middle
    is_valid = reach > 0
    if not is_valid.any():
        return np.full(len(middle), np.nan), np.full(len(middle), np.nan)
    m, reach = np.where(is_valid, middle, 1.0), np.where(is_valid, reach, share)
    with np.errstate(over="ignore", invalid="ignore"):
        below = np.clip(m - 2 * reach, 0.0, np.nextafter(m, 0.0))
        above = np.maximum(m + 2 * reach, np.nextafter(m, np.inf))
        low = _find_first_float(below, m, m - reach, lambda x: np.abs(x - m) < reach)
        high = _find_first_float(m, above, m + reach, lambda x: np.abs(x - m) >= reach)
    return np.where(is_valid, low, np.nan), np.where(is_valid, high, np.nan)


def _find_first_float(low: Floats, high: Floats, guess: Floats, holds: Callable[[Floats], Bools]) -> Floats:
    """Return the smallest float in (low, high] for which `holds` is true, elementwise.

    `holds` is false at `low`, true at `high`, and changes once. For floats of 0 or more: their bits, read as integers,
    have the same order, so that a binary search over the integers finds the float. It begins near `guess` where the
    result is there: 3 steps instead of 62.
    """
    first, last, near = low.view(np.int64), high.view(np.int64), guess.view(np.int64)
    without, found = np.clip(near - _NEAR, first, last), np.clip(near + _NEAR, first, last)
    without = np.where(holds(without.view(np.float64)), first, without)
    found = np.where(holds(found.view(np.float64)), found, last)
    while len(found) and (found - without).max() > 1:
        half = without + (found - without) // 2
        holds_at_half = holds(half.view(np.float64))
        without, found = np.where(holds_at_half, without, half), np.where(holds_at_half, half, found)
    return found.view(np.float64)
