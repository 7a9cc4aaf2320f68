"""Links: values from 0 to 100 that do not decrease, with the same bits in NumPy and in kernels."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from scoring.backends.numba.jit import compiled
from scoring.backends.numba.linked_value import bound_linked, link_value
from scoring.bundle.program import Program
from scoring.bundle.value_links import AffineLink, Link, SigmoidLink, bound_link
from scoring.errors import ModelError
from scoring.model.terms import JobTerm, UserTerm, Value
from scoring.plan.term_checks import check_value
from tests.support.errors import raises_at
from tests.support.random_programs import Sketch, program_of

LINKS = (AffineLink(0.0, 1.0), AffineLink(-3.7, 1e-3, missing=20.0), SigmoidLink(), SigmoidLink(1e-5, missing=100.0))


def raw_sums() -> np.ndarray:
    rng = np.random.default_rng(0)
    wide = rng.choice([-1.0, 1.0], 20_000) * 10.0 ** rng.uniform(-20, 9, 20_000)
    special = [0.0, -0.0, np.nan, np.inf, -np.inf, 700.0, -700.0, 5e-324]
    return np.concatenate([rng.normal(size=20_000), wide, special])


def program_with(link: Link) -> Program:
    program = program_of(Sketch(0, 1, 1, ((("job",), "affine", 1.0, 1.0, 0),), 0))
    return program._replace(link=np.array([(link.code, *link.parameters, 0.0)]))


@compiled
def link_all(program: Program, raw: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(raw)):
        out[0, i] = link_value(program, 0, raw[i])
        out[1, i] = bound_linked(program, 0, raw[i])


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_kernel_and_numpy_give_same_bits(link: Link) -> None:
    raw = raw_sums()
    out = np.empty((2, len(raw)))
    link_all(program_with(link), raw, out)
    np.testing.assert_array_equal(out[0].view(np.int64), link(raw).view(np.int64))
    known = ~np.isnan(raw)
    _, high = bound_link(link.code, link.parameters, raw[known], raw[known])
    np.testing.assert_array_equal(out[1, known].view(np.int64), high.view(np.int64))


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_bounds_of_a_sum_hold_for_all_smaller_sums(link: Link) -> None:
    raw = raw_sums()
    raw = np.sort(raw[~np.isnan(raw)])
    values = link(raw)
    low, high = bound_link(link.code, link.parameters, raw, raw)
    assert (np.maximum.accumulate(values) <= high).all()
    assert (np.minimum.accumulate(values[::-1])[::-1] >= low).all()
    assert low.min() >= 0
    assert high.max() <= 100


def test_missing_sum_has_stated_value() -> None:
    assert [float(link(np.array(np.nan))) for link in LINKS] == [0.0, 20.0, 0.0, 100.0]


def test_sigmoid_is_near_math_exp() -> None:
    raw = raw_sums()
    raw = raw[np.abs(raw) < 700]
    exact = np.array([100 / (1 + math.exp(-x)) for x in raw.tolist()])
    np.testing.assert_allclose(SigmoidLink()(raw), exact, rtol=2.0**-49, atol=0)


@pytest.mark.parametrize(
    "link",
    [
        AffineLink(1.0, 1.0),
        AffineLink(2.0, 1.0),
        AffineLink(0.0, np.nan),
        SigmoidLink(0.0),
        SigmoidLink(-1.0),
        SigmoidLink(missing=101.0),
        AffineLink(0.0, 1.0, missing=np.nan),
    ],
    ids=str,
)
def test_invalid_link_is_rejected(link: Link) -> None:
    with raises_at(ModelError, "c", "link", "range"):
        check_value("c", Value((JobTerm(np.zeros(2)),), link=link), 1, 2)


def test_unknown_link_is_rejected() -> None:
    with raises_at(ModelError, "c", "link", "SimpleNamespace"):
        check_value("c", Value((UserTerm(np.zeros(1)),), link=SimpleNamespace()), 1, 2)  # type: ignore[arg-type]
