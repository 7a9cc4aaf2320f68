"""The result of `audience`: the users for whom a job is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.dataset.row_lookup import NO_EXTERNAL_IDS, ExternalIds
from scoring.errors import pluralize
from scoring.plotting.plot_registry import display

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Audience"]


FEW = 3
"""Maximum number of components, and of rules, that `Audience.summary` names."""


@dataclass(frozen=True, repr=False)
class Audience:
    """A job in the lists of n users; for q of them it is eligible but not listed (a miss)."""

    job_id: int
    k: int
    user_id: Longs  # (n,)
    rank: Longs  # (n,) from 1; 0 where the job is not listed
    score: Floats  # (n,) canonical totals of the job
    kth_score: Floats  # (n,) score of the k-th job of the list; NaN where the list has fewer than k jobs
    eligible: NDArray[np.bool_]  # (n,) whether the job is eligible for the user
    rules: Mapping[str, int]  # rule → number of users it excludes; each user counts for the first rule only
    missed: Longs  # (q,) positions in user_id of the misses, the smallest gap first
    rival: Longs  # (q,) id of the listed job that the job has to beat
    rival_score: Floats  # (q,)
    rank_of_nearest: tuple[int | None, ...]  # of the first misses, in all jobs; None: excluded by the cap
    comparison: pd.DataFrame
    n_not_ranked: int = 0  # users that were not ranked when the time limit was reached
    external_ids: ExternalIds = NO_EXTERNAL_IDS

    @property
    def job(self) -> str:
        """The external id of the job, or the number as text."""
        return self.external_ids.name_job(self.job_id)

    @property
    def n_listed(self) -> int:
        return int(np.count_nonzero(self.rank))

    @property
    def n_eligible(self) -> int:
        """Number of users for whom the job is eligible, listed or not."""
        return int(np.count_nonzero(self.eligible))

    @property
    def gaps(self) -> Floats:
        """Points that the job lacks for each miss, (q,), ascending; 0 if it only loses the tie to a smaller id."""
        return self.rival_score - self.score[self.missed]

    def __repr__(self) -> str:
        return (
            f"Audience(job {self.job}, top {self.k:,}: listed for {self.n_listed:,}, eligible for "
            f"{self.n_eligible:,} of {len(self.user_id):,} users)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self.summary()}</p>{self.frame()._repr_html_()}"  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """Return one row per user for whom the job is listed, by rank and user.

        Columns: user_id · rank · score · kth_score (score of the k-th job) · margin (score - kth_score). The last two
        are NaN where the list has fewer than k jobs. If users have external ids, `user_external_id` follows.
        """
        shown = np.flatnonzero(self.rank)
        shown = shown[np.lexsort((self.user_id[shown], self.rank[shown]))]
        frame = pd.DataFrame(
            {
                "user_id": self.user_id[shown],
                "rank": self.rank[shown],
                "score": self.score[shown],
                "kth_score": self.kth_score[shown],
                "margin": self.score[shown] - self.kth_score[shown],
            }
        )
        return self.external_ids.add_columns(frame)

    def misses(self) -> pd.DataFrame:
        """Return one row per user for whom the job is eligible but not listed, the smallest gap first.

        Columns: user_id · score · to_beat · score_to_beat · gap · rank.

        `to_beat` is the listed job that this job would replace: the last of the list, or the last of the same company
        if the cap per company is reached. With more than `gap` additional points the job is listed. `rank` is the
        rank among all jobs: NA beyond the nearest few, or if the cap excludes the job. If users or jobs have external
        ids, `user_external_id` and `to_beat_external_id` follow.
        """
        rank = pd.array([None] * len(self.missed), dtype="Int64")
        rank[: len(self.rank_of_nearest)] = pd.array(list(self.rank_of_nearest), dtype="Int64")
        frame = pd.DataFrame(
            {
                "user_id": self.user_id[self.missed],
                "score": self.score[self.missed],
                "to_beat": self.rival,
                "score_to_beat": self.rival_score,
                "gap": self.gaps,
                "rank": rank,
            }
        )
        frame = self.external_ids.add_columns(frame)
        if self.external_ids.jobs is None:
            return frame
        return frame.assign(to_beat_external_id=self.external_ids.jobs.find_texts(self.rival).to_numpy())

    def components(self) -> pd.DataFrame:
        """Return one row per component, the largest disadvantage first.

        Columns: component · group · weight (flat) · points (of this job) · points_to_beat (of the job to beat) ·
        difference. Points are means over the misses, and NaN if there are none. The differences add up to minus the
        mean gap, except for the rounding of scores.
        """
        return self.comparison.sort_values("difference", kind="stable", ignore_index=True)

    def reasons(self) -> pd.DataFrame:
        """Return one row per rule that excludes the job, the most users first: rule · users, each counted once."""
        frame = pd.DataFrame({"rule": pd.Series(list(self.rules), dtype="str"), "users": list(self.rules.values())})
        return frame.astype({"users": "int64"}).sort_values("users", ascending=False, kind="stable", ignore_index=True)

    def summary(self) -> str:
        """Return sentences on the users, the misses, the components that cost most and the excluding rules."""
        users, n_missed = len(self.user_id), len(self.missed)
        if self.n_listed:
            rank = np.median(self.rank[self.rank > 0])
            where = f"{self.n_listed:,} of {users:,} users, at a median rank of {rank:g}"
        else:
            where = f"none of {users:,} users"
        sentences = [f"Job {self.job} is in the top {self.k:,} of {where}."]
        if self.n_not_ranked:
            sentences.append(
                f"The time limit was reached: these users are a random sample of {users + self.n_not_ranked:,} users."
            )
        if n_missed:
            nearest = self.external_ids.name_user(int(self.user_id[self.missed[0]]))
            sentences.append(
                f"It is eligible but not listed for {pluralize(n_missed, 'user')}. The smallest gap is "
                f"{self.gaps[0]:.3g} points (user {nearest}), the mean gap {self.gaps.mean():.3g}."
            )
            worst = self.components().query("difference < 0").head(FEW)
            parts = ", ".join(f"{row['component']} {row['difference']:.2f}" for row in worst.to_dict("records"))
            if parts:
                sentences.append(f"Largest disadvantages: {parts}.")
        if self.rules:
            rules = self.reasons().head(FEW).to_dict("records")
            counts = ", ".join(f"{row['rule']} ({row['users']:,})" for row in rules)
            sentences.append(f"It is excluded for {pluralize(users - self.n_eligible, 'user')}: {counts}.")
        return " ".join(sentences)

    def plot(self) -> Figure:
        """Plot ranks or gaps of the job, and the components or rules that keep it from the lists."""
        figure: Figure = display("audience", self)
        return figure
