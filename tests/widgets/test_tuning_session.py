"""The panel's results equal those of the library, and nothing is computed unnecessarily."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.errors import ConfigurationError, RunCancelledError, UnknownIdError
from scoring.evaluation import Comparison, Evaluator, Scoreboard, slices_of, waterfall
from scoring.ranking import Prepared
from scoring.widgets.measure_differences import intervals
from scoring.widgets.tuning_session import METRICS, Request, TuningSession


@pytest.fixture
def other(standard):
    return standard.with_weights({"fee": 0.6, "location": 0.2, "history": 0.2})


@pytest.fixture
def state(session, other):
    first = int(session.user_id[0])
    job = session.compute(Request(other, first)).users.jobs[3].job_id
    return session.compute(Request(other, first, job))


def test_measures_are_those_of_the_scoreboard(session, standard, other, state):
    board = Scoreboard.of(session.evaluator, {"baseline": standard, "now": other}).frame()
    now = board[board["model"] == "now"].set_index("measure")
    before = board[board["model"] == "baseline"].set_index("measure")
    shown = state.measures.set_index("measure")
    assert list(shown.index) == list(now.index)
    for ours, theirs in [("mean", "mean"), ("difference", "difference"), ("low", "difference_low"),
                         ("high", "difference_high"), ("detectable", "detectable"), ("p_holm", "p_holm")]:  # fmt: skip
        np.testing.assert_allclose(shown[ours], now[theirs], rtol=1e-9, atol=1e-12, err_msg=ours)
    np.testing.assert_allclose(shown["baseline"], before["mean"])
    assert shown["significant"].tolist() == now["significant"].tolist()
    assert shown["significant"].any()


def test_intervals_of_means_are_those_of_the_scoreboard(session, other, state):
    board = Scoreboard.of(session.evaluator, {"now": other}).frame().set_index("measure")
    told = session.metrics(state)["train"]
    assert told == intervals(state.measured, session.resamples)
    assert set(told) == set(board.index)
    for measure, metric in told.items():
        row = board.loc[measure]
        assert metric == pytest.approx({"value": row["mean"], "low": row["low"], "high": row["high"], "n": row["n"]})


def test_slices_overlap_and_exposure_are_the_library_s(session, standard, other, state):
    board = Scoreboard.of(session.evaluator, {"baseline": standard, "now": other})
    pd.testing.assert_frame_equal(state.slices, board.slices("now", slices_of(session.evaluator.inputs)))
    before, after = (session.evaluator.evaluate(model).ranking for model in (standard, other))
    comparison = Comparison.of_rankings(before, after, session.evaluator.inputs)
    pd.testing.assert_frame_equal(state.comparison.frame(), comparison.frame())
    for by, frame in state.exposure.items():
        pd.testing.assert_frame_equal(frame, comparison.exposure(by))
    assert list(state.exposure) == ["company", "prefecture", "occupation"]


def test_points_of_a_list_add_up_and_are_those_of_an_explanation(session, other, state):
    ready = session.evaluator.prepare(other)
    for job in state.users.jobs[:5]:
        why = ready.explain(state.users.user_id, job.job_id)
        assert job.points == pytest.approx([part.points for part in why.parts])
        assert job.total == why.total
        assert np.float32(sum(job.points)) == pytest.approx(job.total, abs=1e-4)
    frame = state.users.frame()
    assert frame["rank"].tolist() == list(range(1, len(state.users.jobs) + 1))
    assert (np.diff(frame["total"]) <= 0).all()


def test_movement_is_that_of_the_comparison(state):
    told = state.comparison.movements(state.users.user_id)
    shown = [(job.job_id, job.movement) for job in state.users.jobs]
    listed = told[told["label"] != "out"]
    assert shown == list(zip(listed["job_id"], listed["label"], strict=True))
    out = told[told["label"] == "out"]
    assert state.users.fell_out == dict(zip(out["job_id"], out["rank_before"], strict=True))
    assert {"new"} < {movement for _, movement in shown}


def test_the_waterfall_is_the_library_s(session, standard, other, state):
    before, after = (session.evaluator.prepare(model) for model in (standard, other))
    why = waterfall(before, after, state.request.user_id, state.request.job_id)
    pd.testing.assert_frame_equal(state.waterfall.frame(), why.frame())
    assert state.waterfall.summary() == why.summary()


def test_a_user_who_is_not_measured_has_a_list_too(session, holdout, standard, other):
    user = int(np.setdiff1d(holdout.data.users.user_id, session.user_id)[0])
    state = session.compute(Request(other, user))
    whole = Prepared.of(session.evaluator.statistics, other, candidates=holdout.candidates)
    expected = whole.top_k(session.evaluator.k, [user])
    assert [job.job_id for job in state.users.jobs] == expected.job_id[0, : expected.count[0]].tolist()
    again = session.compute(Request(other, user, state.users.jobs[0].job_id))
    assert again.waterfall.after.rank == 1
    back = session.compute(Request(standard, user))
    assert {job.movement for job in back.users.jobs} == {"="}


def test_lists_and_measures_come_first_and_each_stage_adds(session, other):
    user = int(session.user_id[0])
    states = list(session.stages(Request(other, user, int(session.data.jobs.job_id[0]))))
    known = [
        [name for name in ("waterfall", "slices", "comparison", "exposure") if getattr(state, name) is not None]
        for state in states
    ]
    every = ["waterfall", "slices", "comparison", "exposure"]
    assert known == [every[:count] for count in range(5)]
    assert [state.whole for state in states] == [False] * 4 + [True]
    assert states[0].measures is states[-1].measures
    with pytest.raises(ConfigurationError, match="slices are not computed yet"):
        states[0].worse()


def test_another_user_or_job_computes_no_lists_anew(session, other, state):
    following = session.compute(Request(other, int(session.user_id[1])))
    assert set(following.milliseconds) == {"user"}
    assert following.evaluation is state.evaluation
    assert following.users.user_id == session.user_id[1]
    assert following.waterfall is None


def test_another_baseline_is_what_everything_is_compared_with(session, holdout, statistics, standard, other):
    """The results equal those of a session opened with this baseline."""
    users, better = session.user_id, standard.with_weights({"fee": 0.3, "clicks": 0.3, "category": 0.4})
    fresh = TuningSession(Evaluator(holdout, users=users, k=40, metrics=METRICS, statistics=statistics), better, seed=0)
    job = int(session.data.jobs.job_id[0])
    stranger = next(int(user) for user in session.data.users.user_id if user not in users)
    for user in (int(users[2]), stranger):
        session.compute(Request(better, user))
        session.compute(Request(other, user))
        now, wanted = session.compute(Request(other, user, job, better)), fresh.compute(Request(other, user, job))
        pd.testing.assert_frame_equal(now.measures, wanted.measures)
        pd.testing.assert_frame_equal(now.slices, wanted.slices)
        pd.testing.assert_frame_equal(now.comparison.frame(), wanted.comparison.frame())
        assert now.users == wanted.users
        assert now.waterfall.changes == wanted.waterfall.changes
        assert now.waterfall.summary() == wanted.waterfall.summary()
        for by, frame in now.exposure.items():
            pd.testing.assert_frame_equal(frame, wanted.exposure[by])


def test_what_was_looked_at_last_becomes_the_baseline_without_being_judged_again(session, standard, other, state):
    user = state.request.user_id
    made = session.compute(Request(other, user, baseline=other))
    assert {"baseline", "lists"}.isdisjoint(made.milliseconds)
    assert (made.measures["difference"] == 0).all()
    assert made.slices is not state.slices
    back = session.compute(Request(other, user, baseline=standard))  # undone
    assert {"baseline", "lists"}.isdisjoint(back.milliseconds)
    pd.testing.assert_frame_equal(back.measures, state.measures)
    again = session.compute(Request(standard, user, baseline=other))
    assert "lists" in again.milliseconds
    assert "baseline" not in again.milliseconds


@pytest.mark.parametrize("after", range(6))
def test_what_is_cancelled_stops_at_the_next_stage(session, other, after):
    asked = [0]

    def cancelled() -> bool:
        asked[0] += 1
        return asked[0] > after

    with pytest.raises(RunCancelledError):
        session.compute(Request(other, int(session.user_id[0])), cancelled)
    # a cancelled request does not affect later ones
    state = session.compute(Request(other, int(session.user_id[0])))
    assert state.whole


def test_unknown_users_and_jobs_are_named(session, standard):
    with pytest.raises(UnknownIdError, match="user_id 99999999 does not exist"):
        session.compute(Request(standard, 99_999_999))
    with pytest.raises(UnknownIdError, match="job_id 99999999 does not exist"):
        session.compute(Request(standard, int(session.user_id[0]), 99_999_999))


def test_the_baseline_beside_itself_shows_no_difference(session, standard):
    state = session.compute(Request(standard, int(session.user_id[0])))
    assert (state.measures["difference"] == 0).all()
    assert not state.measures["significant"].any()
    assert not len(state.worse())
    assert state.comparison.mean_rbo == pytest.approx(1)


def test_users_are_drawn_by_lot_and_not_more_than_there_are(holdout, standard):
    some = TuningSession.of(holdout, standard, users=20, seed=1)
    assert len(some.user_id) == 20
    assert set(some.user_id) <= set(holdout.user_id)
    assert some.user_id.tolist() == TuningSession.of(holdout, standard, users=20, seed=1).user_id.tolist()
    assert some.user_id.tolist() != TuningSession.of(holdout, standard, users=20, seed=2).user_id.tolist()
    assert len(TuningSession.of(holdout, standard, users=100_000).user_id) == len(holdout.user_id)
    with pytest.raises(ConfigurationError, match="users is 0"):
        TuningSession.of(holdout, standard, users=0)
