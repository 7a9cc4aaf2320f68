"""Extension points of a run: executors, publishers and rerankers, each replaced by a class of this test."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from scoring.columns import RESULT_COLUMNS
from scoring.database.database import Database
from scoring.errors import ConfigurationError, OutputError, RunCancelledError
from scoring.ranking import Prepared, Ranking
from scoring.runs import shards
from scoring.runs.executors.executor import ShardRanker
from scoring.runs.executors.local_executor import LocalExecutor
from scoring.runs.gate import Gate
from scoring.runs.publishers import (
    Claim,
    DatabasePublisher,
    Destination,
    ExistingRun,
    FramePublisher,
    ListBlock,
    OpenRun,
    ParquetPublisher,
    Publisher,
    RunCounts,
    RunMetadata,
    read_results,
)
from scoring.runs.shards import Shard, ShardResult, ShardTask
from scoring.telemetry import fault_injection
from tests.support.errors import raises_at, raises_with
from tests.support.small_runs import read_parts, run

K = 5

pytestmark = pytest.mark.usefixtures("small_shards")


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    with Database.open(sqlite_url) as database:
        database.create()
        yield database


def run_to_frame(prepared: Prepared, **settings: Any) -> pd.DataFrame:
    publisher = FramePublisher()
    run(prepared, publisher, **settings)
    return publisher.frame


@pytest.fixture(scope="module")
def expected(prepared: Prepared) -> pd.DataFrame:
    return prepared.top_k(K).frame()


# Executors

Results = Generator[ShardResult, None, None]


class ReverseExecutor:
    """Executor that ranks shards from the last to the first, in two threads."""

    def map(
        self,
        rank_shard: ShardRanker,
        tasks: Sequence[ShardTask],
        *,
        progress: Callable[[int], None],
        cancelled: Callable[[], bool],
    ) -> Results:
        with ThreadPoolExecutor(2) as pool:
            for result in pool.map(rank_shard, reversed(tasks)):
                if cancelled():
                    return
                progress(result.shard.users)
                yield result


_INHERITED: list[ShardRanker] = []


def _rank(task: ShardTask) -> ShardResult:
    return _INHERITED[0](task)


class ProcessExecutor:
    """Executor that ranks shards in a forked process, which inherits the plan. Results are pickled."""

    def map(self, rank_shard: ShardRanker, tasks: Sequence[ShardTask], **_: object) -> Results:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(1, context, _INHERITED.append, (rank_shard,)) as pool:
            yield from pool.map(_rank, tasks[1::2])
            yield from pool.map(_rank, tasks[::2])


class ChangingExecutor(LocalExecutor):
    """Executor that changes the results of the local executor."""

    def __init__(self, change: Callable[[Results], Iterator[ShardResult]]) -> None:
        super().__init__(30)
        self._change = change

    def map(self, *arguments: Any, **settings: Any) -> Results:
        yield from self._change(super().map(*arguments, **settings))


def test_shard_order_does_not_change_published_lists(prepared: Prepared, database: Database, tmp_path: Path) -> None:
    """The files, the rows, and their records in the manifest and the database are the same."""
    local = run(prepared, ParquetPublisher(tmp_path / "local"), DatabasePublisher(database))
    rows = read_results(database)
    calls: list[int] = []
    other = run(
        prepared,
        ParquetPublisher(tmp_path / "other"),
        DatabasePublisher(database),
        executor=ReverseExecutor(),
        progress=lambda done, total: calls.append(done),
    )
    assert read_parts(tmp_path / "other") == read_parts(tmp_path / "local")
    assert len(read_parts(tmp_path / "local")) > 5
    assert_frame_equal(read_results(database), rows)
    assert other.counts == local.counts
    assert other.metadata.key == local.metadata.key
    assert other.strategy.startswith("pruned")
    assert calls[0] == 0
    assert calls == sorted(calls)
    assert calls[-1] == len(prepared.active_users)
    assert_frame_equal(other.first.frame(), local.first.frame())
    manifests = [json.loads((tmp_path / name / "_manifest.json").read_text()) for name in ("local", "other")]
    assert manifests[0]["files"] == manifests[1]["files"]
    with database.connect() as connection:
        one, two = connection.execute(text("SELECT settings FROM runs")).scalars().all()
    assert one == two


def test_shards_of_another_process_are_equal(prepared: Prepared, expected: pd.DataFrame) -> None:
    assert_frame_equal(run_to_frame(prepared, executor=ProcessExecutor()), expected)


def test_run_stopped_in_another_order_is_resumed(prepared: Prepared, tmp_path: Path) -> None:
    run(prepared, ParquetPublisher(tmp_path / "whole"))
    with fault_injection.arm("shard noted", 3, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        run(prepared, ParquetPublisher(tmp_path / "run"), executor=ReverseExecutor(), resume=True)
    result = run(prepared, ParquetPublisher(tmp_path / "run"), resume=True)
    last = len(prepared.active_users) % 20 or 20
    assert result.users_resumed == 40 + last
    assert read_parts(tmp_path / "run") == read_parts(tmp_path / "whole")


@pytest.mark.parametrize("chunk_size", [1, 7, 20, 33, 1000])
def test_chunk_size_does_not_change_shards(prepared: Prepared, chunk_size: int) -> None:
    rank = ShardRanker.of(prepared, K)
    rows = prepared.active_users[:50]
    ids = prepared.plan.user_id[rows]
    tasks = [ShardTask(shard, rows[20 * shard.number :][: shard.users]) for shard in shards.cut_shards(ids, 20)]
    done: list[int] = []
    parts: list[tuple[int, list[int]]] = []

    def take_part(shard: shards.Shard, lists: Ranking) -> None:
        parts.append((shard.number, lists.user_id.tolist()))

    executor = LocalExecutor(chunk_size, take_part)
    found = list(executor.map(rank, tasks, progress=done.append, cancelled=lambda: False))
    for result in found:
        ids = result.ranking.user_id.tolist()
        of_shard = [user_id for number, part in parts if number == result.shard.number for user_id in part]
        assert ids[: len(of_shard)] == of_shard
        assert len(of_shard) < len(ids)
    assert [result.shard for result in found] == [task.shard for task in tasks]
    assert [result.digest for result in found] == [rank(task).digest for task in tasks]
    assert sum(done) == 50
    assert sum(result.ranking.n_scored for result in found) > 0


def test_repeated_result_is_committed_once(prepared: Prepared, expected: pd.DataFrame) -> None:
    def repeat_results(results: Results) -> Iterator[ShardResult]:
        for result in results:
            yield result
            yield result
            yield replace(result, ranking=replace(result.ranking))

    assert_frame_equal(run_to_frame(prepared, executor=ChangingExecutor(repeat_results)), expected)


def change_scores(result: ShardResult) -> ShardResult:
    """Return the result with one score moved to the next smaller float32."""
    scores = result.ranking.scores.copy()
    scores[0, 0, 0] = np.nextafter(scores[0, 0, 0], np.float32(0))
    return replace(result, ranking=replace(result.ranking, scores=scores))


def repeat_changed(results: Results) -> Iterator[ShardResult]:
    for result in results:
        yield result
        if result.shard.number == 2:
            yield change_scores(result)


def swap_numbers(results: Results) -> Iterator[ShardResult]:
    for result in results:
        yield replace(result, shard=replace(result.shard, number=result.shard.number ^ 1))


def rename_shards(results: Results) -> Iterator[ShardResult]:
    for result in results:
        yield replace(result, shard=replace(result.shard, number=1_000))


def drop_last(results: Results) -> Iterator[ShardResult]:
    for result in results:
        if result.shard.number != 3:
            yield result


@pytest.mark.parametrize(
    ("change", "shard", "reason"),
    [
        (repeat_changed, 2, "different results"),
        (swap_numbers, 1, "other users"),
        (rename_shards, 1_000, "unknown shard"),
        (drop_last, 3, "missing shard"),
    ],
)
def test_wrong_result_stops_the_run_and_names_the_shard(
    prepared: Prepared, tmp_path: Path, change: Callable[[Results], Iterator[ShardResult]], shard: int, reason: str
) -> None:
    with raises_with(OutputError, reason=reason, shard=shard):
        run(prepared, ParquetPublisher(tmp_path / "run"), executor=ChangingExecutor(change))
    assert list(tmp_path.iterdir()) == []


def test_executor_is_closed_when_the_run_fails(prepared: Prepared) -> None:
    closed: list[bool] = []

    def record_close(results: Results) -> Iterator[ShardResult]:
        try:
            yield from results
        finally:
            closed.append(True)

    with fault_injection.arm("rows inserted", 1), pytest.raises(ZeroDivisionError):
        run(prepared, Broken(), executor=ChangingExecutor(record_close))
    assert closed == [True]


def test_cancelled_executor_publishes_nothing(prepared: Prepared, tmp_path: Path) -> None:
    done = [0]

    def progress(count: int, total: int) -> None:
        done[0] = count

    with pytest.raises(RunCancelledError):
        run(
            prepared,
            ParquetPublisher(tmp_path / "run"),
            executor=ReverseExecutor(),
            progress=progress,
            cancelled=lambda: done[0] >= 40,
        )
    assert list(tmp_path.iterdir()) == []


# Publishers


class Memory(Publisher, Claim, OpenRun):
    """Publisher that keeps lists in memory, by shard. `shown` contains them once they are published."""

    existing: ExistingRun | None = None
    committed: Mapping[int, int] = {}

    def __init__(self) -> None:
        self._lists: dict[int, Ranking] = {}
        self.published: dict[int, Ranking] = {}
        self.verdict: Mapping[str, Any] | None = None

    def claim(self, metadata: RunMetadata) -> Claim:
        return self

    def begin(self, metadata: RunMetadata) -> OpenRun:
        return self

    def commit_shard(self, result: ShardResult) -> None:
        self._lists[result.shard.number] = result.ranking

    def read_back(self, shard: Shard, k: int) -> ListBlock | None:
        return ListBlock.of_ranking(self._lists[shard.number].cut(k))

    def record_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        self.verdict = verdict

    def seal(self, counts: RunCounts) -> None:
        assert sum(int(lists.count.sum()) for lists in self._lists.values()) == counts.rows

    def publish(self, counts: RunCounts) -> Destination:
        self.published = self._lists
        return Destination("memory", "here")

    def abort(self) -> None:
        self._lists = {}

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        return 34 * rows


class Broken(Memory):
    def commit_shard(self, result: ShardResult) -> None:
        raise ZeroDivisionError


def test_custom_publisher_gets_the_same_lists(prepared: Prepared, expected: pd.DataFrame) -> None:
    memory = Memory()
    result = run(prepared, memory, gate=Gate())
    published = pd.concat([memory.published[number].frame() for number in sorted(memory.published)], ignore_index=True)
    assert_frame_equal(published, expected)
    assert result.destinations == (Destination("memory", "here"),)
    assert memory.verdict is not None
    assert memory.verdict["outcome"] == "passed"


# Rerankers


class EvenJobsFirst:
    """Reranker that puts jobs with an even id first, in reverse order. The other jobs keep their order."""

    digest = "even jobs first"

    def n_candidates(self, k: int) -> int:
        return 3 * k

    def rerank(self, candidates: Ranking, k: int) -> Ranking:
        n, width = candidates.job_id.shape
        place = np.arange(width)
        listed = place < candidates.count[:, None]
        order = np.argsort(
            np.where(listed, np.where(candidates.job_id % 2 == 0, -place, width + place), 3 * width), axis=1
        )
        row = np.arange(n)[:, None]
        return replace(
            candidates,
            job_id=candidates.job_id[row, order],
            job_row=candidates.job_row[row, order],
            scores=candidates.scores[row, order],
        ).cut(k)


def test_reranked_lists_are_published_with_canonical_scores(prepared: Prepared, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = run(prepared, ParquetPublisher(folder), reranker=EvenJobsFirst())
    found = pd.read_parquet(folder)
    candidates = prepared.top_k(3 * K).frame()
    candidates["even"] = candidates["job_id"] % 2 == 0
    candidates["order"] = candidates["rank"].where(~candidates["even"], -candidates["rank"])
    candidates = candidates.sort_values(["user_id", "even", "order"], ascending=[True, False, True])
    lists = candidates.groupby("user_id").head(K).reset_index(drop=True)
    lists["rank"] = (lists.groupby("user_id").cumcount() + 1).astype("int32")
    assert_frame_equal(found, lists[list(RESULT_COLUMNS)])
    assert not found.equals(prepared.top_k(K).frame())
    assert result.first.job_id[0].tolist() == found["job_id"][:K].tolist()
    # the explanation of a pair has the published total
    user, job, total = found.loc[0, ["user_id", "job_id", "total_score"]]
    assert np.float32(prepared.explain(int(user), int(job)).total) == np.float32(total)


def test_shard_order_does_not_change_reranked_lists(prepared: Prepared) -> None:
    local = run_to_frame(prepared, reranker=EvenJobsFirst())
    assert_frame_equal(run_to_frame(prepared, reranker=EvenJobsFirst(), executor=ReverseExecutor()), local)


def test_run_is_not_resumed_with_another_reranker(prepared: Prepared, tmp_path: Path) -> None:
    with fault_injection.arm("shard noted", 3, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        run(prepared, ParquetPublisher(tmp_path / "run"), resume=True)
    result = run(prepared, ParquetPublisher(tmp_path / "run"), reranker=EvenJobsFirst(), resume=True)
    assert result.users_resumed == 0


class WrongReranker(EvenJobsFirst):
    def __init__(self, change: Callable[[Ranking], Ranking]) -> None:
        self._change = change

    def rerank(self, candidates: Ranking, k: int) -> Ranking:
        return self._change(candidates)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda candidates: candidates, "k"),
        (lambda candidates: candidates.first().cut(K), "user_id"),
    ],
)
def test_invalid_lists_of_a_reranker_are_rejected(
    prepared: Prepared, change: Callable[[Ranking], Ranking], key: str
) -> None:
    with raises_at(ConfigurationError, key):
        run(prepared, reranker=WrongReranker(change))
