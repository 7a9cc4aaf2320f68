"""What it means that a measure is beyond its limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["AT_LEAST", "AT_MOST", "FACTOR", "FALL", "MOVE", "RISE", "Rule"]


@dataclass(frozen=True)
class Rule:
    """`beyond` of (last night, tonight, limit); what is not known of last night (None) or of tonight comes first."""

    says: str  # the limit in words, {} its value
    beyond: Callable[[float, float, float], bool]
    alone: bool = False  # one figure of both nights: there is none of last night alone

    def broken(self, before: float | None, after: float | None, limit: float | None) -> bool:
        """Whether it is beyond. What was measured last night and cannot be tonight is."""
        if limit is None or (before is None and not self.alone):
            return False
        if after is None:
            return not self.alone
        return self.beyond(math.nan if before is None else before, after, limit)


_ROUNDING: Final = 1e-12
"""A share that is a limit in decimal may be a little more as a binary fraction."""

AT_LEAST: Final = Rule("at least {}", lambda _, after, limit: after < limit - _ROUNDING, alone=True)
AT_MOST: Final = Rule("at most {}", lambda _, after, limit: after > limit + _ROUNDING, alone=True)
RISE: Final = Rule("at most {} more", lambda before, after, limit: after - before > limit + _ROUNDING)
FALL: Final = Rule("at most {} less", lambda before, after, limit: after < before * (1 - limit) * (1 - _ROUNDING))
MOVE: Final = Rule("within ±{}", lambda before, after, limit: abs(after - before) > limit + _ROUNDING)
FACTOR: Final = Rule(
    "within ×{}",
    lambda before, after, limit: max(before, after) > min(before, after) * limit * (1 + _ROUNDING),
)
