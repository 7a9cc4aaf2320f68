"""Shards: ranges of the user ids of a run. Each is ranked, stored, verified and repeated as a whole."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from scoring.array_types import Longs
from scoring.bundle.ranked_lists import Ranking

__all__ = [
    "ROWS_PER_SHARD",
    "Shard",
    "ShardAssembly",
    "ShardResult",
    "ShardTask",
    "count_users_per_shard",
    "cut_shards",
    "digest_lists",
]

ROWS_PER_SHARD: Final = 250_000
"""Rows per shard: large enough for few files, small enough to hold in memory and to rank again."""


@dataclass(frozen=True)
class Shard:
    """A range of the users of a run, by id."""

    number: int
    first_user: int
    last_user: int
    users: int


@dataclass(frozen=True, eq=False)
class ShardTask:
    """A shard and the rows (n,) of its users in the plan, in the order of their ids."""

    shard: Shard
    rows: Longs


def digest_lists(ranking: Ranking) -> bytes:
    """Return a digest of ids, order and float32 scores. It is equal for equal lists, however they were computed."""
    digest = hashlib.sha256()  # twice as fast as BLAKE2 on processors with SHA instructions
    jobs, scores = ranking.job_id, ranking.scores
    if (ranking.count < jobs.shape[1]).any():  # values after the last job do not count
        is_listed = np.arange(jobs.shape[1]) < ranking.count[:, None]
        jobs, scores = jobs[is_listed], scores[is_listed]
    for values in (ranking.user_id, ranking.count, jobs, scores):
        digest.update(np.ascontiguousarray(values).data)
    return digest.digest()


@dataclass(frozen=True, eq=False)
class ShardResult:
    """The lists of a shard's users, ascending by id."""

    shard: Shard
    ranking: Ranking

    @cached_property
    def digest(self) -> bytes:
        """`digest_lists` of the ranking."""
        return digest_lists(self.ranking)

    @classmethod
    def concatenate(cls, shard: Shard, parts: Sequence[Ranking]) -> Self:
        """Return the result of a shard whose users were ranked in parts: equally wide lists, by ascending user id."""
        if len(parts) == 1:
            return cls(shard, parts[0])
        names = ("user_id", "job_id", "job_row", "scores", "count")
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        n_scored = sum(part.n_scored for part in parts)
        return cls(shard, replace(parts[0], **columns, n_scored=n_scored))


def count_users_per_shard(k: int) -> int:
    """Return how many users with lists of k jobs a shard contains."""
    return max(1, ROWS_PER_SHARD // max(1, k))


def cut_shards(user_id: Longs, users: int) -> list[Shard]:
    """Cut `user_id` (n,), ascending, into shards of `users` users. Return one empty shard if there are no users."""
    parts = [user_id[start : start + users] for start in range(0, len(user_id), users)]
    shards = [Shard(number, int(part[0]), int(part[-1]), len(part)) for number, part in enumerate(parts)]
    return shards or [Shard(0, 0, -1, 0)]


class ShardAssembly:
    """Assemble results of shards from rankings of their users in any chunks.

    A chunk may contain users of several shards, and a shard may consist of several chunks. `take_part` is called with
    the lists of each part of a shard except the last one.
    """

    def __init__(
        self, tasks: Sequence[ShardTask], take_part: Callable[[Shard, Ranking], None] = lambda shard, lists: None
    ) -> None:
        self._shards = deque(task.shard for task in tasks)
        self._parts: list[Ranking] = []  # of the first of these shards
        self._missing = tasks[0].shard.users if tasks else 0  # users of that shard
        self._take_part = take_part

    def add(self, ranking: Ranking) -> Iterator[ShardResult]:
        """Yield the shards that the lists of the next users complete."""
        start, n, n_scored = 0, len(ranking.user_id), ranking.n_scored
        while start < n:
            size = min(self._missing, n - start)
            # copied, so that a waiting part does not keep the whole chunk in memory
            part = ranking if size == n else ranking.take(np.arange(start, start + size))
            self._parts.append(replace(part, n_scored=n_scored))  # the first part gets the pair count of the chunk
            start, n_scored, self._missing = start + size, 0, self._missing - size
            if self._missing:
                self._take_part(self._shards[0], part)
            else:
                parts, self._parts, shard = self._parts, [], self._shards.popleft()
                self._missing = self._shards[0].users if self._shards else 0
                yield ShardResult.concatenate(shard, parts)
