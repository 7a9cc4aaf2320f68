"""The lists of a ranking, and the strategy that computed them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length
from scoring.array_types import Longs, Singles
from scoring.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCORES", "Ranking", "StrategyChoice"]

SCORES = ("total_score", "base_score", "match_score", "personal_score")
"""The order of the four scores in every array."""


class ExternalIds(Protocol):
    """The external ids of users and jobs. `scoring.dataset.row_lookup.ExternalIds` implements it."""

    def add_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with the external ids of its users and jobs."""
        ...

    def make_user_words(self, user_id: Longs) -> list[str]:
        """Return the ids of users (n,) as different texts without white space."""
        ...

    def make_job_words(self, job_id: Longs) -> list[str]:
        """Return the ids of jobs (n,) as different texts without white space."""
        ...


@dataclass(frozen=True)
class StrategyChoice:
    """The strategy that a backend chose, and the reason as text."""

    strategy: str
    reason: str

    def __str__(self) -> str:
        return f"{self.strategy}: {self.reason}"


@dataclass(frozen=True, repr=False)
class Ranking:
    """The best jobs of n users: row r has `count[r]` jobs, best first. After them, job_id is -1 and scores are 0."""

    user_id: Longs  # (n,)
    job_id: Longs  # (n, k)
    job_row: Longs  # (n, k) row among the plan's jobs; -1 after the last
    scores: Singles  # (n, k, 4) in the order of SCORES
    count: NDArray[np.int32]  # (n,)
    n_scored: int = 0
    """Number of pairs that were scored individually. The bounds of blocks excluded all other pairs."""
    choice: StrategyChoice | None = None
    """The chosen strategy; None if the lists are empty, or if the backend has only one strategy."""
    external_ids: ExternalIds | None = None
    """The external ids of its users and jobs; None: not known, or they have none."""

    def __repr__(self) -> str:
        return f"Ranking({pluralize(len(self.user_id), 'user')}, up to {pluralize(self.job_id.shape[1], 'job')} each)"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    @classmethod
    def empty(cls) -> Self:
        """Return a ranking of no users."""
        none = np.empty((0, 0), dtype=np.int64)
        return cls(np.empty(0, np.int64), none, none, np.empty((0, 0, 4), np.float32), np.empty(0, np.int32))

    def first(self) -> Self:
        """Return a copy of the first user's list. The other lists can be freed."""
        return self.take(np.arange(1))

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Return the lists of these rows, in that order."""
        parts = {name: getattr(self, name)[rows] for name in ("user_id", "job_id", "job_row", "scores", "count")}
        return replace(self, **parts)

    def cut(self, k: int) -> Self:
        """Return the first k jobs of every list.

        Raises
        ------
        ConfigurationError: If k is not an integer of 1 or more.
        """
        k = check_list_length(k)
        parts = {name: getattr(self, name)[:, :k] for name in ("job_id", "job_row", "scores")}
        return replace(self, **parts, count=np.minimum(self.count, k).astype(np.int32))

    def columns(self) -> dict[str, NDArray]:
        """Return name → values, one per user and rank (from 1): `scoring.columns.RESULT_COLUMNS`."""
        listed = np.arange(self.job_id.shape[1]) < self.count[:, None]
        rank = np.broadcast_to(np.arange(1, self.job_id.shape[1] + 1, dtype=np.int32), listed.shape)
        return {
            "user_id": np.repeat(self.user_id, self.count),
            "job_id": self.job_id[listed],
            "rank": rank[listed],
            **{name: self.scores[:, :, place][listed] for place, name in enumerate(SCORES)},
        }

    def frame(self) -> pd.DataFrame:
        """Return `columns` as a frame.

        If users or jobs have external ids, `user_external_id` and `job_external_id` follow.
        """
        import pandas as pd  # imported here: a process that only ranks does not need pandas

        frame = pd.DataFrame(self.columns())
        return frame if self.external_ids is None else self.external_ids.add_columns(frame)
