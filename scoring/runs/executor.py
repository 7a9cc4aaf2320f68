"""Executors rank the shards of a run: `Executor` is the protocol, `LocalExecutor` ranks in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from scoring.array_types import Longs
from scoring.backends.protocol import Backend
from scoring.bundle.ranked_lists import Ranking
from scoring.ranking.prepared import Prepared
from scoring.ranking.scorer import Scorer
from scoring.runs import memory_forecast
from scoring.runs.shards import Shard, ShardAssembly, ShardResult, ShardTask

__all__ = ["Executor", "LocalExecutor", "ShardRanker", "cut_chunks"]


@dataclass(frozen=True, eq=False)
class ShardRanker:
    """Rank the shards of one run. A call is a pure function of the task and thread-safe.

    `k` candidates of each user are ranked, or fewer if fewer jobs may be ranked.
    """

    backend: Backend
    k: int
    n_eligible: int
    """Jobs that no rule excludes for every user."""
    workers: int

    @classmethod
    def of(cls, prepared: Prepared, k: int, workers: int | None = None) -> Self:
        """Return a ranker with `workers` threads; None: the number of threads of `prepared`."""
        # the only place where a run chooses its backend
        scorer = prepared.scorer
        if workers is not None:
            scorer = Scorer(prepared.plan, workers=workers, backend=prepared.backend)
        return cls(scorer, k, scorer.n_eligible, scorer.workers)

    @property
    def list_width(self) -> int:
        """Maximum number of candidates per user."""
        return min(self.k, self.n_eligible)

    def __call__(self, task: ShardTask) -> ShardResult:
        """Rank a shard, or some of its users."""
        return ShardResult(task.shard, self.rank(task.rows))

    def rank(
        self,
        rows: Longs,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ranking:
        """Rank users of any shards. If `cancelled` returns True, the work ends early and lists may be missing."""
        return self.backend.top_k(self.k, rows, cancelled=cancelled, progress=progress)


class Executor(Protocol):
    """Rank the shards of a run: in this process, in other processes or on other machines."""

    def map(
        self,
        rank_shard: ShardRanker,
        tasks: Sequence[ShardTask],
        *,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> Generator[ShardResult, None, None]:
        """Yield the result of every task, in any order, equal to `rank_shard(task)`.

        `progress` is called with the number of users just ranked. After `cancelled` returns True, the generator ends
        as soon as it can. It does not yield incomplete lists. The run closes the generator when it fails. The run
        ignores an equal second result of a shard and raises an error for a different one.
        """
        ...


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
