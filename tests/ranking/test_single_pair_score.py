"""Scores of one pair from its terms equal those of the reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.backends import reference
from scoring.model.terms import JobTerm, Term, UserTerm, Value
from scoring.ranking.single_pair_score import add_values
from tests.support.example_counts import try_examples
from tests.support.random_programs import Sketch, cases, program_of, sketches, values_of


@try_examples(50, 150, how=cases, sketch=sketches(users=(1, 1), jobs=st.just(1)))
def test_scores_of_a_pair_equal_the_reference(sketch: Sketch) -> None:
    program, groups = program_of(sketch), [component[4] for component in sketch.components]
    found = add_values(values_of(sketch), program.flat_weight, program.group_weight, groups)
    expected = reference.compute_scores(program, np.arange(1), np.arange(1))[:, 0, 0]
    np.testing.assert_array_equal(np.array(found, dtype=np.float32).view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("number", [np.nan, np.inf, -2e9, 2e9])
@pytest.mark.parametrize("term", [JobTerm, UserTerm])
def test_value_that_a_plan_rejects_has_no_scores(term: type[Term], number: float) -> None:
    values = [Value((JobTerm(np.ones(1)),)), Value((term(np.array([number])),))]
    assert add_values(values, np.full(2, 0.5), np.ones(2), [0, 1]) is None


@pytest.mark.parametrize("divisor", [0.0, 1e-10, np.nan])
def test_divisor_that_a_plan_rejects_has_no_scores(divisor: float) -> None:
    value = Value((JobTerm(np.ones(1)),), UserTerm(np.array([divisor])))
    assert add_values([value], np.ones(1), np.ones(1), [2]) is None
