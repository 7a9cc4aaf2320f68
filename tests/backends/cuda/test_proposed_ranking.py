"""Lists with a simulated device: they equal the reference, and failures of the device are detected or harmless."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from scoring.backends.cuda.device import DeviceError, DeviceFullError, WrongResultError
from scoring.backends.cuda.device_strategy import DeviceStrategy
from scoring.backends.cuda.proposed_ranking import ProposedRanking
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.numba.strategies import Selection, TopKBuffers
from scoring.backends.numba.top_list import SHORT
from scoring.bundle.ranked_lists import Ranking
from scoring.plan import Plan
from tests.backends.numba.test_dense_topk import FACTORS, with_vectors
from tests.support.example_counts import try_examples
from tests.support.faulty_device import FaultyDevice
from tests.support.proof_counts import record_count
from tests.support.random_programs import Sketch, cases, plan_of, reference_lists

TERMS = ("job", "user", "dense", "sparse", "both", "interval", "flags", "dot")
ANY = tuple(((kind,), None, 0.125, 0.3, i % 3) for i, kind in enumerate(TERMS))
WEIGHTS = (1e6, 1.0, 1e-3, 1e-38, 1e-41)
"""Weights of components: large, usual, and such that float32 values are denormal."""
EQUAL = ((("user",), None, 1.0, 1.0, 0),)
"""All jobs tie."""


def make_plan(components: tuple = ANY, n_users: int = 3, n_jobs: int = 70, **options: Any) -> Plan:
    """Return a plan in which each user has a full list."""
    return without_rules(plan_of(Sketch(7, n_users, n_jobs, components, 0, n_companies=n_jobs, **options)))


def without_rules(plan: Plan) -> Plan:
    """Return the plan with all jobs open, and with excluded jobs and companies as the only rules."""
    exclusions = replace(plan.exclusions, by_rule={}, user_rules=plan.exclusions.user_rules[:2])
    return replace(plan, exclusions=exclusions)


def rank(plan: Plan, k: int, device: FaultyDevice) -> tuple[TopKBuffers, ProposedRanking]:
    ranking = ProposedRanking(Selection(plan.search), device, workers=1)
    found = TopKBuffers.empty(plan.program.n_users, min(k, plan.bundle.n_eligible))
    ranking.fill(np.arange(plan.program.n_users), found)
    return found, ranking


def assert_reference_lists(plan: Plan, k: int, found: TopKBuffers | Ranking) -> None:
    lists, scores = reference_lists(plan, k)
    rows = found.row if isinstance(found, TopKBuffers) else found.job_row
    assert found.count.tolist() == [len(jobs) for jobs in lists]
    for user, jobs in enumerate(lists):
        np.testing.assert_array_equal(rows[user, : len(jobs)], jobs)
        expected = np.ascontiguousarray(scores[:, user, jobs].T)
        assert found.scores[user, : len(jobs)].tobytes() == expected.tobytes()


@try_examples(
    6,
    300,
    how=cases,
    seed=st.integers(0, 2**32 - 1),
    components=st.lists(
        st.tuples(
            st.lists(st.sampled_from(TERMS), min_size=1, max_size=3).map(tuple),
            st.sampled_from((None, "user", "flags")),
            st.sampled_from(WEIGHTS),
            st.sampled_from((1.0, 0.0)),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    n_jobs=st.sampled_from((0, 1, 31, 65)),
    levels=st.sampled_from((0, 2)),
    per_company=st.sampled_from((0, 2)),
    k=st.sampled_from((1, 5, 40)),
)
def test_lists_of_simulated_device_equal_reference(
    seed: int, components: tuple, n_jobs: int, levels: int, per_company: int, k: int
) -> None:
    sketch = Sketch(seed, 3, n_jobs, components, levels, per_company=per_company, n_companies=20)
    plan = plan_of(sketch)
    assert_reference_lists(plan, k, NumbaBackend(plan.bundle, workers=1, strategy="gpu").top_k(k))
    record_count("simulated card", "{} random programs", 1)


@pytest.mark.parametrize("components", [ANY, FACTORS], ids=["any", "factors"])
def test_device_proposes_few_jobs_beyond_the_list(components: tuple) -> None:
    plan = without_rules(with_vectors(Sketch(5, 2, 500, components, 0, n_companies=500), 1.0))
    has_vector = np.ones_like(plan.program.dot_user_has)
    plan = replace(plan, program=plan.program._replace(dot_user_has=has_vector))
    device = FaultyDevice()
    found, ranking = rank(plan, 10, device)
    assert_reference_lists(plan, 10, found)
    assert ranking.tally.listed == 2
    assert 20 <= ranking.tally.proposed <= 30
    assert ranking.tally.checked == 2
    assert ranking.describe().startswith("simulator proposed 1")


def test_ties_that_do_not_fit_are_ranked_on_the_host() -> None:
    plan = make_plan(EQUAL, n_jobs=300)
    found, ranking = rank(plan, 3, FaultyDevice())
    assert_reference_lists(plan, 3, found)
    assert (ranking.tally.overflowed, ranking.tally.listed) == (3, 0)
    assert "3 users with too many proposals ranked on the host" in ranking.describe()


def test_users_without_full_list_are_ranked_on_the_host() -> None:
    plan = make_plan(n_jobs=20)
    found, ranking = rank(plan, 20, FaultyDevice())  # some jobs are excluded for single users
    assert_reference_lists(plan, 20, found)
    assert ranking.tally.without_list > 0


@pytest.mark.parametrize("n_users", [1, 8, 9])
def test_groups_of_users_equal_reference(n_users: int) -> None:
    plan = make_plan(n_users=n_users, n_jobs=40)
    found, _ = rank(plan, 2, FaultyDevice())
    assert_reference_lists(plan, 2, found)


def test_full_memory_makes_batches_smaller() -> None:
    plan, sizes = make_plan(), []

    def fail_above_one(name: str) -> None:
        if name == "score_pairs" and len(sizes) < 1:
            sizes.append(3)
            raise DeviceFullError("The memory of the device is full.")

    device = FaultyDevice(before=fail_above_one)
    found, ranking = rank(plan, 5, device)
    assert_reference_lists(plan, 5, found)
    assert device.started.count("score_pairs") == 3  # one user per batch
    assert ranking.tally.failure is None


@pytest.mark.parametrize("free_bytes", [0.0, 1000.0])
def test_too_small_memory_leaves_the_ranking_to_the_host(free_bytes: float) -> None:
    plan, device = make_plan(), FaultyDevice()
    device.free_bytes = free_bytes
    found, ranking = rank(plan, 5, device)
    assert_reference_lists(plan, 5, found)
    assert device.started == []
    assert "the host ranked the rest, because of the device: its memory is too small" in ranking.describe()


@pytest.mark.parametrize("kernel", ["score_pairs", "find_best", "append_proposals", "count_proposals"])
def test_host_finishes_if_the_device_is_lost(kernel: str) -> None:
    plan, seen = make_plan(n_users=5, n_jobs=40), []

    def fail_in_second_batch(name: str) -> None:
        seen.append(name)
        if seen.count(kernel) == 2:
            raise DeviceError("The device stopped working: it fell off the bus")

    device = FaultyDevice(before=fail_in_second_batch)
    device.free_bytes = 10_000.0  # one or two users per batch
    found, ranking = rank(plan, 5, device)
    assert_reference_lists(plan, 5, found)
    assert 0 < ranking.tally.listed < 5
    assert "the host ranked the rest, because of the device: The device stopped working" in ranking.describe()


def hide_best_job(name: str, arguments: tuple[Any, ...]) -> None:
    """Lower the highest score of the first user, so that the job is not proposed."""
    if name == "score_pairs":
        scores = arguments[-1].copy_to_host()
        scores[0, scores[0].argmax()] = -np.inf
        arguments[-1].copy_to_device(scores)


def raise_no_score(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "find_best":
        scores = arguments[0].copy_to_host()
        scores[:] = -np.inf
        arguments[0].copy_to_device(scores)


def repeat_job(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "append_proposals":
        proposed = arguments[2].copy_to_host()
        proposed[:, 0] = proposed[:, 1]
        arguments[2].copy_to_device(proposed)


def leave_place_unwritten(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "append_proposals":
        proposed = arguments[2].copy_to_host()
        proposed[0, 0] = 2**30
        arguments[2].copy_to_device(proposed)


def lose_append(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "append_proposals":
        count = arguments[3].copy_to_host()
        count[0] -= 1
        arguments[3].copy_to_device(count)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (hide_best_job, "A list of the device differs"),
        (raise_no_score, "fewer jobs than the list has"),
        (repeat_job, "a job twice"),
        (leave_place_unwritten, "a job that does not exist"),
        (lose_append, "appended .* jobs for a user and counted"),
    ],
)
def test_wrong_result_stops_the_ranking(fault: Any, problem: str) -> None:
    plan = make_plan()
    with pytest.raises(WrongResultError, match=problem):
        rank(plan, 5, FaultyDevice(after=fault))
    record_count("wrong card results", "{} kinds of wrong results", 1)


def test_undefined_scores_are_proposed() -> None:
    """The host decides about a job whose score of the device is not a number."""
    plan = make_plan()

    def spoil(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "find_best":
            scores = arguments[0].copy_to_host()
            scores[:, ::7] = np.nan
            arguments[0].copy_to_device(scores)

    found, ranking = rank(plan, 5, FaultyDevice(after=spoil))
    assert_reference_lists(plan, 5, found)
    assert ranking.tally.proposed >= 3 * 10


def test_host_ranks_long_lists_and_components_of_pairs() -> None:
    plan = make_plan()
    strategy = DeviceStrategy(Selection(plan.search), workers=1)
    assert strategy.find_objection(SHORT) is None
    assert strategy.find_objection(SHORT + 1) == f"The lists have more than {SHORT} jobs."
    unfoldable = make_plan(((("job", "dense"), "affine", 1.0, 1.0, 0),))
    ranking = NumbaBackend(unfoldable.bundle, workers=1, strategy="gpu").top_k(5)
    assert_reference_lists(unfoldable, 5, ranking)
    assert str(ranking.choice).startswith(
        "pruned: gpu is not used. The model has components that are computed per pair."
    )


def test_cancelled_ranking_leaves_lists_empty() -> None:
    plan = make_plan()
    ranking = NumbaBackend(plan.bundle, workers=1, strategy="gpu").top_k(5, cancelled=lambda: True)
    assert not ranking.count.any()


class TestChoice:
    """The choice of `auto`, with times of the test."""

    @staticmethod
    def choose(monkeypatch: pytest.MonkeyPatch, plan: Plan, times: tuple[float, float], device: FaultyDevice) -> str:
        from scoring.backends.cuda import device_strategy
        from scoring.bundle.ranked_lists import StrategyChoice

        measured = iter(times)

        def measure(fill: Any, n: int, k: int) -> float:
            fill(TopKBuffers.empty(n, k))
            return next(measured)

        monkeypatch.setattr(device_strategy, "is_simulated", lambda: False)
        monkeypatch.setattr(device_strategy, "_measure", measure)
        monkeypatch.setattr(device_strategy, "WARMUP_USERS", 1)
        monkeypatch.setattr(device_strategy.Device, "open", lambda: device)
        strategy = DeviceStrategy(Selection(plan.search), workers=1)
        users = np.arange(plan.program.n_users)
        host = StrategyChoice("dense", "dense took 0.200 ms per user")
        return str(strategy.choose(host, users, 5, lambda users, found: None))

    def test_faster_device_is_chosen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        choice = self.choose(monkeypatch, make_plan(n_users=2, n_jobs=40), (1e-6, 2e-6), FaultyDevice())
        assert choice == "gpu: in a trial, gpu took 1.0 µs per user and dense 2.0"

    def test_slower_device_is_not_chosen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        choice = self.choose(monkeypatch, make_plan(n_users=2, n_jobs=40), (2e-6, 1e-6), FaultyDevice())
        assert choice == "dense: dense took 0.200 ms per user; in a trial, gpu took 2.0 µs per user and dense 1.0"

    def test_many_ties_are_not_chosen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        choice = self.choose(monkeypatch, make_plan(EQUAL, n_users=1, n_jobs=300), (1e-6, 2e-6), FaultyDevice())
        assert choice.endswith("gpu is not used: 100% of the users had too many proposals")

    def test_lost_device_is_not_chosen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(name: str) -> None:
            raise DeviceError("The device stopped working: it fell off the bus")

        choice = self.choose(monkeypatch, make_plan(n_users=2, n_jobs=40), (1e-6, 2e-6), FaultyDevice(before=fail))
        assert choice.endswith("gpu is not used: The device stopped working: it fell off the bus")


def cancelling(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Pairs of numbers whose products with equal numbers nearly cancel."""
    values = rng.normal(0, 1e3, shape)
    n_pairs = shape[1] // 2
    values[:, 1 : 2 * n_pairs : 2] = -values[:, : 2 * n_pairs : 2] * (1 + 1e-7 * rng.normal(size=(shape[0], n_pairs)))
    return values


VECTORS = {
    "cancelling": cancelling,
    "denormal": lambda rng, shape: rng.normal(0, 1e-40, shape),
    "large": lambda rng, shape: rng.normal(0, 1e6, shape),
    "mixed": lambda rng, shape: rng.normal(0, 1, shape) * 10.0 ** rng.integers(-30, 7, shape),
    "tied": lambda rng, shape: rng.integers(-1, 2, shape),
}
WORST = {
    "factors": FACTORS,
    "80 % factors": ((("dot",), None, 0.8, 1.0, 0), *((parts, None, 0.05, 0.3, 1) for (parts, *_) in ANY[:4])),
}


@pytest.mark.parametrize("values", VECTORS)
@pytest.mark.parametrize("components", WORST)
def test_worst_cases_equal_dense(components: str, values: str) -> None:
    """All weight or most of it on factors of unusual size, as many jobs as the simulator ranks in a second."""
    plan = without_rules(with_vectors(Sketch(11, 3, 300, WORST[components], 0, n_companies=300), 1.0))
    rng, program = np.random.default_rng(3), plan.program
    users = VECTORS[values](rng, program.user_vector.shape).astype(program.user_vector.dtype)
    jobs = VECTORS[values](rng, program.job_vector.shape).astype(program.job_vector.dtype)
    has_vector = np.ones_like(program.dot_user_has)
    program = program._replace(user_vector=users, job_vector=jobs, dot_user_has=has_vector)
    plan = replace(plan, program=program)
    dense = NumbaBackend(plan.bundle, workers=1, strategy="dense").top_k(10)
    found, _ = rank(plan, 10, FaultyDevice())
    np.testing.assert_array_equal(found.row, dense.job_row)
    assert found.scores.tobytes() == dense.scores.tobytes()
    record_count("simulated card", "{} worst cases", 1)
