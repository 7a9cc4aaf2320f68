"""The options of a search, from which each of several processes loads the data and prepares the problem."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring.cli import holdout_options
from scoring.cli.holdout_options import HoldoutOptions
from scoring.cli.input_loader import load_data, read_model
from scoring.cli.options import DEFAULT_JOURNALS
from scoring.cli.tune_options import Sampler

if TYPE_CHECKING:
    from scoring.cli.progress import Progress
    from scoring.evaluation import Evaluator, Holdout
    from scoring.model import ScoringModel
    from scoring.tuning import Goal, Problem, Space

__all__ = ["SearchInputs", "SourceOptions", "TuneRequest", "run_helper_processes"]


@dataclass(frozen=True)
class SourceOptions:
    """The options that select the data and the model."""

    db: str
    as_of: str | None
    model: str | None
    weights: Path | None
    profile: str | None
    profiles: Path
    component: tuple[Path, ...]
    factor_cache: Path | None


@dataclass(frozen=True)
class SearchInputs:
    """The holdout, an evaluator for each split of the users, and the problem of the search."""

    holdout: Holdout
    train: Evaluator
    validation: Evaluator
    test: Evaluator
    problem: Problem


@dataclass(frozen=True)
class TuneRequest:
    """The options of `scoring tune`. They can be pickled for other processes."""

    source: SourceOptions
    holdout: HoldoutOptions
    goals: tuple[str, ...]
    minimise: tuple[str, ...]
    floors: tuple[str, ...]
    picks: tuple[str, ...]
    locks: tuple[str, ...]
    parameters: tuple[str, ...]
    users: int | None
    top_k: int
    seed: int
    trials: int
    random_trials: int | None
    sampler: Sampler
    storage: Path | None

    def prepare(self, progress: Progress, processes: int = 1, out: Path | None = None) -> SearchInputs:
        """Load the data and prepare the evaluators and the problem.

        `processes` is the number of processes of the search, which share the cores. The folder `out` is created first.

        Raises
        ------
        ScoringError: If the data, the model or an option is invalid.
        """
        from scoring.cli.result_export import create_folder
        from scoring.database.database import Database
        from scoring.telemetry import Stopwatch

        source = self.source
        model = read_model(source.model, source.weights, source.component, source.profile, source.profiles, source.db)
        space, goals = self._check_search(model)
        create_folder(out)
        with Database.open(source.db) as database:
            data = load_data(database, source.as_of, progress, Stopwatch())
        with progress.stage("creating the holdout"):
            holdout = self.holdout.make_holdout(data)
        holdout_options.print_holdout(holdout, progress)
        train, validation, test = self._make_evaluators(holdout, model, progress, processes)
        problem = self._make_problem(space, goals, train)
        for note in problem.notes[len(train.notes) :]:  # print_holdout has printed those of the holdout
            progress.print_line(f"note: {note}")
        return SearchInputs(holdout, train, validation, test, problem)

    def _make_evaluators(
        self, holdout: Holdout, model: ScoringModel, progress: Progress, processes: int
    ) -> list[Evaluator]:
        import numpy as np

        from scoring.components.learned import find_training_users
        from scoring.evaluation import Evaluator
        from scoring.statistics import Statistics
        from scoring.statistics.factors import default_cache

        split = holdout_options.split_holdout_users(holdout, self.seed)
        with progress.stage(f"preparing factors and statistics as of {holdout.data.as_of:%Y-%m-%d %H:%M} UTC"):
            statistics = Statistics(holdout.data, factor_cache=self.source.factor_cache or default_cache())
            statistics.factors  # noqa: B018 - trained on first access
        train = np.setdiff1d(split.train, find_training_users(model))
        if len(train) < len(split.train):
            progress.print_line(
                f"left out: {len(split.train) - len(train):,} training users that a learned component was trained on"
            )
        if self.users is not None:
            train = np.sort(np.random.default_rng(self.seed).permutation(train)[: self.users])
        splits = (train, split.validation, split.test)
        progress.print_line("users: {:,} for training, {:,} for validation, {:,} for test".format(*map(len, splits)))
        threads = None if processes == 1 else max((os.cpu_count() or 1) // processes, 1)
        return [
            Evaluator(holdout, users=users, k=self.top_k, statistics=statistics, workers=threads) for users in splits
        ]

    def _check_search(self, model: ScoringModel) -> tuple[Space, list[Goal]]:
        """Return the space and the goals, after checking all options that do not need data.

        Raises
        ------
        ConfigurationError: If an option is invalid.
        """
        from scoring.errors import ConfigurationError
        from scoring.evaluation.metrics import DEFAULT_METRICS
        from scoring.evaluation.slices import SLICINGS
        from scoring.tuning import Space
        from scoring.tuning.goal_parser import parse_condition, parse_goal, parse_parameter, split_floor

        space = Space(model, self.locks, tuple(parse_parameter(text) for text in self.parameters))
        goal_texts = self.goals or (() if self.minimise else ("NDCG@10",))
        goals = [
            *(parse_goal(text) for text in goal_texts),
            *(parse_goal(text, maximise=False) for text in self.minimise),
        ]
        names = [goal.name for goal in goals]
        repeated = [name for index, name in enumerate(names) if name in names[:index]]
        if repeated:
            raise ConfigurationError(f"Duplicate goal {repeated[0]}. Give each goal once.", key=("goals",))
        measures = [*goals, *(parse_condition(text).goal for text in self.picks)]
        depths = {measure.name: measure.k for measure in measures}
        depths |= {metric.name: metric.k for metric in (split_floor(text, SLICINGS)[0] for text in self.floors)}
        available = max(self.top_k, *(metric.k for metric in DEFAULT_METRICS))
        for name, k in depths.items():
            if k > available:
                raise ConfigurationError(f"{name} needs lists of {k} jobs. Use --top-k {k}; it is {self.top_k}.")
        return space, goals

    def _make_problem(self, space: Space, goals: Sequence[Goal], train: Evaluator) -> Problem:
        from scoring.evaluation import make_slicings
        from scoring.model import Inputs
        from scoring.tuning import Problem
        from scoring.tuning.goal_parser import parse_floor

        slicings = make_slicings(Inputs.of(train.statistics)) if self.floors else ()
        return Problem(space, train, tuple(goals), tuple(parse_floor(text, slicings) for text in self.floors))

    def journal_path(self, problem: Problem) -> Path:
        """Return the journal of the trials."""
        return self.storage or DEFAULT_JOURNALS / f"{problem.digest[:12]}.journal"


@contextmanager
def run_helper_processes(request: TuneRequest, processes: int, progress: Progress) -> Iterator[None]:
    """Run `processes` - 1 helper processes that compute trials while the body runs. End them afterwards."""
    spawn = multiprocessing.get_context("spawn")
    workers: list[Any] = [
        spawn.Process(target=_compute_trials, args=(request, worker, processes, os.getpid()), daemon=True)
        for worker in range(1, processes)
    ]
    for process in workers:
        process.start()
    try:
        yield
        for process in workers:
            process.join(timeout=60)  # the helper completes its current trial
    finally:
        for process in workers:
            process.kill()
            process.join()
    failed = sum(process.exitcode not in (0, -signal.SIGKILL) for process in workers)
    if failed:
        progress.print_line(f"warning: {failed} of the helper processes failed. The search continued without them.")


def _compute_trials(request: TuneRequest, worker: int, processes: int, parent: int) -> None:
    """Compute trials until there are enough, or the parent process has ended."""
    from rich.console import Console

    from scoring.cli.progress import Progress
    from scoring.errors import RunCancelledError
    from scoring.tuning.tune import search_trials

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent handles it
    progress = Progress(Console(quiet=True))
    # the parent process reports warnings and cancellation
    with progress.warnings(), suppress(RunCancelledError):
        problem = request.prepare(progress, processes).problem
        search_trials(
            problem,
            request.trials,
            random_trials=request.random_trials,
            sampler=request.sampler,
            storage=request.journal_path(problem),
            seed=request.seed,
            worker=worker,
            cancelled=lambda: os.getppid() != parent,
        )
