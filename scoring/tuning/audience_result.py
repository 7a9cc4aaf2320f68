"""Who is shown a job: the answer of `audience`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.plotting.displays import display

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Audience"]


FEW = 3
"""Components and rules that a sentence names."""


@dataclass(frozen=True, repr=False)
class Audience:
    """A job among the k best of n users, and what keeps it from q of them who may be shown it and are not."""

    job_id: int
    k: int
    user_id: Longs  # (n,)
    rank: Longs  # (n,) from 1; 0 for whoever is not shown it
    score: Floats  # (n,) canonical totals of the job
    kth_score: Floats  # (n,) of the last of a list of k; NaN where there are fewer jobs
    eligible: NDArray[np.bool_]  # (n,) whether the user may be shown it
    rules: Mapping[str, int]  # rule → users who may not be shown it, each counted at the first that says so
    missed: Longs  # (q,) places among the users: eligible and not shown, the nearest first
    rival: Longs  # (q,) id of the listed job that it has to beat
    rival_score: Floats  # (q,)
    rank_of_nearest: tuple[int | None, ...]  # of the first few of them; None: the cap per company leaves it out
    comparison: pd.DataFrame

    @property
    def n_shown(self) -> int:
        return int(np.count_nonzero(self.rank))

    @property
    def n_eligible(self) -> int:
        """Users who may be shown it, whether or not they are."""
        return int(np.count_nonzero(self.eligible))

    @property
    def gaps(self) -> Floats:
        """(q,) points to what it has to beat, ascending; 0 where a tie goes to the smaller id."""
        return self.rival_score - self.score[self.missed]

    def __repr__(self) -> str:
        return (
            f"Audience(job {self.job_id}: among the best {self.k:,} of {self.n_shown:,} users; {self.n_eligible:,} of "
            f"{len(self.user_id):,} may be shown it)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self.summary()}</p>{self.frame()._repr_html_()}"  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """One row per user who is shown it, by rank and user: user_id · rank · score · kth_score, of the last of the
        list · margin, points between the two; NaN where the list has room left, so that nothing is pushed out."""
        shown = np.flatnonzero(self.rank)
        shown = shown[np.lexsort((self.user_id[shown], self.rank[shown]))]
        return pd.DataFrame(
            {
                "user_id": self.user_id[shown],
                "rank": self.rank[shown],
                "score": self.score[shown],
                "kth_score": self.kth_score[shown],
                "margin": self.score[shown] - self.kth_score[shown],
            }
        )

    def misses(self) -> pd.DataFrame:
        """One row per user who may be shown it and is not, the nearest first.

        user_id · score · to_beat, the listed job that it would take the place of (the last one; of its company's, if
        that has all the places that the cap allows) · score_to_beat · gap, points to it: with more it is listed · rank
        in the ranking of all jobs, of the nearest few (NA: not asked, or left out by the cap).
        """
        rank = pd.array([None] * len(self.missed), dtype="Int64")
        rank[: len(self.rank_of_nearest)] = pd.array(list(self.rank_of_nearest), dtype="Int64")
        return pd.DataFrame(
            {
                "user_id": self.user_id[self.missed],
                "score": self.score[self.missed],
                "to_beat": self.rival,
                "score_to_beat": self.rival_score,
                "gap": self.gaps,
                "rank": rank,
            }
        )

    def held_back(self) -> pd.DataFrame:
        """One row per component, what costs most first: component · group · weight (flat) · points and points_to_beat,
        of this job and of what it would have to beat, means over the users who miss it · difference.

        The differences add up to the mean gap with its sign turned, to the rounding of scores. NaN where nobody
        misses it.
        """
        return self.comparison.sort_values("difference", kind="stable", ignore_index=True)

    def reasons(self) -> pd.DataFrame:
        """One row per rule by which it may not be shown, the most users first: rule · users, each counted once."""
        frame = pd.DataFrame({"rule": pd.Series(list(self.rules), dtype="str"), "users": list(self.rules.values())})
        return frame.astype({"users": "int64"}).sort_values("users", ascending=False, kind="stable", ignore_index=True)

    def summary(self) -> str:
        """In sentences: who is shown it, who nearly is, what holds it back, and by which rules it may not be shown."""
        users, n_missed = len(self.user_id), len(self.missed)
        sentences = [f"Job {self.job_id} is among the best {self.k:,} of none of {users:,} users."]
        if self.n_shown:
            rank = np.median(self.rank[self.rank > 0])
            told = f"is among the best {self.k:,} of {self.n_shown:,} of {users:,} users, at a median rank of {rank:g}"
            sentences = [f"Job {self.job_id} {told}."]
        if n_missed:
            sentences.append(
                f"{n_missed:,} more may be shown it: the nearest, user {self.user_id[self.missed[0]]}, is "
                f"{self.gaps[0]:.3g} points away, and they are {self.gaps.mean():.3g} in the mean."
            )
            worst = self.held_back().query("difference < 0").head(FEW)
            parts = ", ".join(f"{row['component']} {row['difference']:.2f}" for row in worst.to_dict("records"))
            if parts:
                sentences.append(f"It loses most by {parts}.")
        if self.rules:
            rules = self.reasons().head(FEW).to_dict("records")
            told = ", ".join(f"{row['rule']} ({row['users']:,})" for row in rules)
            sentences.append(f"{users - self.n_eligible:,} may not be shown it: {told}.")
        return " ".join(sentences)

    def plot(self) -> Figure:
        """At what ranks it stands, or how far it is from the lists; beside it what holds it back, or by which rules."""
        figure: Figure = display("audience", self)
        return figure
