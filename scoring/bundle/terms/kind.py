"""What every kind of term provides: a check, a packer, and the reference value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, Singles
from scoring.bundle.program import Program
from scoring.errors import ModelError

__all__ = [
    "LARGEST",
    "KeyedKind",
    "Packer",
    "Reusable",
    "TermCheck",
    "TermKind",
    "concatenate",
    "require_same_column",
    "stack",
]

LARGEST = 1e9
"""No term holds a larger number: products and sums of such stay far from float32's infinity."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, eq=False)
class Reusable:
    """Arrays of another program that a new one may take over, if they are right."""

    vectors: tuple[Singles, Singles] | None = None
    """`user_vector` and `job_vector`; given only if they are right."""
    ranks: Sequence[Ints] = ()
    """Rows of `number_rank`; a packer checks them."""


class TermCheck:
    """One term of a component, and the errors about it."""

    def __init__(self, component: str, term: Any, n_users: int, n_jobs: int) -> None:
        self.component, self.term = component, term
        self.n_users, self.n_jobs = n_users, n_jobs

    def error(self, what: str) -> ModelError:
        """Return an error that names the component and the term."""
        return ModelError(f"component {self.component}: its {type(self.term).__name__} {what}.")

    def shape(self, field: str, array: NDArray, wanted: tuple[int, ...]) -> None:
        """Require an array of this shape."""
        if not isinstance(array, np.ndarray):
            raise self.error(f"has a {type(array).__name__} as `{field}` where an array is needed")
        if array.shape != wanted:
            raise self.error(f"has `{field}` of shape {array.shape} where {wanted} is needed")

    def finite(self, field: str, array: NDArray | float) -> None:
        """Require numbers, none of them NaN, infinite or beyond `LARGEST`."""
        if np.asarray(array).dtype.kind not in "biuf":
            raise self.error(f"has `{field}` of {np.asarray(array).dtype} where numbers are needed")
        if not np.isfinite(array).all():
            raise self.error(f"holds NaN or infinity in `{field}`")
        if max(np.max(array, initial=0), -np.min(array, initial=0)) > LARGEST:  # np.abs would copy all of it
            raise self.error(f"holds numbers beyond {LARGEST:g} in `{field}`; a component is worth 0 to 100")

    def within(self, field: str, array: NDArray, low: int, high: int) -> None:
        """Require whole numbers from `low` to below `high`."""
        if array.dtype.kind not in "iu":
            raise self.error(f"has `{field}` of {array.dtype} where whole numbers are needed")
        if len(array) and not (array.min() >= low and array.max() < high):
            raise self.error(f"has `{field}` from {array.min()} to {array.max()} where {low} to {high - 1} are there")


class Packer(Protocol[T_contra]):
    """Collects the terms of one kind; each gets a slot in that kind's arrays."""

    def add(self, term: T_contra) -> int:
        """Return the slot of the term. ModelError: If two terms give different columns the same name."""

    def arrays(self) -> dict[str, NDArray]:
        """Return fields of `Program`."""


class TermKind(ABC, Generic[T]):
    """One of the shapes in which a component may depend on a pair.

    A new kind needs a subclass, listed in `KINDS`; the fields of its arrays in `Program`; and its compiled value, fold
    and bound in `scoring.backends.numba`.
    """

    code: ClassVar[int]
    """In `Program.term_kind`."""
    term: ClassVar[type]
    """What a component yields."""

    @abstractmethod
    def check(self, term: T, check: TermCheck) -> None:
        """Require that the term fits the data: kernels check no bounds. ModelError: If it does not."""

    @abstractmethod
    def packer(self, n_users: int, n_jobs: int, reusable: Reusable) -> Packer[T]:
        """Return a packer for the terms of one program."""

    @abstractmethod
    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        """Return (len(users), len(jobs)) float64: what the term adds. This is the specification."""

    def divisors(self, term: T) -> NDArray | None:
        """Return the numbers by which the term would divide a component; None if this kind may not divide."""
        return None


class KeyedKind(TermKind[T]):
    """A kind whose value is read from a user's row, in the column of a job's code."""

    @abstractmethod
    def key(self, program: Program, slot: int) -> int:
        """Return the number of the key: lookup keys first, then sets of flags."""

    @abstractmethod
    def rows(self, program: Program, slot: int, users: Longs) -> Floats:
        """Return (len(users), width) the users' rows."""

    @abstractmethod
    def row_numbers(self, program: Program, slot: int) -> Ints | None:
        """Return (n,) which row of the table each user has; None if users have exceptions to their rows."""


def require_same_column(name: str, first: NDArray, second: NDArray) -> None:
    """Raise ModelError if two terms give the same name to different columns of the jobs."""
    if first is not second and not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
        raise ModelError(f"two terms call different columns of the jobs {name!r}; give one of them another name.")


def stack(rows: Sequence[NDArray], dtype: type, length: int) -> NDArray:
    """Return (len(rows), length), also for no rows."""
    result: NDArray = np.empty((len(rows), length), dtype=dtype)
    for place, row in enumerate(rows):
        if row.shape != (length,):
            raise ModelError(f"a term has an array of shape {row.shape} where ({length},) is needed.")
        result[place] = row
    return result


def concatenate(arrays: Sequence[NDArray], dtype: type) -> NDArray:
    """Return the arrays one behind the other, also for no arrays."""
    return np.concatenate([np.empty(0, dtype=dtype), *arrays]).astype(dtype, copy=False)
