"""The prices of a search: measures other than its goals that a model makes worse, on the training users."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scoring.evaluation.measure_info import compute_relative_change, is_price
from scoring.evaluation.measure_values import MeasureValues
from scoring.model import ScoringModel
from scoring.tuning.problem import Problem

__all__ = ["describe_train_result", "measure_train_changes", "select_worse"]


def measure_train_changes(problem: Problem, models: Mapping[str, ScoringModel]) -> pd.DataFrame:
    """Return measures as rows and models as columns: changes as a share of the baseline's value.

    They have no test: a search compares many models on the training users.
    """
    start, goals = _measure(problem, problem.baseline), {goal.name for goal in problem.goals}
    columns = {
        name: {
            measure: compute_relative_change(value - start[measure], start[measure])
            for measure, value in _measure(problem, model).items()
            if measure not in goals
        }
        for name, model in models.items()
    }
    return pd.DataFrame(columns, dtype="float64")


def select_worse(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `measure_train_changes` that are a price of at least one model."""
    worse = [any(is_price(str(measure), change) for change in row) for measure, row in changes.iterrows()]
    return changes[np.array(worse, dtype=bool)]


def describe_train_result(problem: Problem, model: ScoringModel) -> str:
    """Return the goals of a model with those of the baseline, and the measures that it makes worse."""
    evaluation = problem.train.evaluate(model)
    pairs = zip(
        problem.goals,
        problem.values(problem.train, evaluation),
        problem.values(problem.train, problem.train_baseline),
        strict=True,
    )
    text = ", ".join(f"{goal.name} {value:,.4g} (baseline {start:,.4g})" for goal, value, start in pairs)
    changes = measure_train_changes(problem, {"model": model})["model"]
    worse = changes[[is_price(str(measure), change) for measure, change in changes.items()]]
    worse = worse.sort_values(key=lambda change: -change.abs(), kind="stable")
    prices = ", ".join(f"{measure} {change:+.0%}" for measure, change in worse.items())
    return f"{text}{f', at the price of {prices}' if prices else ''}, on training users"


def _measure(problem: Problem, model: ScoringModel) -> dict[str, float]:
    """Return measure → mean over the training users, or value of all lists. A measure without a value is left out."""
    values = MeasureValues.of(problem.train, problem.train.evaluate(model))
    means = {name: of_users[~np.isnan(of_users)] for name, of_users in values.per_user.items()}
    found = {name: float(known.mean()) for name, known in means.items() if len(known)}
    return found | {name: value.value for name, value in values.together.items()}
