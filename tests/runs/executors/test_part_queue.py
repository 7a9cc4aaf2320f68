"""Parts of shards: every user is in one part, in any order of results and after any number of losses."""

from __future__ import annotations

import random

import numpy as np
import pytest

from scoring.bundle.ranked_lists import Ranking
from scoring.runs.executors.part_queue import Part, PartQueue
from scoring.runs.shards import ShardResult, ShardTask, cut_shards


def make_tasks(n_users: int, per_shard: int) -> list[ShardTask]:
    rows = np.arange(n_users)
    return [ShardTask(shard, rows[per_shard * shard.number :][: shard.users]) for shard in cut_shards(rows, per_shard)]


def make_lists(part: Part) -> Ranking:
    n = part.n_users
    jobs = np.repeat(part.rows[:, None], 2, axis=1)
    return Ranking(part.rows, jobs, jobs, np.zeros((n, 2, 4), np.float32), np.full(n, 2, np.int32))


@pytest.mark.parametrize("seed", range(20))
def test_every_user_is_in_the_result_once(seed: int) -> None:
    chance = random.Random(seed)
    tasks = make_tasks(chance.randint(1, 300), chance.randint(1, 90))
    queue, out, results = PartQueue(tasks), list[Part](), list[ShardResult]()
    while len(results) < len(tasks):
        part = queue.take(chance.randint(1, 60)) if chance.random() < 0.6 else None
        if part is not None:
            out.append(part)
        elif out:
            part = out.pop(chance.randrange(len(out)))
            if chance.random() < 0.3:
                queue.put_back(part)
                continue
            result = queue.add(part, make_lists(part))
            if result is not None:
                results.append(result)
    assert queue.n_waiting == 0
    assert queue.unfinished() == ([], 0)
    by_number = sorted(results, key=lambda result: result.shard.number)
    assert [result.shard for result in by_number] == [task.shard for task in tasks]
    for result, task in zip(by_number, tasks, strict=True):
        assert result.ranking.user_id.tolist() == task.rows.tolist()
        assert result.ranking.job_id[:, 0].tolist() == task.rows.tolist()


def test_parts_of_a_shard_have_equal_sizes() -> None:
    queue = PartQueue(make_tasks(100, 100))
    sizes = []
    while (part := queue.take(30)) is not None:
        sizes.append(part.n_users)
    assert sizes == [34, 33, 33]


def test_unfinished_shards_and_their_ranked_users_are_known() -> None:
    queue = PartQueue(make_tasks(60, 20))
    parts = [queue.take(10) for _ in range(4)]
    assert all(part is not None for part in parts)
    for part in (parts[0], parts[1], parts[3]):
        queue.add(part, make_lists(part))  # type: ignore[arg-type]
    tasks, ranked = queue.unfinished()
    assert [task.shard.number for task in tasks] == [1, 2]
    assert ranked == 10
