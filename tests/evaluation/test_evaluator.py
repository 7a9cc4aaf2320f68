"""A cached evaluator gives the results of a new one, and both equal a plain Python computation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Coverage, ListFacts, MeanFee
from scoring.evaluation.evaluator import Evaluation, Evaluator, make_evaluators
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.holdout_splits import by_time, last_n
from scoring.evaluation.metrics import NDCG, HitRate, Recall
from scoring.evaluation.user_splits import split_users
from scoring.model import Component, Inputs, Part, Reason, ScoringModel, WeightProfile
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import UserTerm, Value
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.ranking import Prepared
from scoring.ranking.explanation import list_exclusions
from scoring.statistics import Statistics
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_unknown
from tests.support.example_counts import try_examples

METRICS = (NDCG(10), Recall(20), HitRate(5))
GAINS = {"application": 3.0, "click": 1.0}
STANDARD = load_model("standard")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(make_market(150, 500, 9_000, seed=4).tables)


@pytest.fixture(scope="module")
def holdout(data: Dataset) -> Holdout:
    return by_time(data, days=14, gains=GAINS)


@pytest.fixture(scope="module")
def own_candidates(data: Dataset) -> Holdout:
    """A holdout in which each user has the jobs open at that user's time."""
    return last_n(data, 2)


@pytest.fixture(scope="module")
def statistics(holdout: Holdout) -> Statistics:
    return Statistics(holdout.data)


@pytest.fixture(scope="module")
def evaluator(holdout: Holdout, statistics: Statistics) -> Evaluator:
    return Evaluator(holdout, metrics=METRICS, statistics=statistics)


def by_hand(holdout: Holdout, model: ScoringModel, user_id: int, statistics: Statistics) -> dict[str, float]:
    """Return the metrics of one user by their definitions, from all totals sorted."""
    ready = Prepared.of(statistics, model, candidates=holdout.candidates)
    (row,) = ready.user_rows([user_id])
    totals = ready.scorer.all_pairs(np.array([row]))[0, 0]
    allowed = np.flatnonzero(ready.plan.exclusions.matrix(np.array([row]))[0])
    best = sorted(allowed, key=lambda job: (-totals[job], ready.plan.job_id[job]))
    of_user = holdout.relevance.user_id == user_id
    wanted = dict(
        zip(holdout.relevance.job_id[of_user].tolist(), holdout.relevance.gain[of_user].tolist(), strict=True)
    )
    gains = [wanted.get(int(ready.plan.job_id[job]), 0.0) for job in best]
    dcg = [sum(gain / np.log2(2 + rank) for rank, gain in enumerate(ranked[:10])) for ranked in (gains, ideal(wanted))]
    return {
        "NDCG@10": dcg[0] / dcg[1],
        "Recall@20": sum(gain > 0 for gain in gains[:20]) / len(wanted),
        "HitRate@5": float(any(gains[:5])),
    }


def ideal(wanted: dict[int, float]) -> list[float]:
    return sorted(wanted.values(), reverse=True)


def same(a: Evaluation, b: Evaluation) -> None:
    np.testing.assert_array_equal(a.ranking.user_id, b.ranking.user_id)
    np.testing.assert_array_equal(a.ranking.job_id, b.ranking.job_id)
    np.testing.assert_array_equal(a.ranking.scores, b.ranking.scores)
    assert list(a.values) == list(b.values)
    for name, values in a.values.items():
        np.testing.assert_array_equal(values, b.values[name])


@pytest.mark.parametrize("kind", ["holdout", "own_candidates"])
def test_evaluate_equals_computation_by_hand(kind: str, request: pytest.FixtureRequest) -> None:
    holdout: Holdout = request.getfixturevalue(kind)
    statistics = Statistics(holdout.data)
    model = STANDARD.with_weights({"location": 0.5, "history": 0.3, "fee": 0.2})
    found = Evaluator(holdout, metrics=METRICS, statistics=statistics).evaluate(model)
    assert found.user_id.tolist() == sorted(set(holdout.relevance.user_id.tolist()))
    expected = [by_hand(holdout, model, user, statistics) for user in found.user_id[:25].tolist()]
    for name in found.values:
        np.testing.assert_allclose(found.values[name][:25], [one[name] for one in expected], rtol=1e-12, atol=1e-15)
        assert found.values[name].std() > 0
        assert f"{name} {found.values[name].mean():.4f}" in repr(found)


def test_lists_equal_engine_and_contain_only_candidates(own_candidates: Holdout) -> None:
    found = Evaluator(own_candidates, k=15, metrics=METRICS).evaluate(STANDARD)
    fresh = Prepared.of(own_candidates.data, STANDARD, candidates=own_candidates.candidates).top_k(20, found.user_id)
    np.testing.assert_array_equal(found.ranking.job_id, fresh.job_id)
    np.testing.assert_array_equal(found.ranking.scores, fresh.scores)
    assert own_candidates.candidates is not None
    rows = np.searchsorted(own_candidates.data.users.user_id, found.user_id)
    allowed = own_candidates.candidates.matrix(rows)
    listed = found.ranking.job_row >= 0
    assert allowed[np.nonzero(listed)[0], found.ranking.job_row[listed]].all()
    assert not allowed.all(axis=0).all()


MODELS = st.tuples(
    st.lists(st.floats(0, 1), min_size=11, max_size=11).filter(lambda weights: sum(weights) > 0.01),
    st.sampled_from([7.0, 14.0, 40.0]),
    st.sampled_from([{}, {"max_per_company": 1}, {"not_applied": False}, {"min_fee": 1500.0}]),
)


def model_of(drawn: tuple[list[float], float, dict]) -> ScoringModel:
    weights, half_life, rules = drawn
    model = STANDARD.with_parameters("freshness", half_life_days=half_life).with_eligibility(**rules)
    return model.with_weights(dict(zip((part.name for part in model.parts), weights, strict=True)))


@try_examples(5, 12, drawn=st.lists(MODELS, min_size=2, max_size=6))
def test_earlier_evaluations_do_not_change_results(holdout: Holdout, statistics: Statistics, drawn: list) -> None:
    lasting = Evaluator(holdout, metrics=METRICS, statistics=statistics)
    for model in map(model_of, drawn):
        fresh = Evaluator(holdout, metrics=METRICS, statistics=statistics)
        found, expected = lasting.evaluate(model), fresh.evaluate(model)
        same(found, expected)
        assert Coverage().of(found.ranking, lasting.facts(found)).value == pytest.approx(
            Coverage().of(expected.ranking, fresh.facts(expected)).value, abs=0
        )


def test_plan_is_rebuilt_only_if_more_than_weights_differ(
    holdout: Holdout, statistics: Statistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(name: str) -> None:
        whole = getattr(Plan, name)

        def counting(*args: object, **options: object) -> Plan | None:
            plan = whole(*args, **options)
            made.extend([name] * (plan is not None))
            return plan

        monkeypatch.setattr(Plan, name, counting)

    counted("build")
    counted("with_job_values")
    evaluator = Evaluator(holdout, metrics=METRICS, statistics=statistics)
    five = [STANDARD.with_parameters("freshness", half_life_days=days) for days in (1.0, 2.0, 3.0, 4.0, 5.0)]
    for model in five[:4]:
        evaluator.evaluate(model)
    assert len(made) == 4
    for model in [*five[:4], five[0].with_weights({"fee": 1.0}), five[3].with_weights({"wage": 0.5, "fee": 0.5})]:
        evaluator.evaluate(model)
    assert len(made) == 4
    evaluator.evaluate(five[4])  # evicts the least recently used entry, five[1]
    assert len(made) == 5
    for model in (five[0], five[2], five[3], five[4]):
        evaluator.evaluate(model)
    assert len(made) == 5
    evaluator.evaluate(five[1])
    assert len(made) == 6


class Listed(Component):
    """Points by the remainder of a user's id: a component with a list parameter, which is not hashable."""

    kind: ClassVar[str] = "listed"
    points: list[float]

    def terms(self, inputs: Inputs) -> Value:
        points = np.array(self.points)
        return Value((UserTerm(points[inputs.users.user_id % len(points)]),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(self.points[pair.user.user_id % len(self.points)])


def test_component_with_list_parameter_is_evaluated(holdout: Holdout, statistics: Statistics) -> None:
    weights = WeightProfile.normalised({"base": 0.5, "personal": 0.5}, {"base": {"fee": 1}, "personal": {"listed": 1}})
    fee = next(part for part in STANDARD.parts if part.name == "fee")
    model = ScoringModel("own", (fee, Part("listed", "personal", Listed(points=[0.0, 50.0]))), weights)
    evaluator = Evaluator(holdout, metrics=METRICS, statistics=statistics)
    evaluator.evaluate(model)
    again = model.with_weights({"fee": 0.9, "listed": 0.1})
    same(evaluator.evaluate(again), Evaluator(holdout, metrics=METRICS, statistics=statistics).evaluate(again))


def test_subset_of_users_has_the_same_rows(evaluator: Evaluator, holdout: Holdout) -> None:
    whole = evaluator.evaluate(STANDARD)
    some = np.sort(np.random.default_rng(1).choice(evaluator.user_id, 20, replace=False))
    found = Evaluator(holdout, users=some[::-1], metrics=METRICS, statistics=evaluator.statistics).evaluate(STANDARD)
    rows = np.searchsorted(whole.user_id, some)
    assert found.user_id.tolist() == some.tolist()
    np.testing.assert_array_equal(found.ranking.job_id, whole.ranking.job_id[rows])
    np.testing.assert_array_equal(found.ranking.scores, whole.ranking.scores[rows])
    for name, values in found.values.items():
        np.testing.assert_array_equal(values, whole.values[name][rows])


def test_evaluators_of_a_split_share_statistics(holdout: Holdout) -> None:
    split = split_users(holdout.user_id)
    parts = make_evaluators(holdout, split, k=20)
    assert [part.user_id.tolist() for part in parts] == [
        split.train.tolist(), split.validation.tolist(), split.test.tolist()
    ]  # fmt: skip
    assert len({id(part.statistics) for part in parts}) == 1
    assert {part.k for part in parts} == {40}  # the metrics need 40
    assert [part.user_id.tolist() for part in make_evaluators(holdout)] == [part.user_id.tolist() for part in parts]


def test_users_without_relevant_jobs_are_left_out(evaluator: Evaluator, holdout: Holdout) -> None:
    without_relevant = np.setdiff1d(holdout.data.users.user_id, holdout.user_id)
    assert len(without_relevant) > 0
    mixed_users = Evaluator(holdout, users=[*without_relevant, *holdout.user_id[:3]], statistics=evaluator.statistics)
    assert mixed_users.user_id.tolist() == holdout.user_id[:3].tolist()
    with raises_at(ConfigurationError, "users"):
        Evaluator(holdout, users=without_relevant, statistics=evaluator.statistics)
    with raises_at(ConfigurationError, "users"):
        Evaluator(holdout, users=[], statistics=evaluator.statistics)
    with raises_unknown("user", 999_999_999):
        Evaluator(holdout, users=[int(holdout.user_id[0]), 999_999_999], statistics=evaluator.statistics)


def test_lists_are_as_long_as_largest_k(holdout: Holdout, statistics: Statistics) -> None:
    assert Evaluator(holdout, k=5, metrics=METRICS, statistics=statistics).k == 20
    assert Evaluator(holdout, k=30, metrics=METRICS, statistics=statistics).k == 30
    short = Evaluator(holdout, k=3, metrics=(NDCG(2),), statistics=statistics).evaluate(STANDARD)
    assert short.ranking.job_id.shape[1] == 3
    for k in (0, -1, 2.5, True):
        with pytest.raises(ConfigurationError):
            Evaluator(holdout, k=k, metrics=METRICS, statistics=statistics)  # type: ignore[arg-type]


def test_duplicate_metrics_and_later_statistics_raise(holdout: Holdout, data: Dataset) -> None:
    with raises_at(ConfigurationError, "metrics", match="NDCG@10"):
        Evaluator(holdout, metrics=(NDCG(10), NDCG(10)))
    with raises_at(ConfigurationError, "statistics"):
        Evaluator(holdout, statistics=Statistics(data))


@pytest.mark.parametrize("kind", ["holdout", "own_candidates"])
def test_unreachable_pairs_are_counted_at_first_rule(kind: str, request: pytest.FixtureRequest) -> None:
    holdout: Holdout = request.getfixturevalue(kind)
    model = STANDARD.with_eligibility(min_fee=1500.0, company_cooldown_days=60.0)
    evaluator = Evaluator(holdout, metrics=METRICS)
    ready = Prepared.of(evaluator.statistics, model, candidates=holdout.candidates)
    allowed = ready.plan.exclusions.matrix(np.arange(len(ready.plan.user_id)))
    counts: dict[str, int] = {}
    listed = evaluator.evaluate(model).ranking
    for user, job in zip(holdout.relevance.user_id, holdout.relevance.job_id, strict=True):
        row, place = int(ready.user_rows([user])[0]), int(ready.job_rows([job])[0])
        reasons = list_exclusions(ready.plan, row, place)
        assert bool(reasons) == (not allowed[row, place])
        if reasons:
            counts[reasons[0]] = counts.get(reasons[0], 0) + 1
            assert job not in listed.job_id[np.searchsorted(listed.user_id, user)]
    assert evaluator.count_unreachable(model) == counts
    assert len(counts) >= 2
    everything = {"open": False, "min_fee": None, "not_applied": False, "company_cooldown_days": None}
    assert set(evaluator.count_unreachable(STANDARD.with_eligibility(**everything))) <= {"not a candidate of any user"}


def test_list_facts_follow_eligibility_rules(evaluator: Evaluator) -> None:
    for rules in ({"min_fee": 2000.0}, {}, {"min_fee": 3000.0}):
        evaluation = evaluator.evaluate(STANDARD.with_eligibility(**rules))
        facts = evaluator.facts(evaluation)
        eligible = evaluation.prepared.plan.exclusions.open_to_all
        np.testing.assert_array_equal(facts.eligible, eligible)
        fresh = ListFacts.of(evaluator.inputs, eligible)
        np.testing.assert_array_equal(facts.fee, fresh.fee)
        found = MeanFee(20).of(evaluation.ranking, facts)
        assert (found[~np.isnan(found)] >= rules.get("min_fee", 0.0)).all()


def test_names_of_version_0_1_warn(evaluator: Evaluator) -> None:
    with pytest.warns(DeprecationWarning, match=r"Use Evaluator\.evaluate"):
        evaluation = evaluator.judge(STANDARD)
    with pytest.warns(DeprecationWarning, match=r"Use Evaluation\.relevance"):
        assert evaluation.judged is evaluation.relevance
