"""Clocks that tests set, and numbers that reveal missing locks."""

from __future__ import annotations

import time

__all__ = ["Clock", "Halting", "HaltingCount", "Ticking"]


class Clock:
    """A clock that only the test moves."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Ticking:
    """A clock that advances one second with each call."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Halting(float):
    """A float that lets other threads run while it is added to a value; without a lock, additions get lost."""

    def __sub__(self, other: float) -> Halting:
        return Halting(float(self) - float(other))

    def __radd__(self, other: float) -> float:
        time.sleep(1e-6)
        return other + float(self)


class HaltingCount(int):
    """The same as `Halting`, as an integer."""

    def __radd__(self, other: int) -> int:
        time.sleep(1e-6)
        return other + int(self)
