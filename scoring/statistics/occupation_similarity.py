"""Similarity of occupations, by the users who apply to them and by their major group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from scoring.array_types import Floats, Ints
from scoring.dataset.arrays import ActionArrays, JobArrays

__all__ = ["Similarity"]


@dataclass(frozen=True)
class Similarity:
    """`cosine` (n, n) float64 between columns of the user × occupation counts of applications; 0 for empty columns."""

    cosine: Floats

    @classmethod
    def compute(cls, actions: ActionArrays, jobs: JobArrays, n_users: int, n_occupations: int) -> Self:
        """Return the cosines of a dataset's applications."""
        applied = actions.kind == 0
        occupation = jobs.occupation[actions.job[applied]]
        known = occupation >= 0
        counts = sparse.coo_matrix(
            (np.ones(known.sum(), dtype=np.int64), (actions.user[applied][known], occupation[known])),
            shape=(n_users, n_occupations),
        ).tocsr()
        products = (counts.T @ counts).toarray()  # integers: exact in any order
        squares = np.diag(products).astype(np.float64)
        norms = np.sqrt(squares[:, None] * squares[None, :])
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = np.where(norms > 0, products / norms, 0.0)
        return cls(cosine)

    def matrix(self, majors: Ints, same_major: float, cosine_share: float) -> Floats:
        """Return the (n, n) similarity of occupation codes, n = len(majors). Some codes may be new.

        1 on the diagonal; otherwise the larger of `same_major` (in the same known major group) and
        `cosine_share` × the cosine. See `scoring.components.Category`.
        """
        n, m = len(majors), len(self.cosine)
        result = np.zeros((n, n))
        result[:m, :m] = cosine_share * self.cosine
        same = (majors[:, None] == majors[None, :]) & (majors[:, None] >= 0)
        result[same] = np.maximum(result[same], same_major)
        np.fill_diagonal(result, 1.0)
        return result
