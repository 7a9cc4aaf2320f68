"""Whether terms fit the data: kernels check no bounds, so nothing passes that would read beside an array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ModelError
from scoring.model.terms import DotTerm, FlagTerm, IntervalTerm, JobTerm, LookupTerm, Term, UserTerm, Value

__all__ = ["LARGEST", "check_value"]

LARGEST = 1e9
"""No term holds a larger number: products and sums of such stay far from float32's infinity."""


def check_value(name: str, value: Value, n_users: int, n_jobs: int) -> None:
    """Raises ModelError, naming the component and the term, where a term cannot be computed with.

    Shapes must be those of the data, codes below their key's size, rows there, divisors not 0; and NaN or
    infinity never enters a program: only an interval's bounds and numbers may hold them.
    """
    if not isinstance(value, Value):
        raise ModelError(f"component {name}: `terms` gives a {type(value).__name__} where a Value is needed.")
    for term in value.terms:
        _check(_Term(name, term, n_users, n_jobs))
    if value.divisor is not None:
        of = _Term(name, value.divisor, n_users, n_jobs)
        if not isinstance(value.divisor, UserTerm | FlagTerm):
            raise of.error("may not divide; a divisor is a UserTerm or a FlagTerm")
        _check(of)
        divisor = value.divisor.values if isinstance(value.divisor, UserTerm) else value.divisor.rows
        if (np.abs(divisor) < 1 / LARGEST).any():
            raise of.error("divides by 0")


class _Term:
    """One term of a component, and what to say about it."""

    def __init__(self, component: str, term: Term, n_users: int, n_jobs: int) -> None:
        self.component, self.term = component, term
        self.n_users, self.n_jobs = n_users, n_jobs

    def error(self, what: str) -> ModelError:
        return ModelError(f"component {self.component}: its {type(self.term).__name__} {what}.")

    def shape(self, field: str, array: NDArray, wanted: tuple[int, ...]) -> None:
        if not isinstance(array, np.ndarray):
            raise self.error(f"has a {type(array).__name__} as `{field}` where an array is needed")
        if array.shape != wanted:
            raise self.error(f"has `{field}` of shape {array.shape} where {wanted} is needed")

    def finite(self, field: str, array: NDArray | float) -> None:
        if np.asarray(array).dtype.kind not in "biuf":
            raise self.error(f"has `{field}` of {np.asarray(array).dtype} where numbers are needed")
        if not np.isfinite(array).all():
            raise self.error(f"holds NaN or infinity in `{field}`")
        if max(np.max(array, initial=0), -np.min(array, initial=0)) > LARGEST:  # np.abs would copy all of it
            raise self.error(f"holds numbers beyond {LARGEST:g} in `{field}`; a component is worth 0 to 100")

    def within(self, field: str, array: NDArray, low: int, high: int) -> None:
        """Whole numbers from `low` to below `high`."""
        if array.dtype.kind not in "iu":
            raise self.error(f"has `{field}` of {array.dtype} where whole numbers are needed")
        if len(array) and not (array.min() >= low and array.max() < high):
            raise self.error(f"has `{field}` from {array.min()} to {array.max()} where {low} to {high - 1} are there")


def _check(of: _Term) -> None:
    term = of.term
    match term:
        case JobTerm() | UserTerm():
            of.shape("values", term.values, (of.n_jobs if isinstance(term, JobTerm) else of.n_users,))
            of.finite("values", term.values)
        case LookupTerm():
            _check_lookup(of, term)
        case IntervalTerm():
            of.shape("number.values", term.number.values, (of.n_jobs,))
            for field in ("low", "high", "gain"):
                of.shape(field, getattr(term, field), (of.n_users,))
            of.finite("gain", term.gain)
        case FlagTerm():
            of.shape("flags.bits", term.flags.bits, (of.n_jobs,))
            of.within("flags.bits", term.flags.bits, 0, 2**term.flags.width)
            of.shape("rows", term.rows, (len(term.rows), 2**term.flags.width))
            of.finite("rows", term.rows)
            of.shape("row_of", term.row_of, (of.n_users,))
            of.within("row_of", term.row_of, 0, len(term.rows))
        case DotTerm():
            _check_dot(of, term)
        case _:
            raise of.error("is no term that a component may yield")


def _check_lookup(of: _Term, term: LookupTerm) -> None:
    size = term.key.size
    of.shape("key.codes", term.key.codes, (of.n_jobs,))
    of.within("key.codes", term.key.codes, -1, size)
    of.shape("rows", term.rows, (len(term.rows), size + 1))  # the last column answers a missing code
    of.finite("rows", term.rows)
    of.shape("row_of", term.row_of, (of.n_users,))
    of.within("row_of", term.row_of, -1 if len(term.rows) else 0, len(term.rows))  # -1 is the last row
    if (term.entries is None) != (term.gains is None):
        raise of.error("has `entries` without `gains`, or the other way round")
    if term.entries is not None and term.gains is not None:
        of.shape("entries.start", term.entries.start, (of.n_users + 1,))
        of.within("entries", term.entries.values, 0, size)
        of.shape("gains", term.gains, (len(term.entries.values),))
        of.finite("gains", term.gains)


def _check_dot(of: _Term, term: DotTerm) -> None:
    dimensions = term.users.shape[-1]
    of.shape("users", term.users, (of.n_users, dimensions))
    of.shape("jobs", term.jobs, (of.n_jobs, dimensions))
    of.shape("user_has", term.user_has, (of.n_users,))
    of.shape("job_has", term.job_has, (of.n_jobs,))
    of.shape("otherwise", term.otherwise, (of.n_users,))
    for field in ("users", "jobs", "otherwise", "scale", "shift"):
        of.finite(field, getattr(term, field))
