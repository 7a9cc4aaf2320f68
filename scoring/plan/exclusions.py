"""Eligibility rules as arrays: jobs excluded for all users, by rule, and jobs excluded for single users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Ints, Longs
from scoring.bundle.eligibility_arrays import EligibilityArrays
from scoring.components.helpers import distinct_codes
from scoring.dataset.arrays import NO_CODE, Ragged
from scoring.errors import ConfigurationError
from scoring.id_index import IdIndex
from scoring.model.component_inputs import Inputs
from scoring.model.eligibility import Eligibility
from scoring.plan.candidates import Candidates

__all__ = ["Exclusions"]

_USERS_AT_ONCE = 256


@dataclass(frozen=True)
class Exclusions:
    """Jobs that the rules exclude, for n users and m jobs."""

    rules: Eligibility
    by_rule: dict[str, Bools]
    """Rule → (m,) jobs that it excludes for all users, in the order in which rules are applied."""
    jobs: Ragged
    """Per user, rows of excluded jobs."""
    companies: Ragged
    """Per user, codes of excluded companies."""
    company: Ints  # (m,) codes, -1 missing
    n_companies: int
    candidates: Candidates | None = None
    """Jobs that may be ranked for each user; None: not limited."""

    @classmethod
    def of(cls, rules: Eligibility, inputs: Inputs, candidates: Candidates | None = None) -> Self:
        """Return the exclusions of these rules. Candidates replace the rule that a job is open.

        Raises
        ------
        ConfigurationError: If the candidates have other numbers of users or jobs than the inputs.
        """
        jobs, n_users = inputs.jobs, len(inputs.users)
        _check(candidates, n_users, len(jobs))
        none = Ragged(np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int32))
        return cls(
            rules=rules,
            by_rule=_by_rule(rules, inputs, candidates),
            jobs=_applied_jobs(inputs) if rules.not_applied else none,
            companies=_cooldown_companies(inputs, rules.company_cooldown_days) if rules.company_cooldown_days else none,
            company=jobs.company,
            n_companies=len(inputs.words.company),
            candidates=candidates,
        )

    @property
    def open_to_all(self) -> Bools:
        """(m,) whether no rule excludes the job for all users."""
        return ~np.any(list(self.by_rule.values()), axis=0) if self.by_rule else np.ones(len(self.company), dtype=bool)

    def counts(self) -> dict[str, int]:
        """Return rule → number of jobs that it excludes for all users. A job counts at the first rule that applies."""
        left = np.ones(len(self.company), dtype=bool)
        counts = {}
        for rule, out in self.by_rule.items():
            counts[rule] = int((left & out).sum())
            left &= ~out
        return counts

    def count_pairs(self, users: Longs) -> dict[str, int]:
        """Return reason → number of pairs of a user at these rows and a job. A pair counts at the first reason.

        The reasons are those of `find_reasons`. The rest of the pairs may be ranked.
        """
        counts = {rule: n_jobs * len(users) for rule, n_jobs in self.counts().items()}
        if not len(users):
            return counts | dict.fromkeys(self._user_reasons, 0)
        is_open, company = self.open_to_all, self.company
        applied, cooldown = self.jobs.take(users), self.companies.take(users)
        counted = is_open[applied.values]
        applied_user, applied_job = applied.rows[counted].astype(np.int64), applied.values[counted].astype(np.int64)
        n_open = np.bincount(company[is_open & (company >= 0)], minlength=self.n_companies)
        twice = _contains(cooldown, applied_user, company[applied_job])  # these pairs have counted as applied
        n_applied, n_cooldown = len(applied_job), int(n_open[cooldown.values].sum() - twice.sum())
        of_users = [n_applied, n_cooldown]
        if self.candidates is not None:
            parts = np.array_split(users, -(-len(users) // _USERS_AT_ONCE))
            n_ranked = sum(int(np.count_nonzero(self.matrix(part))) for part in parts)
            of_users.append(int(is_open.sum()) * len(users) - n_applied - n_cooldown - n_ranked)
        return counts | dict(zip(self._user_reasons, of_users, strict=True))

    @property
    def _user_reasons(self) -> tuple[str, ...]:
        """The reasons that depend on the user, in the order in which rules are applied."""
        days = self.rules.company_cooldown_days or 0
        reasons = ("the user applied to the job", f"the user applied to the same company in the last {days:g} days")
        return reasons if self.candidates is None else (*reasons, "the job is not a candidate of the user")

    def find_reasons(self, users: Longs, jobs: Longs) -> dict[str, Bools]:
        """Return reason → whether it excludes the job from the user's list, (p,), for p pairs of rows.

        The reasons are in the order in which rules are applied. The limit of jobs per company is not among them: it
        depends on the whole list.
        """
        of_users = [_contains(self.jobs, users, jobs), _contains(self.companies, users, self.company[jobs])]
        if self.candidates is not None:
            of_users.append(~self.candidates.contains(users, jobs))
        by_rule = {rule: out[jobs] for rule, out in self.by_rule.items()}
        return by_rule | dict(zip(self._user_reasons, of_users, strict=True))

    @cached_property
    def arrays(self) -> EligibilityArrays:
        """The rules in the form that ranking reads."""
        return EligibilityArrays(
            open_to_all=self.open_to_all,
            excluded_start=self.jobs.start,
            excluded=self.jobs.values,
            cooldown_start=self.companies.start,
            cooldown=self.companies.values,
            company=self.company,
            per_company=self.rules.max_per_company or 0,
            candidates=np.empty((0, 0), np.uint8) if self.candidates is None else self.candidates.bits,
        )

    def matrix(self, users: NDArray[np.int64]) -> Bools:
        """Return (len(users), m) whether each job may be ranked for each user."""
        return self.arrays.matrix(users)


def _check(candidates: Candidates | None, n_users: int, n_jobs: int) -> None:
    if candidates is not None and (len(candidates), candidates.n_jobs) != (n_users, n_jobs):
        given = f"{len(candidates):,} users and {candidates.n_jobs:,} jobs"
        raise ConfigurationError(
            f"candidates are for {given}; the data has {n_users:,} users and {n_jobs:,} jobs. Create candidates for "
            "the same data.",
            key=("candidates",),
        )


def _contains(of_users: Ragged, users: Longs, values: Longs | Ints) -> Bools:
    """Return (p,) whether the values of a user's row contain a value, which is at least -1."""
    distinct, place = np.unique(users, return_inverse=True)
    part = of_users.take(distinct)
    span = int(max(part.values.max(initial=-1), values.max(initial=-1))) + 2
    return np.isin(place * span + values + 1, part.rows.astype(np.int64) * span + part.values + 1)


def _by_rule(rules: Eligibility, inputs: Inputs, candidates: Candidates | None) -> dict[str, Bools]:
    jobs = inputs.jobs
    excluded: dict[str, Bools] = {}
    if candidates is not None:
        excluded["not a candidate of any user"] = ~candidates.of_any_user
    elif rules.open:
        excluded |= inputs.closed_jobs
    if rules.employment_types is not None:
        allowed = np.isin(jobs.employment_type, rules.employment_types)
        excluded["employment type"] = ~(allowed & (jobs.employment_type != NO_CODE))
    if rules.min_fee is not None:
        excluded["fee too low"] = ~(np.nan_to_num(jobs.fee, nan=0.0) >= rules.min_fee)
    return excluded


def _applied_jobs(inputs: Inputs) -> Ragged:
    """Return, per user, the rows among the scored jobs of all jobs that the user has applied to."""
    actions = inputs.history.within("application")
    rows, _ = IdIndex(inputs.jobs.job_id).find(inputs.history.jobs.job_id[actions.job])
    return distinct_codes(actions.user, rows.astype(np.int32), len(inputs.users))


def _cooldown_companies(inputs: Inputs, days: float) -> Ragged:
    """Return, per user, the codes of companies that the user applied to in the last `days` days."""
    actions = inputs.history.within("application", days)
    return distinct_codes(actions.user, inputs.history.jobs.company[actions.job], len(inputs.users))
