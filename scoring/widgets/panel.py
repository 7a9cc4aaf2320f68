"""The tuning panel: it forwards events of its page to the view models and shows their results. It does not compute."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from scoring.errors import ConfigurationError, ScoringError, make_printable, pluralize
from scoring.model import ScoringModel
from scoring.registry import Profile, Registry
from scoring.widgets.background_reach_and_audience import BackgroundQuestion
from scoring.widgets.background_search import BackgroundSearch
from scoring.widgets.control_document import make_control_structure, make_control_values
from scoring.widgets.curve_controls import set_curve
from scoring.widgets.latest_request_worker import Status, Worker
from scoring.widgets.panel_anywidget import Event, PanelPage
from scoring.widgets.panel_computation import PanelState, Request, TuningSession
from scoring.widgets.panel_export import ExportFile, export_lists, export_page, export_weights
from scoring.widgets.profile_saver import ProfileSaver
from scoring.widgets.promotion_dialog import PromotionDialog
from scoring.widgets.result_document import (
    explain_unchanged_list,
    make_list_document,
    make_measures_document,
    make_overlap_document,
    make_slices_document,
    make_waterfall_document,
)
from scoring.widgets.rule_controls import list_rules, set_rule
from scoring.widgets.session_draft_store import DraftStore, PanelDraft
from scoring.widgets.slider_view_model import WeightsModel
from scoring.widgets.text_search import TextSearch
from scoring.widgets.tooltips import collect_tooltips
from scoring.widgets.try_history import TryHistory
from scoring.widgets.user_and_job_cards import make_job_card, make_user_card
from scoring.widgets.user_filter import UserFilter

__all__ = ["TuningPanel"]

DEBOUNCE: Final = 0.03
"""Default seconds that a change waits if it follows another within this time, as those of a key that is held down."""


class TuningPanel:
    """The panel of a session. `page` is its widget, `state` the latest result; `wait` waits for it.

    Events may arrive on any thread. They change the view model under a lock, submit a request to the worker and
    return. The view models are `weights`, `session` and `worker`. `handle` is the entry point of all events.
    """

    def __init__(
        self,
        session: TuningSession,
        *,
        registry: Registry | None = None,
        origin: Profile | None = None,
        debounce: float = DEBOUNCE,
        page: PanelPage | None = None,
        drafts: DraftStore | None = None,
        database: str | None = None,
    ) -> None:
        """`origin` is the profile of the session's baseline, if it is one. `page` None creates one.

        With `drafts` a page that loads again continues where it was. `database` is the one that promotions apply to.
        """
        self._lock = threading.RLock()
        self.session = session
        self.weights = WeightsModel(session.baseline)
        self.state: PanelState | None = None
        self.saver = None if registry is None else ProfileSaver(registry, session, origin or session.baseline)
        self._origin = session.baseline.name if origin is None else origin.metadata.reference
        self._job_id: int | None = None
        self._is_confirming = False
        self._requested: Request | None = None
        self._ended: Request | None = None  # the last request whose computation ended
        self.history = TryHistory(session.baseline)
        self._drafts = drafts
        self._session_id: str | None = None
        self._writer = DraftStore.make_id()
        self.users = UserFilter(session)
        self._user_id = self.users.find_first()
        self._search_text = TextSearch(session.data)
        self._last_find = ("", "")
        self._sources: dict[str, object] = {}  # part of the document → the object that it was made from
        self._cards: dict[str, object] = {}  # the user, or user, job and model, of the cards that are shown
        self.search = BackgroundSearch(
            session, on_change=self._show_search, is_busy=lambda: self.worker.status.kind == "computing"
        )
        self.question = BackgroundQuestion(session, on_change=self._show_question)
        self._promotion = None if registry is None else PromotionDialog(registry, database)
        self._beside: tuple[tuple[str, ScoringModel], ...] = ()
        self._slices_by = ""
        self._drag: object = None
        self._n_forced = 0  # how often the page must show its former values again
        self._n_evidence = 0
        self._answered = 0  # the number of the last event; the page ignores the answers to earlier ones
        self.page = PanelPage() if page is None else page
        self.worker: Worker[Request, PanelState] = Worker(
            session.stages, self._publish, self._show_status, debounce=debounce
        )
        self.page.show(
            session=self._describe_session(),
            structure=make_control_structure(self.weights),
            tips=collect_tooltips(self.weights.model, session.data.board.currency),
            status={"kind": "computing", "text": "Computing the baseline…"},
        )
        self._show_profiles()
        self._show_controls()
        self._show_choice()
        self.page.listen(self.handle)
        self._submit()
        if self.page.session_id is not None:
            self._open()

    def __repr__(self) -> str:
        return f"TuningPanel({self.session.baseline.name}, {pluralize(len(self.session.user_id), 'user')})"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.page._repr_mimebundle_(**options)

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
        """End the worker and close the widget."""
        self.search.close()
        self.question.stop()
        self.worker.close()
        self.page.close()

    def set_weight(self, name: str, value: float) -> None:
        """Set the weight of a component in its group, or of a group, as its slider does.

        Raises
        ------
        ConfigurationError: If the name does not exist, or the weight cannot change.
        """
        with self._lock:
            self._move(lambda: (self.weights.set_group if name in self.weights.groups else self.weights.set_weight)(
                name, value))  # fmt: skip

    def undo(self) -> None:
        """Undo the last move.

        Raises
        ------
        ConfigurationError: If no move can be undone.
        """
        with self._lock:
            self._move(self.weights.undo)

    # Events

    def handle(self, event: Event) -> None:
        """Apply an event of the page. An error is shown beside the control that caused it."""
        kind = event.get("kind")
        if kind == "open":
            self._open()
            return
        with self._lock:
            number = event.get("n")
            self._answered = max(self._answered, number if isinstance(number, int) else 0)
            try:
                if kind == "profiles":  # other programs may have saved some; a message beside a control stays
                    self._show_profiles()
                elif kind in _CONTROLS:
                    self._report(_CONTROLS[kind].format_map(_Texts(event)), lambda: self._apply(event))
            finally:
                self.page.show(answered=self._answered)

    def _apply(self, event: Event) -> str | None:
        weights, name = self.weights, _read_text(event, "name")
        match event["kind"]:
            case "weight":
                return self._slide(event, lambda value: weights.set_weight(name, value))
            case "group":
                return self._slide(event, lambda value: weights.set_group(name, value))
            case "parameter":
                return self._slide(event, lambda value: weights.set_parameter(name, value))
            case "curve":
                points = event.get("points", ())
                return self._slide(event, lambda value: set_curve(weights, name, points), has_value=False)
            case "rule":
                on, number = event.get("on"), event.get("number")
                return self._move(
                    lambda: set_rule(weights, _read_text(event, "key"), on=on, value=event.get("value"), number=number)
                )
            case "search":
                return self._start_search(event)
            case "search_stop":
                self.search.stop()
                return ""
            case "search_open":
                model = self.search.find_model(int(_read_number(event, "trial")))
                return self._move(lambda: weights.return_to(model))
            case "ask":
                return self._ask(_read_text(event, "what"))
            case "ask_stop":
                self.question.stop()
                return ""
            case "ask_open":
                return self._move(lambda: weights.return_to(self.question.find_model()))
            case "evidence":
                return self._show_evidence(_read_text(event, "profile"))
            case "promote":
                return self._promote(event)
            case "beside":
                return self._compare(event.get("profiles", ()))
            case "slices":
                return self._slice(_read_text(event, "column"))
            case "export":
                return self._export(_read_text(event, "what"))
            case "find":
                return self._find(_read_text(event, "what"), _read_text(event, "text"))
            case "filter":
                return self._filter(event)
            case "lock":
                return self._move(lambda: weights.lock(name, bool(event.get("on"))))
            case "lock_group":
                return self._move(lambda: weights.lock_group(name, bool(event.get("on"))))
            case "undo" | "redo" | "reset" | "make_baseline":
                return self._move(getattr(weights, event["kind"]))
            case "confirm":
                return self._confirm()
            case "user":
                return self._choose(user=_read_text(event, "id"))
            case "job":
                return self._choose(job=_read_text(event, "id"))
            case "step":
                return self._step(-1 if event.get("by") == -1 else 1)
            case "load":
                return self._load(_read_text(event, "profile"))
            case "save":
                return self._save(name, _read_text(event, "note"))
            case _:
                return self._change_try(event)

    def _report(self, at: str, action: Callable[[], str | None]) -> None:
        """Show what an action returns, or its error, beside a control."""
        try:
            text, kind = action() or "", "note"
            if self.saver is not None and at == "save" and self.saver.needs_confirmation:
                kind = "warning"
        except ScoringError as error:
            text, kind = str(error), "failed"
            self._n_forced += 1  # the control shows its former value again
            self._show_controls()
            self._show_choice()
        self.page.show(problem={"at": at, "kind": kind, "text": text})

    def _move(self, move: Callable[[], str | None]) -> str:
        """Change weights, parameters, rules or locks, and compute the result."""
        before = self.weights.model, self.weights.baseline
        try:
            return move() or ""
        finally:
            self._show_controls()
            if (self.weights.model, self.weights.baseline) != before:
                self._submit()

    def _slide(self, event: Event, move: Callable[[float], str | None], has_value: bool = True) -> str:
        """Apply a move of a slider. All moves of one drag are one change, and only the last is computed."""
        drag, is_last = event.get("drag"), event.get("is_last", True)
        is_same = drag is not None and drag == self._drag
        self._drag = drag
        value = _read_number(event) if has_value else 0.0

        def apply() -> str:
            if is_same and self.weights.can_undo:
                self.weights.undo()
            return move(value) or ""

        if is_last:
            text = self._move(apply)
            self._drag = None
            if self._requested != self._request():  # only earlier moves of the drag changed the weights
                self._submit()
            return text
        text = apply()
        self._show_controls()
        return text

    def _choose(self, user: str | None = None, job: str | None = None) -> str:
        data = self.session.data
        user_id = self._user_id if user is None else data.find_user(_require_text(user, "user"))
        job_id = self._job_id if job is None else data.find_job(job) if job.strip() else None
        if (user_id, job_id) != (self._user_id, self._job_id):
            self._user_id, self._job_id = user_id, job_id
            self._show_choice()
            self._submit()
        return ""

    def _step(self, by: int) -> str:
        """Choose the next (1) or previous (-1) selected user."""
        user_id = self.users.step(self._user_id, by, self.state)
        return self._choose(user=self.session.data.external_ids.name_user(user_id))

    def _filter(self, event: Event) -> str:
        """Select users. If the current one is not among them, choose the first."""
        self.users.select(**{name: value for name, value in event.items() if name not in ("kind", "n")})
        users = self.users.find_users(self.state)
        self._show_filters()
        if self.users.selection.order or not np.isin(self._user_id, users):
            self._choose(user=self.session.data.external_ids.name_user(int(users[0])))
        return ""

    def _find(self, what: str, text: str) -> str:
        """Find users or jobs by text on a thread, because the first search builds an index."""
        self._last_find = wanted = (what, text)

        def find() -> str:
            found = self._search_text.find("user" if what == "user" else "job", text).document()
            if self._last_find == wanted:
                self.page.show(found=found)
            return ""

        self._run("find", find)
        return ""

    def _load(self, name: str) -> str:
        saver = self._require_saver()
        self._move(lambda: self.weights.load(saver.load(name)))
        return f"Loaded {name}."

    def _save(self, name: str, note: str) -> str:
        saver = self._require_saver()
        compared = self.state is not None and self.state.request.baseline == self.weights.baseline
        result = saver.save(name, self.weights.model, self.state if compared else None, note)
        if isinstance(result, str):
            return result
        self.weights.mark_saved(self.weights.model)
        self._show_controls()
        reference = result.metadata.reference
        self._show_profiles(reference)
        return f"Saved as {reference}. {self._name_evaluation(reference)}"

    def _compare(self, names: Any) -> str:
        """Show saved profiles beside the baseline and the current weights."""
        registry = self._require_saver().registry
        self._beside = tuple((str(name), registry.use(str(name)).model) for name in names)
        if not self._beside:
            self._sources.pop("beside", None)
            self.page.show(beside=None)
        self._submit()
        return ""

    def _slice(self, column: str) -> str:
        """Slice also by an own column; "": only by the usual slicings."""
        if column and column not in self.session.slice_columns:
            raise ConfigurationError(
                f"{make_printable(column)} is not an own column with groups of users or jobs.", key=("column",)
            )
        self._slices_by = column
        self._submit()
        return ""

    def _export(self, what: str) -> str:
        """Offer a file as a download. Lists and the report are made on a thread, because they take long."""
        if what == "weights":
            return self._send_file(export_weights(self.weights.model, self._find_reference(self.weights.model)))
        state = self.state
        if state is None or state.request != self._request():
            raise ConfigurationError("The lists of these weights are not computed yet. Wait, then export again.",
                                     key=("state",))  # fmt: skip
        reference = self._find_reference(state.model)
        if what == "lists":
            self._run("export", lambda: self._send_file(export_lists(state, reference)))
            return "Collecting the lists…"
        registry, baseline = None if self.saver is None else self.saver.registry, self._find_reference(state.baseline)
        self._run(
            "export",
            lambda: self._send_file(export_page(state, self.session, registry, reference=reference, baseline=baseline)),
        )
        return "Making the report…"

    def _find_reference(self, model: ScoringModel) -> str | None:
        """Return the name of a model: that of the panel's start or of a profile. None: it is not saved."""
        saved = None if self.saver is None else self.saver.find_reference(model)
        return self._origin if saved is None and model == self.weights.start else saved

    def _send_file(self, file: ExportFile) -> str:
        self.page.send_file(file.name, file.kind, file.text)
        return f"{file.name} is downloaded by the browser."

    def _start_search(self, event: Event) -> str:
        goals = event.get("goals", ())
        if not isinstance(goals, list) or not all(isinstance(goal, str) for goal in goals):
            raise ConfigurationError("The goals are not a list of measures.", key=("goals",))
        n_trials = _read_number(event, "trials")
        self.search.start(self.weights, goals, int(n_trials) if n_trials == int(n_trials) else n_trials)  # type: ignore[arg-type]
        self._show_search()
        return ""

    def _ask(self, what: str) -> str:
        """Ask a question about the chosen job under the current weights."""
        state = self.state
        if state is None or state.request != self._request() or self._job_id is None:
            raise ConfigurationError("The list of these weights is not computed yet. Wait, then ask again.",
                                     key=("state",))  # fmt: skip
        self.question.ask("reach" if what == "reach" else "audience", state, self._job_id)
        self._show_question()
        return ""

    def _show_question(self) -> None:
        self.page.show(question=self.question.document())

    def _show_search(self) -> None:
        self.page.show(search=self.search.document())

    def _show_evidence(self, profile: str) -> str:
        """Show the evidence for a promotion, which takes some seconds."""
        dialog = self._require_promotion()

        def show() -> str:
            model = self._require_saver().registry.use(profile).model if profile.strip() else None
            confirmations = [] if model is None else self.history.find_confirmations(model)
            self._n_evidence += 1  # the page opens the dialog again, even if nothing has changed
            evidence = {**dialog.document(profile), "confirmations": confirmations, "number": self._n_evidence}
            self.page.show(evidence=evidence)
            return ""

        self._run("evidence", show)
        return "Reading the evidence…"

    def _promote(self, event: Event) -> str:
        dialog, profile = self._require_promotion(), _read_text(event, "profile")
        note, force = _read_text(event, "note"), _read_text(event, "force")
        dialog.check_texts(note, force)

        def promote() -> str:
            text = dialog.promote(profile, note, force)
            self.page.show(evidence={**self.page.document["evidence"], "is_in_use": True, "in_use": profile})
            self._show_profiles()
            return text

        self._run("promote", promote)
        return "Promoting…"

    def _require_promotion(self) -> PromotionDialog:
        self._require_saver()
        assert self._promotion is not None  # a panel with profiles has one
        return self._promotion

    def _run(self, at: str, action: Callable[[], str]) -> None:
        """Run a slow action on a thread, and show its sentence or its error beside a control."""

        def run() -> None:
            try:
                text, kind = action(), "note"
            except ScoringError as error:
                text, kind = str(error), "failed"
            with self._lock:  # after the message of the event that started the action
                self.page.show(problem={"at": at, "kind": kind, "text": text})

        threading.Thread(target=run, name=f"scoring-{at}", daemon=True).start()

    def _require_saver(self) -> ProfileSaver:
        if self.saver is None:
            raise ConfigurationError("This panel has no folder of profiles. Pass registry to tuning_panel.")
        return self.saver

    def _change_try(self, event: Event) -> str:
        """Return to a try, or change its name, note or star."""
        number = int(_read_number(event, "id"))
        match event["kind"]:
            case "try":
                model, baseline = self.history.find(number)
                self._move(lambda: self.weights.return_to(model, baseline))
            case "try_name":
                self.history.rename(number, _read_text(event, "name"))
            case "try_note":
                self.history.annotate(number, _read_text(event, "note"))
            case "try_star":
                self.history.star(number, bool(event.get("on")))
        self._show_history()
        return ""

    def _confirm(self) -> str:
        self.session.require_confirmable(self.weights.model, self.weights.baseline)
        self._submit(confirm=True)
        return "Confirming…"

    def _submit(self, *, confirm: bool = False) -> None:
        self._is_confirming = confirm or self._is_confirmation_pending()
        self._requested = self._request()
        self.page.show(status=_COMPUTING)  # before the answer to the event
        self.worker.submit(self._requested)

    def _is_confirmation_pending(self) -> bool:
        """Return whether a confirmation of the current weights was requested and has not ended.

        Another user, job or comparison cancels its computation. The next request repeats it.
        """
        pending = self._requested
        return (
            pending is not None
            and pending.confirm
            and pending != self._ended
            and (pending.model, pending.baseline) == (self.weights.model, self.weights.baseline)
        )

    def _request(self) -> Request:
        return Request(
            self.weights.model,
            self._user_id,
            self._job_id,
            self.weights.baseline,
            self._is_confirming,
            self.weights.state.moved,
            beside=self._beside,
            slices_by=self._slices_by,
        )

    # Drafts

    def _open(self) -> None:
        """Restore the draft of the session in the page's address, or give the page a session."""
        if self._drafts is None or self._session_id is not None:
            return
        self._session_id = self.page.session_id or self._drafts.make_id()
        if self.page.session_id:
            threading.Thread(target=self._restore, name="scoring-draft", daemon=True).start()
        else:
            self.page.show(address={"session": self._session_id})

    def _restore(self) -> None:
        assert self._drafts is not None
        assert self._session_id is not None
        try:
            draft = self._drafts.load(self._session_id, self.session)
            if draft is None:
                return
            with self._lock:
                draft.restore(self.session, self.weights, self.history)
                self._show_controls()
                self._show_history()
                data = self.session.data
                self._user_id = data.find_user(draft.user) if draft.user else self._user_id
                self._job_id = data.find_job(draft.job) if draft.job else None
                self._show_choice()
                self._submit()
                self._write_draft()  # a page that has this draft open notices it
                n_tries = len(self.history.tries)
                text = f"Restored the draft of this page with {n_tries} {'try' if n_tries == 1 else 'tries'}."
                self.page.show(problem={"at": "moves", "kind": "note", "text": text})
        except ScoringError as error:
            self._session_id = self._drafts.make_id()  # keeps the draft of the address
            self.page.show(
                address={"session": self._session_id}, problem={"at": "moves", "kind": "failed", "text": str(error)}
            )

    def _save_draft(self) -> None:
        if self._drafts is None or self._session_id is None:
            return
        if self._drafts.find_writer(self._session_id) not in ("", self._writer):
            self._session_id = self._drafts.make_id()
            text = "Another tab continues this session. This tab continues as a new session, with its own address."
            self.page.show(
                address={"session": self._session_id}, problem={"at": "moves", "kind": "warning", "text": text}
            )
        self._write_draft()

    def _write_draft(self) -> None:
        assert self._drafts is not None
        assert self._session_id is not None
        choice = self.page.document["choice"]
        draft = PanelDraft.of(
            self.session, self.weights, self.history, user=choice["user"], job=choice["job"], writer=self._writer
        )
        self._drafts.save(self._session_id, draft)

    # Display

    def _describe_session(self) -> dict[str, Any]:
        session = self.session
        return {
            "model": self._origin,
            "n_users": len(session.user_id),
            "n_jobs": len(session.data.jobs),
            "as_of": f"{session.data.as_of:%Y-%m-%d %H:%M} UTC",
            "level": session.level,
            "has_profiles": self.saver is not None,
            "slice_columns": list(session.slice_columns),
        }

    def _show_controls(self) -> None:
        self.page.show(
            values={**make_control_values(self.weights), "n_forced": self._n_forced, "answered": self._answered},
            rules={"rules": list_rules(self.weights, self.session.data), "n_forced": self._n_forced},
        )

    def _show_history(self) -> None:
        self.page.show(history=self.history.document())

    def _show_choice(self) -> None:
        external_ids = self.session.data.external_ids
        place = np.flatnonzero(self.session.user_id == self._user_id)
        choice = {
            "user": external_ids.name_user(self._user_id),
            "job": "" if self._job_id is None else external_ids.name_job(self._job_id),
            "at": int(place[0]) + 1 if len(place) else None,
            "n_forced": self._n_forced,
            "answered": self._answered,
        }
        self.page.show(choice=choice)

    def _show_filters(self) -> None:
        self.page.show(filters=self.users.document(self.state, self._user_id))

    def _show_cards(self, state: PanelState) -> None:
        """Show the facts about the user and the chosen job."""
        user, job = state.users.user, state.request.job_id
        if self._cards.get("user") != user:
            self._cards["user"] = user
            self.page.show(user_card=make_user_card(self.session.evaluator, user).document())
        key = None if job is None else (user, job, state.model.digest)
        if self._cards.get("job") != key:
            self._cards["job"] = key
            card = None
            if job is not None:
                prepared = self.session.prepare_user(state)[1]
                card = make_job_card(prepared, user, state.users.external_ids.name_job(job)).document()
            self.page.show(job_card=card)

    def _show_profiles(self, chosen: str = "") -> None:
        if self.saver is None or self._promotion is None:
            return
        try:
            names, in_use = self.saver.names(), self._promotion.find_promoted()
        except ScoringError as error:
            self.page.show(problem={"at": "load", "kind": "failed", "text": str(error)})
            return
        self.page.show(profiles={"names": names, "chosen": chosen, "in_use": in_use})

    def _publish(self, state: PanelState) -> None:
        """Show a state. Called on the worker's thread."""
        with self._lock:
            if state.request != self._requested:
                return  # outdated: a newer move is submitted
            self.state = state
            parts = {
                name: None if source is None else make(source)
                for name, (source, make) in self._list_parts(state).items()
                if self._sources.get(name, self) is not source
            }
            self._sources |= {name: source for name, (source, _) in self._list_parts(state).items()}
            if state.confirmation is not None:
                kind = "warning" if state.confirmation.warning else "note"
                text = f"{state.confirmation.text}{self._name_next_step(state)}"
                parts["problem"] = {"at": "confirm", "kind": kind, "text": text}
            self.page.show(**parts)
            if state.is_complete:  # the measures must not wait for them
                self._show_cards(state)
                self._show_filters()

    def _name_next_step(self, state: PanelState) -> str:
        """Return what to do after a confirmation that found an improvement."""
        assert state.confirmation is not None, "checked by the caller"
        if self.saver is None or not state.confirmation.is_better:
            return ""
        saved = self.saver.find_reference(state.model)
        return " Next: save these weights on the tab Profiles." if saved is None else f" {self._name_evaluation(saved)}"

    def _name_evaluation(self, reference: str) -> str:
        """Return the command that a promotion needs, as a sentence."""
        command = self._require_promotion().format_evaluation(reference, self._origin)
        return f"To promote it, first compare it on test users. In another terminal: `{command}`"

    def _list_parts(self, state: PanelState) -> dict[str, tuple[object, Callable[[Any], Any]]]:
        """Return part → its source in the state, and the function that makes it. It is made if the source changed."""
        parts: dict[str, tuple[object, Callable[[Any], Any]]] = {
            "measures": (state.measures, lambda _: make_measures_document(state, self.session.level)),
            "list": (state.users, lambda users: make_list_document(users, explain_unchanged_list(state))),
            "notes": (state.notes, list),
            "waterfall": (state.waterfall, make_waterfall_document),
        }
        optional: dict[str, tuple[object, Callable[[Any], Any]]] = {
            "actions": (state.actions, lambda actions: actions.document()),
            "slices": (state.slices, make_slices_document),
            "overlap": (state.exposure, lambda _: make_overlap_document(state)),
            "beside": (state.beside, lambda beside: beside.document()),
        }
        return parts | {name: part for name, part in optional.items() if part[0] is not None}

    def _show_status(self, status: Status) -> None:
        """Show a status. Called on the worker's thread."""
        if self._drafts is not None:
            _ = self.session.evaluator.holdout.digest  # the first time takes long, and the lock must not wait for it
        with self._lock:
            if status.kind == "settled" and self.state is not None:
                self.history.add(self.state)
                self._show_history()
            if status.kind != "computing" and self.worker.is_superseded:
                return  # outdated: a newer move is submitted
            if status.kind != "computing":
                self._ended = self._requested
            text = {"failed": status.reason}.get(status.kind, self._describe_move())
            self.page.show(status=_COMPUTING if status.kind == "computing" else {"kind": status.kind, "text": text})
            if status.kind == "settled":
                self._save_draft()

    def _describe_move(self) -> str:
        """Return what the last move did, as a sentence."""
        if self.state is None or self.state.move is None:
            return "These are the lists of the baseline." if self.weights.model == self.weights.baseline else "Done."
        return f"{self.state.move.text}."


_COMPUTING: Final = {"kind": "computing", "text": "Computing…"}


class _Texts(dict[str, Any]):
    """The values of an event, of which a missing one is ""."""

    def __missing__(self, key: str) -> str:
        return ""


def _read_text(event: Event, key: str) -> str:
    value = event.get(key, "")
    return value if isinstance(value, str) else str(value)


def _read_number(event: Event, key: str = "value") -> float:
    value = event.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError("The field does not contain a number. Enter a number.", key=(key,))
    return float(value)


def _require_text(text: str, what: str) -> str:
    if not text.strip():
        raise ConfigurationError(f"The {what} field is empty. Enter the id of a {what}.")
    return text


_CONTROLS: Final[dict[Any, str]] = {
    "weight": "weight:{name}",
    "group": "group:{name}",
    "parameter": "parameter:{name}",
    "curve": "curve:{name}",
    "rule": "rule:{key}",
    "search": "search",
    "search_stop": "search",
    "search_open": "search",
    "ask": "ask",
    "ask_stop": "ask",
    "ask_open": "ask",
    "evidence": "evidence",
    "promote": "promote",
    "beside": "beside",
    "slices": "slices",
    "export": "export",
    "find": "find",
    "filter": "filter",
    "lock": "weight:{name}",
    "lock_group": "group:{name}",
    "undo": "moves",
    "redo": "moves",
    "reset": "moves",
    "make_baseline": "moves",
    "confirm": "confirm",
    "user": "user",
    "job": "job",
    "step": "user",
    "load": "load",
    "save": "save",
    "try": "history",
    "try_name": "history",
    "try_note": "history",
    "try_star": "history",
}
"""Kind of an event → the control beside which its message is shown. Other events are those of another version."""
