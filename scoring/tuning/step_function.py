"""Piecewise-constant functions of a weight, exact at every point including breakpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scoring.array_types import Floats

__all__ = ["StepCurve", "find_constant_interval"]


def find_constant_interval(changes: Floats, t: float) -> tuple[float, float]:
    """Return the open interval around t that contains no change; (t, t) if t itself is a change.

    `changes` are ascending weights. The interval ends at the next change on either side, or at 0 or 1.
    """
    left, right = np.searchsorted(changes, t, "left"), np.searchsorted(changes, t, "right")
    if left < right:
        return t, t
    return float(changes[left - 1]) if left else 0.0, float(changes[right]) if right < len(changes) else 1.0


@dataclass(frozen=True, repr=False)
class StepCurve:
    """A function of t in [0, 1] with n constant pieces. At a breakpoint the value may differ from both neighbours."""

    t: Floats  # (n + 1,) ascending, from 0 to 1
    at: Floats  # (n + 1,) value exactly at each t
    within: Floats  # (n,) value between one t and the next

    def __repr__(self) -> str:
        return f"StepCurve({len(self.within):,} pieces, {self.lowest:.4g} to {self.highest:.4g})"

    def __call__(self, t: ArrayLike) -> Floats:
        """Return the values at t, in the shape of t; NaN outside [0, 1]."""
        t = np.asarray(t, dtype=np.float64)
        place = np.clip(np.searchsorted(self.t, t, "left"), 0, len(self.t) - 1)
        value = np.where(self.t[place] == t, self.at[place], self.within[np.maximum(place - 1, 0)])
        return np.where((t >= 0) & (t <= 1), value, np.nan)

    @classmethod
    def simplify(cls, t: Floats, at: Floats, within: Floats) -> Self:
        """Return a curve without the breakpoints at which the value does not change."""
        kept = np.ones(len(t), dtype=bool)
        kept[1:-1] = (within[:-1] != at[1:-1]) | (at[1:-1] != within[1:])
        return cls(t[kept], at[kept], within[np.flatnonzero(kept)[:-1]])

    @classmethod
    def mean(cls, curves: Sequence[Self]) -> Self:
        """Return the mean of one or more curves. At each t their values are added in the given order."""
        t = np.unique(np.concatenate([curve.t for curve in curves]))
        at, within = np.zeros(len(t)), np.zeros(len(t) - 1)
        for curve in curves:
            at += curve(t)
            within += curve.within[np.searchsorted(curve.t, t[:-1], "right") - 1]
        return cls(t, at / len(curves), within / len(curves))

    @classmethod
    def sum(cls, curves: Sequence[Self]) -> Self:
        """Return the sum of one or more curves by adding up their steps; exact for whole-number values."""
        stay = [np.column_stack([c.t[1:-1], c.at[1:-1] - c.within[:-1], c.within[1:] - c.at[1:-1]]) for c in curves]
        steps = np.concatenate(stay)
        t, where = np.unique(steps[:, 0], return_inverse=True)
        to_point, from_point = (np.bincount(where, steps[:, side], len(t)) for side in (1, 2))
        within = sum(c.within[0] for c in curves) + np.append(0.0, np.cumsum(to_point + from_point))
        first, last = sum(c.at[0] for c in curves), sum(c.at[-1] for c in curves)
        at = np.concatenate([[first], within[:-1] + to_point, [last]])
        return cls(np.concatenate([[0.0], t, [1.0]]), at, within)

    @property
    def changes(self) -> Floats:
        """Ascending t at which the value changes; includes 0 or 1 if the value there differs from its piece."""
        before, after = np.append(self.at[0], self.within), np.append(self.within, self.at[-1])
        return self.t[(before != self.at) | (self.at != after)]

    @property
    def highest(self) -> float:
        return float(max(self.at.max(), self.within.max()))

    @property
    def lowest(self) -> float:
        return float(min(self.at.min(), self.within.min()))

    def best(self, near: float) -> tuple[float, float, float]:
        """Return (t, from, to): the piece with the highest value that is nearest to `near`, and a weight t in it.

        t is `near` if the piece contains it, otherwise the middle of the piece. A single breakpoint is returned only
        if its value is higher than that of every piece.
        """
        pieces = np.flatnonzero(self.within == self.highest)
        if not len(pieces):
            points = self.t[self.at == self.highest]
            point = float(points[np.argmin(abs(points - near))])
            return point, point, point
        low, high = self.t[pieces], self.t[pieces + 1]
        nearest = int(np.argmin(np.maximum(np.maximum(low - near, near - high), 0.0)))
        begin, end = float(low[nearest]), float(high[nearest])
        inside = begin < near < end or (begin <= near <= end and self(near) == self.highest)
        return near if inside else (begin + end) / 2, begin, end

    def frame(self) -> pd.DataFrame:
        """Return one row per piece: from · to · value · at_from (the value exactly at `from`)."""
        columns = {"from": self.t[:-1], "to": self.t[1:], "value": self.within, "at_from": self.at[:-1]}
        return pd.DataFrame(columns)
