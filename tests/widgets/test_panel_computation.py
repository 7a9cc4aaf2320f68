"""The panel's results equal those of the library, and nothing is computed unnecessarily."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from scoring import Dataset, make_market
from scoring.errors import ConfigurationError, RunCancelledError
from scoring.evaluation import Comparison, Evaluator, Scoreboard, make_slicings, split_users, waterfall
from scoring.model import ScoringModel
from scoring.ranking import Prepared
from scoring.widgets import TuningPanel
from scoring.widgets.measure_differences import compute_intervals
from scoring.widgets.panel_computation import METRICS, Request, TuningSession
from tests.support.errors import raises_at, raises_unknown
from tests.support.proof_counts import record_count


@pytest.fixture
def other(standard):
    return standard.with_weights({"fee": 0.6, "location": 0.2, "history": 0.2})


@pytest.fixture
def state(session, other):
    first = int(session.user_id[0])
    job = session.compute(Request(other, first)).users.jobs[3].job_id
    return session.compute(Request(other, first, job))


def test_measures_equal_the_scoreboard(session, standard, other, state):
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


def test_intervals_of_means_equal_the_scoreboard(session, other, state):
    board = Scoreboard.of(session.evaluator, {"now": other}).frame().set_index("measure")
    metrics = session.metrics(state)["train"]
    assert metrics == compute_intervals(state.measure_values, session.resamples)
    assert set(metrics) == set(board.index)
    for measure, metric in metrics.items():
        row = board.loc[measure]
        assert metric == pytest.approx({"value": row["mean"], "low": row["low"], "high": row["high"], "n": row["n"]})


def test_slices_overlap_and_exposure_equal_the_library(session, standard, other, state):
    board = Scoreboard.of(session.evaluator, {"baseline": standard, "now": other})
    pd.testing.assert_frame_equal(state.slices, board.slices("now", make_slicings(session.evaluator.inputs)))
    before, after = (session.evaluator.evaluate(model).ranking for model in (standard, other))
    comparison = Comparison.of_rankings(before, after, session.evaluator.inputs)
    pd.testing.assert_frame_equal(state.comparison.frame(), comparison.frame())
    for by, frame in state.exposure.items():
        pd.testing.assert_frame_equal(frame, comparison.exposure(by))
    assert list(state.exposure) == ["company", "prefecture", "occupation"]


def test_points_of_a_list_equal_its_explanation(session, other, state):
    ready = session.evaluator.prepare(other)
    for job in state.users.jobs[:5]:
        why = ready.explain(state.users.user_id, job.job_id)
        assert job.points == pytest.approx([part.points for part in why.parts])
        assert job.total == why.total
        assert np.float32(sum(job.points)) == pytest.approx(job.total, abs=1e-4)
    frame = state.users.frame()
    assert frame["rank"].tolist() == list(range(1, len(state.users.jobs) + 1))
    assert (np.diff(frame["total"]) <= 0).all()


def test_movements_equal_the_comparison(state):
    movements = state.comparison.movements(state.users.user_id)
    shown = [(job.job_id, job.movement) for job in state.users.jobs]
    listed = movements[movements["label"] != "out"]
    assert shown == list(zip(listed["job_id"], listed["label"], strict=True))
    out = movements[movements["label"] == "out"]
    assert state.users.removed_jobs == dict(zip(out["job_id"], out["rank_before"], strict=True))
    assert {"new"} < {movement for _, movement in shown}


def test_waterfall_equals_the_library(session, standard, other, state):
    before, after = (session.evaluator.prepare(model) for model in (standard, other))
    why = waterfall(before, after, state.request.user_id, state.request.job_id)
    pd.testing.assert_frame_equal(state.waterfall.frame(), why.frame())
    assert state.waterfall.summary() == why.summary()


def test_user_outside_the_measures_has_a_list(session, holdout, standard, other):
    user = int(np.setdiff1d(holdout.data.users.user_id, session.user_id)[0])
    state = session.compute(Request(other, user))
    whole = Prepared.of(session.evaluator.statistics, other, candidates=holdout.candidates)
    expected = whole.top_k(session.evaluator.k, [user])
    assert [job.job_id for job in state.users.jobs] == expected.job_id[0, : expected.count[0]].tolist()
    again = session.compute(Request(other, user, state.users.jobs[0].job_id))
    assert again.waterfall.after.rank == 1
    back = session.compute(Request(standard, user))
    assert {job.movement for job in back.users.jobs} == {"="}


def test_stages_start_with_lists_and_measures(session, other):
    user = int(session.user_id[0])
    states = list(session.stages(Request(other, user, int(session.data.jobs.job_id[0]))))
    known = [
        [
            name
            for name in ("actions", "waterfall", "slices", "comparison", "exposure")
            if getattr(state, name) is not None
        ]
        for state in states
    ]
    every = ["actions", "waterfall", "slices", "comparison", "exposure"]
    assert known == [every[:count] for count in range(6)]
    assert [state.is_complete for state in states] == [False] * 5 + [True]
    assert states[0].measures is states[-1].measures
    with raises_at(ConfigurationError, "slices"):
        states[0].find_worse_slices()


def test_change_of_user_or_job_reuses_lists(session, other, state):
    following = session.compute(Request(other, int(session.user_id[1])))
    assert set(following.milliseconds) == {"user", "actions"}
    assert following.evaluation is state.evaluation
    assert following.users.user_id == session.user_id[1]
    assert following.waterfall is None


def test_new_baseline_applies_to_all_results(session, holdout, statistics, standard, other):
    """The results equal those of a session opened with this baseline."""
    users, better = session.user_id, standard.with_weights({"fee": 0.3, "clicks": 0.3, "category": 0.4})
    fresh = TuningSession(Evaluator(holdout, users=users, k=40, metrics=METRICS, statistics=statistics), better, seed=0)
    job = int(session.data.jobs.job_id[0])
    other_user = next(int(user) for user in session.data.users.user_id if user not in users)
    for user in (int(users[2]), other_user):
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


def test_evaluated_model_becomes_baseline_from_the_cache(session, standard, other, state):
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


@pytest.mark.parametrize("after", range(7))
def test_cancelled_request_stops_at_the_next_stage(session, other, after):
    calls = [0]

    def cancelled() -> bool:
        calls[0] += 1
        return calls[0] > after

    with pytest.raises(RunCancelledError):
        session.compute(Request(other, int(session.user_id[0])), cancelled)
    # a cancelled request does not affect later ones
    state = session.compute(Request(other, int(session.user_id[0])))
    assert state.is_complete


def test_unknown_users_and_jobs_raise(session, standard):
    with raises_unknown("user", 99_999_999):
        session.compute(Request(standard, 99_999_999))
    with raises_unknown("job", 99_999_999):
        session.compute(Request(standard, int(session.user_id[0]), 99_999_999))


def test_baseline_compared_with_itself_has_no_difference(session, standard):
    state = session.compute(Request(standard, int(session.user_id[0])))
    assert (state.measures["difference"] == 0).all()
    assert not state.measures["significant"].any()
    assert not len(state.find_worse_slices())
    assert state.comparison.mean_rbo == pytest.approx(1)


def test_users_are_drawn_at_random_up_to_the_limit(holdout, standard):
    some = TuningSession.of(holdout, standard, users=20, seed=1)
    split = split_users(holdout.user_id)
    assert len(some.user_id) == 20
    assert set(some.user_id) <= set(split.train)
    assert some.user_id.tolist() == TuningSession.of(holdout, standard, users=20, seed=1).user_id.tolist()
    assert some.user_id.tolist() != TuningSession.of(holdout, standard, users=20, seed=2).user_id.tolist()
    everyone = TuningSession.of(holdout, standard, users=100_000)
    assert everyone.user_id.tolist() == split.train.tolist()
    with raises_at(ConfigurationError, "users"):
        TuningSession.of(holdout, standard, users=0)


def test_test_users_are_never_used(holdout, standard, other):
    session = TuningSession.of(holdout, standard, users=100_000)
    split = split_users(holdout.user_id)
    assert {name: len(ids) for name, ids in session.drawn_users.items()} == {"train": len(split.train), "validation": 0}
    session.confirm(other)
    drawn = session.drawn_users
    assert drawn["train"].tolist() == split.train.tolist()
    assert drawn["validation"].tolist() == split.validation.tolist()
    assert not np.isin(split.test, np.concatenate(list(drawn.values()))).any()


def test_moves_are_counted_once_per_model_and_baseline(session, standard, other):
    user = int(session.user_id[0])
    assert session.compute(Request(standard, user)).n_compared == session.n_compared == 0
    assert session.compute(Request(other, user)).n_compared == 1
    assert session.compute(Request(other, int(session.user_id[1]))).n_compared == 1  # another list of the same model
    session.compute(Request(standard, user))
    assert session.compute(Request(other, user)).n_compared == 1  # undone and repeated
    assert session.compute(Request(standard, user, baseline=other)).n_compared == 2
    with pytest.raises(RunCancelledError):
        session.compute(Request(standard.with_weights({"fee": 1.0}), user), lambda: True)
    assert session.n_compared == 2


def test_confirmation_equals_the_scoreboard_of_its_users(session, standard, other):
    found = session.confirm(other)
    board = Scoreboard.of(session._confirming, {"baseline": standard, "now": other}, goals=["NDCG@10"]).frame()
    (row,) = board[board["declared"]].to_dict("records")
    assert (found.measure, found.change.n, found.n_earlier) == ("NDCG@10", row["n"], 0)
    expected = [row["difference"], row["difference_low"], row["difference_high"], row["p"], row["detectable"]]
    change = found.change
    assert [change.difference, change.low, change.high, change.p, found.detectable] == pytest.approx(expected)
    assert found.is_significant == row["significant"]
    assert not np.isin(session._confirming.user_id, session.user_id).any()


def test_confirmation_names_the_measures_that_became_worse(session, standard, other):
    found = session.confirm(other)
    worse = Scoreboard.of(session._confirming, {"baseline": standard, "now": other}).prices("now")["measure"].tolist()
    assert len(worse)
    assert sorted(text.partition(" \u2212")[0].partition(" +")[0] for text in found.prices) == sorted(worse)
    assert not found.is_better
    assert f"Worse by more than 10 %: {found.prices[0]}" in found.text
    better = replace(found, change=replace(found.change, difference=0.1, low=0.05, high=0.2, p=0.001))
    assert f", at the price of {found.prices[0]}" in better.text


def test_repeated_confirmation_warns_and_same_model_is_one_test(session, standard, other):
    first = session.confirm(other)
    assert first.warning == ""
    assert "first confirmation" in first.text
    assert session.confirm(other) is first
    second = session.confirm(standard.with_weights({"category": 1.0}))
    assert second.n_earlier == 1
    assert "has confirmed 1 time before" in second.warning
    assert second.warning in second.text
    assert session.confirm(standard, baseline=other).n_earlier == 2


def test_request_confirms_on_its_users(session, other):
    user = int(session.user_id[0])
    state = session.compute(Request(other, user, confirm=True))
    assert state.confirmation is session.confirm(other)
    assert session.compute(Request(other, user)).confirmation is None


def test_impossible_confirmations_raise(session, holdout, standard, other):
    with raises_at(ConfigurationError, "model"):
        session.confirm(standard)
    alone = TuningSession(session.evaluator, standard)
    with raises_at(ConfigurationError, "confirmation"):
        alone.confirm(other)
    with raises_at(ConfigurationError, "confirmation"):
        TuningSession(session.evaluator, standard, confirmation=session.evaluator)


class StoredEvaluator:
    """Evaluates a model by taking its stored values of NDCG@10."""

    metrics = METRICS

    def __init__(self, values: dict[str, np.ndarray]) -> None:
        self.user_id = np.arange(len(next(iter(values.values())))) + 10**6
        self._values = values

    def evaluate(self, model: ScoringModel, *, cancelled: object) -> SimpleNamespace:
        return SimpleNamespace(values={"NDCG@10": self._values[model.digest]})


class SessionWithoutPrices(TuningSession):
    """The stored values have no lists, so no other measure can be computed."""

    def _find_prices(self, *_: object) -> tuple[str, ...]:
        return ()


# 2,000 draws have a standard error of 0.5 %
@pytest.mark.parametrize(
    ("draws", "slack"), [(60, 0.06), pytest.param(2_000, 0.0, marks=pytest.mark.long)], ids=["quick", "full"]
)
def test_confirmation_finds_nothing_in_5_percent_of_sessions(session, standard, draws, slack):
    """A session without any true difference makes 20 moves, and confirms the move that looked best."""
    rng = np.random.default_rng(0)
    models = [standard, *(standard.with_weights(draw_weights(rng, standard)) for _ in range(20))]
    seen, unseen = (
        np.array([one.evaluate(model).values["NDCG@10"] for model in models])
        for one in (session.evaluator, session._confirming)
    )
    change = np.concatenate([seen, unseen], axis=1) - np.concatenate([seen, unseen], axis=1)[0]
    change -= change.mean(axis=1, keepdims=True)  # no model is better
    found = 0
    for _ in range(draws):
        of_panel, of_confirmation = (change[:, rng.integers(0, change.shape[1], 150)] for _ in range(2))
        best = models[1 + int(of_panel[1:].mean(axis=1).argmax())]
        stored = {model.digest: values for model, values in zip(models, of_confirmation, strict=True)}
        one = SessionWithoutPrices(session.evaluator, standard, confirmation=StoredEvaluator(stored))
        found += one.confirm(best).is_significant
    assert 0.04 - slack <= found / draws <= 0.06 + slack
    record_count("confirmation", f"{found / draws:.1%} ({{}} of {{}} sessions)", found, draws)


def draw_weights(rng, model):
    """Return random weights of all components."""
    names = [part.name for part in model.parts]
    return dict(zip(names, rng.dirichlet(np.ones(len(names))).tolist(), strict=True))


def test_own_columns_are_slices(standard):
    tables = make_market(260, 900, 26_000, seed=3).tables
    users = tables.users.assign(plan=np.where(tables.users["user_id"] % 2, "paid", "free"), code="u")
    users["code"] += users["user_id"].astype(str)
    jobs = tables.jobs.assign(shift=np.where(tables.jobs["job_id"] % 3, "day", "night"))
    own = {"users": {"plan": "text", "code": "text"}, "jobs": {"shift": "text"}}
    data = Dataset.from_frames(jobs, users, tables.actions, own_columns=own)
    session = TuningSession.of(data, standard, users=120)
    assert session.slice_columns == ("plan", "job.shift")  # a code names its user
    user, moved = int(session.user_id[0]), standard.with_weights({"fee": 0.6, "location": 0.4})
    usual = session.compute(Request(moved, user)).slices
    for column, name, labels in (("plan", "plan", {"free", "paid"}), ("job.shift", "job.shift", {"day", "night"})):
        state = session.compute(Request(moved, user, slices_by=column))
        found = state.slices[state.slices["slicing"] == name]
        assert set(found["slice"]) == labels
        assert len(state.slices) > len(usual)
        assert state.is_complete
    assert len(session.compute(Request(moved, user)).slices) == len(usual)
    panel = TuningPanel(session, debounce=0.0)
    assert panel.page.document["session"]["slice_columns"] == ["plan", "job.shift"]
    panel.handle({"kind": "slices", "column": "plan"})
    panel.wait()
    assert "plan" in {row["slicing"] for row in panel.page.document["slices"]["metrics"]["NDCG@10"]}
    panel.handle({"kind": "slices", "column": "code"})
    assert panel.page.document["problem"]["kind"] == "failed"
    panel.close()
