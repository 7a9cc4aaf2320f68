"""Seconds, bytes, and a process of one's own."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import pyarrow as pa

from scoring.runs import memory_budget

__all__ = ["Extra", "Times", "apart", "extra_memory", "give_back", "reset_peak", "timed"]

P = ParamSpec("P")
T = TypeVar("T")

_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Times:
    """Seconds of the same work, done again and again."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        return max(self.seconds)

    def as_dict(self) -> dict[str, object]:
        return {"best": self.best, "median": self.median, "worst": self.worst, "seconds": list(self.seconds)}


def timed(work: Callable[[], object], repeats: int = 5, at_most: float = 60.0) -> Times:
    """Once at least, and again until `repeats` times or `at_most` seconds are over."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < repeats and sum(seconds) < at_most):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return Times(tuple(seconds))


def apart(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """The function's answer out of a new process: what it holds goes with it, and its peak is its own.

    The function has to be importable: of a module, not of a notebook's cell. A script that calls this needs
    `if __name__ == "__main__":`, since the new process imports it.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


@dataclass
class Extra:
    """Bytes held at the peak above what was held before; None where that cannot be told."""

    bytes: int | None = None


@contextmanager
def extra_memory() -> Iterator[Extra]:
    """How much more memory the work inside takes at its peak."""
    give_back()
    extra, before = Extra(), memory_budget.resident()
    can_tell = reset_peak()
    yield extra
    if can_tell:
        extra.bytes = max(0, memory_budget.peak() - before)


def give_back() -> None:
    """Freed memory to the system, as far as allocators let go of it: what work takes again would not be seen."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> bool:
    """Lets this process's peak begin anew; False where the system does not offer that (it is Linux that does)."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True
