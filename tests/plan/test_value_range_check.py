"""Components of users must have values from 0 to 100 for every pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import PrivateAttr

from scoring import Dataset, load_model, make_market
from scoring.backends.reference import compute_component_values
from scoring.bundle.terms import KINDS
from scoring.errors import ModelError
from scoring.model import Component, Inputs, Pair, Part, Reason, ScoringModel, WeightProfile
from scoring.model.terms import JobTerm, Key, LookupTerm, UserTerm, Value
from scoring.plan import Plan
from scoring.plan.value_range_check import RANGE_TOLERANCE, require_range
from tests.support.random_programs import Sketch, cases, program_of, sketches


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return Inputs.of(Dataset(make_market(30, 40, seed=3).tables))


class Free(Component):
    """A component with the terms of a function."""

    kind: ClassVar[str] = "free"
    _make: Callable[[Inputs], Value] = PrivateAttr()

    def terms(self, inputs: Inputs) -> Value:
        return self._make(inputs)

    def explain(self, pair: Pair) -> Reason:
        raise NotImplementedError


def model_of(make: Callable[[Inputs], Value]) -> ScoringModel:
    component = Free()
    component._make = make
    return ScoringModel(
        "free", (Part("free", "base", component),), WeightProfile({"base": 1.0}, {"base": {"free": 1.0}})
    )


def spread(low: float, high: float, size: int) -> Any:
    return np.linspace(low, high, size)


def lookup(inputs: Inputs, rows: list[list[float]], row_of: Any = 0) -> LookupTerm:
    codes = (inputs.jobs.job_id % 2).astype(np.int32)
    of_users = np.broadcast_to(np.asarray(row_of, dtype=np.int32), len(inputs.users)).copy()
    return LookupTerm(Key("parity", codes, 2), np.array(rows, dtype=np.float64), of_users)


def test_values_in_range_are_accepted(inputs: Inputs) -> None:
    Plan.build(model_of(lambda i: Value((JobTerm(spread(0, 100, len(i.jobs))),))), inputs)
    # each term alone leaves the range
    opposite = lambda i: Value((JobTerm(spread(0, 150, len(i.jobs))), JobTerm(-spread(0, 50, len(i.jobs)))))  # noqa: E731
    Plan.build(model_of(opposite), inputs)


def test_values_are_computed_where_bounds_are_too_wide(inputs: Inputs) -> None:
    """Users of row 0 get a low user term, so that no sum exceeds 100 although the sum of the maxima does."""

    def make(i: Inputs) -> Value:
        row = np.arange(len(i.users)) % 2
        return Value((lookup(i, [[90, 80, 0], [20, 10, 0]], row), UserTerm(np.where(row, 70.0, 5.0))))

    Plan.build(model_of(make), inputs)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda i: Value((JobTerm(np.where(np.arange(len(i.jobs)) == 7, 500.0, 50.0)),)), 500),
        (lambda i: Value((UserTerm(np.full(len(i.users), -0.1)),)), -0.1),
        (lambda i: Value((lookup(i, [[50, 100.1, 50]]),)), 100.1),
        (lambda i: Value((lookup(i, [[60, 60, 60]]), UserTerm(np.full(len(i.users), 41.0)))), 101),
        (lambda i: Value((JobTerm(np.full(len(i.jobs), 60.0)),), UserTerm(np.full(len(i.users), 0.5))), 120),
    ],
    ids=["one job", "below", "one code", "sum", "divisor"],
)
def test_values_outside_are_rejected_by_name(inputs: Inputs, make: Any, value: float) -> None:
    with pytest.raises(ModelError) as raised:
        Plan.build(model_of(make), inputs)
    assert raised.value.key == ("free", "range")
    assert f" is {value:g}. " in str(raised.value)


def test_components_of_the_package_are_not_checked(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "scoring.plan.plan.require_range", lambda *given: pytest.fail("a shipped component was checked")
    )
    Plan.build(load_model("standard"), inputs)


def test_changed_parameters_are_checked(inputs: Inputs) -> None:
    class Constant(Component):
        kind: ClassVar[str] = "constant"
        value: float = 50

        def terms(self, inputs: Inputs) -> Value:
            return Value((JobTerm(np.full(len(inputs.jobs), self.value)),))

        def explain(self, pair: Pair) -> Reason:
            return Reason(self.value)

    model = ScoringModel(
        "constant", (Part("constant", "base", Constant()),), WeightProfile({"base": 1.0}, {"base": {"constant": 1.0}})
    )
    plan = Plan.build(model, inputs)
    changed = model.with_parameters("constant", value=101)
    with pytest.raises(ModelError):
        plan.with_job_values(changed, inputs)
    with pytest.raises(ModelError):
        Plan.build(changed, inputs, reuse=plan)


@cases(60)
@given(sketches(users=(1, 5), jobs=st.integers(1, 40)))
def test_bounds_of_terms_include_all_values(sketch: Sketch) -> None:
    program = program_of(sketch)
    users, jobs = np.arange(program.n_users), np.arange(program.n_jobs)
    for code, slot in set(zip(program.term_kind.tolist(), program.term_slot.tolist(), strict=True)):
        low, high = KINDS[code].bounds(program, slot)
        values = KINDS[code].values(program, slot, users, jobs)
        slack = 1e-9 * max(1.0, np.abs(values).max())
        assert (values >= low - slack).all()
        assert (values <= high + slack).all()


@cases(60)
@given(sketches(users=(1, 5), jobs=st.integers(1, 40)))
def test_outcome_equals_a_look_at_every_value(sketch: Sketch) -> None:
    program = program_of(sketch)
    users, jobs = np.arange(program.n_users), np.arange(program.n_jobs)
    part = model_of(lambda i: Value(())).parts[0]
    for number in range(program.n_components):
        values = compute_component_values(program, users, jobs, [number])[0]
        if ((values >= -RANGE_TOLERANCE) & (values <= 100 + RANGE_TOLERANCE)).all():
            require_range(part, program, number, users, jobs)
        else:
            with pytest.raises(ModelError):
                require_range(part, program, number, users, jobs)
