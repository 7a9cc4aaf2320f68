"""The options of `scoring evaluate`, and the evaluation that they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.holdout_options import HoldoutOptions, UserSplit, print_holdout, select_users
from scoring.cli.list_file_options import ListFiles
from scoring.cli.mlflow_run import name_digests
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.array_types import Longs
    from scoring.cli.backtest_request import BacktestRequest
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Backtest, Evaluator, Holdout, Scoreboard
    from scoring.evaluation.measure_values import Measure
    from scoring.model import ScoringModel
    from scoring.registry import Registry

__all__ = [
    "EvaluateRequest",
    "ExcludeFittedOption",
    "GoalOption",
    "LevelOption",
    "ModelsArgument",
    "OnOption",
    "parse_goals",
]

ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        show_default="standard",
        help="Shipped models, model files, saved profiles or `promoted`. The first is the baseline.",
    ),
]
OnOption = Annotated[
    UserSplit,
    typer.Option("--on", help="Evaluated users. An evaluation on test or all is logged with the profiles."),
]
GoalOption = Annotated[
    list[str] | None,
    typer.Option(
        "--goal",
        metavar="METRIC",
        help="Measure that the last model was meant to improve, declared before this evaluation. Its test is not "
        "corrected for the other tests. May be repeated: several goals are corrected among themselves.",
    ),
]
ExcludeFittedOption = Annotated[
    bool, typer.Option("--exclude-fitted", help="Leave out users that a model was fitted or selected on.")
]
LevelOption = Annotated[
    float,
    typer.Option("--level", metavar="LEVEL", min=0.5, max=0.999, help="Confidence level of intervals and tests."),
]


def parse_goals(texts: Sequence[str], n_models: int, cuts: int) -> tuple[Measure, ...]:
    """Return the measures of --goal. Check them before data are loaded.

    Raises
    ------
    BadParameter: If goals are given with only one model, or a goal has no test over several cuts.
    ConfigurationError: If a goal is not a measure.
    """
    from scoring.evaluation.beyond_accuracy_metrics import PopulationFact
    from scoring.tuning.goal_parser import parse_goal

    goals = [parse_goal(text) for text in texts]
    if goals and n_models < 2:
        raise typer.BadParameter("--goal requires a second model, which is compared with the first one.")
    untested = [text for text, goal in zip(texts, goals, strict=True) if isinstance(goal.measure, PopulationFact)]
    if untested and cuts > 1:
        raise typer.BadParameter(f"--goal {untested[0]}: no test over several cuts. Omit --cuts, or use another goal.")
    return tuple(goal.measure for goal in goals if goal.measure is not None)


@dataclass(frozen=True)
class EvaluateRequest:
    """Which models and lists are evaluated, on which users, and how."""

    registry: Registry
    models: Mapping[str, ScoringModel]
    lists: ListFiles
    goals: tuple[Measure, ...]
    holdout: HoldoutOptions
    on: UserSplit
    top_k: int
    level: float
    seed: int
    exclude_fitted: bool
    factor_cache: Path | None

    @property
    def list_length(self) -> int:
        """Length of the lists: --top-k, or more if a goal needs longer lists."""
        return max([self.top_k, *(measure.k for measure in self.goals)])

    def evaluate(self, data: Dataset, progress: Progress) -> Scoreboard:
        """Evaluate the models and lists on one holdout, and print its sizes and caveats.

        Raises
        ------
        ConfigurationError: If the holdout is empty, or no user remains.
        DataError: If a file of lists is invalid.
        """
        from scoring.evaluation import Scoreboard

        external = self.lists.read(data, progress)
        with progress.stage("creating the holdout"):
            times = [lists.at for lists in external.values() if lists.at is not None]
            holdout = self.holdout.make_holdout(data, max(times, default=None))
        print_holdout(holdout, progress)
        users = self._check_fitted_users(select_users(holdout, self.on, self.seed), progress)
        evaluator = self._make_evaluator(holdout, users, progress)
        with progress.stage(f"ranking and evaluating for {pluralize(len(evaluator.user_id), 'user')} of {self.on}"):
            return Scoreboard.of(
                evaluator, {**self.models, **external}, level=self.level, seed=self.seed, goals=self.goals
            )

    def evaluate_cuts(self, cuts: BacktestRequest, data: Dataset, progress: Progress) -> Backtest:
        """Evaluate the models at several cuts.

        Raises
        ------
        ConfigurationError: If no cut has a relevant job, or no user remains.
        """
        return cuts.run(
            data,
            self.models,
            users=self._check_fitted_users(cuts.select_users(data, self.on, self.seed), progress),
            on=self.on,
            k=self.list_length,
            level=self.level,
            seed=self.seed,
            goals=self.goals,
            factor_cache=self.factor_cache,
            progress=progress,
        )

    def list_params(self, n_users: int) -> dict[str, object]:
        """Return the parameters of a run for MLflow."""
        return {
            "models": ", ".join(self.models),
            **name_digests(self.models),
            "split": self.on,
            "users": n_users,
            "seed": self.seed,
            "top_k": self.list_length,
            "level": self.level,
        }

    def _make_evaluator(self, holdout: Holdout, users: Longs, progress: Progress) -> Evaluator:
        from scoring.evaluation import Evaluator
        from scoring.statistics.factors import default_cache

        with progress.stage(f"preparing factors and statistics as of {holdout.data.as_of:%Y-%m-%d %H:%M} UTC"):
            evaluator = Evaluator(
                holdout, users=users, k=self.list_length, factor_cache=self.factor_cache or default_cache()
            )
            evaluator.statistics.factors  # noqa: B018 - trained on first access
        return evaluator

    def _check_fitted_users(self, users: Longs, progress: Progress) -> Longs:
        """Warn about users that a model was fitted or selected on. With --exclude-fitted, return the other users.

        Raises
        ------
        ConfigurationError: If no user remains.
        """
        import numpy as np

        from scoring.errors import ConfigurationError

        is_known = np.zeros(len(users), dtype=bool)
        for name, model in self.models.items():
            overlap = np.isin(users, self.registry.find_fitted_users(model).user_id)
            is_known |= overlap
            if overlap.any() and not self.exclude_fitted:
                of_users = f"{overlap.sum():,} of these {pluralize(len(users), 'user')}"
                progress.print_line(
                    f"warning: {name} was fitted or selected on {of_users}. Its values are too high. To leave these "
                    "users out, add --exclude-fitted."
                )
        if not self.exclude_fitted:
            return users
        if is_known.all():
            raise ConfigurationError(
                f"--exclude-fitted leaves none of {pluralize(len(users), 'user')}. Use the test users of the search "
                "(--on test with its --seed), or another holdout.",
                key=("--exclude-fitted",),
            )
        progress.print_line(f"excluded: {pluralize(int(is_known.sum()), 'user')} of the fit or selection of a model")
        return users[~is_known]
