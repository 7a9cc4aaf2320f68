"""The lists from clusters of vectors equal those of the reference, and wrong bounds are found."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.backends.numba import vector_clusters
from scoring.backends.numba.strategies import Selection, TopKBuffers, make_no_seeds
from scoring.backends.numba.top_list import SHORT
from scoring.backends.numba.vector_clusters import ACROSS, BEST_SCORE, LEAST, MOST, VectorClusters
from scoring.bundle.program import Program
from scoring.plan import Candidates, Plan
from scoring.plan.user_rules import RequiredJobs
from scoring.plan.weight_precomputation import fold
from scoring.ragged_array import Ragged
from tests.backends.numba.test_dense_topk import FACTORS
from tests.support.example_counts import try_examples
from tests.support.proof_counts import record_count
from tests.support.random_programs import Sketch, cases, plan_of, program_of, reference_lists

EVERY_OTHER_TERM = (
    *FACTORS,
    (("job", "dense"), None, 0.1, 1.0, 1),
    (("sparse", "both"), "user", 0.05, 1.0, 1),
    (("interval", "flags"), "flags", 0.02, 1.0, 2),
    (("user", "job"), "user", 0.02, 1.0, 2),
)
DIMENSIONS = 9
SPREADS = (0.0, 0.02, 0.2, 5.0)
"""Distances of vectors from the centre of their cluster: equal vectors, two tight clusters, and no clusters."""


@pytest.fixture(autouse=True)
def _any_vectors() -> Iterator[None]:
    """Make clusters of any vectors, also of those for which they do not pay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_clusters, "MIN_COSINE", -2)
        yield


def with_clusters(sketch: Sketch, spread: float, share: float = 0.9, length: float = 1.0) -> Program:
    """Return the program of the sketch. A `share` of its jobs have vectors around ten points, of various lengths."""
    program, rng = program_of(sketch), sketch.rng("clusters")
    points = rng.normal(size=(10, DIMENSIONS)) / 3
    of_jobs, of_users = (
        points[rng.integers(0, 10, n)] + spread * rng.normal(size=(n, DIMENSIONS)) / 3
        for n in (sketch.n_jobs, sketch.n_users)
    )
    of_jobs[rng.random(sketch.n_jobs) < 0.02] = 0.0
    if spread:
        of_jobs *= rng.uniform(0.5, 2.0, (sketch.n_jobs, 1))
    return program._replace(
        job_vector=np.ascontiguousarray(length * of_jobs.T, dtype=np.float32),
        user_vector=np.ascontiguousarray(length * of_users, dtype=np.float32),
        dot_start=np.array([0, DIMENSIONS], dtype=np.int32),
        dot_job_has=rng.random((1, sketch.n_jobs)) < share,
    )


def assert_clustered_lists_equal_reference(plan: Plan, k: int, clusters: VectorClusters | None = None) -> int:
    """Rank all users from the clusters, or from changed ones; return the number of jobs that were scored."""
    lists, scores = reference_lists(plan, k)
    n, eligible = plan.program.n_users, int(plan.exclusions.open_to_all.sum())
    if not eligible:
        return 0
    selection, found, users = Selection(plan.search), TopKBuffers.empty(n, min(k, eligible)), np.arange(n)
    if clusters is not None:
        selection.clusters = clusters
    assert selection.clusters is not None or not plan.search.index.vector.any()
    if selection.clusters is None:
        return 0
    order = selection.order_users("clustered", users)
    n_scored = selection.run("clustered", users, make_no_seeds(n), found, order, np.zeros(1, dtype=np.int64))
    assert found.count.tolist() == [len(jobs) for jobs in lists]
    for user, jobs in enumerate(lists):
        np.testing.assert_array_equal(found.row[user, : len(jobs)], jobs)
        expected = np.ascontiguousarray(scores[:, user, jobs].T)
        np.testing.assert_array_equal(found.scores[user, : len(jobs)].view(np.uint32), expected.view(np.uint32))
        assert (found.row[user, len(jobs) :] == -1).all()
    return n_scored


@try_examples(
    15,
    2000,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    components=st.sampled_from((FACTORS, FACTORS, EVERY_OTHER_TERM)),
    spread=st.sampled_from(SPREADS),
    share=st.sampled_from((0.0, 0.05, 0.9, 1.0)),
    levels=st.sampled_from((0, 2)),
    per_company=st.sampled_from((0, 0, 2)),
    k=st.sampled_from((1, 8, 60, SHORT)),
)
def test_lists_equal_reference(
    seed: int, components: tuple, spread: float, share: float, levels: int, per_company: int, k: int
) -> None:
    sketch = Sketch(seed, 9, 400, components, levels, per_company=per_company, n_companies=20)
    assert_clustered_lists_equal_reference(plan_of(sketch, with_clusters(sketch, spread, share)), k)
    record_count("compiled lists", "{} random programs", 1)


@try_examples(
    15,
    300,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    weight=st.sampled_from((1e-300, 1e-30, 1e-12, 1.0, 1e6)),
    length=st.sampled_from((1e-18, 1e-6, 1.0, 1e8)),
    spread=st.sampled_from(SPREADS),
)
def test_magnitudes_of_weights_and_vectors_equal_reference(
    seed: int, weight: float, length: float, spread: float
) -> None:
    sketch = Sketch(seed, 5, 300, EVERY_OTHER_TERM, 0, n_companies=20)
    program = with_clusters(sketch, spread, length=length)
    weights = np.array([weight, *[0.1] * (len(EVERY_OTHER_TERM) - 1)])
    assert_clustered_lists_equal_reference(plan_of(sketch, fold(program, weights, weights)), 8)


@try_examples(
    10, 200, how=cases, seed=st.integers(0, 2**32 - 1), levels=st.sampled_from((0, 2)), k=st.sampled_from((1, 8, 60))
)
def test_vectors_of_any_dimension_equal_reference(seed: int, levels: int, k: int) -> None:
    plan = plan_of(Sketch(seed, 4, 200, FACTORS, levels))
    if plan.program.job_vector.size:
        assert_clustered_lists_equal_reference(plan, k)


def open_plan(components: tuple = FACTORS, spread: float = 0.02, share: float = 0.9, per_company: int = 0) -> Plan:
    """Return a plan of 30 users and 3,000 jobs that are open to all."""
    sketch = Sketch(3, 30, 3000, components, 0, per_company=per_company, n_companies=40)
    program = with_clusters(sketch, spread, share)
    program = program._replace(dot_scale=np.full(1, 50.0), dot_otherwise=np.full((1, 30), 20.0))
    plan = plan_of(sketch, program)
    return replace(plan, exclusions=replace(plan.exclusions, by_rule={}, user_rules=()))


@pytest.mark.parametrize("per_company", [0, 1])
def test_candidates_and_required_jobs_equal_reference(per_company: int) -> None:
    plan, rng = open_plan(per_company=per_company), np.random.default_rng(0)
    is_candidate = rng.random((30, 3000)) < rng.choice([0.0, 0.01, 0.5, 1.0], (30, 1))
    candidates = Candidates.listed(*np.nonzero(is_candidate), *is_candidate.shape)
    assert_clustered_lists_equal_reference(
        replace(plan, exclusions=replace(plan.exclusions, candidates=candidates)), 20
    )
    lists = [np.flatnonzero(allowed).tolist() for allowed in is_candidate]
    rule = RequiredJobs("required", Ragged.of(lists))
    assert_clustered_lists_equal_reference(replace(plan, exclusions=replace(plan.exclusions, user_rules=(rule,))), 20)


def test_tight_clusters_skip_most_jobs() -> None:
    plan = open_plan(share=1.0)
    with_vector = int(plan.program.dot_user_has.sum())
    others = 3000 * (30 - with_vector)
    assert assert_clustered_lists_equal_reference(plan, 10) - others < 0.2 * 3000 * with_vector


def scale(row: int, by: float) -> Callable[[VectorClusters], VectorClusters]:
    """Return a mutation that multiplies one bound of all clusters and blocks."""

    def change(clusters: VectorClusters) -> VectorClusters:
        of_cluster, of_block = clusters.of_cluster.copy(), clusters.of_block.copy()
        of_cluster[row] *= by
        of_block[:, row] *= by
        return clusters._replace(of_cluster=of_cluster, of_block=of_block)

    return change


def only_blocks(change: Callable[[VectorClusters], VectorClusters]) -> Callable[[VectorClusters], VectorClusters]:
    return lambda clusters: clusters._replace(of_block=change(clusters).of_block)


MUTATIONS: dict[str, tuple[tuple, Callable[[VectorClusters], VectorClusters]]] = {
    "across": (FACTORS, scale(ACROSS, 0.2)),
    "across of blocks": (FACTORS, only_blocks(scale(ACROSS, 0.2))),
    "most": (FACTORS, scale(MOST, 0.5)),
    "most of blocks": (FACTORS, only_blocks(scale(MOST, 0.5))),
    "most and least": (FACTORS, lambda clusters: scale(LEAST, 0.5)(scale(MOST, 0.5)(clusters))),
    "best score": (EVERY_OTHER_TERM, scale(BEST_SCORE, 0.2)),
    "best score of blocks": (EVERY_OTHER_TERM, only_blocks(scale(BEST_SCORE, 0.2))),
    "one job less per block": (FACTORS, lambda clusters: clusters._replace(size=clusters.size - 1)),
    "vectors": (FACTORS, lambda clusters: clusters._replace(vectors=0.9 * clusters.vectors)),
    "centres": (FACTORS, lambda clusters: clusters._replace(centre=clusters.centre[::-1].copy())),
    "no jobs without vectors": (
        FACTORS,
        lambda clusters: clusters._replace(without_vector=clusters.without_vector[:0]),
    ),
    "order of jobs without vectors": (
        FACTORS,
        lambda clusters: clusters._replace(without_vector=np.roll(clusters.without_vector, 1000)),
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_wrong_bounds_are_found(name: str) -> None:
    components, mutate = MUTATIONS[name]
    spread, share = 0.02 if name.startswith("most") else 0.4, 0.02 if "without" in name else 0.9
    plan = open_plan(components, spread, share)
    clusters = VectorClusters.of(plan.search.program, plan.search.index)
    assert clusters is not None
    assert_clustered_lists_equal_reference(plan, 40)
    with pytest.raises(AssertionError):
        assert_clustered_lists_equal_reference(plan, 40, mutate(clusters))


def test_stop_leaves_no_partial_list() -> None:
    plan = open_plan()
    found, users, stop = TopKBuffers.empty(30, 5), np.arange(30), np.ones(1, dtype=np.int64)
    Selection(plan.search).run("clustered", users, make_no_seeds(30), found, users, stop)
    assert not found.count.any()
    assert (found.row == -1).all()


@try_examples(
    8,
    200,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    components=st.sampled_from((FACTORS, EVERY_OTHER_TERM)),
    spread=st.sampled_from(SPREADS),
    share=st.sampled_from((0.05, 0.9, 1.0)),
    k=st.sampled_from((1, 8, 60)),
)
def test_clusters_of_a_layout_serve_other_weights(
    seed: int, components: tuple, spread: float, share: float, k: int
) -> None:
    """A layout computes its clusters once. With other weights, only the bounds of the jobs' own scores differ."""
    sketch = Sketch(seed, 9, 400, components, 0, n_companies=20)
    plan = plan_of(sketch, with_clusters(sketch, spread, share))
    if not plan.exclusions.open_to_all.any():
        return
    known = Selection(plan.search).clusters
    weights = sketch.rng("weights").random(len(components))
    other = replace(plan, program=fold(plan.program, weights, weights))
    other.__dict__["layout"] = plan.layout
    found, computed = Selection(other.search).clusters, VectorClusters.of(other.search.program, other.search.index)
    assert (known is None) == (found is None) == (computed is None)
    if known is None or found is None or computed is None:
        return
    assert found.vectors is known.vectors
    for name in VectorClusters._fields:
        np.testing.assert_array_equal(getattr(found, name), getattr(computed, name), err_msg=name)
    assert_clustered_lists_equal_reference(other, k)


@pytest.mark.parametrize(("n_jobs", "d"), [(20_000, 32), (60_000, 8)])
def test_predicted_bytes_of_clusters_cover_peak(n_jobs: int, d: int) -> None:
    rng = np.random.default_rng(0)
    sketch = Sketch(3, 10_000, 300, FACTORS, 0, n_companies=40)
    vectors = rng.normal(size=(n_jobs, d)).astype(np.float32)
    index = plan_of(replace(sketch, n_users=1)).search.index._replace(
        vector=vectors, job_score=np.zeros(n_jobs, np.float32), id_rank=np.arange(n_jobs, dtype=np.int32)
    )
    program = program_of(sketch)._replace(
        job_vector=np.ascontiguousarray(vectors.T),
        user_vector=np.zeros((10_000, d), np.float32),
        dot_start=np.array([0, d], dtype=np.int32),
        dot_job_has=np.ones((1, n_jobs), dtype=bool),
    )
    tracemalloc.start()
    VectorClusters.of(program, index)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.8 * peak < vector_clusters.estimate_bytes(program) < 1.5 * peak
    assert vector_clusters.estimate_bytes(program._replace(flat_weight=np.zeros(program.n_components))) == 0
