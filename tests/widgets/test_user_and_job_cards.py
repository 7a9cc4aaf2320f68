"""Cards of users and jobs state what the data contains."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from scoring import Dataset
from scoring.errors import UnknownIdError
from scoring.evaluation import Evaluator, by_time
from scoring.ranking.explanation_text import format_facts
from scoring.widgets.panel_computation import Request
from scoring.widgets.user_and_job_cards import make_job_card, make_user_card


def test_user_card_has_wishes_and_known_history(session):
    data = session.data
    user = int(session.user_id[0])
    shown = make_user_card(session.evaluator, str(user)).document()
    json.dumps(shown, allow_nan=False)
    assert (shown["what"], shown["id"], shown["title"]) == ("user", str(user), f"User {user}")
    actions = data.tables.actions
    own = actions[(actions["user_id"] == user) & (actions["occurred_at"] <= data.as_of)]
    own = own.drop_duplicates(["user_id", "job_id", "action", "occurred_at"])
    wishes, history = shown["sections"]
    newest = own.sort_values("occurred_at", ascending=False)["occurred_at"].dt.strftime("%Y-%m-%d")
    assert [row[0] for row in history["rows"]] == newest.tolist()[:20]
    assert set(zip(own["action"], own["job_id"].astype(str), strict=True)) >= {
        (row[1], row[2]) for row in history["rows"]
    }
    facts = {fact["label"]: fact["value"] for fact in shown["facts"]}
    row = data.tables.users.set_index("user_id").loc[user]
    assert facts["place"].count(row["prefecture_code"]) >= 1
    assert all(str(code) in dict(wishes["rows"])["occupations"] for code in row["preferred_occupations"])
    with pytest.raises(UnknownIdError):
        make_user_card(session.evaluator, "no such user")


def test_user_without_actions_has_an_empty_history(session):
    data = session.data
    users = np.setdiff1d(data.users.user_id, data.users.user_id[np.unique(data.actions.user)])
    if not len(users):
        users = [int(data.users.user_id[np.bincount(data.actions.user, minlength=len(data.users)).argmin()])]
    shown = make_user_card(session.evaluator, int(users[0])).document()
    count = int((data.users.user_id[data.actions.user] == int(users[0])).sum())
    assert len(shown["sections"][1]["rows"]) == min(count, 20)


def test_job_card_equals_the_explanation(session, standard):
    user = int(session.user_id[0])
    state = session.compute(Request(standard, user))
    prepared = state.evaluation.prepared
    job = state.users.jobs[0].job_id
    shown = make_job_card(prepared, str(user), str(job)).document()
    json.dumps(shown, allow_nan=False)
    why = prepared.explain(user, job)
    (section,) = shown["sections"]
    assert [row[0] for row in section["rows"]] == [*(part.name for part in why.parts), "total"]
    assert [row[2] for row in section["rows"][:-1]] == [part.value for part in why.parts]
    assert [row[5] for row in section["rows"][:-1]] == [format_facts(part.facts) for part in why.parts]
    assert section["rows"][-1][4] == why.total == state.users.jobs[0].total
    row = session.data.tables.jobs.set_index("job_id").loc[job]
    facts = {fact["label"]: fact["value"] for fact in shown["facts"]}
    assert f"{row['min_salary']:,.0f}" in facts["wage"]
    assert facts["posted"] == f"{row['posted_at']:%Y-%m-%d}"
    assert shown["notes"] == []


def test_excluded_job_states_its_reason(session, standard):
    user = int(session.user_id[0])
    prepared = session.compute(Request(standard, user)).evaluation.prepared
    closed = int(session.data.jobs.job_id[~session.data.open_jobs][0])
    notes = make_job_card(prepared, user, closed).notes
    assert any("Not ranked for this user" in note for note in notes)
    jobs = session.data.tables.jobs
    no_wage = jobs.loc[~(jobs["min_salary"] > 0), "job_id"]
    for job in no_wage[:1]:
        assert "wage" not in make_job_card(prepared, user, int(job)).facts
    assert pd.notna(closed)


def test_rows_with_nothing_but_ids_have_cards(standard):
    jobs, users = (pd.DataFrame({f"{kind}_id": [1, 2]}) for kind in ("job", "user"))
    actions = pd.DataFrame(
        {"user_id": [1, 2], "job_id": [1, 2], "action": "application",
         "occurred_at": ["2025-06-01T00:00:00Z", "2025-06-20T00:00:00Z"]}
    )  # fmt: skip
    holdout = by_time(Dataset.from_frames(jobs, users, actions, board={"preset": "none"}), days=10)
    evaluator = Evaluator(holdout, k=2)
    shown = make_user_card(evaluator, 1).document()
    assert [fact["label"] for fact in shown["facts"]] == ["user_id", "actions"]
    assert shown["sections"][0]["rows"] == []
    card = make_job_card(evaluator.prepare(standard), 2, 1)
    json.dumps(card.document(), allow_nan=False)
    assert card.title == "Job 1"
    assert dict(card.facts) == {"job_id": "1"}
