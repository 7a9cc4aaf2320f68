"""Filters choose users of the measures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.evaluation import Evaluator
from scoring.widgets.panel_computation import METRICS, Request, TuningSession
from scoring.widgets.user_filter import UserFilter
from tests.support.errors import raises_at


@pytest.fixture
def chosen(session):
    return UserFilter(session)


def test_filter_selects_by_place_occupation_and_tenure(chosen, session):
    users = session.data.tables.users.set_index("user_id").loc[session.user_id]
    code = users["prefecture_code"].mode()[0]
    chosen.select(prefecture=code)
    assert chosen.find_users().tolist() == users.index[users["prefecture_code"] == code].tolist()
    document = chosen.document(None, int(chosen.find_users()[0]))
    json.dumps(document, allow_nan=False)
    assert document["n_users"] == (users["prefecture_code"] == code).sum()
    assert {option["value"]: option["n"] for option in document["prefectures"]}[code] == document["n_users"]
    assert document["at"] == 1
    chosen.select(prefecture="", occupation=document["occupations"][0]["value"])
    assert len(chosen.find_users()) == document["occupations"][0]["n"]
    chosen.select(occupation="")
    if document["n_newcomers"]:
        chosen.select(newcomers=True)
        assert len(chosen.find_users()) == document["n_newcomers"]


def test_first_user_has_a_place_and_wishes(chosen, session, standard, statistics):
    users = session.data.tables.users.set_index("user_id").loc[session.user_id]
    known = users["prefecture_code"].notna() & (users["preferred_occupations"].map(len) > 0)
    assert chosen.find_first() == users.index[known][0]
    without = session.user_id[~known.to_numpy()][:2]
    alone = Evaluator(session.evaluator.holdout, users=without, metrics=METRICS, statistics=statistics)
    assert UserFilter(TuningSession(alone, standard)).find_first() == without[0]


def test_worst_lists_come_first(chosen, session, standard):
    state = session.compute(Request(standard.with_weights({"fee": 0.7, "location": 0.3}), int(session.user_id[0])))
    chosen.select(order="worst")
    change = (
        state.measure_values.per_user["NDCG@10"]
        - session.compute(Request(standard, int(session.user_id[0]))).measure_values.per_user["NDCG@10"]
    )
    by_user = dict(zip(session.user_id.tolist(), change.tolist(), strict=True))
    found = chosen.find_users(state).tolist()
    assert sorted(found) == session.user_id.tolist()
    assert [by_user[user] for user in found] == sorted(by_user.values())
    shown = chosen.document(state, found[2])
    assert shown["at"] == 3
    assert [user["change"] for user in shown["users"]] == pytest.approx([by_user[user] for user in found[:50]])
    overlap = state.comparison.frame().set_index("user_id")["overlap"]
    assert [user["overlap"] for user in shown["users"]] == pytest.approx(overlap[found[:50]].tolist())
    assert chosen.step(found[0], 1, state) == found[1]
    assert chosen.step(found[0], -1, state) == found[-1]


def test_step_from_outside_starts_at_an_end(chosen, session):
    outside = int(np.setdiff1d(session.data.users.user_id, session.user_id)[0])
    assert chosen.step(outside, 1) == session.user_id[0]
    assert chosen.step(outside, -1) == session.user_id[-1]


def test_invalid_conditions_keep_the_selection(chosen):
    before = chosen.selection
    for condition in ({"prefecture": "99"}, {"occupation": "none such"}, {"order": "best"}):
        with raises_at(ConfigurationError, *condition):
            chosen.select(**condition)
    assert chosen.selection == before
