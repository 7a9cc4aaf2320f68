"""Search for better weights from the panel, in a background thread, with the locks of the panel.

Trials use only the users of the measures. Validation users are kept for Confirm, and test users are never used.

search = BackgroundSearch(session)
search.start(weights, goals=["NDCG@10", "mean fee@40"], n_trials=100)
search.document()           # progress, the best so far, and for two goals the front
weights.return_to(search.find_model())
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from scoring.argument_checks import check_positive, check_positive_integer
from scoring.errors import ConfigurationError, RunCancelledError, pluralize
from scoring.evaluation import Evaluator
from scoring.evaluation.measure_info import find_good_sign
from scoring.model import ScoringModel
from scoring.threads.pool import available_cpus
from scoring.tuning.goal_parser import parse_goal
from scoring.tuning.group_weight_space import LevelSpace
from scoring.tuning.logistic_fit import fit_pairwise
from scoring.tuning.problem import Problem
from scoring.tuning.space import Space
from scoring.tuning.trial_search import FIRST, make_trial_model, run_trials
from scoring.tuning.tune import mark_front, sort_trials
from scoring.widgets.background_task import BackgroundTask, End
from scoring.widgets.model_changes import describe_changes
from scoring.widgets.panel_computation import TuningSession
from scoring.widgets.slider_view_model import State, WeightsModel

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["BackgroundSearch"]

Kind = Literal["idle", "running", "done", "stopped", "failed"]

MAX_TRIALS: Final = 5_000
_MAX_GOALS: Final = 3
_PAUSE_SECONDS: Final = 0.02
_REPORT_SECONDS: Final = 0.25
"""Shortest time between two calls of `on_change`."""


@dataclass
class _Progress:
    """The state of one search. Only its thread changes it."""

    kind: Kind = "idle"
    stage: str = ""
    n_trials: int = 0
    problem: Problem | None = None
    start: tuple[float, ...] = ()
    """Value of each goal under the initial weights."""
    trials: list[FrozenTrial] = field(default_factory=list)
    started: float = 0.0
    ended: float | None = None
    message: str = ""


class BackgroundSearch:
    """Runs one search at a time on its own thread. All methods return at once, apart from `wait`.

    Parameters
    ----------
    session: Its users of the measures are the training users.
    on_change: Called on the search's thread after progress, at most four times a second, and at the end.
    is_busy: Returns whether the panel computes. The search waits between two trials while it does.
    """

    def __init__(
        self,
        session: TuningSession,
        *,
        on_change: Callable[[], object] = lambda: None,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._session, self._on_change, self._is_busy = session, on_change, is_busy
        self._task = BackgroundTask("scoring-search")
        self._progress = _Progress()
        self._evaluator: Evaluator | None = None
        self._reported = 0.0

    @property
    def is_running(self) -> bool:
        return self._task.is_running

    def start(
        self,
        weights: WeightsModel,
        goals: Sequence[str] = ("NDCG@10",),
        n_trials: int = 100,
        seconds: float | None = None,
    ) -> None:
        """Start a search from the current weights. Locked weights do not change, nor do parameters and rules.

        Parameters
        ----------
        weights: The weights and locks of the panel.
        goals: One to three measures, such as `NDCG@10` or `mean fee@40`. Each is improved in its good direction.
        n_trials: Number of trials.
        seconds: Time after which the search ends with what it has found; None: not limited.

        Raises
        ------
        ConfigurationError: If a search is running, a goal or number is invalid, or all weights are locked.
        """
        if self.is_running:
            raise ConfigurationError("A search is running. Stop it before you start another.", key=("search",))
        n_trials = check_positive_integer("trials", n_trials)
        if n_trials > MAX_TRIALS:
            raise ConfigurationError(f"trials is {n_trials:,}. Use at most {MAX_TRIALS:,}.", key=("trials",))
        seconds = None if seconds is None else check_positive("seconds", seconds)
        if not 1 <= len(goals) <= _MAX_GOALS:
            raise ConfigurationError(f"A search needs one to {_MAX_GOALS} goals.", key=("goals",))
        parsed = tuple(parse_goal(goal, maximise=find_good_sign(goal) >= 0) for goal in goals)
        space = _make_space(weights.state)
        problem = Problem(space, self._get_evaluator(), parsed)
        self._session.goals = tuple(goal.name for goal in parsed)
        progress = self._progress = _Progress("running", "preparing", n_trials, problem, started=time.monotonic())
        self._task.start(
            lambda: self._search(progress, problem, seconds), lambda kind, message: self._end(progress, kind, message)
        )

    def stop(self) -> None:
        """End the search after its current trial. What it has found is kept."""
        self._task.stop()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the search. Raise TimeoutError if it does not end in time."""
        self._task.wait(timeout, "The search has not ended. Wait again, or stop it.")

    def close(self) -> None:
        """Stop the search and wait for its thread."""
        self._task.close()

    def find_model(self, trial: int | None = None) -> ScoringModel:
        """Return the model of a trial by its number; None: the best one.

        Raises
        ------
        ConfigurationError: If the trial does not exist.
        """
        progress = self._progress
        chosen = self._choose_best(progress) if trial is None else None
        if trial is not None:
            chosen = next((one for one in list(progress.trials) if one.number == trial), None)
        if chosen is None or progress.problem is None:
            raise ConfigurationError(
                "The search has no trial yet."
                if trial is None
                else f"Trial {trial} does not exist. Choose a trial from the list.",
                key=("trial",),
            )
        return _make_model(progress.problem, chosen)

    def document(self) -> dict[str, Any]:
        """Return the progress and what was found, for the page."""
        progress = self._progress
        problem = progress.problem
        goals = [] if problem is None else problem.goals
        best = self._choose_best(progress)
        ended = time.monotonic() if progress.ended is None else progress.ended
        return {
            "state": progress.kind,
            "stage": progress.stage,
            "done": len(progress.trials),
            "total": progress.n_trials,
            "seconds": round(ended - progress.started, 1) if progress.n_trials else 0.0,
            "goals": [{"name": goal.name, "maximise": goal.maximise} for goal in goals],
            "start": list(progress.start),
            "best": None if best is None else self._describe_trial(progress, best),
            "front": [self._describe_trial(progress, one) for one in self._list_front(progress)],
            "message": progress.message,
        }

    def _get_evaluator(self) -> Evaluator:
        """Return an evaluator of the same users. The panel's worker uses the evaluator of the session."""
        if self._evaluator is None:
            own = self._session.evaluator
            self._evaluator = Evaluator(
                own.holdout,
                k=own.k,
                metrics=own.metrics,
                statistics=own.statistics,
                workers=max(1, (own.workers or available_cpus()) // 2),
            )
        return self._evaluator

    def _end(self, progress: _Progress, kind: End, message: str) -> None:
        if kind == "stopped" and not self._task.stopping.is_set():
            kind = "done"  # its time was over
        progress.kind, progress.message = kind, message if kind == "failed" else self._describe_end(progress)
        progress.stage, progress.ended = "", time.monotonic()
        self._on_change()

    def _search(self, progress: _Progress, problem: Problem, seconds: float | None) -> None:
        self._report()
        progress.start = tuple(problem.values(problem.train, problem.train_baseline))
        first = [problem.baseline]
        space = problem.search_space
        assert isinstance(space, LevelSpace), "the problem was made with one"
        self._pause()
        if (fitted := _fit(problem)) is not None:
            first.append(space.project(fitted))
        progress.stage = "trials"

        def add(trial: FrozenTrial) -> None:
            progress.trials.append(trial)
            self._session.n_trials += 1
            if time.monotonic() - self._reported > _REPORT_SECONDS:
                self._report()

        def is_cancelled() -> bool:
            self._pause()
            is_late = seconds is not None and time.monotonic() - progress.started > seconds
            return self._task.stopping.is_set() or (is_late and bool(progress.trials))

        run_trials(problem, progress.n_trials, first=first, finished=add, cancelled=is_cancelled)

    def _report(self) -> None:
        self._reported = time.monotonic()
        self._on_change()

    def _pause(self) -> None:
        """Wait while the panel computes, so that a move of a slider is as fast as without a search."""
        while self._is_busy() and not self._task.stopping.wait(_PAUSE_SECONDS):
            pass
        if self._task.stopping.is_set():
            raise RunCancelledError("The search was stopped.")

    @staticmethod
    def _choose_best(progress: _Progress) -> FrozenTrial | None:
        trials = list(progress.trials)
        return sort_trials(progress.problem, trials)[0] if progress.problem is not None and trials else None

    @staticmethod
    def _list_front(progress: _Progress) -> list[FrozenTrial]:
        """Return the trials of the front, ordered by the first goal, the best first; empty for one goal."""
        problem, trials = progress.problem, list(progress.trials)
        if problem is None or len(problem.goals) < 2 or not trials:
            return []
        on_front = mark_front(problem, np.array([trial.values for trial in trials], dtype=np.float64))
        front = {tuple(trial.values): trial for trial, is_on in zip(trials, on_front, strict=True) if is_on}
        sign = -1.0 if problem.goals[0].maximise else 1.0
        return sorted(front.values(), key=lambda trial: sign * trial.values[0])

    def _describe_trial(self, progress: _Progress, trial: FrozenTrial) -> dict[str, Any]:
        assert progress.problem is not None, "a trial belongs to a problem"
        model = _make_model(progress.problem, trial)
        names = [part.name for part in model.parts]
        return {
            "trial": trial.number,
            "values": [float(value) for value in trial.values],
            "weights": dict(zip(names, model.flat_weights.tolist(), strict=True)),
            "text": describe_changes(progress.problem.baseline, model) or "the initial weights",
            "digest": model.digest,
        }

    def _describe_end(self, progress: _Progress) -> str:
        best, problem = self._choose_best(progress), progress.problem
        if best is None or problem is None:
            return "The search was stopped before its first trial."
        count, goals = pluralize(len(progress.trials), "trial"), problem.goals
        if len(goals) > 1:
            n_points = len(self._list_front(progress))
            names = " and ".join(goal.name for goal in goals)
            found = f"The front of {names} has {pluralize(n_points, 'point')} of {count}. Choose one."
        elif _make_model(problem, best) == problem.baseline:
            return f"None of {count} is better than the initial weights."
        else:
            found = f"{count}: {goals[0].name} {progress.start[0]:,.4g} → {best.values[0]:,.4g}."
        users = pluralize(len(self._session.user_id), "user")
        return (
            f"{found} The trials were compared on the {users} of the measures, so these values are too high. Confirm "
            "tests the weights on other users."
        )


def _make_model(problem: Problem, trial: FrozenTrial) -> ScoringModel:
    """Return the model of a trial. The first trial returns the initial model unchanged, to avoid rounding errors."""
    is_first = trial.user_attrs.get(FIRST) == problem.baseline.digest
    return problem.baseline if is_first else make_trial_model(problem, trial)


def _make_space(state: State) -> LevelSpace:
    return LevelSpace(
        state.model,
        locked_groups=tuple(sorted(state.locked_groups)),
        locked_components=tuple(sorted(state.locked)),
    )


def _fit(problem: Problem) -> ScoringModel | None:
    """Return the direct fit of all weights, as a start of the search; None if the data do not allow one."""
    try:
        return fit_pairwise(Space(problem.space.model), problem.train)
    except ConfigurationError:  # for example: every fitted weight is 0
        return None
