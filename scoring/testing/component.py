"""Whether a component keeps the contract: the checks that every component that ships goes through."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.catalog import component_kinds
from scoring.columns import TABLES
from scoring.dataset import Dataset, Tables
from scoring.errors import ModelError
from scoring.kernels import reference
from scoring.model import Component, Inputs, Pair, Part, ScoringModel, WeightProfile, dump_model, parse_model
from scoring.plan import Plan
from scoring.statistics import Statistics
from scoring.testing.data import canonical, missing, small_dataset

__all__ = ["check_component"]

RANGE_TOLERANCE = 1e-6
"""How far outside 0…100 a value may lie: a cosine of float32 vectors may pass 1 by some 1e-7."""
EXPLAIN_TOLERANCE = 1e-9
_PAIRS = 60
"""Pairs of each set of rows that are explained, at half a millisecond each."""
_ALONE = 8
"""Users, and jobs, that are asked for alone."""

Values = NDArray[np.float64]


def check_component(component: Component | type[Component], *, dataset: Dataset | None = None) -> None:
    """Runs a component (a class: with its default parameters) through the contract.

    It is frozen, can be pickled, and comes back equal from a model file. Its terms give finite values from 0
    to 100, equal to `explain` to 1e-9, the same each time, in any order of rows and whatever other rows a
    request holds; for missing values, new ids and codes, and empty tables too. Nothing after the clock is read.

    `dataset` is data of one's own, beside which `small_dataset` is always used.

    Raises AssertionError with a sentence.
    """
    own = _instance(component)
    _check_configuration(own)
    for data in [small_dataset(seed) for seed in (0, 1)] + ([dataset] if dataset is not None else []):
        _Check(own, data).run()


def _instance(component: Component | type[Component]) -> Component:
    if isinstance(component, Component):
        return component
    assert isinstance(component, type), f"{component!r} is neither a Component nor a class of one."
    assert issubclass(component, Component), f"{component.__name__} is no subclass of scoring.model.Component."
    try:
        return component()
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"{component.__name__} cannot be made without parameters; pass one that is made: {error}"
        ) from error


def _check_configuration(own: Component) -> None:
    name = type(own).__name__
    kind = getattr(type(own), "kind", None)
    assert isinstance(kind, str), f"{name} has no `kind`: the name that a model file calls it by."
    assert kind, f"{name}'s `kind` is empty: a model file has to call it by a name."
    assert type(own).model_config.get("frozen"), f"{name} is not frozen; leave `model_config` as Component has it."
    try:
        again = pickle.loads(pickle.dumps(own))  # noqa: S301  # what was pickled a moment ago
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(
            f"{name} cannot be pickled ({error}); define its class at the top level of a module."
        ) from error
    assert again == own, f"{name} is another one after pickling: {again!r} instead of {own!r}."
    try:
        kinds = component_kinds([type(own)])
        text = dump_model(_model(own))
        read = parse_model(text, kinds).parts[0].component
    except ModelError as error:
        raise AssertionError(f"{name} cannot be read back from a model file: {error}") from error
    assert read == own, f"{name} comes back from a model file as {read!r} instead of {own!r}."


def _model(own: Component) -> ScoringModel:
    """The component alone."""
    name = type(own).kind
    weights = WeightProfile({"base": 1.0}, {"base": {name: 1.0}})
    return ScoringModel("check", (Part(name, "base", own),), weights)


class _Check:
    """One component on one dataset."""

    def __init__(self, own: Component, dataset: Dataset) -> None:
        self.own, self.name = own, type(own).__name__
        self.dataset, self.statistics = dataset, Statistics(dataset)

    def run(self) -> None:
        inputs = Inputs.of(self.statistics)
        values = self.checked(inputs, "on the dataset")
        again = self.values(inputs, "asked again")
        self.same(values, again, inputs, "the second time that it is asked")
        self.order_of_rows(values)
        self.rows_alone(values)
        self.new_rows()
        self.missing_values()
        self.empty_tables()
        self.after_the_clock()

    # --- What values are ------------------------------------------------------------------------------------

    def values(self, inputs: Inputs, when: str) -> Values:
        """(n_users, n_jobs) float64."""
        try:
            plan = Plan.build(_model(self.own), inputs)
        except ModelError as error:
            raise AssertionError(f"{self.name}, {when}: {error}") from error
        rows = np.arange(len(inputs.users)), np.arange(len(inputs.jobs))
        return reference.component_values(plan.program, *rows)[0]

    def checked(self, inputs: Inputs, when: str) -> Values:
        """The values, of which each is from 0 to 100 and many are what `explain` says."""
        values = self.values(inputs, when)
        inside = (values >= -RANGE_TOLERANCE) & (values <= 100 + RANGE_TOLERANCE)  # false for NaN
        self.all(inside, inputs, lambda u, j: f"{when} it is {float(values[u, j])!r}; a value lies from 0 to 100")
        if values.size:
            pairs = np.random.default_rng(0).choice(values.size, min(_PAIRS, values.size), replace=False)
            for u, j in zip(*np.unravel_index(pairs, values.shape), strict=True):
                self.explained(inputs, int(u), int(j), float(values[u, j]), when)
        return values

    def explained(self, inputs: Inputs, u: int, j: int, value: float, when: str) -> None:
        plain = self.own.explain(Pair(inputs, u, j)).value
        where = self.pair(inputs, u, j)
        assert isinstance(plain, int | float), f"{where}, {when}: `explain` gives {plain!r} where a number is needed."
        close = math.isfinite(plain) and abs(plain - value) <= EXPLAIN_TOLERANCE
        assert close, f"{where}, {when}: the terms give {value!r}, `explain` {float(plain)!r}."

    def pair(self, inputs: Inputs, u: int, j: int) -> str:
        return f"{self.name} of user {inputs.users.user_id[u]} and job {inputs.jobs.job_id[j]}"

    def all(self, holds: NDArray[np.bool_], inputs: Inputs, what: Callable[[int, int], str]) -> None:
        """Fails with what is wrong at the first pair for which it does not hold."""
        if not holds.all():
            u, j = (int(row) for row in np.argwhere(~holds)[0])
            raise AssertionError(f"{self.pair(inputs, u, j)}: {what(u, j)}.")

    def same(self, expected: Values, found: Values, inputs: Inputs, when: str) -> None:
        """Bit for bit."""
        self.all(
            expected == found,
            inputs,
            lambda u, j: f"it is {float(found[u, j])!r} {when}, not {float(expected[u, j])!r}",
        )

    # --- What values may not depend on ----------------------------------------------------------------------

    def order_of_rows(self, values: Values) -> None:
        random = np.random.default_rng(1)
        tables = self.dataset.tables
        users, jobs = random.permutation(len(tables.users)), random.permutation(len(tables.jobs))
        request = Inputs.of(self.statistics, users=tables.users.iloc[users], jobs=tables.jobs.iloc[jobs])
        found = self.values(request, "in a request")
        self.same(values[np.ix_(users, jobs)], found, request, "in a request with the rows in another order")
        shuffled = {name: frame.sample(frac=1, random_state=2) for name, frame in tables.items()}
        inputs = Inputs.of(Statistics(self.rebuilt(Tables(**shuffled))))
        self.same(values, self.values(inputs, "shuffled"), inputs, "when the tables' rows come in another order")

    def rows_alone(self, values: Values) -> None:
        tables = self.dataset.tables
        random = np.random.default_rng(3)
        for u in random.permutation(len(tables.users))[:_ALONE]:
            alone = Inputs.of(self.statistics, users=tables.users.iloc[[u]])
            self.same(values[[u]], self.values(alone, "one user alone"), alone, "for this user alone")
        for j in random.permutation(len(tables.jobs))[:_ALONE]:
            alone = Inputs.of(self.statistics, jobs=tables.jobs.iloc[[j]])
            self.same(values[:, [j]], self.values(alone, "one job alone"), alone, "for this job alone")

    def after_the_clock(self) -> None:
        """Everybody acts on everything a day after the clock."""
        users, jobs = self.dataset.users.user_id, self.dataset.jobs.job_id
        n = len(users) * len(jobs)
        later = canonical(
            "actions",
            user_id=np.repeat(users, len(jobs)),
            job_id=np.tile(jobs, len(users)),
            action=["application"] * n,
            occurred_at=[self.dataset.as_of + pd.Timedelta(days=1)] * n,
        )
        tables = self.dataset.tables
        both = tables.with_tables(actions=pd.concat([tables.actions, later], ignore_index=True))
        inputs, more = (Inputs.of(Statistics(Dataset(data, as_of=self.dataset.as_of))) for data in (tables, both))
        expected = self.values(inputs, "with the clock set back")
        self.same(expected, self.values(more, "with later actions"), more, "when somebody acts after the clock")

    def rebuilt(self, tables: Tables) -> Dataset:
        return Dataset(tables, as_of=self.dataset.as_of if self.dataset.clock_was_set else None)

    # --- What may be given ----------------------------------------------------------------------------------

    def new_rows(self) -> None:
        """Ids and codes that the dataset does not know."""
        jobs, users = self.dataset.tables.jobs.copy(), self.dataset.tables.users.copy()
        for frame, key, other in ((jobs, "job_id", 7_000_000_000), (users, "user_id", 8_000_000_000)):
            frame[key] += np.where(np.arange(len(frame)) % 2, other, 0)
            frame.loc[frame.index % 3 == 0, ["prefecture_code", "city_code"]] = "new"
        jobs.loc[jobs.index % 3 == 0, "occupation_code"] = 987_654
        jobs.loc[jobs.index % 4 == 0, "company_id"] = "new"
        self.checked(Inputs.of(self.statistics, jobs=jobs, users=users), "for new ids and codes")

    def missing_values(self) -> None:
        """Jobs, users and reference tables of which only the ids are known; history stays."""
        bare = {
            name: _bare(name, frame) if name in ("jobs", "users", "occupations", "prefectures") else frame
            for name, frame in self.dataset.tables.items()
        }
        self.checked(Inputs.of(Statistics(self.rebuilt(Tables(**bare)))), "when every value is missing")
        request = Inputs.of(self.statistics, jobs=bare["jobs"], users=bare["users"])
        self.checked(request, "when every value of a request is missing")

    def empty_tables(self) -> None:
        tables = self.dataset.tables
        for empty in (("actions",), ("users", "actions"), ("jobs", "actions"), ("jobs", "users", "actions")):
            left = {name: frame.iloc[:0] if name in empty else frame for name, frame in tables.items()}
            when = f"without {' and '.join(empty)}"
            self.checked(Inputs.of(Statistics(self.rebuilt(Tables(**left)))), when)


def _bare(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Every column but the required ones missing; is_active stays true."""
    bare = frame.copy()
    for column in TABLES[table].columns:
        if not column.required:
            bare[column.name] = missing(column, len(frame))
    return bare
