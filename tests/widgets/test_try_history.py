"""Tries of a panel, and their draft on disk."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import pytest

from scoring.errors import ConfigurationError
from scoring.model import EligibilityRule
from scoring.widgets import try_history
from scoring.widgets.panel_computation import Request, TuningSession
from scoring.widgets.session_draft_store import DraftStore, PanelDraft
from scoring.widgets.slider_view_model import WeightsModel
from scoring.widgets.try_history import TryHistory
from tests.support.errors import raises_at


class Panel:
    """The view models of a panel, without widgets."""

    def __init__(self, session, model):
        self.session, self.weights, self.history = session, WeightsModel(model), TryHistory(model)
        self.user = int(session.user_id[0])

    def settle(self):
        state = self.weights.state
        request = Request(state.model, self.user, None, state.baseline, moved=state.moved)
        return self.history.add(self.session.compute(request))

    def draft(self):
        return PanelDraft.of(self.session, self.weights, self.history, user=str(self.user))


@pytest.fixture
def panel(session, standard):
    made = Panel(session, standard)
    made.settle()
    return made


def test_tries_have_changes_measures_and_effect(panel, standard):
    assert panel.history.document()["tries"][0]["text"] == ""
    panel.weights.set_weight("location", 0.6)
    second = panel.settle()
    assert (second.number, second.text) == (2, "location 12 → 18 %")
    state = panel.session._settled
    shown = state.measures.set_index("measure")
    assert second.values == pytest.approx(shown["mean"].to_dict())
    assert second.differences == pytest.approx(shown["difference"].to_dict())
    assert second.effect == state.move.effect != ""
    panel.weights.set_weight("fee", 0.9)
    third = panel.settle()
    assert third.text == "fee 10 → 36 %"
    document = panel.history.document()
    json.dumps(document, allow_nan=False)
    assert [one["id"] for one in document["tries"]] == [1, 2, 3]
    assert [one["is_current"] for one in document["tries"]] == [False, False, True]
    assert document["n_moves"] == 2
    assert {"name": "NDCG@10", "good": 1} in document["measures"]
    assert -1 in third.marks.values()
    assert third.n_worse_slices == len(panel.session._settled.find_worse_slices())


def test_move_is_tested_against_the_previous_try(panel):
    """The difference is that of a session whose baseline is the previous try."""
    panel.weights.set_weight("location", 0.6)
    panel.settle()
    previous = panel.weights.model
    panel.weights.set_weight("fee", 0.9)
    panel.settle()
    move = panel.session._settled.move
    direct = TuningSession(panel.session.evaluator, previous).compute(Request(panel.weights.model, panel.user))
    row = direct.measures.set_index("measure").loc[move.main.measure]
    assert move.main.difference == pytest.approx(row["difference"])
    assert move.main.is_noise == (not row["significant"])


def test_return_to_a_try_is_one_move_and_no_new_try(panel, standard):
    panel.weights.lock("wage")
    panel.weights.set_weight("fee", 0.5)
    panel.settle()
    model, baseline = panel.history.find(1)
    assert (model, baseline) == (standard, standard)
    panel.weights.return_to(model, baseline)
    assert panel.settle().number == 1
    assert "wage" in panel.weights.state.locked
    assert panel.history.document()["n_moves"] == 1
    panel.weights.undo()
    assert panel.settle().number == 2
    panel.weights.make_baseline()
    assert panel.settle().number == 3  # the same model with another baseline
    with raises_at(ConfigurationError, "try"):
        panel.history.find(99)


def test_tries_are_named_noted_and_starred(panel):
    panel.history.rename(1, " first ")
    panel.history.annotate(1, "as opened")
    panel.history.star(1)
    shown = panel.history.document()["tries"][0]
    assert (shown["name"], shown["note"], shown["starred"]) == ("first", "as opened", True)
    with raises_at(ConfigurationError, "note"):
        panel.history.annotate(1, "x" * 5_000)
    with raises_at(ConfigurationError, "try"):
        panel.history.star(7)


def test_oldest_unmarked_tries_are_dropped(panel, monkeypatch):
    monkeypatch.setattr(try_history, "MAX_TRIES", 10)
    state = panel.session._settled
    panel.history.star(1)
    for number in range(15):
        changed = state.model.with_parameters("freshness", half_life_days=20 + number)
        panel.history.add(replace(state, request=replace(state.request, model=changed)))
    numbers = [one.number for one in panel.history.tries]
    assert len(numbers) == 10
    assert numbers[:2] == [1, 8]
    assert numbers[-1] == 16


@pytest.fixture
def store(tmp_path):
    return DraftStore(tmp_path / "state")


def test_draft_restores_the_whole_panel(panel, store, session, standard):
    panel.weights.lock("wage")
    panel.weights.set_weight("fee", 0.5)
    panel.weights.set_parameter("freshness.half_life_days", 7)
    panel.weights.set_eligibility(panel.weights.model.eligibility, (EligibilityRule("job.fee >= 5", "fee"),))
    panel.settle()
    panel.weights.make_baseline()
    panel.weights.set_group("match", 0.5)
    panel.settle()
    panel.history.star(2)
    panel.session.confirm(panel.weights.model)
    name = store.make_id()
    store.save(name, panel.draft())
    fresh = TuningSession(session.evaluator, standard, confirmation=session._confirming)
    again = Panel(fresh, standard)
    draft = store.load(name, fresh)
    assert draft == panel.draft()
    draft.restore(fresh, again.weights, again.history)
    assert again.weights.state == panel.weights.state
    assert again.history.document() == panel.history.document()
    assert draft.user == str(panel.user)
    assert fresh.n_compared == panel.session.n_compared == 2
    assert again.settle().number == 3  # the current try, not a new one
    assert again.history.find(2)[0] == panel.history.find(2)[0]
    assert len(fresh.drawn_users["validation"])
    assert fresh.confirm(standard, baseline=panel.weights.model).n_earlier == 1
    assert fresh.confirm(panel.weights.model).n_earlier == 0  # the confirmation of the draft


def test_draft_is_private_and_others_are_pruned(panel, store):
    draft = panel.draft()
    names = [store.make_id() for _ in range(43)]
    for age, name in enumerate(reversed(names)):
        store.save(name, draft)
        path = store.folder / f"{name}.json"
        os.utime(path, (path.stat().st_mtime - 60 * age,) * 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = {path.stem for path in store.folder.iterdir()}
    assert len(kept) == 40
    assert names[0] in kept
    os.utime(store.folder / f"{names[-1]}.json", (0, 0))
    store.save(store.make_id(), panel.draft())
    assert names[-1] not in {path.stem for path in store.folder.iterdir()}


def test_default_folder_is_the_state_folder_of_the_user(panel, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    DraftStore().save("abcdefgh", panel.draft())
    assert (tmp_path / "scoring/panel/abcdefgh.json").is_file()


@pytest.mark.parametrize("name", ["", "../../etc/x", "short", "a" * 65, "a/b/c/d/e/f", None])
def test_unsafe_session_ids_are_rejected(store, panel, name):
    with raises_at(ConfigurationError, "session"):
        store.save(name, panel.draft())
    with raises_at(ConfigurationError, "session"):
        store.load(name, panel.session)


def test_draft_of_other_data_model_or_program_is_refused(panel, store, session, standard, holdout):
    assert store.load("unknown-session", session) is None
    store.save("session-1", panel.draft())
    half = replace(session.evaluator.holdout, relevance=holdout.of_users(session.user_id[:30]).relevance)
    others = TuningSession.__new__(TuningSession)
    others.evaluator, others.baseline = type(session.evaluator)(half, statistics=session.evaluator.statistics), standard
    with raises_at(ConfigurationError, "draft", "data"):
        store.load("session-1", others)
    changed = TuningSession(session.evaluator, standard.with_parameters("freshness", half_life_days=2))
    with raises_at(ConfigurationError, "draft", "model"):
        store.load("session-1", changed)
    path = store.folder / "session-1.json"
    path.write_text(path.read_text()[:-40])
    with raises_at(ConfigurationError, "draft"):
        store.load("session-1", session)
    store.remove("session-1")
    assert store.load("session-1", session) is None
