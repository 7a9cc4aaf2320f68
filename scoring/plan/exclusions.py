"""Eligibility rules as arrays: which jobs nobody is shown and why, and what single users are not shown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Ints
from scoring.bundle.eligibility_arrays import EligibilityArrays
from scoring.components.shared import distinct
from scoring.dataset.arrays import NO_CODE, Ragged
from scoring.errors import ConfigurationError
from scoring.id_index import IdIndex
from scoring.model.eligibility import Eligibility
from scoring.model.inputs import Inputs
from scoring.plan.candidates import Candidates

__all__ = ["Exclusions"]


@dataclass(frozen=True)
class Exclusions:
    """What the rules leave out, for n users and m jobs.

    `by_rule` names, in the order in which they are asked, the (m,) jobs that a rule leaves out for everybody.
    `jobs` and `companies` are, per user, job rows and company codes that this user is not shown; `candidates`, where
    they are given, all that they may be.
    """

    rules: Eligibility
    by_rule: dict[str, Bools]
    jobs: Ragged
    companies: Ragged
    company: Ints  # (m,) codes, -1 missing
    n_companies: int
    candidates: Candidates | None = None

    @classmethod
    def of(cls, rules: Eligibility, inputs: Inputs, candidates: Candidates | None = None) -> Self:
        """With candidates, whether a job is open is theirs to say. Raises ConfigurationError: not of these inputs."""
        jobs, n_users = inputs.jobs, len(inputs.users)
        _check(candidates, n_users, len(jobs))
        nobody = Ragged(np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int32))
        return cls(
            rules=rules,
            by_rule=_by_rule(rules, inputs, candidates),
            jobs=_applied_jobs(inputs) if rules.not_applied else nobody,
            companies=_cooling(inputs, rules.company_cooldown_days) if rules.company_cooldown_days else nobody,
            company=jobs.company,
            n_companies=len(inputs.words.company),
            candidates=candidates,
        )

    @property
    def open_to_all(self) -> Bools:
        """(m,) jobs that no rule leaves out for everybody."""
        return ~np.any(list(self.by_rule.values()), axis=0) if self.by_rule else np.ones(len(self.company), dtype=bool)

    def ledger(self) -> dict[str, int]:
        """Rule → how many jobs it leaves out for everybody, each job counted at the first rule that does."""
        left = np.ones(len(self.company), dtype=bool)
        counts = {}
        for rule, out in self.by_rule.items():
            counts[rule] = int((left & out).sum())
            left &= ~out
        return counts

    @cached_property
    def arrays(self) -> EligibilityArrays:
        """The rules as ranking reads them."""
        return EligibilityArrays(
            open_to_all=self.open_to_all,
            job_start=self.jobs.start,
            job=self.jobs.values,
            cooling_start=self.companies.start,
            cooling=self.companies.values,
            company=self.company,
            per_company=self.rules.max_per_company or 0,
            candidates=np.empty((0, 0), np.uint8) if self.candidates is None else self.candidates.bits,
        )

    def matrix(self, users: NDArray[np.int64]) -> Bools:
        """Return (len(users), m) whether each job may be ranked for each user."""
        return self.arrays.matrix(users)


def _check(candidates: Candidates | None, n_users: int, n_jobs: int) -> None:
    if candidates is not None and (len(candidates), candidates.n_jobs) != (n_users, n_jobs):
        of = f"{len(candidates):,} users × {candidates.n_jobs:,} jobs"
        raise ConfigurationError(f"candidates are of {of}; the data is of {n_users:,} × {n_jobs:,}.")


def _by_rule(rules: Eligibility, inputs: Inputs, candidates: Candidates | None) -> dict[str, Bools]:
    jobs = inputs.jobs
    out: dict[str, Bools] = {}
    if candidates is not None:
        out["nobody's candidate"] = ~candidates.anybodys
    elif rules.open:
        out["not open"] = ~inputs.open_jobs
    if rules.employment_types is not None:
        allowed = np.isin(jobs.employment_type, rules.employment_types)
        out["employment type"] = ~(allowed & (jobs.employment_type != NO_CODE))
    if rules.min_fee is not None:
        out["fee too low"] = ~(np.nan_to_num(jobs.fee, nan=0.0) >= rules.min_fee)
    return out


def _applied_jobs(inputs: Inputs) -> Ragged:
    """Rows, among the scored jobs, of what each user has ever applied to."""
    acts = inputs.history.within("application")
    rows, _ = IdIndex(inputs.jobs.job_id).find(inputs.history.jobs.job_id[acts.job])
    return distinct(acts.user, rows.astype(np.int32), len(inputs.users))


def _cooling(inputs: Inputs, days: float) -> Ragged:
    """Companies that each user applied to in the last days."""
    acts = inputs.history.within("application", days)
    return distinct(acts.user, inputs.history.jobs.company[acts.job], len(inputs.users))
