"""Lists read back from a publisher, block by block: of the run in progress and of published runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs, Singles
from scoring.bundle.ranked_lists import SCORES, Ranking

__all__ = ["ListBlock", "PublishedRun", "RunInfo"]


@dataclass(frozen=True)
class ListBlock:
    """The lists of n users, ascending by id. Row r has `count[r]` jobs, best first, at least one."""

    user_id: Longs  # (n,)
    job_id: Longs  # (n, k), -1 after the last job
    total: Singles  # (n, k), 0 after the last job
    count: NDArray[np.int32]  # (n,)

    @classmethod
    def of_rows(cls, user_id: Longs, job_id: Longs, total: NDArray[np.floating], k: int) -> Self:
        """Return the first k jobs of each user from rows (m,) by user, then rank.

        Raises
        ------
        ValueError: If the users do not ascend.
        """
        is_first = np.ones(len(user_id), dtype=bool)
        is_first[1:] = user_id[1:] != user_id[:-1]
        start = np.flatnonzero(is_first)
        users = user_id[start]
        if (users[1:] <= users[:-1]).any():
            raise ValueError("the user ids are not ascending")
        count = np.minimum(np.diff(start, append=len(user_id)), k)
        row, place = np.repeat(np.arange(len(users)), count), _count_within(count)
        entry = np.repeat(start, count) + place
        width = int(count.max(initial=0))
        jobs = np.full((len(users), width), -1, dtype=np.int64)
        totals = np.zeros((len(users), width), dtype=np.float32)
        jobs[row, place], totals[row, place] = job_id[entry], total[entry]
        return cls(users.astype(np.int64), jobs, totals, count.astype(np.int32))

    @classmethod
    def of_ranking(cls, ranking: Ranking) -> Self:
        """Return the lists of a ranking with ascending users. Users without jobs are omitted."""
        rows = np.flatnonzero(ranking.count)
        total = ranking.scores[rows, :, SCORES.index("total_score")]
        return cls(ranking.user_id[rows], ranking.job_id[rows], total, ranking.count[rows])

    def take(self, rows: NDArray[np.integer] | slice) -> Self:
        """Return the lists of these rows, in their order."""
        return type(self)(self.user_id[rows], self.job_id[rows], self.total[rows], self.count[rows])

    def split(self, user: int) -> tuple[Self, Self]:
        """Return the lists of users up to this id, and those of the other users."""
        at = int(np.searchsorted(self.user_id, user, side="right"))
        return self.take(slice(None, at)), self.take(slice(at, None))

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Return the concatenation of the blocks, as wide as the widest."""
        if len(parts) == 1:
            return parts[0]
        width = max((part.job_id.shape[1] for part in parts), default=0)
        empty = np.empty((0, width), dtype=np.int64)

        def widen(values: NDArray[Any], fill: int) -> NDArray[Any]:
            return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=fill)

        return cls(
            np.concatenate([empty[:, 0] if width else np.empty(0, np.int64), *(part.user_id for part in parts)]),
            np.concatenate([empty, *(widen(part.job_id, -1) for part in parts)]),
            np.concatenate([empty.astype(np.float32), *(widen(part.total, 0) for part in parts)]),
            np.concatenate([np.empty(0, np.int32), *(part.count for part in parts)]),
        )


def _count_within(count: NDArray[np.integer]) -> Longs:
    """Return 0, 1 … count[0] − 1, 0, 1 … count[1] − 1, and so on."""
    ends = np.cumsum(count)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)


@dataclass(frozen=True)
class RunInfo:
    """Facts of a run that a gate uses, in addition to its lists."""

    run_id: str
    model: str
    model_digest: str
    k: int
    users: int  # ranked users, with a list or without
    jobs: int  # jobs that may be ranked for some user
    facts: Mapping[str, float | None]  # of the data, `scoring.runs.data_summary`; old runs have none
    definition: Mapping[str, Any] | None = None  # of the model, as in its file; old runs have none


class PublishedRun(ABC):
    """A run that a publisher has published. A gate opens it when it needs it."""

    run_id: str
    is_in_use: bool  # whether readers get this run
    place: str  # its name for messages

    @abstractmethod
    def open(self) -> AbstractContextManager[RunInfo | None]:
        """Return a context that protects the run from removal and yields its facts.

        It yields None for a run over selected users, which a gate does not compare.

        Raises
        ------
        OutputError, DatabaseError: If the run is damaged or was removed.
        """

    @abstractmethod
    def read_lists(self, k: int) -> Iterator[ListBlock]:
        """Yield the first k jobs of every list, users ascending, in blocks that fit in memory. Call it while open.

        Raises
        ------
        OutputError, DatabaseError: If the run is damaged or was removed.
        """
