"""Rules of lists on a market: precedence pair by pair, the clock, the run's key, and explanations."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.backends.reference import ReferenceBackend
from scoring.errors import ModelError
from scoring.model.list_rules import ListRules, parse_list_rules
from scoring.ranking import Prepared
from scoring.runs.publishers import FramePublisher
from tests.support.small_runs import run

K = 8
ALL_JOBS = "where: job.fee >= 0 or job.fee is missing"


@cache
def market() -> scoring.Dataset:
    return scoring.Dataset(scoring.make_market(20, 200, 400, seed=1).tables)


def rules_of(*rules: str) -> ListRules:
    lines = [f"  - {{name: rule {number}, {rule}, owner: Sato, reason: test}}" for number, rule in enumerate(rules)]
    return parse_list_rules("\n".join(["rules:", *lines]))


@cache
def prepared(*rules: str, max_per_company: int | None = None) -> Prepared:
    model = scoring.load_model("standard").with_eligibility(max_per_company=max_per_company)
    return Prepared.of(market(), model, workers=1, list_rules=rules_of(*rules) if rules else None)


def lists(*rules: str, max_per_company: int | None = None) -> list[list[int]]:
    found = prepared(*rules, max_per_company=max_per_company).top_k(K)
    return [jobs[:count].tolist() for jobs, count in zip(found.job_id, found.count, strict=True)]


def one_job() -> int:
    """Return a job that is in no list without rules, and that every user may get."""
    plain = prepared()
    listed = {job for row in lists() for job in row}
    may = plain.plan.exclusions.matrix(plain.active_users).all(axis=0)
    return next(int(job) for job in plain.plan.job_id[may] if int(job) not in listed)


def of_job(job: int) -> str:
    return f"where: job.job_id == {job}"


def test_a_pin_is_first_in_every_list() -> None:
    job, plain = one_job(), lists()
    assert lists(f"kind: pin, {of_job(job)}") == [[job, *row[: K - 1]] for row in plain]


def test_a_pin_does_not_override_eligibility() -> None:
    exclusions = prepared().plan.exclusions
    closed = int(prepared().plan.job_id[~exclusions.open_to_all][0])
    assert lists(f"kind: pin, {of_job(closed)}") == lists()


def test_an_excluded_job_is_not_pinned() -> None:
    job = one_job()
    excluded = f"kind: exclude, where: job.job_id <= {job} and job.job_id >= {job}"
    assert lists(f"kind: pin, {of_job(job)}", excluded) == lists()


def test_an_excluded_job_is_not_boosted() -> None:
    job = lists()[0][0]
    excluded = f"kind: exclude, {of_job(job)}"
    found = lists(excluded, f"kind: boost, points: 50, where: job.job_id <= {job} and job.job_id >= {job}")
    assert found == lists(excluded)
    assert job not in {job for row in found for job in row}


def test_excluded_jobs_do_not_count_for_a_limit() -> None:
    jobs = lists()[0][:3]
    few = f"where: 'job.job_id in ({jobs[0]}, {jobs[1]}, {jobs[2]})'"
    found = lists(f"kind: exclude, {of_job(jobs[0])}", f"kind: at_most, count: 1, {few}")[0]
    assert [job for job in found if job in jobs] == [jobs[1]]


def test_a_pinned_job_counts_for_a_limit_and_is_kept() -> None:
    job = one_job()
    found = lists(f"kind: pin, {of_job(job)}", f"kind: at_most, count: 1, {ALL_JOBS}")
    assert found == [[job]] * len(found)
    other = lists()[0][0]
    both = lists(f"kind: pin, where: 'job.job_id in ({job}, {other})'", f"kind: at_most, count: 1, {ALL_JOBS}")
    assert len(both[0]) == 2


def test_a_pin_precedes_a_boost() -> None:
    job, plain = one_job(), lists()
    found = lists(f"kind: pin, {of_job(job)}", f"kind: boost, points: 900, {of_job(plain[0][3])}")
    assert found[0][:2] == [job, plain[0][3]]


def test_a_limit_applies_to_the_boosted_order() -> None:
    plain = lists()[0]
    two = f"where: 'job.job_id in ({plain[0]}, {plain[5]})'"
    found = lists(f"kind: boost, points: 900, {of_job(plain[5])}", f"kind: at_most, count: 1, {two}")[0]
    assert found[0] == plain[5]
    assert plain[0] not in found


def test_the_limit_per_company_removes_pinned_jobs() -> None:
    jobs = prepared().dataset.tables.jobs
    company = jobs.loc[jobs["job_id"].isin(lists()[0]), "company_id"].iloc[0]
    found = lists(f"kind: pin, where: job.company_id == '{company}'", max_per_company=1)
    of_company = set(jobs.loc[jobs["company_id"] == company, "job_id"])
    assert max(len(of_company & set(row)) for row in found) == 1


def test_a_limit_per_value_holds_with_the_company_limit() -> None:
    jobs = prepared().dataset.tables.jobs.set_index("job_id")
    found = lists("kind: at_most, count: 2, per: job.prefecture_code", max_per_company=1)
    for row in found:
        assert jobs.loc[row, "prefecture_code"].value_counts().max() <= 2
        assert jobs.loc[row, "company_id"].value_counts().max() <= 1


def test_a_limit_per_company_equals_that_of_the_model() -> None:
    limit = "kind: at_most, count: 1, per: job.company_id"
    assert lists(limit) == lists(max_per_company=1)
    others = ("kind: pin, where: job.fee > 1500", "kind: boost, points: 9, where: job.has_remote_work")
    ready = prepared(limit, *others)
    found, expected = ready.top_k(K), ReferenceBackend(ready.plan.bundle).top_k(K, ready.active_users)
    assert found.job_id.tolist() == expected.job_id.tolist()


def test_a_boost_changes_the_order_and_no_score() -> None:
    plain, boosted = prepared(), prepared("kind: boost, points: 20, where: job.has_remote_work")
    a, b = (one.top_k(K).frame().set_index(["user_id", "job_id"]) for one in (plain, boosted))
    common = a.index.intersection(b.index)
    assert len(b) > len(common)
    pd.testing.assert_frame_equal(a.loc[common, ["total_score"]], b.loc[common, ["total_score"]])


def test_other_weights_keep_the_rules() -> None:
    job = one_job()
    other = prepared(f"kind: pin, {of_job(job)}").with_model(prepared().model.with_weights({"fee": 1.0}))
    assert set(other.top_k(3).job_id[:, 0]) == {job}


def test_an_expired_rule_changes_no_byte() -> None:
    dated = "kind: boost, points: 9, where: job.fee >= 0, until: 2001-01-01, zone: Asia/Tokyo"
    results = [run(one, FramePublisher()) for one in (prepared(), prepared(dated))]
    assert prepared(dated).plan.list_rules is None
    assert results[0].metadata.key == results[1].metadata.key
    assert results[0].metadata.list_rules == results[1].metadata.list_rules == ()


def test_a_run_records_its_active_rules() -> None:
    plain, ruled = (run(one, FramePublisher()).metadata for one in (prepared(), prepared(f"kind: pin, {ALL_JOBS}")))
    assert plain.key != ruled.key
    assert plain.model_digest == ruled.model_digest
    assert [rule["name"] for rule in ruled.list_rules] == ["rule 0"]


def test_an_explanation_names_the_rules_of_the_job() -> None:
    job, user = one_job(), int(prepared().top_k(1).user_id[0])
    ready = prepared(f"kind: boost, points: 7, {of_job(job)}", "kind: exclude, where: job.fee < 0")
    explanation = ready.explain(user, job)
    assert explanation.list_rules == ("rule 'rule 0' adds 7 points to the job's place in the order (Sato: test)",)
    assert explanation.total == prepared().explain(user, job).total
    assert explanation.order_total == explanation.total + 7
    excluded = prepared(f"kind: exclude, {of_job(job)}").explain(user, job)
    assert excluded.not_ranked == ("rule 'rule 0'",)


def test_rules_that_concern_no_ranked_job_are_found() -> None:
    closed = int(prepared().plan.job_id[~prepared().plan.exclusions.open_to_all][0])
    plan = prepared(f"kind: pin, {of_job(closed)}", "kind: pin, where: job.fee >= 0").plan
    assert plan.list_rules is not None
    assert [rule.name for rule in plan.list_rules.find_unused(plan.exclusions)] == ["rule 0"]


def test_too_many_sums_of_points_are_refused() -> None:
    job_id = np.sort(prepared().plan.job_id)
    many = [f"kind: boost, points: 1, where: job.job_id >= {job_id[3 * number]}" for number in range(40)]
    with pytest.raises(ModelError) as error:
        prepared(*many)
    assert "at most" in str(error.value)


def test_an_unknown_column_is_refused_with_its_line() -> None:
    with pytest.raises(ModelError) as error:
        prepared("kind: pin, where: job.colour == 'red'")
    assert "line 2" in str(error.value)
    assert "job.colour" in str(error.value)
