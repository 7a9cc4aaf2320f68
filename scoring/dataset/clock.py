"""The clock of a dataset: the time for which scores are computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final, Self

import numpy as np
import pandas as pd

__all__ = ["SET_BACK_AFTER", "Clock"]

SET_BACK_AFTER: Final = timedelta(days=1)
"""How much later than a given clock the newest data must be for the clock to be set back.

Rows arrive while a run reads them, and clocks of machines differ. Validation accepts times up to one day after the
current time. Therefore a clock that is given as the current time is never set back.
"""


@dataclass(frozen=True)
class Clock:
    """The time of a dataset, and whether `is_active` is valid at this time.

    Parameters
    ----------
    as_of: The time, in UTC. Scores do not use data after it.
    set_back: Whether the time is in the past of the data. `is_active` describes a job when its row was read, so it is
        not valid at such a time. A job is then open from its posting until it expires.
    """

    as_of: pd.Timestamp
    set_back: bool

    @classmethod
    def given(cls, as_of: pd.Timestamp, newest: pd.Timestamp, set_back: bool | None = None) -> Self:
        """Return the clock of data whose newest time is `newest`. All entry points use this rule.

        Parameters
        ----------
        as_of: The time that the caller gave.
        newest: The time of the newest action, or of the newest posting if there are no actions.
        set_back: Whether the time is in the past. Holdouts state True, and live lists state False. With None, it is
            in the past if `newest` is more than `SET_BACK_AFTER` later.
        """
        return cls(as_of, newest - as_of > SET_BACK_AFTER if set_back is None else set_back)

    @classmethod
    def at(cls, now: int, *, set_back: bool) -> Self:
        """Return the clock at `now` microseconds since the epoch."""
        return cls(pd.Timestamp(np.datetime64(now, "us"), tz="UTC"), set_back)

    @cached_property
    def now(self) -> int:
        """The time in microseconds since the epoch; nanoseconds are dropped."""
        return int(self.as_of.as_unit("us").asm8.view(np.int64))
