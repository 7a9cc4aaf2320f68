"""A plan with replaced job values equals a plan built from scratch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.model import Component, Part, Reason, ScoringModel
from scoring.model.terms import JobTerm, UserTerm, Value
from scoring.statistics import Statistics

STANDARD = load_model("standard")
CURVE = ((0.0, 10.0), (0.9, 20.0), (1.1, 95.0), (2.0, 90.0))


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return Statistics(Dataset(make_market(60, 1500, 5_000, seed=5).tables))


@pytest.fixture
def ready(statistics) -> Prepared:
    made = Prepared.of(statistics, STANDARD)
    made.top_k(15)
    return made


def require_same(one: Prepared, other: Prepared) -> None:
    for k in (15, 1500):
        a, b = one.top_k(k), other.top_k(k)
        for name in ("user_id", "job_id", "scores", "count"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(one.scorer.all_pairs(), other.scorer.all_pairs())


CHANGES = {
    "freshness": STANDARD.with_parameters("freshness", half_life_days=1.5),
    "a curve": STANDARD.with_parameters("wage", curve=CURVE),
    "several, and weights": STANDARD.with_parameters("fee", low=0, high=900)
    .with_parameters("access", start=0, station=10, address=90)
    .with_parameters("popularity", days=30, prior_looks=1)
    .with_weights({"fee": 0.5, "access": 0.2, "location": 0.1, "collaborative": 0.2}),
}


@pytest.mark.parametrize("model", CHANGES.values(), ids=CHANGES)
def test_changed_job_values_equal_new_plan(ready, statistics, model):
    changed = ready.with_model(model)
    assert changed.plan.layout.jobs is ready.plan.layout.jobs  # the layout was reused
    require_same(changed, Prepared.of(statistics, model))


def test_successive_changes_equal_new_plan(ready, statistics):
    now = ready
    for model in (*CHANGES.values(), STANDARD):
        now = now.with_model(model)
        require_same(now, Prepared.of(statistics, model))


OTHERS = {
    "a lookup": STANDARD.with_parameters("location", adjacent=70),
    "a divisor": STANDARD.with_parameters("conditions", other_style=0.1),
    "flags": STANDARD.with_parameters("clicks", daily_payment=1, days=3),
    "an interval": STANDARD.with_parameters("history", near=0.6, wage=40, start=0),
    "vectors": STANDARD.with_parameters("collaborative", unknown=90).with_parameters("fee", low=0),
    "a rule": STANDARD.with_eligibility(min_fee=1000),
    "another rule": STANDARD.with_eligibility(max_per_company=1),
    "another model": load_model("classic"),
}


def test_successive_models_equal_new_plan(ready, statistics):
    now = ready
    for model in (*OTHERS.values(), *CHANGES.values(), *reversed(OTHERS.values())):
        now = now.with_model(model)
        require_same(now, Prepared.of(statistics, model))


def test_unchanged_arrays_are_reused(ready):
    changed = ready.with_model(OTHERS["a lookup"])
    assert changed.plan.program.job_vector is ready.plan.program.job_vector
    assert changed.plan.exclusions is ready.plan.exclusions
    other = ready.with_model(OTHERS["vectors"])
    assert other.plan.program.job_vector is not ready.plan.program.job_vector


def test_previous_plan_is_not_changed(ready, statistics):
    ready.with_model(CHANGES["freshness"]).top_k(15)
    require_same(ready, Prepared.of(statistics, STANDARD))


@pytest.mark.parametrize("model", OTHERS.values(), ids=OTHERS)
def test_other_changes_build_new_plan(ready, statistics, model):
    assert ready.plan.with_job_values(model, ready.inputs) is None
    require_same(ready.with_model(model), Prepared.of(statistics, model))


class Switch(Component):
    """Component with a term of the job, two of them, or a term of the user."""

    kind: ClassVar[str] = "switch"

    of_user: bool = False
    twice: bool = False

    def terms(self, inputs):
        if self.of_user:
            return Value((UserTerm(np.full(len(inputs.users), 7.0)),))
        term = JobTerm(np.where(inputs.jobs.job_id % 3 == 0, 40.0, 10.0))
        return Value((term, term) if self.twice else (term,))

    def explain(self, pair):
        value = 40.0 if pair.job.job_id % 3 == 0 else 10.0
        return Reason(7.0 if self.of_user else 2 * value if self.twice else value)


@pytest.mark.parametrize("change", [{"of_user": True}, {"twice": True}])
def test_other_terms_build_new_plan(statistics, change):
    parts = (Part("switch", "base", Switch()), *STANDARD.parts[1:])
    weights = type(STANDARD.weights)(
        STANDARD.weights.groups,
        STANDARD.weights.components | {"base": {part.name: 0.2 for part in parts if part.group == "base"}},
    )
    before = ScoringModel("own", parts, weights)
    after = before.with_parameters("switch", **change)
    ready = Prepared.of(statistics, before)
    ready.top_k(15)
    assert ready.plan.with_job_values(after, ready.inputs) is None
    require_same(ready.with_model(after), Prepared.of(statistics, after))
