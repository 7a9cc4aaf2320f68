"""The protocol of executors, and the function that ranks one shard."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from scoring.array_types import Longs
from scoring.backends.protocol import Backend
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranked_lists import Ranking
from scoring.ranking.prepared import Prepared
from scoring.ranking.scorer import Scorer
from scoring.runs.shards import ShardResult, ShardTask

__all__ = ["Executor", "ShardRanker"]


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
    bundle: Bundle
    """What the backend ranks; an executor sends it to other processes."""

    @classmethod
    def of(cls, prepared: Prepared, k: int, workers: int | None = None) -> Self:
        """Return a ranker with `workers` threads; None: the number of threads of `prepared`."""
        # the only place where a run chooses its backend
        scorer = prepared.scorer
        if workers is not None:
            scorer = Scorer(prepared.plan, workers=workers, path=prepared.path, backend=prepared.backend)
        return cls(scorer, k, scorer.n_eligible, scorer.workers, prepared.plan.bundle)

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
