"""Invariants about eligibility: each rule alone, recomputed from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools
from scoring.plan import Candidates
from scoring.testing.check_context import NO_RULES, CheckContext
from scoring.testing.invariants.invariant_registry import invariant, require_testable

_COOLDOWN_DAYS = 60.0
"""Longer than the default, so that a small market contains users who applied."""


@invariant
def closed_jobs_are_never_listed(context: CheckContext) -> None:
    """With the rule `open`, lists omit exactly the jobs that are not yet posted, expired or inactive."""
    _require_rule(context, {"open": True}, _find_closed_jobs(context), "not open at the clock")


@invariant
def applied_jobs_are_never_listed(context: CheckContext) -> None:
    """With the rule `not_applied`, lists omit exactly the jobs that the user has applied to."""
    _require_rule(context, {"not_applied": True}, _find_applied_jobs(context), "already applied to by the user")


@invariant
def company_cooldown_is_applied(context: CheckContext) -> None:
    """With `company_cooldown_days`, lists omit exactly the companies that the user applied to in that time."""
    rules = {"company_cooldown_days": _COOLDOWN_DAYS}
    what = f"of a company that the user applied to in the last {_COOLDOWN_DAYS:g} days"
    _require_rule(context, rules, _find_cooling_jobs(context, _COOLDOWN_DAYS), what)


@invariant
def min_fee_is_applied(context: CheckContext) -> None:
    """With `min_fee`, lists omit exactly the jobs with a lower fee. A missing fee is 0."""
    fees = context.inputs.jobs.frame["fee"].fillna(0.0)
    floor = float(fees.median())
    _require_rule(context, {"min_fee": floor}, _find_cheap_jobs(context, floor), f"below a fee of {floor:g}")


@invariant
def employment_types_are_applied(context: CheckContext) -> None:
    """With `employment_types`, lists omit exactly the jobs of other types and of missing type."""
    types = context.inputs.jobs.frame["employment_type_code"].dropna()
    require_testable(len(types), "no employment types")
    allowed = (int(types.min()),)
    _require_rule(
        context,
        {"employment_types": allowed},
        _find_jobs_of_other_types(context, allowed),
        "of another employment type",
    )


@invariant
def own_conditions_on_jobs_are_applied(context: CheckContext) -> None:
    """With an own rule about the job, lists omit exactly the jobs for which it is false. A missing value is false."""
    fees = context.inputs.jobs.frame["fee"]
    require_testable(fees.notna().any(), "no fees")
    floor = float(fees.median())
    excluded = ~(fees >= floor).to_numpy(bool, na_value=False)
    _require_rule(context, {"rules": f"job.fee >= {floor!r}"}, excluded, f"without a fee of at least {floor:g}")


@invariant
def own_comparisons_of_columns_are_applied(context: CheckContext) -> None:
    """With an own rule that compares a job column with a user column, lists omit exactly the other jobs."""
    users, jobs = (rows.frame["prefecture_code"].tolist() for rows in (context.inputs.users, context.inputs.jobs))
    excluded = _make_matrix(context, [[pd.isna(user) or pd.isna(job) or user != job for job in jobs] for user in users])
    require_testable(not excluded.all(), "no job in the prefecture of a user")
    rules = {"rules": "job.prefecture_code == user.prefecture_code"}
    _require_rule(context, rules, excluded, "not in the prefecture of the user")


@invariant
def own_rules_about_actions_are_applied(context: CheckContext) -> None:
    """With own rules about the time since an action, lists omit or contain exactly the jobs of such actions."""
    days, applied = _COOLDOWN_DAYS, _find_applied_jobs(context)
    cooling = _find_cooling_jobs(context, days)
    rules = {"rules": f"days_since(user, job.company_id, 'application') > {days:g}"}
    _require_rule(context, rules, cooling, f"of a company that the user applied to in the last {days:g} days")
    _require_rule(context, {"rules": "days_since(user, job, 'application') == inf"}, applied, "applied to by the user")
    _require_rule(context, {"rules": "days_since(user, job, 'application') < inf"}, ~applied, "not applied to")


@invariant
def large_k_lists_all_eligible_jobs(context: CheckContext) -> None:
    """A list with k above the number of jobs contains every job that the rules of the model allow, once."""
    rules = context.model.eligibility
    excluded = np.zeros((len(context.users), len(context.jobs)), dtype=bool)
    if rules.open:
        excluded |= _find_closed_jobs(context)
    if rules.not_applied:
        excluded |= _find_applied_jobs(context)
    if rules.company_cooldown_days:
        excluded |= _find_cooling_jobs(context, rules.company_cooldown_days)
    if rules.min_fee is not None:
        excluded |= _find_cheap_jobs(context, rules.min_fee)
    if rules.employment_types is not None:
        excluded |= _find_jobs_of_other_types(context, rules.employment_types)
    _require_excluded(context, {"max_per_company": None, "rules": ()}, excluded, "excluded by a rule")


@invariant
def max_per_company_is_applied(context: CheckContext) -> None:
    """With `max_per_company`, a list equals a greedy selection from the full list, in the same order."""
    company = context.inputs.jobs.frame["company_id"]
    require_testable(company.dropna().duplicated().any(), "no company with two jobs")
    companies = [None if pd.isna(each) else each for each in company]
    full = context.with_rules(max_per_company=None)[1].top_k(len(context.jobs))
    for cap in (1, 2):
        capped = context.with_rules(max_per_company=cap)[1]
        for k in (10, len(context.jobs)):
            ranking = capped.top_k(k)
            for row, user in enumerate(context.user_id):
                wanted = context.job_id[_select_greedily(full.job_row[row, : full.count[row]], companies, cap, k)]
                _require_list(
                    ranking.job_id[row, : ranking.count[row]], wanted, f"user {user}, at most {cap} of a company"
                )


def _select_greedily(rows: NDArray[np.int64], companies: list[object], cap: int, k: int) -> list[int]:
    """Return the first k rows with at most `cap` rows of each company. None is not a company."""
    taken: list[int] = []
    of_company: Counter[object] = Counter()
    for row in rows:
        company = companies[row]
        if len(taken) < k and (company is None or of_company[company] < cap):
            of_company[company] += 1
            taken.append(int(row))
    return taken


@invariant
def only_candidates_are_listed(context: CheckContext) -> None:
    """With candidates, a list is the full list reduced to the candidates. Without candidates it is empty."""
    chosen = context.random().random((len(context.users), len(context.jobs))) < 0.3
    chosen[0] = False
    users, jobs = np.nonzero(chosen)
    candidates = Candidates.listed(users, jobs, *chosen.shape)
    plan = context.engine.build(context.model.with_eligibility(**NO_RULES), context.inputs, candidates)
    full = context.with_rules(**NO_RULES)[1].top_k(len(context.jobs))
    for k in (10, len(context.jobs)):
        ranking = context.engine.scorer(plan).top_k(k)
        for row, user in enumerate(context.user_id):
            rows = full.job_row[row, : full.count[row]]
            wanted = context.job_id[rows[chosen[row, rows]]][:k]
            _require_list(
                ranking.job_id[row, : ranking.count[row]], wanted, f"user {user}, with {chosen[row].sum()} jobs"
            )


def _require_list(found: NDArray[np.int64], wanted: NDArray[np.int64], where: str) -> None:
    for place, (job, expected_job) in enumerate(zip(found, wanted, strict=False)):
        assert job == expected_job, f"{where}: position {place + 1} is job {job}, not {expected_job}."
    assert len(found) == len(wanted), f"{where}: the list has {len(found)} jobs, not {len(wanted)}."


def _require_rule(context: CheckContext, rules: Mapping[str, object], excluded: Bools, what: str) -> None:
    """Require that lists contain all jobs except `excluded`, without other rules. Some job must be excluded."""
    require_testable(np.broadcast_to(excluded, (len(context.users), len(context.jobs))).any(), f"no job that is {what}")
    _require_excluded(context, {**NO_RULES, **rules}, excluded, what)


def _require_excluded(context: CheckContext, rules: Mapping[str, object], excluded: Bools, what: str) -> None:
    """Require that lists contain exactly the jobs that are not `excluded`, which has shape (m,) or (n, m)."""
    ranking = context.with_rules(**rules)[1].top_k(len(context.jobs) + 100)
    excluded = np.broadcast_to(excluded, (len(context.users), len(context.jobs)))
    for row, user in enumerate(context.user_id):
        listed = np.isin(context.job_id, ranking.job_id[row, : ranking.count[row]])
        for j in np.flatnonzero(listed & excluded[row])[:1]:
            raise AssertionError(
                f"user {user}: the list contains job {context.job_id[j]}, which must be excluded: it is {what}."
            )
        for j in np.flatnonzero(~listed & ~excluded[row])[:1]:
            raise AssertionError(
                f"user {user}: the list lacks job {context.job_id[j]}. Only jobs that are {what} may be missing."
            )
        assert ranking.count[row] == listed.sum(), f"user {user}: a job occurs twice in the list."


def _find_closed_jobs(context: CheckContext) -> Bools:
    jobs, clock = context.inputs.jobs.frame, context.dataset.as_of
    closed = (jobs["posted_at"] > clock) | (jobs["expires_at"] <= clock)  # false where a time is missing
    if not context.dataset.clock.set_back:
        closed |= ~jobs["is_active"].astype(bool)
    return closed.to_numpy(bool)


def _find_cheap_jobs(context: CheckContext, floor: float) -> Bools:
    return (context.inputs.jobs.frame["fee"].fillna(0.0) < floor).to_numpy(bool)


def _find_jobs_of_other_types(context: CheckContext, allowed: tuple[int, ...]) -> Bools:
    return ~context.inputs.jobs.frame["employment_type_code"].isin(allowed).to_numpy(bool)


def _find_applied_jobs(context: CheckContext) -> Bools:
    actions_of_kind = context.actions_of_kind("application")
    pairs = set(zip(actions_of_kind["user_id"].tolist(), actions_of_kind["job_id"].tolist(), strict=True))
    return _make_matrix(context, [[(u, j) in pairs for j in context.job_id.tolist()] for u in context.user_id.tolist()])


def _find_cooling_jobs(context: CheckContext, days: float) -> Bools:
    actions_of_kind = context.actions_of_kind("application")
    actions_of_kind = actions_of_kind[actions_of_kind["occurred_at"] >= context.dataset.as_of - pd.Timedelta(days=days)]
    jobs = context.dataset.tables.jobs.set_index("job_id")["company_id"]
    companies = jobs.loc[actions_of_kind["job_id"]]
    known = companies.notna().to_numpy(bool)
    pairs = set(zip(actions_of_kind["user_id"][known], companies[known], strict=True))
    company_ids = context.inputs.jobs.frame["company_id"].tolist()  # a missing one is in no pair
    return _make_matrix(context, [[(u, company) in pairs for company in company_ids] for u in context.user_id.tolist()])


def _make_matrix(context: CheckContext, rows: list[list[bool]]) -> Bools:
    return np.array(rows, dtype=bool).reshape(len(context.users), len(context.jobs))
