"""Similarity of occupations, by the users who apply to them and by their major group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.dataset.arrays import ActionArrays, JobArrays

__all__ = ["Similarity"]

_PAIRS_AT_ONCE = 4_000_000
"""Pairs of a user's occupations that are in memory at a time: 160 MB."""


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
        cells = actions.user[applied][known].astype(np.int64) * n_occupations + occupation[known]
        products = _multiply_counts(cells, n_users, n_occupations)
        squares = np.diag(products)
        norms = np.sqrt(squares[:, None] * squares[None, :])
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = np.where(norms > 0, products / norms, 0.0)
        return cls(cosine)

    def matrix(self, majors: Ints, same_major: float, cosine_share: float) -> Floats:
        """Return the (n, n) similarity of occupation codes, n = len(majors). Some codes may be new.

        1 on the diagonal; otherwise the larger of `same_major` (in the same known major group) and
        `cosine_share` × the cosine. See `scoring.components.Category`.
        """
        return self.rows(np.arange(len(majors)), majors, same_major, cosine_share)

    def rows(self, codes: NDArray[np.integer], majors: Ints, same_major: float, cosine_share: float) -> Floats:
        """Return the rows of `matrix` for these distinct codes, (len(codes), n)."""
        m = len(self.cosine)
        result = np.zeros((len(codes), len(majors)))
        known = codes < m
        result[known, :m] = cosine_share * self.cosine[codes[known]]
        own = majors[codes][:, None]
        same = (own == majors) & (own >= 0)
        result[same] = np.maximum(result[same], same_major)
        result[np.arange(len(codes)), codes] = 1.0
        return result


def _multiply_counts(cells: Longs, n_users: int, n: int) -> Floats:
    """Return (n, n) the products of the columns of the user × occupation counts.

    `cells` contains user * n + occupation of each action. All sums are integers, so they are exact in any order. The
    sparse product of SciPy is as fast, but its import takes 0.15 s.
    """
    distinct, counts = np.unique(cells, return_counts=True)
    user, occupation = np.divmod(distinct, n)
    starts = np.searchsorted(user, np.arange(n_users + 1))
    first, width = starts[user], np.diff(starts)[user]  # the cells of the same user
    last = np.cumsum(width)
    products, begin = np.zeros(n * n), 0
    while begin < len(distinct):
        limit = (last[begin - 1] if begin else 0) + _PAIRS_AT_ONCE
        end = max(begin + 1, int(np.searchsorted(last, limit, side="right")))
        of_cells = width[begin:end]
        one = np.repeat(np.arange(begin, end), of_cells)
        other = np.arange(len(one)) - np.repeat(np.cumsum(of_cells) - of_cells - first[begin:end], of_cells)
        weights = (counts[one] * counts[other]).astype(np.float64)
        products += np.bincount(occupation[one] * n + occupation[other], weights, minlength=n * n)
        begin = end
    return products.reshape(n, n)
