"""Operations are counted and timed exactly, also with many threads at once."""

from __future__ import annotations

import json
import logging
import threading
import time
from asyncio import CancelledError

import numpy as np
import pytest

from scoring.telemetry import OperationRecord, Operations, OperationStatistics, Totals
from tests.support.clocks import Clock, Halting


def spend(operations: Operations, clock: Clock, name: str, seconds: float, users: int = 0, pairs: int = 0) -> None:
    with operations.measure(name, users=users, pairs=pairs):
        clock.now += seconds


def fail(operations: Operations, clock: Clock, name: str, error: BaseException) -> None:
    with operations.measure(name, users=7, pairs=70):
        clock.now += 1000
        raise error


def test_operation_is_counted_and_timed(clock: Clock) -> None:
    operations = Operations(clock)
    for seconds in (4, 1, 2, 8):
        spend(operations, clock, "top_k", seconds, users=10, pairs=300)
    assert operations.statistics().operations == {
        "top_k": OperationStatistics(
            count=4,
            failures=0,
            users=40,
            pairs=1200,
            seconds=15.0,
            mean_seconds=3.75,
            median_seconds=3.0,
            p95_seconds=8.0,
            last_seconds=8.0,
        )
    }


@pytest.mark.parametrize(("count", "nth"), [(1, 1), (19, 19), (20, 19), (21, 20), (100, 95), (101, 96)])
def test_p95_is_the_smallest_duration_that_95_percent_reach(clock: Clock, count: int, nth: int) -> None:
    operations = Operations(clock)
    for seconds in np.random.default_rng(0).permutation(count) + 1:
        spend(operations, clock, "run", float(seconds))
    assert operations.statistics().operations["run"].p95_seconds == nth


def test_quantiles_use_the_latest_durations_only(clock: Clock) -> None:
    operations = Operations(clock, window=3)
    for seconds in (100, 100, 1, 2, 3):
        spend(operations, clock, "run", seconds)
    found = operations.statistics().operations["run"]
    assert (found.count, found.seconds, found.mean_seconds) == (5, 206.0, 206 / 5)
    assert (found.median_seconds, found.p95_seconds, found.last_seconds) == (2.0, 3.0, 3.0)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), CancelledError()])
def test_failed_operation_counts_as_failure_only(clock: Clock, error: BaseException) -> None:
    records: list[OperationRecord] = []
    operations = Operations(clock, listeners=[records.append])
    with pytest.raises(type(error)):
        fail(operations, clock, "run", error)
    assert operations.statistics().operations == {"run": OperationStatistics(0, 1, 0, 0, 0.0, None, None, None, None)}
    spend(operations, clock, "run", 2, users=1)
    assert operations.statistics().operations["run"].mean_seconds == 2.0
    assert records == [OperationRecord("run", 1, 0, 2.0)]


def test_totals_and_the_time_per_user(clock: Clock) -> None:
    operations = Operations(clock)
    assert operations.statistics().total == Totals(0, 0, 0, 0, 0.0, 0.0, None)
    spend(operations, clock, "load", 64)  # no user was scored, so it does not count in the time per user
    spend(operations, clock, "top_k", 2, users=6, pairs=60)
    spend(operations, clock, "explain", 1, users=2, pairs=2)
    with pytest.raises(ValueError):
        fail(operations, clock, "explain", ValueError())
    assert operations.statistics().total == Totals(3, 1, 8, 62, 67.0, 3.0, 375.0)


def test_statistics_are_a_snapshot_and_valid_json(clock: Clock) -> None:
    operations = Operations(clock)
    with operations.measure("top_k", users=np.int64(3), pairs=np.int32(5)):  # type: ignore[arg-type]
        clock.now += 1
    before = operations.statistics()
    spend(operations, clock, "top_k", 5, users=1)
    assert before.operations["top_k"].count == 1
    decoded = json.loads(json.dumps(before.as_dict()))
    assert decoded["total"]["users"] == 3
    assert decoded["operations"]["top_k"]["median_seconds"] == 1.0


def test_listeners_are_called_after_counting(clock: Clock) -> None:
    records: list[tuple[OperationRecord, int]] = []
    operations: Operations = Operations(
        clock, listeners=[lambda done: records.append((done, operations.statistics().total.count))]
    )
    spend(operations, clock, "a", 1, users=2, pairs=3)
    spend(operations, clock, "b", 2)
    assert records == [(OperationRecord("a", 2, 3, 1.0), 1), (OperationRecord("b", 0, 0, 2.0), 2)]


def test_64_threads_add_up_exactly() -> None:
    of_thread = threading.local()

    def clock() -> float:
        """Advance half a second with each call in the same thread: sums of halves are exact."""
        of_thread.looks = getattr(of_thread, "looks", 0) + 1
        return Halting(of_thread.looks / 2)

    records: list[OperationRecord] = []
    operations = Operations(clock, listeners=[records.append])
    together = threading.Barrier(64)

    def work(number: int) -> None:
        together.wait()
        for n in range(100):
            with operations.measure(f"shared {n % 3}", users=number, pairs=n):
                pass
            if n % 10 == 0:
                with pytest.raises(ValueError), operations.measure("shared 0", users=5):
                    raise ValueError
                time.sleep(1e-5)  # until another thread is counting
                found = operations.statistics()
                assert found.total.count == sum(part.count for part in found.operations.values())
                assert found.total.seconds == 0.5 * found.total.count

    failures: list[BaseException] = []

    def run_safely(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run_safely, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    total = operations.statistics().total
    assert (total.count, total.failures, total.seconds) == (6400, 640, 3200.0)
    assert (total.users, total.pairs) == (100 * sum(range(64)), 64 * sum(range(100)))
    parts = operations.statistics().operations
    assert [parts[f"shared {n}"].count for n in range(3)] == [64 * 34, 64 * 33, 64 * 33]
    assert len(records) == 6400


def test_operations_log_counts(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    operations = Operations(clock)
    with caplog.at_level(logging.DEBUG, logger="scoring.operations"):
        spend(operations, clock, "top_k", 0.25, users=3, pairs=9)
        with pytest.raises(ValueError):
            fail(operations, clock, "top_k", ValueError("user 4711"))
    first, second = caplog.records
    assert first.getMessage() == "top_k finished: 3 users, 9 pairs, 250.000 ms"
    fields = ("operation", "outcome", "users", "pairs", "ms")
    assert [vars(first)[field] for field in fields] == ["top_k", "finished", 3, 9, 250.0]
    assert [vars(second)[field] for field in fields] == ["top_k", "failed", 7, 70, 1e6]
    assert "4711" not in caplog.text
