"""Own eligibility rules: lists, reasons and counts equal a second evaluation in plain Python, pair by pair."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from scoring.backends.numba.strategies import Selection, TopKBuffers, make_no_seeds
from scoring.backends.reference import ReferenceBackend
from scoring.dataset import Dataset, Tables
from scoring.model import Inputs, ScoringModel
from scoring.model_catalog import load_model
from scoring.plan import Candidates, Plan, user_rules
from tests.support.cached_oracle import CachedOracle
from tests.support.oracle import known
from tests.support.proof_counts import record_count
from tests.support.random_markets import RawMarket, random_market
from tests.support.random_rules import RandomRule, random_rules

CASES_PER_MARKET = 25
STRATEGIES = ("pruned", "dense", "sorted")
QUICK, LONG = range(8), range(8, 400)

Lists = list[list[int]]


class Case:
    """A market with an oracle, its inputs, and plans under two weightings."""

    def __init__(self, seed: int) -> None:
        market = random_market(seed, n_users=9, n_jobs=40, n_actions=150, factors=seed % 2 == 0, ties=seed % 3 == 0)
        if market.user_factors is None:
            market.user_factors = market.job_factors = {}
        self.market: RawMarket = market
        self.oracle = market.oracle(CachedOracle)
        self.inputs = Inputs.of(Dataset(Tables(**market.frames()), as_of=market.as_of))
        by_user = {row["user_id"]: row for row in market.users}
        self.users = [by_user[int(user)] for user in self.inputs.users.user_id]
        self.jobs = [self.oracle.jobs[int(job)] for job in self.inputs.jobs.job_id]
        self.plans = [Plan.build(model, self.inputs) for model in _models(random.Random(seed))]
        self.orders = [self._order(plan) for plan in self.plans]

    def _order(self, plan: Plan) -> Lists:
        """Return the rows of all jobs per user, best first, by the oracle's scores."""
        weights = plan.model.weights
        named = {
            name: (weights.groups[group], weight)
            for group, components in weights.components.items()
            for name, weight in components.items()
        }
        orders = []
        for user in self.users:
            totals = [self.oracle.standard(user, job, weights=named).total32 for job in self.jobs]
            orders.append(sorted(range(len(totals)), key=lambda j: (-totals[j], self.jobs[j]["job_id"])))
        return orders

    def expected(self, order: Lists, allowed: np.ndarray, per_company: int | None) -> Lists:
        """Return the full lists by a greedy walk."""
        lists = []
        for user, jobs in enumerate(order):
            taken: list[int] = []
            of_company: Counter[Any] = Counter()
            for job in jobs:
                company = self.jobs[job].get("company_id")
                is_full = per_company is not None and known(company) and of_company[company] >= per_company
                if allowed[user, job] and not is_full:
                    of_company[company] += 1
                    taken.append(job)
            lists.append(taken)
        return lists


def _models(rng: random.Random) -> list[ScoringModel]:
    """Return the standard model with its weights, and with extreme weights."""
    base = load_model("standard")
    names = [part.name for part in base.parts]
    extreme = dict.fromkeys(names, 1e-9) | {rng.choice(names): 1.0, rng.choice(names): rng.random()}
    return [base, base.with_weights(extreme)]


@cache
def case_of(seed: int) -> Case:
    return Case(seed)


def lists_of(plan: Plan, strategy: str, k: int) -> Lists:
    n = len(plan.user_id)
    found = TopKBuffers.empty(n, min(k, plan.bundle.n_eligible))
    if found.row.size:
        stop = np.zeros(1, dtype=np.int64)
        Selection(plan.bundle.search).run(strategy, np.arange(n), make_no_seeds(n), found, np.arange(n), stop)
    else:
        found.count[:] = 0
    return [row[:count].tolist() for row, count in zip(found.row, found.count, strict=True)]


def random_settings(rng: random.Random, rules: list[RandomRule]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return random rules as the model takes them, and as the oracle does."""
    settings = {
        "open": rng.random() < 0.5,
        "min_fee": rng.choice((None, 500.0)),
        "not_applied": rng.random() < 0.5,
        "company_cooldown_days": rng.choice((None, 14.0, 90.0)),
    }
    of_oracle = {
        "open_only": settings["open"],
        "min_fee": settings["min_fee"],
        "not_applied": settings["not_applied"],
        "cooldown_days": settings["company_cooldown_days"],
        "own_rules": [rule.holds for rule in rules],
    }
    return settings | {"max_per_company": rng.choice((None, None, 1, 3))}, of_oracle


@pytest.mark.parametrize("seed", [*QUICK, *(pytest.param(seed, marks=pytest.mark.long) for seed in LONG)])
def test_lists_equal_plain_evaluation(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random rules of all forms, alone and together, under random shipped rules, weights and candidates."""
    case, rng = case_of(seed), random.Random(f"rules-{seed}")
    n, m = len(case.users), len(case.jobs)
    for number in range(CASES_PER_MARKET):
        rules = random_rules(rng, rng.choice((1, 1, 2, 3, 5)))
        settings, of_oracle = random_settings(rng, rules)
        plan, order = rng.choice(list(zip(case.plans, case.orders, strict=True)))
        allowed = np.array([[case.oracle.eligible(u, j, **of_oracle) for j in case.jobs] for u in case.users])
        candidates = None
        if not settings["open"] and rng.random() < 0.3:
            chosen = np.random.default_rng(seed).random((n, m)) < 0.6
            candidates, allowed = Candidates.listed(*np.nonzero(chosen), n, m), allowed & chosen
        with monkeypatch.context() as patch:
            if number % 3 == 0:
                patch.setattr(user_rules, "MAX_CLASSES", 0)  # keep a table of classes per rule
            model = plan.model.with_eligibility(rules=[rule.text for rule in rules], **settings)
            plan = Plan.build(model, case.inputs, candidates, reuse=plan)
            where = [rule.text for rule in rules], settings
            np.testing.assert_array_equal(plan.exclusions.matrix(np.arange(n)), allowed, err_msg=str(where))
            expected = case.expected(order, allowed, settings["max_per_company"])
            k = rng.choice((1, 3, 10, m, 2 * m))
            wanted = [jobs[:k] for jobs in expected]
            for strategy in STRATEGIES:
                assert lists_of(plan, strategy, k) == wanted, (strategy, k, where)
            if number % 5 == 0:
                ranking = ReferenceBackend(plan.bundle).top_k(k)
                found = [row[:count].tolist() for row, count in zip(ranking.job_row, ranking.count, strict=True)]
                assert found == wanted, ("reference", k, where)
        assert_reasons_equal(plan, case, rules, allowed)
    record_count("own rules", "{} cases of random rules", CASES_PER_MARKET)


def assert_reasons_equal(plan: Plan, case: Case, rules: list[RandomRule], allowed: np.ndarray) -> None:
    """Compare the reasons of each pair with the conditions, and the counts with the first reasons."""
    n, m = allowed.shape
    users, jobs = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    reasons = plan.exclusions.find_reasons(users, jobs)
    for rule in rules:
        holds = [rule.holds(case.oracle, user, job) for user in case.users for job in case.jobs]
        np.testing.assert_array_equal(~reasons[rule.text], holds, err_msg=rule.text)
    left, counts = np.ones(n * m, dtype=bool), {}
    for reason, applies in reasons.items():
        counts[reason] = int((left & applies).sum())
        left &= ~applies
    np.testing.assert_array_equal(left.reshape(n, m), allowed)
    assert plan.exclusions.count_pairs(np.arange(n)) == counts
