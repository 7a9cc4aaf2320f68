"""Packed arrays give the values that the docstrings in `scoring.model.terms` define."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from scoring.backends import reference
from scoring.model.terms import DotTerm, FlagTerm, IntervalTerm, JobTerm, LookupTerm, Term, TreeTerm, UserTerm, Value
from tests.support.random_programs import Sketch, cases, program_of, sketches, values_of


def value_of_term(term: Term, u: int, j: int) -> float:
    """Return the value of one term for a pair, as its docstring defines it."""
    match term:
        case JobTerm():
            return float(term.values[j])
        case UserTerm():
            return float(term.values[u])
        case LookupTerm():
            code = int(term.key.codes[j])
            if term.entries is not None and term.gains is not None and code >= 0:
                first = int(term.entries.start[u])
                named = [first + place for place, entry in enumerate(term.entries[u].tolist()) if entry == code]
                if named:
                    return float(term.gains[named[-1]])
            return float(term.rows[term.row_of[u], code if code >= 0 else term.key.size])
        case IntervalTerm():
            inside = term.low[u] <= term.number.values[j] < term.high[u]  # false where anything is NaN
            return float(term.gain[u]) if inside else 0.0
        case FlagTerm():
            return float(term.rows[term.row_of[u], term.flags.bits[j]])
        case DotTerm():
            if not (term.user_has[u] and term.job_has[j]):
                return float(term.otherwise[u])
            product = 0.0
            for a, b in zip(term.users[u].tolist(), term.jobs[j].tolist(), strict=True):
                product += a * b
            return term.scale * (term.shift + product)
        case TreeTerm():
            total = 0.0
            for tree, table in enumerate(term.tables):
                total += float(table[term.user_state[u, tree], term.job_state[j, tree]])
            return total


def value_of_component(value: Value, u: int, j: int) -> float:
    total = 0.0
    for term in value.terms:
        total += value_of_term(term, u, j)
    if value.divisor is not None:
        total /= value_of_term(value.divisor, u, j)
    return total if value.link is None else float(value.link(np.array([total]))[0])


def assert_program_equals_terms(sketch: Sketch) -> None:
    n, m = sketch.n_users, sketch.n_jobs
    found = reference.compute_component_values(program_of(sketch), np.arange(n), np.arange(m))
    wanted = [[[value_of_component(value, u, j) for j in range(m)] for u in range(n)] for value in values_of(sketch)]
    np.testing.assert_array_equal(found, np.reshape(wanted, found.shape))


@cases(60)
@given(sketches(users=(0, 3)))
def test_packed_terms_equal_terms(sketch: Sketch) -> None:
    assert_program_equals_terms(sketch)


@pytest.mark.long
@cases(3000)
@given(sketches(users=(0, 3)))
def test_packed_terms_equal_terms_in_many_cases(sketch: Sketch) -> None:
    assert_program_equals_terms(sketch)
