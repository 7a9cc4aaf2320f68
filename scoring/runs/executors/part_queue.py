"""The parts of shards that workers rank: cut on demand, put back when a worker is lost, assembled to shards."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from scoring.array_types import Longs
from scoring.bundle.ranked_lists import Ranking
from scoring.runs.shards import ShardResult, ShardTask

__all__ = ["Part", "PartQueue"]


@dataclass(frozen=True)
class Part:
    """Users of one shard: the rows `task.rows[start:stop]` of the plan."""

    number: int
    task: ShardTask
    start: int
    stop: int

    @property
    def rows(self) -> Longs:
        return self.task.rows[self.start : self.stop]

    @property
    def n_users(self) -> int:
        return self.stop - self.start


class PartQueue:
    """Cut shards into parts in order, and assemble their results in any order.

    One thread calls `take` and `put_back`, another one may call `add` and `unfinished` meanwhile.
    """

    def __init__(self, tasks: Sequence[ShardTask]) -> None:
        self._tasks = list(tasks)
        self._place = 0  # the first task that is not cut completely
        self._start = 0  # the first row of it that is not cut
        self._returned: deque[Part] = deque()
        self._n_parts = 0
        self._done: list[dict[int, tuple[Part, Ranking]]] = [{} for _ in self._tasks]
        self._places = {task.shard.number: place for place, task in enumerate(self._tasks)}
        self.n_waiting = sum(len(task.rows) for task in self._tasks)
        """Users that no worker ranks."""

    def take(self, n_users: int) -> Part | None:
        """Return the next part, of about this many users; None if no users wait."""
        if self._returned:
            part = self._returned.popleft()
            self.n_waiting -= part.n_users
            return part
        while self._place < len(self._tasks) and self._start >= len(self._tasks[self._place].rows):
            self._place, self._start = self._place + 1, 0
        if self._place == len(self._tasks):
            return None
        task = self._tasks[self._place]
        left = len(task.rows) - self._start
        n_parts = max(1, round(left / max(1, n_users)))  # equal parts, none of them small
        stop = self._start + -(-left // n_parts)
        part = Part(self._n_parts, task, self._start, stop)
        self._n_parts, self._start = self._n_parts + 1, stop
        self.n_waiting -= part.n_users
        return part

    def put_back(self, part: Part) -> None:
        """Let another worker rank a part. It is taken first."""
        self._returned.append(part)
        self.n_waiting += part.n_users

    def add(self, part: Part, lists: Ranking) -> ShardResult | None:
        """Add the lists of a part. Return the result of its shard if that completes it."""
        done = self._done[self._places[part.task.shard.number]]
        done[part.start] = (part, lists)
        if sum(one.n_users for one, _ in done.values()) < len(part.task.rows):
            return None
        parts = [lists for _, (_, lists) in sorted(done.items())]
        self._done[self._places[part.task.shard.number]] = {-1: (part, lists.first())}  # frees the lists
        return ShardResult.concatenate(part.task.shard, parts)

    def unfinished(self) -> tuple[list[ShardTask], int]:
        """Return the shards without a result, and how many of their users were ranked."""
        left = [(task, done) for task, done in zip(self._tasks, self._done, strict=True) if -1 not in done]
        return [task for task, _ in left], sum(part.n_users for _, done in left for part, _ in done.values())
