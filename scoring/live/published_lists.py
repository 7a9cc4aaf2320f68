"""The lists that readers see: copies of the lists as they were after whole events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scoring.array_types import Bools, Longs, Singles
from scoring.bundle.ranked_lists import Ranking
from scoring.errors import UnknownIdError
from scoring.live.list_kernels import ListArrays

__all__ = ["PublishedLists", "UserList", "make_unknown"]


@dataclass(frozen=True)
class UserList:
    """The list of one user: jobs, best first, with their four scores in the order of `SCORES`."""

    user_id: int
    job_id: Longs  # (n,)
    scores: Singles  # (n, 4)

    def __len__(self) -> int:
        return len(self.job_id)


class PublishedLists:
    """Copies of the first k places of all lists. While events change the lists, readers read the copies.

    Before this, a read waited until a chunk of events was applied: 9 of 10 reads that waited for 8 ms or more.

    Parameters
    ----------
    k: Length of the lists that readers see.
    lists: The lists that events change.
    has_row, has_list: Whether the user of a place exists, and is active.
    user_of: The place of each user.
    user_id, job_id: The ids of the users, and of the jobs of `lists`.
    """

    def __init__(
        self,
        k: int,
        lists: ListArrays,
        has_row: Bools,
        has_list: Bools,
        user_of: Mapping[int, int],
        user_id: Longs,
        job_id: Longs,
    ) -> None:
        self._k, self._lists, self._user_of, self._user_id, self._job_id = k, lists, user_of, user_id, job_id
        self._flags = has_row, has_list
        self._has_row, self._has_list = has_row.copy(), has_list.copy()
        self._valid, self._complete = lists.valid.copy(), lists.complete.copy()
        self._slot, self._scores = lists.slot[:, :k].copy(), lists.scores[:, :k].copy()
        lists.is_changed[:] = False

    def renew(self) -> None:
        """Copy the lists that have changed since the last call."""
        users = np.flatnonzero(self._lists.is_changed)
        if not len(users):
            return
        self._lists.is_changed[users] = False
        self._slot[users] = self._lists.slot[users, : self._k]
        self._scores[users] = self._lists.scores[users, : self._k]
        self._valid[users], self._complete[users] = self._lists.valid[users], self._lists.complete[users]
        self._has_row[users], self._has_list[users] = self._flags[0][users], self._flags[1][users]

    def is_short(self, user_id: int) -> bool:
        """Return whether a list has fewer exact places than readers see, and must be computed again."""
        user = self._user_of.get(user_id)
        if user is None or not self._has_list[user]:
            return False
        return bool(self._valid[user] < self._k and not self._complete[user])

    def get(self, user_id: int) -> UserList | None:
        """Return the list of a user; None if the user is inactive.

        Raises
        ------
        UnknownIdError: If the user does not exist.
        """
        user = self._user_of.get(user_id)
        if user is None or not self._has_row[user]:
            raise make_unknown(user_id, "does not exist")
        if not self._has_list[user]:
            return None
        n = min(self._k, int(self._valid[user]))
        return UserList(user_id, self._job_id[self._slot[user, :n]], self._scores[user, :n].copy())

    def copy(self) -> Ranking:
        """Return the lists of all active users, in order of their ids. No list may be short."""
        places = np.flatnonzero(self._has_list)
        places = places[np.argsort(self._user_id[places])]
        count = np.minimum(self._valid[places], self._k).astype(np.int32)
        width = int(count.max(initial=0))
        is_used = np.arange(width) < count[:, None]
        job_id = np.where(is_used, self._job_id[self._slot[places, :width]], -1)
        scores = np.where(is_used[:, :, None], self._scores[places, :width], np.float32(0))
        return Ranking(self._user_id[places], job_id, np.full_like(job_id, -1), scores, count)


def make_unknown(user_id: int, problem: str) -> UnknownIdError:
    return UnknownIdError(f"user {user_id} {problem}. Use the id of an active user.", kind="user", unknown_id=user_id)
