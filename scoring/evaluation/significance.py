"""Whether a difference is more than luck: paired comparisons of what the same users got from two rankings.

A user without a value in either ranking is left out of a comparison and counted. Users are told apart by their ids:
answers follow from the ids, the values, the numbers of draws and the seed, and from no order of users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from scoring.argument_checks import whole_number
from scoring.array_types import Bools, Floats, Longs
from scoring.errors import ConfigurationError
from scoring.evaluation.randomisation import draw_signs, p_values
from scoring.ranking.prepared import whole_ids
from scoring.threads.pool import one_blas_thread

__all__ = [
    "Difference",
    "Differences",
    "Resamples",
    "benjamini_hochberg",
    "holm",
    "minimum_detectable_difference",
]

_FEWEST = 100
"""Draws for an interval: with fewer its ends are anybody's guess."""


@dataclass(frozen=True)
class Difference:
    """Means of a and b over the n users who have both, and b - a with its interval and p-value.

    n_left_out users have no value in a, in b, or in both.
    """

    mean_a: float
    mean_b: float
    difference: float  # mean_b - mean_a
    low: float
    high: float
    p: float
    n: int
    n_left_out: int


@dataclass(frozen=True, repr=False)
class Differences:
    """Many at once: arrays (s, c) for s slices of the users and c columns of values. NaN where n is 0."""

    mean_a: Floats
    mean_b: Floats
    difference: Floats
    low: Floats
    high: Floats
    p: Floats
    n: Longs
    n_left_out: Longs

    def __repr__(self) -> str:
        return f"Differences({self.n.shape[0]} slices × {self.n.shape[1]} columns)"

    def at(self, part: int, column: int) -> Difference:
        """One of them, in plain numbers."""
        return Difference(*(getattr(self, field.name)[part, column].item() for field in fields(self)))


@dataclass(frozen=True, repr=False)
class Resamples:
    """Draws of n users, made once and used for many values and slices by one matrix product. Made by `of`.

    They take 8 bytes × n × n_resamples, and a bit × n × n_permutations.
    """

    user_id: Longs  # (n,) in the order of values
    order: Longs  # (n,) places of the users by id
    n_resamples: int
    n_permutations: int
    seed: int

    @classmethod
    def of(
        cls,
        user_id: NDArray[np.integer] | Sequence[int],
        n_resamples: int = 1_000,
        n_permutations: int = 9_999,
        seed: int = 0,
    ) -> Self:
        """For values given in the order of these users, each of whom stands there once.

        `n_resamples` draws of n users with replacement give intervals; `n_permutations` draws of signs give p-values,
        which are never below 1 / (n_permutations + 1): with corrections for many tests they must be many.

        Raises ConfigurationError: too few draws; a user twice; nobody.
        """
        n_resamples = whole_number("n_resamples", n_resamples, "an interval needs a whole number of draws")
        if n_resamples < _FEWEST:
            raise ConfigurationError(f"n_resamples is {n_resamples}; an interval's ends need {_FEWEST} draws or more.")
        n_permutations = whole_number("n_permutations", n_permutations, "a p-value needs a whole number of draws")
        ids = whole_ids(user_id, "user")
        order = np.argsort(ids, kind="stable")
        twice = ids[order][1:] == ids[order][:-1]
        if twice.any():
            raise ConfigurationError(f"user {ids[order][1:][twice][0]} stands there twice; give each user once.")
        if not len(ids):
            raise ConfigurationError("there are no users to draw from.")
        return cls(ids, order, n_resamples, n_permutations, seed)

    def __repr__(self) -> str:
        return f"Resamples({self.n:,} users, {self.n_resamples:,} draws, {self.n_permutations:,} permutations)"

    @property
    def n(self) -> int:
        return len(self.order)

    @cached_property
    def counts(self) -> Floats:
        """(n_resamples, n) how often each user, by id, is in each draw of n with replacement."""
        rng = np.random.default_rng((self.seed, 0))
        counts = np.empty((self.n_resamples, self.n))
        for row in counts:
            row[:] = np.bincount(rng.integers(0, self.n, self.n), minlength=self.n)
        return counts

    @cached_property
    def signs(self) -> NDArray[np.uint8]:
        """(n_permutations, n / 8) bits of users by id, as `randomisation.draw_signs` gives them."""
        return draw_signs(self.n, self.n_permutations, np.random.default_rng((self.seed, 1)))

    def interval(self, values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval of the mean over the users who have a value.

        Efron & Tibshirani, An introduction to the bootstrap, 1993, chapter 13.

        Raises ConfigurationError: another number of values; nobody has one.
        """
        _require_fraction("level", level)
        given = self._columns(values)
        if given.shape[1] != 1:
            raise ConfigurationError(f"values have {given.shape[1]} columns; an interval is of one.")
        known = ~np.isnan(given)
        if not known.any():
            raise ConfigurationError(f"there is no interval: none of the {self.n:,} users has a value.")
        with one_blas_thread():
            low, high = self._intervals(np.where(known, given, 0.0), known, level)
        return float(low[0]), float(high[0])

    def paired(self, a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Difference:
        """Of (n,) values each. With fewer than some 30 users the interval is too narrow, and p is right all the same.

        Raises ConfigurationError: another number of values; nobody has both.
        """
        found = self.differences(a, b, level=level).at(0, 0)
        if not found.n:
            raise ConfigurationError(f"nothing can be compared: none of the {self.n:,} users has a value in both.")
        return found

    def differences(
        self, a: ArrayLike, b: ArrayLike, masks: Bools | None = None, level: float = 0.95, least: int = 1
    ) -> Differences:
        """Of (n, c) values each, among the users of each of (s, n) masks (None: all users).

        Intervals are percentile intervals of the mean difference. p-values are two-sided, of the paired randomisation
        test (`randomisation`). A slice with fewer than `least` users has neither (NaN).

        A draw that holds nobody of a slice says nothing of it and is left out of its interval.

        Raises ConfigurationError: another number of values; a level that is none.
        """
        _require_fraction("level", level)
        first, second = self._columns(a), self._columns(b)
        if first.shape != second.shape:
            raise ConfigurationError(f"a has {first.shape[1]} columns and b has {second.shape[1]}; give the same.")
        inside = np.ones((1, self.n), dtype=bool) if masks is None else np.asarray(masks, dtype=bool)
        if inside.ndim != 2 or inside.shape[1] != self.n:
            raise ConfigurationError(f"masks are of shape {inside.shape}; each needs one entry for {self.n:,} users.")
        inside = inside[:, self.order]
        both = ~(np.isnan(first) | np.isnan(second))
        known = inside.T[:, :, None] & both[:, None, :]  # (n, s, c)
        n = known.sum(axis=0)
        mean_a, mean_b = (_means(of, known, n) for of in (first, second))
        delta = np.where(known, (second - first)[:, None, :], 0.0)
        low, high, p = (np.full(n.shape, np.nan) for _ in range(3))
        tested = n >= max(least, 1)
        with one_blas_thread():  # on a machine that has other work, several wait for each other at every small product
            if tested.any():
                low[tested], high[tested] = self._intervals(delta[:, tested], known[:, tested], level)
            for part in np.flatnonzero(tested.any(axis=1)):
                columns = tested[part]
                p[part, columns] = p_values(delta[inside[part], part][:, columns], self.signs)
        difference = _means(second - first, known, n)
        return Differences(mean_a, mean_b, difference, low, high, p, n, inside.sum(axis=1)[:, None] - n)

    def _columns(self, values: ArrayLike) -> Floats:
        """(n, c) by user id."""
        given = np.asarray(values, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        if given.ndim != 2 or len(given) != self.n:
            raise ConfigurationError(f"values are of shape {given.shape}; there are {self.n:,} users, in their order.")
        if np.isinf(given).any():
            raise ConfigurationError("a value is infinite; a user without a value has NaN.")
        return given[self.order]

    def _intervals(self, values: Floats, known: Bools, level: float) -> tuple[Floats, Floats]:
        """(c,) low and high; values (n, c) are 0 where they are not known."""
        # columns of one slice have the same users: each set of them is counted once
        sets, of_column = np.unique(known, axis=1, return_inverse=True)
        held = (self.counts @ sets.astype(np.float64))[:, of_column.ravel()]
        with np.errstate(invalid="ignore"):
            means = (self.counts @ values) / held
        ends = ((1 - level) / 2, (1 + level) / 2)
        low, high = np.nanquantile(means, ends, axis=0) if not held.all() else np.quantile(means, ends, axis=0)
        return low, high


def _means(values: Floats, known: Bools, n: Longs) -> Floats:
    """(s, c) means of (n, c) values over those of (n, s, c) that count; NaN where none does."""
    total = np.where(known, values[:, None, :], 0.0).sum(axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def holm(p_values: ArrayLike) -> Floats:
    """Adjusted p-values in the same shape; those ≤ α are significant, and with chance 1 - α none of them wrongly.

    NaN stands for what was not tested, stays, and is not counted. Holm, A simple sequentially rejective multiple test
    procedure, Scandinavian Journal of Statistics 6(2), 1979.
    """
    p, told, order = _ordered(p_values)
    steps = np.maximum.accumulate(p[told][order] * np.arange(len(order), 0, -1))
    return _adjusted(p, told, order, steps)


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Adjusted p-values in the same shape; of those ≤ q, a share of at most q is expected to be wrong.

    NaN as in `holm`. Benjamini & Hochberg, Controlling the false discovery rate, JRSS B 57(1), 1995.
    """
    p, told, order = _ordered(p_values)
    steps = p[told][order] * len(order) / np.arange(1, len(order) + 1)
    return _adjusted(p, told, order, np.minimum.accumulate(steps[::-1])[::-1])


def _ordered(p_values: ArrayLike) -> tuple[Floats, Bools, NDArray[Any]]:
    """The p-values, which were tested, and the order of those."""
    p = np.asarray(p_values, dtype=np.float64)
    told = ~np.isnan(p)
    if ((p[told] < 0) | (p[told] > 1)).any():
        raise ConfigurationError("a p-value lies between 0 and 1.")
    return p, told, np.argsort(p[told], kind="stable")


def _adjusted(p: Floats, told: Bools, order: NDArray[Any], steps: Floats) -> Floats:
    back = np.empty(len(order))
    back[order] = np.minimum(steps, 1.0)
    result = np.full(p.shape, np.nan)
    result[told] = back
    return result


def minimum_detectable_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95, power: float = 0.8) -> float:
    """The true mean difference that so many users would show as significant with a chance of `power`.

    (z_{(1 + level) / 2} + z_power) · s / √n, s the standard deviation of the n paired differences, by the normal
    approximation: Cohen, Statistical power analysis for the behavioral sciences, 1988. What is smaller cannot be told
    from noise with the users at hand.

    Raises ConfigurationError: different lengths; fewer than two users have both; a level or a power that is none.
    """
    _require_fraction("level", level)
    _require_fraction("power", power)
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ConfigurationError(f"a is of shape {first.shape} and b of {second.shape}; both are (n,), user by user.")
    delta = second - first
    delta = delta[~np.isnan(delta)]
    if len(delta) < 2:
        raise ConfigurationError(f"{len(delta)} users have a value in both; a standard deviation needs two or more.")
    return float((ndtri((1 + level) / 2) + ndtri(power)) * delta.std(ddof=1) / np.sqrt(len(delta)))


def _require_fraction(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ConfigurationError(f"{name} is {value!r}; it lies between 0 and 1, such as 0.95.")
