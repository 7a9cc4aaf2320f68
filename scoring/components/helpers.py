"""Functions that several components share: piecewise linear curves, keys, and statistics per user."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from scoring.array_types import Floats, Ints
from scoring.dataset.arrays import Ragged
from scoring.distinct_integers import sort_distinct
from scoring.model.component_inputs import ActionRows, Inputs
from scoring.model.terms import Key, Number

__all__ = [
    "Curve",
    "Days",
    "Points",
    "compute_mean_per_user",
    "find_distinct_codes",
    "interpolate",
    "number_column",
    "occupation_key",
    "place_key",
    "prefecture_key",
]

Points = Annotated[float, Field(ge=0, le=100)]
"""A component value, or a part of one, from 0 to 100."""
Days = Annotated[float, Field(gt=0, le=36_500)]
"""A number of days, above 0 and at most 100 years."""


def _check_curve(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if len(points) < 2:
        raise ValueError("a curve must have at least two points [x, y]")
    if any(a[0] >= b[0] for a, b in pairwise(points)):
        raise ValueError("in a curve of points [x, y], each x must be greater than the x before it")
    if any(not 0 <= y <= 100 for _, y in points):
        raise ValueError("in a curve of points [x, y], each y must be from 0 to 100")
    return points


Curve = Annotated[tuple[tuple[float, float], ...], AfterValidator(_check_curve)]
"""Points (x, y) of a piecewise linear curve, x ascending; constant before the first and after the last."""


def interpolate(x: float | Floats, points: Sequence[tuple[float, float]]) -> Any:
    """Return the curve's value at x, elementwise: `y0 + (x - x0) * (y1 - y0) / (x1 - x0)`. NaN stays NaN."""
    xs, ys, rise, run = _split_curve(tuple(points))
    i = sum(x >= inner for inner in xs[1:-1].tolist())  # a few comparisons are faster than a search
    at = np.minimum(np.maximum(x, xs[0]), xs[-1])  # in half the time of `np.clip` for one number
    return ys[i] + (at - xs[i]) * rise[i] / run[i]


@lru_cache(maxsize=256)
def _split_curve(points: tuple[tuple[float, float], ...]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x, y, and the differences of y and of x between neighbours."""
    xs, ys = (np.array(column) for column in zip(*points, strict=True))
    return xs, ys, ys[1:] - ys[:-1], xs[1:] - xs[:-1]


def occupation_key(inputs: Inputs) -> Key:
    """Return the key of the occupation."""
    return Key("occupation", inputs.jobs.occupation, len(inputs.words.occupation))


def prefecture_key(inputs: Inputs) -> Key:
    """Return the key of the prefecture."""
    return Key("prefecture", inputs.jobs.prefecture, len(inputs.words.prefecture))


def place_key(inputs: Inputs) -> Key:
    """Return the key of the (prefecture, city) pair."""
    return Key("place", inputs.jobs.place, len(inputs.words.place))


def number_column(inputs: Inputs, name: str) -> Number:
    """Return a money column of the jobs: `hourly`, `min_salary` or `fee`."""
    return Number(name, getattr(inputs.jobs, name))


def find_distinct_codes(users: Ints, codes: Ints, n_users: int) -> Ragged:
    """Return the distinct known codes of each user, ascending.

    Example
    -------
    >>> codes = find_distinct_codes(np.array([0, 0, 2, 0]), np.array([5, 3, 4, 5]), n_users=3)
    >>> [codes.values[codes.start[user] : codes.start[user + 1]].tolist() for user in range(3)]
    [[3, 5], [], [4]]
    """
    if not len(users):  # one user without history
        return Ragged(np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int32))
    known = codes >= 0
    pairs = sort_distinct((users[known].astype(np.int64) << 32) | codes[known].astype(np.int64))
    start = np.searchsorted(pairs >> 32, np.arange(n_users + 1))
    return Ragged(start, (pairs & 0xFFFFFFFF).astype(np.int32))


def compute_mean_per_user(users: Ints, values: Floats, n_users: int) -> Floats:
    """Return the mean per user (n_users,) of the values that are not NaN, added in order; NaN for users without any."""
    known = ~np.isnan(values)
    count = np.bincount(users[known], minlength=n_users)
    total = np.bincount(users[known], values[known], minlength=n_users)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def find_any_per_user(users: Ints, n_users: int, holds: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Return per user, (n_users,), whether an action exists for which `holds` is true; None: any action."""
    chosen = users if holds is None else users[holds]
    return np.bincount(chosen, minlength=n_users) > 0


def find_most_frequent_rows(
    actions: ActionRows, columns: Sequence[NDArray[Any]], keep: int
) -> tuple[Ints, NDArray[np.int64]]:
    """Return per user the `keep` most frequent combinations of the columns: (user, an action row with the combination).

    Combinations are ordered by descending frequency, then ascending by the columns. Encode missing values as the
    largest value.
    """
    if not len(actions):
        return actions.user, np.empty(0, dtype=np.int64)
    order = np.lexsort((*reversed(columns), actions.user))
    new = np.ones(len(order), dtype=bool)
    ordered = [column[order] for column in (actions.user, *columns)]
    new[1:] = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    first = np.flatnonzero(new)
    count = np.diff(np.append(first, len(order)))
    rows = order[first]
    ranked = np.lexsort((np.arange(len(rows)), -count, actions.user[rows]))
    users = actions.user[rows][ranked]
    place = np.arange(len(users)) - np.searchsorted(users, users)
    return users[place < keep], rows[ranked][place < keep]
