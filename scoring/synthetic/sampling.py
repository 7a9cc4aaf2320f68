"""Vectorised weighted draws: from one list, and from groups of items of which only some are open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats

__all__ = ["OpenStrata", "Strata", "draw_flags", "draw_weighted"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def draw_weighted(rng: np.random.Generator, weights: NDArray[np.floating] | Ints, size: int) -> Ints:
    """Return (size,) positions drawn in proportion to the weights."""
    cumulative = np.cumsum(weights, dtype=np.float64)
    drawn = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return np.minimum(drawn, len(cumulative) - 1).astype(np.int64)


def draw_flags(rng: np.random.Generator, share: float | NDArray[np.floating], size: int) -> Flags:
    """Return (size,) bool, true with the given probability: one for all, or one for each."""
    return rng.random(size) < share


class Strata:
    """Weighted items grouped by key. They are sorted once; `at` filters without sorting again."""

    def __init__(self, keys: NDArray[np.integer], n_keys: int, weights: Floats) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._weights = weights[self._order]
        self._n_keys = n_keys

    def restrict(self, is_open: Flags) -> OpenStrata:
        """Return the groups restricted to open items."""
        is_kept = is_open[self._order]
        cumulative = np.concatenate([[0.0], np.cumsum(self._weights[is_kept])])
        bounds = np.searchsorted(self._keys[is_kept], np.arange(self._n_keys + 1))
        return OpenStrata(self._order[is_kept], cumulative, bounds)


@dataclass(frozen=True)
class OpenStrata:
    """Open items in key order, the cumulative weight before each, and the bounds of each key."""

    items: Ints
    cumulative: Floats
    bounds: Ints

    def draw(self, rng: np.random.Generator, keys: NDArray[np.integer]) -> Ints:
        """Return one random item of each key's group, in the shape of `keys`; −1 where the group is empty."""
        first, last = self.bounds[keys], self.bounds[keys + 1]
        low, high = self.cumulative[first], self.cumulative[last]
        target = low + rng.random(keys.shape) * (high - low)
        # rounding may move a target beyond the end of its group
        place = np.clip(np.searchsorted(self.cumulative, target, side="right") - 1, first, last - 1)
        empty = first == last
        return np.where(empty, -1, self.items[np.where(empty, 0, place)] if len(self.items) else -1)
