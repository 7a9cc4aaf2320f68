"""Rules that decide whether a measure exceeds its limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["AT_LEAST", "AT_MOST", "FACTOR", "FALL", "MOVE", "RISE", "Rule"]


@dataclass(frozen=True)
class Rule:
    """A rule: `exceeds(published, new, limit)` for known values. `is_broken` also handles unknown values (None)."""

    text: str  # the limit in words; {} stands for its value
    exceeds: Callable[[float, float, float], bool]
    is_single_value: bool = False  # one value describes both runs: the published run has no value of its own

    def is_broken(self, published: float | None, new: float | None, limit: float | None) -> bool:
        """Return whether the limit is exceeded. It is if the published run has a value and the new run has none."""
        if limit is None or (published is None and not self.is_single_value):
            return False
        if new is None:
            return not self.is_single_value
        return self.exceeds(math.nan if published is None else published, new, limit)


_ROUNDING: Final = 1e-12
"""Tolerance for shares that equal a decimal limit but are slightly larger as binary fractions."""

AT_LEAST: Final = Rule("at least {}", lambda _, new, limit: new < limit - _ROUNDING, is_single_value=True)
AT_MOST: Final = Rule("at most {}", lambda _, new, limit: new > limit + _ROUNDING, is_single_value=True)
RISE: Final = Rule("at most {} more", lambda published, new, limit: new - published > limit + _ROUNDING)
FALL: Final = Rule("at most {} less", lambda published, new, limit: new < published * (1 - limit) * (1 - _ROUNDING))
MOVE: Final = Rule("within ±{}", lambda published, new, limit: abs(new - published) > limit + _ROUNDING)
FACTOR: Final = Rule(
    "within ×{}",
    lambda published, new, limit: max(published, new) > min(published, new) * limit * (1 + _ROUNDING),
)
