"""The top-k lists of all paths equal those of the reference: ids, order and scores."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.backends.numba.pair_blocks import BLOCK, TILE
from scoring.backends.numba.pruned_topk import FEW_REQUIRED
from scoring.backends.numba.top_list import SHORT
from scoring.errors import ConfigurationError
from scoring.plan import Candidates, Plan, cell_key_choice
from scoring.plan.user_rules import ExcludedJobs, RequiredJobs
from scoring.plan.weight_precomputation import fold
from scoring.ragged_array import Ragged
from scoring.ranking import Ranking, Scorer
from scoring.threads.pool import TASKS_PER_WORKER
from tests.support.errors import raises_at
from tests.support.example_counts import try_examples
from tests.support.proof_counts import record_count
from tests.support.random_programs import TERMS, Sketch, cases, plan_of, reference_lists, sketches

EVERY_TERM = tuple(((kind,), None, 0.125, 0.3, i % 3) for i, kind in enumerate(TERMS))
EQUAL = ((("user",), None, 1.0, 1.0, 0),)  # all jobs have equal scores


def assert_lists_equal_reference(plan: Plan, k: int, users: np.ndarray | None = None) -> Ranking:
    """Compare the pruned path and, for lists of at most `SHORT` jobs, the dense path with the reference."""
    reference = reference_lists(plan, k, users)
    pruned = assert_equals_reference(reference, Scorer(plan, workers=1, path="pruned").top_k(k, users), plan)
    if k <= SHORT:
        assert_equals_reference(reference, Scorer(plan, workers=1, path="dense").top_k(k, users), plan)
    return pruned


def assert_equals_reference(reference: tuple[list[np.ndarray], np.ndarray], ranking: Ranking, plan: Plan) -> Ranking:
    lists, scores = reference
    assert ranking.count.tolist() == [len(jobs) for jobs in lists]
    for row, jobs in enumerate(lists):
        size = len(jobs)
        np.testing.assert_array_equal(ranking.job_row[row, :size], jobs)
        np.testing.assert_array_equal(ranking.job_id[row, :size], plan.job_id[jobs])
        np.testing.assert_array_equal(
            ranking.scores[row, :size].view(np.uint32), np.ascontiguousarray(scores[:, row, jobs].T).view(np.uint32)
        )
        assert (ranking.job_id[row, size:] == -1).all()
        assert (ranking.job_row[row, size:] == -1).all()
        assert not ranking.scores[row, size:].any()
    return ranking


def list_lengths(sketch: Sketch) -> list[int]:
    return [1, 2, max(1, sketch.n_jobs // 2), max(1, sketch.n_jobs), sketch.n_jobs + 5, SHORT, SHORT + 1]


@try_examples(
    30,
    150,
    how=cases,
    always=[
        {"sketch": Sketch(0, 3, 0, EQUAL, 2), "which": 0},
        {"sketch": Sketch(0, 0, 9, EQUAL, 2), "which": 0},
        {"sketch": Sketch(0, 3, 1, (), 2, per_company=1, n_companies=0), "which": 6},
    ],
    sketch=sketches(),
    which=st.integers(0, 6),
)
def test_lists_equal_reference(sketch: Sketch, which: int) -> None:
    assert_lists_equal_reference(plan_of(sketch), list_lengths(sketch)[which])
    record_count("compiled lists", "{} random programs", 1)


TIES = sketches(users=(1, 3), jobs=st.integers(1, 30), levels=st.sampled_from((1, 2)))


@cases(40)
@given(TIES, st.integers(0, 6))
def test_ties_are_ordered_by_job_id(sketch: Sketch, which: int) -> None:
    assert_lists_equal_reference(plan_of(sketch), list_lengths(sketch)[which])
    record_count("ties", "{} cases with one or two different scores", 1)


@pytest.mark.long
@cases(10_000)
@given(TIES, st.integers(0, 6))
def test_ties_are_ordered_by_job_id_in_many_cases(sketch: Sketch, which: int) -> None:
    assert_lists_equal_reference(plan_of(sketch), list_lengths(sketch)[which])
    record_count("ties", "{} cases with one or two different scores", 1)


@pytest.mark.parametrize("k", [1, 40, SHORT, SHORT + 1, 1499, 1500, 5000])
@pytest.mark.parametrize("per_company", [0, 2, 400])
@pytest.mark.parametrize("components", [EVERY_TERM, EQUAL], ids=["any", "equal"])
def test_short_and_long_lists_equal_reference(components: tuple, per_company: int, k: int) -> None:
    """Lists of up to `SHORT` jobs use insertion, longer ones sort all scores. Both equal the reference."""
    plan = plan_of(Sketch(11, 3, 1500, components, 2, per_company=per_company, n_companies=4))
    assert plan.exclusions.open_to_all.sum() > SHORT
    assert_lists_equal_reference(plan, k)


@pytest.mark.parametrize("per_company", [0, 2])
def test_few_and_many_required_jobs_equal_reference(per_company: int) -> None:
    """Few are scored without bounds. If a user has many, all other jobs are marked, for this user only."""
    plan = plan_of(Sketch(7, 5, FEW_REQUIRED + 600, EVERY_TERM, 3, per_company=per_company, n_companies=9))
    random, sizes = np.random.default_rng(0), (FEW_REQUIRED + 1, 0, 30, FEW_REQUIRED + 500, FEW_REQUIRED)
    lists = [np.sort(random.permutation(FEW_REQUIRED + 600)[:size]) for size in sizes]
    required = RequiredJobs("required", Ragged.of(rows.tolist() for rows in lists))
    exclusions = replace(plan.exclusions, by_rule={}, user_rules=(required,))
    assert_lists_equal_reference(replace(plan, exclusions=exclusions), 20)


@pytest.mark.parametrize("n_jobs", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
@pytest.mark.parametrize("n_users", [1, TILE - 1, TILE, TILE + 1, 2 * TILE + 3])
def test_lists_at_block_and_tile_boundaries_equal_reference(n_jobs: int, n_users: int) -> None:
    sketch = Sketch(5, n_users, n_jobs, EVERY_TERM, 3, per_company=3, n_companies=9)
    assert_lists_equal_reference(plan_of(sketch), 20)


@pytest.mark.parametrize("n_users", [TASKS_PER_WORKER * TILE, TASKS_PER_WORKER * (TILE + 1)])
def test_long_lists_at_tile_boundaries_equal_reference(n_users: int) -> None:
    """Each task has exactly one tile of users, or one user more."""
    plan = plan_of(Sketch(5, n_users, 2 * SHORT, EVERY_TERM, 3, n_companies=9))
    assert plan.exclusions.open_to_all.sum() > SHORT
    assert_lists_equal_reference(plan, SHORT + 1)


@try_examples(25, 100, how=cases, sketch=sketches(users=(1, 4)), a=st.integers(1, 40), b=st.integers(1, 40))
def test_shorter_list_is_prefix_of_longer_list(sketch: Sketch, a: int, b: int) -> None:
    plan = plan_of(sketch)
    shorter, longer = (Scorer(plan, workers=1).top_k(k) for k in sorted((a, b)))
    np.testing.assert_array_equal(shorter.count, np.minimum(longer.count, min(a, b)))
    width = shorter.job_id.shape[1]
    for row, size in enumerate(shorter.count):
        np.testing.assert_array_equal(shorter.job_id[row, :size], longer.job_id[row, :width][:size])
        np.testing.assert_array_equal(shorter.scores[row, :size], longer.scores[row, :width][:size])
    record_count("list length", "{} pairs of k", 1)


@try_examples(25, 100, how=cases, sketch=sketches(users=(1, 5)), data=st.data())
def test_list_does_not_depend_on_batch(sketch: Sketch, data: st.DataObject) -> None:
    plan = plan_of(sketch)
    whole = Scorer(plan, workers=1).top_k(7)
    users = np.array(data.draw(st.lists(st.integers(0, sketch.n_users - 1), min_size=1, max_size=6)))
    some = assert_lists_equal_reference(plan, 7, users)
    np.testing.assert_array_equal(some.user_id, plan.user_id[users])
    record_count("single user", "{} users", 1)
    np.testing.assert_array_equal(some.job_id, whole.job_id[users])
    np.testing.assert_array_equal(some.scores, whole.scores[users])


@try_examples(25, 100, how=cases, sketch=sketches(users=(1, 3)))
def test_unlisted_jobs_rank_below_listed_jobs(sketch: Sketch) -> None:
    """This check does not use the sort of the reference."""
    plan = plan_of(replace(sketch, per_company=0))
    ranking = Scorer(plan, workers=1).top_k(5)
    _, scores = reference_lists(plan, 5)
    eligible = plan.exclusions.matrix(np.arange(sketch.n_users))
    for row in range(sketch.n_users):
        taken = ranking.job_row[row, : ranking.count[row]].tolist()
        keys = [(-float(scores[0, row, job]), int(plan.job_id[job])) for job in taken]
        assert keys == sorted(keys)
        assert len(taken) == min(5, int(eligible[row].sum())) == len(set(taken))
        assert eligible[row, taken].all()
        rest = set(np.flatnonzero(eligible[row]).tolist()) - set(taken)
        assert all((-float(scores[0, row, job]), int(plan.job_id[job])) > keys[-1] for job in rest)


@try_examples(25, 100, how=cases, sketch=sketches(users=(1, 3)), per_company=st.integers(1, 3))
def test_company_limit_holds_in_every_list(sketch: Sketch, per_company: int) -> None:
    """A job excluded by the company limit ranks below the listed jobs of that company."""
    plan = plan_of(replace(sketch, per_company=per_company, n_companies=2))
    ranking = Scorer(plan, workers=1).top_k(1000)
    _, scores = reference_lists(plan, 1000)
    eligible = plan.exclusions.matrix(np.arange(sketch.n_users))
    for row in range(sketch.n_users):
        taken = ranking.job_row[row, : ranking.count[row]]
        for company in (0, 1):
            held = [job for job in taken if plan.exclusions.company[job] == company]
            of_company = np.flatnonzero(eligible[row] & (plan.exclusions.company == company))
            assert len(held) == min(per_company, len(of_company))
            left = set(of_company.tolist()) - {int(job) for job in held}
            if left:
                last = max((-float(scores[0, row, job]), int(plan.job_id[job])) for job in held)
                assert all((-float(scores[0, row, job]), int(plan.job_id[job])) > last for job in left)
        without = np.flatnonzero(eligible[row] & (plan.exclusions.company < 0))
        assert set(without.tolist()) <= set(taken.tolist())


def test_lists_are_empty_without_eligible_jobs() -> None:
    plan = plan_of(Sketch(1, 3, 20, EVERY_TERM, 0))
    plan.exclusions.by_rule["closed"] = np.ones(20, dtype=bool)
    ranking = assert_lists_equal_reference(plan, 5)
    assert ranking.count.tolist() == [0, 0, 0]
    assert len(ranking.frame()) == 0


def test_exclusions_of_one_user_do_not_affect_other_users() -> None:
    """Marks of one user's excluded jobs must be cleared before the next user."""
    plan = plan_of(Sketch(1, 3, 20, EVERY_TERM, 0))
    plan.exclusions.by_rule["closed"] = np.zeros(20, dtype=bool)
    everything = ExcludedJobs("jobs", Ragged.of([[], range(20), []]))
    plan = replace(plan, exclusions=replace(plan.exclusions, user_rules=(everything,)))
    assert assert_lists_equal_reference(plan, 20).count.tolist() == [20, 0, 20]


@try_examples(
    25,
    100,
    how=cases,
    sketch=sketches(users=(1, 4)),
    which=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_lists_contain_only_candidates(sketch: Sketch, which: int, seed: int) -> None:
    plan = plan_of(sketch)
    rng = np.random.default_rng(seed)
    is_candidate = rng.random((sketch.n_users, sketch.n_jobs)) < rng.choice([0.0, 0.1, 0.6, 1.0], (sketch.n_users, 1))
    candidates = Candidates.listed(*np.nonzero(is_candidate), *is_candidate.shape)
    plan = replace(plan, exclusions=replace(plan.exclusions, candidates=candidates))
    ranking = assert_lists_equal_reference(plan, list_lengths(sketch)[which])
    for row, count in enumerate(ranking.count):
        assert is_candidate[row, ranking.job_row[row, :count]].all()


@try_examples(30, 150, how=cases, sketch=sketches(users=(1, 4)), k=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_layout_of_other_weights_does_not_change_lists(sketch: Sketch, k: int, seed: int) -> None:
    """The layout and the seed lists come from other weights. The result must not depend on them."""
    plan = plan_of(sketch)
    before = Scorer(plan, workers=1).top_k(k)
    rng = np.random.default_rng(seed)
    n = plan.program.n_components
    weights = rng.choice([0.0, 1e-12, 0.1, 0.5, 1.0], n), rng.choice([0.0, 0.5, 1.0], n)
    before_layout = plan.layout if plan.exclusions.open_to_all.any() else None
    for layout in (before_layout, None):
        other = replace(plan, program=fold(plan.program, *weights), previous_layout=layout)
        assert_equals_reference(reference_lists(other, k), Scorer(other, workers=1, seeds=before).top_k(k), other)


def test_seed_lists_reduce_scored_pairs_and_keep_results() -> None:
    plan = plan_of(Sketch(3, 6, 300, EVERY_TERM, 0))
    all_users = Scorer(plan, workers=1).top_k(9)
    some = Scorer(plan, workers=1).top_k(5, np.array([4, 1]))
    fresh, seeded = (Scorer(plan, workers=1, seeds=before) for before in (None, all_users))
    assert_equals_reference(reference_lists(plan, 7), seeded.top_k(7), plan)
    assert_equals_reference(reference_lists(plan, 5), Scorer(plan, workers=1, seeds=some).top_k(5), plan)
    assert seeded.top_k(7).n_scored <= fresh.top_k(7).n_scored


WIDE = Sketch(7, 5, 3000, EVERY_TERM, 0)


@pytest.mark.parametrize("most_cells", [1, 4, 10_000])
@pytest.mark.parametrize("n_jobs", [17, 3000])
def test_lists_do_not_depend_on_number_of_cells(monkeypatch: pytest.MonkeyPatch, most_cells: int, n_jobs: int) -> None:
    """Layouts with one cell for all jobs, with few cells, and with more than two keys."""
    monkeypatch.setattr(cell_key_choice, "MOST_CELLS", most_cells)
    monkeypatch.setattr(cell_key_choice, "JOBS_PER_CELL", n_jobs)
    plan = plan_of(replace(WIDE, n_jobs=n_jobs))
    assert (len(plan.layout.keys.cell_keys) == 0) == (most_cells == 1)
    for k in (1, 30, n_jobs):
        assert_lists_equal_reference(plan, k)


LOOSE = st.lists(
    st.sampled_from(("sparse", "flags", "dense", "both", "interval", "dot", "job")), min_size=1, max_size=4
)


@try_examples(
    30,
    150,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    parts=st.lists(st.tuples(LOOSE.map(tuple), st.sampled_from((None, None, "flags", "user"))), min_size=1, max_size=4),
    levels=st.sampled_from((0, 2)),
    most_cells=st.sampled_from((1, 4, 24)),
    per_company=st.sampled_from((0, 0, 2)),
)
def test_keys_outside_cells_equal_reference(
    seed: int, parts: list[tuple[tuple[str, ...], str | None]], levels: int, most_cells: int, per_company: int
) -> None:
    """Bounds by class of users, exceptions in a few cells, and lists seeded with those of another user."""
    components = tuple((kinds, divisor, 1.0 / (1 + i), 1.0, i % 3) for i, (kinds, divisor) in enumerate(parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_key_choice, "MOST_CELLS", most_cells)
        patch.setattr(cell_key_choice, "JOBS_PER_CELL", 1000)
        sketch = Sketch(seed, 12, 300, components, levels, per_company=per_company, n_companies=20)
        assert_lists_equal_reference(plan_of(sketch), 10)


@try_examples(
    24, 60, how=cases, seed=st.integers(0, 2**32 - 1), levels=st.sampled_from((0, 2)), k=st.sampled_from((1, 8, 40))
)
def test_lists_dominated_by_products_equal_reference(seed: int, levels: int, k: int) -> None:
    """Negative products, vectors of different lengths, jobs and users without a vector."""
    mixed = (("dot", "flags"), "user", 0.5, 1.0, 1)
    components = ((("dot",), None, 1.0, 1.0, 0), mixed, (("job",), None, 0.01, 1.0, 2))
    assert_lists_equal_reference(plan_of(Sketch(seed, 4, 200, components, levels)), k)


@try_examples(24, 60, how=cases, seed=st.integers(0, 2**32 - 1), k=st.sampled_from((1, 8, 40)))
def test_weights_of_different_magnitude_equal_reference(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(TERMS)
    components = tuple(((str(kind),), None, float(10.0 ** rng.integers(-12, 7)), 1.0, 0) for kind in kinds)
    assert_lists_equal_reference(plan_of(Sketch(seed, 3, 150, components, 0)), k)


@pytest.mark.parametrize("path", ["pruned", "dense"])
def test_requested_strategy_is_used(path: str) -> None:
    scorer = Scorer(plan_of(WIDE), workers=1, path=path)
    assert scorer.decision is None
    ranking = scorer.top_k(5)
    assert str(scorer.decision) == f"{path}: requested"
    everything = 5 * scorer.n_eligible
    assert ranking.n_scored == everything if path == "dense" else 0 < ranking.n_scored <= everything


def test_strategy_is_measured_for_enough_users() -> None:
    components = ((("dot",), None, 1.0, 1.0, 0),)
    scorer = Scorer(plan_of(replace(WIDE, n_users=200, components=components)), workers=1)
    scorer.top_k(50)
    assert scorer.decision is not None
    assert re.match(r"in a trial, pruning scored [\d.]+% of the jobs in [\d.]+ ms per user", scorer.decision.reason)
    scorer.top_k(SHORT + 1)
    assert scorer.decision.strategy == "sorted"


def test_unknown_path_is_rejected() -> None:
    with raises_at(ConfigurationError, "path", match="auto, pruned, dense"):
        Scorer(plan_of(WIDE), path="fast")  # type: ignore[arg-type]
