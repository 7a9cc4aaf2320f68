"""Holdout: a dataset without the held-out actions, and the relevant jobs that those actions define."""

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
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.action_log import ActionLog
from scoring.evaluation.relevant_pairs import Relevance
from scoring.plan import Candidates

__all__ = ["APPLICATIONS", "EmptyHoldoutError", "Holdout", "list_caveats", "select_relevant"]

APPLICATIONS: Final[Mapping[str, float]] = {"application": 1.0}
"""Default gains: kind of action → gain of a job with such an action."""

_GIVEN_FACTORS: Final = "The factors came with the data and were not trained: they may contain the holdout's actions."


class EmptyHoldoutError(ConfigurationError):
    """A holdout has no relevant job, or none of the evaluated users."""


@dataclass(frozen=True, repr=False)
class Holdout:
    """Known data and held-out relevance."""

    name: str
    data: Dataset
    """The data without the held-out actions."""
    relevance: Relevance
    """The held-out jobs of each user, with their gain."""
    left_out: Mapping[str, int]
    """Reason → number of held-out pairs of user and job that are not evaluated."""
    candidates: Candidates | None = None
    """Jobs that were open for each user when the user acted, by rows of `data`; None: those open at its clock."""
    notes: tuple[str, ...] = ()
    """Caveats to report with the metrics."""
    starts: pd.Timestamp | None = None
    """All held-out actions are later than this time; None: the time depends on the user."""

    def __repr__(self) -> str:
        return f"Holdout({self.name}: {len(self.relevance):,} relevant jobs of {len(self.user_id):,} users)"

    @cached_property
    def user_id(self) -> Longs:
        """Ids of the users with a relevant job, ascending."""
        return self.relevance.users

    def of_users(self, user_ids: NDArray[np.integer] | Sequence[int]) -> Self:
        """Return the same data with the relevance of these users only."""
        whole = self.relevance
        kept = np.isin(whole.user_id, np.asarray(user_ids, dtype=np.int64))
        part = Relevance.of(whole.user_id[kept], whole.job_id[kept], whole.gain[kept])
        return replace(self, relevance=part)

    @cached_property
    def digest(self) -> str:
        """Digest of the data, the relevance and the candidates."""
        digest = hashlib.blake2b(self.data.fingerprint.encode(), digest_size=16)
        for values in (self.relevance.user_id, self.relevance.job_id, self.relevance.gain):
            digest.update(np.ascontiguousarray(values).tobytes())
        if self.candidates is not None:
            digest.update(np.ascontiguousarray(self.candidates.bits).tobytes())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return one row per count, with the columns what and pairs."""
        counts = {"relevant": len(self.relevance), **self.left_out}
        return pd.DataFrame({"what": list(counts), "pairs": list(counts.values())})


def select_relevant(
    data: Dataset, held: ActionLog, reasons: Mapping[str, Bools], name: str, gains: Mapping[str, float]
) -> tuple[Relevance, dict[str, int]]:
    """Return the relevance of the pairs to evaluate, and reason → number of pairs left out.

    A pair is left out if any reason applies. It is counted at the first reason that applies.

    Raises
    ------
    EmptyHoldoutError: If no pair remains.
    """
    left, counts = np.ones(len(held), dtype=bool), {}
    for reason, applies in reasons.items():
        counts[reason] = int((left & applies).sum())
        left &= ~applies
    if not left.any():
        kinds = ", ".join(gains)
        if not len(held):
            raise EmptyHoldoutError(
                f"{name}: there is no counted action ({kinds}). Only actions until the data's clock, "
                f"{data.as_of:%Y-%m-%d %H:%M} UTC, count. Choose an earlier holdout, or count other kinds of action."
            )
        excluded = ", ".join(f"{count:,} × {reason}" for reason, count in counts.items() if count)
        raise EmptyHoldoutError(
            f"{name}: none of the {pluralize(len(held), 'pair')} of user and job with a counted action ({kinds}) can "
            f"be evaluated: {excluded}. Choose another holdout, or count other kinds of action."
        )
    rest = held.take(left)
    return Relevance.of(data.users.user_id[rest.user], data.jobs.job_id[rest.job], rest.gain), counts


def list_caveats(data: Dataset) -> tuple[str, ...]:
    """Return the caveats of the data that apply to every metric."""
    return (_GIVEN_FACTORS,) if data.tables.user_factors is not None else ()
