"""What a search is after, and what it may not give up."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.array_types import Bools, Longs
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator, Judgement
from scoring.evaluation.list_metrics import PopulationFact, UserFact
from scoring.evaluation.metrics import Metric, mean
from scoring.evaluation.slices import Slicing

__all__ = ["Floor", "Goal", "ListGoal", "MetricGoal", "goal_of"]


class Goal(ABC):
    """A number of a judgement, more of which is better (or less, where `maximise` is false)."""

    maximise: bool = True

    @property
    @abstractmethod
    def name(self) -> str:
        """As tables head it."""

    @property
    @abstractmethod
    def k(self) -> int:
        """How many jobs of each list it looks at."""

    @abstractmethod
    def of(self, evaluator: Evaluator, judgement: Judgement) -> float:
        """Its value. Raises ConfigurationError where there is none."""


@dataclass(frozen=True)
class MetricGoal(Goal):
    """The mean of a metric over the users who have a relevant job."""

    metric: Metric
    maximise: bool = True

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def k(self) -> int:
        return self.metric.k

    def of(self, evaluator: Evaluator, judgement: Judgement) -> float:
        return mean(self.metric.of(judgement.judged))


@dataclass(frozen=True)
class ListGoal(Goal):
    """What lists are like: mean fee, mean wage, novelty, coverage, concentration.

    The mean is over the users who have a value: whose list has a job of known wage, say.
    """

    fact: UserFact | PopulationFact
    maximise: bool = True

    @property
    def name(self) -> str:
        return self.fact.name

    @property
    def k(self) -> int:
        return self.fact.k

    def of(self, evaluator: Evaluator, judgement: Judgement) -> float:
        facts = evaluator.facts(judgement)
        if isinstance(self.fact, PopulationFact):
            value = self.fact.of(judgement.ranking, facts).value
            if math.isnan(value):
                raise ConfigurationError(f"there is no {self.name}: no list has any job.")
            return value
        return mean(self.fact.of(judgement.ranking, facts))


def goal_of(what: Goal | Metric | UserFact | PopulationFact | Any) -> Goal:
    """A metric or a fact of lists is a goal to maximise. Raises ConfigurationError for anything else."""
    if isinstance(what, Goal):
        return what
    if isinstance(what, Metric):
        return MetricGoal(what)
    if isinstance(what, UserFact | PopulationFact):
        return ListGoal(what)
    raise ConfigurationError(f"{what!r} is no goal; a goal is a metric such as NDCG(10), or a fact of lists.")


@dataclass(frozen=True)
class Floor:
    """A slice of the users for whom a metric's mean is not to fall below `least`.

    With `relative`, `least` is a share of what the baseline reaches there: 1.0 for nothing given up.

    Raises ConfigurationError: a least that is no number from 0 on; a slice that the slicing does not have.
    """

    metric: Metric
    slicing: Slicing
    label: str
    least: float
    relative: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.least) and self.least >= 0):
            raise ConfigurationError(f"{self.name} is to be {self.least} at least; give a number from 0 on.")
        if self.label not in self.slicing.labels:
            has = ", ".join(self.slicing.labels)
            raise ConfigurationError(f"{self.slicing.name} has no slice {self.label!r}: {has}.")

    @property
    def name(self) -> str:
        return f"{self.metric.name} of {self.slicing.name} {self.label}"

    def of(self, judgement: Judgement) -> float:
        """The metric's mean in the slice. Raises ConfigurationError: nobody of it has a relevant job."""
        values = self.metric.of(judgement.judged)[self.members(judgement.user_id)]
        if np.isnan(values).all():  # of nobody, too
            n = len(judgement.user_id)
            raise ConfigurationError(
                f"there is no {self.name}: none of these {n:,} users is of it and has a relevant job."
            )
        return mean(values)

    def members(self, user_id: Longs) -> Bools:
        """(n,) which of these users are of the slice. Raises UnknownIdError: one whom the slicing does not know."""
        return np.asarray(self.slicing.of_users(user_id).code == self.slicing.labels.index(self.label))

    def shortfall(self, judgement: Judgement, baseline: Judgement) -> float:
        """How far below the floor; 0 or less where it is kept."""
        return (self.least * self.of(baseline) if self.relative else self.least) - self.of(judgement)
