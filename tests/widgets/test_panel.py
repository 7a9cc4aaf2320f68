"""The panel without a browser: values set by a front end, and the panel's responses."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest
import traitlets
from comm.base_comm import BaseComm

from scoring import Dataset
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError, ModelError
from scoring.evaluation import Scoreboard
from scoring.registry import Registry
from scoring.widgets import TuningPanel, tuning_panel
from scoring.widgets.anywidgets import NAMED
from scoring.widgets.model_parameters import list_parameters
from scoring.widgets.panel_factory import tuning_page
from tests.support.errors import count_problems, raises_data, raises_same

WAIT = 60.0


@pytest.fixture
def panel(session, tmp_path):
    made = TuningPanel(session, registry=Registry(tmp_path), debounce=0.0)
    made.wait(WAIT)
    yield made
    made.close()


def test_moved_slider_gives_the_results_of_the_library(panel, standard):
    panel.sliders["fee"].value = 0.7
    state = panel.wait(WAIT)
    assert panel.weights.weight("fee") == 0.7
    assert sum(row.slider.value for name, row in panel.controls.components.items()
               if name in standard.weights.components["base"]) == pytest.approx(1)  # fmt: skip
    board = Scoreboard.of(panel.session.evaluator, {"baseline": standard, "now": panel.weights.model}).frame()
    now = board[board["model"] == "now"]
    np.testing.assert_allclose(state.measures["mean"], now["mean"])
    ranking = panel.session.evaluator.evaluate(panel.weights.model).ranking
    shown = [row["job_id"] for row in panel.views.ranks.rows]
    assert shown == [str(job) for job in ranking.job_id[0, : ranking.count[0]]]
    assert panel.status.kind == "settled"
    assert "not saved" in panel.status.text


def test_state_set_by_a_front_end_moves_the_weight(panel):
    """Set a slider's state as a message from a browser does."""
    panel.sliders["wage"].set_state({"value": 0.5})
    assert panel.wait(WAIT).model.weights.components["base"]["wage"] == 0.5
    assert panel.controls.components["wage"].number_field.value == 0.5
    assert panel.controls.components["wage"].share.value.count("20.0%") == 1


def test_confirm_button_tests_the_weights_once(panel):
    panel.confirm.click()
    assert panel.message.kind == "failed"
    assert "are the baseline" in panel.message.text
    panel.sliders["fee"].value = 0.7
    assert panel.wait(WAIT).n_compared == 1
    assert "has compared 1 setting;" in panel.views.measures.value
    panel.confirm.click()
    state = panel.wait(WAIT)
    assert state.confirmation == panel.session.confirm(panel.weights.model)
    assert panel.message.text == state.confirmation.text
    assert panel.message.kind == "idle"
    panel.sliders["fee"].value = 0.1
    assert panel.wait(WAIT).confirmation is None
    panel.confirm.click()
    assert panel.wait(WAIT).confirmation.n_earlier == 1
    assert panel.message.kind == "warning"
    assert "has confirmed 1 time before" in panel.message.text
    assert panel.state.is_complete
    assert panel.confirm.tooltip


def test_typed_number_moves_the_slider(panel):
    panel.controls.components["location"].number_field.value = 0.25
    assert panel.sliders["location"].value == 0.25
    assert panel.wait(WAIT).model.weights.components["match"]["location"] == 0.25


def test_too_large_weight_is_limited_with_a_message(panel):
    row = panel.controls.components["location"]
    row.number_field.value = 2
    assert row.number_field.value == row.slider.value == 1
    assert panel.message.text == "location was limited to 1: weights are at most 1."


def test_locked_group_keeps_its_weight(panel):
    panel.controls.groups["personal"].lock.value = True
    panel.sliders["base"].value = 0.6
    assert panel.wait(WAIT).model.weights.groups == pytest.approx({"base": 0.6, "match": 0.1, "personal": 0.3})
    panel.sliders["personal"].value = 0.9
    assert panel.sliders["personal"].value == pytest.approx(0.3)
    assert "personal is locked" in panel.message.text
    assert panel.message.kind == "failed"
    assert panel.controls.groups["personal"].lock.description == "locked"


def test_every_parameter_has_a_control(panel, standard):
    names = {parameter.name for part in standard.parts for parameter in list_parameters(part)}
    assert set(panel.controls.parameters) == names
    panel.controls.parameters["freshness.half_life_days"].slider.value = 7
    assert panel.wait(WAIT).model == standard.with_parameters("freshness", half_life_days=7)
    panel.controls.parameters["wage.curve point 3 value"].number_field.value = 90
    curve = next(part.component.curve for part in panel.wait(WAIT).model.parts if part.name == "wage")
    assert curve == ((0, 0), (1, 60), (1.2, 90), (1.5, 100))


def test_rejected_parameter_is_restored_with_a_message(panel, standard):
    row = panel.controls.parameters["location.same_city"]
    row.number_field.value = 10
    assert row.number_field.value == row.slider.value == 100
    assert "must be in descending order" in panel.message.text
    assert panel.wait(WAIT).model == standard


def test_typed_value_extends_the_slider(panel):
    row = panel.controls.parameters["freshness.half_life_days"]
    row.number_field.value = 400
    assert row.slider.value == 400
    assert row.slider.max == 400


def test_undo_redo_and_reset_restore_weights(panel, standard):
    panel.undo.click()
    assert panel.message.text == "A change to undo does not exist."
    panel.sliders["fee"].value = 0.7
    moved = panel.weights.model
    panel.undo.click()
    assert panel.wait(WAIT).model == standard
    assert panel.sliders["fee"].value == pytest.approx(0.25)
    panel.redo.click()
    assert panel.wait(WAIT).model == moved
    panel.reset.click()
    assert panel.wait(WAIT).model == standard


def test_new_baseline_can_be_undone(panel, standard):
    assert "The baseline is standard as it was opened" in panel.baseline.value
    panel.sliders["fee"].value = 0.7
    moved = panel.wait(WAIT)
    assert (moved.measures["difference"] != 0).any()
    panel.rebase.click()
    state = panel.wait(WAIT)
    assert state.model == moved.model == state.request.baseline
    assert (state.measures["difference"] == 0).all()
    assert "The baseline was set in this panel" in panel.baseline.value
    panel.sliders["fee"].value = 0.25
    panel.reset.click()
    assert panel.wait(WAIT).model == moved.model
    assert panel.sliders["fee"].value == 0.7
    for _ in range(3):
        panel.undo.click()
    assert "The baseline is standard as it was opened" in panel.baseline.value
    state = panel.wait(WAIT)
    assert (state.model, state.request.baseline) == (moved.model, standard)
    np.testing.assert_array_equal(state.measures["difference"], moved.measures["difference"])


def test_saving_compares_slices_with_the_new_baseline(panel):
    """A model that is worse than the first baseline is not worse than itself."""
    panel.sliders["fee"].value = 1.0
    panel.sliders["base"].value = 1.0
    assert len(panel.wait(WAIT).find_worse_slices())
    panel.rebase.click()
    panel.wait(WAIT)
    panel.profiles.name.value = "fees"
    panel.profiles.save.click()
    assert panel.profiles.message.text.startswith("Saved as fees@1. ")


def test_unused_panel_has_no_thread(panel):
    """An example is the panel of a cell that was run again."""
    for thread in threading.enumerate():
        if thread.name == "scoring-worker":
            thread.join(WAIT)
            assert not thread.is_alive()
    panel.sliders["fee"].value = 0.6
    assert panel.wait(WAIT).model == panel.weights.model


def test_choosing_a_user_and_a_job_shows_them(panel):
    second = int(panel.session.user_id[1])
    panel.views.next.click()
    state = panel.wait(WAIT)
    assert state.users.user_id == second
    assert panel.views.user.value == str(second)
    job = panel.views.ranks.rows[2]["job_id"]
    panel.views.ranks.set_state({"selected": job})
    state = panel.wait(WAIT)
    assert state.waterfall.job_id == int(job)
    assert panel.views.job.value == job
    assert f"Why job {job} moved" in panel.views.waterfall.value
    panel.views.job.value = ""
    assert panel.wait(WAIT).waterfall is None
    panel.views.previous.click()
    panel.views.previous.click()
    assert panel.wait(WAIT).users.user_id == panel.session.user_id[-1]


@pytest.mark.parametrize(
    ("text", "message"), [("abc", "user abc does not exist"), ("99999999", "user 99999999 does not exist")]
)
def test_invalid_user_is_rejected_with_a_message(panel, text, message):
    before = panel.views.user.value
    panel.views.user.value = text
    assert message in panel.views.message.text
    assert panel.views.message.kind == "failed"
    assert panel.views.user.value == before
    panel.undo.click()  # its message replaces that of the user
    assert panel.views.message.text == ""
    assert panel.message.text == "A change to undo does not exist."


def test_saved_profile_can_be_loaded(panel, standard):
    panel.controls.parameters["freshness.half_life_days"].slider.value = 13
    saved = panel.wait(WAIT).model
    panel.profiles.name.value = "fresh"
    panel.profiles.save.click()
    assert panel.profiles.message.text.startswith("Saved as fresh@1. ")
    assert "not saved" not in panel.status.text
    assert not panel.weights.has_unsaved_changes
    panel.reset.click()
    panel.profiles.chosen.value = "fresh@1"
    panel.profiles.load.click()
    assert panel.profiles.message.text == "Loaded fresh@1."
    assert panel.wait(WAIT).model.digest == saved.digest


def test_saving_worse_slices_needs_confirmation(panel):
    panel.sliders["fee"].value = 1.0
    panel.sliders["base"].value = 1.0
    panel.wait(WAIT)
    panel.profiles.name.value = "fees"
    panel.profiles.save.click()
    assert "Significantly worse than the baseline" in panel.profiles.message.text
    assert panel.profiles.message.kind == "warning"
    assert panel.saver.names() == []
    panel.profiles.save.click()
    assert panel.profiles.message.text.startswith("Saved as fees@1. ")
    assert panel.profiles.message.kind == "idle"


def test_moves_from_many_threads_end_with_the_last(panel):
    """A notebook delivers events on more than one thread."""

    def move(name: str) -> None:
        for value in np.linspace(0.1, 0.9, 15):
            panel.sliders[name].value = float(value)

    threads = [threading.Thread(target=move, args=(name,)) for name in ("fee", "location", "history")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = panel.wait(WAIT)
    assert state.model == panel.weights.model
    assert {panel.weights.weight(name) for name in ("fee", "location", "history")} == {0.9}
    assert panel.sliders["fee"].value == 0.9


def test_panel_works_after_a_failed_computation(panel):
    whole = panel.session.evaluator.evaluate
    error = ModelError("The model is invalid.")
    panel.session.evaluator.evaluate = lambda model, **rest: (_ for _ in ()).throw(error)
    panel.sliders["fee"].value = 0.6
    with raises_same(error):
        panel.wait(WAIT)
    assert (panel.status.kind, panel.status.text) == ("failed", "The model is invalid.")
    panel.session.evaluator.evaluate = whole
    panel.sliders["fee"].value = 0.5
    panel.wait(WAIT)
    assert panel.status.kind == "settled"


def test_choosing_a_metric_shows_its_slices(panel):
    panel.sliders["fee"].value = 0.9
    panel.wait(WAIT)
    panel.views.metric.value = "Recall@40"
    assert "Slices: Recall@40" in panel.views.slices.value


def test_every_control_has_an_accessible_name(panel):
    """Results are traits, and each number has an accessible name."""
    from ipywidgets import BoundedFloatText, Button, Dropdown, FloatSlider, Output, Text, Widget

    def below(widget: Widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from below(child)

    widgets = list(below(panel))
    assert not [widget for widget in widgets if isinstance(widget, Output)]
    assert all(widget.description for widget in widgets if isinstance(widget, BoundedFloatText))
    assert {row.number_field.description for row in panel.controls.components.values()} == set(
        panel.controls.components
    )
    named = [widget for widget in widgets if NAMED in getattr(widget, "_dom_classes", ())]
    assert {widget for widget in widgets if isinstance(widget, BoundedFloatText | FloatSlider)} < set(named)
    tooltips = [widget.tooltip for widget in named]
    assert all(tooltips)
    assert all(tooltips.count(tooltip) <= 2 for tooltip in tooltips)  # only an entry and its slider share a name
    assert all(widget.tooltip for widget in widgets if isinstance(widget, Text | Dropdown | Button))  # else "null"


def test_ids_are_text_for_the_browser(panel):
    assert isinstance(panel.views.ranks.traits()["selected"], traitlets.Unicode)
    assert all(isinstance(row["job_id"], str) for row in panel.views.ranks.rows)


def test_tuning_panel_opens_a_database(tmp_path, holdout, standard):
    path = tmp_path / "market.db"
    save_tables(Database.open(f"sqlite:///{path}"), holdout.data.tables)
    Registry(tmp_path / "profiles").save("tuned", standard.with_parameters("freshness", half_life_days=5))
    opened = tuning_panel(f"sqlite:///{path}", "tuned@1", registry=tmp_path / "profiles", users=30, debounce=0.0)
    try:
        assert opened.wait(WAIT).model.name == "tuned@1"
        assert opened.profiles is not None
        assert opened.saver.parent.metadata.reference == "tuned@1"
        assert "26 users" in repr(opened)  # the train users
    finally:
        opened.close()


def test_page_shows_why_a_panel_cannot_be_opened(holdout, standard):
    tables = holdout.data.tables
    page = tuning_page(Dataset(tables.with_tables(actions=tables.actions[:0])), standard)
    assert 'role="alert"' in page.value
    assert "no actions" in page.value
    assert "&lt;b&gt;" in tuning_page(holdout, "<b>").value


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


def test_panel_without_registry_has_no_profiles(holdout):
    opened = tuning_panel(holdout, users=30)
    assert opened.profiles is None
    opened.close()


def test_waiting_for_a_closed_panel_raises(session):
    panel = TuningPanel(session, debounce=100.0)
    panel.close()
    with pytest.raises(ConfigurationError):
        panel.wait(WAIT)


def test_tuning_panel_opens_a_dataset(holdout, standard):
    opened = tuning_panel(Dataset(holdout.data.tables), standard, users=10, debounce=0.0)
    assert opened.wait(WAIT).is_complete
    opened.close()


class RecordingComm(BaseComm):
    """A front end that stores the state it receives."""

    def __init__(self) -> None:
        self.state: dict[str, object] = {}
        super().__init__(primary=False)

    def publish_msg(self, msg_type, data=None, **rest):
        if data and data.get("method") == "update":
            self.state |= data["state"]


def test_page_loaded_during_computation_gets_the_state(panel):
    ranks, status, measures = (RecordingComm() for _ in range(3))
    panel.views.ranks.comm, panel.status.comm, panel.views.measures.comm = ranks, status, measures
    panel.status._handle_msg({"content": {"data": {"method": "custom", "content": {"shown": True}}}, "buffers": []})
    assert ranks.state["rows"] == panel.views.ranks.rows
    assert ranks.state["components"]
    assert status.state["kind"] == "settled"
    assert measures.state["value"] == panel.views.measures.value
