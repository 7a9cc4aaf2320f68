"""A source returns the same in another process as in this one."""

from __future__ import annotations

from scoring.profiling import Source, full_run
from scoring.profiling.measurement import measure_times, run_in_new_process
from scoring.ranking import Prepared
from scoring.telemetry import Stopwatch


def test_source_loads_the_same_data_in_each_process(source: Source, prepared: Prepared) -> None:
    assert source.dataset().fingerprint == prepared.dataset.fingerprint
    assert run_in_new_process(fingerprint, source) == prepared.dataset.fingerprint


def fingerprint(source: Source) -> str:
    return source.dataset().fingerprint


def test_full_run_times_every_phase(source: Source, prepared: Prepared) -> None:
    watch = Stopwatch()
    result = full_run(source, k=5, chunk_size=30, watch=watch)
    names = [phase.name for phase in watch.phases]
    assert names == ["load", "encode", "factors", "statistics", "plan", "kernels", "rank", "write", "publish"]
    assert result.counts.rows == prepared.top_k(5).count.sum()
    assert watch.phases[names.index("rank")].times == 2  # a shard, and the end


def test_work_is_timed_at_least_once() -> None:
    done: list[int] = []
    assert len(measure_times(lambda: done.append(1), repeats=3, at_most=0).seconds) == len(done) == 1
    times = measure_times(lambda: done.append(1), repeats=3)
    assert len(times.seconds) == 3
    assert times.best <= times.median <= times.worst
