"""The list of one user: each job with the points of every component and its movement against the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from scoring.dataset.row_lookup import NO_EXTERNAL_IDS, ExternalIds
from scoring.evaluation import movements
from scoring.plotting.plot_registry import display
from scoring.ranking import Prepared, Ranking
from scoring.widgets.job_labels import collect_job_texts

__all__ = ["ListedJob", "UserList", "make_user_list"]


@dataclass(frozen=True)
class ListedJob:
    """A job on the list. The sum of the points is the total before rounding to float32."""

    rank: int
    job_id: int
    title: str
    company: str
    place: str
    total: float  # float32 value, the canonical total
    movement: str  # ▲3, ▼2, =, new
    points: tuple[float, ...]  # one per component: flat weight × value


@dataclass(frozen=True, repr=False)
class UserList:
    """The top of one user's ranking, best first, and the jobs that are no longer in it."""

    user_id: int
    components: tuple[str, ...]
    groups: tuple[str, ...]  # one per component
    jobs: tuple[ListedJob, ...]
    removed_jobs: Mapping[int, int] = field(default_factory=dict)
    """Job id → its rank in the list before."""
    external_ids: ExternalIds = NO_EXTERNAL_IDS

    @property
    def user(self) -> str:
        """The external id of the user, or the number as text."""
        return self.external_ids.name_user(self.user_id)

    def __repr__(self) -> str:
        return f"UserList(user {self.user}, {len(self.jobs)} jobs, {len(self.removed_jobs)} removed)"

    def _repr_html_(self) -> str:
        return str(display("user list", self))

    def frame(self) -> pd.DataFrame:
        """Return a frame with one row per job.

        Columns: rank · job_id · movement · total · title · company · place · one column of points per component.
        If jobs have external ids, `job_external_id` follows.
        """
        columns = ("rank", "job_id", "movement", "total", "title", "company", "place")
        rows = [
            {name: getattr(job, name) for name in columns} | dict(zip(self.components, job.points, strict=True))
            for job in self.jobs
        ]
        return self.external_ids.add_columns(pd.DataFrame(rows, columns=[*columns, *self.components]))


def make_user_list(prepared: Prepared, before: Ranking, after: Ranking) -> UserList:
    """Return the list of one user.

    Parameters
    ----------
    prepared: The model that computes the points.
    before: The ranking of the baseline, with one row.
    after: The ranking of the model, with one row.
    """
    user_id, count = int(after.user_id[0]), int(after.count[0])
    model, rows = prepared.model, after.job_row[0, :count]
    values = prepared.scorer.components(prepared.user_rows([user_id]), rows)[:, 0, :]
    points = (model.flat_weights[:, None] * values).T
    moved = movements(before, after)
    is_listed = moved["rank_after"].notna()
    texts = collect_job_texts(prepared.inputs, rows)
    jobs = tuple(
        ListedJob(
            rank=place + 1,
            job_id=int(after.job_id[0, place]),
            total=float(after.scores[0, place, 0]),
            movement=label,
            points=tuple(points[place].tolist()),
            **texts[place],
        )
        for place, label in enumerate(moved.loc[is_listed, "label"])
    )
    removed = moved[~is_listed]
    return UserList(
        user_id=user_id,
        components=tuple(part.name for part in model.parts),
        groups=tuple(part.group for part in model.parts),
        jobs=jobs,
        removed_jobs={int(job): int(rank) for job, rank in zip(removed["job_id"], removed["rank_before"], strict=True)},
        external_ids=prepared.inputs.external_ids,
    )
