"""A source returns the same in another process as in this one."""

from __future__ import annotations

from scoring.profiling import Source, full_run
from scoring.profiling.measurement import apart, timed
from scoring.ranking import Prepared
from scoring.telemetry import Stopwatch


def test_it_loads_the_same_data(source: Source, prepared: Prepared) -> None:
    assert source.dataset().fingerprint == prepared.dataset.fingerprint
    assert apart(fingerprint, source) == prepared.dataset.fingerprint


def fingerprint(source: Source) -> str:
    return source.dataset().fingerprint


def test_a_full_run_times_every_phase_and_leaves_nothing(source: Source, prepared: Prepared) -> None:
    watch = Stopwatch()
    result = full_run(source, k=5, chunk_size=30, watch=watch)
    names = [phase.name for phase in watch.phases]
    assert names == ["load", "encode", "factors", "statistics", "plan", "kernels", "rank", "write", "publish"]
    assert result.counts.rows == prepared.top_k(5).count.sum()
    assert watch.phases[names.index("rank")].times == 2  # a shard, and the end


def test_work_is_timed_once_at_least() -> None:
    done: list[int] = []
    assert len(timed(lambda: done.append(1), repeats=3, at_most=0).seconds) == len(done) == 1
    times = timed(lambda: done.append(1), repeats=3)
    assert len(times.seconds) == 3
    assert times.best <= times.median <= times.worst
