"""Questions about a job have the answers of the library, and can be stopped."""

from __future__ import annotations

import json
import threading

import pytest

from scoring.errors import ConfigurationError
from scoring.tuning import audience, reach
from scoring.widgets import TuningPanel
from scoring.widgets.background_reach_and_audience import BackgroundQuestion
from scoring.widgets.panel_computation import Request
from tests.support.errors import raises_at, raises_unknown

WAIT = 60.0


@pytest.fixture
def state(session, standard):
    return session.compute(Request(standard, int(session.user_id[0])))


@pytest.fixture
def question(session):
    return BackgroundQuestion(session)


def find_job(session, state):
    """Return the first job that the user missed, or an open job that is not listed."""
    listed = {job.job_id for job in state.users.jobs}
    full = session.prepare_user(state)[1].top_k(60, [state.request.user_id]).job_id[0].tolist()
    return next(job for job in full if job not in listed)


def test_reach_opens_the_nearest_weights(question, session, state):
    job = find_job(session, state)
    question.ask("reach", state, job)
    question.wait(WAIT)
    shown = question.document()
    json.dumps(shown, allow_nan=False)
    user, k = state.request.user_id, session.evaluator.k
    expected = reach(session.prepare_user(state)[1], user, job, k=k)
    assert (shown["state"], shown["text"], shown["has_model"]) == ("done", expected.summary(), True)
    assert [row[0] for row in shown["sections"][0]["rows"]] == expected.changes()["component"].tolist()[:10]
    opened = session.compute(Request(question.find_model(), user))
    assert job in {one.job_id for one in opened.users.jobs}


def test_audience_is_that_of_the_measured_users(question, session, state):
    job = state.users.jobs[0].job_id
    question.ask("audience", state, job)
    question.wait(WAIT)
    shown = question.document()
    json.dumps(shown, allow_nan=False)
    expected = audience(session.evaluator.prepare(session.baseline), job, session.evaluator.k, users=session.user_id)
    assert shown["text"] == expected.summary()
    assert [row[0] for row in shown["sections"][0]["rows"]] == [str(u) for u in expected.frame()["user_id"]][:10]
    assert not shown["has_model"]
    with raises_at(ConfigurationError, "question"):
        question.find_model()


def test_listed_job_needs_no_other_weights(question, session, state):
    question.ask("reach", state, state.users.jobs[3].job_id)
    question.wait(WAIT)
    shown = question.document()
    assert "already in the top" in shown["text"]
    assert (shown["has_model"], shown["sections"]) == (False, [])


def test_question_stops_at_its_next_stage(session, state):
    started, release = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        release.wait(WAIT)

    question = BackgroundQuestion(session, on_change=wait)
    question.ask("reach", state, find_job(session, state))
    assert started.wait(WAIT)
    with raises_at(ConfigurationError, "question"):
        question.ask("audience", state, 1)
    question.stop()
    release.set()
    question.wait(WAIT)
    assert question.document()["state"] == "stopped"


def test_invalid_questions_are_rejected(question, state):
    with raises_at(ConfigurationError, "what"):
        question.ask("why", state, state.users.jobs[0].job_id)
    with raises_at(ConfigurationError, "seconds"):
        question.ask("reach", state, state.users.jobs[0].job_id, seconds=0)
    with raises_unknown("job", 99_999_999):
        question.ask("reach", state, 99_999_999)
    question.ask("reach", state, state.users.jobs[0].job_id, locks=["unknown"])
    question.wait(WAIT)
    assert question.document()["state"] == "failed"


def test_panel_asks_about_the_chosen_job(session, state):
    panel = TuningPanel(session, debounce=0.0)
    try:
        panel.wait(WAIT)
        panel.handle({"kind": "ask", "what": "reach"})
        assert panel.page.document["problem"]["at"] == "ask"
        assert panel.page.document["problem"]["kind"] == "failed"
        job = find_job(session, state)
        panel.handle({"kind": "job", "id": str(job)})
        panel.wait(WAIT)
        panel.handle({"kind": "ask", "what": "reach"})
        panel.question.wait(WAIT)
        assert panel.page.document["question"] == panel.question.document()
        assert panel.page.document["question"]["has_model"]
        panel.handle({"kind": "ask_open"})
        opened = panel.wait(WAIT)
        assert job in {one.job_id for one in opened.users.jobs}
        panel.handle({"kind": "ask_stop"})
    finally:
        panel.close()
