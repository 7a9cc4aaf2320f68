"""Lists in an order that rules change equal the reference's walk, by every strategy and from a saved bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.backends import reference
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.numba.strategies import Strategy
from scoring.bundle.bundle import Bundle
from scoring.bundle.list_order import ListOrder
from scoring.bundle.ranked_lists import Ranking
from scoring.model.list_rules import ListRules
from scoring.plan import Plan
from scoring.plan.list_rule_evaluation import RulesOnData
from tests.support.random_programs import PAIR_LINKS, Sketch, cases, plan_of, sketches

STRATEGIES: tuple[Strategy, ...] = ("auto", "pruned", "dense", "scan")
POINTS = (0.0, 0.0, 0.0, 5.0, -5.0, 0.1, 1e-9, 250.0)


def random_order(sketch: Sketch) -> ListOrder:
    """Return an order with 0 to 2 limits, as rules over the job alone give it."""
    rng, m = sketch.rng("list rules"), sketch.n_jobs
    n_limits = int(rng.integers(3))
    points = rng.choice(rng.choice(POINTS, int(rng.integers(1, 4))), m)
    return ListOrder(
        points=points,
        pinned=rng.random(m) < rng.choice([0.0, 0.1, 0.5]),
        value=rng.integers(-1, 4, (n_limits, m)).astype(np.int32),
        most=rng.integers(1, 4, n_limits),
    )


def with_order(plan: Plan, order: ListOrder) -> Plan:
    return replace(plan, list_rules=RulesOnData(ListRules(()), (), order))


def walk_in_python(plan: Plan, order: ListOrder, k: int) -> list[list[int]]:
    """Return the job rows of each list, pair by pair and without NumPy's sort."""
    n, m = len(plan.user_id), len(plan.job_id)
    totals = reference.compute_scores(plan.program, np.arange(n), np.arange(m))[0]
    eligible, company = plan.exclusions.matrix(np.arange(n)), plan.exclusions.company
    per_company, lists = plan.exclusions.rules.max_per_company, []
    for user in range(n):

        def place(job: int, user: int = user) -> tuple[bool, float, float, int]:
            total = float(totals[user, job])
            return not order.pinned[job], -(total + float(order.points[job])), -total, int(plan.job_id[job])

        chosen: list[int] = []
        for job in sorted((job for job in range(m) if eligible[user, job]), key=place):
            same = [sum(value[other] == value[job] for other in chosen) for value in order.value]
            limited = any(
                value[job] >= 0 and count >= most
                for value, count, most in zip(order.value, same, order.most, strict=True)
            )
            n_of_company = sum(company[other] == company[job] for other in chosen)
            if per_company and company[job] >= 0 and n_of_company >= per_company:
                continue
            if (order.pinned[job] or not limited) and len(chosen) < k:
                chosen.append(job)
        lists.append(chosen)
    return lists


def require_equal(found: Ranking, expected: Ranking) -> None:
    for name in ("job_id", "job_row", "scores", "count"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name


def check_case(sketch: Sketch, k: int, strategy: int) -> None:
    order = random_order(sketch)
    plan = with_order(plan_of(sketch), order)
    expected = reference.ReferenceBackend(plan.bundle).top_k(k)
    lists = [row[:count].tolist() for row, count in zip(expected.job_row, expected.count, strict=True)]
    assert lists == walk_in_python(plan, order, k)
    require_equal(NumbaBackend(plan.bundle, workers=1, strategy=STRATEGIES[strategy]).top_k(k), expected)


CASES = (sketches(users=(1, 4)), st.integers(1, 12), st.integers(0, len(STRATEGIES) - 1))


@cases(60)
@given(*CASES)
def test_lists_equal_the_reference(sketch: Sketch, k: int, strategy: int) -> None:
    check_case(sketch, k, strategy)


@pytest.mark.long
@cases(10_000)
@given(*CASES)
def test_many_lists_equal_the_reference(sketch: Sketch, k: int, strategy: int) -> None:
    check_case(sketch, k, strategy)


def test_lists_with_functions_of_pairs_equal_the_reference() -> None:
    for seed in range(6):
        components = ((("job", "dot"), None, 0.5, 0.5, 0), ((), PAIR_LINKS[0], 0.5, 0.5, 1))
        sketch = Sketch(seed, 3, 40, components, 0, per_company=seed % 3)
        plan = with_order(plan_of(sketch), random_order(sketch))
        found = NumbaBackend(plan.bundle, workers=1).top_k(6)
        require_equal(found, reference.ReferenceBackend(plan.bundle).top_k(6))


SKETCH = Sketch(7, 5, 40, ((("job", "dense"), None, 1.0, 1.0, 0),), 0, per_company=2)


def test_a_saved_bundle_gives_the_same_lists(tmp_path: Path) -> None:
    plan = with_order(plan_of(SKETCH), random_order(SKETCH)._replace(points=np.arange(40) % 3 * 2.0))
    digest = plan.bundle.save(tmp_path / "run.bundle")
    opened = Bundle.open(tmp_path / "run.bundle")
    assert opened.digest == digest == plan.bundle.digest
    assert len(opened.parts) == len(plan.bundle.parts) > 1
    require_equal(NumbaBackend(opened, workers=1).top_k(8), NumbaBackend(plan.bundle, workers=1).top_k(8))


def test_the_order_does_not_change_scores() -> None:
    plan = plan_of(SKETCH)
    ordered = with_order(plan, random_order(SKETCH)._replace(points=np.arange(40) % 3 * 2.0))
    scores = NumbaBackend(plan.bundle, workers=1).all_pairs()
    found = NumbaBackend(ordered.bundle, workers=1).top_k(8)
    for user in range(5):
        rows = found.job_row[user, : found.count[user]]
        assert found.scores[user, : len(rows)].tobytes() == np.ascontiguousarray(scores[:, user, rows].T).tobytes()
