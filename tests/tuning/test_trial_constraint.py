"""Conditions for the choice of a model, with goals of fixed values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scoring.errors import ConfigurationError
from scoring.tuning.goal_parser import parse_condition
from scoring.tuning.trial_constraint import Condition


class FixedGoal:
    """A goal whose value is stored in the evaluation."""

    name, k = "mean fee@40", 40

    def of(self, evaluator: Any, evaluation: Any) -> float:
        return evaluation.value


BASELINE: Any = SimpleNamespace(value=4_000.0)


@pytest.mark.parametrize(
    ("operator", "limit", "is_share", "value", "shortfall"),
    [
        (">=", 3_000.0, False, 2_700.0, 0.1),
        (">=", 3_000.0, False, 3_000.0, 0.0),
        (">=", 0.95, True, 3_800.0, 0.0),
        (">=", 0.95, True, 1_900.0, 0.5),
        ("<=", 3_000.0, False, 3_300.0, 0.1),
        ("<=", 1.0, True, 3_000.0, -0.25),
    ],
)
def test_shortfall_is_a_share_of_the_limit(
    operator: Any, limit: float, is_share: bool, value: float, shortfall: float
) -> None:
    goal: Any = FixedGoal()
    condition, evaluator, evaluation = Condition(goal, operator, limit, is_share), None, SimpleNamespace(value=value)
    assert condition.shortfall(evaluator, evaluation, BASELINE) == pytest.approx(shortfall)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "limit", "is_share", "printed"),
    [
        ("mean fee@40 >= 3000", 3_000.0, False, "mean fee@40 >= 3000"),
        ("NDCG@10>=95%", 0.95, True, "NDCG@10 >= 95%"),
        (" coverage@40 <= 1,000.5 ", 1_000.5, False, "coverage@40 <= 1000.5"),
    ],
)
def test_condition_is_parsed(text: str, limit: float, is_share: bool, printed: str) -> None:
    condition = parse_condition(text)
    assert (condition.limit, condition.is_share, str(condition)) == (limit, is_share, printed)


@pytest.mark.parametrize(
    "text", ["mean fee@40", "mean fee@40 > 3", "mean fee@40 == 3", "fee@40 >= 3", ">= 3", "NDCG@10 >= x", "NDCG >= 3"]
)
def test_invalid_conditions_are_rejected(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_condition(text)
