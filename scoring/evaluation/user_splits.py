"""Split of users into train, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_seed, is_number
from scoring.array_types import Floats, Longs
from scoring.dataset.row_lookup import parse_ids
from scoring.errors import ConfigurationError, shorten_repr
from scoring.id_hash import hash_ids

__all__ = ["Split", "split_users"]


@dataclass(frozen=True)
class Split:
    """Disjoint user ids, ascending: for fitting weights, for choosing among them, and for the final evaluation."""

    train: Longs
    validation: Longs
    test: Longs

    def __repr__(self) -> str:
        return f"Split({len(self.train):,} train, {len(self.validation):,} validation, {len(self.test):,} test users)"


def split_users(
    user_ids: NDArray[np.integer] | Sequence[int],
    shares: tuple[float, float, float] = (0.5, 0.25, 0.25),
    seed: int = 0,
) -> Split:
    """Return a split by a hash of each id and the seed. A user's part does not depend on the other users.

    Raises
    ------
    ConfigurationError: If there are not three shares, a share is negative, shares do not sum to 1, the seed is below
        0, an id is invalid, or a part with a share above 0 has no user.

    Example
    -------
    >>> split = split_users(range(1, 101))
    >>> len(split.train) + len(split.validation) + len(split.test)
    100
    """
    given = list(shares) if isinstance(shares, Sequence | np.ndarray) else []
    if len(given) != 3 or not all(map(is_number, given)) or min(given) < 0 or abs(sum(given) - 1) > 1e-9:
        raise ConfigurationError(
            f"shares are {shorten_repr(shares)}. Give three shares of 0 or more, for train, validation and test, "
            "that sum to 1.",
            key=("shares",),
        )
    seed = check_seed(seed)
    ids = np.unique(parse_ids(user_ids, "user"))
    part = np.searchsorted(np.cumsum(shares[:2]), _draw_uniform(ids, seed), side="right")
    parts = [ids[part == number] for number in range(3)]
    for name, share, members in zip(("train", "validation", "test"), shares, parts, strict=True):
        if share > 0 and not len(members):
            raise ConfigurationError(
                f"The part {name} of the split has a share of {share:.0%} but none of the {len(ids):,} users. Give "
                "more users, or a share of 0.",
                key=(name,),
            )
    return Split(*parts)


def _draw_uniform(ids: Longs, seed: int) -> Floats:
    """Return (n,) numbers in [0, 1), from the upper 53 bits of the hash."""
    return (hash_ids(ids, seed) >> np.uint64(11)).astype(np.float64) / 2.0**53
