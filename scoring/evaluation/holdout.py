"""What people did, split into what is known and what is to be found: a dataset that knows nothing of the latter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools, Longs
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.action_log import Log
from scoring.evaluation.relevance import Relevance
from scoring.plan import Candidates

__all__ = ["APPLICATIONS", "Holdout", "notes_on", "to_find"]

APPLICATIONS: Final[Mapping[str, float]] = {"application": 1.0}
"""Kind of action → gain of a job that it was done to: what counts unless something else is said."""

_BROUGHT: Final = "Factors were brought with the data and not trained anew: they may know of what is held out."


@dataclass(frozen=True, repr=False)
class Holdout:
    """`data` knows nothing of `relevance`, which names the jobs that its users are to be shown, with their gain.

    `candidates` (None: the jobs open at the data's clock) are the jobs of each user's time, by rows of `data`.
    `left_out` counts pairs of user and job that are not looked for, by reason.
    """

    name: str
    data: Dataset
    relevance: Relevance
    left_out: Mapping[str, int]
    candidates: Candidates | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Holdout({self.name}: {len(self.relevance):,} jobs of {len(self.user_id):,} users to be found)"

    @cached_property
    def user_id(self) -> Longs:
        """Ids of the users with anything to be found, ascending."""
        return self.relevance.users

    def of_users(self, user_ids: NDArray[np.integer] | Sequence[int]) -> Self:
        """The same data, and what these users are to be shown."""
        to_find = self.relevance
        kept = np.isin(to_find.user_id, np.asarray(user_ids, dtype=np.int64))
        part = Relevance.of(to_find.user_id[kept], to_find.job_id[kept], to_find.gain[kept])
        return replace(self, relevance=part)

    @cached_property
    def digest(self) -> str:
        """Names the content: the data, what is to be found, and among which jobs."""
        digest = hashlib.blake2b(self.data.fingerprint.encode(), digest_size=16)
        for values in (self.relevance.user_id, self.relevance.job_id, self.relevance.gain):
            digest.update(np.ascontiguousarray(values).tobytes())
        if self.candidates is not None:
            digest.update(np.ascontiguousarray(self.candidates.bits).tobytes())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """One row per count: what, pairs."""
        told = {"to be found": len(self.relevance), **self.left_out}
        return pd.DataFrame({"what": list(told), "pairs": list(told.values())})


def to_find(
    data: Dataset, held: Log, reasons: Mapping[str, Bools], name: str, gains: Mapping[str, float]
) -> tuple[Relevance, dict[str, int]]:
    """What is left, and how many pairs are not: each is counted at the first reason that speaks against it.

    Raises ConfigurationError: nothing is left.
    """
    left, counts = np.ones(len(held), dtype=bool), {}
    for reason, applies in reasons.items():
        counts[reason] = int((left & applies).sum())
        left &= ~applies
    if not left.any():
        why = ", ".join(f"{count:,} × {reason}" for reason, count in counts.items() if count)
        raise ConfigurationError(
            f"{name}: nothing is left to be found among {len(held):,} jobs that count ({', '.join(gains)})"
            + (f": {why}." if why else f"; the data's clock is {data.as_of:%Y-%m-%d %H:%M} UTC.")
        )
    found = held.take(left)
    return Relevance.of(data.users.user_id[found.user], data.jobs.job_id[found.job], found.gain), counts


def notes_on(data: Dataset) -> tuple[str, ...]:
    """What a reader of any figures must know of the data."""
    return (_BROUGHT,) if data.tables.user_factors is not None else ()
