"""The compiled scores of every pair equal those of the reference, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.backends import reference
from scoring.backends.numba.pair_blocks import BLOCK, TILE, all_pairs
from scoring.bundle.program import Program
from scoring.ranking import Scorer
from tests.support.example_counts import try_examples
from tests.support.proof_counts import record_count
from tests.support.random_programs import TERMS, Sketch, cases, plan_of, program_of, sketches


def compiled(program: Program, users: np.ndarray | None = None) -> np.ndarray:
    users = np.arange(program.n_users) if users is None else users
    out = np.full((4, len(users), program.n_jobs), np.nan, dtype=np.float32)
    middle = program.n_jobs * 2 // 3  # two ranges of jobs
    for begin, stop in ((0, middle), (middle, program.n_jobs)):
        all_pairs(program, users, out, 0, begin, stop)
    return out


def specified(program: Program) -> np.ndarray:
    return reference.compute_scores(program, np.arange(program.n_users), np.arange(program.n_jobs))


def assert_same_bits(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))


@cases(40)
@given(sketches())
def test_all_pairs_equal_reference(sketch: Sketch) -> None:
    program = program_of(sketch)
    assert_same_bits(compiled(program), specified(program))
    record_count("compiled scores", "{} random programs", 1)


@pytest.mark.long
@cases(5000)
@given(sketches())
def test_all_pairs_equal_reference_in_many_cases(sketch: Sketch) -> None:
    program = program_of(sketch)
    assert_same_bits(compiled(program), specified(program))
    record_count("compiled scores", "{} random programs", 1)


EVERY_TERM = tuple(
    ((kind, "user"), divisor, 0.1, 0.3, i % 3) for i, kind in enumerate(TERMS) for divisor in (None, "flags")
)


@pytest.mark.parametrize("n_jobs", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
@pytest.mark.parametrize("n_users", [1, TILE - 1, TILE, TILE + 1, 2 * TILE + 3])
@pytest.mark.parametrize("levels", [0, 3])
def test_pairs_at_block_and_tile_boundaries_equal_reference(n_jobs: int, n_users: int, levels: int) -> None:
    program = program_of(Sketch(7, n_users, n_jobs, EVERY_TERM, levels))
    assert_same_bits(compiled(program), specified(program))


@pytest.mark.parametrize("divisor", [None, "user", "flags"])
@pytest.mark.parametrize("weights", [(0.1, 0.3), (0.0, 0.3), (0.1, 0.0)])
def test_single_terms_with_and_without_constants_equal_reference(
    divisor: str | None, weights: tuple[float, float]
) -> None:
    terms = [*((kind,) for kind in TERMS), *(("user", "user", kind, "user") for kind in TERMS), ()]
    components = tuple((some, divisor, *weights, i % 3) for i, some in enumerate(terms))
    program = program_of(Sketch(13, TILE + 2, BLOCK + 3, components, 0))
    assert_same_bits(compiled(program), specified(program))


def test_negative_zeros_give_positive_zero_scores() -> None:
    """A sum starts at +0, so a score is never -0."""
    terms = [*((kind,) for kind in TERMS), *(("user", kind) for kind in TERMS), TERMS]
    components = tuple((some, None, 0.5, 0.25, i % 3) for i, some in enumerate(terms))
    program = program_of(Sketch(17, 5, 60, components, 0))
    values = (
        "job_value",
        "user_value",
        "lookup_values",
        "entry_value",
        "interval_gain",
        "flag_values",
        "dot_otherwise",
        "tree_values",
    )
    signs = np.random.default_rng(0)
    zeros = {name: np.where(signs.random(getattr(program, name).shape) < 0.7, -0.0, 0.0) for name in values}
    nothing = program._replace(**zeros, dot_scale=-0.0 * program.dot_scale)
    scores = compiled(nothing._replace(n_folded=0, folded_total=np.zeros(60), folded_group=np.zeros((3, 60))))
    assert_same_bits(scores, specified(nothing))
    assert not scores.any()
    assert not np.signbit(scores).any()


@try_examples(25, 100, how=cases, sketch=sketches(users=(1, 4)), data=st.data())
def test_pair_score_does_not_depend_on_batch(sketch: Sketch, data: st.DataObject) -> None:
    """The same holds for any selection of users, in any order, and any selection of jobs."""
    program = program_of(sketch)
    whole = compiled(program)
    users = np.array(data.draw(st.lists(st.integers(0, sketch.n_users - 1), max_size=6)), dtype=np.int64)
    assert_same_bits(compiled(program, users), np.ascontiguousarray(whole[:, users]))
    jobs = np.array(
        data.draw(st.lists(st.integers(0, sketch.n_jobs - 1), max_size=6)) if sketch.n_jobs else [], dtype=np.int64
    )
    assert_same_bits(compiled(program.take_jobs(jobs)), np.ascontiguousarray(whole[:, :, jobs]))


@try_examples(25, 100, how=cases, sketch=sketches())
def test_folding_does_not_change_scores(sketch: Sketch) -> None:
    """Leading components that depend only on the job are summed once, before scoring."""
    leading = tuple((("job",) * (1 + i), None, 0.3 / (i + 1), 0.5, i % 3) for i in range(3))
    folded = program_of(replace(sketch, components=leading + sketch.components))
    assert folded.n_folded >= len(leading)
    nothing = folded._replace(
        n_folded=0,
        folded_total=np.zeros_like(folded.folded_total),
        folded_group=np.zeros_like(folded.folded_group),
    )
    assert_same_bits(compiled(folded), compiled(nothing))
    assert_same_bits(compiled(folded), specified(folded))


def test_scores_without_components_are_0() -> None:
    assert not compiled(program_of(Sketch(0, 2, 5, (), 0))).any()


def test_weight_0_removes_component_from_total_only() -> None:
    """The score of its group still contains the value if the weight in the group is not 0."""
    components = (
        (("job",), None, 0.5, 0.25, 0),
        (("dense", "user"), None, 0.0, 0.75, 0),
        (("dot",), None, 0.0, 0.0, 2),
    )
    program = program_of(Sketch(3, 4, 30, components, 0))
    values = reference.compute_component_values(program, np.arange(4), np.arange(30))
    scores = compiled(program)
    np.testing.assert_array_equal(scores[0], (0.5 * values[0]).astype(np.float32))
    np.testing.assert_array_equal(scores[1], (0.25 * values[0] + 0.75 * values[1]).astype(np.float32))
    assert not scores[3].any()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_scores_do_not_depend_on_thread_count(workers: int) -> None:
    plan = plan_of(Sketch(1, 200, 90, EVERY_TERM, 0))
    assert_same_bits(Scorer(plan, workers=workers).all_pairs(), specified(plan.program))
    users = np.array([150, 3, 3, 199])
    assert_same_bits(
        Scorer(plan, workers=workers).all_pairs(users), np.ascontiguousarray(specified(plan.program)[:, users])
    )
