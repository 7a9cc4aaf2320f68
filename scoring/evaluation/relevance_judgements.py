"""Relevance of jobs to users, and the gains at each rank of the users' lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scoring.argument_checks import check_list_length
from scoring.array_types import Bools, Floats, Longs
from scoring.dataset import Dataset
from scoring.dataset.row_lookup import NO_EXTERNAL_IDS, ExternalIds, IdList, parse_ids
from scoring.errors import ConfigurationError, shorten_repr
from scoring.id_index import IdIndex
from scoring.ranking import Ranking

__all__ = ["RankedRelevance", "Relevance", "rank_relevance"]

_AT_ONCE = 1 << 18
"""Cells (relevant job × rank) to compare at a time: 2 MB, which fits into the CPU cache."""


@dataclass(frozen=True, repr=False)
class Relevance:
    """n distinct pairs of a user and a relevant job, sorted by user_id, then job_id. Create it with `of`."""

    user_id: Longs  # (n,)
    job_id: Longs  # (n,)
    gain: Floats  # (n,) above 0: degree of relevance
    external_ids: ExternalIds = NO_EXTERNAL_IDS

    @classmethod
    def of(
        cls,
        user_id: IdList,
        job_id: IdList,
        gain: ArrayLike | None = None,
        *,
        data: Dataset | None = None,
    ) -> Self:
        """Return the relevance of pairs in any order. A duplicate pair keeps its largest gain.

        Parameters
        ----------
        user_id, job_id: (n,) ids. External ids need `data`.
        gain: (n,) gains above 0; None: all gains are 1.
        data: The dataset that contains the external ids; None: all ids are numbers.

        Raises
        ------
        UnknownIdError: If `data` is given, and a text is not an id of a user or a job.
        ConfigurationError: If lengths differ, a gain is not a finite number above 0, or an id is invalid.
        """
        if data is None:
            users, jobs = parse_ids(user_id, "user"), parse_ids(job_id, "job")
        else:
            users, jobs = data.user_lookup.to_numbers(user_id), data.job_lookup.to_numbers(job_id)
        gains = np.ones(len(users)) if gain is None else _read_gains(gain)
        if not users.shape == jobs.shape == gains.shape:
            raise ConfigurationError(
                f"Relevance needs arrays of equal length, but there are {len(users):,} user ids, {len(jobs):,} job "
                f"ids and gains of shape {gains.shape}.",
                key=("user_id", "job_id", "gains"),
            )
        invalid = ~(np.isfinite(gains) & (gains > 0))
        if invalid.any():
            first_invalid = int(np.argmax(invalid))
            raise ConfigurationError(
                f"The gain of user {users[first_invalid]} and job {jobs[first_invalid]} is {gains[first_invalid]}. "
                "Use a finite number above 0, and omit pairs that are not relevant.",
                key=("gains",),
            )
        order = np.lexsort((-gains, jobs, users))
        users, jobs, gains = users[order], jobs[order], gains[order]
        first = np.ones(len(users), dtype=bool)
        first[1:] = (users[1:] != users[:-1]) | (jobs[1:] != jobs[:-1])
        external_ids = NO_EXTERNAL_IDS if data is None else data.external_ids
        return cls(users[first], jobs[first], gains[first], external_ids)

    def __repr__(self) -> str:
        return f"Relevance({len(self):,} jobs of {len(self.users):,} users)"

    def __len__(self) -> int:
        return len(self.user_id)

    def frame(self) -> pd.DataFrame:
        """Return one row per pair: user_id, job_id, gain, and the external ids, if the data have any."""
        frame = pd.DataFrame({"user_id": self.user_id, "job_id": self.job_id, "gain": self.gain})
        return self.external_ids.add_columns(frame)

    @cached_property
    def users(self) -> Longs:
        """(n_users,) ids of the users with a relevant job, ascending."""
        return np.unique(self.user_id)

    @cached_property
    def start(self) -> Longs:
        """(n_users + 1,) row of the first pair of each of `users`, and the number of pairs."""
        return np.append(np.searchsorted(self.user_id, self.users), len(self)).astype(np.int64)

    @cached_property
    def by_gain(self) -> Longs:
        """(n,) rows of the pairs by user_id, then gain descending: the order of the ideal lists."""
        return np.lexsort((-self.gain, self.user_id))


def _read_gains(gain: ArrayLike) -> Floats:
    try:
        return np.asarray(gain, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"gains is {shorten_repr(gain)}, which is not an array of numbers. Give a number for each pair.",
            key=("gains",),
        ) from None


@dataclass(frozen=True, repr=False)
class RankedRelevance:
    """Gains of the lists of n users, and the ideal gains, to rank K. Columns w ≤ K: later ranks have no gain."""

    user_id: Longs  # (n,) in the ranking's order
    gains: Floats  # (n, w) gain of the job at each rank; 0: not relevant, or no job
    ideal: Floats  # (n, w) the user's gains in descending order, listed or not, then 0
    n_relevant: Longs  # (n,) relevant jobs of the user, listed or not; may exceed K
    length: Longs  # (n,) jobs in the list, at most K
    depth: int | None = None  # K; None: w

    def __repr__(self) -> str:
        known = int(self.has_relevant.sum())
        return f"RankedRelevance({len(self.user_id):,} users, {known:,} with relevant jobs, to rank {self.k})"

    @property
    def k(self) -> int:
        """K, the number of ranks."""
        return self.gains.shape[1] if self.depth is None else self.depth

    @property
    def has_relevant(self) -> Bools:
        """(n,) whether the user has a relevant job, listed or not."""
        return self.n_relevant > 0


def rank_relevance(ranking: Ranking, relevance: Relevance, k: int | None = None) -> RankedRelevance:
    """Return the gains of each user's list to rank k, users in the ranking's order.

    Parameters
    ----------
    ranking: The lists.
    relevance: The relevant jobs of each user.
    k: Number of ranks; None: the width of the ranking. A larger k states that no more jobs were available. The
        additional ranks are then empty.

    Raises
    ------
    ConfigurationError: If k is below 1.
    """
    width = ranking.job_id.shape[1]
    depth = width if k is None else check_list_length(k)
    n, n_ranks = len(ranking.user_id), min(width, depth)
    row, place, pair = _find_pairs(ranking.user_id, relevance)
    n_relevant = np.bincount(row, minlength=n).astype(np.int64)
    length = np.minimum(ranking.count, depth).astype(np.int64)

    # ranks without a job and a gain are not stored: k may be larger than the number of jobs
    width = min(depth, max(n_ranks, int(n_relevant.max(initial=1))))
    gains = np.zeros((n, width))
    jobs, gain = relevance.job_id[pair], relevance.gain[pair]
    step = max(_AT_ONCE // max(n_ranks, 1), 1)
    for first in range(0, len(row), step):
        block = slice(first, first + step)
        # a user has few relevant jobs: comparing each with the list is faster than looking up every job of the list
        which, rank = np.nonzero(ranking.job_id[row[block], :n_ranks] == jobs[block, None])
        is_job = rank < length[row[block][which]]  # entries after the last job are -1, which may also be a job's id
        gains[row[block][which[is_job]], rank[is_job]] = gain[block][which[is_job]]

    ideal = np.zeros((n, width))
    counted = place < width
    ideal[row[counted], place[counted]] = relevance.gain[relevance.by_gain[pair[counted]]]
    return RankedRelevance(ranking.user_id, gains, ideal, n_relevant, length, depth)


def _find_pairs(user_id: Longs, relevance: Relevance) -> tuple[Longs, Longs, Longs]:
    """Return, for each relevant pair of these users: row of the user, place among the user's pairs, row of the pair."""
    if not len(relevance.users):
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    at, present = IdIndex(relevance.users).find(user_id)
    counts = np.where(present, np.diff(relevance.start)[at], 0)
    row = np.repeat(np.arange(len(user_id)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, place, relevance.start[at][row] + place
