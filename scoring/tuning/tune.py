"""Automatic search, reported beside what it has to beat: the weights as they are, random search, and a direct fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scoring.argument_checks import whole_number
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.scoreboard import Scoreboard
from scoring.model import ScoringModel
from scoring.plotting.displays import display
from scoring.tuning.logistic_fit import fit_pairwise
from scoring.tuning.problem import Problem
from scoring.tuning.search import Sampler, feasible, finished, model_of_trial, run_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

__all__ = ["BASELINE", "DIRECT", "RANDOM", "SEARCH", "Tuning", "search_trials", "tune"]

BASELINE, RANDOM, DIRECT, SEARCH = "baseline", "random search", "direct fit", "search"


@dataclass(frozen=True, repr=False)
class Tuning:
    """What a search found. `models` are the baseline, the best of random search, the direct fit and the winner.

    Trials saw the training users alone. Of each study the best on those were held to the validation users, and the
    best there was taken; so validation figures flatter the winner a little. `test` shows what it is worth.
    """

    problem: Problem
    validation: Evaluator
    models: dict[str, ScoringModel]
    studies: dict[str, list[FrozenTrial]]  # finished trials, of random search and of the search
    scoreboard: Scoreboard

    def __repr__(self) -> str:
        trials = ", ".join(f"{len(trials):,} trials of {name}" for name, trials in self.studies.items())
        return f"Tuning({trials}; {self.scoreboard!r})"

    def _repr_html_(self) -> str:
        return self.scoreboard._repr_html_()

    @property
    def winner(self) -> ScoringModel:
        """The model that the search found."""
        return self.models[SEARCH]

    def frame(self) -> pd.DataFrame:
        """Every measure of every model on the validation users, as `Scoreboard.frame`."""
        return self.scoreboard.frame()

    def weights(self) -> pd.DataFrame:
        """Flat weights: a row per component, a column per model; then the parameters that were searched."""
        names = list(self.problem.space.names)
        columns = {name: pd.Series(model.flat_weights, index=names) for name, model in self.models.items()}
        frame = pd.DataFrame(columns)
        for parameter in self.problem.space.parameters:
            frame.loc[parameter.name] = [parameter.of(model) for model in self.models.values()]
        return frame.rename_axis("component")

    def trials(self) -> pd.DataFrame:
        """One row per finished trial: study · trial · goals · keeps (every floor) · flat weights · parameters.

        Goals are of the training users.
        """
        rows = []
        for name, trials in self.studies.items():
            keeps = {trial.number for trial in feasible(trials)}
            for trial in trials:
                model = model_of_trial(self.problem, trial)
                values = dict(zip((goal.name for goal in self.problem.goals), trial.values, strict=True))
                weights = dict(zip(self.problem.space.names, model.flat_weights.tolist(), strict=True))
                parameters = {one.name: one.of(model) for one in self.problem.space.parameters}
                told = {"study": name, "trial": trial.number, **values, "keeps": trial.number in keeps}
                rows.append(told | weights | parameters)
        return pd.DataFrame(rows)

    def front(self) -> pd.DataFrame:
        """Trials of the search that keep the floors and that no other of those beats, as `trials`.

        One beats another that is nowhere worse and somewhere better. The best of the first goal stand on top.
        """
        trials = self.trials().query("study == @SEARCH and keeps")
        signs = np.array([1.0 if goal.maximise else -1.0 for goal in self.problem.goals])
        names = [goal.name for goal in self.problem.goals]
        values = trials[names].to_numpy() * signs
        beaten = [bool(((values >= row).all(axis=1) & (values > row).any(axis=1)).any()) for row in values]
        front = trials[~np.array(beaten, dtype=bool)]
        return front.sort_values(names[0], ascending=not self.problem.goals[0].maximise, kind="stable")

    def test(self, users: Evaluator) -> Scoreboard:
        """The same models on users whom neither the search nor the choice has seen. Look once, and log it.

        Raises ConfigurationError: the evaluator has users of train or validation.
        """
        seen = np.isin(users.user_id, np.concatenate([self.problem.train.user_id, self.validation.user_id]))
        if seen.any():
            raise ConfigurationError(f"{int(seen.sum()):,} users of the test were seen by the search.")
        return Scoreboard.of(users, self.models, level=self.scoreboard.level)

    def plot(self) -> Figure:
        """The best value so far by trial, for each study; of two or more goals the trials and their front."""
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
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Tuning:
    """A search of `n_trials`, a random search of as many (or of `random_trials`), and a direct fit.

    The search begins with the baseline and the direct fit; `search_trials` lets other processes help. Of each study
    the `finalists` best on train that keep every floor are held to validation, floors too, beside the baseline, and the
    best there is taken; of several goals the best in the first of those that give up nothing in the others against the
    baseline. The direct fit knows of no floor. See `run_trials` for storage and cancelled;
    `progress` is told (stage, done, total).

    Raises ConfigurationError: train and validation share users; no trial keeps the floors, nor does the baseline;
    fewer than 1 trial or finalist; and as `run_trials`.
    """
    finalists = whole_number("finalists", finalists, "validation needs a whole number of models")
    if np.isin(validation.user_id, problem.train.user_id).any():
        raise ConfigurationError("train and validation share users; split them first.")
    progress(DIRECT, 0, 1)
    fitted = fit_pairwise(problem.space, problem.train, seed=seed)
    progress(DIRECT, 1, 1)
    studies = search_trials(
        problem,
        n_trials,
        random_trials=random_trials,
        sampler=sampler,
        storage=storage,
        seed=seed,
        first=_starts(problem, fitted),
        progress=progress,
        cancelled=cancelled,
    )
    chosen = {name: _choose(problem, validation, trials, finalists) for name, trials in studies.items()}
    models = {BASELINE: problem.baseline, RANDOM: chosen[RANDOM], DIRECT: fitted, SEARCH: chosen[SEARCH]}
    return Tuning(problem, validation, models, studies, Scoreboard.of(validation, models, level=level, seed=seed))


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
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, list[FrozenTrial]]:
    """The finished trials of random search and of the search, for `tune`.

    Other processes that call this with the same problem and storage, and a `worker` number of their own from 1 on,
    take trials off it. Random search begins with the first of `first` alone. Arguments and errors as of `run_trials`.
    """
    plan: list[tuple[str, Sampler, int]] = [
        (RANDOM, "random", n_trials if random_trials is None else random_trials),
        (SEARCH, sampler, n_trials),
    ]
    return {
        name: finished(
            run_trials(
                problem,
                count,
                sampler=how,
                storage=storage,
                name=f"{name} {how} {problem.digest[:8]}",
                seed=seed,
                worker=worker,
                first=first if name == SEARCH else first[:1],
                progress=lambda done, total, name=name: progress(name, done, total),  # type: ignore[misc]
                cancelled=cancelled,
            )
        )
        for name, how, count in plan
    }


def _starts(problem: Problem, fitted: ScoringModel) -> list[ScoringModel]:
    """What the search begins with: the baseline and the direct fit.

    With more than one goal, or floors, also the direct fit with one weight as it is now, for each: what a goal beside
    the metric gains mostly hangs on one component, and a front begins to show between these.
    """
    if len(problem.goals) == 1 and not problem.floors:
        return [problem.baseline, fitted]
    space, found = problem.space, [problem.baseline, fitted]
    now, fit = (dict(zip(space.names, model.flat_weights.tolist(), strict=True)) for model in (space.model, fitted))
    for kept in space.free:
        others = {name: fit[name] for name in space.free if name != kept}
        if sum(others.values()) > 0:
            share = (space.shared - now[kept]) / sum(others.values())
            found.append(fitted.with_weights(now | {name: weight * share for name, weight in others.items()}))
    return found


def _choose(problem: Problem, validation: Evaluator, trials: Sequence[FrozenTrial], finalists: int) -> ScoringModel:
    """The best on validation of the best on train, and of the baseline."""
    on_train = problem.values(problem.train, problem.train_baseline)
    best = sorted(feasible(trials), key=lambda trial: _worth(problem, trial.values, on_train), reverse=True)[:finalists]
    base = validation.judge(problem.baseline)
    before, judged = problem.values(validation, base), []
    for model in [*(model_of_trial(problem, trial) for trial in best), problem.baseline]:
        judgement = validation.judge(model)
        if all(short <= 0 for short in problem.shortfalls(judgement, base)):
            judged.append((_worth(problem, problem.values(validation, judgement), before), model))
    if not judged:
        raise ConfigurationError(
            f"none of the {len(trials):,} trials keeps every floor on train and validation; lower the floors, "
            "or search longer."
        )
    return max(judged, key=lambda pair: pair[0])[1]


def _worth(problem: Problem, values: Sequence[float], before: Sequence[float]) -> tuple[bool, float]:
    """Sorts: first whatever gives up nothing in the other goals, then by the first goal."""
    signs = [1.0 if goal.maximise else -1.0 for goal in problem.goals]
    gained = [sign * (now - then) for sign, now, then in zip(signs, values, before, strict=True)]
    return all(gain >= 0 for gain in gained[1:]), gained[0]
