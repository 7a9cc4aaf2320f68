"""The model, dataset and engine on which invariants are checked, and values derived from them at first use."""

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

__all__ = ["MAX_JOBS", "MAX_USERS", "NO_RULES", "CheckContext", "make_small_market"]

MAX_USERS, MAX_JOBS = 48, 600
"""Number of rows of a larger dataset that are scored, as a request; statistics use the whole dataset."""
NO_RULES: Mapping[str, object] = {
    "open": False,
    "employment_types": None,
    "min_fee": None,
    "not_applied": False,
    "company_cooldown_days": None,
    "max_per_company": None,
    "rules": (),
}
"""Options that disable every eligibility rule."""

Rows = NDArray[np.int64]


def make_small_market(seed: int) -> Dataset:
    """Return a small dataset for checks, with ties, missing values, and rows that each rule excludes."""
    return small_dataset(seed, n_users=32, n_jobs=160, n_actions=600)


class CheckContext:
    """The state shared by all invariants. It is never changed."""

    def __init__(self, model: ScoringModel, dataset: Callable[[], Dataset], engine: EngineUnderTest, seed: int) -> None:
        self.model, self.engine, self.seed = model, engine, seed
        self._dataset = dataset

    @cached_property
    def dataset(self) -> Dataset:
        return self._dataset()

    @cached_property
    def inputs(self) -> Inputs:
        """The inputs of the scored rows."""
        return self.inputs_of(self.dataset)

    @cached_property
    def plan(self) -> Plan:
        return self.engine.build(self.model, self.inputs)

    @cached_property
    def scorer(self) -> Backend:
        return self.engine.scorer(self.plan)

    @cached_property
    def pairs(self) -> NDArray[np.float32]:
        """(4, n, m) scores of all pairs, computed by the engine."""
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
        """List lengths to check: one, a few, many, all."""
        return 1, 10, 40, max(1, len(self.job_id))

    def random(self) -> np.random.Generator:
        """Return a generator with the same seed at each call, so that invariants do not depend on their order."""
        return np.random.default_rng(self.seed)

    def inputs_of(self, dataset: Dataset) -> Inputs:
        """Return the inputs of the scored rows of this dataset, or of one derived from it."""
        statistics, tables = Statistics(dataset), dataset.tables
        users = None if len(tables.users) <= MAX_USERS else self._sample(tables.users, MAX_USERS)
        jobs = None if len(tables.jobs) <= MAX_JOBS else self._sample(tables.jobs, MAX_JOBS)
        return Inputs.of(statistics, users=users, jobs=jobs)

    def _sample(self, frame: pd.DataFrame, most: int) -> pd.DataFrame:
        """Select random rows. Datasets are sorted by id, so the selection is the same at each call."""
        return frame.iloc[np.sort(self.random().choice(len(frame), most, replace=False))]

    def request(self, *, users: pd.DataFrame | None = None, jobs: pd.DataFrame | None = None) -> Inputs:
        """Return inputs of other rows with the same statistics; None: the scored rows."""
        return Inputs.of(
            self.inputs.dataset,
            basis=self.inputs.basis,
            users=self.inputs.users.frame if users is None else users,
            jobs=self.inputs.jobs.frame if jobs is None else jobs,
        )

    def with_tables(self, **tables: pd.DataFrame) -> Dataset:
        """Return the dataset with some tables replaced and the same clock."""
        return self.dataset_of(self.dataset.tables.with_tables(**tables))

    def dataset_of(self, tables: Tables) -> Dataset:
        return Dataset(tables, as_of=self.dataset.as_of, set_back=self.dataset.clock.set_back)

    def make_scorer(self, inputs: Inputs, model: ScoringModel | None = None) -> Backend:
        """Return a scorer of these inputs; `model` replaces the model of the context."""
        return self.engine.scorer(self.engine.build(model or self.model, inputs))

    def with_rules(self, **rules: object) -> tuple[Plan, Backend]:
        """Return a plan and a scorer of the model with other eligibility rules."""
        plan = self.engine.build(self.model.with_eligibility(**rules), self.inputs)
        return plan, self.engine.scorer(plan)

    def values(self, plan: Plan) -> NDArray[np.float64]:
        """Return the (n_components, n, m) component values."""
        return reference.compute_component_values(plan.program, self.users, self.jobs)

    def draw_weights(self, how_many: int) -> list[ScoringModel]:
        """Return copies of the model with random weights for all components."""
        names = [part.name for part in self.model.parts]
        draws = self.random().dirichlet(np.ones(len(names)), how_many)
        return [self.model.with_weights(dict(zip(names, map(float, draw), strict=True))) for draw in draws]

    def with_all_weight_on(self, name: str) -> ScoringModel:
        """Return the model with all weight on one component."""
        return self.model.with_weights({name: 1.0})

    def actions_of_kind(self, kind: str) -> pd.DataFrame:
        """Return the actions of one kind up to the clock."""
        actions = self.dataset.tables.actions
        return actions[(actions["action"] == kind) & (actions["occurred_at"] <= self.dataset.as_of)]
