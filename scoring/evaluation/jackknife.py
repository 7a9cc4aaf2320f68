"""Delete-a-group jackknife: standard errors of values that are computed from all users together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import stdtr, stdtrit

from scoring.array_types import Floats, Longs
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.id_hash import hash_ids

__all__ = ["GROUPS_OF_USERS", "Jackknife", "assign_groups", "digest_users"]

GROUPS_OF_USERS: Final = 20
"""Number of groups of users. Each group is left out once."""


@dataclass(frozen=True, eq=False)
class Jackknife:
    """A value computed from all lists, and the same value without each group of users.

    The standard error is that of the delete-a-group jackknife, √((G - 1)/G · Σ (θ_g - mean θ)²): Kott, The
    delete-a-group jackknife, Journal of Official Statistics 17(4), 2001. A user's group depends only on the id. Two
    rankings of the same users therefore have the same groups, and `minus` pairs them.

    In simulations, standard errors of smooth values (concentration) are correct within a few per cent. For coverage
    they are too wide: 1.3 times if 40 % of the jobs are covered, twice if 94 % are. The cause is that leaving out a
    group removes all jobs that only this group was shown. They are never too narrow on average: Efron & Stein, The
    jackknife estimate of variance, Annals of Statistics 9(3), 1981.
    """

    value: float
    without: Floats  # (G,) the value without each group; groups without users are omitted
    n: int
    users: int
    """Digest of the users' ids, independent of their order."""

    @property
    def standard_error(self) -> float:
        """Standard error of the value.

        Raises
        ------
        ConfigurationError: If all users are in one group.
        """
        groups = len(self.without)
        if groups < 2:
            raise ConfigurationError(
                f"No standard error for {pluralize(self.n, 'user')}: at least two of the {GROUPS_OF_USERS} groups that "
                "user ids are hashed into must contain a user. Use more users."
            )
        return float(np.sqrt((groups - 1) / groups * ((self.without - self.without.mean()) ** 2).sum()))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the (low, high) interval by Student's t with G - 1 degrees of freedom.

        Raises
        ------
        ConfigurationError: If the level is not between 0 and 1, or all users are in one group.
        """
        if not 0 < level < 1:
            raise ConfigurationError(f"level is {level!r}. Use a number between 0 and 1, such as 0.95.", key=("level",))
        half = stdtrit(len(self.without) - 1, (1 + level) / 2) * self.standard_error
        return float(self.value - half), float(self.value + half)

    @property
    def p(self) -> float:
        """Two-sided p-value of a true value of 0, by Student's t; NaN if the value is NaN.

        Raises
        ------
        ConfigurationError: If all users are in one group.
        """
        error = self.standard_error
        if self.value == 0 or np.isnan(self.value):
            return 1.0 if self.value == 0 else float("nan")
        return float(2 * stdtr(len(self.without) - 1, -abs(self.value) / error)) if error else 0.0

    def detectable(self, level: float = 0.95, power: float = 0.8) -> float:
        """Return the smallest true value that `p` finds at a level with probability `power`.

        Raises
        ------
        ConfigurationError: If all users are in one group.
        """
        freedom = len(self.without) - 1
        return float((stdtrit(freedom, (1 + level) / 2) + stdtrit(freedom, power)) * self.standard_error)

    def subtract(self, other: Jackknife) -> Jackknife:
        """Return the paired difference.

        Raises
        ------
        ConfigurationError: If the two values are of different users.
        """
        if (self.n, self.users) != (other.n, other.users):
            raise ConfigurationError(
                f"The two values were computed for different sets of users, of {self.n:,} and {other.n:,} users. Rank "
                "the same users for both."
            )
        return replace(self, value=self.value - other.value, without=self.without - other.without)


def assign_groups(user_id: Longs) -> Longs:
    """Return (n,) the group of each user."""
    return (hash_ids(user_id) % np.uint64(GROUPS_OF_USERS)).astype(np.int64)


def digest_users(user_id: Longs) -> int:
    """Return a digest of the ids that does not depend on their order."""
    return int(hash_ids(user_id).sum(dtype=np.uint64))
