"""A source returns the same in another process as in this one."""

from __future__ import annotations

import shutil

from scoring.dataset import Tables
from scoring.errors import ConfigurationError
from scoring.profiling import Source, full_run
from scoring.profiling.measurement import measure_times, run_in_new_process
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from scoring.telemetry import Stopwatch
from tests.support.errors import raises_at


def test_source_loads_the_same_data_in_each_process(source: Source, prepared: Prepared) -> None:
    assert source.dataset().fingerprint == prepared.dataset.fingerprint
    assert run_in_new_process(fingerprint, source) == prepared.dataset.fingerprint


def fingerprint(source: Source) -> str:
    return source.dataset().fingerprint


def test_generated_source_is_a_market_in_a_file() -> None:
    source = Source.generate(20, 60, 200, seed=3)
    assert source.factors is not None
    try:
        data = source.dataset()
        assert (len(data.users), len(data.jobs)) == (20, 60)
        assert data.tables.jobs.equals(make_market(20, 60, 200, seed=3).tables.jobs)
    finally:
        shutil.rmtree(source.factors)


def test_table_is_read_as_it_is_stored(source: Source, tables: Tables) -> None:
    found = source.read_table("jobs")
    assert found["job_id"].tolist() == tables.jobs["job_id"].tolist()
    assert found["title"].fillna("").tolist() == tables.jobs["title"].fillna("").tolist()
    with raises_at(ConfigurationError, "table"):
        source.read_table("results")


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
