"""Conditions that a model must satisfy to be chosen from the trials of a search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.tuning.goals import Goal

__all__ = ["Condition"]


@dataclass(frozen=True)
class Condition:
    """A limit on the value of a goal, on the users on which models are chosen.

    With `is_share`, `limit` is a share of the baseline's value: 0.95 for 95 %.

    Raises
    ------
    ConfigurationError: If `limit` is not finite.

    Example
    -------
    >>> from scoring.evaluation import MeanFee
    >>> from scoring.tuning import ListGoal
    >>> Condition(ListGoal(MeanFee(40)), ">=", 0.95, is_share=True).limit
    0.95
    """

    goal: Goal
    operator: Literal[">=", "<="]
    limit: float
    is_share: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.limit):
            raise ConfigurationError(f"The limit of {self.goal.name} is {self.limit}. Use a finite number.")

    def __str__(self) -> str:
        number = f"{100 * self.limit:g}%" if self.is_share else f"{self.limit:g}"
        return f"{self.goal.name} {self.operator} {number}"

    def shortfall(self, evaluator: Evaluator, evaluation: Evaluation, baseline: Evaluation) -> float:
        """Return by how much the limit is missed, as a share of the limit; 0 or less if the condition is satisfied."""
        limit = self.limit * self.goal.of(evaluator, baseline) if self.is_share else self.limit
        value = self.goal.of(evaluator, evaluation)
        missing = limit - value if self.operator == ">=" else value - limit
        return missing / (abs(limit) or 1.0)
