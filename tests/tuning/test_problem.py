"""Validation of problems, and equality of their digests."""

from __future__ import annotations

import pytest

from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Coverage, MeanFee
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.metrics import NDCG, Recall
from scoring.evaluation.slices import Slicing
from scoring.tuning.goals import Floor, ListGoal, MetricGoal
from scoring.tuning.problem import Problem
from tests.support.errors import raises_at
from tests.support.search_worker import problem_of


@pytest.fixture(scope="module")
def problem() -> Problem:
    return problem_of()


def test_values_follow_order_of_goals(problem: Problem) -> None:
    goals = (MetricGoal(NDCG(10)), ListGoal(MeanFee(10)), ListGoal(Coverage(10)))
    several = Problem(problem.space, problem.train, goals)
    evaluation = several.train_baseline
    assert several.values(problem.train, evaluation) == [goal.of(problem.train, evaluation) for goal in goals]
    assert evaluation.model == problem.baseline == problem.space.model


def test_shortfalls_follow_order_of_floors(problem: Problem) -> None:
    users = problem.train.user_id
    halves = Slicing.of("half", users, ["odd" if user % 2 else "even" for user in users.tolist()])
    floors = tuple(Floor(NDCG(10), halves, label, least) for label, least in (("odd", 1.0), ("even", 2.0)))
    found = Problem(problem.space, problem.train, floors=floors).shortfalls(
        problem.train_baseline, problem.train_baseline
    )
    assert found == [0.0, pytest.approx(floors[1].of(problem.train_baseline))]


def test_no_goal_or_duplicate_goal_raises(problem: Problem) -> None:
    for goals in ((), (MetricGoal(NDCG(10)), MetricGoal(NDCG(10), maximise=False))):
        with raises_at(ConfigurationError, "goals"):
            Problem(problem.space, problem.train, goals)


def test_metric_beyond_list_length_raises(problem: Problem) -> None:
    users = problem.train.user_id
    all_users = Slicing.of("all", users, ["all"] * len(users))
    for goals, floors, key in (
        ((MetricGoal(Recall(11)),), (), ("goals", "Recall@11")),
        ((ListGoal(Coverage()),), (), ("goals", "coverage@40")),
        ((MetricGoal(NDCG(10)),), (Floor(NDCG(20), all_users, "all", 1.0),), ("floors", "NDCG@20 of all all")),
    ):
        with raises_at(ConfigurationError, *key):
            Problem(problem.space, problem.train, goals, floors)


def test_equal_problems_have_equal_digests(problem: Problem) -> None:
    assert problem_of().digest == problem.digest
    longer = Evaluator(problem.train.holdout, metrics=(NDCG(10), Recall(30)), k=30)
    assert Problem(problem.space, longer).digest == problem.digest  # longer lists start with the same jobs
    fewer = Evaluator(problem.train.holdout, users=problem.train.user_id[1:], k=10)
    assert Problem(problem.space, fewer).digest != problem.digest
