"""Eligibility rules as arrays: jobs excluded for all users, by rule, and jobs excluded for single users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Ints, Longs
from scoring.bundle.eligibility_arrays import EligibilityArrays
from scoring.components.helpers import find_distinct_codes
from scoring.dataset.arrays import NO_CODE, Ragged
from scoring.errors import ConfigurationError
from scoring.model.component_inputs import Inputs
from scoring.model.eligibility import Eligibility
from scoring.model.eligibility_rule import EligibilityRule
from scoring.plan.candidate_bits import Candidates
from scoring.plan.exclusion_counts import count_pairs_of_users
from scoring.plan.own_rule_evaluation import find_excluded_jobs, make_user_rule
from scoring.plan.user_rules import (
    CandidateRule,
    ClassRule,
    ExcludedCompanies,
    ExcludedJobs,
    RequiredJobs,
    UserRule,
    merge_class_rules,
    merge_ragged,
)

__all__ = ["Exclusions", "find_jobs_excluded_for_all"]


@dataclass(frozen=True)
class Exclusions:
    """Jobs that the rules exclude, for n users and m jobs."""

    rules: Eligibility
    by_rule: dict[str, Bools]
    """Rule → (m,) jobs that it excludes for all users, in the order in which rules are applied."""
    user_rules: tuple[UserRule, ...]
    """Rules that depend on the user, in the order in which they are applied, after those of `by_rule`."""
    company: Ints  # (m,) codes, -1 missing
    n_companies: int
    n_users: int
    candidates: Candidates | None = None
    """Jobs that may be ranked for each user; None: not limited."""

    @classmethod
    def of(cls, rules: Eligibility, inputs: Inputs, candidates: Candidates | None = None) -> Self:
        """Return the exclusions of these rules. Candidates replace the rule that a job is open.

        Raises
        ------
        ConfigurationError: If the candidates have other numbers of users or jobs than the inputs.
        ModelError: If a rule of the model names a column that does not exist, or does not fit its type.
        """
        _check(candidates, len(inputs.users), len(inputs.jobs))
        return cls(
            rules=rules,
            by_rule=find_jobs_excluded_for_all(rules, inputs, candidates),
            user_rules=_make_user_rules(rules, inputs, candidates),
            company=inputs.jobs.company,
            n_companies=len(inputs.words.company),
            n_users=len(inputs.users),
            candidates=candidates,
        )

    def with_users(self, inputs: Inputs) -> Self:
        """Return the exclusions for the users of other inputs of the same jobs and clock, without candidates."""
        found = replace(
            self,
            user_rules=_make_user_rules(self.rules, inputs, None),
            n_companies=len(inputs.words.company),
            n_users=len(inputs.users),
            candidates=None,
        )
        found.__dict__["open_to_all"] = self.open_to_all  # it depends on the jobs alone
        return found

    @cached_property
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
        return counts | count_pairs_of_users(self.user_rules, users, self.open_to_all)

    def find_reasons(self, users: Longs, jobs: Longs) -> dict[str, Bools]:
        """Return reason → whether it excludes the job from the user's list, (p,), for p pairs of rows.

        The reasons are in the order in which rules are applied. The limit of jobs per company is not among them: it
        depends on the whole list.
        """
        by_rule = {rule: out[jobs] for rule, out in self.by_rule.items()}
        return by_rule | {rule.reason: rule.excludes(users, jobs) for rule in self.user_rules}

    @cached_property
    def arrays(self) -> EligibilityArrays:
        """The rules in the form that ranking reads."""
        excluded, companies, required = self._excluded_jobs, self._excluded_companies, self._required_jobs
        return EligibilityArrays(
            open_to_all=self.open_to_all,
            excluded_start=excluded.start,
            excluded=excluded.values,
            cooldown_start=companies.start,
            cooldown=companies.values,
            required_start=np.empty(0, dtype=np.int64) if required is None else required.start,
            required=np.empty(0, dtype=np.int32) if required is None else required.values,
            **_make_class_arrays(self._class_rules, self.n_users, len(self.company)),
            company=self.company,
            per_company=self.rules.max_per_company or 0,
            candidates=np.empty((0, 0), np.uint8) if self.candidates is None else self.candidates.bits,
        )

    def matrix(self, users: NDArray[np.int64]) -> Bools:
        """Return (len(users), m) whether each job may be ranked for each user."""
        return self.arrays.matrix(users)

    @property
    def _excluded_jobs(self) -> Ragged:
        return reduce(
            _unite, (r.jobs for r in self.user_rules if isinstance(r, ExcludedJobs)), _make_empty_ragged(self.n_users)
        )

    @property
    def _excluded_companies(self) -> Ragged:
        rules = (rule.companies for rule in self.user_rules if isinstance(rule, ExcludedCompanies))
        return reduce(_unite, rules, _make_empty_ragged(self.n_users))

    @property
    def _required_jobs(self) -> Ragged | None:
        """Per user, the jobs that all rules with such a list contain; None: no such rule."""
        lists = [rule.jobs for rule in self.user_rules if isinstance(rule, RequiredJobs)]
        return reduce(partial(merge_ragged, both=True), lists) if lists else None

    @property
    def _class_rules(self) -> list[ClassRule]:
        return merge_class_rules([rule for rule in self.user_rules if isinstance(rule, ClassRule)])


def _make_empty_ragged(n_users: int) -> Ragged:
    return Ragged(np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int32))


def _unite(first: Ragged, second: Ragged) -> Ragged:
    return merge_ragged(first, second, both=False) if len(first.values) else second


def _make_class_arrays(rules: Sequence[ClassRule], n_users: int, n_jobs: int) -> dict[str, Any]:
    """Return the fields of `EligibilityArrays` about classes."""
    sizes = [rule.allowed.size for rule in rules]
    parts = [rule.allowed.ravel().astype(np.uint8) for rule in rules]
    return {
        "user_class": np.array([rule.user_class for rule in rules], dtype=np.int32).reshape(len(rules), n_users),
        "job_class": np.array([rule.job_class for rule in rules], dtype=np.uint16).reshape(len(rules), n_jobs),
        "class_start": np.cumsum([0, *sizes[:-1]])[: len(rules)].astype(np.int64),
        "class_width": np.array([rule.allowed.shape[1] for rule in rules], dtype=np.int64),
        "class_allowed": np.concatenate([np.empty(0, dtype=np.uint8), *parts]),
    }


def _of_form(rules: Eligibility, *, of_job: bool) -> list[EligibilityRule]:
    return [rule for rule in rules.rules if (rule.form == "job") == of_job]


def _make_user_rules(rules: Eligibility, inputs: Inputs, candidates: Candidates | None) -> tuple[UserRule, ...]:
    user_rules: list[UserRule] = []
    if rules.not_applied:
        user_rules.append(ExcludedJobs("the user applied to the job", _find_applied_jobs(inputs)))
    if days := rules.company_cooldown_days:
        reason = f"the user applied to the same company in the last {days:g} days"
        user_rules.append(ExcludedCompanies(reason, _find_cooldown_companies(inputs, days), inputs.jobs.company))
    user_rules += (make_user_rule(rule, inputs) for rule in _of_form(rules, of_job=False))
    if candidates is not None:
        user_rules.append(CandidateRule("the job is not a candidate of the user", candidates))
    return tuple(user_rules)


def _check(candidates: Candidates | None, n_users: int, n_jobs: int) -> None:
    if candidates is not None and (len(candidates), candidates.n_jobs) != (n_users, n_jobs):
        given = f"{len(candidates):,} users and {candidates.n_jobs:,} jobs"
        raise ConfigurationError(
            f"candidates are for {given}; the data has {n_users:,} users and {n_jobs:,} jobs. Create candidates for "
            "the same data.",
            key=("candidates",),
        )


def find_jobs_excluded_for_all(
    rules: Eligibility, inputs: Inputs, candidates: Candidates | None = None
) -> dict[str, Bools]:
    """Return rule → (m,) jobs that it excludes for all users, in the order in which rules are applied.

    Raises
    ------
    ModelError: If a rule of the model names a column that does not exist, or does not fit its type.
    """
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
        excluded["fee too low"] = ~(np.where(np.isnan(jobs.fee), 0.0, jobs.fee) >= rules.min_fee)
    return excluded | {rule.reason: find_excluded_jobs(rule, inputs) for rule in _of_form(rules, of_job=True)}


def _find_applied_jobs(inputs: Inputs) -> Ragged:
    """Return, per user, the rows among the scored jobs of all jobs that the user has applied to."""
    actions = inputs.history.within("application")
    rows, _ = inputs.jobs.id_index.find(inputs.history.jobs.job_id[actions.job])
    return find_distinct_codes(actions.user, rows.astype(np.int32), len(inputs.users))


def _find_cooldown_companies(inputs: Inputs, days: float) -> Ragged:
    """Return, per user, the codes of companies that the user applied to in the last `days` days."""
    actions = inputs.history.within("application", days)
    return find_distinct_codes(actions.user, inputs.history.jobs.company[actions.job], len(inputs.users))
