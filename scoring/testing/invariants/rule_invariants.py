"""Who may be shown what: each eligibility rule on its own, worked out again from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools
from scoring.plan import Candidates
from scoring.testing.check_context import NO_RULES, Case
from scoring.testing.invariants.invariant_registry import invariant, show

_COOLDOWN_DAYS = 60.0
"""Longer than by default, so that even a small market has somebody who applied."""


@invariant
def closed_jobs_are_never_listed(case: Case) -> None:
    """With the rule that jobs are open, lists leave out just those not yet posted, expired, or not active."""
    _exactly(case, {"open": True}, _closed(case), "not open at the clock")


@invariant
def applied_jobs_are_never_listed(case: Case) -> None:
    """With the rule of no job applied to, lists leave out just what each user has ever applied to."""
    _exactly(case, {"not_applied": True}, _applied(case), "applied to")


@invariant
def companies_cool_down(case: Case) -> None:
    """With the rule of a pause, lists leave out just the companies that each user applied to in the last days."""
    rules = {"company_cooldown_days": _COOLDOWN_DAYS}
    _exactly(case, rules, _cooling(case, _COOLDOWN_DAYS), f"of a company applied to in {_COOLDOWN_DAYS:g} days")


@invariant
def fees_have_a_floor(case: Case) -> None:
    """With a lowest fee, lists leave out just the jobs below it; a missing fee is 0."""
    fees = case.inputs.jobs.frame["fee"].fillna(0.0)
    floor = float(fees.median())
    _exactly(case, {"min_fee": floor}, _cheap(case, floor), f"below a fee of {floor:g}")


@invariant
def employment_types_are_those_allowed(case: Case) -> None:
    """With allowed employment types, lists leave out just the jobs of any other, or of none."""
    types = case.inputs.jobs.frame["employment_type_code"].dropna()
    show(len(types), "no employment types")
    allowed = (int(types.min()),)
    _exactly(case, {"employment_types": allowed}, _of_other_types(case, allowed), "of another employment type")


@invariant
def k_beyond_all_gives_all(case: Case) -> None:
    """A list longer than there are jobs holds every job that the model's own rules leave to the user, once."""
    rules = case.model.eligibility
    out = np.zeros((len(case.users), len(case.jobs)), dtype=bool)
    if rules.open:
        out |= _closed(case)
    if rules.not_applied:
        out |= _applied(case)
    if rules.company_cooldown_days:
        out |= _cooling(case, rules.company_cooldown_days)
    if rules.min_fee is not None:
        out |= _cheap(case, rules.min_fee)
    if rules.employment_types is not None:
        out |= _of_other_types(case, rules.employment_types)
    _leaves(case, {"max_per_company": None}, out, "left out by a rule")


@invariant
def a_company_has_no_more_places_than_its_share(case: Case) -> None:
    """A capped list is what a greedy walk down the full list takes: no job dropped, none too many, order kept."""
    company = case.inputs.jobs.frame["company_id"]
    show(company.dropna().duplicated().any(), "no company with two jobs")
    companies = [None if pd.isna(each) else each for each in company]
    full = case.ruled(max_per_company=None)[1].top_k(len(case.jobs))
    for cap in (1, 2):
        capped = case.ruled(max_per_company=cap)[1]
        for k in (10, len(case.jobs)):
            ranking = capped.top_k(k)
            for row, user in enumerate(case.user_id):
                wanted = case.job_id[_greedy(full.job_row[row, : full.count[row]], companies, cap, k)]
                _the_list(ranking.job_id[row, : ranking.count[row]], wanted, f"user {user}, at most {cap} of a company")


def _greedy(rows: NDArray[np.int64], companies: list[object], cap: int, k: int) -> list[int]:
    """The first k of the rows of which no more than `cap` are of a company; None is no company."""
    taken: list[int] = []
    of_company: Counter[object] = Counter()
    for row in rows:
        company = companies[row]
        if len(taken) < k and (company is None or of_company[company] < cap):
            of_company[company] += 1
            taken.append(int(row))
    return taken


@invariant
def candidates_are_all_that_is_listed(case: Case) -> None:
    """With candidates a list is the full list without all others, and without any it is empty."""
    chosen = case.random().random((len(case.users), len(case.jobs))) < 0.3
    chosen[0] = False
    users, jobs = np.nonzero(chosen)
    candidates = Candidates.listed(users, jobs, *chosen.shape)
    plan = case.engine.build(case.model.with_eligibility(**NO_RULES), case.inputs, candidates)
    full = case.ruled(**NO_RULES)[1].top_k(len(case.jobs))
    for k in (10, len(case.jobs)):
        ranking = case.engine.scorer(plan).top_k(k)
        for row, user in enumerate(case.user_id):
            rows = full.job_row[row, : full.count[row]]
            wanted = case.job_id[rows[chosen[row, rows]]][:k]
            _the_list(ranking.job_id[row, : ranking.count[row]], wanted, f"user {user}, with {chosen[row].sum()} jobs")


def _the_list(found: NDArray[np.int64], wanted: NDArray[np.int64], where: str) -> None:
    for place, (got, due) in enumerate(zip(found, wanted, strict=False)):
        assert got == due, f"{where}: place {place + 1} is job {got}, not {due}."
    assert len(found) == len(wanted), f"{where}: the list has {len(found)} jobs, not {len(wanted)}."


def _exactly(case: Case, rules: Mapping[str, object], out: Bools, what: str) -> None:
    """With no other rules, lists hold all but `out`, of which there must be something."""
    show(np.broadcast_to(out, (len(case.users), len(case.jobs))).any(), f"no job that is {what}")
    _leaves(case, {**NO_RULES, **rules}, out, what)


def _leaves(case: Case, rules: Mapping[str, object], out: Bools, what: str) -> None:
    """`out` is (m,) or (n, m)."""
    ranking = case.ruled(**rules)[1].top_k(len(case.jobs) + 100)
    out = np.broadcast_to(out, (len(case.users), len(case.jobs)))
    for row, user in enumerate(case.user_id):
        listed = np.isin(case.job_id, ranking.job_id[row, : ranking.count[row]])
        for j in np.flatnonzero(listed & out[row])[:1]:
            raise AssertionError(f"user {user}: job {case.job_id[j]} is {what}, and is in the list.")
        for j in np.flatnonzero(~listed & ~out[row])[:1]:
            raise AssertionError(f"user {user}: job {case.job_id[j]} is not {what}, and is in no list.")
        assert ranking.count[row] == listed.sum(), f"user {user}: a job stands twice in the list."


def _closed(case: Case) -> Bools:
    jobs, clock = case.inputs.jobs.frame, case.dataset.as_of
    closed = (jobs["posted_at"] > clock) | (jobs["expires_at"] <= clock)  # false where a time is missing
    if not case.dataset.clock.set_back:
        closed |= ~jobs["is_active"].astype(bool)
    return closed.to_numpy(bool)


def _cheap(case: Case, floor: float) -> Bools:
    return (case.inputs.jobs.frame["fee"].fillna(0.0) < floor).to_numpy(bool)


def _of_other_types(case: Case, allowed: tuple[int, ...]) -> Bools:
    return ~case.inputs.jobs.frame["employment_type_code"].isin(allowed).to_numpy(bool)


def _applied(case: Case) -> Bools:
    acted = case.acted("application")
    pairs = set(zip(acted["user_id"].tolist(), acted["job_id"].tolist(), strict=True))
    return _matrix(case, [[(u, j) in pairs for j in case.job_id.tolist()] for u in case.user_id.tolist()])


def _cooling(case: Case, days: float) -> Bools:
    acted = case.acted("application")
    acted = acted[acted["occurred_at"] >= case.dataset.as_of - pd.Timedelta(days=days)]
    jobs = case.dataset.tables.jobs.set_index("job_id")["company_id"]
    companies = jobs.loc[acted["job_id"]]
    known = companies.notna().to_numpy(bool)
    pairs = set(zip(acted["user_id"][known], companies[known], strict=True))
    mine = case.inputs.jobs.frame["company_id"].tolist()  # a missing one is in no pair
    return _matrix(case, [[(u, company) in pairs for company in mine] for u in case.user_id.tolist()])


def _matrix(case: Case, rows: list[list[bool]]) -> Bools:
    return np.array(rows, dtype=bool).reshape(len(case.users), len(case.jobs))
