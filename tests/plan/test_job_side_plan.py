"""Plans for users of known jobs equal new plans, bit for bit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from scoring.errors import ModelError
from scoring.model import (
    GROUPS,
    Component,
    Eligibility,
    Inputs,
    JobTerm,
    Key,
    LookupTerm,
    Pair,
    Part,
    Reason,
    ScoringModel,
    Value,
    WeightProfile,
)
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.plan.job_side_plan import JobPlan
from scoring.statistics import Statistics
from tests.support.custom_components import SameAge, TitleWord
from tests.support.example_counts import try_examples
from tests.support.full_rankings import random_dataset, random_model


def assert_equal_plans(found: Plan, expected: Plan) -> None:
    for name, value in expected.program._asdict().items():
        known = getattr(found.program, name)
        assert isinstance(value, int) or known.dtype == value.dtype, name
        np.testing.assert_array_equal(known, value, name)
    users = np.arange(len(expected.user_id))
    np.testing.assert_array_equal(found.exclusions.matrix(users), expected.exclusions.matrix(users))
    np.testing.assert_array_equal(found.user_id, expected.user_id)
    np.testing.assert_array_equal(found.job_id, expected.job_id)


def make_model(parts: tuple[Part, ...], rules: Eligibility) -> ScoringModel:
    """Return a model in which the components of a group have equal weights."""
    parts = tuple(sorted(parts, key=lambda part: GROUPS.index(part.group)))
    names = {group: [part.name for part in parts if part.group == group] for group in GROUPS}
    within = {group: dict.fromkeys(of_group, 1 / len(of_group)) for group, of_group in names.items()}
    return ScoringModel("own", parts, WeightProfile(dict.fromkeys(GROUPS, 1 / len(GROUPS)), within), rules)


def add_own_parts(model: ScoringModel) -> ScoringModel:
    parts = (Part("word", "base", TitleWord()), *model.parts, Part("age", "match", SameAge()))
    return make_model(parts, model.eligibility)


def change_users(users: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Return a few users, some of them with values that the data and the jobs do not contain."""
    some = users.sample(int(random.integers(1, 5)), random_state=int(random.integers(1_000)))
    if random.integers(2):
        some = some.assign(prefecture_code=pd.Series("X1", index=some.index, dtype="str"))
        some["preferred_occupations"] = [[90_001, 101] for _ in range(len(some))]
    return some


@try_examples(4, 60, seed=st.integers(0, 2**32 - 1))
def test_plans_for_users_equal_new_plans(seed: int) -> None:
    random = np.random.default_rng(seed)
    statistics = Statistics(random_dataset(seed))
    model = random_model(random)
    if random.integers(2):
        model = add_own_parts(model)
    tables = statistics.dataset.tables
    base = Inputs.of(statistics, users=tables.users.head(1), jobs=tables.jobs.sample(frac=1, random_state=seed))
    plan = JobPlan.of(model, base)
    for _ in range(3):
        inputs = base.with_users(change_users(tables.users, random))
        assert_equal_plans(plan.for_users(inputs), Plan.build(model, inputs))


def test_other_jobs_are_rejected() -> None:
    statistics = Statistics(random_dataset(1))
    plan = JobPlan.of(load_model("standard"), Inputs.of(statistics))
    with pytest.raises(ValueError, match="other jobs"):
        plan.for_users(Inputs.of(statistics, jobs=statistics.dataset.tables.jobs))


class Shrinks(Component):
    """A component whose key of prefectures is too small for the codes of the jobs, from the second call on."""

    kind: ClassVar[str] = "shrinks"
    sizes: ClassVar[list[int]] = [1_000]

    def terms(self, inputs: Inputs) -> Value:
        size = self.sizes.pop() if self.sizes else 1
        n_users = len(inputs.users)
        rows = np.zeros((1, size + 1))
        key = Key("own prefecture", inputs.jobs.prefecture, size)
        return Value((LookupTerm(key, rows, np.zeros(n_users, dtype=np.int32)), JobTerm(np.zeros(len(inputs.jobs)))))

    def explain(self, pair: Pair) -> Reason:
        return Reason(0.0)


def test_known_codes_are_checked_against_another_size() -> None:
    """The kernels do not check bounds: a smaller table would be read past its end."""
    statistics = Statistics(random_dataset(1))
    model = load_model("standard")
    model = make_model((*model.parts, Part("shrinks", "base", Shrinks())), model.eligibility)
    base = Inputs.of(statistics)
    plan = JobPlan.of(model, base)
    with pytest.raises(ModelError):
        plan.for_users(base.with_users(statistics.dataset.tables.users.head(2)))
