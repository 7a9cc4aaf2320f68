"""The trial of the strategies: what it measures, what it chooses, and the reasons it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scoring.backends.numba import strategies, vector_clusters
from scoring.backends.numba.strategies import LONG, LONG_LISTS, SAMPLED_USERS, STEP, WARMUP_USERS, Selection
from scoring.bundle.program import Program
from scoring.plan import Plan
from scoring.plan.weight_precomputation import fold
from scoring.ranking import Scorer
from tests.backends.numba.test_clustered_topk import EVERY_OTHER_TERM, with_clusters
from tests.backends.numba.test_dense_topk import FACTORS, TWO_FACTORS
from tests.support.random_programs import Sketch, plan_of, program_of

N_USERS, N_JOBS = 512, 1000


def make_plan(components: tuple = FACTORS, spread: float = 0.02, change: Callable[[Program], Program] | None = None):
    sketch = Sketch(3, N_USERS, N_JOBS, components, 0, n_companies=40)
    program = program_of(sketch) if components is TWO_FACTORS else with_clusters(sketch, spread)
    plan = plan_of(sketch, program if change is None else change(program))
    plan.exclusions.by_rule["closed"] = np.zeros(N_JOBS, dtype=bool)
    return plan


def choose(plan: Plan, monkeypatch: pytest.MonkeyPatch, **share: float) -> Any:
    """Return the choice for all users, with the trial's seconds replaced: each strategy takes the given number."""
    monkeypatch.setattr(Selection, "_measure_share", lambda self, users, k: 1.0)
    monkeypatch.setattr(Selection, "_measure_pruned", lambda self, users, k, dense: (share["pruned"], 1.0))
    monkeypatch.setattr(Selection, "_measure", lambda self, strategy, users, k: share[strategy])
    return Selection(plan.search).choose("auto", np.arange(plan.program.n_users), 10)


@pytest.mark.parametrize("fastest", ["pruned", "dense", "clustered"])
def test_fastest_strategy_of_trial_is_chosen(monkeypatch: pytest.MonkeyPatch, fastest: str) -> None:
    seconds = dict.fromkeys(("pruned", "dense", "clustered"), 0.002) | {fastest: 0.001}
    choice = choose(make_plan(), monkeypatch, **seconds)
    assert choice.strategy == fastest
    assert "pruning scored" in choice.reason
    assert "dense took" in choice.reason
    assert ("clusters of vectors took" in choice.reason) == (fastest != "pruned")


def test_dense_is_not_tried_for_few_users_with_short_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def measure(self: Selection, strategy: str, users: Any, k: int) -> float:
        tried.append(strategy)
        return 0.001

    selection = Selection(make_plan().search)
    monkeypatch.setattr(Selection, "_measure_share", lambda self, users, k: 0.05)
    monkeypatch.setattr(Selection, "_measure_pruned", lambda self, users, k, dense: (0.002, 0.05))
    monkeypatch.setattr(Selection, "_measure", measure)
    users = np.arange(N_USERS)
    assert selection.choose("auto", users, 10).strategy == "pruned"
    assert tried == []
    with monkeypatch.context() as patch:  # the first users were easier than the sample
        patch.setattr(Selection, "_measure_pruned", lambda self, users, k, dense: (0.002, 0.19))
        assert selection.choose("auto", users, 10).strategy != "pruned"
    assert tried[0] == "dense"
    tried.clear()
    monkeypatch.setattr(strategies, "FEWEST_FOR_DENSE", N_USERS)
    assert selection.choose("auto", users, 10).strategy != "pruned"
    assert tried[0] == "dense"


def test_trial_of_clusters_measures_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: dict[str, np.ndarray] = {}

    def measure(self: Selection, strategy: str, users: Any, k: int) -> float:
        measured[strategy] = users
        return 0.001

    selection, users = Selection(make_plan().search), np.arange(N_USERS)
    monkeypatch.setattr(Selection, "_measure_share", lambda self, users, k: 1.0)
    monkeypatch.setattr(Selection, "_measure_pruned", lambda self, users, k, dense: (0.002, 1.0))
    monkeypatch.setattr(Selection, "_measure", measure)
    selection.choose("auto", users, 10)
    place = np.argsort(selection.order_users("clustered", users))[measured["clustered"]]
    assert len(place) == SAMPLED_USERS
    runs = place.reshape(-1, WARMUP_USERS)
    assert (np.diff(runs, axis=1) == 1).all()
    assert (runs[0, 0], runs[-1, -1]) == (0, N_USERS - 1)


@pytest.mark.parametrize("components", [FACTORS, EVERY_OTHER_TERM], ids=["factors", "more"])
def test_clustered_lists_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch, components: tuple) -> None:
    plan = make_plan(components)
    dense = Scorer(plan, workers=1, path="dense").top_k(9)
    monkeypatch.setattr(Selection, "_measure", lambda self, strategy, users, k: float(strategy != "clustered"))
    monkeypatch.setattr(Selection, "_measure_share", lambda self, users, k: 1.0)
    monkeypatch.setattr(Selection, "_measure_pruned", lambda self, users, k, dense: (1.0, 1.0))
    for workers in (1, 3):
        clustered = Scorer(plan, workers=workers).top_k(9)
        assert clustered.choice is not None
        assert clustered.choice.strategy == "clustered"
        np.testing.assert_array_equal(clustered.job_id, dense.job_id)
        np.testing.assert_array_equal(clustered.scores.view(np.uint32), dense.scores.view(np.uint32))
        np.testing.assert_array_equal(clustered.count, dense.count)


def zero_weight(program: Program) -> Program:
    weights = np.array([0.0, *[0.25] * (program.n_components - 1)])
    return fold(program, weights, weights)


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (lambda: make_plan(spread=5.0), "the vectors form no clusters"),
        (lambda: make_plan(TWO_FACTORS), "clusters of vectors need a model with one product"),
        (lambda: make_plan(), "clusters of vectors took"),
    ],
    ids=["no clusters", "two products", "clusters"],
)
def test_reason_names_objection_to_clusters(monkeypatch: pytest.MonkeyPatch, plan: Any, reason: str) -> None:
    choice = choose(plan(), monkeypatch, pruned=2.0, dense=1.0, clustered=3.0)
    assert choice.strategy == "dense"
    assert reason in choice.reason


def test_clusters_need_enough_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_clusters, "USERS_PER_CLUSTER", 9)
    choice = choose(make_plan(), monkeypatch, pruned=2.0, dense=1.0, clustered=0.5)
    assert choice.strategy == "dense"
    assert "clusters of vectors need 576 users" in choice.reason


def test_product_without_weight_needs_no_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = choose(make_plan(EVERY_OTHER_TERM, change=zero_weight), monkeypatch, pruned=2.0, dense=1.0, clustered=0.5)
    assert choice.strategy == "dense"
    assert "vectors" not in choice.reason


@pytest.mark.parametrize(("dense", "measured"), [(0.0, STEP), (np.inf, SAMPLED_USERS - WARMUP_USERS)])
def test_trial_of_slow_pruning_stops_early(monkeypatch: pytest.MonkeyPatch, dense: float, measured: int) -> None:
    ranked: list[int] = []
    selection = Selection(make_plan().search)
    monkeypatch.setattr(
        selection, "run", lambda strategy, users, seeds, found, places, stop: ranked.append(len(places)) or 7
    )
    times = iter(np.arange(100.0))
    monkeypatch.setattr(strategies.time, "thread_time", lambda: next(times))
    seconds, share = selection._measure_pruned(np.arange(SAMPLED_USERS), 5, dense)
    assert ranked[-1] == measured
    assert sum(ranked) == (STEP if dense == 0 else SAMPLED_USERS)
    assert seconds == 1 / measured
    assert share == 7 / (measured * N_JOBS)


@pytest.mark.parametrize("fastest", ["pruned", "sorted"])
def test_fastest_strategy_of_long_lists_is_chosen(monkeypatch: pytest.MonkeyPatch, fastest: str) -> None:
    seconds = dict.fromkeys(("pruned", "sorted"), 0.002) | {fastest: 0.001}
    measured: list[int] = []

    def measure(self: Selection, strategy: str, users: Any, k: int, places: Any) -> tuple[float, int]:
        measured.extend(users[places])
        return seconds[strategy], 0

    monkeypatch.setattr(Selection, "_measure_run", measure)
    monkeypatch.setattr(strategies, "_estimate_insertion", lambda k, n_jobs: 1.0)
    choice = Selection(make_plan().search).choose("auto", np.arange(N_USERS), 700)
    assert choice.strategy == fastest
    assert "sorted took" in choice.reason
    assert len(measured) == 4 * LONG_LISTS


@pytest.mark.parametrize(
    ("k", "n_jobs", "n_users", "strategy"),
    [
        (LONG, 1, 1, "pruned"),
        (513, 60_000, 1, "pruned"),
        (900, 60_000, 1, "sorted"),
        (513, 5_000, 1, "sorted"),
        (2_000, 60_000, 1_000, "sorted"),
        (4_000, 1_000_000, 1, "pruned"),
    ],
)
def test_estimate_decides_for_a_few_users(k: int, n_jobs: int, n_users: int, strategy: str) -> None:
    selection = Selection(make_plan().search)
    selection.n_jobs = n_jobs
    assert selection.choose("auto", np.zeros(n_users, dtype=np.int64), k).strategy == strategy
