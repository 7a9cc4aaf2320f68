"""What invariants are checked on: a model, a dataset and an engine, and what is made of them when it is first read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.backends import reference
from scoring.backends.protocol import Backend
from scoring.dataset import Dataset, Tables
from scoring.model import Inputs, ScoringModel
from scoring.plan import Plan
from scoring.statistics import Statistics
from scoring.testing.engine_under_test import EngineUnderTest
from scoring.testing.small_market import small_dataset

__all__ = ["MOST_JOBS", "MOST_USERS", "NO_RULES", "Case", "market"]

MOST_USERS, MOST_JOBS = 48, 600
"""Rows of a larger dataset that are scored, as a request; its statistics are of the whole."""
NO_RULES: Mapping[str, object] = {
    "open": False,
    "employment_types": None,
    "min_fee": None,
    "not_applied": False,
    "company_cooldown_days": None,
    "max_per_company": None,
}
"""Every eligibility rule switched off."""

Rows = NDArray[np.int64]


def market(seed: int) -> Dataset:
    """The dataset on which engines are checked: small, with ties, gaps, and something for each rule to leave out."""
    return small_dataset(seed, n_users=32, n_jobs=160, n_actions=600)


class Case:
    """Shared by all invariants; nothing in it is ever changed."""

    def __init__(self, model: ScoringModel, dataset: Callable[[], Dataset], engine: EngineUnderTest, seed: int) -> None:
        self.model, self.engine, self.seed = model, engine, seed
        self._dataset = dataset

    @cached_property
    def dataset(self) -> Dataset:
        return self._dataset()

    @cached_property
    def inputs(self) -> Inputs:
        """Of the rows that are scored."""
        return self.inputs_of(self.dataset)

    @cached_property
    def plan(self) -> Plan:
        return self.engine.build(self.model, self.inputs)

    @cached_property
    def scorer(self) -> Backend:
        return self.engine.scorer(self.plan)

    @cached_property
    def pairs(self) -> NDArray[np.float32]:
        """(4, n, m) scores of all pairs, by the engine."""
        return self.scorer.all_pairs()

    @property
    def user_id(self) -> Rows:
        return self.inputs.users.user_id

    @property
    def job_id(self) -> Rows:
        return self.inputs.jobs.job_id

    @property
    def users(self) -> Rows:
        """Rows of all users."""
        return np.arange(len(self.user_id))

    @property
    def jobs(self) -> Rows:
        """Rows of all jobs."""
        return np.arange(len(self.job_id))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of lists to try: one, a few, many, all."""
        return 1, 10, 40, max(1, len(self.job_id))

    def random(self) -> np.random.Generator:
        """From the start each time, so that no invariant depends on those before it."""
        return np.random.default_rng(self.seed)

    def inputs_of(self, dataset: Dataset) -> Inputs:
        """The rows that are scored, by id, of this dataset or of one made from it."""
        statistics, tables = Statistics(dataset), dataset.tables
        users = None if len(tables.users) <= MOST_USERS else self._some(tables.users, MOST_USERS)
        jobs = None if len(tables.jobs) <= MOST_JOBS else self._some(tables.jobs, MOST_JOBS)
        return Inputs.of(statistics, users=users, jobs=jobs)

    def _some(self, frame: pd.DataFrame, most: int) -> pd.DataFrame:
        """Rows stand by id in every dataset: the same ones each time."""
        return frame.iloc[np.sort(self.random().choice(len(frame), most, replace=False))]

    def request(self, *, users: pd.DataFrame | None = None, jobs: pd.DataFrame | None = None) -> Inputs:
        """Other rows on the same statistics; None: those that are scored."""
        return Inputs.of(
            self.inputs.dataset,
            basis=self.inputs.basis,
            users=self.inputs.users.frame if users is None else users,
            jobs=self.inputs.jobs.frame if jobs is None else jobs,
        )

    def changed(self, **tables: pd.DataFrame) -> Dataset:
        """The dataset with other tables and the same clock."""
        return self.at_the_clock(self.dataset.tables.with_tables(**tables))

    def at_the_clock(self, tables: Tables) -> Dataset:
        return Dataset(tables, as_of=self.dataset.as_of, set_back=self.dataset.clock.set_back)

    def asked(self, inputs: Inputs, model: ScoringModel | None = None) -> Backend:
        """A scorer of these inputs with the model, or another one."""
        return self.engine.scorer(self.engine.build(model or self.model, inputs))

    def ruled(self, **rules: object) -> tuple[Plan, Backend]:
        """The same model with some rules changed."""
        plan = self.engine.build(self.model.with_eligibility(**rules), self.inputs)
        return plan, self.engine.scorer(plan)

    def values(self, plan: Plan) -> NDArray[np.float64]:
        """(n_components, n, m) component values."""
        return reference.component_values(plan.program, self.users, self.jobs)

    def some_weights(self, how_many: int) -> list[ScoringModel]:
        """The model under other weights, each component a share of its own."""
        names = [part.name for part in self.model.parts]
        draws = self.random().dirichlet(np.ones(len(names)), how_many)
        return [self.model.with_weights(dict(zip(names, map(float, draw), strict=True))) for draw in draws]

    def alone(self, name: str) -> ScoringModel:
        """The model with all weight on one component."""
        return self.model.with_weights({name: 1.0})

    def acted(self, kind: str) -> pd.DataFrame:
        """Rows of the table of actions: of a kind, up to the clock."""
        actions = self.dataset.tables.actions
        return actions[(actions["action"] == kind) & (actions["occurred_at"] <= self.dataset.as_of)]
