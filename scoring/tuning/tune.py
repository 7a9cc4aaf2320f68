"""Automatic search for weights, compared with the current weights, random search and a direct fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_level, check_positive_integer, check_seed
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.note_text import format_notes
from scoring.evaluation.scoreboard import Scoreboard
from scoring.model import ScoringModel
from scoring.plotting.plot_registry import display
from scoring.tuning.logistic_fit import fit_pairwise
from scoring.tuning.problem import Problem
from scoring.tuning.secondary_measure_losses import measure_train_changes
from scoring.tuning.trial_constraint import Condition
from scoring.tuning.trial_search import Sampler, load_finished, make_trial_model, run_trials, select_feasible

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

__all__ = ["BASELINE", "DIRECT", "RANDOM", "SEARCH", "Tuning", "mark_front", "search_trials", "sort_trials", "tune"]

BASELINE, RANDOM, DIRECT, SEARCH = "baseline", "random search", "direct fit", "search"


@dataclass(frozen=True, repr=False)
class Tuning:
    """The result of `tune`. `models` are the baseline, the best of random search, the direct fit and the winner.

    Trials use only the training users. The best trials of each study were evaluated on the validation users, and the
    best of those was chosen. So validation values of the winner are slightly too high; `test` gives unbiased values.
    The goals are declared tests of the winner in `test`. Marks on the validation users are exploratory, because the
    winner was selected on these users. Floors are limits, not tests.
    """

    problem: Problem
    validation: Evaluator
    models: dict[str, ScoringModel]
    studies: dict[str, list[FrozenTrial]]  # finished trials of random search and of the search
    scoreboard: Scoreboard

    def __repr__(self) -> str:
        trials = ", ".join(f"{len(trials):,} trials of {name}" for name, trials in self.studies.items())
        return f"Tuning({trials}; {self.scoreboard.summary}){format_notes(self.notes)}"

    def _repr_html_(self) -> str:
        return self.scoreboard.render_html(self.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the holdout, the search and the intervals."""
        return tuple(dict.fromkeys((*self.problem.notes, *self.scoreboard.notes)))

    @property
    def winner(self) -> ScoringModel:
        """The model that the search found."""
        return self.models[SEARCH]

    def frame(self) -> pd.DataFrame:
        """Return every measure of every model on the validation users; see `Scoreboard.frame`."""
        return self.scoreboard.frame()

    def weights(self) -> pd.DataFrame:
        """Return flat weights, one row per component and one column per model, followed by the searched parameters."""
        names = list(self.problem.space.names)
        columns = {name: pd.Series(model.flat_weights, index=names) for name, model in self.models.items()}
        frame = pd.DataFrame(columns)
        for parameter in self.problem.space.parameters:
            frame.loc[parameter.name] = [parameter.of(model) for model in self.models.values()]
        return frame.rename_axis("component")

    def trials(self) -> pd.DataFrame:
        """Return one row per finished trial.

        Columns: study · trial · goals (on the training users) · keeps (every floor) · flat weights · parameters.
        """
        rows = []
        for name, trials in self.studies.items():
            keeps = {trial.number for trial in select_feasible(trials)}
            for trial in trials:
                model = make_trial_model(self.problem, trial)
                values = dict(zip((goal.name for goal in self.problem.goals), trial.values, strict=True))
                weights = dict(zip(self.problem.space.names, model.flat_weights.tolist(), strict=True))
                parameters = {parameter.name: parameter.of(model) for parameter in self.problem.space.parameters}
                row = {"study": name, "trial": trial.number, **values, "keeps": trial.number in keeps}
                rows.append(row | weights | parameters)
        return pd.DataFrame(rows)

    def front(self) -> pd.DataFrame:
        """Return the Pareto front of the search's trials that keep the floors; columns as in `trials`.

        A trial dominates another if it is worse in no goal and better in at least one. The front contains the trials
        that are not dominated, ordered by the first goal, the best first.
        """
        trials = self.trials().query("study == @SEARCH and keeps")
        names = [goal.name for goal in self.problem.goals]
        front = trials[mark_front(self.problem, trials[names].to_numpy())]
        return front.sort_values(names[0], ascending=not self.problem.goals[0].maximise, kind="stable")

    def front_changes(self, numbers: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what trials of the front (None: all) change in measures other than the goals, on the training users.

        The index is `trial`, the columns are measures. Values are shares of the baseline's value: -0.1 is 10 % less.
        """
        numbers = self.front()["trial"].tolist() if numbers is None else list(numbers)
        changes = measure_train_changes(self.problem, {str(number): self.model_of_trial(number) for number in numbers})
        return changes.T.set_axis(pd.Index(numbers, name="trial", dtype="int64"))

    def find_trial(self, model: ScoringModel | None = None) -> int | None:
        """Return the number of the search's first trial of a model (None: the winner); None if no trial tried it."""
        digest = (model or self.winner).digest
        for trial in self.studies[SEARCH]:
            if make_trial_model(self.problem, trial).digest == digest:
                return trial.number
        return None

    def model_of_trial(self, number: int) -> ScoringModel:
        """Return the model of a trial of the search, such as one of the front.

        Raises
        ------
        ConfigurationError: If the search has no finished trial of this number.
        """
        trial = next((trial for trial in self.studies[SEARCH] if trial.number == number), None)
        if trial is None:
            raise ConfigurationError(
                f"The search has no finished trial {number}. Use a number of the column trial of `trials()`."
            )
        return make_trial_model(self.problem, trial)

    def test(self, users: Evaluator) -> Scoreboard:
        """Return the scoreboard of the models on test users, which must not be in train or validation.

        Use it once and log the result: repeated use makes the test users part of the choice.

        Raises
        ------
        ConfigurationError: If the evaluator has users of train or validation.
        """
        is_known = np.isin(users.user_id, np.concatenate([self.problem.train.user_id, self.validation.user_id]))
        if is_known.any():
            raise ConfigurationError(
                f"The test evaluator contains {pluralize(int(is_known.sum()), 'user')} of train or validation. Use an "
                "evaluator of other users.",
                key=("users",),
            )
        return Scoreboard.of(
            users, self.models, level=self.scoreboard.level, goals=self.problem.declared, candidate=SEARCH
        )

    def plot(self) -> Figure:
        """Plot the best value so far by trial and study; for two or more goals, the trials and their front.

        A table below contains the measures that a model or a numbered trial makes worse by more than 10 %.
        """
        figure: Figure = display("tuning progress" if len(self.problem.goals) == 1 else "tuning front", self)
        return figure


def tune(
    problem: Problem,
    validation: Evaluator,
    n_trials: int = 300,
    *,
    random_trials: int | None = None,
    sampler: Sampler = "tpe",
    finalists: int = 10,
    storage: Path | None = None,
    seed: int = 0,
    level: float = 0.95,
    pick: Sequence[Condition] = (),
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    found: Callable[[str, ScoringModel], None] = lambda stage, model: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Tuning:
    """Run a direct fit, a random search and a search, and compare the best model of each with the baseline.

    The search starts with the baseline and the direct fit; other processes can share its trials by `search_trials`.
    The best trials of each study on train and the baseline are evaluated on validation. The best model there that keeps
    every floor is chosen. For several goals, models that lose against the baseline in no other goal come first, then
    the best in the first goal. The direct fit ignores floors.

    Parameters
    ----------
    n_trials: Trials of the search.
    random_trials: Trials of the random search; `n_trials` if None.
    finalists: Number of the best trials of each study, among those that keep every floor, evaluated on validation.
    storage, cancelled: See `run_trials`.
    level: Confidence level of the scoreboard's intervals.
    pick: Conditions on the validation users. If given, all trials of the Pareto front are evaluated there as well. The
        best in the first goal among the models that satisfy every condition is chosen.
    progress: Called with (stage, done, total).
    found: Called at the end of each stage with its best model on the training users, if a model keeps every floor.

    Raises
    ------
    ConfigurationError: If train and validation share users, no model keeps the floors or satisfies `pick`, or the
        number of trials or finalists is below 1; also as `run_trials`.

    Example
    -------
    >>> from scoring.evaluation import Evaluator
    >>> from scoring.tuning import Problem, Space
    >>> train, validation = (Evaluator(holdout, users=holdout.user_id[part::2]) for part in (0, 1))
    >>> tuning = tune(Problem(Space(model), train), validation, n_trials=2, random_trials=1)
    >>> list(tuning.models)
    ['baseline', 'random search', 'direct fit', 'search']
    """
    finalists, level, seed = check_positive_integer("finalists", finalists), check_level(level), check_seed(seed)
    n_trials = check_positive_integer("n_trials", n_trials)
    if random_trials is not None:
        random_trials = check_positive_integer("random_trials", random_trials)
    n_shared = int(np.isin(validation.user_id, problem.train.user_id).sum())
    if n_shared:
        raise ConfigurationError(
            f"problem.train and validation have {pluralize(n_shared, 'user')} in common. Use evaluators of different "
            "users, such as those that split_users returns.",
            key=("validation",),
        )
    progress(DIRECT, 0, 1)
    fitted = fit_pairwise(problem.search_space, problem.train, seed=seed)
    progress(DIRECT, 1, 1)
    found(DIRECT, fitted)
    studies = search_trials(
        problem,
        n_trials,
        random_trials=random_trials,
        sampler=sampler,
        storage=storage,
        seed=seed,
        first=_choose_starts(problem, fitted),
        progress=progress,
        found=found,
        cancelled=cancelled,
    )
    chosen = {
        name: _choose(problem, validation, trials, finalists, pick, is_strict=name == SEARCH)
        for name, trials in studies.items()
    }
    models = {BASELINE: problem.baseline, RANDOM: chosen[RANDOM], DIRECT: fitted, SEARCH: chosen[SEARCH]}
    board = Scoreboard.of(validation, models, level=level, seed=seed, measures=problem.declared)
    return Tuning(problem, validation, models, studies, board)


def search_trials(
    problem: Problem,
    n_trials: int,
    *,
    random_trials: int | None = None,
    sampler: Sampler = "tpe",
    storage: Path | None = None,
    seed: int = 0,
    worker: int = 0,
    first: Sequence[ScoringModel] = (),
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    found: Callable[[str, ScoringModel], None] = lambda stage, model: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, list[FrozenTrial]]:
    """Return the finished trials of random search and of the search, by study.

    Other processes can share the trials of `tune`: they call this function with the same problem and storage, and each
    with a distinct `worker` number from 1. Random search starts with only the first model of `first`. For the other
    arguments and errors see `run_trials`.
    """
    plan: list[tuple[str, Sampler, int]] = [
        (RANDOM, "random", n_trials if random_trials is None else random_trials),
        (SEARCH, sampler, n_trials),
    ]
    studies = {}
    for name, how, count in plan:
        study = run_trials(
            problem,
            count,
            sampler=how,
            storage=storage,
            name=f"{name} {how} {problem.digest[:8]}",
            seed=seed,
            worker=worker,
            first=first if name == SEARCH else first[:1],
            progress=partial(progress, name),
            cancelled=cancelled,
        )
        studies[name] = load_finished(study)
        best = sort_trials(problem, studies[name])
        if best:
            found(name, make_trial_model(problem, best[0]))
    return studies


def sort_trials(problem: Problem, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that keep every floor, the best on the training users first."""
    before = problem.values(problem.train, problem.train_baseline)
    return sorted(select_feasible(trials), key=lambda trial: _sort_key(problem, trial.values, before), reverse=True)


def _choose_starts(problem: Problem, fitted: ScoringModel) -> list[ScoringModel]:
    """Return the models that the search starts with: the baseline and the direct fit.

    With several goals or floors, add for each free weight the direct fit with this weight at its current value. A goal
    other than the metric mostly depends on one component, so these models outline the front.
    """
    if len(problem.goals) == 1 and not problem.floors:
        return [problem.baseline, fitted]
    space, models = problem.search_space, [problem.baseline, fitted]
    current, fit = (dict(zip(space.names, model.flat_weights.tolist(), strict=True)) for model in (space.model, fitted))
    for kept in space.free:
        others = {name: fit[name] for name in space.free if name != kept}
        if sum(others.values()) > 0:
            share = (space.shared - current[kept]) / sum(others.values())
            models.append(fitted.with_weights(current | {name: weight * share for name, weight in others.items()}))
    return models


def mark_front(problem: Problem, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (n,) which rows of (n, goals) values are on the Pareto front."""
    signed = values * np.array([1.0 if goal.maximise else -1.0 for goal in problem.goals])
    dominated = [bool(((signed >= row).all(axis=1) & (signed > row).any(axis=1)).any()) for row in signed]
    return ~np.array(dominated, dtype=bool)


def _choose(
    problem: Problem,
    validation: Evaluator,
    trials: Sequence[FrozenTrial],
    finalists: int,
    pick: Sequence[Condition],
    is_strict: bool,
) -> ScoringModel:
    """Return the best model on validation among the baseline and the best trials on train.

    If no model satisfies `pick`, raise an error (`is_strict`) or return the nearest.
    """
    feasible = select_feasible(trials)
    best = sort_trials(problem, trials)[:finalists]
    if pick and feasible:
        on_front = mark_front(problem, np.array([trial.values for trial in feasible], dtype=np.float64))
        numbers = {trial.number for trial in best}
        best += [
            trial for trial, is_on in zip(feasible, on_front, strict=True) if is_on and trial.number not in numbers
        ]
    base = validation.evaluate(problem.baseline)
    before = problem.values(validation, base)
    candidates: list[tuple[tuple[bool, float], ScoringModel]] = []
    missed: list[tuple[float, str, ScoringModel]] = []
    tried = [(f"trial {trial.number}", make_trial_model(problem, trial)) for trial in best]
    for name, model in [("the baseline", problem.baseline), *tried]:  # of equal models, the first is chosen
        evaluation = validation.evaluate(model)
        if any(short > 0 for short in problem.shortfalls(evaluation, base)):
            continue
        shortfalls = [condition.shortfall(validation, evaluation, base) for condition in pick]
        values = problem.values(validation, evaluation)
        if any(short > 0 for short in shortfalls):
            parts = [f"{part.goal.name} {part.goal.of(validation, evaluation):,.5g}" for part in pick]
            missed.append((max(shortfalls), f"{name} with {', '.join(parts)}", model))
            continue
        gains = _sort_key(problem, values, before)
        candidates.append(((True, gains[1]) if pick else gains, model))
    if not candidates and missed:
        _, nearest, model = min(missed, key=lambda entry: entry[0])
        if not is_strict:
            return model
        raise ConfigurationError(
            f"None of {len(missed):,} models satisfies {' and '.join(map(str, pick))} on the validation users. The "
            f"nearest is {nearest}. Use another limit, or more trials."
        )
    if not candidates:
        raise ConfigurationError(
            f"None of the {len(trials):,} trials keeps every floor on train and validation. Lower the floors, or run "
            "more trials.",
            key=("floors",),
        )
    return max(candidates, key=lambda pair: pair[0])[1]


def _sort_key(problem: Problem, values: Sequence[float], before: Sequence[float]) -> tuple[bool, float]:
    """Return a sort key: whether the model loses in no goal after the first, then the gain in the first goal."""
    signs = [1.0 if goal.maximise else -1.0 for goal in problem.goals]
    gains = [sign * (new - old) for sign, new, old in zip(signs, values, before, strict=True)]
    return all(gain >= 0 for gain in gains[1:]), gains[0]
