"""The clock of a dataset: the time for which scores are computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

__all__ = ["Clock"]


@dataclass(frozen=True)
class Clock:
    """The time of a dataset, and whether it is earlier than the newest data.

    Parameters
    ----------
    as_of: The time, in UTC. Scores do not use data after it.
    set_back: Whether the time is earlier than the newest data. `is_active` is then not valid for that time.
    """

    as_of: pd.Timestamp
    set_back: bool

    @classmethod
    def at(cls, now: int, *, set_back: bool) -> Self:
        """Return the clock at `now` microseconds since the epoch."""
        return cls(pd.Timestamp(np.datetime64(now, "us"), tz="UTC"), set_back)

    @cached_property
    def now(self) -> int:
        """The time in microseconds since the epoch; nanoseconds are dropped."""
        return int(self.as_of.as_unit("us").asm8.view(np.int64))
