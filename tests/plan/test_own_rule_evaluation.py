"""Own rules on data: errors about columns and types, merged classes, and counts."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.dataset import Dataset
from scoring.errors import ModelError
from scoring.model import EligibilityRule, Inputs
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.plan.own_rule_evaluation import make_user_rule
from scoring.plan.user_rules import MAX_CLASSES, ClassRule, merge_class_rules
from scoring.ranking import Scorer
from tests.support.small_datasets import small_dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return small_dataset(3, n_users=20, n_jobs=80)


@pytest.fixture(scope="module")
def inputs(data: Dataset) -> Inputs:
    return Inputs.of(data)


@pytest.mark.parametrize(
    ("where", "column"),
    [
        ("job.fees > 1", "job.fees"),
        ("job.endcl_cd == 'C1'", "job.endcl_cd"),
        ("job.fee == user.fee", "user.fee"),
        ("job.fee > '800'", "job.fee"),
        ("job.title > 'a'", "job.title"),
        ("job.title == 3", "job.title"),
        ("job.has_remote_work == 1", "job.has_remote_work"),
        ("job.has_remote_work > False", "job.has_remote_work"),
        ("job.fee", "job.fee"),
        ("job.fee == True", "job.fee"),
        ("job.posted_at > 20250101", "job.posted_at"),
        ("job.posted_at > 'yesterday'", "job.posted_at"),
        ("1 in job.fee", "job.fee"),
        ("job.fee in ('a', 'b')", "job.fee"),
        ("job.title == job.fee", "job.title"),
        ("job.title in job.address", "job.address"),
        ("job.title == user.preferred_salary_min", "job.title"),
        ("job.occupation_code < user.preferred_occupations", "user.preferred_occupations"),
        ("user.preferred_occupations == job.occupation_code", "user.preferred_occupations"),
        ("job.title in user.preferred_occupations", "job.title"),
        ("job.prefecture_code in user.prefecture_code", "user.prefecture_code"),
        ("job.prefecture_code < user.prefecture_code", "job.prefecture_code"),
    ],
)
def test_unfit_columns_are_refused_by_name(inputs: Inputs, where: str, column: str) -> None:
    model = load_model("standard").with_eligibility(rules=[{"name": "mine", "where": where}])
    with pytest.raises(ModelError, match=r"rule 'mine' .* at character \d+ of ") as raised:
        Plan.build(model, inputs)
    assert raised.value.key == ("eligibility", "rules", "mine", column)


def test_unknown_column_suggests_the_nearest(inputs: Inputs) -> None:
    model = load_model("standard").with_eligibility(rules="job.fees > 1")
    with pytest.raises(ModelError, match="Did you mean fee") as raised:
        Plan.build(model, inputs)
    assert "own.yaml" not in str(raised.value)


def test_equal_rows_and_columns_become_one_class() -> None:
    allowed = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)
    rule = ClassRule("x", np.array([0, 1, 2, 1], np.int32), np.array([2, 0, 1], np.int32), allowed).reduced()
    assert rule.allowed.shape == (2, 2)
    np.testing.assert_array_equal(rule.allowed[rule.user_class][:, rule.job_class], allowed[[0, 1, 2, 1]][:, [2, 0, 1]])


def test_rules_that_allow_every_pair_are_dropped() -> None:
    every = ClassRule("x", np.zeros(3, np.int32), np.zeros(5, np.int32), np.ones((1, 1), dtype=bool))
    assert merge_class_rules([every, every]) == []


def test_several_class_rules_become_one_table(inputs: Inputs) -> None:
    rules = ["job.prefecture_code == user.prefecture_code", "job.occupation_code in user.preferred_occupations"]
    arrays = Plan.build(load_model("standard").with_eligibility(rules=rules), inputs).exclusions.arrays
    assert len(arrays.class_start) == 1
    assert (arrays.user_class.dtype, arrays.job_class.dtype) == (np.int32, np.uint16)


def test_plan_without_rules_has_no_tables(inputs: Inputs) -> None:
    arrays = Plan.build(load_model("standard"), inputs).exclusions.arrays
    assert len(arrays.class_start) == len(arrays.class_allowed) == len(arrays.required_start) == 0


def test_too_many_classes_are_refused() -> None:
    """A comparison has as many classes as the column with fewer values: more are possible on one side."""
    data = small_dataset(1, n_users=10, n_jobs=20)
    n = MAX_CLASSES + 200
    users = data.tables.users.iloc[np.arange(n) % 10].reset_index(drop=True)
    users = users.assign(user_id=np.arange(n), preferred_salary_min=np.arange(n, dtype=float))
    jobs = data.tables.jobs.iloc[np.arange(n) % 20].reset_index(drop=True)
    many = jobs.assign(job_id=np.arange(n), fee=np.arange(n, dtype=float) + 0.5)
    rule = EligibilityRule("job.fee >= user.preferred_salary_min")
    few = make_user_rule(rule, Inputs.of(data, users=users, jobs=data.tables.jobs))
    assert isinstance(few, ClassRule)
    assert max(few.allowed.shape) <= MAX_CLASSES
    with pytest.raises(ModelError, match=f"At most {MAX_CLASSES:,}") as raised:
        make_user_rule(rule, Inputs.of(data, users=users, jobs=many))
    assert raised.value.key[-1] == "job.fee"


def test_lists_count_by_their_values() -> None:
    """More different lists than classes are possible. A table of lists that is too large is refused."""
    data = small_dataset(1, n_users=10, n_jobs=20)
    occupations = list(range(100, 120))
    rng, n = np.random.default_rng(0), 2 * MAX_CLASSES
    chosen = rng.random((n, len(occupations))) < 0.5
    chosen[:, 0] = True
    lists = [[occupations[place] for place in np.flatnonzero(row)] for row in chosen]
    users = data.tables.users.iloc[np.arange(n) % 10].reset_index(drop=True)
    users = users.assign(user_id=np.arange(n), preferred_occupations=lists)
    inputs = Inputs.of(data, users=users, jobs=data.tables.jobs.assign(occupation_code=occupations))
    rule = EligibilityRule("job.occupation_code in user.preferred_occupations")
    found = make_user_rule(rule, inputs)
    assert isinstance(found, ClassRule)
    code = inputs.jobs.read_column("occupation_code").tolist()
    expected = [[job in wanted for job in code] for wanted in lists]
    np.testing.assert_array_equal(found.allowed[found.user_class][:, found.job_class], expected)
    assert len(found.allowed) == len({tuple(row) for row in chosen})
    assert len(found.allowed) > MAX_CLASSES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scoring.plan.own_rule_evaluation.MAX_TABLE", 1000 * (len(occupations) + 2))
        with pytest.raises(ModelError, match="different lists") as raised:
            make_user_rule(rule, inputs)
    assert raised.value.key[-1] == "job.occupation_code"


def test_unknown_companies_of_a_request_have_no_actions(data: Dataset, inputs: Inputs) -> None:
    jobs = data.tables.jobs.head(5).assign(company_id="new", job_id=[10**9 + i for i in range(5)])
    request = Inputs.of(data, basis=inputs.basis, jobs=jobs)
    for word, listed in (("==", True), ("<", False)):
        rule = f"days_since(user, job.company_id, 'click') {word} inf"
        rules = {"open": False, "min_fee": None, "rules": [rule]}
        plan = Plan.build(load_model("standard").with_eligibility(**rules), request)
        assert (plan.exclusions.matrix(np.arange(len(request.users))) == listed).all()


def test_counts_of_few_jobs_equal_the_matrix(data: Dataset, inputs: Inputs) -> None:
    """The history contains companies and jobs that are not requested."""
    users = np.arange(len(inputs.users))
    rule = "days_since(user, job.company_id, 'view') > 400"
    for n_jobs in (0, 1, 30):
        request = Inputs.of(data, basis=inputs.basis, jobs=data.tables.jobs.head(n_jobs))
        exclusions = Plan.build(load_model("standard").with_eligibility(rules=rule), request).exclusions
        counts = exclusions.count_pairs(users)
        assert n_jobs * len(users) - sum(counts.values()) == exclusions.matrix(users).sum()
    assert counts[rule] > 0


def test_too_large_masks_are_left_out(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model("standard").with_eligibility(rules="job.prefecture_code == user.prefecture_code")
    with_masks = Plan.build(model, inputs)
    assert len(with_masks.layout.limits.block_mask) > 0
    monkeypatch.setattr("scoring.plan.block_layout._MAX_MASK_BITS", 0)
    without = Plan.build(model, inputs)
    assert len(without.layout.limits.block_mask) == 0
    rankings = [Scorer(plan, workers=1, path="pruned").top_k(20) for plan in (with_masks, without)]
    np.testing.assert_array_equal(*(ranking.job_id for ranking in rankings))
    assert rankings[0].count.max() > 0


def test_predicted_bytes_include_tables_of_rules(inputs: Inputs) -> None:
    """The tables of a rule, and the memory in which their masks are computed."""
    model = load_model("standard")
    plain, with_rule = (
        Plan.build(model.with_eligibility(rules=rules), inputs)
        for rules in ([], "job.prefecture_code == user.prefecture_code")
    )
    assert plain.search_bytes == 0
    limits = with_rule.layout.limits
    kept = (limits.job_class, limits.class_allowed, limits.block_mask, limits.cell_mask)
    assert with_rule.search_bytes > sum(array.nbytes for array in kept) > 0
