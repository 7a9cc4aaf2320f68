"""Growth: slopes follow the figures, every pair is counted, and each measured point has the requested size."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.errors import ConfigurationError, DataError, OutputError
from scoring.profiling import Growth, GrowthPoint, growth, read_growth
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.profiling.scaling import growth_point
from scoring.ranking import Ranking, Scorer
from tests.support.errors import raises_at, raises_with
from tests.support.figure_checks import assert_readable

growth_module = import_module("scoring.profiling.scaling.growth")
USERS, JOBS, ACTIONS = 60, 400, 1_500


@cache
def points() -> list[GrowthPoint]:
    return growth_point.measure_points(USERS, JOBS, ACTIONS, (20, USERS), k=7, checked=3, repeats=2)


@cache
def market() -> Prepared:
    return Prepared.of(Dataset(make_market(USERS, JOBS, ACTIONS, seed=0).tables), load_model("standard"))


def point(users: int, jobs: int, seconds: float | None, **more: object) -> GrowthPoint:
    return GrowthPoint.of({"users": users, "jobs": jobs, "seconds": seconds} | more)


def example_growth() -> Growth:
    """Return growth with time proportional to the square root of the jobs, and to the users."""
    account = {"left_out": {"expired": 40}, "cells": 5, "blocks": 6, "peak_bytes": 3e8, "checked": 5}
    by_jobs = [point(10, n, np.sqrt(n), eligible=n - 40, n_scored=7 * n, **account) for n in (100, 400, 10_000)]
    return Growth(tuple(by_jobs), tuple(point(n, 50, n / 5, peak_bytes=4e8) for n in (1, 3, 10)))


def test_points_have_the_requested_users() -> None:
    assert [(point.users, point.jobs, point.checked) for point in points()] == [(20, JOBS, 3), (USERS, JOBS, 3)]
    for point in points():
        assert point.seconds == min(point.times["seconds"])
        assert len(point.times["seconds"]) == 2
        assert point.decision.startswith("pruned")
        assert point.peak_bytes >= (point.ranking_peak_bytes or 0) > 0


def test_counts_of_a_point_equal_those_of_its_plan() -> None:
    plan = market().plan
    for point in points():
        ours = Scorer(plan, path="pruned").top_k(7, np.arange(point.users))
        # the number depends slightly on which users follow each other on a thread
        assert point.n_scored == pytest.approx(ours.n_scored, rel=0.3)
        assert point.left_out == plan.exclusions.counts()
        assert point.eligible == JOBS - sum(point.left_out.values())
        assert point.cells <= point.blocks <= point.eligible


def test_size_beyond_the_time_limit_is_not_measured() -> None:
    messages: list[str] = []
    (point,) = growth_point.measure_points(20, 100, 200, (20,), patience=0.0, on_progress=messages.append)
    assert point.seconds is None
    assert point.n_scored is None
    assert point.guess > 0
    assert not any("ranking" in text for text in messages)
    assert "not measured, the estimated time is about" in str(point)


def test_wrong_list_stops_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Scorer.top_k

    def return_reversed(self: Scorer, k: int, users: np.ndarray) -> Ranking:
        ranking = right(self, k, users)
        return replace(ranking, job_id=ranking.job_id[:, ::-1])

    growth_point._require_readable(market(), np.arange(3), 7)
    monkeypatch.setattr(Scorer, "top_k", return_reversed)
    with raises_with(ResultsDifferError, method="NumPy reference", user_id=1):
        growth_point._require_readable(market(), np.arange(3), 7)


def test_slope_equals_that_of_the_points() -> None:
    assert example_growth().ten_times("jobs") == pytest.approx(np.sqrt(10))
    assert example_growth().ten_times("users") == pytest.approx(10)
    assert repr(example_growth()) == "Growth(10 × the jobs take 3.2 × the time, 10 × the users take 10.0 × the time)"


def test_slope_needs_two_sizes() -> None:
    alone = Growth((point(5, 10, 1.0), point(5, 100, None)), (point(5, 100, 1.0),))
    with raises_at(ConfigurationError, "patience"):
        alone.ten_times("jobs")
    with raises_at(ConfigurationError, "series"):
        alone.ten_times("pairs")
    assert repr(alone) == "Growth(2 sizes by jobs, 1 by users)"
    assert_readable(alone.plot())


def test_frame_has_every_size_and_nan_for_missing_times() -> None:
    found = example_growth()
    frame = replace(found, by_jobs=(*found.by_jobs, point(10, 10**6, None))).frame()
    assert frame["series"].tolist() == ["jobs"] * 4 + ["users"] * 3
    assert frame["pairs_per_second"].tolist()[:2] == [100.0, 200.0]
    assert frame["ms_per_user"].tolist()[4:] == [200.0] * 3
    assert frame["seconds"].isna().tolist() == [False] * 3 + [True] + [False] * 3


def test_counts_add_up_to_all_pairs() -> None:
    frame = Growth(tuple(points()), ()).skipped()
    assert (frame["by_rules"] + frame["by_bounds"] + frame["scored"]).equals(frame["pairs"])
    rules = ["posted later", "expired", "inactive", "fee too low"]
    assert frame[rules].sum(axis=1).equals(frame["by_rules"])
    assert (frame["scored"] >= 7 * frame["users"]).all()


def test_records_without_counts_are_omitted() -> None:
    assert example_growth().skipped()["jobs"].tolist() == [100, 400, 10_000]
    bare = Growth.of([{"users": 10, "jobs": 100, "seconds": 1.0, "something": "else"}], [])
    assert bare.skipped().empty
    with raises_at(ConfigurationError, "patience"):
        bare.plot_skipped()


def test_plots_show_every_size() -> None:
    found = example_growth()
    for figure in (found.plot(), found.plot_rates(), found.plot_skipped()):
        assert_readable(figure)
    left, right = found.plot().axes
    assert left.lines[1].get_ydata().tolist() == [10.0, 20.0, 100.0]
    assert right.lines[1].get_xdata().tolist() == [1, 3, 10]
    assert left.get_legend().get_texts()[1].get_text() == "10 × the jobs: 3.2 × the time"


def test_labels_of_near_sizes_do_not_overlap() -> None:
    by_jobs = tuple(point(2_000, jobs, 1.0, peak_bytes=3e8) for jobs in (2_500, 7_000, 20_000))
    found = Growth(by_jobs, (point(200, 20_000, 1.0, peak_bytes=3e8), by_jobs[-1]))
    for axes in found.plot_rates().axes:
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["\n4 million", "5 million", "14 million", "40 million"]


def measure_four_sizes() -> None:
    found = growth((8, 20), (60, 150), actions_per_user=5, k=4, checked=2, repeats=1)
    assert [(point.users, point.jobs) for point in found.by_jobs] == [(20, 60), (20, 150)]
    assert [(point.users, point.jobs) for point in found.by_users] == [(8, 150), (20, 150)]
    assert found.by_users[-1] is found.by_jobs[-1]
    assert all(point.checked == 2 and point.seconds is not None for point in (*found.by_jobs, *found.by_users))


def copy_pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - its own bytes


def test_each_size_is_measured_once_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments and results are pickled as for a new process, which would take seconds to import and load kernels."""
    measured: list[tuple[int, int]] = []

    def pickled(function: Callable[..., Any], users: int, jobs: int, *more: object, **named: object) -> Any:
        measured.append((users, jobs))
        function, given, named = copy_pickled((function, (users, jobs, *more), named))
        return copy_pickled(function(*given, **named))

    monkeypatch.setattr(growth_module, "run_in_new_process", pickled)
    measure_four_sizes()
    assert measured == [(20, 60), (20, 150), (8, 150)]


@pytest.mark.long
def test_new_processes_measure_each_size() -> None:
    measure_four_sizes()


@pytest.mark.parametrize(
    ("users", "jobs", "key"),
    [((), (1,), ("users", "jobs")), ((1,), (), ("users", "jobs")), ((0,), (1,), ("users",)), ((1,), (0,), ("jobs",))],
)
def test_empty_or_invalid_sizes_are_rejected(
    users: tuple[int, ...], jobs: tuple[int, ...], key: tuple[str, ...]
) -> None:
    with raises_at(ConfigurationError, *key):
        growth(users, jobs)


def test_recorded_growth_is_read(tmp_path: Path) -> None:
    found, largest = read_growth(Path(__file__).parents[3] / "benchmarks/results/growth.json")
    assert largest.pairs == max(point.pairs for point in (*found.by_jobs, *found.by_users, largest))
    assert largest.seconds is not None
    with pytest.raises(OutputError):
        read_growth(tmp_path / "none.json")
    for text in ("", "[]", "{}", '{"details": {"by_jobs": 1}}', '{"details": null}'):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(DataError) as caught:
            read_growth(tmp_path / "other.json")
        assert caught.value.path == str(tmp_path / "other.json")
