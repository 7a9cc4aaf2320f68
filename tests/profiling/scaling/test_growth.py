"""Growth: slopes follow the figures, every pair is counted, and each measured point has the requested size."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.errors import ConfigurationError
from scoring.profiling import Growth, GrowthPoint, growth
from scoring.profiling.peer_lists import AnswersDifferError
from scoring.profiling.scaling import growth_point
from scoring.ranking import Ranking, Scorer
from tests.support.figure_checks import assert_readable

USERS, JOBS, ACTIONS = 60, 400, 1_500


@cache
def points() -> list[GrowthPoint]:
    return growth_point.measure_points(USERS, JOBS, ACTIONS, (20, USERS), k=7, checked=3, repeats=2)


@cache
def market() -> Prepared:
    return Prepared.of(Dataset(make_market(USERS, JOBS, ACTIONS, seed=0).tables), load_model("standard"))


def point(users: int, jobs: int, seconds: float | None, **more: object) -> GrowthPoint:
    return GrowthPoint.of({"users": users, "jobs": jobs, "seconds": seconds} | more)


def made_up() -> Growth:
    """Return growth with time proportional to the square root of the jobs, and to the users."""
    account = {"left_out": {"not open": 40}, "cells": 5, "blocks": 6, "peak_bytes": 3e8, "checked": 5}
    by_jobs = [point(10, n, np.sqrt(n), eligible=n - 40, looked_at=7 * n, **account) for n in (100, 400, 10_000)]
    return Growth(tuple(by_jobs), tuple(point(n, 50, n / 5, peak_bytes=4e8) for n in (1, 3, 10)))


def test_points_are_of_the_users_asked_for() -> None:
    assert [(one.users, one.jobs, one.checked) for one in points()] == [(20, JOBS, 3), (USERS, JOBS, 3)]
    for one in points():
        assert one.seconds == min(one.times["seconds"])
        assert len(one.times["seconds"]) == 2
        assert one.decision.startswith("pruned")
        assert one.peak_bytes >= (one.ranking_peak_bytes or 0) > 0


def test_the_account_of_a_point_is_that_of_its_plan() -> None:
    plan = market().plan
    for one in points():
        ours = Scorer(plan, path="pruned").top_k(7, np.arange(one.users))
        # the number depends slightly on which users follow each other on a thread
        assert one.looked_at == pytest.approx(ours.looked_at, rel=0.3)
        assert one.left_out == plan.exclusions.counts()
        assert one.eligible == JOBS - sum(one.left_out.values())
        assert one.cells <= one.blocks <= one.eligible


def test_what_would_take_too_long_is_not_done() -> None:
    said: list[str] = []
    (one,) = growth_point.measure_points(20, 100, 200, (20,), patience=0.0, say=said.append)
    assert one.seconds is None
    assert one.looked_at is None
    assert one.guess > 0
    assert not any("ranking" in text for text in said)
    assert "not done, it would take about" in str(one)


def test_a_wrong_list_stops_the_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Scorer.top_k

    def turned_round(self: Scorer, k: int, users: np.ndarray) -> Ranking:
        ranking = right(self, k, users)
        return replace(ranking, job_id=ranking.job_id[:, ::-1])

    growth_point._require_readable(market(), np.arange(3), 7)
    monkeypatch.setattr(Scorer, "top_k", turned_round)
    with pytest.raises(AnswersDifferError, match="user 1 "):
        growth_point._require_readable(market(), np.arange(3), 7)


def test_the_slope_is_that_of_the_figures() -> None:
    assert made_up().ten_times("jobs") == pytest.approx(np.sqrt(10))
    assert made_up().ten_times("users") == pytest.approx(10)
    assert repr(made_up()) == "Growth(10 × the jobs take 3.2 × the time, 10 × the users take 10.0 × the time)"


def test_no_slope_without_two_sizes() -> None:
    alone = Growth((point(5, 10, 1.0), point(5, 100, None)), (point(5, 100, 1.0),))
    with pytest.raises(ConfigurationError, match="over jobs needs two measured sizes"):
        alone.ten_times("jobs")
    with pytest.raises(ConfigurationError, match="not 'pairs'"):
        alone.ten_times("pairs")
    assert repr(alone) == "Growth(2 sizes by jobs, 1 by users)"
    assert_readable(alone.plot())


def test_the_frame_has_every_size_and_no_time_where_none_was_taken() -> None:
    found = made_up()
    frame = replace(found, by_jobs=(*found.by_jobs, point(10, 10**6, None))).frame()
    assert frame["series"].tolist() == ["jobs"] * 4 + ["users"] * 3
    assert frame["pairs_per_second"].tolist()[:2] == [100.0, 200.0]
    assert frame["ms_per_user"].tolist()[4:] == [200.0] * 3
    assert frame["seconds"].isna().tolist() == [False] * 3 + [True] + [False] * 3


def test_every_pair_is_accounted_for() -> None:
    frame = Growth(tuple(points()), ()).skipped()
    assert (frame["by_rules"] + frame["by_bounds"] + frame["scored"]).equals(frame["pairs"])
    assert (frame["not open"] + frame["fee too low"]).equals(frame["by_rules"])
    assert (frame["scored"] >= 7 * frame["users"]).all()


def test_records_without_an_account_are_left_out_of_it() -> None:
    assert made_up().skipped()["jobs"].tolist() == [100, 400, 10_000]
    bare = Growth.of([{"users": 10, "jobs": 100, "seconds": 1.0, "something": "else"}], [])
    assert bare.skipped().empty
    with pytest.raises(ConfigurationError, match="has an account"):
        bare.plot_skipped()


def test_plots_show_every_size() -> None:
    found = made_up()
    for figure in (found.plot(), found.plot_rates(), found.plot_skipped()):
        assert_readable(figure)
    left, right = found.plot().axes
    assert left.lines[1].get_ydata().tolist() == [10.0, 20.0, 100.0]
    assert right.lines[1].get_xdata().tolist() == [1, 3, 10]
    assert left.get_legend().get_texts()[1].get_text() == "10 × the jobs: 3.2 × the time"


def test_every_size_is_measured_once_in_a_process_of_its_own() -> None:
    found = growth((8, 20), (60, 150), actions_per_user=5, k=4, checked=2, repeats=1)
    assert [(one.users, one.jobs) for one in found.by_jobs] == [(20, 60), (20, 150)]
    assert [(one.users, one.jobs) for one in found.by_users] == [(8, 150), (20, 150)]
    assert found.by_users[-1] is found.by_jobs[-1]
    assert all(one.checked == 2 and one.seconds is not None for one in (*found.by_jobs, *found.by_users))


@pytest.mark.parametrize(("users", "jobs"), [((), (1,)), ((1,), ()), ((0,), (1,))])
def test_nothing_to_measure_is_refused(users: tuple[int, ...], jobs: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationError, match="1 or more"):
        growth(users, jobs)
