"""Terms with the dot product of a user's and a job's vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Longs, Singles
from scoring.bundle.program import DOT, Program
from scoring.bundle.terms.term_kind import KnownColumns, Packer, ReusableArrays, TermCheck, TermKind, stack
from scoring.threads.pool import map_in_threads

__all__ = ["DotKind", "DotTerm"]

_BATCH_JOBS = 512
"""Number of jobs whose vectors are transposed at a time: 64 KB at 32 dimensions, which fit into a core's cache."""
_PARTS = 2
"""Threads that transpose."""


@dataclass(frozen=True, eq=False)
class DotTerm:
    """`scale * (shift + <users[u], jobs[j]>)` if both have a vector, else `otherwise[u]`.

    Vectors are float32, (n, d) and (m, d). Products are added in float64, from dimension 0 up.
    """

    users: Singles
    jobs: Singles
    user_has: Bools
    job_has: Bools
    scale: float
    shift: float
    otherwise: Floats


class _Dots:
    """Packs dot terms: the dimensions of all terms in one array per side; job vectors are transposed."""

    def __init__(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.vectors, self.known = reusable.vectors, reusable.columns
        self.terms: list[DotTerm] = []

    def add(self, term: DotTerm) -> int:
        self.terms.append(term)
        return len(self.terms) - 1

    def arrays(self) -> dict[str, NDArray]:
        dimensions = [term.users.shape[1] for term in self.terms]
        vectors = self.vectors or (self._user_vector(), self._job_vector(sum(dimensions)))
        return {
            "dot_start": np.cumsum([0, *dimensions]).astype(np.int32),
            "dot_scale": np.array([term.scale for term in self.terms], dtype=np.float64),
            "dot_shift": np.array([term.shift for term in self.terms], dtype=np.float64),
            "dot_otherwise": stack([term.otherwise for term in self.terms], np.float64, self.n_users),
            "dot_user_has": stack([term.user_has for term in self.terms], np.bool_, self.n_users),
            "dot_job_has": stack([term.job_has for term in self.terms], np.bool_, self.n_jobs),
            "user_vector": vectors[0],
            "job_vector": vectors[1],
        }

    def _user_vector(self) -> Singles:
        """Return (n_users, dimensions)."""
        none = np.zeros((self.n_users, 0), dtype=np.float32)  # float32, because float64 would convert the whole result
        return np.ascontiguousarray(np.concatenate([none, *(term.users for term in self.terms)], axis=1), np.float32)

    def _job_vector(self, dimensions: int) -> Singles:
        """Return (dimensions, n_jobs). Transposing all jobs at once takes four times as long."""
        known = self.known.vectors.get(tuple(id(term.jobs) for term in self.terms))
        if known is not None:
            return known
        result = np.empty((dimensions, self.n_jobs), dtype=np.float32)

        def transpose(part: int) -> None:
            for first in range(part * _BATCH_JOBS, self.n_jobs, _PARTS * _BATCH_JOBS):
                jobs_of_batch = slice(first, first + _BATCH_JOBS)
                row = 0
                for term in self.terms:
                    result[row : row + term.jobs.shape[1], jobs_of_batch] = term.jobs[jobs_of_batch].T
                    row += term.jobs.shape[1]

        map_in_threads(transpose, range(_PARTS), self.n_jobs // _PARTS)
        return result


class DotKind(TermKind[DotTerm]):
    """See `DotTerm`."""

    code, term = DOT, DotTerm

    def check(self, term: DotTerm, check: TermCheck) -> None:
        dimensions = term.users.shape[-1]
        check.require_shape("users", term.users, (check.n_users, dimensions))
        check.require_shape("jobs", term.jobs, (check.n_jobs, dimensions))
        check.require_shape("user_has", term.user_has, (check.n_users,))
        check.require_shape("job_has", term.job_has, (check.n_jobs,))
        check.require_shape("otherwise", term.otherwise, (check.n_users,))
        for field in ("users", "jobs", "otherwise", "scale", "shift"):
            check.require_finite(field, getattr(term, field))

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[DotTerm]:
        return _Dots(n_users, n_jobs, reusable)

    def record_columns(self, term: DotTerm, program: Program, slot: int, known: KnownColumns) -> None:
        known.sources.append(term.jobs)
        known.checked.add(id(term.jobs))

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        product = np.zeros((len(users), len(jobs)))
        for dimension in range(program.dot_start[slot], program.dot_start[slot + 1]):
            of_users = program.user_vector[users, dimension].astype(np.float64)
            of_jobs = program.job_vector[dimension, jobs].astype(np.float64)
            product += of_users[:, None] * of_jobs[None, :]
        both = program.dot_user_has[slot, users][:, None] & program.dot_job_has[slot, jobs][None, :]
        value = program.dot_scale[slot] * (program.dot_shift[slot] + product)
        return np.where(both, value, program.dot_otherwise[slot, users][:, None])

    def value_of_pair(self, term: DotTerm) -> float:
        if not (term.user_has[0] and term.job_has[0]):
            return float(term.otherwise[0])
        user_vector, job_vector = (np.asarray(vectors[0], np.float32).tolist() for vectors in (term.users, term.jobs))
        product = 0.0
        for of_user, of_job in zip(user_vector, job_vector, strict=True):
            product += of_user * of_job
        return float(term.scale * (term.shift + product))

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        dimensions = slice(program.dot_start[slot], program.dot_start[slot + 1])
        user_vectors = program.user_vector[:, dimensions].astype(np.float64)
        job_vectors = program.job_vector[dimensions].astype(np.float64)
        longest_user = np.sqrt((user_vectors**2).sum(axis=1).max())
        product = longest_user * np.sqrt((job_vectors**2).sum(axis=0))  # Cauchy and Schwarz
        middle, reach = program.dot_scale[slot] * program.dot_shift[slot], abs(program.dot_scale[slot]) * product
        otherwise = program.dot_otherwise[slot]
        return np.minimum(middle - reach, otherwise.min()), np.maximum(middle + reach, otherwise.max())
