"""Actions of a user after the cut of the holdout: marks for listed jobs, and the ranks of jobs that are not listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np

from scoring.array_types import Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.dataset.row_lookup import ExternalIds
from scoring.evaluation import Holdout
from scoring.evaluation.job_rank import FullRank, FullRanking
from scoring.evaluation.relevance_judgements import Relevance
from scoring.ranking import Prepared
from scoring.widgets.job_labels import collect_job_texts
from scoring.widgets.user_list_data import UserList

__all__ = ["LaterAction", "LaterActions", "UserActions", "make_user_actions"]

_TEXTS: Final = {"application": "applied", "click": "clicked", "view": "viewed", "": "acted on"}
_MAX_MISSED: Final = 50
"""Number of jobs that are not in the list and are shown with their rank."""
_RESERVED: Final = "Actions after the cut are not shown for this user, who is kept for a confirmation or for the test."
_NOT_MEASURED: Final = "Actions after the cut are known for the users of the measures only."


@dataclass(frozen=True)
class LaterAction:
    """The strongest action of a user on a job after the cut."""

    job_id: int
    kind: str
    """application, click or view; "" if only the relevance of the job is known."""
    is_counted: bool
    """Whether the metrics count the job."""

    @property
    def text(self) -> str:
        """What the user did, such as `applied`."""
        return _TEXTS[self.kind]


@dataclass(frozen=True, repr=False)
class LaterActions:
    """Actions after the cut. Those of users who are kept for a confirmation or a test are hidden.

    Use `of` or `of_relevance`.
    """

    user_id: Longs  # (n,) ascending
    job_id: Longs  # (n,)
    kind: Longs  # (n,) code of the kind, -1 unknown
    relevance: Relevance
    reserved: Longs
    """Ids of the users whose actions are hidden."""
    covered: Longs | None = None
    """Ids of the users whose actions are known; None: all."""

    @classmethod
    def of(cls, data: Dataset, holdout: Holdout, reserved: Longs) -> Self:
        """Return the actions of `data` after the cut of a holdout of it. `reserved` are the users to hide."""
        actions = data.actions
        later = np.flatnonzero(actions.at > holdout.data.clock.now)
        user, job = data.users.user_id[actions.user[later]], data.jobs.job_id[actions.job[later]]
        kind = actions.kind[later].astype(np.int64)
        order = np.lexsort((kind, job, user))  # the code of a stronger kind is smaller
        user, job, kind = user[order], job[order], kind[order]
        is_first = np.append(True, (np.diff(user) != 0) | (np.diff(job) != 0))[: len(user)]
        return cls(user[is_first], job[is_first], kind[is_first], holdout.relevance, reserved)

    @classmethod
    def of_relevance(cls, holdout: Holdout, reserved: Longs | None = None) -> Self:
        """Return the relevant pairs of a holdout, if its later actions are not known."""
        relevance = holdout.relevance
        kind = np.full(len(relevance), -1, dtype=np.int64)
        hidden = np.zeros(0, dtype=np.int64) if reserved is None else reserved
        return cls(relevance.user_id, relevance.job_id, kind, relevance, hidden, holdout.user_id)

    def __repr__(self) -> str:
        return f"LaterActions({len(self.user_id):,} pairs, {len(self.reserved):,} users hidden)"

    def find_reason(self, user_id: int) -> str:
        """Return why the actions of a user are not shown; "" if they are."""
        if np.isin(user_id, self.reserved):
            return _RESERVED
        return "" if self.covered is None or np.isin(user_id, self.covered) else _NOT_MEASURED

    def of_user(self, user_id: int) -> tuple[LaterAction, ...]:
        """Return the actions of a user, the counted ones first; empty if they are hidden."""
        if self.find_reason(user_id):
            return ()
        relevance = self.relevance
        place = slice(*np.searchsorted(relevance.user_id, [user_id, user_id + 1]))
        counted = set(relevance.job_id[place].tolist())
        place = slice(*np.searchsorted(self.user_id, [user_id, user_id + 1]))
        found = [
            LaterAction(job, "" if kind < 0 else ACTION_KINDS[kind], job in counted)
            for job, kind in zip(self.job_id[place].tolist(), self.kind[place].tolist(), strict=True)
        ]
        return tuple(sorted(found, key=lambda action: not action.is_counted))


@dataclass(frozen=True, repr=False)
class UserActions:
    """The later actions of a user, by listed and missed jobs."""

    hits: Mapping[int, LaterAction]
    """Listed job → the user's action on it."""
    missed: tuple[tuple[LaterAction, FullRank], ...]
    """Jobs that are not in the list, with their rank among all jobs. The counted ones come first, then by rank."""
    texts: Mapping[int, Mapping[str, str]]
    """Missed job → its title, company and place."""
    reason: str = ""
    """Why actions are not shown."""
    ranks_before: Mapping[int, int | None] = field(default_factory=dict)
    """Missed job → its rank under the baseline."""
    external_ids: ExternalIds = field(default_factory=ExternalIds)

    def document(self) -> dict[str, Any]:
        """Return the actions for the page."""
        name = self.external_ids.name_job
        return {
            "hits": {
                name(job): {"kind": action.kind, "text": action.text, "is_counted": action.is_counted}
                for job, action in self.hits.items()
            },
            "missed": [
                {
                    "id": name(action.job_id),
                    **self.texts[action.job_id],
                    "kind": action.kind,
                    "text": action.text,
                    "is_counted": action.is_counted,
                    "rank": rank.rank,
                    "rank_before": self.ranks_before.get(action.job_id),
                    "n_ranked": rank.n_ranked,
                    "reason": "; ".join(rank.not_ranked),
                }
                for action, rank in self.missed
            ],
            "hidden": self.reason,
        }


def make_user_actions(
    later: LaterActions,
    users: UserList,
    prepared: Prepared,
    rank_all_jobs: Callable[[], tuple[FullRanking, FullRanking]],
) -> UserActions:
    """Return the later actions of the user of a list under the model `prepared`.

    `rank_all_jobs` returns the full rankings of the user under the baseline and the model. It is called if a job is
    missed.
    """
    listed = {job.job_id for job in users.jobs}
    actions = later.of_user(users.user_id)
    missed = [action for action in actions if action.job_id not in listed][:_MAX_MISSED]
    ids = [action.job_id for action in missed]
    pairs: list[tuple[LaterAction, FullRank]] = []
    ranks_before: dict[int, int | None] = {}
    texts: dict[int, dict[str, str]] = {}
    if ids:
        before, after = rank_all_jobs()
        numbers = np.array(ids, dtype=np.int64)
        pairs = list(zip(missed, after.rank_jobs(numbers), strict=True))
        pairs.sort(key=lambda pair: (not pair[0].is_counted, pair[1].rank is None, pair[1].rank or 0))
        ranks_before = {job: found.rank for job, found in zip(ids, before.rank_jobs(numbers), strict=True)}
        texts = dict(zip(ids, collect_job_texts(prepared.inputs, prepared.job_rows(numbers)), strict=True))
    return UserActions(
        hits={action.job_id: action for action in actions if action.job_id in listed},
        missed=tuple(pairs),
        texts=texts,
        reason=later.find_reason(users.user_id),
        ranks_before=ranks_before,
        external_ids=users.external_ids,
    )
