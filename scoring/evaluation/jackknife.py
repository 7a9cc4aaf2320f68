"""How sure a value of all users together is: the same value without each group of them in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import stdtrit

from scoring.array_types import Floats, Longs
from scoring.errors import ConfigurationError
from scoring.evaluation.id_hash import mixed

__all__ = ["GROUPS_OF_USERS", "Jackknife", "groups_of", "users_digest"]

GROUPS_OF_USERS: Final = 20
"""Groups that are left out one at a time."""


@dataclass(frozen=True, eq=False)
class Jackknife:
    """A value of all lists together, and the same without each group of users in turn.

    The standard error is that of the delete-a-group jackknife, √((G - 1)/G · Σ (θ_g - mean θ)²): Kott, The
    delete-a-group jackknife, Journal of Official Statistics 17(4), 2001. A user's group follows from the id alone, so
    two rankings of the same users are left without the same ones, and `minus` pairs them.

    Of smooth values (concentration) simulated errors are right within some per cent. Of coverage, where a group that
    is left out takes the jobs with it that nobody else was shown, they are too wide: 1.3 times where 40 % of the jobs
    are covered, twice where 94 % are. They are never too narrow on average: Efron & Stein, The jackknife estimate of
    variance, Annals of Statistics 9(3), 1981.
    """

    value: float
    without: Floats  # (G,) groups that have no user left out
    n: int
    users: int
    """A digest of the users' ids, whatever their order."""

    @property
    def standard_error(self) -> float:
        """Raises ConfigurationError where all users are of one group."""
        groups = len(self.without)
        if groups < 2:
            raise ConfigurationError(
                f"{self.n} users are too few for a standard error: a jackknife leaves out groups of users."
            )
        return float(np.sqrt((groups - 1) / groups * ((self.without - self.without.mean()) ** 2).sum()))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """By Student's t with G - 1 degrees of freedom. Raises ConfigurationError as `standard_error`."""
        if not 0 < level < 1:
            raise ConfigurationError(f"level is {level!r}; it lies between 0 and 1, such as 0.95.")
        half = stdtrit(len(self.without) - 1, (1 + level) / 2) * self.standard_error
        return float(self.value - half), float(self.value + half)

    def minus(self, other: Jackknife) -> Jackknife:
        """The paired difference. Raises ConfigurationError where the other is of other users."""
        if (self.n, self.users) != (other.n, other.users):
            raise ConfigurationError(
                f"rankings of {self.n:,} and of {other.n:,} other users have no paired difference; rank the same users."
            )
        return replace(self, value=self.value - other.value, without=self.without - other.without)


def groups_of(user_id: Longs) -> Longs:
    """(n,) which group each user is of."""
    return (mixed(user_id) % np.uint64(GROUPS_OF_USERS)).astype(np.int64)


def users_digest(user_id: Longs) -> int:
    """The same for the same users in any order."""
    return int(mixed(user_id).sum(dtype=np.uint64))
