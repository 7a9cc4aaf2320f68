"""Inputs of a trained model that depend on user and job, as arrays that a bundle can contain.

n users, m jobs. A formula returns the values of pairs of rows. Each operation is elementwise, so a pair has the same
bits alone, in any batch and in every process. NaN is a missing value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Int8s, Ints, Longs, Singles
from scoring.bundle.bundle_file import Parts

__all__ = [
    "JOB_SIDE",
    "PAIR_SIDE",
    "SIDES",
    "USER_SIDE",
    "ElapsedDays",
    "ListedCount",
    "PairColumns",
    "PairFormula",
    "PlaceStep",
    "RatioOfSides",
    "TableLookup",
    "VectorProduct",
    "join_keys",
]

Rows = NDArray[np.integer]

_DAY: Final = 24 * 60 * 60 * 1_000_000
"""Microseconds."""


def join_keys(users: Rows, codes: Rows) -> Longs:
    """Return one integer for each user and code."""
    return np.asarray((users.astype(np.int64) << 32) | (codes.astype(np.int64) & 0xFFFFFFFF))


def _look_up(keys: Longs, values: Floats, wanted: Longs, otherwise: float) -> Floats:
    if not len(keys):
        return np.full(len(wanted), otherwise)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], otherwise)


@dataclass(frozen=True, eq=False)
class PlaceStep:
    """3 in the same city, 2 in the same prefecture, 1 in an adjacent one, else 0; missing without a prefecture."""

    home: Ints  # (n,) prefecture of the user, -1 if missing
    home_city: Ints  # (n,)
    place: Ints  # (m,) prefecture of the job, -1 if missing
    city: Ints  # (m,)
    adjacent: Bools  # (prefectures, prefectures), or empty

    def __call__(self, user: Rows, job: Rows) -> Floats:
        home, place = self.home[user], self.place[job]
        known = (home >= 0) & (place >= 0)
        same = known & (home == place)
        near = known & self.adjacent[home, place] if self.adjacent.size else np.zeros(len(home), dtype=bool)
        same_city = same & (self.home_city[user] >= 0) & (self.home_city[user] == self.city[job])
        return np.where(known, np.where(same_city, 3.0, np.where(same, 2.0, np.where(near, 1.0, 0.0))), np.nan)


@dataclass(frozen=True, eq=False)
class TableLookup:
    """The user's value for the code of the job. The last column is that of jobs without a code (-1)."""

    table: Floats  # (n, codes + 1)
    code: Ints  # (m,)

    def __call__(self, user: Rows, job: Rows) -> Floats:
        return np.asarray(self.table[user, self.code[job]])


@dataclass(frozen=True, eq=False)
class ListedCount:
    """The user's count for the code of the job, divided by the user's total; missing if the total is 0."""

    keys: Longs  # ascending, see `join_keys`
    counts: Floats
    total: Floats  # (n,), or empty: counts are not divided
    code: Ints  # (m,) -1 counts as 0

    def __call__(self, user: Rows, job: Rows) -> Floats:
        code = self.code[job]
        return self.divide(np.where(code >= 0, _look_up(self.keys, self.counts, join_keys(user, code), 0.0), 0.0), user)

    def divide(self, count: Floats, user: Rows) -> Floats:
        """Return (p,) the values of counts."""
        if not len(self.total):
            return count
        total = self.total[user]
        return np.where(total > 0, count / np.maximum(total, 1.0), np.nan)


@dataclass(frozen=True, eq=False)
class ElapsedDays:
    """Days from a time of user and job to `now`; missing if there is no time."""

    keys: Longs  # ascending, see `join_keys`; the codes are rows of `row`
    at: Floats  # microseconds
    row: Longs  # (m,) -1: no time
    now: float

    def __call__(self, user: Rows, job: Rows) -> Floats:
        row = self.row[job]
        at = _look_up(self.keys, self.at, join_keys(user, np.maximum(row, 0)), np.nan)
        return np.where(row >= 0, self.count_days(at), np.nan)

    def count_days(self, at: Floats) -> Floats:
        """Return (p,) the days from times to `now`."""
        return (self.now - at) / _DAY


@dataclass(frozen=True, eq=False)
class RatioOfSides:
    """The job's number divided by the user's."""

    of_user: Floats  # (n,)
    of_job: Floats  # (m,)

    def __call__(self, user: Rows, job: Rows) -> Floats:
        return np.asarray(self.of_job[job] / self.of_user[user])


@dataclass(frozen=True, eq=False)
class VectorProduct:
    """The product of two vectors; missing if a side has none."""

    user_vector: Singles  # (n, d)
    job_vector: Singles  # (m, d)
    user_has: Bools  # (n,)
    job_has: Bools  # (m,)

    def __call__(self, user: Rows, job: Rows) -> Floats:
        products = self.user_vector[user].astype(np.float64) * self.job_vector[job]
        # added in the order of the dimensions, so that a row has the same bits in every batch; -0.0 becomes 0.0
        total = np.add.accumulate(products, axis=1)[:, -1] + 0.0 if products.shape[1] else np.zeros(len(user))
        return np.where(self.user_has[user] & self.job_has[job], total, np.nan)


_JOB_FIELDS: Final[dict[type[Any], tuple[str, ...]]] = {
    PlaceStep: ("place", "city"),
    TableLookup: ("code",),
    ListedCount: ("code",),
    ElapsedDays: ("row",),
    RatioOfSides: ("of_job",),
    VectorProduct: ("job_vector", "job_has"),
}
"""Fields of a formula that have a row per job."""

PairFormula = PlaceStep | TableLookup | ListedCount | ElapsedDays | RatioOfSides | VectorProduct

_FORMULAS: Final[tuple[type[Any], ...]] = (
    PlaceStep,
    TableLookup,
    ListedCount,
    ElapsedDays,
    RatioOfSides,
    VectorProduct,
)
"""By their number in a file."""

JOB_SIDE, USER_SIDE, PAIR_SIDE = range(3)
SIDES: Final[dict[Literal["job", "user", "pair"], int]] = {"job": JOB_SIDE, "user": USER_SIDE, "pair": PAIR_SIDE}


@dataclass(frozen=True, eq=False)
class PairColumns:
    """The d inputs of a model for all users and jobs."""

    sides: Int8s  # (d,) JOB_SIDE, USER_SIDE or PAIR_SIDE
    job_columns: Floats  # (m, number of JOB_SIDE)
    user_columns: Floats  # (n, number of USER_SIDE)
    formulas: tuple[PairFormula, ...]  # one for each PAIR_SIDE
    missing: Floats  # (number of PAIR_SIDE,) the values of missing values

    def rows(self, user_rows: Rows, job_rows: Rows) -> Floats:
        """Return (p, d) the inputs of pairs of rows. Each row has the same bits in every batch."""
        result = np.empty((len(user_rows), len(self.sides)))
        # gathering whole rows reads less memory than gathering columns one after another
        jobs, users = self.job_columns[job_rows], self.user_columns[user_rows]
        place = [0, 0, 0]
        for column, side in enumerate(self.sides.tolist()):
            source = place[side]
            place[side] += 1
            if side == JOB_SIDE:
                result[:, column] = jobs[:, source]
            elif side == USER_SIDE:
                result[:, column] = users[:, source]
            else:
                with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                    values = self.formulas[source](user_rows, job_rows)
                result[:, column] = np.where(np.isnan(values), self.missing[source], values)
        return result

    def take_jobs(self, rows: Rows) -> Self:
        """Return the inputs of the jobs at these rows, in that order."""
        formulas = [
            replace(formula, **{name: getattr(formula, name)[rows] for name in _JOB_FIELDS[type(formula)]})
            for formula in self.formulas
        ]
        return replace(self, job_columns=self.job_columns[rows], formulas=tuple(formulas))

    def add_to(self, parts: Parts, prefix: str) -> None:
        """Add the arrays and numbers to the parts of a file."""
        for name in ("sides", "job_columns", "user_columns", "missing"):
            parts.arrays[f"{prefix}.{name}"] = getattr(self, name)
        for number, formula in enumerate(self.formulas):
            at = f"{prefix}.formula.{number}"
            parts.numbers[f"{at}.kind"] = _FORMULAS.index(type(formula))
            parts.add(at, formula, _names(type(formula)))

    @classmethod
    def of_parts(cls, parts: Parts, prefix: str) -> PairColumns:
        """Return what `add_to` added.

        Raises
        ------
        KeyError: If a part does not exist.
        """
        found = parts.fields(prefix, ("sides", "job_columns", "user_columns", "missing"))
        formulas = []
        for number in range(int((found["sides"] == PAIR_SIDE).sum())):
            at = f"{prefix}.formula.{number}"
            formula = _FORMULAS[int(parts.numbers[f"{at}.kind"])]
            formulas.append(formula(**parts.fields(at, _names(formula))))
        return cls(**found, formulas=tuple(formulas))


def _names(formula: type[Any]) -> Iterator[str]:
    return (field.name for field in fields(formula))
