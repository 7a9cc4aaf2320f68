"""The clock of a dataset: the moment that scores are computed for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

__all__ = ["Clock"]


@dataclass(frozen=True)
class Clock:
    """A moment, and whether it was set back by hand.

    Parameters
    ----------
    as_of: The moment, in UTC. Data after it are not read into a score.
    set_back: Whether the moment is earlier than the newest data. `is_active` then says nothing about it.
    """

    as_of: pd.Timestamp
    set_back: bool

    @classmethod
    def at(cls, now: int, *, set_back: bool) -> Self:
        """Return the clock at `now` microseconds since the epoch."""
        return cls(pd.Timestamp(np.datetime64(now, "us"), tz="UTC"), set_back)

    @cached_property
    def now(self) -> int:
        """The moment in microseconds since the epoch; nanoseconds are cut off."""
        return int(self.as_of.as_unit("us").asm8.view(np.int64))
