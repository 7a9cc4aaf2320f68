"""The base class of the kinds of terms: a check, a packer, and the reference value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, Singles, UInt16s
from scoring.bundle.program import Program
from scoring.errors import ModelError

__all__ = [
    "LARGEST",
    "KeyedKind",
    "KnownColumns",
    "Packer",
    "ReusableArrays",
    "TermCheck",
    "TermKind",
    "concatenate",
    "require_same_column",
    "stack",
]

LARGEST = 1e9
"""Maximum absolute value in a term. Products and sums of such values do not overflow float32."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, eq=False)
class KnownColumns:
    """Job columns of the terms of a program, by identity, with what was computed from them.

    A program for other users of the same jobs has the same columns, which need not be checked and packed again. They
    must not change. `sources` refers to them, so that no other array gets the identity of one of them.
    """

    sources: list[NDArray] = field(default_factory=list)
    checked: set[Hashable] = field(default_factory=set)
    """Identities of arrays that are finite, and (identity, low, high) of codes in this range."""
    codes: dict[tuple[int, int], Ints] = field(default_factory=dict)
    """(Identity of the codes of a key, its size) → row of `key_code`."""
    flags: dict[int, UInt16s] = field(default_factory=dict)
    """Identity of the bits of flags → row of `flag_bits`."""
    ranks: dict[int, tuple[Floats, Ints]] = field(default_factory=dict)
    """Identity of a number's values → its distinct values, and row of `number_rank`."""
    vectors: dict[tuple[int, ...], Singles] = field(default_factory=dict)
    """Identities of the vectors of all terms → `job_vector`."""


@dataclass(frozen=True, eq=False)
class ReusableArrays:
    """Arrays of another program that a new program may reuse if they are equal to its own."""

    vectors: tuple[Singles, Singles] | None = None
    """`user_vector` and `job_vector`. The caller has checked that they are equal."""
    ranks: Sequence[Ints] = ()
    """Rows of `number_rank`. The packer checks them."""
    columns: KnownColumns = field(default_factory=KnownColumns)


class TermCheck:
    """Checks of one term of a component."""

    def __init__(
        self, component: str, term: Any, n_users: int, n_jobs: int, checked: Container[Hashable] = frozenset()
    ) -> None:
        self.component, self.term = component, term
        self.n_users, self.n_jobs = n_users, n_jobs
        self.checked = checked

    def error(self, what: str, *key: str) -> ModelError:
        """Return an error that names the component, its method and the kind of term. `key`: a field, its property."""
        return ModelError(
            f"component {self.component}: `terms` returned an invalid {type(self.term).__name__}: {what}.",
            key=(self.component, *key),
        )

    def require_shape(self, field: str, array: NDArray, wanted: tuple[int, ...]) -> None:
        """Require an array of this shape."""
        if not isinstance(array, np.ndarray):
            raise self.error(f"`{field}` is a {type(array).__name__}; it must be a NumPy array", field, "type")
        if array.shape != wanted:
            raise self.error(f"`{field}` has shape {array.shape}; it must be {wanted}", field, "shape")

    def require_finite(self, field: str, array: NDArray | float) -> None:
        """Require numbers, none of them NaN, infinite or beyond `LARGEST`."""
        if id(array) in self.checked:
            return
        numbers = np.asarray(array)
        if numbers.dtype.kind not in "biuf":
            raise self.error(f"`{field}` has dtype {numbers.dtype}; it must be numeric", field, "dtype")
        smallest = np.minimum.reduce(numbers, axis=None, initial=0)
        largest = np.maximum.reduce(numbers, axis=None, initial=0)
        if smallest >= -LARGEST and largest <= LARGEST:  # false for NaN
            return
        if not np.isfinite(numbers).all():
            raise self.error(f"`{field}` contains NaN or infinity; all values must be finite", field, "finite")
        raise self.error(
            f"`{field}` contains values beyond {LARGEST:g}; a component value is from 0 to 100", field, "range"
        )

    def require_range(self, field: str, array: NDArray, low: int, high: int) -> None:
        """Require integers from `low` to below `high`."""
        if (id(array), low, high) in self.checked:
            return
        if array.dtype.kind not in "iu":
            raise self.error(f"`{field}` has dtype {array.dtype}; it must be an integer type", field, "dtype")
        if len(array) and not (array.min() >= low and array.max() < high):
            valid = (
                f"they must be from {low} to {high - 1}" if high > low else "none is valid, because the table is empty"
            )
            raise self.error(f"`{field}` has values from {array.min()} to {array.max()}; {valid}", field, "range")


class Packer(Protocol[T_contra]):
    """Collects the terms of one kind. Each term has a slot in the arrays of that kind."""

    def add(self, term: T_contra) -> int:
        """Add a term and return its slot.

        Raises
        ------
        ModelError: If two terms use the same name for different columns.
        """

    def arrays(self) -> dict[str, NDArray]:
        """Return the arrays by field of `Program`."""


class TermKind(ABC, Generic[T]):
    """A kind of term: a function of a pair that components may use.

    A new kind requires a subclass that is listed in `KINDS`, fields for its arrays in `Program`, and its compiled
    value, fold and bound in `scoring.backends.numba`.
    """

    code: ClassVar[int]
    """The code in `Program.term_kind`."""
    term: ClassVar[type]
    """The class of the terms."""

    @abstractmethod
    def check(self, term: T, check: TermCheck) -> None:
        """Check that the term fits the data. Kernels do not check bounds.

        Raises
        ------
        ModelError: If the term does not fit the data.
        """

    @abstractmethod
    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[T]:
        """Return a packer for the terms of one program."""

    @abstractmethod
    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        """Return the values (len(users), len(jobs)) float64 of the term. This is the specification."""

    @abstractmethod
    def value_of_pair(self, term: T) -> float:
        """Return the value of a term of one user and one job. It equals `values` of the packed term, bit for bit."""

    @abstractmethod
    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        """Return a lower and an upper bound of the values of each job, for all users: (m,) each, or (1,).

        The program must have users and jobs.
        """

    def divisors(self, term: T) -> NDArray | None:
        """Return all values of the term as a divisor; None if this kind must not be a divisor."""
        return None

    def record_columns(self, term: T, program: Program, slot: int, known: KnownColumns) -> None:
        """Add the job columns of a term that was packed into this slot of a program."""


class KeyedKind(TermKind[T]):
    """A kind whose value is the entry of the user's row at the job's code."""

    @abstractmethod
    def key(self, program: Program, slot: int) -> int:
        """Return the number of the key. Lookup keys come first, then sets of flags."""

    @abstractmethod
    def rows(self, program: Program, slot: int, users: Longs) -> Floats:
        """Return the rows of the users, (len(users), width)."""

    @abstractmethod
    def row_bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        """Return the minimum and maximum of each column of the table, including exceptions of users: (width,) each."""

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        low, high = self.row_bounds(program, slot)
        codes = self.codes(program, slot)
        return low[codes], high[codes]

    @abstractmethod
    def codes(self, program: Program, slot: int) -> NDArray[np.integer]:
        """Return (m,) the column of the table for each job."""

    @abstractmethod
    def row_numbers(self, program: Program, slot: int) -> Ints | None:
        """Return (n,) the row number of each user in the table; None if users have exceptions."""


def require_same_column(name: str, first: NDArray, second: NDArray) -> None:
    """Check that two job columns of the same name are equal.

    Raises
    ------
    ModelError: If they are not equal.
    """
    if first is not second and not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
        raise ModelError(
            f"Two components give the name {name!r} to different job columns. In one of them, use another name for the "
            "Key, Number or Flags.",
            key=(name,),
        )


def stack(rows: Sequence[NDArray], dtype: type, length: int) -> NDArray:
    """Return the rows as one array (len(rows), length), also for zero rows.

    If they are all rows of one array, in its order, the result is that array.
    """
    whole = rows[0].base if rows else None
    if isinstance(whole, np.ndarray) and whole.shape == (len(rows), length) and whole.dtype == dtype:
        first, step = _get_address(whole), whole.strides[0]
        if whole.flags.c_contiguous and all(
            row.base is whole and row.shape == (length,) and _get_address(row) == first + place * step
            for place, row in enumerate(rows)
        ):
            return whole
    result: NDArray = np.empty((len(rows), length), dtype=dtype)
    for place, row in enumerate(rows):
        if row.shape != (length,):
            raise ModelError(
                f"An array of a term has shape {row.shape} and must have ({length},); it was not checked before. This "
                "is an error in the package: please report it with the components of the model."
            )
        result[place] = row
    return result


def _get_address(array: NDArray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def concatenate(arrays: Sequence[NDArray], dtype: type) -> NDArray:
    """Return the concatenated arrays, also for zero arrays."""
    return np.concatenate([np.empty(0, dtype=dtype), *arrays]).astype(dtype, copy=False)
