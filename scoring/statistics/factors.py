"""Vectors of users and jobs. Their cosine measures how well a job suits a user.

Vectors are read from the data, or trained on the actions and cached on disk.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset.arrays import ActionArrays, cut_by_user
from scoring.dataset.dataset import Dataset
from scoring.statistics.als_training import ALS, train
from scoring.statistics.disk_array_cache import ArrayCache
from scoring.threads.pool import map_in_threads

__all__ = ["Factors", "default_cache"]

Vectors = NDArray[np.float32]

CONFIDENCE = {"application": 5.0, "click": 2.0, "view": 1.0}

ROWS_PER_BLOCK = 4096


@dataclass(frozen=True)
class Factors:
    """(n, dimensions) float32 vectors of length 1, and whether each row has one. Rows without a vector are zero."""

    users: Vectors
    jobs: Vectors
    user_has: Bools
    job_has: Bools
    source: str  # "imported" | "trained" | "none"
    user_in_table: Bools  # (n_users,) has a row in the data's factor table, even a zero vector: has a profile
    from_cache: bool = False  # read from the cache on disk

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        *,
        settings: ALS | None = None,
        cache: Path | None = None,
        workers: int | None = None,
        actions: ActionArrays | None = None,
    ) -> Factors:
        """Return the factors in the dataset, else trained ones, read from or written to the folder `cache`.

        They are trained on `actions` (None: all actions of the dataset). Training uses up to `workers` threads (None:
        one per available core). The factors do not depend on it.
        """
        tables = dataset.tables
        if tables.user_factors is not None and tables.job_factors is not None:
            users = _convert_imported(tables.user_factors, dataset.users.user_id)
            jobs = _convert_imported(tables.job_factors, dataset.jobs.job_id)
            listed = np.isin(dataset.users.user_id, tables.user_factors["user_id"])
            return cls.from_vectors(users, jobs, "imported", listed)
        actions = dataset.actions if actions is None else actions
        if not len(actions):
            shape = (settings or ALS()).dimensions
            return cls.from_vectors(np.zeros((len(dataset.users), shape)), np.zeros((len(dataset.jobs), shape)), "none")
        return _train_factors(dataset, actions, settings or ALS(), cache, workers)

    @classmethod
    def from_vectors(
        cls, users: NDArray[np.floating], jobs: NDArray[np.floating], source: str, user_in_table: Bools | None = None
    ) -> Self:
        """Return factors of raw vectors, normalised in float64 and stored as float32."""
        (user_unit, user_has), (job_unit, job_has) = _scale_to_unit(users), _scale_to_unit(jobs)
        in_table = np.zeros(len(user_unit), dtype=bool) if user_in_table is None else user_in_table
        return cls(user_unit, job_unit, user_has, job_has, source, in_table)

    @property
    def dimensions(self) -> int:
        return self.users.shape[1]


def default_cache() -> Path:
    """Return the default folder of trained factors, in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "scoring" / "factors"


def _scale_to_unit(vectors: NDArray[np.floating]) -> tuple[Vectors, Bools]:
    units, has = np.empty(vectors.shape, dtype=np.float32), np.empty(len(vectors), dtype=bool)
    for first in range(0, len(vectors), ROWS_PER_BLOCK):  # intermediate arrays stay in the processor's cache
        block = slice(first, first + ROWS_PER_BLOCK)
        wide = np.array(vectors[block].T, dtype=np.float64, order="C")
        square = np.zeros(wide.shape[1])
        for dimension in wide:  # sum from dimension 0 up, the specified order
            square += dimension * dimension
        length = np.sqrt(square)
        has[block] = length > 0
        units[block] = np.where(has[block], wide / np.where(has[block], length, 1.0), 0.0).T
    return units, has


def _convert_imported(frame: pd.DataFrame, ids: Longs) -> Floats:
    columns = sorted((name for name in frame.columns if name[0] == "f"), key=lambda name: int(name[1:]))
    wide = frame.set_index(frame.columns[0])[columns].reindex(ids).to_numpy(np.float64)
    return np.where(np.isfinite(wide).all(axis=1, keepdims=True), wide, 0.0)  # incomplete vectors become zero


def _compute_confidences(actions: ActionArrays) -> tuple[Ints, Ints, Vectors]:
    """Return (user row, job row, confidence) of each pair with actions, by user, then job."""
    parts = [(actions.user[part], actions.job[part], actions.kind[part]) for part in cut_by_user(actions.user)]
    found = map_in_threads(lambda part: _sum_confidences(*part), parts, len(actions))
    user, job, confidence = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return user, job, confidence


def _sum_confidences(user: Ints, job: Ints, kind: NDArray[np.int8]) -> tuple[Ints, Ints, Vectors]:
    kind_bits = (len(ACTION_KINDS) - 1).bit_length()
    key = user.astype(np.uint64)
    for column, bits in ((job, 31), (kind, kind_bits)):  # rows are below 2^31
        key <<= bits
        key |= column.astype(np.uint64)
    key.sort(kind="stable")  # actions are sorted by user: a merge sort takes a third of the time of other sorts
    weight = np.array([CONFIDENCE[kind] for kind in ACTION_KINDS])[key.astype(np.uint8) & ((1 << kind_bits) - 1)]
    key >>= kind_bits
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    confidence = np.add.reduceat(weight, first).astype(np.float32)  # sums of integers: exact in any order
    pair = key[first]
    return (pair >> 31).astype(np.int32), (pair & (2**31 - 1)).astype(np.int32), confidence


def _number_rows(rows: Ints, n: int) -> tuple[Longs, Ints]:
    """Return the distinct rows below n, and the position of each given row among them: `np.unique` without a sort."""
    occurs = np.bincount(rows, minlength=n) > 0
    return np.flatnonzero(occurs), (np.cumsum(occurs, dtype=np.int32) - 1)[rows]


def _train_factors(
    dataset: Dataset, actions: ActionArrays, settings: ALS, cache: Path | None, workers: int | None
) -> Factors:
    user_rows, job_rows, confidence = _compute_confidences(actions)
    acting_users, user = _number_rows(user_rows, len(dataset.users))
    acted_jobs, job = _number_rows(job_rows, len(dataset.jobs))
    key = _compute_key(dataset, acting_users, acted_jobs, user, job, confidence, settings)
    shapes = {"users": (len(acting_users), settings.dimensions), "jobs": (len(acted_jobs), settings.dimensions)}
    disk = ArrayCache(cache, "als") if cache else None
    cached = disk.read(key, shapes) if disk else None
    found = (
        (cached["users"], cached["jobs"]) if cached is not None else _train(user, job, confidence, settings, workers)
    )
    if disk and cached is None:
        disk.write(key, {"users": found[0], "jobs": found[1]})
    factors = Factors.from_vectors(*found, "trained")
    users, user_has = _spread(factors.users, factors.user_has, acting_users, len(dataset.users))
    jobs, job_has = _spread(factors.jobs, factors.job_has, acted_jobs, len(dataset.jobs))
    return Factors(users, jobs, user_has, job_has, "trained", np.zeros(len(users), dtype=bool), cached is not None)


def _spread(vectors: Vectors, has: Bools, rows: NDArray[np.int64], n: int) -> tuple[Vectors, Bools]:
    """Return n rows with the vectors at the given rows; all other rows are zero."""
    wide, have = np.zeros((n, vectors.shape[1]), dtype=np.float32), np.zeros(n, dtype=bool)
    wide[rows], have[rows] = vectors, has
    return wide, have


def _compute_key(
    dataset: Dataset, acting_users: Longs, acted_jobs: Longs, user: Ints, job: Ints, confidence: Vectors, settings: ALS
) -> str:
    """Return a digest of all that training depends on."""
    # package metadata, not implicit.__version__: the import takes 0.2 s and is not needed for a cache hit
    digest = hashlib.blake2b(f"implicit {version('implicit')}".encode(), digest_size=16)
    for array in (dataset.users.user_id[acting_users], dataset.jobs.job_id[acted_jobs], user, job, confidence):
        for first in range(0, len(array), ROWS_PER_BLOCK):
            block = array[first : first + ROWS_PER_BLOCK]
            digest.update(block.astype(np.int64 if array.dtype.kind == "i" else np.float32).tobytes())
    digest.update(repr(settings).encode())
    return digest.hexdigest()


def _train(user: Ints, job: Ints, confidence: Vectors, settings: ALS, workers: int | None) -> tuple[Vectors, Vectors]:
    """Train on the confidences of pairs, sorted by user, then job."""
    from scipy import sparse

    first_pair = np.append(0, np.cumsum(np.bincount(user)))
    return train(sparse.csr_matrix((confidence, job, first_pair)), settings, workers)
