"""A run's users cut into shards, and rankings of chunks cut where shards end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scoring.array_types import Longs
from scoring.bundle.ranking import Ranking
from scoring.runs.publishers import Shard, publisher

__all__ = ["Pieces", "cut", "shard_users"]


def shard_users(k: int) -> int:
    """Users whose lists of k jobs are kept together."""
    return max(1, publisher.ROWS_PER_SHARD // max(1, k))


def cut(user_id: Longs, step: int) -> list[Shard]:
    """Shards of these users (n,), ascending; one of nobody where there is nobody."""
    starts = range(0, len(user_id), step)
    parts = [user_id[start : start + step] for start in starts]
    shards = [Shard(number, int(part[0]), int(part[-1]), len(part)) for number, part in enumerate(parts)]
    return shards or [Shard(0, 0, -1, 0)]


class Pieces:
    """Goes through the users of some shards; a chunk may hold several shards, and a shard be made of several chunks."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = list(shards)
        self._left = shards[0].users if shards else 0  # users of the first of them that are to come

    def of(self, ranking: Ranking) -> Iterator[tuple[Ranking, Shard, bool]]:
        """Pieces of the next users' lists: of which shard, and whether it ends with this one."""
        at, n = 0, len(ranking.user_id)
        while at < n:
            size = min(self._left, n - at)
            whole = size == n
            piece = ranking if whole else ranking.take(np.arange(at, at + size))
            at, self._left = at + size, self._left - size
            shard, ends = self._shards[0], not self._left
            if ends:
                del self._shards[0]
                self._left = self._shards[0].users if self._shards else 0
            yield piece, shard, ends
