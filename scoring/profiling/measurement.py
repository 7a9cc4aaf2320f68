"""Measure seconds and bytes, and run functions in a separate process."""

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

from scoring.runs import memory_forecast

__all__ = [
    "ExtraMemory",
    "Times",
    "measure_extra_memory",
    "measure_times",
    "release_memory",
    "reset_peak",
    "run_in_new_process",
]

P = ParamSpec("P")
T = TypeVar("T")

_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Times:
    """Seconds of repeated runs of the same work."""

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


def measure_times(work: Callable[[], object], repeats: int = 5, at_most: float = 60.0) -> Times:
    """Time `work` at least once, and repeat until `repeats` runs or `at_most` seconds are reached."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < repeats and sum(seconds) < at_most):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return Times(tuple(seconds))


def run_in_new_process(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function in a new process and return its result.

    The memory of the new process is freed at its end, and its peak includes no other work. The function must be
    importable from a module, not defined in a notebook cell. A script that calls `run_in_new_process` needs
    `if __name__ == "__main__":`, because the new process imports the script.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


@dataclass
class ExtraMemory:
    """Bytes at the peak above those before the work; None: not measurable on this system."""

    bytes: int | None = None


@contextmanager
def measure_extra_memory() -> Iterator[ExtraMemory]:
    """Measure the additional memory of the block at its peak."""
    release_memory()
    extra, before = ExtraMemory(), memory_forecast.measure_resident()
    is_measurable = reset_peak()
    yield extra
    if is_measurable:
        extra.bytes = max(0, memory_forecast.measure_peak() - before)


def release_memory() -> None:
    """Return freed memory to the system where allocators allow it. Otherwise its reuse would not be measured."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> bool:
    """Reset the peak memory of this process. Return False if the system does not support it; Linux does."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True
