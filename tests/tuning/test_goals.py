"""Goals and floors are the means that they name. The mean of an empty set is rejected."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Concentration, Coverage, MeanFee, MeanWage
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import MRR, NDCG
from scoring.evaluation.slices import Slicing, make_slicings
from scoring.model_catalog import load_model
from scoring.synthetic import make_market
from scoring.tuning.goals import Floor, ListGoal, MetricGoal, make_goal
from tests.support.errors import raises_at, raises_unknown

# no component with factors
MODEL = load_model("standard").with_weights({"fee": 0.3, "location": 0.4, "category": 0.3})
OTHER = MODEL.with_weights({"location": 1.0})


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(by_time(Dataset(make_market(120, 300, 7_000, seed=7).tables)), metrics=(NDCG(10),), k=10)


@pytest.fixture(scope="module")
def halves(evaluator: Evaluator) -> Slicing:
    users = evaluator.inputs.dataset.users.user_id  # all users, not only the evaluated ones
    return Slicing.of("half", users, ["odd" if user % 2 else "even" for user in users.tolist()])


def test_metric_goal_is_mean_over_users(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate(MODEL)
    goal = MetricGoal(MRR(5))  # not a metric of the evaluator
    assert goal.of(evaluator, evaluation) == MRR(5).of(evaluation.relevance).mean()
    assert (goal.name, goal.k, goal.maximise) == ("MRR@5", 5, True)


def test_list_goals_by_hand(evaluator: Evaluator) -> None:
    evaluation = evaluator.evaluate(MODEL)
    jobs = evaluator.holdout.data.tables.jobs.set_index("job_id")
    lists = [row[:n].tolist() for row, n in zip(evaluation.ranking.job_id, evaluation.ranking.count, strict=True)]
    fees = [jobs.loc[jobs_of, "fee"].fillna(0).mean() for jobs_of in lists]
    fee = ListGoal(MeanFee(10), maximise=False)
    assert fee.of(evaluator, evaluation) == pytest.approx(np.mean(fees), rel=1e-12)
    assert (fee.name, fee.k, fee.maximise) == ("mean fee@10", 10, False)
    listed = {job for one in lists for job in one}
    eligible = evaluation.prepared.plan.exclusions.open_to_all.sum()
    assert ListGoal(Coverage(10)).of(evaluator, evaluation) == pytest.approx(len(listed) / eligible, rel=1e-12)


def test_user_without_value_does_not_count_as_0(evaluator: Evaluator) -> None:
    """The mean skips users whose list has no job with a wage. It is rejected if all users are skipped."""
    data = evaluator.holdout.data
    wages = data.tables.jobs["min_salary"].where(data.tables.jobs["job_id"] % 61 == 0)
    some = Dataset(data.tables.with_tables(jobs=data.tables.jobs.assign(min_salary=wages)), as_of=data.as_of)
    few = Evaluator(by_time(some, days=7), metrics=(NDCG(2),), k=10)
    evaluation = few.evaluate(MODEL)
    values = MeanWage(10).of(evaluation.ranking, few.facts(evaluation))
    assert 0 < np.isnan(values).sum() < len(values)
    assert ListGoal(MeanWage(10)).of(few, evaluation) == values[~np.isnan(values)].mean()
    none = Dataset(data.tables.with_tables(jobs=data.tables.jobs.assign(min_salary=np.nan)), as_of=data.as_of)
    no_wages = Evaluator(by_time(none, days=7), metrics=(NDCG(2),), k=10)
    with raises_at(ConfigurationError, "values"):
        ListGoal(MeanWage(10)).of(no_wages, no_wages.evaluate(MODEL))


def test_concentration_of_empty_lists_raises(evaluator: Evaluator) -> None:
    """A missing value is rejected; otherwise a search would never end."""
    some = Evaluator(evaluator.holdout, users=evaluator.user_id[:1], metrics=(NDCG(10),), k=10)
    evaluation = some.evaluate(MODEL)
    evaluation.ranking.count[:] = 0
    with raises_at(ConfigurationError, "concentration@10"):
        ListGoal(Concentration(10)).of(some, evaluation)


def test_goal_of_accepts_metrics_and_facts() -> None:
    goal = MetricGoal(NDCG(5), maximise=False)
    assert make_goal(goal) is goal
    assert make_goal(NDCG(5)) == MetricGoal(NDCG(5))
    assert make_goal(Coverage()) == ListGoal(Coverage())
    assert make_goal(MeanFee()) == ListGoal(MeanFee())
    for invalid in ("NDCG@10", None, NDCG):
        with raises_at(ConfigurationError, "goal"):
            make_goal(invalid)


def test_floor_is_computed_over_its_slice(evaluator: Evaluator, halves: Slicing) -> None:
    before, after = evaluator.evaluate(MODEL), evaluator.evaluate(OTHER)
    odd = evaluator.user_id % 2 == 1
    was, now = (one.values["NDCG@10"][odd].mean() for one in (before, after))
    assert was != now
    floor = Floor(NDCG(10), halves, "odd", 0.9)
    assert floor.name == "NDCG@10 of half odd"
    np.testing.assert_array_equal(floor.members(evaluator.user_id), odd)
    assert floor.of(after) == pytest.approx(now, abs=1e-15)
    assert floor.shortfall(after, before) == pytest.approx(0.9 * was - now, abs=1e-15)
    assert Floor(NDCG(10), halves, "odd", 1.0).shortfall(before, before) == 0
    assert Floor(NDCG(10), halves, "odd", 0.9, is_relative=False).shortfall(after, before) == pytest.approx(0.9 - now)
    assert Floor(NDCG(10), halves, "odd", now, is_relative=False).shortfall(after, before) == 0


def test_floors_by_slices_of_dataset(evaluator: Evaluator) -> None:
    tenure = next(one for one in make_slicings(evaluator.inputs) if one.name == "tenure")
    evaluation = evaluator.evaluate(MODEL)
    means = [Floor(NDCG(10), tenure, label, 1.0).of(evaluation) for label in tenure.labels]
    sizes = tenure.masks.sum(axis=1)
    assert np.average(means, weights=sizes) == pytest.approx(evaluation.values["NDCG@10"].mean(), rel=1e-12)


def test_floor_of_empty_slice_raises(evaluator: Evaluator, halves: Slicing) -> None:
    even = evaluator.user_id[evaluator.user_id % 2 == 0]
    some = Evaluator(evaluator.holdout, users=even, metrics=(NDCG(10),), k=10)
    floor = Floor(NDCG(10), halves, "odd", 1.0)
    with raises_at(ConfigurationError, "floor"):
        floor.of(some.evaluate(MODEL))
    other_users = Slicing.of("half", even, ["even"] * len(even))
    with raises_unknown("user", 7):
        Floor(NDCG(10), other_users, "even", 1.0).of(evaluator.evaluate(MODEL))


@pytest.mark.parametrize("least", [-0.1, float("nan"), float("inf")])
def test_invalid_floor_raises(halves: Slicing, least: float) -> None:
    with raises_at(ConfigurationError, "least"):
        Floor(NDCG(10), halves, "odd", least)
    with raises_at(ConfigurationError, "label"):
        Floor(NDCG(10), halves, "third", 1.0)
