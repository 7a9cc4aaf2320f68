"""Holdout: a dataset without the held-out actions, and the relevant jobs that those actions define."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
import pandas as pd

from scoring.array_types import Bools, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.action_log import ActionLog
from scoring.evaluation.leakage_check import MIN_UNITS, describe_agreement
from scoring.evaluation.note_text import format_notes, render_summary
from scoring.evaluation.relevance_judgements import Relevance
from scoring.plan import Candidates

__all__ = ["APPLICATIONS", "EarlierActions", "EmptyHoldoutError", "Holdout", "list_caveats", "select_relevant"]

APPLICATIONS: Final[Mapping[str, float]] = {"application": 1.0}
"""Default gains: kind of action → gain of a job with such an action."""

HOUR: Final = 60 * 60 * 1_000_000
"""An hour in microseconds."""

_CURRENT_ROWS: Final = (
    "Rows of users and jobs are as of now, not as of the holdout. If preferred occupations, places, wages or fees have "
    "changed since, metrics may be too high."
)
_NOT_COMPARED: Final = (
    f"Whether rows contain held-out actions was not checked: fewer than {MIN_UNITS} users have values to compare."
)
_GIVEN_FACTORS: Final = "The factors came with the data and were not trained: they may contain the holdout's actions."


class EmptyHoldoutError(ConfigurationError):
    """A holdout has no relevant job, or none of the evaluated users.

    Attributes
    ----------
    left_out : dict
        Reason → number of pairs with a counted action that are left out; empty if no such pair exists.
    found : dict
        Kind of action → number of actions up to the clock, if the holdout has no counted action.
    """

    def __init__(
        self,
        message: str = "",
        *,
        key: tuple[str, ...] = (),
        left_out: Mapping[str, int] | None = None,
        found: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message, key=key)
        self.left_out, self.found = dict(left_out or {}), dict(found or {})


@dataclass(frozen=True)
class EarlierActions:
    """How many held-out pairs had an action before the holdout, of any kind, by the same user on the same job."""

    pairs: int
    """Number of held-out pairs."""
    any_time: int
    last_hour: int
    """Those with an action in the hour before the holdout."""

    @classmethod
    def of(cls, data: Dataset, held: ActionLog, start: Longs) -> Self:
        """Count the held-out pairs in the known actions. `start` (n_users,) is the start of each user's holdout."""
        actions = data.actions
        known, pairs = ((log.user.astype(np.int64) << 32) | log.job for log in (actions, held))
        is_late = actions.at >= start[actions.user] - HOUR
        any_time, last_hour = (int(np.isin(pairs, keys).sum()) for keys in (known, known[is_late]))
        return cls(len(held), any_time, last_hour)

    def __str__(self) -> str:
        if not self.any_time:
            return "Before the holdout, no user had viewed or clicked a held-out job of theirs."
        return (
            f"Before the holdout, users had viewed or clicked {self.any_time / self.pairs:.1%} of their held-out jobs "
            f"({self.any_time:,} of {self.pairs:,}), and {self.last_hour / self.pairs:.1%} in the hour before it."
        )


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
    earlier_actions: EarlierActions | None = None
    """Held-out pairs with an action before the holdout."""
    agreement: pd.DataFrame | None = None
    """How much held-out jobs agree with rows of users and jobs, from `leakage_check.compare_agreement`."""

    def __repr__(self) -> str:
        return f"Holdout({self.summary}){format_notes(self.notes)}"

    def _repr_html_(self) -> str:
        return render_summary(f"Holdout({self.summary})", self.notes)

    @property
    def summary(self) -> str:
        """Name and sizes, without notes."""
        return f"{self.name}: {len(self.relevance):,} relevant jobs of {len(self.user_id):,} users"

    @cached_property
    def user_id(self) -> Longs:
        """Ids of the users with a relevant job, ascending."""
        return self.relevance.users

    def of_users(self, user_ids: IdList) -> Self:
        """Return the same data with the relevance of these users only, by number or external id.

        Raises
        ------
        UnknownIdError: If a text is not an id of a user.
        """
        whole = self.relevance
        kept = np.isin(whole.user_id, self.data.user_lookup.to_numbers(user_ids))
        part = Relevance.of(whole.user_id[kept], whole.job_id[kept], whole.gain[kept], data=self.data)
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
) -> tuple[ActionLog, dict[str, int]]:
    """Return the pairs to evaluate, and reason → number of pairs left out.

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
            numbers = np.bincount(data.actions.kind, minlength=len(ACTION_KINDS)).tolist()
            found = {kind: count for kind, count in zip(ACTION_KINDS, numbers, strict=True) if count}
            problem = f"{name}: no counted action ({kinds}). {_describe_counted(data, gains, found)}"
            raise EmptyHoldoutError(problem, found=found)
        excluded = ", ".join(f"{count:,} × {reason}" for reason, count in counts.items() if count)
        raise EmptyHoldoutError(
            f"{name}: none of the {pluralize(len(held), 'pair')} of user and job with a counted action ({kinds}) can "
            f"be evaluated: {excluded}. Choose another holdout, or count other kinds of action.",
            left_out={reason: count for reason, count in counts.items() if count},
        )
    return held.take(left), counts


def _describe_counted(data: Dataset, gains: Mapping[str, float], found: Mapping[str, int]) -> str:
    """Return which counted actions the data contains up to its clock; if none, which other kinds it has found."""
    counted = ActionLog.of(data, gains)
    if len(counted):
        first, last = (f"{pd.Timestamp(at, unit='us'):%Y-%m-%d %H:%M}" for at in (counted.at.min(), counted.at.max()))
        return f"The data contains those of {first} to {last} UTC. Choose another holdout."
    if not found:
        return "Up to its clock, the data contains no actions. Import actions, or choose another clock."
    others = ", ".join(f"{kind} ({count:,})" for kind, count in found.items())
    kind = next(iter(found))
    return (
        f"Up to its clock, the data contains {others}. Count another kind: --counts {kind}, or in Python "
        f"gains={{{kind!r}: 1.0}}."
    )


def list_caveats(data: Dataset, earlier: EarlierActions, agreement: pd.DataFrame) -> tuple[str, ...]:
    """Return the caveats that apply to every metric."""
    unknown = (_NOT_COMPARED,) if agreement["excess"].isna().all() else ()
    given = (_GIVEN_FACTORS,) if data.tables.user_factors is not None else ()
    leaks = tuple(f"Possible leak: {text}" for text in describe_agreement(agreement, data.board.region))
    return (_CURRENT_ROWS, str(earlier), *leaks, *unknown, *given)
