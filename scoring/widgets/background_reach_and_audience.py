"""Questions about a job from the panel, on a background thread with a time limit.

- reach: which weights, as near as possible to the current ones, list the job for the user
- audience: for which users of the measures the job is listed, and how far it is from the other lists
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from scoring.argument_checks import check_positive
from scoring.errors import ConfigurationError, RunCancelledError
from scoring.model import ScoringModel
from scoring.plotting import format_number
from scoring.tuning.job_audience import audience
from scoring.tuning.job_audience_result import Audience
from scoring.tuning.list_reach import Reach, reach
from scoring.widgets.background_task import BackgroundTask, End
from scoring.widgets.panel_computation import PanelState, TuningSession

__all__ = ["BackgroundQuestion"]

Kind = Literal["reach", "audience"]

SECONDS: Final = 30.0
"""Default time limit of a question."""
_MAX_ROWS: Final = 10


@dataclass
class _Answer:
    """The state of one question. Only its thread changes it."""

    what: str = ""
    kind: str = "idle"
    stage: str = ""
    started: float = 0.0
    ended: float | None = None
    message: str = ""
    found: Reach | Audience | None = None


class BackgroundQuestion:
    """Answers one question at a time. All methods return at once, apart from `wait`.

    Parameters
    ----------
    session: Its users of the measures are those of `audience`.
    on_change: Called on the thread of the question at each stage, and at the end.
    """

    def __init__(self, session: TuningSession, *, on_change: Callable[[], object] = lambda: None) -> None:
        self._session, self._on_change = session, on_change
        self._task = BackgroundTask("scoring-question")
        self._answer = _Answer()

    @property
    def is_running(self) -> bool:
        return self._task.is_running

    def ask(
        self, what: Kind, state: PanelState, job_id: int, *, locks: Sequence[str] = (), seconds: float = SECONDS
    ) -> None:
        """Ask about a job under the model of a state.

        Parameters
        ----------
        what: reach or audience.
        state: Its user is that of `reach`.
        job_id: Number of the job.
        locks: Components whose share of the total must not change, for `reach`.
        seconds: Time limit. The answer may then be undecided, or of a sample of the users.

        Raises
        ------
        ConfigurationError: If a question is running, or an argument is invalid.
        UnknownIdError: If the job does not exist.
        """
        if self.is_running:
            raise ConfigurationError("A question is running. Stop it before you ask another.", key=("question",))
        if what not in ("reach", "audience"):
            raise ConfigurationError("what is not a question. Use reach or audience.", key=("what",))
        seconds = check_positive("seconds", seconds)
        self._session.require(state.request.user_id, job_id)
        prepared = self._session.prepare_user(state)[1] if what == "reach" else state.evaluation.prepared
        answer = self._answer = _Answer(what, "running", "starting", started=time.monotonic())

        def find() -> None:
            answer.found = compute()

        def compute() -> Reach | Audience:
            if what == "reach":
                return reach(
                    prepared,
                    state.request.user_id,
                    job_id,
                    k=self._session.evaluator.k,
                    locks=locks,
                    seconds=seconds,
                    progress=lambda stage, distance: self._report(answer, _describe_step(stage, distance)),
                )
            return audience(
                prepared,
                job_id,
                self._session.evaluator.k,
                users=self._session.user_id,
                seconds=seconds,
                progress=lambda done, total: self._report(answer, f"{done:,} of {total:,} users"),
            )

        self._task.start(find, lambda kind, message: self._end(answer, kind, message))

    def stop(self) -> None:
        """End the question at its next stage, without an answer."""
        self._task.stop()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the answer. Raise TimeoutError if it does not come in time."""
        self._task.wait(timeout, "The question is not answered yet. Wait again, or stop it.")

    def find_model(self) -> ScoringModel:
        """Return the model of an answered `reach`.

        Raises
        ------
        ConfigurationError: If no weights were found.
        """
        found = self._answer.found
        if not isinstance(found, Reach) or found.model is None:
            raise ConfigurationError("No weights were found that list this job.", key=("question",))
        return found.model

    def document(self) -> dict[str, Any]:
        """Return the progress and the answer for the page: sentences, tables, and whether weights can be opened."""
        answer = self._answer
        found = answer.found
        ended = time.monotonic() if answer.ended is None else answer.ended
        return {
            "what": answer.what,
            "state": answer.kind,
            "stage": answer.stage,
            "seconds": round(ended - answer.started, 1) if answer.what else 0.0,
            "text": answer.message if found is None else found.summary(),
            "sections": _list_sections(found),
            "has_model": isinstance(found, Reach) and found.model is not None and bool(found.distance),
        }

    def _end(self, answer: _Answer, kind: End, message: str) -> None:
        answer.kind, answer.message = kind, "The question was stopped." if kind == "stopped" else message
        answer.stage, answer.ended = "", time.monotonic()
        self._on_change()

    def _report(self, answer: _Answer, stage: str) -> None:
        if self._task.stopping.is_set():
            raise RunCancelledError("The question was stopped.")
        answer.stage = stage
        self._on_change()


def _describe_step(stage: str, distance: float | None) -> str:
    return stage if distance is None else f"{stage}; so far, moving {format_number(50 * distance)}% of the weight"


def _list_sections(found: Reach | Audience | None) -> list[dict[str, Any]]:
    """Return the tables of an answer. Missing numbers are None."""
    if isinstance(found, Reach):
        changes = found.changes() if found.distance else found.frame().head(0)
        rows = changes[["component", "value", "before", "after", "change"]].head(_MAX_ROWS)
        return _make_section("Weights that list the job", rows)
    if found is None:
        return []
    name = found.external_ids.name_user
    listed, misses = found.frame().head(_MAX_ROWS), found.misses().head(_MAX_ROWS)
    listed = listed.assign(user=[name(user) for user in listed["user_id"].tolist()])
    misses = misses.assign(user=[name(user) for user in misses["user_id"].tolist()])
    parts = found.components() if len(found.missed) else found.components().head(0)
    return [
        *_make_section("Lists that contain the job", listed[["user", "rank", "score", "margin"]]),
        *_make_section("Nearest lists without the job", misses[["user", "rank", "score", "gap"]]),
        *_make_section(
            "Mean points for users without the job", parts[["component", "points", "points_to_beat", "difference"]]
        ),
        *_make_section("Rules that exclude the job", found.reasons()),
    ]


def _make_section(title: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table of the page, in a list that is empty if the table is."""
    if frame.empty:
        return []
    rows = [
        [None if pd.isna(value) else value.item() if hasattr(value, "item") else value for value in row]
        for row in frame.itertuples(index=False, name=None)
    ]
    columns = [str(column).replace("_", " ") for column in frame.columns]
    return [{"title": title, "columns": columns, "rows": rows}]
