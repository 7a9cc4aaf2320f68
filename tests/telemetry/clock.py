"""Clocks that tests set, and numbers that show what is not guarded."""

from __future__ import annotations

import time

__all__ = ["Clock", "Halting", "HaltingCount", "Ticking"]


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Ticking:
    """Each look at it is a second later than the one before."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Halting(float):
    """Lets other threads go on in the middle of being added to something: without a lock, additions get lost."""

    def __sub__(self, other: float) -> Halting:
        return Halting(float(self) - float(other))

    def __radd__(self, other: float) -> float:
        time.sleep(1e-6)
        return other + float(self)


class HaltingCount(int):
    """The same as a whole number."""

    def __radd__(self, other: int) -> int:
        time.sleep(1e-6)
        return other + int(self)
