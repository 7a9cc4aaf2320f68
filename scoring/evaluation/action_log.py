"""The actions that say what a user was looking for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError

__all__ = ["Log"]


@dataclass(frozen=True)
class Log:
    """n actions by user, then time, then job: rows among the dataset's users and jobs, microseconds, gains."""

    user: Ints
    job: Ints
    at: Longs
    gain: Floats

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of(cls, data: Dataset, gains: Mapping[str, float]) -> Self:
        """The actions up to the data's clock of the kinds that have a gain. Raises ConfigurationError."""
        worth = np.zeros(len(ACTION_KINDS))
        for kind, gain in gains.items():
            if kind not in ACTION_KINDS:
                raise ConfigurationError(f"there are no actions of kind {kind!r}; kinds: {', '.join(ACTION_KINDS)}.")
            if not (np.isfinite(gain) and gain > 0):
                raise ConfigurationError(f"the gain of {kind} is {gain}; a gain is a number above 0.")
            worth[ACTION_KINDS.index(kind)] = gain
        actions = data.actions
        rows = np.flatnonzero(worth[actions.kind] > 0)
        return cls(actions.user[rows], actions.job[rows], actions.at[rows], worth[actions.kind[rows]])

    def take(self, rows: NDArray) -> Self:
        """Those at these rows, or where a mask is true."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def pairs(self) -> Self:
        """Each user and job once, at the time of the newest action, with the largest gain."""
        order = np.lexsort((self.at, self.job, self.user))
        user, job = self.user[order], self.job[order]
        first = np.flatnonzero(np.append(True, (np.diff(user) != 0) | (np.diff(job) != 0))[: len(user)])
        if not len(first):
            return self
        last = np.append(first[1:], len(user)) - 1
        gain = np.maximum.reduceat(self.gain[order], first)
        found = type(self)(user[last], job[last], self.at[order][last], gain)
        return found.take(np.lexsort((found.job, found.at, found.user)))

    def counts(self, n_users: int) -> Longs:
        """(n_users,) actions of each."""
        return np.bincount(self.user, minlength=n_users)

    def first(self) -> NDArray[np.int64]:
        """(n,) where the actions of the same user begin."""
        return np.searchsorted(self.user, self.user)

    def earliest(self, n_users: int) -> Longs:
        """(n_users,) time of each user's first one; the end of time for users with none."""
        found = np.full(n_users, np.iinfo(np.int64).max)
        np.minimum.at(found, self.user, self.at)
        return found

    def latest(self, n_users: int) -> Longs:
        """(n_users,) time of each user's last one; the beginning of time for users with none."""
        found = np.full(n_users, np.iinfo(np.int64).min)
        np.maximum.at(found, self.user, self.at)
        return found
