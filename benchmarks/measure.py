"""What sections measure with: that of `scoring.profiling`, and what only benchmarks need."""

from __future__ import annotations

import sys
from collections.abc import Callable

from scoring.profiling.measure import Extra, Times, apart, extra_memory, reset_peak, timed

__all__ = ["Extra", "Times", "apart", "extra_memory", "in_turn", "reset_peak", "say", "timed"]


def in_turn(
    one: Callable[[], object], other: Callable[[], object], repeats: int = 5, at_most: float = 20.0
) -> tuple[Times, Times]:
    """Two ways to the same, one after the other again and again, so that a busy moment meets both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    while len(seconds[0]) < repeats and sum(map(sum, seconds)) < at_most:
        for work, taken in zip((one, other), seconds, strict=True):
            taken.append(timed(work, 1).best)
    return Times(tuple(seconds[0])), Times(tuple(seconds[1]))


def say(text: str) -> None:
    """A line of progress, for those who wait."""
    print(f"  … {text}", file=sys.stderr, flush=True)
