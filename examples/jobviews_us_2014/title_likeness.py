"""A component that compares a job's title with the titles of the jobs that the user viewed.

The import makes every view a `click`. A job that a user viewed several times counts once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

from scoring import Dataset
from scoring.array_types import Floats
from scoring.model import Component, DotTerm, Inputs, Pair, Reason, Value

LOOK = "click"

Vectors = NDArray[np.float32]


class TitleLikeness(Component):
    """How alike the job's title is to the titles the user viewed: 50 · (1 + cosine), or `unknown` without either.

    A title consists of its words and pairs of neighbouring words, weighted by tf-idf: (1 + ln n) · ln(titles / titles
    with it), for those in 2 titles or more. A singular value decomposition of all titles reduces it to `dimensions`
    (Deerwester et al., Indexing by latent semantic analysis, JASIS 41(6), 1990). The user's vector is the sum over the
    viewed titles. Each has length 1, and its weight halves with every `half_life` jobs that were viewed after it.
    """

    kind: ClassVar[str] = "title_likeness"

    dimensions: Annotated[int, Field(ge=1, le=512)] = 256
    half_life: Annotated[float, Field(gt=0, le=1000)] = 5.0
    unknown: Annotated[float, Field(ge=0, le=100)] = 50.0

    def terms(self, inputs: Inputs) -> Value:
        titles, n_users = Titles.of(inputs.dataset, self.dimensions), len(inputs.users)
        job_vectors, job_has = (
            titles.own if inputs.jobs is inputs.dataset.jobs else titles.vectors(inputs.jobs.frame["title"])
        )
        acts = inputs.history.within(LOOK)
        users, jobs, later = newest_first(acts.user, acts.job)
        total = np.zeros((n_users, titles.own[0].shape[1]))
        np.add.at(total, users, titles.own[0][jobs] * self._worth(later)[:, None])
        user_vectors, user_has = unit(total)
        otherwise = np.full(n_users, self.unknown)
        return Value((DotTerm(user_vectors, job_vectors, user_has, job_has, 50.0, 1.0, otherwise),))

    def _worth(self, later: NDArray[np.int64]) -> Floats:
        """Return (p,) weights of titles, from the numbers of jobs viewed later."""
        return np.exp2(-np.arange(later.max(initial=0) + 1) / self.half_life)[later]

    def explain(self, pair: Pair) -> Reason:
        inputs, acts = pair.inputs, pair.actions(LOOK)
        jobs = list(dict.fromkeys(act.job.job_id for act in reversed(acts)))  # newest first
        titles = Titles.of(inputs.dataset, self.dimensions)
        vector, has = titles.vectors([pair.job.row["title"]])
        total, worth = np.zeros((1, vector.shape[1])), self._worth(np.arange(len(jobs)))
        for row, weight in zip(np.searchsorted(inputs.dataset.jobs.job_id, jobs), worth, strict=True):
            total[0] += titles.own[0][row] * weight
        mine, known = unit(total)
        cosine = None
        if has[0] and known[0]:
            cosine = sum(a * b for a, b in zip(mine[0].tolist(), vector[0].tolist(), strict=True))
        facts = {"title": pair.job.row["title"], "viewed titles": len(jobs), "cosine": cosine}
        return Reason(self.unknown if cosine is None else 50.0 * (1.0 + cosine), facts)


def newest_first(users: NDArray[Any], jobs: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
    """Return (p,) user, job, number of jobs viewed later, once per pair, newest first; actions are by user and time."""
    users, jobs = users[::-1].astype(np.int64), jobs[::-1].astype(np.int64)
    _, newest = np.unique((users << 32) | jobs, return_index=True)
    newest.sort()
    users, jobs = users[newest][::-1], jobs[newest][::-1]
    later = np.searchsorted(users, users, side="right") - 1 - np.arange(len(users))
    order = np.lexsort((later, users))
    return users[order], jobs[order], later[order]


def unit(sums: Floats) -> tuple[Vectors, NDArray[np.bool_]]:
    """Return (n, d) rows scaled to length 1 in float64, as float32, and (n,) whether a row is not zero."""
    length = np.sqrt(np.einsum("ij,ij->i", sums, sums))
    has = length > 1e-9
    return (sums / np.where(has, length, np.inf)[:, None]).astype(np.float32), has


@dataclass(frozen=True, eq=False)
class Titles:
    """The titles of a dataset's jobs, as vectors of d numbers; the basis uses titles posted up to the clock."""

    known: tuple[Any, ...]  # the titles of the dataset's jobs
    words: dict[str, int]
    idf: Floats  # (n_words,)
    basis: Floats  # (n_words, d)

    @classmethod
    def of(cls, dataset: Dataset, dimensions: int) -> Self:
        """Return the titles, made once per dataset: new weights and parameters do not decompose them again."""
        kept = _KEPT.setdefault(dataset, {})
        if dimensions not in kept:
            kept[dimensions] = cls._made(dataset, dimensions)
        return kept[dimensions]

    @classmethod
    def _made(cls, dataset: Dataset, dimensions: int) -> Self:
        known = tuple(dataset.jobs.frame["title"])
        posted = [title for title, at in zip(known, dataset.jobs.posted_at, strict=True) if at <= dataset.clock.now]
        found = [set(_grams(title)) for title in posted]
        counts = Counter(gram for grams in found for gram in grams)
        words = {gram: place for place, gram in enumerate(sorted(g for g, n in counts.items() if n > 1))}
        idf = np.log(len(posted) / np.array([counts[gram] for gram in words], dtype=np.float64))
        plain = cls(known, words, idf, np.zeros((len(words), 1)))
        return cls(known, words, idf, _principal(plain.weighed(posted), dimensions))

    def weighed(self, titles: Iterable[Any]) -> sparse.csr_matrix:
        """Return (m, n_words) tf-idf, each row of length 1 or empty."""
        start, columns, values = [0], [], []
        for title in titles:
            counts = Counter(gram for gram in _grams(title) if gram in self.words)
            places = [self.words[gram] for gram in sorted(counts)]
            row = (1 + np.log([counts[gram] for gram in sorted(counts)])) * self.idf[places]
            length = float(np.sqrt(np.sum(row * row)))
            columns += places if length > 0 else []
            values += (row / length).tolist() if length > 0 else []
            start.append(len(columns))
        shape = (len(start) - 1, len(self.words))
        return sparse.csr_matrix((np.array(values, dtype=np.float64), np.array(columns, dtype=np.int32), start), shape)

    def vectors(self, titles: Iterable[Any]) -> tuple[Vectors, NDArray[np.bool_]]:
        """Return (m, d) vectors of length 1, and (m,) whether a title has a vector."""
        return unit(self.weighed(titles) @ self.basis)

    @cached_property
    def own(self) -> tuple[Vectors, NDArray[np.bool_]]:
        """Return the vectors of the dataset's jobs."""
        return self.vectors(self.known)


_KEPT: WeakKeyDictionary[Dataset, dict[int, Any]] = WeakKeyDictionary()


def _grams(title: Any) -> list[str]:
    words = re.findall(r"[^\W_]{2,}", title.lower()) if isinstance(title, str) else []
    return words + [f"{a} {b}" for a, b in pairwise(words)]


_SMALLEST = 1e-12
"""Smallest eigenvalue to keep, as a share of the largest. Rounding errors of the product are below it."""


def _principal(rows: sparse.csr_matrix, dimensions: int) -> Floats:
    """Return (n_words, d) right singular vectors of the largest singular values, 1 ≤ d ≤ dimensions.

    They are computed from the eigenvectors of rows @ rows.T or rows.T @ rows, the smaller of the two. Measured and
    rejected: `scipy.sparse.linalg.svds` started from ones. It misses singular values that occur more than once.
    """
    if not min(rows.shape) or not rows.nnz:
        return np.zeros((rows.shape[1], 1))
    is_tall = rows.shape[0] >= rows.shape[1]
    gram = (rows.T @ rows if is_tall else rows @ rows.T).toarray()
    with threadpool_limits(1, "blas"):  # with one thread, each run returns the same bits
        sizes, vectors = eigh(gram, subset_by_index=(max(len(gram) - dimensions, 0), len(gram) - 1))
    sizes, vectors = sizes[::-1], vectors[:, ::-1]  # largest first
    kept = sizes > _SMALLEST * sizes[0]
    right = vectors[:, kept] if is_tall else rows.T @ vectors[:, kept] / np.sqrt(sizes[kept])
    return np.ascontiguousarray(right)
