"""A search problem: a space of models, training users, goals and floors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.jackknife import digest_users
from scoring.evaluation.measure_values import Measure
from scoring.evaluation.metrics import NDCG
from scoring.model import ScoringModel
from scoring.tuning.constant_components import describe_constant_components, find_constant_components
from scoring.tuning.goals import Floor, Goal, MetricGoal
from scoring.tuning.space import Space

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """Models of `space`, evaluated on the users of `train`. For several goals the search looks for a Pareto front.

    Raises
    ------
    ConfigurationError: If there is no goal, a goal is duplicate, or a metric needs longer lists than the evaluator's.

    Example
    -------
    >>> from scoring.tuning import Space
    >>> problem = Problem(Space(model), evaluator)
    >>> problem.goals[0].name
    'NDCG@10'
    """

    space: Space
    train: Evaluator
    goals: tuple[Goal, ...] = (MetricGoal(NDCG(10)),)
    floors: tuple[Floor, ...] = field(default=())

    def __post_init__(self) -> None:
        goals = [("goals", goal.name, goal.k) for goal in self.goals]
        for argument, name, k in (*goals, *(("floors", floor.name, floor.metric.k) for floor in self.floors)):
            if k > self.train.k:
                raise ConfigurationError(
                    f"{name} needs lists of {k} jobs, but those of the train evaluator have {self.train.k}. Create it "
                    f"with k={k}.",
                    key=(argument, name),
                )
        names = [goal.name for goal in self.goals]
        if not names or len(set(names)) < len(names):
            raise ConfigurationError(
                f"A search needs at least one goal, each once, but the goals are {', '.join(names) or 'none'}.",
                key=("goals",),
            )

    @cached_property
    def search_space(self) -> Space:
        """The space without components that have the same value for all jobs of every training user.

        Raises
        ------
        ConfigurationError: If nothing that can change a list remains.
        """
        return self.space.drop(self.constant_components)

    @cached_property
    def constant_components(self) -> tuple[str, ...]:
        """Components that have the same value for all jobs of every training user."""
        return find_constant_components(self.train, self.space.model)

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the holdout, and one per constant component."""
        searched = {parameter.component for parameter in self.space.parameters}
        names = [name for name in self.constant_components if name not in searched]
        return (*self.train.notes, *describe_constant_components(names, self.space.locked))

    @property
    def baseline(self) -> ScoringModel:
        """The current model."""
        return self.space.model

    @property
    def declared(self) -> tuple[Measure, ...]:
        """The measures of the goals. They are declared before the search, for the model that it finds."""
        return tuple(goal.measure for goal in self.goals if goal.measure is not None)

    def values(self, evaluator: Evaluator, evaluation: Evaluation) -> list[float]:
        """Return the value of each goal."""
        return [goal.of(evaluator, evaluation) for goal in self.goals]

    def shortfalls(self, evaluation: Evaluation, baseline: Evaluation) -> list[float]:
        """Return how far each floor is missed; 0 or less if it is kept."""
        return [floor.shortfall(evaluation, baseline) for floor in self.floors]

    @cached_property
    def train_baseline(self) -> Evaluation:
        return self.train.evaluate(self.baseline)

    @cached_property
    def digest(self) -> str:
        """Hex digest that identifies the problem; a study is only continued for the same digest."""
        space, users = self.search_space, self.train.user_id
        content = [
            self.train.holdout.digest,
            space.model.digest,
            space.locked,
            *([space.dropped] if space.dropped else []),
            [[p.name, p.low, p.high, p.log] for p in space.parameters],
            [[goal.name, goal.maximise] for goal in self.goals],
            [
                [floor.name, floor.least, floor.is_relative, digest_users(users[floor.members(users)])]
                for floor in self.floors
            ],
        ]
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
