"""Runs: results do not depend on chunks and workers, all rows are counted, partial runs are not published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from scoring.columns import RESULT_COLUMNS
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, NotEnoughMemoryError, RunCancelledError
from scoring.ranking import Prepared
from scoring.runs import memory_forecast, runner
from scoring.runs.publishers import (
    Claim,
    Destination,
    ExistingRun,
    FramePublisher,
    OpenRun,
    Publisher,
    RunCounts,
    RunMetadata,
)
from scoring.runs.run_key import new_run_id
from scoring.runs.shards import ShardResult
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_unknown, raises_with


def run_to_frame(prepared: Prepared, **settings: object) -> pd.DataFrame:
    publisher = FramePublisher()
    runner.run(prepared, publishers=[publisher], **settings)  # type: ignore[arg-type]
    return publisher.frame


class Recorder(Publisher, Claim, OpenRun):
    """Publisher that records its calls, and fails at a given one."""

    existing: ExistingRun | None = None
    committed: Mapping[int, int] = {}

    def __init__(self, fail_at: str | None = None, error: BaseException | None = None) -> None:
        self.calls: list[str] = []
        self._fail_at, self._error = fail_at, error or OSError("broken")

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self._fail_at:
            raise self._error

    def claim(self, metadata: RunMetadata) -> Claim:
        self._note("claim")
        return self

    def begin(self, metadata: RunMetadata) -> OpenRun:
        self._note("begin")
        return self

    def commit_shard(self, result: ShardResult) -> None:
        self._note("commit_shard")

    def seal(self, counts: RunCounts) -> None:
        self._note("seal")

    def publish(self, counts: RunCounts) -> Destination:
        self._note("publish")
        return Destination("recorder", "here")

    def abort(self) -> None:
        self.calls.append("abort")

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        return 0


@pytest.fixture(scope="module")
def expected(prepared: Prepared) -> pd.DataFrame:
    return prepared.top_k(7).frame()


@pytest.mark.parametrize("chunk_size", [1, 7, 64, 1000])
@pytest.mark.parametrize("workers", [1, 3])
def test_results_do_not_depend_on_chunks_and_workers(
    prepared: Prepared, expected: pd.DataFrame, chunk_size: int, workers: int
) -> None:
    assert_frame_equal(run_to_frame(prepared, k=7, chunk_size=chunk_size, workers=workers), expected)


def test_results_have_the_documented_columns(expected: pd.DataFrame, prepared: Prepared) -> None:
    assert tuple(expected.columns) == RESULT_COLUMNS
    assert_frame_equal(expected, expected.sort_values(["user_id", "rank"], ignore_index=True))
    assert set(expected["user_id"]) == set(prepared.plan.user_id[prepared.active_users])


def test_users_may_be_unordered_and_repeated(prepared: Prepared, expected: pd.DataFrame) -> None:
    active = prepared.plan.user_id[prepared.active_users]
    user_ids = [int(active[40]), int(active[3]), int(active[40])]
    part = run_to_frame(prepared, k=7, users=user_ids)
    assert_frame_equal(part, expected[expected["user_id"].isin(user_ids)].reset_index(drop=True))


def test_large_k_returns_all_eligible_jobs(prepared: Prepared) -> None:
    user = int(prepared.plan.user_id[prepared.active_users[0]])
    rows = prepared.user_rows([user])
    assert len(run_to_frame(prepared, k=10_000, users=[user])) == prepared.plan.exclusions.matrix(rows).sum()


def test_counts_cover_every_user_and_job(prepared: Prepared) -> None:
    counts = runner.run(prepared, k=3).counts
    assert counts.users_filtered["inactive"] > 0
    assert counts.users_read == counts.users_scored + sum(counts.users_filtered.values()) == 130
    assert counts.jobs_read == counts.jobs_ranked + sum(counts.jobs_filtered.values()) == 600
    assert counts.rows == 3 * counts.users_scored


def test_counts_include_unselected_users_and_rejected_rows(prepared: Prepared) -> None:
    inactive = int(prepared.plan.user_id[~prepared.inputs.users.active][0])
    active = int(prepared.plan.user_id[prepared.active_users[0]])
    result = runner.run(prepared, k=3, users=[inactive, active], refused={"users": 4, "jobs": 9})
    counts = result.counts
    assert dict(counts.users_filtered) == {"inactive": 1, "not asked for": 128}
    assert counts.users_read == 134 == counts.users_scored + sum(counts.users_filtered.values()) + 4
    assert counts.jobs_read == 609 == counts.jobs_ranked + sum(counts.jobs_filtered.values()) + 9
    assert not result.metadata.whole


def test_run_without_active_users_is_empty(prepared: Prepared) -> None:
    inactive = int(prepared.plan.user_id[~prepared.inputs.users.active][0])
    frame = run_to_frame(prepared, users=[inactive])
    assert len(frame) == 0
    assert tuple(frame.columns) == RESULT_COLUMNS


def test_progress_ends_at_the_total(prepared: Prepared) -> None:
    calls: list[tuple[int, int]] = []
    runner.run(prepared, k=3, chunk_size=50, progress=lambda done, total: calls.append((done, total)))
    total = len(prepared.active_users)
    assert calls[0] == (0, total)
    assert calls[-1] == (total, total)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_pair_counts(prepared: Prepared) -> None:
    result = runner.run(prepared, k=3)
    n_users = len(prepared.active_users)
    assert result.pairs_ranked == n_users * 600
    assert result.pairs_eligible == n_users * int(prepared.plan.exclusions.open_to_all.sum())
    assert 0 < result.pairs_scored <= result.pairs_eligible
    assert result.ms_per_user == pytest.approx(1000 * result.watch.seconds("rank") / n_users)


@pytest.mark.parametrize("invalid", [{"k": 0}, {"k": -1}, {"k": True}, {"k": 1.5}, {"chunk_size": 0}, {"workers": -1}])
def test_invalid_settings_are_rejected(prepared: Prepared, invalid: dict[str, int]) -> None:
    with raises_at(ConfigurationError, *invalid):
        runner.run(prepared, **invalid)  # type: ignore[arg-type]


def test_unknown_user_is_named(prepared: Prepared) -> None:
    with raises_unknown("user", 999999):
        runner.run(prepared, users=[999999])


def test_large_chunk_size_is_reduced_with_a_warning(prepared: Prepared) -> None:
    with pytest.warns(UserWarning, match="chunk_size 10,001 exceeds the maximum. It is reduced to 10,000"):
        result = runner.run(prepared, k=3, chunk_size=runner.MAX_BATCH_SIZE + 1)
    assert result.metadata.chunk_size == runner.MAX_BATCH_SIZE


def test_all_open_runs_are_sealed_before_publishing(prepared: Prepared) -> None:
    order: list[str] = []
    first, second = Recorder(), Recorder()
    for name, publisher in (("first", first), ("second", second)):
        for step in ("seal", "publish"):
            original = getattr(publisher, step)
            setattr(publisher, step, lambda *a, w=original, n=f"{name} {step}": (order.append(n), w(*a))[1])
    runner.run(prepared, k=3, publishers=[first, second])
    assert first.calls == ["claim", "begin", "commit_shard", "seal", "publish"]
    assert order == ["first seal", "second seal", "first publish", "second publish"]


@pytest.mark.parametrize("fail_at", ["begin", "commit_shard", "seal"])
@pytest.mark.parametrize("error", [OSError("broken"), KeyboardInterrupt()])
def test_failed_run_publishes_nothing(prepared: Prepared, fail_at: str, error: BaseException) -> None:
    good, bad = Recorder(), Recorder(fail_at, error)
    with pytest.raises(type(error)):
        runner.run(prepared, k=3, publishers=[good, bad])
    assert "publish" not in good.calls + bad.calls
    assert good.calls[-1] == bad.calls[-1] == "abort"


def test_cancelled_run_publishes_nothing(prepared: Prepared) -> None:
    recorder, done = Recorder(), [0]

    def progress(count: int, total: int) -> None:
        done[0] = count

    with raises_with(RunCancelledError, done=20, total=125):
        runner.run(
            prepared, k=3, chunk_size=10, publishers=[recorder], progress=progress, cancelled=lambda: done[0] >= 20
        )
    assert recorder.calls[-1] == "abort"
    assert "publish" not in recorder.calls


def test_memory_is_checked_before_any_work(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: 1000)
    recorder = Recorder()
    with raises_with(NotEnoughMemoryError, bytes_available=1000) as raised:
        runner.run(prepared, publishers=[recorder])
    assert raised.value.alternatives == ("use a smaller k",)
    assert recorder.calls == []


def test_run_ids_sort_by_time_and_are_unique() -> None:
    at = datetime(2025, 11, 30, 11, 59, 3, 42_000, tzinfo=UTC)
    ids = [new_run_id(at + timedelta(milliseconds=step), "same") for step in range(5)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20251130-115903-042-")
    assert new_run_id(at, "same") != new_run_id(at, "same")


def test_results_are_sorted_by_user() -> None:
    tables = make_market(60, 200, 500, seed=3).tables
    turned = replace(tables, users=tables.users.iloc[::-1], jobs=tables.jobs.iloc[::-1])
    from scoring.model_catalog import load_model

    one, other = (Prepared.of(Dataset(each), load_model("standard")) for each in (tables, turned))
    assert_frame_equal(run_to_frame(one, k=5), run_to_frame(other, k=5))
    assert np.all(np.diff(run_to_frame(other, k=5)["user_id"]) >= 0)


@pytest.mark.parametrize("invalid", [1.7, None, float("nan"), float("inf"), 2**63, True, [1]])
def test_invalid_user_id_is_rejected(prepared: Prepared, invalid: object) -> None:
    with raises_at(ConfigurationError, "user_id"):
        runner.run(prepared, users=[invalid])  # type: ignore[list-item]
    with raises_at(ConfigurationError, "user_id"):
        prepared.explain(invalid, 1)  # type: ignore[arg-type]


def test_text_without_a_user_is_unknown(prepared: Prepared) -> None:
    with raises_unknown("user", "x"):
        runner.run(prepared, users=["x"])
    with raises_unknown("user", "x"):
        prepared.explain("x", 1)


@pytest.mark.parametrize("name", ["k", "chunk_size", "workers"])
@pytest.mark.parametrize("invalid", [0, -1, 1.5, float("nan"), float("inf"), "5", [1], True])
def test_settings_must_be_integers(prepared: Prepared, name: str, invalid: object) -> None:
    with raises_at(ConfigurationError, name):
        runner.run(prepared, **{name: invalid})  # type: ignore[arg-type]
