"""Log of the actions that count as evidence of relevance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import is_positive
from scoring.array_types import Floats, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.dataset.dataset import require_dataset
from scoring.errors import ConfigurationError, shorten_repr, suggest

__all__ = ["MAX_GAIN", "ActionLog"]

MAX_GAIN: Final = 1_000_000_000
"""Limit of a gain. Sums of gains must remain finite."""


def check_gains(gains: Mapping[str, float]) -> None:
    """Check kinds of actions and their gains.

    Raises
    ------
    ConfigurationError: If a kind is unknown, or a gain is not a number above 0 and at most `MAX_GAIN`.
    """
    if not isinstance(gains, Mapping):
        raise ConfigurationError(
            f"gains is {shorten_repr(gains)}. Use a mapping of kinds to gains, such as {{'application': 1}}.",
            key=("gains",),
        )
    if not gains:
        raise ConfigurationError("gains is empty. Give at least one kind of action.", key=("gains",))
    for kind, gain in gains.items():
        if kind not in ACTION_KINDS:
            raise ConfigurationError(
                f"{kind!r} is not a kind of action. {suggest(str(kind), ACTION_KINDS)}", key=("gains", str(kind))
            )
        if not is_positive(gain) or gain > MAX_GAIN:
            raise ConfigurationError(
                f"The gain of {kind} is {shorten_repr(gain)}. Use a number above 0 and at most {MAX_GAIN:,}.",
                key=("gains", kind),
            )


@dataclass(frozen=True)
class ActionLog:
    """n actions, sorted by user, then time, then job."""

    user: Ints  # (n,) row among the dataset's users
    job: Ints  # (n,) row among the dataset's jobs
    at: Longs  # (n,) microseconds
    gain: Floats  # (n,)

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of(cls, data: Dataset, gains: Mapping[str, float]) -> Self:
        """Return the actions up to the dataset's clock whose kind has a gain.

        Raises
        ------
        ConfigurationError: As `check_gains`.
        """
        require_dataset(data)
        check_gains(gains)
        gain_of_kind = np.zeros(len(ACTION_KINDS))
        for kind, gain in gains.items():
            gain_of_kind[ACTION_KINDS.index(kind)] = gain
        actions = data.actions
        rows = np.flatnonzero(gain_of_kind[actions.kind] > 0)
        return cls(actions.user[rows], actions.job[rows], actions.at[rows], gain_of_kind[actions.kind[rows]])

    def take(self, rows: NDArray) -> Self:
        """Return the actions at these rows, or those where a boolean mask is true."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def pairs(self) -> Self:
        """Return one action per pair of user and job, with its newest time and its largest gain."""
        order = np.lexsort((self.at, self.job, self.user))
        user, job = self.user[order], self.job[order]
        first = np.flatnonzero(np.append(True, (np.diff(user) != 0) | (np.diff(job) != 0))[: len(user)])
        if not len(first):
            return self
        last = np.append(first[1:], len(user)) - 1
        gain = np.maximum.reduceat(self.gain[order], first)
        merged = type(self)(user[last], job[last], self.at[order][last], gain)
        return merged.take(np.lexsort((merged.job, merged.at, merged.user)))

    def from_the_end(self, n_users: int) -> Longs:
        """Return (n,) the number of later actions of the same user."""
        return self.first_rows() + self.counts(n_users)[self.user] - 1 - np.arange(len(self))

    def counts(self, n_users: int) -> Longs:
        """Return (n_users,) number of actions of each user."""
        return np.bincount(self.user, minlength=n_users)

    def first_rows(self) -> NDArray[np.int64]:
        """Return (n,), for each action, the row of the first action of its user."""
        return np.searchsorted(self.user, self.user)

    def first_times(self, n_users: int) -> Longs:
        """Return (n_users,) time of each user's first action; the largest int64 for users without actions."""
        times = np.full(n_users, np.iinfo(np.int64).max)
        np.minimum.at(times, self.user, self.at)
        return times

    def last_times(self, n_users: int) -> Longs:
        """Return (n_users,) time of each user's last action; the smallest int64 for users without actions."""
        times = np.full(n_users, np.iinfo(np.int64).min)
        np.maximum.at(times, self.user, self.at)
        return times
