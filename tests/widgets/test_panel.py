"""The panel without a browser: events of a page, and the documents that it receives."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from scoring import Dataset
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError, ModelError
from scoring.evaluation import Scoreboard
from scoring.registry import Registry
from scoring.widgets import TuningPanel, tuning_panel
from scoring.widgets.parameter_sliders import list_parameters
from scoring.widgets.result_document import explain_unchanged_list
from scoring.widgets.session_draft_store import DraftStore
from tests.support.errors import count_problems, raises_data, raises_same

WAIT = 60.0


class Driver:
    """Sends events to a panel, and reads its document."""

    def __init__(self, panel: TuningPanel) -> None:
        self.panel = panel

    def send(self, kind: str, **values: object) -> dict[str, object]:
        """Send an event, and return the message that is shown beside its control."""
        self.panel.handle({"kind": kind, **values})
        return self["problem"]

    def settle(self, kind: str, **values: object):
        self.send(kind, **values)
        return self.panel.wait(WAIT)

    def __getitem__(self, part: str):
        return self.panel.page.document[part]

    def weight(self, name: str) -> float:
        return self["values"]["components"][name]["weight"]


@pytest.fixture
def panel(session, tmp_path):
    made = TuningPanel(session, registry=Registry(tmp_path), debounce=0.0)
    made.wait(WAIT)
    yield made
    made.close()


@pytest.fixture
def page(panel):
    return Driver(panel)


def test_moved_slider_gives_the_results_of_the_library(page, standard):
    state = page.settle("weight", name="fee", value=0.7)
    assert page.weight("fee") == 0.7
    assert sum(page.weight(name) for name in standard.weights.components["base"]) == pytest.approx(1)
    board = Scoreboard.of(page.panel.session.evaluator, {"baseline": standard, "now": page.panel.weights.model}).frame()
    now = board[board["model"] == "now"]
    np.testing.assert_allclose(state.measures["mean"], now["mean"])
    assert [row["now"] for row in page["measures"]["rows"]] == pytest.approx(now["mean"].tolist())
    assert {row["unit"] for row in page["measures"]["rows"] if row["measure"] == "mean fee@40"} == {"yen"}
    ranking = page.panel.session.evaluator.evaluate(page.panel.weights.model).ranking
    shown, place = [row["id"] for row in page["list"]["rows"]], page["choice"]["at"] - 1
    assert shown == [str(job) for job in ranking.job_id[place, : ranking.count[place]]]
    assert page["status"]["kind"] == "settled"
    assert not page["values"]["is_saved"]


def test_document_is_json_without_nan(page):
    page.settle("weight", name="fee", value=0.9)
    page.settle("job", id=page["list"]["rows"][0]["id"])
    json.dumps(page.panel.page.document, allow_nan=False)


def test_only_changed_parts_are_sent(page, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(page.panel.page, "send", lambda message: sent.extend(message["parts"]))
    page.settle("job", id=page["list"]["rows"][0]["id"])
    needed = {"choice", "waterfall", "job_card"}
    assert needed < set(sent) <= needed | {"status", "problem", "history", "answered"}
    sent.clear()
    page.panel.page.show(waterfall=page["waterfall"], choice=page["choice"])
    assert sent == []


def test_open_page_gets_the_whole_document(page, monkeypatch):
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(page.panel.page, "send", sent.append)
    page.panel.page._receive({"kind": "open"})
    assert sent[0]["parts"] == page.panel.page.document
    page.panel.page._receive({"kind": "ping", "n": 3})
    assert sent[-1] == {"pong": 3}


def test_each_move_is_requested_once(page, monkeypatch):
    requested, worker = [], page.panel.worker
    submit = worker.submit
    monkeypatch.setattr(worker, "submit", lambda request: (requested.append(request), submit(request)))
    page.settle("weight", name="fee", value=0.6)
    page.send("weight", name="fee", value=0.7, drag="fee:1", is_last=False)
    page.settle("weight", name="fee", value=0.7, drag="fee:1", is_last=True)
    assert [round(request.model.weights.components["base"]["fee"], 6) for request in requested] == [0.6, 0.7]


def test_drag_is_one_change_and_only_its_end_is_computed(page):
    before, n_compared = page.weight("category"), page.panel.session.n_compared
    for value in (0.5, 0.9, 1.0, 0.6):
        page.send("weight", name="location", value=value, drag="location:1", is_last=False)
        assert page.weight("location") == value
    state = page.settle("weight", name="location", value=0.4, drag="location:1", is_last=True)
    assert state.model == page.panel.weights.model
    assert page.weight("category") == pytest.approx(before)  # the way of a drag does not matter
    page.settle("weight", name="location", value=0.6, drag="location:2", is_last=False)
    page.settle("weight", name="location", value=0.7, drag="location:2", is_last=True)
    assert page.panel.session.n_compared == n_compared + 1
    page.settle("undo")
    assert page.weight("location") == 0.4


def test_confirm_tests_the_weights_once(page):
    message = page.send("confirm")
    assert (message["at"], message["kind"]) == ("confirm", "failed")
    assert "are the baseline" in message["text"]
    assert page.settle("weight", name="fee", value=0.7).n_compared == page["measures"]["n_compared"] == 1
    state = page.settle("confirm")
    assert state.confirmation == page.panel.session.confirm(page.panel.weights.model)
    message = page["problem"]
    assert (message["at"], message["kind"]) == ("confirm", "note")
    assert message["text"].startswith(state.confirmation.text)
    assert page.settle("weight", name="fee", value=0.1).confirmation is None
    assert page.settle("confirm").confirmation.n_earlier == 1
    assert page["problem"]["kind"] == "warning"
    assert page.panel.state.is_complete
    kept = [one["confirmation"] for one in page["history"]["tries"]]
    assert kept == ["", state.confirmation.text, page.panel.state.confirmation.text]


def test_job_chosen_while_confirming_keeps_the_confirmation(page, monkeypatch):
    page.settle("weight", name="fee", value=0.7)
    session, started, released = page.panel.session, threading.Event(), threading.Event()
    confirm = session.confirm

    def confirm_later(*arguments):
        started.set()
        assert released.wait(WAIT)
        return confirm(*arguments)

    monkeypatch.setattr(session, "confirm", confirm_later)
    page.send("confirm")
    assert started.wait(WAIT)
    page.send("job", id=page["list"]["rows"][0]["id"])
    released.set()
    state = page.panel.wait(WAIT)
    assert state.waterfall is not None
    assert state.confirmation is not None
    assert page["problem"]["at"] == "confirm"
    assert [one["confirmation"] for one in page["history"]["tries"]] == ["", state.confirmation.text]
    assert page.settle("job", id=page["list"]["rows"][1]["id"]).confirmation is None  # it has ended
    page.settle("weight", name="fee", value=0.6)
    page.send("confirm")
    assert page.settle("weight", name="fee", value=0.5).confirmation is None  # other weights


def test_errors_are_shown_beside_their_control(page, standard):
    for event, at in (
        ({"kind": "weight", "name": "fee", "value": None}, "weight:fee"),
        ({"kind": "group", "name": "base", "value": float("nan")}, "group:base"),
        ({"kind": "parameter", "name": "location.same_city", "value": 10}, "parameter:location.same_city"),
        ({"kind": "user", "id": "abc"}, "user"),
        ({"kind": "user", "id": ""}, "user"),
        ({"kind": "job", "id": "99999999"}, "job"),
        ({"kind": "undo"}, "moves"),
        ({"kind": "load", "profile": ""}, "load"),
        ({"kind": "save", "name": " "}, "save"),
    ):
        message = page.send(**event)
        assert (message["at"], message["kind"]) == (at, "failed")
        assert message["text"].endswith(".")
    assert page.panel.wait(WAIT).model == standard
    assert page.send("step", by=1)["text"] == ""  # the next event removes the message


def test_rejected_value_is_sent_again(page):
    """The field of the page shows the value that was typed, so an equal document must reach it."""
    before = page["values"]
    page.send("parameter", name="location.same_city", value=10)
    assert page["values"] != before
    assert page["values"]["parameters"] == before["parameters"]


def test_too_large_weight_is_limited_with_a_message(page):
    message = page.send("weight", name="location", value=2)
    assert page.weight("location") == 1
    assert message["text"] == "location was limited to 1: weights are at most 1."


def test_locked_group_keeps_its_weight(page):
    page.send("lock_group", name="personal", on=True)
    assert page["values"]["groups"]["personal"]["is_locked"]
    state = page.settle("group", name="base", value=0.6)
    assert state.model.weights.groups == pytest.approx({"base": 0.6, "match": 0.1, "personal": 0.3})
    message = page.send("group", name="personal", value=0.9)
    assert "personal is locked" in message["text"]
    assert page["values"]["groups"]["personal"]["weight"] == pytest.approx(0.3)


def test_every_parameter_has_a_control(page, standard):
    names = {parameter.name for part in standard.parts for parameter in list_parameters(part)}
    components = [component for group in page["structure"]["groups"] for component in group["components"]]
    numbers = {one["name"] for component in components for one in component["parameters"]}
    points = {
        f"{curve['name']} point {i + 1} {axis}"
        for component in components
        for curve in component["curves"]
        for i in range(len(page["values"]["curves"][curve["name"]]))
        for axis in ("x", "value")
    }
    assert numbers | points == names
    assert numbers == set(page["values"]["parameters"])
    state = page.settle("parameter", name="freshness.half_life_days", value=7)
    assert state.model == standard.with_parameters("freshness", half_life_days=7)
    page.settle("parameter", name="wage.curve point 3 value", value=90)
    assert page["values"]["curves"]["wage.curve"] == [[0, 0], [1, 60], [1.2, 90], [1.5, 100]]


def test_undo_redo_and_reset_restore_weights(page, standard):
    moved = page.settle("weight", name="fee", value=0.7).model
    assert page.settle("undo").model == standard
    assert page.weight("fee") == pytest.approx(0.25)
    assert (page["values"]["can_undo"], page["values"]["can_redo"]) == (False, True)
    assert page.settle("redo").model == moved
    assert page.settle("reset").model == standard


def test_new_baseline_can_be_undone(page, standard):
    assert "The baseline is standard as it was opened" in page["values"]["baseline"]
    moved = page.settle("weight", name="fee", value=0.7)
    assert (moved.measures["difference"] != 0).any()
    state = page.settle("make_baseline")
    assert state.model == moved.model == state.request.baseline
    assert (state.measures["difference"] == 0).all()
    assert "The baseline was set in this panel" in page["values"]["baseline"]
    page.send("weight", name="fee", value=0.25)
    assert page.settle("reset").model == moved.model
    for _ in range(3):
        page.send("undo")
    assert "The baseline is standard as it was opened" in page["values"]["baseline"]
    state = page.panel.wait(WAIT)
    assert (state.model, state.request.baseline) == (moved.model, standard)
    np.testing.assert_array_equal(state.measures["difference"], moved.measures["difference"])


def test_saving_compares_slices_with_the_new_baseline(page):
    """A model that is worse than the first baseline is not worse than itself."""
    page.send("weight", name="fee", value=1.0)
    assert len(page.settle("group", name="base", value=1.0).find_worse_slices())
    page.settle("make_baseline")
    assert page.send("save", name="fees")["text"].startswith("Saved as fees@1. ")


def test_unused_panel_has_no_thread(page):
    """An example is the panel of a cell that was run again."""
    for thread in threading.enumerate():
        if thread.name == "scoring-worker":
            thread.join(WAIT)
            assert not thread.is_alive()
    assert page.settle("weight", name="fee", value=0.6).model == page.panel.weights.model


def test_choosing_a_user_and_a_job_shows_them(page):
    ids = page.panel.session.user_id
    page.settle("user", id=str(ids[0]))
    state = page.settle("step", by=1)
    assert state.users.user_id == ids[1]
    assert page["choice"] == {"user": str(ids[1]), "job": "", "at": 2, "n_forced": 0, "answered": 0}
    job = page["list"]["rows"][2]["id"]
    state = page.settle("job", id=job)
    assert state.waterfall.job_id == int(job)
    assert page["choice"]["job"] == page["waterfall"]["job"] == job
    why, moved = state.waterfall, page["waterfall"]["moved"]
    assert page["waterfall"]["summary"] == why.describe_change().replace("-", "\u2212")
    assert [(one["text"], one["jobs"], one["more"]) for one in moved] == why.list_moved_jobs()
    assert page.settle("job", id="").waterfall is None
    page.send("step", by=-1)
    assert page.settle("step", by=-1).users.user_id == ids[-1]


def test_unchanged_list_is_explained(page):
    assert page["list"]["note"] == ""
    page.settle("weight", name="fee", value=0.2499999999)  # no job moves
    assert {row["movement"] for row in page["list"]["rows"]} == {"="}
    assert page["list"]["note"].startswith("This list is the same as with the baseline.")
    state = page.settle("weight", name="fee", value=0.9)
    assert page["list"]["note"] == ""
    same = tuple(replace(job, movement="=", points=(7.0, *job.points[1:])) for job in state.users.jobs)
    unmoved = replace(state, users=replace(state.users, jobs=same, removed_jobs={}))
    assert f"the same value of {state.users.components[0]}" in explain_unchanged_list(unmoved)


def test_saved_profile_can_be_loaded(page):
    saved = page.settle("parameter", name="freshness.half_life_days", value=13).model
    assert page.send("save", name="fresh", note="newer")["text"].startswith("Saved as fresh@1. ")
    assert page["values"]["is_saved"]
    assert page["profiles"] == {"names": ["fresh@1"], "chosen": "fresh@1", "in_use": None}
    page.send("reset")
    assert page.send("load", profile="fresh@1") == {"at": "load", "kind": "note", "text": "Loaded fresh@1."}
    assert page.panel.wait(WAIT).model.digest == saved.digest


def test_saving_worse_slices_needs_confirmation(page):
    page.send("weight", name="fee", value=1.0)
    page.settle("group", name="base", value=1.0)
    message = page.send("save", name="fees")
    assert "Significantly worse than the baseline" in message["text"]
    assert (message["at"], message["kind"]) == ("save", "warning")
    assert page.panel.saver.names() == []
    message = page.send("save", name="fees")
    assert message["text"].startswith("Saved as fees@1. ")
    assert message["kind"] == "note"


def test_moves_from_many_threads_end_with_the_last(page):
    """A notebook delivers events on more than one thread."""

    def move(name: str) -> None:
        for value in np.linspace(0.1, 0.9, 15):
            page.panel.handle({"kind": "weight", "name": name, "value": float(value)})

    threads = [threading.Thread(target=move, args=(name,)) for name in ("fee", "location", "history")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = page.panel.wait(WAIT)
    assert state.model == page.panel.weights.model
    assert {page.weight(name) for name in ("fee", "location", "history")} == {0.9}


def test_panel_works_after_a_failed_computation(page):
    whole = page.panel.session.evaluator.evaluate
    error = ModelError("The model is invalid.")
    page.panel.session.evaluator.evaluate = lambda model, **rest: (_ for _ in ()).throw(error)
    with raises_same(error):
        page.settle("weight", name="fee", value=0.6)
    assert page["status"] == {"kind": "failed", "text": "The model is invalid."}
    page.panel.session.evaluator.evaluate = whole
    page.settle("weight", name="fee", value=0.5)
    assert page["status"]["kind"] == "settled"


def test_methods_of_a_notebook_raise_their_errors(page, standard):
    page.panel.set_weight("fee", 0.6)
    page.panel.set_weight("base", 0.5)
    page.panel.undo()
    assert page.panel.wait(WAIT).model.weights.components["base"]["fee"] == 0.6
    page.panel.undo()
    with pytest.raises(ConfigurationError):
        page.panel.undo()
    with pytest.raises(ConfigurationError):
        page.panel.set_weight("salary", 0.5)
    assert page.panel.weights.model == standard


def test_answer_comes_after_the_status_of_the_computation(page, monkeypatch):
    """A page that has the answer knows whether results are still to come."""
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(page.panel.page, "send", lambda message: sent.append(message["parts"]))
    page.settle("weight", name="fee", value=0.7, n=7)
    order = [(name, part) for parts in sent for name, part in parts.items() if name in ("answered", "status", "values")]
    assert [name for name, _ in order[:3]] == ["values", "status", "answered"]
    assert order[0][1]["answered"] == order[2][1] == 7
    assert order[1][1]["kind"] == "computing"
    page.send("nonsense", n=9)
    page.send("user", id="unknown", n=8)
    assert page["answered"] == page["choice"]["answered"] == 9


def test_result_of_a_thread_replaces_the_first_message(page, monkeypatch):
    """The thread may have its result before the event that started it is answered."""
    run = page.panel._run

    def run_fast(at, action):
        run(at, lambda: "done")
        (thread,) = [one for one in threading.enumerate() if one.name == "scoring-export"]
        thread.join(0.2)

    monkeypatch.setattr(page.panel, "_run", run_fast)
    assert page.send("export", what="lists")["text"] == "Collecting the lists…"
    for thread in threading.enumerate():
        if thread.name == "scoring-export":
            thread.join(WAIT)
    assert page["problem"]["text"] == "done"


def test_unknown_event_is_ignored(page, standard):
    page.panel.handle({"kind": "dance"})
    page.panel.handle({})
    assert page.panel.weights.model == standard


def test_tuning_panel_opens_a_database(tmp_path, holdout, standard):
    path = tmp_path / "market.db"
    save_tables(Database.open(f"sqlite:///{path}"), holdout.data.tables)
    Registry(tmp_path / "profiles").save("tuned", standard.with_parameters("freshness", half_life_days=5))
    opened = tuning_panel(f"sqlite:///{path}", "tuned@1", registry=tmp_path / "profiles", users=30, debounce=0.0)
    try:
        assert opened.wait(WAIT).model.name == "tuned@1"
        assert opened.page.document["profiles"]["names"] == ["tuned@1"]
        assert opened.saver.parent.metadata.reference == "tuned@1"
        assert "26 users" in repr(opened)  # the train users
    finally:
        opened.close()


def test_panel_starts_with_the_promoted_profile(tmp_path, holdout, standard):
    path = tmp_path / "market.db"
    save_tables(Database.open(f"sqlite:///{path}"), holdout.data.tables)
    registry = Registry(tmp_path / "profiles", database=str(path))
    registry.save("tuned", standard.with_parameters("freshness", half_life_days=5))
    for expected in ("standard", "tuned@1", "standard"):
        model = None if expected == "tuned@1" else "standard" if registry.find_promotion() else None
        opened = tuning_panel(path, model, registry=tmp_path / "profiles", users=30, debounce=0.0)
        try:
            assert opened.session.baseline.name == expected
        finally:
            opened.close()
        if registry.find_promotion() is None:
            registry.promote("tuned", note="try", force="a test")


def test_invalid_rows_are_quarantined_with_a_warning(tmp_path, holdout):
    tables = holdout.data.tables
    n_jobs = len(tables.jobs)
    path = tmp_path / "market.db"
    save_tables(Database.open(f"sqlite:///{path}"), tables)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE jobs SET fee = 'much' WHERE job_id = (SELECT max(job_id) FROM jobs)")
        connection.commit()
        with pytest.warns(UserWarning, match=r"Rejected rows are left out: jobs: .* 1 rejected"):
            opened = tuning_panel(path, users=30, debounce=0.0)
        opened.close()
        connection.execute("UPDATE jobs SET fee = 'much'")
        connection.commit()
    with raises_data("too many invalid rows", table="jobs") as raised:
        tuning_panel(path, users=30)
    assert count_problems(raised.value)["jobs"] == n_jobs


def test_panel_without_registry_cannot_save(holdout):
    opened = tuning_panel(holdout, users=30)
    assert opened.saver is None
    assert not opened.page.document["session"]["has_profiles"]
    opened.handle({"kind": "save", "name": "a"})
    assert opened.page.document["problem"]["kind"] == "failed"
    opened.close()


def test_waiting_for_a_closed_panel_raises(session, monkeypatch):
    def stages(request, cancelled):
        while not cancelled():
            time.sleep(0.01)
        yield from ()

    monkeypatch.setattr(session, "stages", stages)
    panel = TuningPanel(session, debounce=0.0)
    panel.close()
    with pytest.raises(ConfigurationError):
        panel.wait(WAIT)


def test_tuning_panel_opens_a_dataset(holdout, standard):
    opened = tuning_panel(Dataset(holdout.data.tables), standard, users=10, debounce=0.0)
    assert opened.wait(WAIT).is_complete
    opened.close()


def open_drafted(session, folder, address):
    panel = TuningPanel(session, debounce=0.0, drafts=DraftStore(folder))
    panel.page._receive({"kind": "open", "session": address})
    for thread in threading.enumerate():
        if thread.name == "scoring-draft":
            thread.join(WAIT)
    panel.wait(WAIT)
    return Driver(panel)


def test_page_that_loads_again_continues_its_session(session, tmp_path, standard):
    first = open_drafted(session, tmp_path, None)
    address = first["address"]["session"]
    first.send("lock", name="wage", on=True)
    first.settle("weight", name="fee", value=0.6)
    job = first["list"]["rows"][1]["id"]
    first.settle("job", id=job)
    first.send("try_star", id=2, on=True)
    first.settle("step", by=1)
    first.panel.close()

    again = open_drafted(session, tmp_path, address)
    assert "address" not in again.panel.page.document
    assert again.weight("fee") == 0.6
    assert again["values"]["components"]["wage"]["is_locked"]
    assert again["choice"]["job"] == job
    assert again["choice"]["at"] == 2
    assert [one["starred"] for one in again["history"]["tries"]] == [False, True]
    assert again.settle("try", id=1).model == standard
    again.panel.close()


def test_second_tab_takes_the_draft_over(session, tmp_path):
    first = open_drafted(session, tmp_path, None)
    address = first["address"]["session"]
    first.settle("weight", name="fee", value=0.6)
    second = open_drafted(session, tmp_path, address)
    second.settle("weight", name="wage", value=0.3)
    assert "address" not in second.panel.page.document

    first.settle("weight", name="fee", value=0.7)
    assert (first["problem"]["at"], first["problem"]["kind"]) == ("moves", "warning")
    own = first["address"]["session"]
    assert own != address
    first.settle("weight", name="fee", value=0.8)
    assert first["address"]["session"] == own
    second.settle("undo")
    assert "address" not in second.panel.page.document
    first.panel.close()
    second.panel.close()
    for known, fee in ((own, 0.8), (address, 0.6)):
        again = open_drafted(session, tmp_path, known)
        assert again.weight("fee") == fee
        again.panel.close()


def test_unusable_draft_is_reported_and_kept(session, tmp_path, standard):
    (tmp_path / "abcdefgh.json").write_text("{}")
    page = open_drafted(session, tmp_path, "abcdefgh")
    assert (page["problem"]["at"], page["problem"]["kind"]) == ("moves", "failed")
    assert page["address"]["session"] != "abcdefgh"
    page.settle("weight", name="fee", value=0.7)
    page.panel.close()
    assert (tmp_path / "abcdefgh.json").read_text() == "{}"
    page = open_drafted(session, tmp_path, "../../etc")
    assert page["problem"]["kind"] == "failed"
    assert page.panel.weights.model == standard
    page.panel.close()


def test_status_says_what_a_move_did(page):
    assert page["status"]["text"] == "These are the lists of the baseline."
    page.settle("weight", name="location", value=0.7)
    assert page["status"]["text"].startswith("location 12 → 21 %: ")
    assert [one["text"] for one in page["history"]["tries"]] == ["", "location 12 → 21 %"]


def test_rules_and_curves_are_moves(page, standard):
    state = page.settle("rule", key="min_fee", value=1500)
    assert state.model.eligibility.min_fee == 1500
    assert page.settle("rule", key="open", on=False).model.eligibility.open is False
    rules = {rule["key"]: rule for rule in page["rules"]["rules"]}
    assert (rules["open"]["is_on"], rules["min_fee"]["value"]) == (False, 1500)
    assert page.send("rule", key="min_fee", value="much")["at"] == "rule:min_fee"
    page.send("reset")
    points = [[0, 0], [1, 50], [1.2, 80], [1.5, 100]]
    page.send("curve", name="wage.curve", points=[[0, 0], [1, 55], [1.2, 80], [1.5, 100]], drag="a", is_last=False)
    page.settle("curve", name="wage.curve", points=points, drag="a", is_last=True)
    assert page["values"]["curves"]["wage.curve"] == points
    assert page.settle("undo").model == standard
    assert page.send("curve", name="wage.curve", points=[[0, 0]])["at"] == "curve:wage.curve"


def test_cards_show_the_user_and_the_job(page):
    job = page["list"]["rows"][0]["id"]
    page.settle("job", id=job)
    assert page["user_card"]["id"] == page["choice"]["user"]
    assert page["job_card"]["id"] == job
    page.settle("step", by=1)
    assert page["user_card"]["id"] == page["choice"]["user"]
    page.settle("job", id="")
    assert page["job_card"] is None


def test_users_are_filtered_and_found_by_text(page):
    option = page["filters"]["prefectures"][0]
    page.settle("filter", prefecture=option["value"])
    assert page["filters"]["n_users"] == option["n"]
    message = page.send("filter", prefecture="nowhere")
    assert (message["at"], message["kind"]) == ("filter", "failed")
    page.send("find", what="job", text=page["list"]["rows"][0]["title"])
    for thread in threading.enumerate():
        if thread.name == "scoring-find":
            thread.join(WAIT)
    assert page["list"]["rows"][0]["title"] in [entry["title"] for entry in page["found"]["entries"]]
    assert page.send("find", what="job", text=" ")["at"] == "find"


def test_profiles_are_shown_beside_the_baseline(page):
    page.settle("weight", name="freshness", value=0.11)
    assert page.send("save", name="fees")["text"].startswith("Saved")
    page.settle("beside", profiles=["fees@1"])
    assert [column["name"] for column in page["beside"]["columns"]] == ["baseline", "now", "fees@1"]
    page.settle("beside", profiles=[])
    assert page["beside"] is None
    assert page.send("beside", profiles=["none@1"])["at"] == "beside"


def test_lists_weights_and_report_are_downloaded(page, monkeypatch):
    files: dict[str, str] = {}
    monkeypatch.setattr(page.panel.page, "send_file", lambda name, kind, text: files.update({name: text}))
    page.settle("weight", name="freshness", value=0.11)
    for what in ("weights", "lists", "page"):
        page.send("export", what=what)
    for thread in threading.enumerate():
        if thread.name == "scoring-export":
            thread.join(WAIT)
    assert {*files} == {"standard-changed.yaml", "lists of standard-changed.csv", "report on standard-changed.html"}
    assert all(files.values())
    assert page.send("save", name="found")["text"].startswith("Saved as found@1. ")
    page.send("export", what="weights")
    assert "name: found@1" in files["found@1.yaml"]
    page.settle("reset")
    page.send("export", what="weights")
    assert "name: standard\n" in files["standard.yaml"]


def test_open_tab_lists_profiles_of_other_programs(page, standard):
    page.settle("weight", name="fee", value=0.5)
    page.send("undo")
    message = page.send("undo")
    page.panel.saver.registry.save("found", standard.with_parameters("freshness", half_life_days=5))
    assert page["profiles"]["names"] == []
    assert page.send("profiles") == message  # the message stays
    assert page["profiles"]["names"] == ["found@1"]


def test_search_finds_weights_that_can_be_opened(page):
    assert page.send("search", goals=["salary@40"], trials=3)["at"] == "search"
    assert page["problem"]["kind"] == "failed"
    assert page.send("search", goals=["NDCG@10"], trials=3)["text"] == ""
    page.panel.search.wait(WAIT)
    assert (page["search"]["state"], page["search"]["done"]) == ("done", 3)
    page.settle("search_open", trial=page["search"]["best"]["trial"])
    assert page.panel.weights.model.weights == page.panel.search.find_model().weights
    page.settle("weight", name="freshness", value=0.11)
    assert page["measures"]["n_trials"] == 3
    assert page["measures"]["n_compared"] - 3 == page["history"]["n_moves"]
    page.send("search_stop")


def test_promotion_shows_evidence_and_needs_a_reason(session, tmp_path, standard):
    Registry(tmp_path / "profiles").save("tuned", standard.with_parameters("freshness", half_life_days=5))
    database = str(tmp_path / "market.db")
    save_tables(Database.open(f"sqlite:///{database}"), session.data.tables)
    panel = TuningPanel(session, registry=Registry(tmp_path / "profiles"), database=database, debounce=0.0)
    page = Driver(panel)

    def wait(kind: str, **values: object) -> dict[str, object]:
        page.send(kind, **values)
        for thread in threading.enumerate():
            if thread.name == f"scoring-{kind}":
                thread.join(WAIT)
        return page["problem"]

    assert wait("promote", profile="tuned@1", note="faster")["kind"] == "failed"  # the evidence was not shown
    assert wait("evidence", profile="tuned@1") == {"at": "evidence", "kind": "note", "text": ""}
    assert page["evidence"]["needs_force"]
    assert page["evidence"]["confirmations"] == []
    shown = page["evidence"]
    wait("evidence", profile="tuned@1")
    assert page["evidence"] != shown  # the page opens the dialog when it receives the evidence
    assert page.send("promote", profile="tuned@1", note=" ")["kind"] == "failed"  # at once
    assert wait("promote", profile="tuned@1", note="faster")["kind"] == "failed"
    assert wait("promote", profile="tuned@1", note="faster", force="a test")["text"].startswith("Promoted tuned@1.")
    assert page["evidence"]["is_in_use"]
    assert page["profiles"]["in_use"] == "tuned@1"
    panel.close()
