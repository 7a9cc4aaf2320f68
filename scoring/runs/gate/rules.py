"""Rules that decide whether a measure exceeds its limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["AT_LEAST", "AT_MOST", "FACTOR", "FALL", "MOVE", "RISE", "Rule"]


@dataclass(frozen=True)
class Rule:
    """A rule: `beyond(previous, new, limit)` for known values. `broken` also handles unknown values (None)."""

    says: str  # the limit in words; {} stands for its value
    beyond: Callable[[float, float, float], bool]
    alone: bool = False  # one value describes both runs: the previous run has no value of its own

    def broken(self, before: float | None, after: float | None, limit: float | None) -> bool:
        """Return whether the limit is exceeded. It is if the previous run has a value and the new run has none."""
        if limit is None or (before is None and not self.alone):
            return False
        if after is None:
            return not self.alone
        return self.beyond(math.nan if before is None else before, after, limit)


_ROUNDING: Final = 1e-12
"""Tolerance for shares that equal a decimal limit but are slightly larger as binary fractions."""

AT_LEAST: Final = Rule("at least {}", lambda _, after, limit: after < limit - _ROUNDING, alone=True)
AT_MOST: Final = Rule("at most {}", lambda _, after, limit: after > limit + _ROUNDING, alone=True)
RISE: Final = Rule("at most {} more", lambda before, after, limit: after - before > limit + _ROUNDING)
FALL: Final = Rule("at most {} less", lambda before, after, limit: after < before * (1 - limit) * (1 - _ROUNDING))
MOVE: Final = Rule("within ±{}", lambda before, after, limit: abs(after - before) > limit + _ROUNDING)
FACTOR: Final = Rule(
    "within ×{}",
    lambda before, after, limit: max(before, after) > min(before, after) * limit * (1 + _ROUNDING),
)
