"""What every backend must do, for each backend of the package; and a second one, in one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring import Dataset, Prepared, load_model, make_market
from scoring.backends import reference
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.numba.top_list import SHORT
from scoring.backends.protocol import BackendFactory
from scoring.backends.reference import ReferenceBackend
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.errors import ConfigurationError
from scoring.plan import Candidates, Plan
from scoring.plan.weight_precomputation import fold
from scoring.ranking import Scorer
from scoring.testing import BrokenInvariantsError, check_engine
from tests.support.errors import raises_at
from tests.support.example_counts import try_examples
from tests.support.random_programs import TERMS, Sketch, cases, plan_of, reference_lists, sketches
from tests.support.small_datasets import small_dataset

BACKENDS: dict[str, BackendFactory] = {
    "reference": ReferenceBackend,
    "numba-pruned": partial(NumbaBackend, strategy="pruned"),
    "numba-dense": partial(NumbaBackend, strategy="dense"),
    "numba-scan": partial(NumbaBackend, strategy="scan"),
    "numba-auto": NumbaBackend,
}
EVERY_TERM = tuple(((kind,), None, 0.125, 0.3, i % 3) for i, kind in enumerate(TERMS))
EQUAL = ((("user",), None, 1.0, 1.0, 0),)  # all jobs tie
SMALL = Sketch(3, 30, 200, EVERY_TERM, 0, n_companies=9)

every_backend = pytest.mark.parametrize("make", BACKENDS.values(), ids=BACKENDS)


def assert_lists(ranking: Ranking, plan: Plan, k: int, users: np.ndarray | None = None) -> None:
    """Ids, order and scores of the specification, and nothing after the last job."""
    lists, scores = reference_lists(plan, k, users)
    assert ranking.job_id.shape == (len(lists), min(k, plan.bundle.n_eligible))
    assert ranking.count.tolist() == [len(jobs) for jobs in lists]
    for row, jobs in enumerate(lists):
        size = len(jobs)
        np.testing.assert_array_equal(ranking.job_row[row, :size], jobs)
        np.testing.assert_array_equal(ranking.job_id[row, :size], plan.job_id[jobs])
        assert ranking.scores[row, :size].tobytes() == np.ascontiguousarray(scores[:, row, jobs].T).tobytes()
        assert (ranking.job_id[row, size:] == -1).all()
        assert (ranking.job_row[row, size:] == -1).all()
        assert not ranking.scores[row, size:].any()


# --- Lists --------------------------------------------------------------------------------------------------


@every_backend
@try_examples(20, 60, how=cases, sketch=sketches(), k=st.sampled_from((1, 2, 7, 40, 45)))
def test_lists_equal_specification(make: BackendFactory, sketch: Sketch, k: int) -> None:
    plan = plan_of(sketch)
    assert_lists(make(plan.bundle, workers=1).top_k(k), plan, k)


@every_backend
@pytest.mark.parametrize("k", [1, 5, 200, 201, 10**9])
@pytest.mark.parametrize("per_company", [0, 2])
@pytest.mark.parametrize("components", [EVERY_TERM, EQUAL], ids=["any", "equal"])
def test_ties_company_limits_and_k_above_number_of_jobs(
    make: BackendFactory, components: tuple, per_company: int, k: int
) -> None:
    plan = plan_of(replace(SMALL, components=components, per_company=per_company, levels=2))
    assert_lists(make(plan.bundle).top_k(k), plan, k)


@every_backend
def test_long_lists_equal_specification(make: BackendFactory) -> None:
    plan = plan_of(replace(SMALL, n_users=2, n_jobs=2 * SHORT))
    assert plan.bundle.n_eligible > SHORT
    assert_lists(make(plan.bundle).top_k(SHORT + 1), plan, SHORT + 1)


@every_backend
def test_lists_without_eligible_jobs_are_empty(make: BackendFactory) -> None:
    plan, done = plan_of(SMALL), list[int]()
    plan.exclusions.by_rule["closed"] = np.ones(SMALL.n_jobs, dtype=bool)
    ranking = make(plan.bundle).top_k(5, progress=done.append)
    assert ranking.job_id.shape == (SMALL.n_users, 0)
    assert not ranking.count.any()
    assert sum(done) == SMALL.n_users


@every_backend
@pytest.mark.parametrize(("n_users", "n_jobs"), [(0, 9), (3, 0), (0, 0)])
def test_empty_users_or_jobs_give_empty_results(make: BackendFactory, n_users: int, n_jobs: int) -> None:
    backend = make(plan_of(replace(SMALL, n_users=n_users, n_jobs=n_jobs)).bundle)
    ranking, none = backend.top_k(5), np.empty(0, dtype=np.int64)
    assert len(ranking.user_id) == n_users
    assert not ranking.count.any()
    assert backend.all_pairs().shape == (len(SCORES), n_users, n_jobs)
    assert backend.listed(none, none).shape == (len(SCORES), 0)


@every_backend
def test_lists_contain_only_candidates(make: BackendFactory) -> None:
    plan = plan_of(SMALL)
    is_candidate = np.random.default_rng(0).random((SMALL.n_users, SMALL.n_jobs)) < 0.1
    is_candidate[0] = False
    candidates = Candidates.listed(*np.nonzero(is_candidate), *is_candidate.shape)
    plan = replace(plan, exclusions=replace(plan.exclusions, candidates=candidates))
    assert_lists(make(plan.bundle).top_k(30), plan, 30)


@every_backend
@try_examples(8, 25, how=cases, seed=st.integers(0, 2**32 - 1), k=st.sampled_from((1, 8, 40)))
def test_extreme_weights_equal_specification(make: BackendFactory, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    components = tuple(
        ((str(kind),), None, float(10.0 ** rng.integers(-300, 7)), 1.0, 0) for kind in rng.permutation(TERMS)
    )
    plan = plan_of(Sketch(seed, 3, 150, components, 0))
    assert_lists(make(plan.bundle, workers=1).top_k(k), plan, k)


@cache
def plan_with_gaps(model: str) -> Plan:
    return Prepared.of(small_dataset(2, n_users=20, n_jobs=120, n_actions=400), load_model(model)).plan


@every_backend
@pytest.mark.parametrize("model", ["standard", "classic"])
def test_missing_values_equal_specification(make: BackendFactory, model: str) -> None:
    """A dataset in which every column has gaps."""
    plan = plan_with_gaps(model)
    assert_lists(make(plan.bundle).top_k(25), plan, 25)


@every_backend
def test_shorter_list_is_prefix_of_longer_list(make: BackendFactory) -> None:
    backend = make(plan_of(replace(SMALL, levels=2)).bundle)
    for k in (1, 4, 39):
        shorter, longer = backend.top_k(k), backend.top_k(k + 1).cut(k)
        np.testing.assert_array_equal(shorter.job_id, longer.job_id)
        np.testing.assert_array_equal(shorter.scores, longer.scores)
        np.testing.assert_array_equal(shorter.count, longer.count)


@every_backend
def test_users_in_any_order_and_repeated(make: BackendFactory) -> None:
    plan, users = plan_of(SMALL), np.array([29, 3, 3, 0], dtype=np.int32)
    ranking = make(plan.bundle).top_k(6, users)
    np.testing.assert_array_equal(ranking.user_id, plan.user_id[users])
    assert_lists(ranking, plan, 6, users)


@every_backend
def test_seeds_do_not_change_results(make: BackendFactory) -> None:
    """Lists under other weights, of some of the users, shorter, or of no user."""
    plan = plan_of(SMALL)
    moved = replace(plan, program=fold(plan.program, plan.program.flat_weight[::-1], plan.program.group_weight))
    before = make(plan.bundle).top_k(9)
    for seeds in (before, before.take(np.array([4, 1])), before.cut(3), before.take(np.arange(0)), Ranking.empty()):
        assert_lists(make(moved.bundle).top_k(7, seeds=seeds), moved, 7)


# --- Stopping -----------------------------------------------------------------------------------------------


@every_backend
def test_cancelled_before_start_returns_empty_lists(make: BackendFactory) -> None:
    done: list[int] = []
    ranking = make(plan_of(SMALL).bundle).top_k(3, cancelled=lambda: True, progress=done.append)
    assert done == []
    assert not ranking.count.any()
    assert (ranking.job_id == -1).all()


@every_backend
@pytest.mark.parametrize("workers", [1, 2])
def test_cancelled_ranking_has_complete_or_empty_lists(make: BackendFactory, workers: int) -> None:
    plan = plan_of(replace(SMALL, n_users=700, n_jobs=60))
    whole, done = ReferenceBackend(plan.bundle).top_k(5), list[int]()
    ranking = make(plan.bundle, workers=workers).top_k(5, progress=done.append, cancelled=lambda: bool(done))
    assert 0 < sum(done) <= 700
    reached = ranking.count > 0
    assert reached.any()
    np.testing.assert_array_equal(ranking.job_id[reached], whole.job_id[reached])
    np.testing.assert_array_equal(ranking.scores[reached], whole.scores[reached])
    assert (ranking.job_id[~reached] == -1).all()
    if workers == 1:
        assert sum(done) < 700


@every_backend
def test_progress_sums_to_number_of_users(make: BackendFactory) -> None:
    done: list[int] = []
    make(plan_of(SMALL).bundle).top_k(3, progress=done.append)
    assert sum(done) == SMALL.n_users


# --- Scores -------------------------------------------------------------------------------------------------


@every_backend
def test_scores_of_pairs_equal_specification(make: BackendFactory) -> None:
    plan = plan_of(replace(SMALL, n_jobs=600))
    backend, users, jobs = make(plan.bundle), np.arange(30), np.arange(600)
    wanted = reference.compute_scores(plan.program, users, jobs)
    np.testing.assert_array_equal(backend.all_pairs().view(np.uint32), wanted.view(np.uint32))
    some = np.array([7, 0])
    out = np.full((4, 2, 600), np.nan, dtype=np.float32)
    assert backend.all_pairs(some, out=out) is out
    np.testing.assert_array_equal(out, wanted[:, some])
    rng = np.random.default_rng(0)
    u, j = rng.integers(30, size=200), rng.integers(600, size=200)
    np.testing.assert_array_equal(backend.listed(u, j), wanted[:, u, j])
    np.testing.assert_array_equal(
        backend.components(some, jobs[:9]), reference.compute_component_values(plan.program, some, jobs[:9])
    )


# --- What is rejected ---------------------------------------------------------------------------------------


@every_backend
def test_invalid_arguments_are_rejected(make: BackendFactory) -> None:
    backend = make(plan_of(SMALL).bundle)
    row, beyond = np.array([0]), np.array([10**6])
    calls: list[Callable[[], object]] = [
        lambda: backend.top_k(0),
        lambda: backend.top_k(1.5),  # type: ignore[arg-type]
        lambda: backend.top_k(3, beyond),
        lambda: backend.top_k(3, np.array([-1])),
        lambda: backend.all_pairs(beyond),
        lambda: backend.all_pairs(np.array([0.5])),  # type: ignore[arg-type]
        lambda: backend.all_pairs(row, out=np.empty((4, 2, SMALL.n_jobs), dtype=np.float32)),
        lambda: backend.all_pairs(row, out=np.empty((4, 1, SMALL.n_jobs))),  # type: ignore[arg-type]
        lambda: backend.listed(row, beyond),
        lambda: backend.listed(beyond, row),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError):
            call()


@pytest.mark.parametrize("workers", [0, -1, 1.5])
def test_invalid_workers_are_rejected(workers: float) -> None:
    with raises_at(ConfigurationError, "workers"):
        NumbaBackend(plan_of(SMALL).bundle, workers=workers)  # type: ignore[arg-type]


def test_invalid_strategy_is_rejected() -> None:
    with raises_at(ConfigurationError, "strategy"):
        NumbaBackend(plan_of(SMALL).bundle, strategy="fast")  # type: ignore[arg-type]


def test_path_with_backend_is_rejected() -> None:
    with raises_at(ConfigurationError, "path", match="chooses"):
        Scorer(plan_of(SMALL), path="dense", backend=ReferenceBackend)


# --- A second backend ---------------------------------------------------------------------------------------


class SortedPairs:
    """A backend of another kind: all float32 totals of a user from one table, sorted by NumPy."""

    made = 0

    def __init__(self, bundle: Bundle, *, workers: int | None = None) -> None:
        type(self).made += 1
        self.bundle = bundle
        users, jobs = np.arange(len(bundle.user_id)), np.arange(len(bundle.job_id))
        self.table = reference.compute_scores(bundle.program, users, jobs)

    def top_k(
        self,
        k: int = 40,
        users: np.ndarray | None = None,
        *,
        seeds: Ranking | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ranking:
        bundle, rules = self.bundle, self.bundle.eligibility
        rows = np.arange(len(bundle.user_id)) if users is None else np.asarray(users)
        job_row = np.full((len(rows), min(k, bundle.n_eligible)), -1)
        for row, user in enumerate(rows):
            taken: dict[int, list[int]] = {}
            best: list[int] = []
            may = rules.matrix(np.array([user]))[0]
            for job in np.lexsort((bundle.job_id, -self.table[0, user].astype(float))).tolist():
                of_company = taken.setdefault(int(rules.company[job]), [])
                full = 0 < rules.per_company <= len(of_company) and rules.company[job] >= 0
                if may[job] and not full and len(best) < k:
                    of_company.append(job)
                    best.append(job)
            job_row[row, : len(best)] = best
            progress(1)
        there = job_row >= 0
        scores = np.where(there, self.table[:, rows[:, None], job_row], np.float32(0))
        return Ranking(
            bundle.user_id[rows],
            np.append(bundle.job_id, -1)[job_row],
            job_row,
            np.ascontiguousarray(scores.transpose(1, 2, 0)),
            there.sum(axis=1).astype(np.int32),
        )

    def all_pairs(self, users: np.ndarray | None = None, *, out: np.ndarray | None = None) -> np.ndarray:
        scores = self.table if users is None else self.table[:, users]
        if out is None:
            return scores.copy()
        out[:] = scores
        return out

    def listed(self, users: np.ndarray, jobs: np.ndarray) -> np.ndarray:
        return self.table[:, users, jobs]

    def components(self, users: np.ndarray, jobs: np.ndarray) -> np.ndarray:
        return reference.compute_component_values(self.bundle.program, users, jobs)


class SwappedJobs(SortedPairs):
    """The same with the best two jobs exchanged."""

    def top_k(self, k: int = 40, users: np.ndarray | None = None, **options: object) -> Ranking:
        ranking = super().top_k(k, users, **options)  # type: ignore[arg-type]
        ranking.job_id[:, :2] = ranking.job_id[:, 1::-1]
        return ranking


@pytest.fixture
def made() -> Callable[[], int]:
    SortedPairs.made = 0
    return lambda: SortedPairs.made


def test_scorer_accepts_any_backend(made: Callable[[], int]) -> None:
    plan = plan_of(replace(SMALL, per_company=2))
    scorer = Scorer(plan, backend=SortedPairs)
    assert_lists(scorer.top_k(12), plan, 12)
    np.testing.assert_array_equal(scorer.all_pairs(), Scorer(plan).all_pairs())
    assert scorer.decision is None
    assert made() == 1


def test_prepared_keeps_backend_for_other_models(made: Callable[[], int]) -> None:
    data = Dataset(make_market(12, 150, 600, seed=1).tables)
    ready = Prepared.of(data, load_model("standard"), backend=SortedPairs)
    models = [ready.model.with_weights({"wage": 1.0, "fee": 0.3}), ready.model.with_eligibility(max_per_company=1)]
    for model in (ready.model, *models):
        ready = ready.with_model(model)
        wanted = Prepared.of(data, model).top_k(10)
        found = ready.top_k(10)
        np.testing.assert_array_equal(found.job_id, wanted.job_id)
        np.testing.assert_array_equal(found.scores, wanted.scores)
        assert isinstance(ready.scorer.backend, SortedPairs)
    assert made() >= 3


CHECKS = (
    "lists_equal_the_sorted_reference",
    "shorter_lists_are_prefixes",
    "ties_are_broken_by_smaller_id",
    "lists_do_not_depend_on_workers",
)


def test_check_engine_accepts_any_backend(made: Callable[[], int]) -> None:
    report = check_engine(backend=SortedPairs, checks=CHECKS)
    assert set(report.passed) == set(CHECKS)
    assert made() > 1
    with pytest.raises(BrokenInvariantsError) as caught:
        check_engine(backend=SwappedJobs, checks=CHECKS)
    assert "lists_equal_the_sorted_reference" in caught.value.failures
