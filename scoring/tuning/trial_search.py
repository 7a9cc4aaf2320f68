"""Trials: models are suggested, evaluated and stored until the requested number is reached.

Optuna suggests models and stores trials (Akiba et al., Optuna: a next-generation hyperparameter optimization
framework, KDD 2019). A study in a file survives its process: the same search resumes it, and several processes can
share its trials.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from scoring.argument_checks import check_integer, check_positive_integer, check_seed
from scoring.errors import ConfigurationError, RunCancelledError
from scoring.model import ScoringModel, dump_model
from scoring.tuning.problem import Problem
from scoring.tuning.trial_journal import open_journal

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

__all__ = [
    "FIRST",
    "SAMPLERS",
    "SPACE",
    "Sampler",
    "dump_space",
    "load_finished",
    "make_trial_model",
    "run_trials",
    "select_feasible",
]

Sampler = Literal["tpe", "random", "nsga2"]
SAMPLERS: Final = ("tpe", "random", "nsga2")

_SHORTFALLS: Final = "shortfalls"
_PROBLEM: Final = "problem"
FIRST: Final = "first"
"""Name of the trial attribute that contains the digest of a model to try before all others."""
SPACE: Final = "space"
"""Name of the study attribute that contains the result of `dump_space`."""


def run_trials(
    problem: Problem,
    n_trials: int,
    *,
    sampler: Sampler = "tpe",
    storage: Path | None = None,
    name: str | None = None,
    seed: int = 0,
    worker: int = 0,
    first: Sequence[ScoringModel] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    finished: Callable[[FrozenTrial], None] = lambda trial: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Study:
    """Return the study once it has `n_trials` finished trials, including those already in `storage`.

    A trial that was running when its process ended is not counted.

    Parameters
    ----------
    storage: File of the study; memory if None.
    name: Name of the study; derived from the sampler and the problem if None.
    worker: Distinct number of each process that shares the study, from 0, so that processes try different models.
        Each process finishes its running trial, so w processes may produce n_trials + w - 1 trials.
    first: Models that are tried before all others. Only worker 0 adds them.
    progress: Called with (done, total) after each trial.
    finished: Called with each trial of this process.
    cancelled: Checked before each trial.

    Raises
    ------
    ConfigurationError: If an argument is invalid, the study belongs to another problem, or `storage` does not contain
        trials.
    OutputError: If the file cannot be written.
    RunCancelledError: If `cancelled` returns true. Finished trials are kept.
    """
    n_trials = check_positive_integer("n_trials", n_trials)
    if sampler not in SAMPLERS:
        raise ConfigurationError(f"sampler is {sampler!r}. Use one of: {', '.join(SAMPLERS)}.", key=("sampler",))
    seed, worker = check_seed(seed), check_integer("worker", worker, 0)
    with _silence_optuna():
        study = _open(problem, sampler, storage, name, seed, worker)
        if worker == 0:
            _enqueue(study, problem, first)
        done = len(load_finished(study))
        progress(min(done, n_trials), n_trials)
        while done < n_trials:
            if cancelled():
                raise RunCancelledError(
                    f"The search was cancelled after {done:,} of {n_trials:,} trials.", done=done, total=n_trials
                )
            finished(_try_one(study, problem))
            done = len(load_finished(study))
            progress(min(done, n_trials), n_trials)
    return study


def _enqueue(study: Study, problem: Problem, first: Sequence[ScoringModel]) -> None:
    """Enqueue the models that are neither finished nor waiting, including those whose trial was interrupted."""
    from optuna.trial import TrialState

    queued = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.WAITING))
    known = {trial.user_attrs.get(FIRST) for trial in queued}
    for model in first:
        if model.digest not in known:
            study.enqueue_trial(problem.search_space.point_of(model), user_attrs={FIRST: model.digest})
            known.add(model.digest)


def _try_one(study: Study, problem: Problem) -> FrozenTrial:
    from optuna.trial import TrialState

    trial = study.ask()
    try:
        evaluation = problem.train.evaluate(problem.search_space.suggest(trial))
        _store_shortfalls(trial, problem.shortfalls(evaluation, problem.train_baseline))
        values = problem.values(problem.train, evaluation)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    return study.tell(trial, values)


def _store_shortfalls(trial: Trial, shortfalls: list[float]) -> None:
    trial.set_user_attr(_SHORTFALLS, shortfalls)
    if hasattr(trial, "set_constraint"):  # not in Optuna 4, whose samplers read the attribute set above
        for place, short in enumerate(shortfalls):
            trial.set_constraint(str(place), short)


def _open(problem: Problem, sampler: Sampler, storage: Path | None, name: str | None, seed: int, worker: int) -> Study:
    import optuna

    study = optuna.create_study(
        study_name=name or f"{sampler}-{problem.digest[:8]}",
        storage=None if storage is None else open_journal(storage),
        directions=["maximize" if goal.maximise else "minimize" for goal in problem.goals],
        load_if_exists=True,
    )
    is_new = not study.trials  # read first: an existing study records its problem before its first trial
    digest = study.user_attrs.get(_PROBLEM)
    if digest is None and is_new:
        study.set_user_attr(_PROBLEM, problem.digest)
    elif digest != problem.digest:
        raise ConfigurationError(
            f"The trials of {study.study_name} in {storage} belong to another search or another program. Their data, "
            "users, model, locks, bounds, goals or floors differ. Use another file or name.",
            key=("storage",),
            path=str(storage),
        )
    if study.user_attrs.get(SPACE) is None:
        study.set_user_attr(SPACE, dump_space(problem))
    # a resumed run and a parallel worker must not repeat earlier draws, and each sampler draws its own sequence
    entropy = (seed, worker, len(study.trials), SAMPLERS.index(sampler))
    study.sampler = _make_sampler(sampler, problem, int(np.random.SeedSequence(entropy).generate_state(1)[0]))
    return study


def _make_sampler(name: Sampler, problem: Problem, seed: int) -> BaseSampler:
    from optuna import Trial
    from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler

    uses_function = problem.floors and not hasattr(Trial, "set_constraint")
    constraints: dict[str, Any] = {"constraints_func": _get_shortfalls} if uses_function else {}
    if name == "random":
        return RandomSampler(seed=seed)
    if name == "nsga2":
        return NSGAIISampler(seed=seed, **constraints)
    return TPESampler(seed=seed, multivariate=True, n_startup_trials=20, **constraints)


def _get_shortfalls(trial: FrozenTrial) -> Sequence[float]:
    return tuple(trial.user_attrs.get(_SHORTFALLS, ()))


def load_finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that have a value. The storage is read again, as other processes may add trials."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def select_feasible(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that keep every floor."""
    return [trial for trial in trials if all(short <= 0 for short in _get_shortfalls(trial))]


def dump_space(problem: Problem) -> dict[str, Any]:
    """Return the model, locks, parameters and goals of a problem, from which models of trials can be rebuilt."""
    space = problem.space
    return {
        "model": dump_model(space.model),
        "locked": list(space.locked),
        "parameters": [[p.component, p.field, p.low, p.high, p.log] for p in space.parameters],
        "goals": [goal.name for goal in problem.goals],
    }


def make_trial_model(problem: Problem, trial: FrozenTrial) -> ScoringModel:
    """Return the model that a trial tried."""
    return problem.search_space.model_at(trial.params)


@contextmanager
def _silence_optuna() -> Iterator[None]:
    """Suppress Optuna's log line per trial and its warnings about experimental features."""
    import optuna
    from optuna.exceptions import ExperimentalWarning

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
