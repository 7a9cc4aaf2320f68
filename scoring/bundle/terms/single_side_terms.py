"""Terms that depend on the job alone or on the user alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.bundle.program import JOB, USER, Program
from scoring.bundle.terms.term_kind import Packer, ReusableArrays, TermCheck, TermKind, stack

__all__ = ["JobKind", "JobTerm", "UserKind", "UserTerm"]


@dataclass(frozen=True, eq=False)
class JobTerm:
    """`values[j]`, (m,) float64.

    Example
    -------
    >>> JobTerm(np.array([100.0, 0.0])).values.tolist()
    [100.0, 0.0]
    """

    values: Floats


@dataclass(frozen=True, eq=False)
class UserTerm:
    """`values[u]`, (n,) float64.

    Example
    -------
    >>> UserTerm(np.array([50.0, 20.0])).values.tolist()
    [50.0, 20.0]
    """

    values: Floats


class _Columns:
    """Packs terms as rows of one field of `Program`."""

    def __init__(self, field: str, length: int) -> None:
        self.field, self.length = field, length
        self.columns: list[Floats] = []

    def add(self, term: JobTerm | UserTerm) -> int:
        self.columns.append(np.asarray(term.values, dtype=np.float64))
        return len(self.columns) - 1

    def arrays(self) -> dict[str, NDArray]:
        return {self.field: stack(self.columns, np.float64, self.length)}


class JobKind(TermKind[JobTerm]):
    """See `JobTerm`."""

    code, term = JOB, JobTerm

    def check(self, term: JobTerm, check: TermCheck) -> None:
        check.require_shape("values", term.values, (check.n_jobs,))
        check.require_finite("values", term.values)

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[JobTerm]:
        return _Columns("job_value", n_jobs)

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        return np.broadcast_to(program.job_value[slot, jobs], (len(users), len(jobs)))

    def value_of_pair(self, term: JobTerm) -> float:
        return float(term.values[0])

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        return program.job_value[slot], program.job_value[slot]


class UserKind(TermKind[UserTerm]):
    """See `UserTerm`."""

    code, term = USER, UserTerm

    def check(self, term: UserTerm, check: TermCheck) -> None:
        check.require_shape("values", term.values, (check.n_users,))
        check.require_finite("values", term.values)

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[UserTerm]:
        return _Columns("user_value", n_users)

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        return np.broadcast_to(program.user_value[slot, users][:, None], (len(users), len(jobs)))

    def value_of_pair(self, term: UserTerm) -> float:
        return float(term.values[0])

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        values = program.user_value[slot]
        return values.min(keepdims=True), values.max(keepdims=True)

    def divisors(self, term: UserTerm) -> NDArray:
        return term.values
