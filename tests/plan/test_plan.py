"""Plans: weights folded into arrays, eligibility as arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.backends import reference
from scoring.bundle.program import Program
from scoring.dataset import Dataset
from scoring.dataset.arrays import NO_TIME
from scoring.errors import ModelError
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.plan import Candidates, Plan
from scoring.ranking import Scorer
from scoring.statistics import Statistics
from scoring.testing.small_market import make_canonical
from tests.support.errors import raises_at
from tests.support.small_datasets import small_dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return small_dataset(8, n_users=20, n_jobs=80, n_actions=300)


@pytest.fixture(scope="module")
def inputs(data: Dataset) -> Inputs:
    return Inputs.of(Statistics(data))


# --- Weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["standard", "classic"])
def test_plan_with_other_weights_equals_new_plan(inputs: Inputs, name: str) -> None:
    model = load_model(name)
    plan = Plan.build(model, inputs)
    rng = np.random.default_rng(0)
    for _ in range(5):
        other = model.with_weights({part.name: float(rng.choice([0, 1, rng.random()])) + 1e-9 for part in model.parts})
        moved, built = plan.with_weights(other), Plan.build(other, inputs)
        for field, a, b in zip(Program._fields, moved.program, built.program, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=field)
        assert moved.model is other
    # back to the first weights
    for a, b in zip(plan.with_weights(model).program, plan.program, strict=True):
        np.testing.assert_array_equal(a, b)


def test_change_of_weights_shares_independent_arrays(inputs: Inputs) -> None:
    plan = Plan.build(load_model("standard"), inputs)
    moved = plan.with_weights(plan.model.with_weights({"wage": 1.0}))
    shared = [
        field
        for field, a, b in zip(Program._fields, plan.program, moved.program, strict=True)
        if isinstance(a, np.ndarray) and a is b
    ]
    assert set(Program._fields) - set(shared) == {
        "flat_weight",
        "group_weight",
        "n_folded",
        "folded_total",
        "folded_group",
    }
    assert moved.exclusions is plan.exclusions


def test_with_weights_rejects_other_changes(inputs: Inputs) -> None:
    model = load_model("standard")
    plan = Plan.build(model, inputs)
    for other in (model.with_parameters("fee", low=0), model.with_eligibility(open=False), load_model("classic")):
        with raises_at(ModelError, "model"):
            plan.with_weights(other)


def test_leading_job_components_are_folded(inputs: Inputs) -> None:
    """In `standard` these are the five components of the base group, summed in order."""
    plan = Plan.build(load_model("standard"), inputs)
    program = plan.program
    assert program.n_folded == 5
    values = reference.compute_component_values(program, np.array([0]), np.arange(program.n_jobs))[:, 0]
    total = np.zeros(program.n_jobs)
    for weight, value in zip(program.flat_weight[:5], values[:5], strict=True):
        total += weight * value
    np.testing.assert_array_equal(program.folded_total, total)
    assert not program.folded_group[1:].any()


def test_take_jobs_keeps_scores(inputs: Inputs) -> None:
    program = Plan.build(load_model("standard"), inputs).program
    jobs = np.array([70, 3, 3, 0])
    users = np.arange(program.n_users)
    np.testing.assert_array_equal(
        reference.compute_scores(program.take_jobs(jobs), users, np.arange(4)),
        reference.compute_scores(program, users, jobs),
    )
    assert program.take_jobs(np.array([], dtype=np.int64)).n_jobs == 0
    assert program.nbytes > program.take_jobs(jobs).nbytes > 0


# --- Exclusions ---------------------------------------------------------------------------------------------


def test_counts_assign_each_job_to_first_rule(inputs: Inputs) -> None:
    model = load_model("standard").with_eligibility(employment_types=(1,), min_fee=1000)
    exclusions = Plan.build(model, inputs).exclusions
    jobs = inputs.jobs
    closed, other, cheap = ~inputs.open_jobs, jobs.employment_type != 1, ~(jobs.fee >= 1000)
    later = jobs.posted_at > inputs.now
    expired = (jobs.expires_at != NO_TIME) & (jobs.expires_at <= inputs.now)
    assert exclusions.counts() == {
        "posted later": later.sum(),
        "expired": (expired & ~later).sum(),
        "inactive": (~jobs.active & ~later & ~expired).sum(),
        "employment type": (other & ~closed).sum(),
        "fee too low": (cheap & ~other & ~closed).sum(),
    }
    assert all(count > 0 for rule, count in exclusions.counts().items() if rule != "posted later")
    np.testing.assert_array_equal(exclusions.open_to_all, ~(closed | other | cheap))
    assert sum(exclusions.counts().values()) + exclusions.open_to_all.sum() == len(jobs)


def test_rules_that_are_off_have_no_reason(inputs: Inputs) -> None:
    model = load_model("standard").with_eligibility(not_applied=False, company_cooldown_days=None)
    exclusions = Plan.build(model, inputs).exclusions
    assert list(exclusions.count_pairs(np.arange(3))) == list(exclusions.counts())
    assert exclusions.matrix(np.arange(3)).tolist() == [exclusions.open_to_all.tolist()] * 3


@pytest.mark.parametrize("with_candidates", [False, True])
def test_pairs_count_at_the_first_reason(inputs: Inputs, with_candidates: bool) -> None:
    """Counts equal those of `find_reasons`, pair by pair. The rest of the pairs may be ranked."""
    rules = {"employment_types": (1, 2), "min_fee": 700, "company_cooldown_days": 200}
    n_users, n_jobs = len(inputs.users), len(inputs.jobs)
    bits = np.random.default_rng(0).integers(0, 256, (n_users, -(-n_jobs // 8))).astype(np.uint8)
    candidates = Candidates(bits, n_jobs) if with_candidates else None
    exclusions = Plan.build(load_model("standard").with_eligibility(**rules), inputs, candidates).exclusions
    for users in (np.arange(n_users), np.array([3, 0, 7]), np.array([], dtype=np.int64)):
        every_user, every_job = np.repeat(users, n_jobs), np.tile(np.arange(n_jobs), len(users))
        expected, left = {}, np.ones(len(every_user), dtype=bool)
        for reason, applies in exclusions.find_reasons(every_user, every_job).items():
            expected[reason] = int((left & applies).sum())
            left &= ~applies
        assert exclusions.count_pairs(users) == expected
        assert left.sum() == exclusions.matrix(users).sum()
    assert all(exclusions.count_pairs(np.arange(n_users))[reason] for reason in list(expected)[-2 - with_candidates :])


def test_missing_employment_type_is_excluded(inputs: Inputs) -> None:
    missing = inputs.jobs.frame["employment_type_code"].isna().to_numpy()
    assert missing.any()
    for types in [(-1,), (-1, 1)]:
        model = load_model("standard").with_eligibility(employment_types=types)
        assert Plan.build(model, inputs).exclusions.by_rule["employment type"][missing].all()


def test_all_jobs_are_eligible_without_rules(inputs: Inputs) -> None:
    model = load_model("standard").with_eligibility(
        open=False, min_fee=None, not_applied=False, company_cooldown_days=None
    )
    exclusions = Plan.build(model, inputs).exclusions
    assert exclusions.counts() == {}
    assert exclusions.matrix(np.arange(20)).all()


def test_applied_jobs_are_found_by_id_in_request(inputs: Inputs, data: Dataset) -> None:
    """The rows of the request are in another order, and some jobs are missing."""
    jobs = data.tables.jobs.sample(frac=0.6, random_state=1)
    request = Inputs.of(inputs.dataset, basis=inputs.basis, jobs=jobs)
    whole, part = (Plan.build(load_model("standard"), rows) for rows in (inputs, request))
    users = np.arange(20)
    np.testing.assert_array_equal(part.exclusions.matrix(users), whole.exclusions.matrix(users)[:, jobs.index])
    assert len(part.exclusions.arrays.excluded) >= len({*part.exclusions.arrays.excluded.tolist()}) > 0


@pytest.mark.parametrize(("days_ago", "cools"), [(13.0, True), (14.0, True), (14.0 + 1e-9, False), (15.0, False)])
def test_company_cooldown_lasts_fourteen_days(data: Dataset, days_ago: float, cools: bool) -> None:
    tables = data.tables
    never = np.zeros(len(tables.jobs), dtype=bool)
    jobs = tables.jobs.assign(
        company_id="C",
        is_active=True,
        fee=5000.0,
        posted_at=tables.jobs["posted_at"].where(never),
        expires_at=tables.jobs["expires_at"].where(never),
    )
    jobs.loc[5, "company_id"] = None
    when = data.as_of - pd.Timedelta(microseconds=round(days_ago * 86_400e6))
    actions = make_canonical(
        "actions",
        user_id=[data.users.user_id[0]] * 2,
        job_id=[data.jobs.job_id[0]] * 2,
        action=["application", "view"],
        occurred_at=[when, data.as_of],  # the view sets the clock
    )
    plan = Plan.build(
        load_model("standard"), Inputs.of(Statistics(Dataset(tables.with_tables(jobs=jobs, actions=actions))))
    )
    shown = plan.exclusions.matrix(np.arange(2))
    assert not shown[0, 0]  # applied to at any time
    assert shown[0, 1:].tolist() == [not cools or row == 5 for row in range(1, len(jobs))]
    assert shown[1].all()


def test_jobs_without_company_have_no_limit(inputs: Inputs, data: Dataset) -> None:
    """Jobs without a company do not count towards the company limit."""
    jobs = data.tables.jobs.assign(company_id=pd.Series([None] * len(data.jobs), dtype="str"))
    plan = Plan.build(
        load_model("classic").with_eligibility(open=False, max_per_company=1),
        Inputs.of(inputs.dataset, basis=inputs.basis, jobs=jobs),
    )
    assert (Scorer(plan).top_k(80).count == 80).all()
