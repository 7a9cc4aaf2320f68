"""The tuning panel: it forwards events to the view models and shows their results. It does not compute."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np

from scoring.errors import ConfigurationError, ScoringError, pluralize
from scoring.registry import Profile, Registry
from scoring.widgets.anywidgets import Access, LiveLine
from scoring.widgets.controls import Controls
from scoring.widgets.html.html_elements import STYLE, escape_text, render_page
from scoring.widgets.panel_computation import FIRST, PanelState, Request, TuningSession
from scoring.widgets.profile_box import ProfileBox
from scoring.widgets.profile_saver import ProfileSaver
from scoring.widgets.result_views import Views
from scoring.widgets.weights_model import WeightsModel
from scoring.widgets.worker import Status, Worker

__all__ = ["TuningPanel"]

_CSS = """<style>
.scoring-messages { position: sticky; top: 0; z-index: 5; overflow: visible;
  box-shadow: 0 -12px 0 var(--scoring-paper); }
.scoring-panel, .scoring-panel > .widget-vbox { overflow: visible; }
/* a message sticks to the page, not to the output of its cell, which does not scroll */
.jp-OutputArea:has(.scoring-panel), .jp-OutputArea-child:has(.scoring-panel),
.jp-OutputArea-output:has(> .scoring-panel) { overflow: visible; }
.scoring-group-row { border-bottom: 2px solid var(--scoring-muted); font-weight: 700; }
.scoring-panel { background: var(--scoring-paper); }
.scoring-panel button:focus-visible, .scoring-panel input:focus-visible, .scoring-panel select:focus-visible,
.scoring-panel .noUi-handle:focus-visible { outline: 2px solid var(--scoring-up); outline-offset: 1px; }
</style>"""


class TuningPanel(widgets.VBox):
    """Sliders on the left, results on the right. `state` is the latest result; `wait` waits for it.

    Events may arrive on any thread. They change the view model under a lock, submit a request to the worker and
    return. The view models are `weights`, `session` and `worker`.
    """

    def __init__(
        self,
        session: TuningSession,
        *,
        registry: Registry | None = None,
        origin: Profile | None = None,
        debounce: float = 0.1,
    ) -> None:
        """`origin` is the profile of the session's baseline, if it is one."""
        self._lock = threading.RLock()
        self._showing = True  # if True, the panel writes values into widgets, and their events are ignored
        self.session = session
        self.weights = WeightsModel(session.baseline)
        self.state: PanelState | None = None
        self.status = LiveLine(text="Computing the baseline…", kind="computing")
        self.message = LiveLine()
        self.controls = Controls(self.weights, self._move)
        self.views = Views(session.level)
        self.saver = None if registry is None else ProfileSaver(registry, session, origin or session.baseline)
        self._origin = session.baseline.name if origin is None else origin.metadata.reference
        self.profiles = None if self.saver is None else ProfileBox(self.saver, self._load, self._save)
        self.undo, self.redo, self.reset, self.rebase, self.confirm = (
            widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width=width, margin="1px 2px"))
            for name, width, tooltip in (
                ("Undo", "70px", "undo the last change"),
                ("Redo", "70px", "redo the change that was undone last"),
                ("Reset", "70px", "restore the baseline and remove all locks"),
                ("Make baseline", "124px", "compare with these weights and parameters from now on"),
                ("Confirm", "80px", "test these weights once on validation users that this session has not drawn"),
            )
        )
        self.baseline = widgets.HTML(layout=widgets.Layout(margin="0 2px 6px"))
        self._show_baseline()
        styles = widgets.HTML(STYLE + _CSS, layout=widgets.Layout(display="none"))
        messages = widgets.VBox([self.status, self.message])
        messages.add_class("scoring-messages")
        super().__init__([styles, Access(), messages, self._columns()])
        self.add_class("scoring-panel")
        self._connect()
        self.worker: Worker[Request, PanelState] = Worker(
            session.stages, self._publish, self._show_status, debounce=debounce
        )
        self._user_id = int(session.user_id[0])
        self._job_id: int | None = None
        self._is_confirming = False
        self.views.user.value = session.data.external_ids.name_user(self._user_id)
        self._showing = False
        self._submit()

    def __repr__(self) -> str:
        return f"TuningPanel({self.session.baseline.name}, {pluralize(len(self.session.user_id), 'user')})"

    def wait(self, timeout: float | None = 120.0) -> PanelState:
        """Wait for the latest move, and return its state with all stages.

        Raises
        ------
        TimeoutError: If `timeout` seconds pass first.
        ConfigurationError: If the panel was closed before it computed a state.
        Exception: The error that the computation raised.
        """
        self.worker.wait_idle(timeout)
        if self.state is None:
            raise ConfigurationError("The panel was closed before it computed a result. Open a new panel.")
        return self.state

    def close(self) -> None:
        """End the worker and close the widgets."""
        if "worker" in self.__dict__:
            self.worker.close()
        super().close()

    @property
    def sliders(self) -> dict[str, Any]:
        """Component or group → its slider."""
        rows = self.controls.components | self.controls.groups
        return {name: row.slider for name, row in rows.items()}

    # Layout

    def _columns(self) -> Any:
        session = self.session
        title = (
            '<div class="lm-scoring"><h3>Tuning weights</h3><p class="muted">'
            f"{pluralize(len(session.user_id), 'train user')} of a holdout, "
            f"{pluralize(len(session.data.jobs), 'job')}. "
            f"Lists are computed as of {session.data.as_of:%Y-%m-%d %H:%M} UTC. "
            "Metrics count the actions after that time.</p></div>"
        )
        buttons = widgets.HBox(
            [self.undo, self.redo, self.reset, self.rebase, self.confirm], layout=widgets.Layout(flex_flow="row wrap")
        )
        left = [widgets.HTML(title), buttons, self.baseline, self.controls.box]
        if self.profiles is not None:
            left += [widgets.HTML('<div class="lm-scoring"><h3>Profiles</h3></div>'), self.profiles.box]
        column = widgets.Layout(flex="1 1 380px", max_width="460px", min_width="340px", margin="0 16px 0 0")
        wide = widgets.Layout(flex="1000 1 660px", min_width="0", width="auto")
        return widgets.HBox(
            [widgets.VBox(left, layout=column), widgets.VBox([self.views.box], layout=wide)],
            layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start"),
        )

    def _connect(self) -> None:
        self.undo.on_click(lambda _: self._move(lambda weights: weights.undo()))
        self.redo.on_click(lambda _: self._move(lambda weights: weights.redo()))
        self.reset.on_click(lambda _: self._move(lambda weights: weights.reset()))
        self.rebase.on_click(lambda _: self._move(lambda weights: weights.make_baseline()))
        self.confirm.on_click(lambda _: self._confirm())
        self.status.on_msg(lambda *_: self._show_again())
        views = self.views
        views.user.observe(lambda change: self._choose(user=change["new"]), "value")
        views.job.observe(lambda change: self._choose(job=change["new"]), "value")
        views.ranks.observe(lambda change: self._choose(job=change["new"]), "selected")
        views.previous.on_click(lambda _: self._step(-1))
        views.next.on_click(lambda _: self._step(1))

    # Events

    def _move(self, move: Callable[[WeightsModel], str | None], line: LiveLine | None = None) -> None:
        """Change weights, parameters or locks. If the move is rejected, show the reason and reset the sliders.

        `line` is the line of the reason; None: that at the top.
        """
        with self._lock:
            if self._showing:
                return
            before = self.weights.model, self.weights.baseline
            self._report(lambda: move(self.weights) or "", line)
            self._show_controls()
            self._show_baseline()
            if (self.weights.model, self.weights.baseline) != before:
                self._submit()

    def _choose(self, user: str | None = None, job: str | None = None) -> None:
        with self._lock:
            if self._showing:
                return
            self._report(lambda: self._apply_choice(user, job), self.views.message)
            self._show_choice()

    def _apply_choice(self, user: str | None, job: str | None) -> str:
        user_id = self._user_id if user is None else self.session.data.find_user(_require_text(user, "user"))
        job_id = self._job_id if job is None else self.session.data.find_job(job) if job.strip() else None
        if (user_id, job_id) != (self._user_id, self._job_id):
            self._user_id, self._job_id = user_id, job_id
            self._submit()
        return ""

    def _step(self, by: int) -> None:
        """Choose the next (1) or previous (-1) user of the measures."""
        ids = self.session.user_id
        at = int(np.searchsorted(ids, self._user_id, side="left" if by < 0 else "right"))
        user_id = int(ids[(at + min(by, 0)) % len(ids)])
        self._choose(user=self.session.data.external_ids.name_user(user_id))

    def _load(self, name: str) -> None:
        assert self.saver is not None  # without a saver the panel has no button
        assert self.profiles is not None

        def load(weights: WeightsModel) -> str:
            assert self.saver is not None
            weights.load(self.saver.load(name))
            return f"Loaded {name}."

        self._move(load, self.profiles.message)

    def _save(self, name: str, note: str) -> None:
        assert self.saver is not None  # without a saver the panel has no button
        assert self.profiles is not None
        line = self.profiles.message
        with self._lock:
            self._report(lambda: self._save_profile(name, note), line)
            if line.kind == "idle" and self.saver.needs_confirmation:
                line.kind = "warning"

    def _save_profile(self, name: str, note: str) -> str:
        assert self.saver is not None
        assert self.profiles is not None
        compared = self.state is not None and self.state.request.baseline == self.weights.baseline
        result = self.saver.save(name, self.weights.model, self.state if compared else None, note)
        if isinstance(result, str):
            return result
        self.weights.mark_saved(self.weights.model)
        self._show_status(self.worker.status)
        reference = result.metadata.reference
        return self.profiles.refresh(reference) or (
            f"Saved as {reference}. To promote it, first compare it on test users: scoring evaluate {self._origin} "
            f"{reference} --on test"
        )

    def _confirm(self) -> None:
        with self._lock:
            self._report(self._request_confirmation)

    def _request_confirmation(self) -> str:
        self.session.require_confirmable(self.weights.model, self.weights.baseline)
        self._submit(confirm=True)
        return "Confirming…"

    def _submit(self, *, confirm: bool = False) -> None:
        self._is_confirming = confirm
        self.worker.submit(self._request())

    def _request(self) -> Request:
        return Request(self.weights.model, self._user_id, self._job_id, self.weights.baseline, self._is_confirming)

    # Display

    def _report(self, action: Callable[[], str], line: LiveLine | None = None) -> None:
        """Show what an action returns, or its error, in a line near its control. Clear the other lines."""
        line = self.message if line is None else line
        try:
            line.text, line.kind = action(), "idle"
        except ScoringError as error:
            line.text, line.kind = str(error), "failed"
        for other in self._lines:
            if other is not line:
                other.text, other.kind = "", "idle"

    @property
    def _lines(self) -> list[LiveLine]:
        """The lines of messages: at the top, below the profiles, below the choice of a user."""
        lines = [self.message, self.views.message]
        return lines if self.profiles is None else [*lines, self.profiles.message]

    def _show_controls(self) -> None:
        self._showing = True
        try:
            self.controls.show()
        finally:
            self._showing = False

    def _show_baseline(self) -> None:
        self.baseline.value = render_page(f'<p class="muted">{escape_text(self.weights.baseline_description)}</p>')

    def _show_choice(self) -> None:
        self._showing = True
        try:
            external_ids = self.session.data.external_ids
            self.views.user.value = external_ids.name_user(self._user_id)
            self.views.job.value = "" if self._job_id is None else external_ids.name_job(self._job_id)
            self.views.ranks.selected = self.views.job.value
        finally:
            self._showing = False

    def _show_again(self) -> None:
        """Send the state to a page that has just loaded. It does not receive changes made while it was loading."""
        with self._lock:
            for widget in (self.status, *self._lines, *self.views.written):
                widget.send_state()

    def _publish(self, state: PanelState) -> None:
        """Show a state. Called on the worker's thread."""
        with self._lock:
            if state.request != self._request():
                return  # outdated: a newer move is about to be submitted
            self.state = state
            if state.confirmation is not None:
                self.message.text = state.confirmation.text
                self.message.kind = "warning" if state.confirmation.warning else "idle"
            self._showing = True
            try:
                self.views.show(state)
            finally:
                self._showing = False

    def _show_status(self, status: Status) -> None:
        """Show a status. Called on the worker's thread."""
        text = {
            "computing": "Computing…",
            "settled": f"Done in {1000 * status.seconds:,.0f} ms",
            "failed": status.reason,
        }
        state = self.state
        if status.kind == "settled" and state is not None:
            first = sum(state.milliseconds.get(stage, 0.0) for stage in FIRST)
            text["settled"] += f"; lists and measures after {first:,.0f} ms."
            if self.profiles is not None and self.weights.has_unsaved_changes:
                text["settled"] += " These weights are not saved."
        with self._lock:
            self.status.text, self.status.kind = text[status.kind], status.kind


def _require_text(text: str, what: str) -> str:
    if not text.strip():
        raise ConfigurationError(f"The {what} field is empty. Enter the id of a {what}.")
    return text
