"""A plan with changed parameters equals one built from scratch. Unchanged arrays are reused."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.bundle.terms import ReusableArrays
from scoring.dataset.arrays import Ragged
from scoring.errors import ModelError
from scoring.model import GROUPS, Component, Part, ScoringModel, WeightProfile
from scoring.model.terms import DotTerm, Flags, FlagTerm, IntervalTerm, Key, LookupTerm, Number, Value
from scoring.plan.block_layout import Layout
from scoring.plan.program_packer import pack
from scoring.ranking import component_contract
from scoring.statistics import Statistics
from scoring.widgets.parameter_sliders import SliderParameter, list_parameters, replace_parameter

STANDARD = load_model("standard")


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return Statistics(Dataset(make_market(70, 1500, 6_000, seed=8).tables))


def require_same(one: Prepared, other: Prepared) -> None:
    a, b = one.top_k(15), other.top_k(15)
    for name in ("user_id", "job_id", "scores", "count"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(one.scorer.all_pairs(), other.scorer.all_pairs())
    np.testing.assert_array_equal(one.plan.program.lookup_values, other.plan.program.lookup_values)


def move_parameter(model: ScoringModel, parameter: SliderParameter, random: np.random.Generator) -> ScoringModel:
    """Return the model with the parameter at a random position, or the same model if the position is invalid."""
    with suppress(ModelError):
        return replace_parameter(model, parameter, float(random.uniform(parameter.start, parameter.end)))
    return model


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2, 3))])
def test_random_changes_of_model_equal_new_plan(statistics, seed):
    random = np.random.default_rng(seed)
    current, model, previous_models = Prepared.of(statistics, STANDARD), STANDARD, [STANDARD]
    for _ in range(14):
        kind = random.integers(5)
        if kind == 0:
            model = previous_models[random.integers(len(previous_models))]
        elif kind == 1:
            weights = random.dirichlet(np.ones(len(model.parts)))
            model = model.with_weights({part.name: w for part, w in zip(model.parts, weights, strict=True)})
        else:
            for _ in range(random.integers(1, 3)):
                parameters = [parameter for part in model.parts for parameter in list_parameters(part)]
                model = move_parameter(model, parameters[random.integers(len(parameters))], random)
        previous_models.append(model)
        current = current.with_model(model)
        require_same(current, Prepared.of(statistics, model))


@pytest.fixture(scope="module")
def ranked(statistics: Statistics) -> Prepared:
    """Return a model that has ranked, and whose plan keeps its values."""
    ready = Prepared.of(statistics, STANDARD)
    ready.top_k(15)
    ready = ready.with_model(STANDARD.with_parameters("location", adjacent=61))  # the plan keeps its values from now on
    ready.top_k(15)
    return ready


@pytest.mark.parametrize(
    "parameter", [parameter for part in STANDARD.parts for parameter in list_parameters(part)], ids=lambda one: one.name
)
def test_parameters_of_standard_keep_layout_and_vectors(ranked, parameter):
    after = ranked.with_model(replace_parameter(ranked.model, parameter, parameter.value * 0.99 + 0.001))
    after.top_k(15)
    assert after.plan.layout.jobs is ranked.plan.layout.jobs
    assert after.plan.program.job_vector is ranked.plan.program.job_vector


def test_only_changed_component_computes_terms(statistics, monkeypatch):
    ready = Prepared.of(statistics, STANDARD).with_model(STANDARD.with_parameters("location", adjacent=61))
    asked = []
    for part in STANDARD.parts:
        terms = type(part.component).terms

        def counted(self, inputs, terms=terms):
            asked.append(self.kind)
            return terms(self, inputs)

        monkeypatch.setattr(type(part.component), "terms", counted)
    ready.with_model(ready.model.with_parameters("history", start=11))
    assert asked == ["history"]


def test_kept_values_are_views_of_program(statistics):
    plan = Prepared.of(statistics, STANDARD).plan
    assert plan.values == ()
    other = Prepared.of(statistics, STANDARD).with_model(STANDARD.with_parameters("location", adjacent=61)).plan
    rows = [term.rows for value in other.values if value for term in value.terms if isinstance(term, LookupTerm)]
    assert rows
    assert all(np.shares_memory(one, other.program.lookup_values) for one in rows)


@pytest.fixture(autouse=True)
def _without_contract(monkeypatch):
    """The components of these tests depend on positions of rows and have no `explain`."""
    monkeypatch.setattr(component_contract, "is_shipped", lambda part: True)


class JobColumns(Component):
    """Component whose parameters change columns of jobs, widths, classes of users and exceptions."""

    kind: ClassVar[str] = "odd"

    split: int = 3
    above: float = 10.0
    bit: int = 2
    style: int = 2
    sparse: bool = False
    turned: bool = False

    def terms(self, inputs):
        n, job = len(inputs.users), inputs.jobs.job_id
        users = np.arange(n)
        key = Key("split", (job % self.split).astype(np.int32), self.split)
        rows = np.linspace(0, 30, 2 * (self.split + 1)).reshape(2, -1)
        number = Number("odd", np.where(job % 7 > 2, job % 13 * self.above, np.nan))
        flags = Flags.of("bit", job % self.bit == 0)
        wide = Key("wide", (job % 90).astype(np.int32), 90)
        start = np.arange(n + 1) if self.sparse else np.zeros(n + 1, dtype=np.int64)
        entries = Ragged(start, (users[: start[-1]] % 90).astype(np.int32))
        few = np.stack([np.cos(job * 0.1), np.sin(job * 0.1)], axis=1).astype(np.float32)
        own = few[:n] if self.turned else few[:n, ::-1].copy()
        there = np.ones(n, dtype=bool), np.ones(len(job), dtype=bool)
        return Value(
            (
                LookupTerm(key, rows, (users % 2).astype(np.int32)),
                IntervalTerm(number, np.full(n, 20.0), np.full(n, 80.0), np.full(n, 10.0)),
                FlagTerm(flags, np.outer(np.arange(self.style), [0.0, 1.0]), (users % self.style).astype(np.int32)),
                LookupTerm.sparse(wide, entries, 10.0),
                DotTerm(own, -few if self.turned else few, *there, scale=5.0, shift=1.0, otherwise=np.zeros(n)),
            )
        )

    def explain(self, pair):
        raise NotImplementedError


def model_with_columns() -> ScoringModel:
    parts = (*STANDARD.parts, Part("odd", "personal", JobColumns()))
    weights = {group: {part.name: 1.0 for part in parts if part.group == group} for group in GROUPS}
    return ScoringModel("odd", parts, WeightProfile.normalised({"base": 0.2, "match": 0.2, "personal": 0.6}, weights))


COLUMN_CHANGES = [
    {"split": 4},
    {"above": -10.0},
    {"above": 0.0},
    {"bit": 3},
    {"style": 40},
    {"sparse": True},
    {"turned": True},
]


@pytest.mark.parametrize("change", COLUMN_CHANGES, ids=str)
def test_parameters_that_change_layout_equal_new_plan(statistics, change):
    before = model_with_columns()
    ready = Prepared.of(statistics, before)
    ready.top_k(15)
    ready = ready.with_model(before.with_parameters("location", adjacent=61))
    ready.top_k(15)
    after = ready.model.with_parameters("odd", **change)
    current = ready.with_model(after)
    require_same(current, Prepared.of(statistics, after))
    require_same(current.with_model(ready.model), Prepared.of(statistics, ready.model))


@pytest.mark.parametrize("change", COLUMN_CHANGES, ids=str)
def test_layout_without_keys_is_not_reused_for_other_bounds(statistics, change):
    before = Prepared.of(statistics, model_with_columns()).plan
    after = Prepared.of(statistics, model_with_columns().with_parameters("odd", **change)).plan
    layout = Layout.of(before.program, before.exclusions, before.job_id, keys=())
    assert layout.with_program(before.program, after.program) is None


@pytest.mark.parametrize(
    "guess",
    [[0, 1, 2, -1, 0], [0, 2, 1, -1, 0], [1, 2, 3, -1, 1], [0, 1, 2, 3, 0], [0, 0, 1, -1, 0], [0, 1, 2, -1], [-1] * 5],
    ids=str,
)
def test_known_ranks_are_reused_only_if_correct(guess):
    numbers = Number("x", np.array([1.0, 5.0, 9.0, np.nan, 1.0]))
    term = IntervalTerm(numbers, np.array([5.0]), np.array([np.inf]), np.array([1.0]))
    one, group = np.ones(1), np.zeros(1, dtype=np.int32)
    program = pack([Value((term,))], one, one, group, 1, 5, ReusableArrays(ranks=[np.array(guess, dtype=np.int32)]))
    np.testing.assert_array_equal(program.number_rank, [[0, 1, 2, -1, 0]])
    np.testing.assert_array_equal(program.interval_low, [[1]])
    np.testing.assert_array_equal(program.interval_high, [[3]])
