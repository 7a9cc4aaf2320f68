"""Later actions of a user: marked in the list, and ranked where the list does not contain them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring import Dataset, make_market
from scoring.evaluation import by_time, split_users
from scoring.evaluation.job_rank import find_full_rank
from scoring.widgets.held_out_actions import LaterActions
from scoring.widgets.panel_computation import Request, TuningSession


@pytest.fixture(scope="module")
def data():
    return Dataset(make_market(260, 900, 26_000, seed=3).tables)


@pytest.fixture(scope="module")
def opened(data, standard):
    return TuningSession.of(data, standard, users=25, k=10)


def compute(session, model, user):
    """Return the first state with actions. Later stages are not computed."""
    return next(state for state in session.stages(Request(model, user)) if state.actions is not None)


def acting_user(session):
    """Return a user of the measures with later actions on listed and on other jobs."""
    for user in session.user_id.tolist():
        state = compute(session, session.baseline, user)
        if state.actions.hits and any(action.is_counted for action, _ in state.actions.missed):
            return user, state
    raise AssertionError("the market has no such user")


def test_hits_and_missed_jobs_are_all_later_actions(opened, data):
    user, state = acting_user(opened)
    actions = data.tables.actions
    own = actions[(actions["user_id"] == user) & (actions["occurred_at"] > opened.data.as_of)]
    strongest = own.groupby("job_id")["action"].min()  # application, click, view
    found = dict(state.actions.hits) | {action.job_id: action for action, _ in state.actions.missed}
    assert {job: action.kind for job, action in found.items()} == strongest.to_dict()
    relevance = opened.evaluator.holdout.relevance
    counted = relevance.job_id[relevance.user_id == user].tolist()
    assert sorted(job for job, action in found.items() if action.is_counted) == counted
    listed = {job.job_id for job in state.users.jobs}
    assert set(state.actions.hits) <= listed
    assert listed.isdisjoint(action.job_id for action, _ in state.actions.missed)


def test_missed_jobs_have_their_full_rank(opened, standard):
    other = standard.with_weights({"fee": 0.6, "location": 0.4})
    user, _ = acting_user(opened)
    state = compute(opened, other, user)
    before, after = opened.prepare_user(state)
    shown = state.actions.document()
    json.dumps(shown, allow_nan=False)
    ranks = []
    for (action, rank), row in zip(state.actions.missed, shown["missed"], strict=True):
        expected = find_full_rank(after, user, action.job_id)
        assert (rank.rank, rank.score, rank.n_ahead, rank.not_ranked) == (
            expected.rank, expected.score, expected.n_ahead, expected.not_ranked
        )  # fmt: skip
        assert row["rank"] == expected.rank
        assert row["rank_before"] == find_full_rank(before, user, action.job_id).rank
        assert (row["rank"] is None) == bool(row["reason"])
        ranks.append((not action.is_counted, expected.rank is None, expected.rank or 0))
    assert ranks == sorted(ranks)
    assert min(rank for _, unranked, rank in ranks if not unranked) > len(state.users.jobs)


def test_actions_of_reserved_users_are_hidden(opened, data):
    split = split_users(by_time(data, days=14).user_id)
    for user in (int(split.validation[0]), int(split.test[0])):
        state = compute(opened, opened.baseline, user)
        assert state.actions.document() == {"hits": {}, "missed": [], "hidden": opened.later.find_reason(user)}
        assert "kept for" in state.actions.reason
    undrawn = next(user for user in split.train.tolist() if user not in opened.user_id)
    assert opened.later.of_user(undrawn)


def test_holdout_without_its_data_has_counted_jobs_only(session, standard):
    user = int(session.user_id[0])
    actions = compute(session, standard, user).actions
    found = [*actions.hits.values(), *(action for action, _ in actions.missed)]
    relevance = session.evaluator.holdout.relevance
    assert sorted(action.job_id for action in found) == relevance.job_id[relevance.user_id == user].tolist()
    assert {(action.kind, action.text, action.is_counted) for action in found} == {("", "acted on", True)}
    assert session.later.find_reason(int(session._confirming.user_id[0]))
    outside = np.setdiff1d(session.data.users.user_id, session.evaluator.holdout.user_id)
    outside = np.setdiff1d(outside, session._confirming.user_id)
    assert "measures only" in LaterActions.of_relevance(session.evaluator.holdout).find_reason(int(outside[0]))
