"""The closed catalogue of inputs that a trained model may read, each with its formula, unit and missing value.

A model file does not state what its columns mean. The sidecar does, with names of this catalogue. A run then computes
the same numbers as the training frame. Categories are stored as values, never as codes of a dataset, which change with
the data.

All formulas are elementwise over rows or pairs. A row therefore has the same bits alone and in any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from scoring.array_types import Floats, Ints, Longs
from scoring.bundle.pair_formulas import (
    SIDES,
    ElapsedDays,
    ListedCount,
    PairColumns,
    PairFormula,
    PlaceStep,
    RatioOfSides,
    TableLookup,
    VectorProduct,
    join_keys,
)
from scoring.columns import ACTION_KINDS
from scoring.columns.board_definition import Board, get_type_word
from scoring.dataset.arrays import DAY, NO_CODE
from scoring.dataset.column_lookup import Codes, NamedColumns
from scoring.dataset.vocabularies import Vocabulary
from scoring.errors import ConfigurationError, suggest
from scoring.id_index import IdIndex
from scoring.model.component_inputs import ActionRows, Inputs
from scoring.ragged_array import Ragged

__all__ = [
    "INPUTS",
    "CatalogueInput",
    "InputSpec",
    "InputTables",
    "compute_job_inputs",
    "compute_pair_inputs",
    "compute_user_inputs",
    "find_categories",
    "find_input",
    "find_job_windows",
    "find_reads",
    "make_specs",
]

Side = Literal["job", "user", "pair"]
Rows = NDArray[np.integer]

RECENT_DAYS: Final = 30
HISTORY_DAYS: Final = 90
COMPANY_DAYS: Final = 360
SAME_MAJOR: Final = 0.5
COSINE_SHARE: Final = 0.5


@dataclass(frozen=True)
class CatalogueInput:
    """One input. Numbers have NaN where a value is missing; categories have the code -1."""

    name: str
    side: Side
    formula: str
    unit: str
    compute: Callable[[Inputs], Floats | Codes | PairFormula]
    reads: tuple[str, ...]
    """What the input is computed from, as `Component.reads`."""
    categorical: bool = False


def _take_job_codes(field: str, words: str, inputs: Inputs) -> Codes:
    vocabulary: Vocabulary = getattr(inputs.words, words)
    return Codes(getattr(inputs.jobs, field), vocabulary.values)


def _take_employment_type(inputs: Inputs) -> Codes:
    values = inputs.jobs.employment_type
    distinct, codes = np.unique(values, return_inverse=True)
    known = distinct != NO_CODE
    return Codes(np.where(known[codes], codes - int((~known).sum()), -1).astype(np.int32), pd.Index(distinct[known]))


def _take_user_prefecture(inputs: Inputs) -> Codes:
    return Codes(inputs.users.prefecture, inputs.words.prefecture.values)


def _take_job_numbers(field: str, inputs: Inputs) -> Floats:
    return np.asarray(getattr(inputs.jobs, field), dtype=np.float64)


def _take_job_flags(field: str, inputs: Inputs) -> Floats:
    flags = getattr(inputs.jobs, field).astype(np.float64)
    return np.where(flags < 0, np.nan, flags)


def _compute_wage_ratio(inputs: Inputs) -> Floats:
    mean, _, _ = inputs.basis.areas.of(inputs.jobs)
    return np.asarray(inputs.jobs.hourly / np.where(mean > 0, mean, np.nan))


def _count_of_job(kind: str, days: float | None, inputs: Inputs) -> Floats:
    return inputs.basis.job_actions(days).of(kind, inputs.jobs.job_id).astype(np.float64)


def _count_of_company(applied: bool, inputs: Inputs) -> Floats:
    applications, looks = inputs.basis.company_actions(COMPANY_DAYS).of(inputs.jobs.company)
    return (applications if applied else looks).astype(np.float64)


def _compute_company_rate(inputs: Inputs) -> Floats:
    applications, looks = inputs.basis.company_actions(COMPANY_DAYS).of(inputs.jobs.company)
    return (applications + 1.0) / (looks + 20.0)


def _count_of_user(kind: str, days: float | None, inputs: Inputs) -> Floats:
    return np.bincount(inputs.history.within(kind, days).user, minlength=len(inputs.users)).astype(np.float64)


def _compute_days_since(kinds: Sequence[str], inputs: Inputs) -> Floats:
    latest = np.full(len(inputs.users), np.nan)
    for kind in kinds:
        actions = inputs.history.within(kind)
        np.fmax.at(latest, actions.user, actions.at.astype(np.float64))
    return (inputs.now - latest) / DAY


def _compute_mean_wage(kind: str, inputs: Inputs) -> Floats:
    """Return the mean hourly wage of the jobs of the user's actions, added in order."""
    actions = inputs.history.within(kind, HISTORY_DAYS)
    wages = inputs.history.jobs.hourly[actions.job]
    known = ~np.isnan(wages)
    count = np.bincount(actions.user[known], minlength=len(inputs.users))
    total = np.bincount(actions.user[known], wages[known], minlength=len(inputs.users))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _count_preferred(inputs: Inputs) -> Floats:
    return inputs.users.preferred.lengths.astype(np.float64)


def _take_salary_floor(inputs: Inputs) -> Floats:
    return inputs.users.salary_floor


def _take_work_style(inputs: Inputs) -> Codes:
    return inputs.users.codes("preferred_work_style")


def _take_job_age(inputs: Inputs) -> Floats:
    return inputs.job_age_days


def _compare_places(inputs: Inputs) -> PairFormula:
    users, jobs = inputs.users, inputs.jobs
    return PlaceStep(users.prefecture, users.place, jobs.prefecture, jobs.place, inputs.adjacent)


def _compare_preferred(inputs: Inputs) -> PairFormula:
    return _compare_occupations(inputs, inputs.users.preferred)


def _compare_applied(inputs: Inputs) -> PairFormula:
    actions = inputs.history.within("application", HISTORY_DAYS)
    return _compare_occupations(inputs, _find_distinct(actions, inputs.history.jobs.occupation, len(inputs.users)))


def _compare_occupations(inputs: Inputs, chosen: Ragged) -> PairFormula:
    """Return the similarity of the job's occupation to the most similar chosen one, as `Category` computes it."""
    size = len(inputs.majors)
    codes = np.unique(chosen.values)
    similarity = inputs.basis.similarity.rows(codes, inputs.majors, SAME_MAJOR, COSINE_SHARE)
    best = np.full((len(chosen), size + 1), np.nan)  # the last column: a job without an occupation
    listed = np.flatnonzero(chosen.lengths > 0)
    for first in range(0, len(listed), 512):
        users = listed[first : first + 512]
        part = chosen.take(users)
        rows = similarity[np.searchsorted(codes, part.values)]
        best[users, :size] = np.maximum.reduceat(rows, part.start[:-1], axis=0)
    return TableLookup(best, inputs.jobs.occupation)


def _find_distinct(actions: ActionRows, code_of_job: Ints, n_users: int) -> Ragged:
    keys, _ = _count_keys(actions.user, code_of_job[actions.job])
    start = np.searchsorted(keys >> 32, np.arange(n_users + 1))
    return Ragged(start, (keys & 0xFFFFFFFF).astype(np.int32))


def _count_keys(users: Ints, codes: Rows) -> tuple[Longs, Floats]:
    """Return the distinct (user, code) pairs as one integer each, ascending, and their counts. -1 is left out."""
    known = codes >= 0
    distinct, counts = np.unique(join_keys(users[known], codes[known]), return_counts=True)
    return distinct, counts.astype(np.float64)


def _share_of_actions(kind: str, days: float, field: str, inputs: Inputs) -> PairFormula:
    """Return the share of the user's actions whose jobs have the same code as the job; missing without actions."""
    actions = inputs.history.within(kind, days)
    keys, counts = _count_keys(actions.user, getattr(inputs.history.jobs, field)[actions.job])
    total = np.bincount(actions.user, minlength=len(inputs.users)).astype(np.float64)
    return ListedCount(keys, counts, total, getattr(inputs.jobs, field))


def _count_company_actions(inputs: Inputs) -> PairFormula:
    parts = [inputs.history.within(kind, COMPANY_DAYS) for kind in ACTION_KINDS]
    users, jobs = (np.concatenate([getattr(part, name) for part in parts]) for name in ("user", "job"))
    keys, counts = _count_keys(users, inputs.history.jobs.company[jobs])
    return ListedCount(keys, counts, np.empty(0), inputs.jobs.company)


def _compute_days_since_pair(kind: str, inputs: Inputs) -> PairFormula:
    actions = inputs.history.within(kind)
    keys, first = np.unique(join_keys(actions.user, actions.job), return_inverse=True)
    latest = np.full(len(keys), -np.inf)
    np.maximum.at(latest, first, actions.at.astype(np.float64))
    place, known = IdIndex(inputs.history.jobs.job_id).find(inputs.jobs.job_id)
    return ElapsedDays(keys, latest, np.where(known, place, -1), float(inputs.now))


def _compare_wages(inputs: Inputs) -> PairFormula:
    return RatioOfSides(_compute_mean_wage("application", inputs), inputs.jobs.hourly)


def _compare_floor(inputs: Inputs) -> PairFormula:
    return RatioOfSides(inputs.users.salary_floor, inputs.jobs.hourly)


def _multiply_factors(inputs: Inputs) -> PairFormula:
    return VectorProduct(inputs.user_vectors, inputs.job_vectors, inputs.user_has_vector, inputs.job_has_vector)


_WAGE: Final = ("jobs.min_salary", "jobs.salary_type")
_LOOKS: Final = ("actions.view", "actions.click")
_FLAGS: Final = {
    "daily_payment": "has_daily_payment",
    "no_experience": "has_no_experience",
    "student_welcome": "has_student_welcome",
    "remote_work": "has_remote_work",
    "has_station": "station_name is known",
    "has_address": "address is known",
}
"""Input of a job, without its side → formula, which begins with the column."""
_CODES_OF_JOB: Final = {
    "prefecture": ("prefecture_code", "prefecture_code"),
    "occupation": ("occupation_code", "occupation_code"),
    "major": ("major_code of the occupation", "occupation_code"),
}
"""Input of a job, without its side → formula and column."""
_SHARED: Final = {
    "occupation": ("occupation", ("jobs.occupation_code",)),
    "company": ("company", ("jobs.company_id",)),
    "prefecture": ("prefecture", ("jobs.prefecture_code",)),
    "city": ("place", ("jobs.prefecture_code", "jobs.city_code")),
}
"""What shares of actions have in common with the job → field of JobArrays and columns."""


def _list_inputs() -> tuple[CatalogueInput, ...]:
    return (*_list_job_inputs(), *_list_user_inputs(), *_list_pair_inputs())


def _list_job_inputs() -> list[CatalogueInput]:
    money, looks = "money per hour", ("jobs.company_id", *_LOOKS)
    add = partial(CatalogueInput, side="job")
    return [
        add(
            "job.wage",
            formula="min_salary / hours of salary_type",
            unit=money,
            compute=partial(_take_job_numbers, "hourly"),
            reads=_WAGE,
        ),
        add(
            "job.wage_ratio",
            formula="job.wage / mean wage of the area",
            unit="ratio",
            compute=_compute_wage_ratio,
            reads=(*_WAGE, "jobs.prefecture_code", "jobs.occupation_code"),
        ),
        add("job.fee", formula="fee", unit="money", compute=partial(_take_job_numbers, "fee"), reads=("jobs.fee",)),
        add(
            "job.age_days",
            formula="max(clock - posted_at, 0)",
            unit="days",
            compute=_take_job_age,
            reads=("jobs.posted_at",),
        ),
        *(
            add(
                f"job.{name}",
                formula=formula,
                unit="0 or 1",
                compute=partial(_take_job_flags, name),
                reads=(f"jobs.{formula.split()[0]}",),
            )
            for name, formula in _FLAGS.items()
        ),
        *(
            add(
                f"job.{kind}s_{days}d" if days else f"job.{kind}s",
                formula=f"number of {kind}s of all users on the job" + (f", last {days} days" if days else ""),
                unit="actions",
                compute=partial(_count_of_job, kind, days),
                reads=(f"actions.{kind}",),
            )
            for kind in ACTION_KINDS
            for days in (RECENT_DAYS, None)
        ),
        add(
            "job.company_applications",
            formula=f"applications to the company's jobs, last {COMPANY_DAYS} days",
            unit="actions",
            compute=partial(_count_of_company, True),
            reads=("jobs.company_id", "actions.application"),
        ),
        add(
            "job.company_looks",
            formula=f"views and clicks of the company's jobs, last {COMPANY_DAYS} days",
            unit="actions",
            compute=partial(_count_of_company, False),
            reads=looks,
        ),
        add(
            "job.company_rate",
            formula="(job.company_applications + 1) / (job.company_looks + 20)",
            unit="ratio",
            compute=_compute_company_rate,
            reads=(*looks, "actions.application"),
        ),
        *(
            add(
                f"job.{field}",
                formula=formula,
                unit="value",
                compute=partial(_take_job_codes, field, field),
                reads=(f"jobs.{column}",),
                categorical=True,
            )
            for field, (formula, column) in _CODES_OF_JOB.items()
        ),
        add(
            "job.employment_type",
            formula="employment_type_code",
            unit="value",
            compute=_take_employment_type,
            reads=("jobs.employment_type_code",),
            categorical=True,
        ),
    ]


def _list_user_inputs() -> list[CatalogueInput]:
    add = partial(CatalogueInput, side="user")
    return [
        *(
            add(
                f"user.{kind}s_{days}d",
                formula=f"number of the user's {kind}s, last {days} days",
                unit="actions",
                compute=partial(_count_of_user, kind, days),
                reads=(f"actions.{kind}",),
            )
            for kind in ACTION_KINDS
            for days in (RECENT_DAYS, HISTORY_DAYS)
        ),
        *(
            add(
                f"user.days_since_{kind}",
                formula=f"clock - time of the user's last {kind}",
                unit="days",
                compute=partial(_compute_days_since, (kind,)),
                reads=(f"actions.{kind}",),
            )
            for kind in ACTION_KINDS
        ),
        add(
            "user.days_since_action",
            formula="clock - time of the user's last action",
            unit="days",
            compute=partial(_compute_days_since, tuple(ACTION_KINDS)),
            reads=("actions",),
        ),
        add(
            "user.mean_wage",
            formula=f"mean job.wage of the user's applications, last {HISTORY_DAYS} days",
            unit="money per hour",
            compute=partial(_compute_mean_wage, "application"),
            reads=("actions.application", *_WAGE),
        ),
        add(
            "user.salary_floor",
            formula="preferred_salary_min",
            unit="money per hour",
            compute=_take_salary_floor,
            reads=("users.preferred_salary_min",),
        ),
        add(
            "user.preferred",
            formula="number of preferred_occupations",
            unit="occupations",
            compute=_count_preferred,
            reads=("users.preferred_occupations",),
        ),
        add(
            "user.prefecture",
            formula="prefecture_code",
            unit="value",
            compute=_take_user_prefecture,
            reads=("users.prefecture_code",),
            categorical=True,
        ),
        add(
            "user.work_style",
            formula="preferred_work_style",
            unit="value",
            compute=_take_work_style,
            reads=("users.preferred_work_style",),
            categorical=True,
        ),
    ]


def _list_pair_inputs() -> list[CatalogueInput]:
    add = partial(CatalogueInput, side="pair")
    return [
        add(
            "pair.place",
            formula="3 same city, 2 same prefecture, 1 adjacent prefecture, 0 other",
            unit="step",
            compute=_compare_places,
            reads=tuple(f"{table}.{column}_code" for table in ("jobs", "users") for column in ("prefecture", "city")),
        ),
        add(
            "pair.preferred_similarity",
            formula="similarity of the job's occupation to the most similar preferred one",
            unit="0 to 1",
            compute=_compare_preferred,
            reads=("jobs.occupation_code", "users.preferred_occupations"),
        ),
        add(
            "pair.applied_similarity",
            formula=f"the same for occupations of the user's applications, last {HISTORY_DAYS} days",
            unit="0 to 1",
            compute=_compare_applied,
            reads=("jobs.occupation_code", "actions.application"),
        ),
        *(
            add(
                f"pair.{kind}_{name}_share{suffix}",
                formula=f"share of the user's {kind}s with the job's {name}, last {days} days",
                unit="0 to 1",
                compute=partial(_share_of_actions, kind, days, field),
                reads=(*columns, f"actions.{kind}"),
            )
            for days, suffix in ((HISTORY_DAYS, ""), (COMPANY_DAYS, f"_{COMPANY_DAYS}d"))
            for kind in ACTION_KINDS
            for name, (field, columns) in _SHARED.items()
        ),
        add(
            "pair.company_actions",
            formula=f"number of the user's actions on the company's jobs, last {COMPANY_DAYS} days",
            unit="actions",
            compute=_count_company_actions,
            reads=("jobs.company_id", "actions"),
        ),
        *(
            add(
                f"pair.days_since_{kind}",
                formula=f"clock - time of the user's last {kind} of the job",
                unit="days",
                compute=partial(_compute_days_since_pair, kind),
                reads=(f"actions.{kind}",),
            )
            for kind in ("click", "view")
        ),
        add(
            "pair.wage_ratio",
            formula="job.wage / user.mean_wage",
            unit="ratio",
            compute=_compare_wages,
            reads=("actions.application", *_WAGE),
        ),
        add(
            "pair.floor_ratio",
            formula="job.wage / user.salary_floor",
            unit="ratio",
            compute=_compare_floor,
            reads=(*_WAGE, "users.preferred_salary_min"),
        ),
        add(
            "pair.factors",
            formula="product of the user's and the job's factors, each of length 1",
            unit="cosine",
            compute=_multiply_factors,
            reads=("actions", "user_factors", "job_factors"),
        ),
    ]


INPUTS: Final[Mapping[str, CatalogueInput]] = MappingProxyType({each.name: each for each in _list_inputs()})
"""Name → input. Own columns are inputs too: `jobs.NAME` and `users.NAME`."""


def find_input(name: str, *, categorical: bool | None = None, board: Board | None = None) -> CatalogueInput:
    """Return the input of a name.

    Parameters
    ----------
    name: A name of `INPUTS`, or `jobs.NAME` or `users.NAME` of an own column.
    categorical: Whether an own column is read as categories; None: `board` decides.
    board: The own columns that exist; None: not checked.

    Raises
    ------
    ConfigurationError: If the name is unknown, or the column is neither a number, a flag nor a category.
    """
    if name in INPUTS:
        return INPUTS[name]
    table, _, column = name.partition(".")
    if table not in ("jobs", "users") or not column:
        raise ConfigurationError(f"unknown input {name!r}. {suggest(name, INPUTS)}", key=(name,))
    if board is not None:
        own = {found.name: found.type for found in board.get_own(table)}
        if column not in own:
            known = suggest(column, own) if own else f"The table {table} has no own columns."
            raise ConfigurationError(f"unknown input {name!r}. {known}", key=(name,))
        word = get_type_word(own[column])
        if word not in ("category", "number", "integer", "flag"):
            raise ConfigurationError(
                f"input {name!r} is a column of type {word}. Use a column of type category, number, integer or flag.",
                key=(name,),
            )
        categorical = word == "category"
    side: Side = "job" if table == "jobs" else "user"
    read = partial(_read_own, table, column, bool(categorical))
    unit = "value" if categorical else "number"
    return CatalogueInput(name, side, f"own column {column}", unit, read, (name,), bool(categorical))


def find_job_windows(specs: Sequence[InputSpec]) -> set[float | None]:
    """Return the windows in days (None: all) over which inputs count the actions on a job. See `Basis.job_actions`."""
    counts = [INPUTS[spec.name].compute for spec in specs if spec.name in INPUTS]
    return {found.args[1] for found in counts if isinstance(found, partial) and found.func is _count_of_job}


def find_reads(specs: Sequence[InputSpec]) -> tuple[str, ...]:
    """Return the columns and actions that inputs are computed from, ascending. See `Component.reads`."""
    found = [find_input(spec.name, categorical=spec.categorical).reads for spec in specs]
    return tuple(sorted(set[str]().union(*found)))


def _read_own(table: str, column: str, categorical: bool, inputs: Inputs) -> Floats | Codes:
    rows: NamedColumns = inputs.jobs if table == "jobs" else inputs.users
    return rows.codes(column) if categorical else rows.numbers(column)


def _read_missing(value: object) -> object:
    return float("nan") if value is None else value


class InputSpec(BaseModel):
    """An input as a sidecar states it. A category is the position of its value in `categories`.

    A value that is not in `categories` has the position after the last. A missing value is `missing`.

    Example
    -------
    >>> InputSpec(name="job.fee", side="job", formula="fee", unit="money", missing=0.0).categorical
    False
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    side: Side
    formula: str
    unit: str
    missing: Annotated[float, BeforeValidator(_read_missing)] = float("nan")
    """The value where the input is missing; null is NaN."""
    categories: tuple[int | str, ...] | None = None

    @property
    def categorical(self) -> bool:
        return self.categories is not None

    @model_validator(mode="after")
    def _check_catalogue(self) -> Self:
        try:
            known = find_input(self.name, categorical=self.categorical)
        except ConfigurationError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        for key in ("side", "formula", "unit"):
            if getattr(self, key) != getattr(known, key):
                problem = f"its {key} is {getattr(self, key)!r}, and this version computes {getattr(known, key)!r}"
                raise ValueError(f"input {self.name}: {problem}. Train the model again")
        if self.categorical != known.categorical:
            raise ValueError(f"input {self.name}: `categories` must {'' if known.categorical else 'not '}be stated")
        if self.categories is not None and len(set(self.categories)) != len(self.categories):
            raise ValueError(f"input {self.name}: duplicate value in `categories`")
        return self


def make_specs(
    names: Sequence[str], inputs: Inputs, *, missing: Mapping[str, float] | float = float("nan")
) -> tuple[InputSpec, ...]:
    """Return the specs of inputs. Categories are the values of the rows of `inputs`, in ascending order.

    Parameters
    ----------
    names: Names of the catalogue, or `jobs.NAME` and `users.NAME` of own columns.
    inputs: The rows.
    missing: The value of missing values: one for all inputs, or by name (otherwise NaN).

    Raises
    ------
    ConfigurationError: If a name is unknown or occurs twice.
    """
    duplicate = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if duplicate is not None:
        raise ConfigurationError(f"duplicate input {duplicate!r}. Keep one.", key=(duplicate,))
    specs = []
    for name in names:
        found = find_input(name, board=inputs.board)
        value = missing.get(name, float("nan")) if isinstance(missing, Mapping) else missing
        categories = find_categories(found, inputs) if found.categorical else None
        specs.append(
            InputSpec(
                name=name,
                side=found.side,
                formula=found.formula,
                unit=found.unit,
                missing=value,
                categories=categories,
            )
        )
    return tuple(specs)


def find_categories(known: CatalogueInput, inputs: Inputs) -> tuple[int | str, ...]:
    """Return the distinct values of a categorical input, ascending."""
    column = known.compute(inputs)
    assert isinstance(column, Codes)
    used = np.unique(column.codes[column.codes >= 0])
    values = [column.labels[code] for code in used.tolist()]
    return tuple(sorted(value.item() if isinstance(value, np.generic) else value for value in values))


class InputTables:
    """The values of inputs for users and jobs, by row. Job and user inputs are computed once per row.

    Parameters
    ----------
    inputs: The rows and the basis.
    specs: The inputs, in the order of the model's columns.

    Example
    -------
    >>> inputs = Inputs.of(data)
    >>> columns = InputTables(inputs, make_specs(["job.fee", "pair.place"], inputs))
    >>> columns.rows(np.array([0, 0]), np.array([0, 1])).shape
    (2, 2)
    """

    def __init__(self, inputs: Inputs, specs: Sequence[InputSpec]) -> None:
        self.inputs, self.specs = inputs, tuple(specs)

    @cached_property
    def job_columns(self) -> Floats:
        """(m, number of job inputs)."""
        return self._stack("job", len(self.inputs.jobs))

    @cached_property
    def user_columns(self) -> Floats:
        """(n, number of user inputs)."""
        return self._stack("user", len(self.inputs.users))

    @cached_property
    def columns(self) -> PairColumns:
        """All inputs of all rows, without what they are computed from."""
        pairs = [spec for spec in self.specs if spec.side == "pair"]
        return PairColumns(
            np.array([SIDES[spec.side] for spec in self.specs], dtype=np.int8),
            self.job_columns,
            self.user_columns,
            tuple(_make_formula(spec, self.inputs) for spec in pairs),
            np.array([spec.missing for spec in pairs], dtype=np.float64),
        )

    def rows(self, user_rows: Rows, job_rows: Rows) -> Floats:
        """Return the (p, d) values of pairs, in the order of the model's columns.

        `user_rows` and `job_rows` (p,) are rows of the inputs. Each row has the same bits in every batch.
        """
        return self.columns.rows(user_rows, job_rows)

    def _stack(self, side: Side, n: int) -> Floats:
        columns = [_compute_column(spec, self.inputs) for spec in self.specs if spec.side == side]
        return np.column_stack(columns) if columns else np.empty((n, 0))


def _compute_column(spec: InputSpec, inputs: Inputs) -> Floats:
    column = find_input(spec.name, categorical=spec.categorical).compute(inputs)
    if isinstance(column, Codes):
        return _place_categories(spec, column)
    assert isinstance(column, np.ndarray)
    return np.where(np.isnan(column), spec.missing, column)


def _place_categories(spec: InputSpec, column: Codes) -> Floats:
    categories = spec.categories or ()
    position = {value: float(place) for place, value in enumerate(categories)}
    table = np.full(len(column.labels) + 1, spec.missing)  # the last element is that of -1
    used = range(len(column.labels)) if len(column.codes) > 1 else column.codes[column.codes >= 0].tolist()
    for code in used:  # a single row has one code of many
        value = column.labels[code]
        table[code] = position.get(value.item() if isinstance(value, np.generic) else value, float(len(categories)))
    return table[column.codes]


def _make_formula(spec: InputSpec, inputs: Inputs) -> PairFormula:
    formula = INPUTS[spec.name].compute(inputs)
    assert isinstance(formula, PairFormula)
    return formula


def compute_job_inputs(inputs: Inputs, specs: Sequence[InputSpec]) -> Floats:
    """Return (m, number of job inputs), in the order of the specs."""
    return InputTables(inputs, specs).job_columns


def compute_user_inputs(inputs: Inputs, specs: Sequence[InputSpec]) -> Floats:
    """Return (n, number of user inputs), in the order of the specs."""
    return InputTables(inputs, specs).user_columns


def compute_pair_inputs(inputs: Inputs, specs: Sequence[InputSpec], user_rows: Rows, job_rows: Rows) -> Floats:
    """Return (p, number of all inputs): `InputTables.rows` for one call."""
    return InputTables(inputs, specs).rows(user_rows, job_rows)
