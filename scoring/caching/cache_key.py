"""Keys of cached values: every field names something that the value depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, fields
from typing import ClassVar

from scoring.caching.content_identity import Code, compute_content_digest

__all__ = [
    "AdjacencyKey",
    "CacheKey",
    "DataKey",
    "EncodingKey",
    "ExplanationKey",
    "FactorsKey",
    "ListsKey",
    "PlanKey",
    "PopularityKey",
    "ReadingKey",
    "RequestKey",
    "ScoreKey",
    "SimilarityKey",
    "UserKey",
]


@dataclass(frozen=True)
class CacheKey:
    """Base of all keys. Two keys are equal if their classes and all their fields are equal."""

    cache: ClassVar[str]
    """Name of the cache to which the key belongs."""

    def digest(self) -> str:
        """Return 32 hexadecimal digits, the same in every process for equal fields.

        Only a store that is shared by processes needs them. They are computed on each call, in about 4 ms for a key
        with code objects. Versions of packages, and code that no field holds, are not part of the digest: such a
        store must name them itself.

        Raises
        ------
        TypeError: If a field holds an object that other processes cannot compare, such as an epoch.
        """
        digest = hashlib.blake2b(self.cache.encode() + b"\0" + type(self).__name__.encode(), digest_size=16)
        for part in fields(self):
            digest.update(b"\0" + part.name.encode() + b"\0" + compute_content_digest(getattr(self, part.name)))
        return digest.hexdigest()


@dataclass(frozen=True)
class AdjacencyKey(CacheKey):
    """Which prefectures are adjacent."""

    cache: ClassVar[str] = "prefecture"
    reference: str  # fingerprint of the reference tables


@dataclass(frozen=True)
class UserKey(CacheKey):
    """The row of one user."""

    cache: ClassVar[str] = "users"
    users: str  # fingerprint of the user table
    user_id: int


@dataclass(frozen=True)
class PopularityKey(CacheKey):
    """Company popularity at one time. It does not name the data: a reading may be older than the data."""

    cache: ClassVar[str] = "company"
    days: float  # the window
    epoch: Hashable  # changes with each refresh of the engine


@dataclass(frozen=True)
class DataKey(CacheKey):
    """Base of the keys of values that are stale once the data changes."""

    data: str  # fingerprint of all data that a score can depend on


@dataclass(frozen=True)
class ReadingKey(DataKey):
    """Company popularity as computed from the data: `PopularityKey` for a shared store."""

    cache: ClassVar[str] = "company"
    days: float  # the window


@dataclass(frozen=True)
class SimilarityKey(DataKey):
    """Similarity of occupations."""

    cache: ClassVar[str] = "similarity"


@dataclass(frozen=True)
class FactorsKey(DataKey):
    """Vectors of users and jobs."""

    cache: ClassVar[str] = "factors"
    settings: Hashable  # of the training
    trainer: str  # the package that trains, and its version


@dataclass(frozen=True)
class ListsKey(DataKey):
    """The lists of consecutive active users, for a shared store."""

    cache: ClassVar[str] = "lists"
    basis: str  # digest of the basis, from which popularity, similarity and factors are computed
    model: str  # digest of the model with its weights
    k: int
    first: int  # place of the first user among the active users
    count: int


@dataclass(frozen=True)
class EncodingKey(DataKey):
    """A model encoded on the data, for any weights."""

    cache: ClassVar[str] = "encoded"
    popularity: tuple[tuple[float, str], ...]  # window in days and digest of each reading in use
    model: str  # parts, parameters and rules as JSON
    code: Code  # of the components
    workers: int | None


@dataclass(frozen=True)
class PlanKey(DataKey):
    """A model with its weights, planned on the data."""

    cache: ClassVar[str] = "plans"
    popularity: tuple[tuple[float, str], ...]  # as in EncodingKey
    model: str  # digest of the model with its weights
    code: Code  # of the components
    workers: int | None


@dataclass(frozen=True)
class RequestKey(DataKey):
    """A model with its weights, planned on the jobs of a request."""

    cache: ClassVar[str] = "requests"
    popularity: tuple[tuple[float, str], ...]  # as in EncodingKey
    model: str  # digest of the model with its weights
    code: Code  # of the components
    sample: str  # digest of a few bytes of the frame of jobs


@dataclass(frozen=True)
class ScoreKey(DataKey):
    """The scores of one pair."""

    cache: ClassVar[str] = "scores"
    popularity: tuple[tuple[float, str], ...]  # as in EncodingKey
    model: str  # digest of the model with its weights
    code: Code  # of the components
    job: Hashable  # all values of the job's row
    user: Hashable  # all values of the user's row
    profile: int | None  # the user whose history counts


@dataclass(frozen=True)
class ExplanationKey(ScoreKey):
    """The explanation of one pair."""

    cache: ClassVar[str] = "explanations"
    model_name: str  # part of the answer, but not of the model's digest
