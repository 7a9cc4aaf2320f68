"""What a search is after, and what it may not give up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator, Judgement
from scoring.evaluation.lists import PopulationFact, UserFact
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

    @abstractmethod
    def of(self, evaluator: Evaluator, judgement: Judgement) -> float:
        """Its value. Raises ConfigurationError where there is none."""


@dataclass(frozen=True)
class MetricGoal(Goal):
    """The mean of a metric over users."""

    metric: Metric
    maximise: bool = True

    @property
    def name(self) -> str:
        return self.metric.name

    def of(self, evaluator: Evaluator, judgement: Judgement) -> float:
        return mean(self.metric.of(judgement.judged))


@dataclass(frozen=True)
class ListGoal(Goal):
    """What lists are like: mean fee, mean wage, novelty, coverage, concentration."""

    fact: UserFact | PopulationFact
    maximise: bool = True

    @property
    def name(self) -> str:
        return self.fact.name

    def of(self, evaluator: Evaluator, judgement: Judgement) -> float:
        facts = evaluator.facts(judgement)
        if isinstance(self.fact, PopulationFact):
            return self.fact.of(judgement.ranking, facts).value
        return mean(self.fact.of(judgement.ranking, facts))


def goal_of(what: Goal | Metric | UserFact | PopulationFact) -> Goal:
    """A metric or a fact of lists is a goal to maximise."""
    if isinstance(what, Goal):
        return what
    return MetricGoal(what) if isinstance(what, Metric) else ListGoal(what)


@dataclass(frozen=True)
class Floor:
    """A slice of the users for whom a metric's mean is not to fall below `least`.

    With `relative`, `least` is a share of what the baseline reaches there: 1.0 for nothing given up.
    """

    metric: Metric
    slicing: Slicing
    label: str
    least: float
    relative: bool = True

    @property
    def name(self) -> str:
        return f"{self.metric.name} of {self.slicing.name} {self.label}"

    def of(self, judgement: Judgement) -> float:
        """The metric's mean in the slice. Raises ConfigurationError: nobody of it has a relevant job."""
        here = self.slicing.of_users(judgement.user_id)
        if self.label not in here.labels:
            raise ConfigurationError(f"{self.slicing.name} has no slice {self.label!r}: {', '.join(here.labels)}.")
        values = self.metric.of(judgement.judged)[here.code == here.labels.index(self.label)]
        return mean(values)

    def shortfall(self, judgement: Judgement, baseline: Judgement) -> float:
        """How far below the floor; 0 or less where it is kept."""
        return (self.least * self.of(baseline) if self.relative else self.least) - self.of(judgement)
