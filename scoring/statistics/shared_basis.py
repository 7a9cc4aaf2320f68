"""The content from which several processes compute equal factors, similarity and popularity.

Each engine derives the basis from the data it has loaded: the actions up to the last multiple of `basis_seconds`, and
the occupations and companies of their jobs. While a writer adds actions, engines that load at different moments have
different data, but the same basis. No process writes a basis, and no process trusts another one about it: a value is
used for a digest that the engine itself computed from its own rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.caching.redis_store import Codec
from scoring.dataset.arrays import ActionArrays
from scoring.dataset.clock import Clock
from scoring.dataset.dataset import Dataset
from scoring.statistics.company_popularity import CompanyActions, PopularityReading
from scoring.statistics.factors import Factors, Vectors
from scoring.statistics.occupation_similarity import Similarity

__all__ = ["CODECS", "SharedBasis", "SharedFactors", "SharedSimilarity"]

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class SharedFactors:
    """Vectors by id, of the users and jobs that have one."""

    user_id: Longs
    users: Vectors
    job_id: Longs
    jobs: Vectors
    is_trained: bool


@dataclass(frozen=True)
class SharedSimilarity:
    """Cosines by occupation, of the occupations with applications."""

    occupation: Longs
    cosine: Floats


@dataclass(frozen=True, eq=False)
class SharedBasis:
    """A dataset's actions up to `now`, in microseconds. Values are collected by id, and spread over the dataset."""

    dataset: Dataset
    actions: ActionArrays
    now: int

    @classmethod
    def of(cls, dataset: Dataset, basis_seconds: float) -> Self:
        """Return the basis at the last multiple of `basis_seconds` before the dataset's clock; 0: at its clock."""
        step = round(basis_seconds * 1e6)
        now = dataset.clock.now // step * step if step else dataset.clock.now
        return cls(dataset, dataset.actions_as_of(Clock.at(now, set_back=dataset.clock.set_back)), now)

    @cached_property
    def digest(self) -> str:
        """Digest of everything that the values depend on: 60 ms for a million actions."""
        actions, jobs = self.actions, self.dataset.jobs
        digest = hashlib.blake2b(f"{self.now}".encode(), digest_size=16)
        acted = np.flatnonzero(np.bincount(actions.job, minlength=len(jobs)))
        place = np.zeros(len(jobs), dtype=np.int32)
        place[acted] = np.arange(len(acted), dtype=np.int32)
        companies, of_company = np.unique(jobs.company[acted], return_inverse=True)
        texts = [str(self.dataset.words.company.values[code]).encode() for code in companies if code >= 0]
        for array in (
            self.dataset.users.user_id[actions.user],
            place[actions.job],
            actions.kind,
            actions.at,
            jobs.job_id[acted],
            *_number_occupations(self.dataset, jobs.occupation[acted]),
            of_company.astype(np.int64) - int((companies < 0).any()),  # -1: missing
        ):
            digest.update(f"{array.dtype.str} {len(array)}\0".encode())
            digest.update(np.ascontiguousarray(array).data)
        for text in texts:
            digest.update(len(text).to_bytes(8, "little") + text)
        return digest.hexdigest()

    def collect_factors(self, factors: Factors) -> SharedFactors:
        """Return the vectors of the dataset's rows by id."""
        users, jobs = np.flatnonzero(factors.user_has), np.flatnonzero(factors.job_has)
        return SharedFactors(
            self.dataset.users.user_id[users],
            factors.users[users],
            self.dataset.jobs.job_id[jobs],
            factors.jobs[jobs],
            factors.source == "trained",
        )

    def spread_factors(self, shared: SharedFactors) -> Factors:
        """Return the vectors by row of the dataset."""
        users, user_has = _spread(shared.user_id, shared.users, self.dataset.user_index, len(self.dataset.users))
        jobs, job_has = _spread(shared.job_id, shared.jobs, self.dataset.job_index, len(self.dataset.jobs))
        source = "trained" if shared.is_trained else "none"
        return Factors(users, jobs, user_has, job_has, source, np.zeros(len(users), dtype=bool))

    def collect_similarity(self, similarity: Similarity) -> SharedSimilarity:
        """Return the cosines of the dataset's occupations by their numbers."""
        used = np.flatnonzero(similarity.cosine.any(axis=1))
        numbers, _ = _number_occupations(self.dataset, used)
        return SharedSimilarity(numbers, similarity.cosine[np.ix_(used, used)])

    def spread_similarity(self, shared: SharedSimilarity) -> Similarity:
        """Return the cosines by occupation code of the dataset."""
        values = self.dataset.words.occupation.values
        codes = values.get_indexer(pd.Index(shared.occupation, dtype=values.dtype))
        cosine = np.zeros((len(values), len(values)))
        cosine[np.ix_(codes, codes)] = shared.cosine
        return Similarity(cosine)


def _number_occupations(dataset: Dataset, codes: NDArray[np.integer]) -> tuple[Longs, NDArray[np.bool_]]:
    """Return the numbers of occupation codes (0 if missing), and which are known."""
    values = dataset.words.occupation.values.to_numpy(dtype=np.int64)
    known = codes >= 0
    numbers = np.zeros(len(codes), dtype=np.int64)
    numbers[known] = values[codes[known]]
    return numbers, known


def _spread(ids: Longs, vectors: Vectors, index: Any, n: int) -> tuple[Vectors, NDArray[np.bool_]]:
    wide, has = np.zeros((n, vectors.shape[1]), dtype=np.float32), np.zeros(n, dtype=bool)
    rows, found = index.find(ids)
    wide[rows[found]], has[rows[found]] = vectors[found], True
    return wide, has


# Conversion to named arrays


class _FactorsCodec:
    def encode(self, value: SharedFactors) -> Arrays:
        return {
            "user_id": value.user_id,
            "users": value.users,
            "job_id": value.job_id,
            "jobs": value.jobs,
            "is_trained": np.array([value.is_trained]),
        }

    def decode(self, arrays: Arrays) -> SharedFactors:
        users, jobs = _get(arrays, "users", "<f4", 2), _get(arrays, "jobs", "<f4", 2)
        user_id, job_id = _get(arrays, "user_id", "<i8", 1), _get(arrays, "job_id", "<i8", 1)
        if (len(user_id), len(job_id), users.shape[1]) != (len(users), len(jobs), jobs.shape[1]):
            raise ValueError("the vectors do not fit the ids")
        return SharedFactors(user_id, users, job_id, jobs, bool(_get(arrays, "is_trained", "|b1", 1)[0]))


class _SimilarityCodec:
    def encode(self, value: SharedSimilarity) -> Arrays:
        return {"occupation": value.occupation, "cosine": value.cosine}

    def decode(self, arrays: Arrays) -> SharedSimilarity:
        occupation, cosine = _get(arrays, "occupation", "<i8", 1), _get(arrays, "cosine", "<f8", 2)
        if cosine.shape != (len(occupation), len(occupation)):
            raise ValueError("the cosines do not fit the occupations")
        return SharedSimilarity(occupation, cosine)


class _PopularityCodec:
    def encode(self, value: PopularityReading) -> Arrays:
        texts = [str(company).encode() for company in value.companies]
        return {
            "companies": np.frombuffer(b"".join(texts), dtype=np.uint8),
            "lengths": np.array([len(text) for text in texts], dtype=np.int64),
            "applications": value.counts.applications,
            "looks": value.counts.looks,
            "days": np.array([value.counts.days], dtype=np.float64),
        }

    def decode(self, arrays: Arrays) -> PopularityReading:
        data, lengths = _get(arrays, "companies", "|u1", 1).tobytes(), _get(arrays, "lengths", "<i8", 1)
        ends = np.cumsum(lengths)
        applications, looks = _get(arrays, "applications", "<i8", 1), _get(arrays, "looks", "<i8", 1)
        if lengths.sum() != len(data) or not len(applications) == len(looks) == len(lengths) + 1:
            raise ValueError("the counts do not fit the companies")
        texts = [data[end - size : end].decode() for end, size in zip(ends, lengths, strict=True)]
        days = float(_get(arrays, "days", "<f8", 1)[0])
        return PopularityReading(pd.Index(texts, dtype="str"), CompanyActions(applications, looks, days))


def _get(arrays: Arrays, name: str, dtype: str, n_dimensions: int) -> NDArray[Any]:
    """Return an array of a value. Raises KeyError, ValueError."""
    array = arrays[name]
    if array.dtype.str != dtype or array.ndim != n_dimensions:
        raise ValueError(f"the array {name} has a wrong type")
    return array


CODECS: Final[dict[str, Codec]] = {
    "factors": _FactorsCodec(),
    "similarity": _SimilarityCodec(),
    "company": _PopularityCodec(),
}
"""Cache → the conversion of its values for a shared store."""
