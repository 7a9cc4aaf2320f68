"""Measuring tools of the sections: those of `scoring.profiling`, and some for benchmarks only."""

from __future__ import annotations

import sys
from collections.abc import Callable

from scoring.profiling.measurement import (
    ExtraMemory,
    Times,
    measure_extra_memory,
    measure_times,
    reset_peak,
    run_in_new_process,
)

__all__ = [
    "ExtraMemory",
    "Times",
    "measure_alternately",
    "measure_extra_memory",
    "measure_times",
    "print_progress",
    "reset_peak",
    "run_in_new_process",
]


def measure_alternately(
    one: Callable[[], object], other: Callable[[], object], repeats: int = 5, at_most: float = 20.0
) -> tuple[Times, Times]:
    """Time two equivalent calls in alternation, so that other load on the machine affects both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    while len(seconds[0]) < repeats and sum(map(sum, seconds)) < at_most:
        for work, taken in zip((one, other), seconds, strict=True):
            taken.append(measure_times(work, 1).best)
    return Times(tuple(seconds[0])), Times(tuple(seconds[1]))


def print_progress(text: str) -> None:
    """Print a line of progress to stderr."""
    print(f"  … {text}", file=sys.stderr, flush=True)
