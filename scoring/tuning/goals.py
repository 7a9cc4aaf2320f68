"""Goals of a search, and floors that it has to keep."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.array_types import Bools, Longs
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import PopulationFact, UserFact
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.measure_values import Measure
from scoring.evaluation.metrics import Metric, compute_mean
from scoring.evaluation.slices import Slicing

__all__ = ["Floor", "Goal", "ListGoal", "MetricGoal", "make_goal"]


class Goal(ABC):
    """A number computed from an evaluation, to be maximised (or minimised if `maximise` is false)."""

    maximise: bool = True

    @property
    def measure(self) -> Measure | None:
        """The measure that a scoreboard tests for this goal; None if it has none."""
        return None

    @property
    @abstractmethod
    def name(self) -> str:
        """The column name in tables."""

    @property
    @abstractmethod
    def k(self) -> int:
        """Number of jobs of each list that the goal considers."""

    @abstractmethod
    def of(self, evaluator: Evaluator, evaluation: Evaluation) -> float:
        """Return the value of the goal.

        Raises
        ------
        ConfigurationError: If the goal has no value for this evaluation.
        """


@dataclass(frozen=True)
class MetricGoal(Goal):
    """The mean of a metric over the users who have at least one relevant job.

    Example
    -------
    >>> from scoring.evaluation import NDCG
    >>> MetricGoal(NDCG(10)).name
    'NDCG@10'
    """

    metric: Metric
    maximise: bool = True

    @property
    def measure(self) -> Metric:
        return self.metric

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def k(self) -> int:
        return self.metric.k

    def of(self, evaluator: Evaluator, evaluation: Evaluation) -> float:
        return compute_mean(self.metric.of(evaluation.relevance), self.name)


@dataclass(frozen=True)
class ListGoal(Goal):
    """A property of lists, such as the mean fee or the coverage.

    A property per user is averaged over the users who have a value, for example a listed job with a known wage.

    Example
    -------
    >>> from scoring.evaluation import MeanFee
    >>> ListGoal(MeanFee(40)).name
    'mean fee@40'
    """

    fact: UserFact | PopulationFact
    maximise: bool = True

    @property
    def measure(self) -> UserFact | PopulationFact:
        return self.fact

    @property
    def name(self) -> str:
        return self.fact.name

    @property
    def k(self) -> int:
        return self.fact.k

    def of(self, evaluator: Evaluator, evaluation: Evaluation) -> float:
        facts = evaluator.facts(evaluation)
        if isinstance(self.fact, PopulationFact):
            value = self.fact.value_of(evaluation.ranking, facts)
            if math.isnan(value):
                raise ConfigurationError(
                    f"{self.name} has no value, because all lists are empty. Use other users, or relax the model's "
                    "eligibility rules.",
                    key=(self.name,),
                )
            return value
        return compute_mean(self.fact.of(evaluation.ranking, facts), self.name)


def make_goal(what: Goal | Metric | UserFact | PopulationFact | Any) -> Goal:
    """Return `what` as a goal. A metric or a fact of lists becomes a goal to maximise.

    Raises
    ------
    ConfigurationError: If `what` is not a goal, a metric or a fact of lists.
    """
    if isinstance(what, Goal):
        return what
    if isinstance(what, Metric):
        return MetricGoal(what)
    if isinstance(what, UserFact | PopulationFact):
        return ListGoal(what)
    raise ConfigurationError(
        f"{what!r} is not a goal. Use a metric such as NDCG(10), or a list fact such as MeanFee(40).", key=("goal",)
    )


@dataclass(frozen=True)
class Floor:
    """A lower limit on the mean of a metric over a slice of the users.

    With `relative`, `least` is a share of the baseline's mean in the slice; 1.0 allows no loss.

    Raises
    ------
    ConfigurationError: If `least` is negative or not finite, or the slicing has no slice `label`.

    Example
    -------
    >>> from scoring.evaluation import NDCG, make_slicings
    >>> tenure = make_slicings(ready.inputs)[2]
    >>> Floor(NDCG(10), tenure, "regular", least=0.95).name
    'NDCG@10 of tenure regular'
    """

    metric: Metric
    slicing: Slicing
    label: str
    least: float
    is_relative: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.least) and self.least >= 0):
            raise ConfigurationError(
                f"The floor of {self.name} is {self.least}. Use a finite number of 0 or more.", key=("least",)
            )
        if self.label not in self.slicing.labels:
            labels = ", ".join(self.slicing.labels)
            raise ConfigurationError(
                f"The slicing {self.slicing.name} has no slice {self.label!r}. Use one of: {labels}.", key=("label",)
            )

    @property
    def name(self) -> str:
        return f"{self.metric.name} of {self.slicing.name} {self.label}"

    def of(self, evaluation: Evaluation) -> float:
        """Return the mean of the metric in the slice.

        Raises
        ------
        ConfigurationError: If no user in the slice has a relevant job.
        """
        values = self.metric.of(evaluation.relevance)[self.members(evaluation.user_id)]
        if np.isnan(values).all():  # true for an empty slice, too
            n = len(evaluation.user_id)
            raise ConfigurationError(
                f"The floor on {self.name} has no value: none of the {n:,} evaluated users is in the slice and has a "
                "relevant job. Use more users, or omit this floor.",
                key=("floor",),
            )
        return compute_mean(values, self.name)

    def members(self, user_id: Longs) -> Bools:
        """Return which of these users are in the slice, (n,).

        Raises
        ------
        UnknownIdError: If the slicing does not contain a user.
        """
        return self.slicing.of_users(user_id).masks[self.slicing.labels.index(self.label)]

    def shortfall(self, evaluation: Evaluation, baseline: Evaluation) -> float:
        """Return how far the mean is below the floor; 0 or less if the floor is kept."""
        return (self.least * self.of(baseline) if self.is_relative else self.least) - self.of(evaluation)
