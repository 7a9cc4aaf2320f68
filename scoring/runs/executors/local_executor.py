"""Rank the shards of a run in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from scoring.array_types import Longs
from scoring.bundle.ranked_lists import Ranking
from scoring.runs import memory_forecast
from scoring.runs.executors.executor import ShardRanker
from scoring.runs.shards import Shard, ShardAssembly, ShardResult, ShardTask

__all__ = ["LocalExecutor", "cut_chunks"]


class LocalExecutor:
    """Rank in this process, `chunk_size` users at a time, with the threads of the backend.

    Small shards are ranked together: a shard with lists of 2,000 jobs has 125 users, fewer than the backend needs to
    measure which of its strategies is faster. Chunks are smaller while memory is short. `take_part` is called with the
    lists of a shard as far as they are ranked, except the last ones.
    """

    def __init__(
        self, chunk_size: int, take_part: Callable[[Shard, Ranking], None] = lambda shard, lists: None
    ) -> None:
        self._chunk_size, self._take_part = chunk_size, take_part

    def map(
        self,
        rank_shard: ShardRanker,
        tasks: Sequence[ShardTask],
        *,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> Generator[ShardResult, None, None]:
        """Yield the results in the order of the tasks."""
        assembly = ShardAssembly(tasks, self._take_part)
        rows = np.concatenate([np.empty(0, dtype=np.int64), *(task.rows for task in tasks)])
        for chunk in cut_chunks(rows, self._chunk_size, rank_shard.list_width):
            ranking = rank_shard.rank(chunk, cancelled, progress)
            if cancelled():
                return
            yield from assembly.add(ranking)
            del ranking  # free it before the next chunk is ranked


def cut_chunks(rows: Longs, chunk_size: int, list_width: int) -> Iterator[Longs]:
    """Yield `chunk_size` rows at a time, or fewer while the lists of a chunk do not fit in the available memory."""
    start, bytes_per_user = 0, list_width * memory_forecast.BYTES_PER_RANKED
    while start < len(rows):
        size = min(chunk_size, len(rows) - start)
        available = memory_forecast.measure_available()
        while size > 1 and size * bytes_per_user > available:
            size //= 2
        yield rows[start : start + size]
        start += size
