"""Compare the engine with the oracle: two independent implementations of the page of formulas."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from scoring.backends import reference
from scoring.dataset import Dataset, Tables
from scoring.model import GROUPS, Inputs, Pair, ScoringModel, WeightProfile
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.ranking import Scorer, explain
from scoring.statistics import Statistics
from tests.support.cached_oracle import CachedOracle
from tests.support.oracle import Oracle, Score
from tests.support.proof_counts import record_count
from tests.support.random_markets import CLOCK, RawMarket, random_market

MODELS = ("standard", "classic")
QUICK, LONG = (0, 1, 2, 3, 7), (4, 5, 6, 8, 9, *range(100, 250))
"""Seeds. The quick ones cover each kind of `market_of`: both sizes, with and without factors and ties."""

Row = dict[str, Any]


def seeds(quick: Iterable[int] = QUICK, full: Iterable[int] = LONG) -> pytest.MarkDecorator:
    """Parametrize with a few markets in each run, and with many in the long run."""
    return pytest.mark.parametrize("seed", [*quick, *(pytest.param(seed, marks=pytest.mark.long) for seed in full)])


@dataclass
class Case:
    """A market, its oracle, and the engine's inputs and plan for some rows of users and jobs."""

    market: RawMarket
    oracle: Oracle
    inputs: Inputs
    users: dict[int, Row]
    jobs: dict[int, Row]

    @classmethod
    def of(cls, market: RawMarket) -> Case:
        statistics = Statistics(dataset_of(market))
        return cls(market, market.oracle(CachedOracle), Inputs.of(statistics), by_id(market.users), by_id(market.jobs))

    def plan(self, model: ScoringModel) -> Plan:
        return Plan.build(model, self.inputs)

    def expected(self, plan: Plan, score: Callable[[Row, Row], Score]) -> list[list[Score]]:
        """Return the oracle's scores, in the rows of the plan."""
        return [[score(self.users[int(u)], self.jobs[int(j)]) for j in plan.job_id] for u in plan.user_id]


def by_id(rows: list[Row]) -> dict[int, Row]:
    return {row.get("user_id", row.get("job_id")): row for row in rows}


@cache
def case_of(seed: int) -> Case:
    """Return the case of `market_of`. Tests share it and do not change it."""
    return Case.of(market_of(seed))


def dataset_of(market: RawMarket) -> Dataset:
    if market.user_factors is None:
        market.user_factors = market.job_factors = {}  # no factors, as in the oracle: nothing is trained
    return Dataset(Tables(**market.frames()), as_of=market.as_of)


def market_of(seed: int) -> RawMarket:
    """Return a market. Every third one is large enough for both area sizes; `ties`, `factors` and the clock vary."""
    large = seed % 3 == 0
    return random_market(
        seed,
        n_users=6 if large else 12,
        n_jobs=250 if large else 60,
        n_actions=250 if large else 150,
        factors=seed % 4 < 2,
        ties=seed % 7 == 0,
    )


def oracle_score(oracle: Oracle, model: str) -> Callable[..., Score]:
    return {"standard": oracle.standard, "classic": oracle.classic}[model]


def random_weights(rng: random.Random, model: ScoringModel) -> WeightProfile:
    """Return random weights: some are 0, whole groups too; from very small to nearly all."""
    groups = {group: rng.choice((0.0, rng.random(), rng.random(), 1e-9)) for group in GROUPS}
    groups[rng.choice(GROUPS)] = rng.random() + 0.1
    components = {
        group: {part.name: rng.choice((0.0, rng.random(), rng.random(), 1e-12)) for part in model.components_of(group)}
        for group in GROUPS
    }
    for weights in components.values():
        weights[rng.choice(sorted(weights))] = rng.random() + 0.1
    return WeightProfile.normalised(groups, components)


def oracle_weights(profile: WeightProfile) -> dict[str, tuple[float, float]]:
    """Return the weights as the oracle takes them: name → (weight of the group, weight within the group)."""
    return {
        name: (profile.groups[group], weight)
        for group, weights in profile.components.items()
        for name, weight in weights.items()
    }


def assert_scores_equal(plan: Plan, expected: list[list[Score]]) -> None:
    """Compare components to 1e-9, and totals and groups (each by its own formula) exactly as float32."""
    users, jobs = np.arange(len(plan.user_id)), np.arange(len(plan.job_id))
    values = reference.compute_component_values(plan.program, users, jobs)
    for place, part in enumerate(plan.model.parts):
        wanted = np.array([[score.components[part.name] for score in row] for row in expected])
        np.testing.assert_allclose(values[place], wanted, rtol=0, atol=1e-9, err_msg=part.name)
    scores = Scorer(plan, workers=1).all_pairs()
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], np.float32([[score.total32 for score in row] for row in expected]))
    for place, group in enumerate(GROUPS, start=1):
        wanted = np.float32([[score.groups[group] for score in row] for row in expected])
        np.testing.assert_array_equal(scores[place], wanted, err_msg=group)
    key = "classic scores" if plan.model.name == "classic" else "oracle scores"
    record_count(key, "{} pairs under {} random models, weights and data", scores[0].size, 1)


def lists_of(plan: Plan, k: int) -> list[list[tuple[int, float]]]:
    ranking = Scorer(plan, workers=1).top_k(k)
    return [
        list(zip(ids[:count].tolist(), scores[:count, 0].tolist(), strict=True))
        for ids, scores, count in zip(ranking.job_id, ranking.scores, ranking.count, strict=True)
    ]


# --- Scores -------------------------------------------------------------------------------------------------


@seeds()
@pytest.mark.parametrize("model", MODELS)
def test_scores_equal_the_oracle(model: str, seed: int) -> None:
    case = case_of(seed)
    plan = case.plan(load_model(model))
    assert_scores_equal(plan, case.expected(plan, oracle_score(case.oracle, model)))


@seeds()
@pytest.mark.parametrize("model", MODELS)
def test_scores_under_random_weights(model: str, seed: int) -> None:
    case = case_of(seed)
    built = case.plan(load_model(model))
    weights = random_weights(random.Random(seed), built.model)
    # as for the sliders: nothing is encoded again
    plan = built.with_weights(built.model.with_weights(weights))
    score = oracle_score(case.oracle, model)
    assert_scores_equal(plan, case.expected(plan, lambda u, j: score(u, j, weights=oracle_weights(weights))))


@seeds()
def test_scores_under_random_parameters(seed: int) -> None:
    rng = random.Random(seed)
    low, days, half_life = rng.uniform(0, 2000), rng.choice((14, 30, 90, 360)), rng.choice((1, 14.5, 60))
    curve = ((0.0, 10.0), (0.5, rng.uniform(10, 50)), (1.1, 90.0), (1.3, 40.0))
    case = case_of(seed)
    plan = case.plan(
        load_model("standard")
        .with_parameters("fee", low=low, high=low + 1500)
        .with_parameters("wage", curve=curve)
        .with_parameters("popularity", days=days)
        .with_parameters("freshness", half_life_days=half_life)
        .with_parameters("history", days=days)
        .with_parameters("clicks", days=days)
    )
    params = {
        "fee": {"points": ((low, 0.0), (low + 1500, 100.0))},
        "wage": {"points": curve},
        "popularity": {"days": days},
        "freshness": {"half_life": half_life},
        "history": {"days": days},
        "clicks": {"days": days},
    }
    assert_scores_equal(plan, case.expected(plan, lambda u, j: case.oracle.standard(u, j, params=params)))


@pytest.mark.parametrize("model", MODELS)
def test_scores_without_actions(model: str) -> None:
    """Without actions, the clock is the newest posting time."""
    market = random_market(2, n_actions=0)
    case = Case.of(market)
    assert (
        case.inputs.dataset.as_of
        == case.oracle.as_of
        == max(job["posted_at"] for job in market.jobs if job["posted_at"])
    )
    plan = case.plan(load_model(model))
    assert_scores_equal(plan, case.expected(plan, oracle_score(case.oracle, model)))


@pytest.mark.parametrize("days", [0, 1, 14, 40, 4000])
def test_scores_with_the_clock_set_back(days: int) -> None:
    """The clock is set back to a time with or without earlier actions; is_active then has no effect."""
    market = market_of(2)
    market.as_of = CLOCK - timedelta(days=days)
    case = Case.of(market)
    plan = case.plan(load_model("standard"))
    assert_scores_equal(plan, case.expected(plan, case.oracle.standard))
    assert_eligibility_equal(case, plan)


# --- Eligibility and rankings -------------------------------------------------------------------------------


def assert_eligibility_equal(case: Case, plan: Plan, **rules: Any) -> None:
    found = plan.exclusions.matrix(np.arange(len(plan.user_id)))
    wanted = [
        [case.oracle.eligible(case.users[int(u)], case.jobs[int(j)], **rules) for j in plan.job_id]
        for u in plan.user_id
    ]
    np.testing.assert_array_equal(found, np.array(wanted).reshape(found.shape))


@seeds()
@pytest.mark.parametrize("model", MODELS)
def test_rankings_equal_the_oracle(model: str, seed: int) -> None:
    case = case_of(seed)
    for per_company in (None, 1, 2):
        plan = case.plan(load_model(model).with_eligibility(max_per_company=per_company))
        wanted = [
            case.oracle.ranking(model, case.users[int(u)], k=10**9, max_per_company=per_company) for u in plan.user_id
        ]
        for k in (1, 2, 7, 40, len(case.jobs), 2000):
            assert lists_of(plan, k) == [ranking[:k] for ranking in wanted], (per_company, k)
            record_count("oracle lists", "{} lists", len(wanted))


@seeds()
@pytest.mark.parametrize("model", MODELS)
def test_rankings_under_random_rules_and_weights(model: str, seed: int) -> None:
    rng = random.Random(seed)
    case = case_of(seed)
    rules = {
        "employment_types": rng.choice((None, (1,), (2, 3), (), (77,))),
        "min_fee": rng.choice((None, 0.0, -100.0, 500.0, 2750.5)),
        "not_applied": rng.random() < 0.5,
    }
    is_open, cooldown = rng.random() < 0.5, rng.choice((None, 1, 14, 90, 400.5))
    per_company = rng.choice((None, 1, 2, 3))
    base = load_model(model)
    weights = random_weights(rng, base)
    plan = case.plan(
        base.with_weights(weights).with_eligibility(
            **rules, open=is_open, company_cooldown_days=cooldown, max_per_company=per_company
        )
    )
    named = {**rules, "open_only": is_open, "cooldown_days": cooldown}
    assert_eligibility_equal(case, plan, **named)
    wanted = [
        case.oracle.ranking(
            model,
            case.users[int(u)],
            k=10**9,
            max_per_company=per_company,
            weights=oracle_weights(weights),
            **named,
        )
        for u in plan.user_id
    ]
    for k in (3, 2000):
        assert lists_of(plan, k) == [ranking[:k] for ranking in wanted]
        record_count("oracle lists", "{} lists", len(wanted))


# --- Rows of a request --------------------------------------------------------------------------------------


def request_of(seed: int, market: RawMarket) -> tuple[list[Row], list[Row]]:
    """Return unsorted users and jobs: some from the market, some changed, some new, and with new codes."""
    rng = random.Random(f"request-{seed}")
    other = random_market(seed + 5000, n_users=8, n_jobs=30)
    made: list[list[Row]] = []
    for own, foreign, key in ((market.users, other.users, "user_id"), (market.jobs, other.jobs, "job_id")):
        rows = [dict(row) for row in rng.sample(own, len(own) // 2)]
        taken = {row[key] for row in rows}
        rest = [row[key] for row in own if row[key] not in taken]
        for row in foreign:
            new = rng.random() < 0.4 or not rest
            rows.append(row | {key: 10**10 + row[key] if new else rest.pop()})
            if rng.random() < 0.3:
                rows[-1] |= {"prefecture_code": "Q9", "city_code": "Q1"}
            if rng.random() < 0.3:
                rows[-1] |= {"occupation_code": 123456} if key == "job_id" else {"preferred_occupations": [123456, 101]}
            if rng.random() < 0.3 and key == "job_id":
                rows[-1] |= {"company_id": "new company"}
        made.append(rng.sample(rows, len(rows)))
    return made[0], made[1]


@seeds()
@pytest.mark.parametrize("model", MODELS)
def test_request_rows_use_dataset_statistics(model: str, seed: int) -> None:
    case = replace(case_of(seed))
    users, jobs = request_of(seed, case.market)
    frames = RawMarket(jobs, users, [], [], [], []).frames()
    case.inputs = Inputs.of(case.inputs.dataset, basis=case.inputs.basis, jobs=frames["jobs"], users=frames["users"])
    case.users, case.jobs = by_id(users), by_id(jobs)
    plan = case.plan(load_model(model).with_eligibility(max_per_company=2))
    assert plan.user_id.tolist() == list(case.users)
    assert plan.job_id.tolist() == list(case.jobs)
    score = oracle_score(case.oracle, model)
    expected = case.expected(plan, score)
    assert_scores_equal(plan, expected)

    rules = {} if model == "standard" else {"min_fee": None, "not_applied": False, "cooldown_days": None}
    assert_eligibility_equal(case, plan, **rules)
    for k in (1, 5, 2000):
        for user, scores, found in zip(users, expected, lists_of(plan, k), strict=True):
            eligible = [case.oracle.eligible(user, job, **rules) for job in jobs]
            assert found == greedy(jobs, [score.total32 for score in scores], eligible, k, per_company=2)


def greedy(
    jobs: list[Row], totals: list[float], eligible: list[bool], k: int, per_company: int
) -> list[tuple[int, float]]:
    """Return the list by walking down the full ranking."""
    ranked = [
        (-total, job["job_id"], job["company_id"])
        for job, total, may in zip(jobs, totals, eligible, strict=True)
        if may
    ]
    ranked.sort(key=lambda row: row[:2])
    taken: list[tuple[int, float]] = []
    held: dict[str, int] = {}
    for total, job_id, company in ranked:
        if len(taken) == k:
            break
        if company is not None:
            if held.get(company, 0) == per_company:
                continue
            held[company] = held.get(company, 0) + 1
        taken.append((job_id, -total))
    return taken


# --- Explanations -------------------------------------------------------------------------------------------


@seeds(range(4), range(100, 140))
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pairs", [20, pytest.param(60, marks=pytest.mark.long)])
def test_explanations_equal_computed_scores(model: str, seed: int, pairs: int) -> None:
    case = case_of(seed)
    plan = case.plan(load_model(model))
    rules = {} if model == "standard" else {"min_fee": None, "not_applied": False, "cooldown_days": None}
    score = oracle_score(case.oracle, model)
    rng = random.Random(seed)
    for _ in range(pairs):
        u, j = rng.randrange(len(plan.user_id)), rng.randrange(len(plan.job_id))
        user, job = case.users[int(plan.user_id[u])], case.jobs[int(plan.job_id[j])]
        wanted = score(user, job)
        said = explain(plan, case.inputs, u, j)
        assert (said.user_id, said.job_id) == (user["user_id"], job["job_id"])
        assert said.total == wanted.total32
        assert said.groups == {group: float(np.float32(value)) for group, value in wanted.groups.items()}
        assert said.eligible == case.oracle.eligible(user, job, **rules)
        assert np.float32(sum(part.points for part in said.parts)) == np.float32(said.total)
        for part, shown in zip(plan.model.parts, said.parts, strict=True):
            plain = part.component.explain(Pair(case.inputs, u, j))
            assert plain.value == pytest.approx(shown.value, abs=1e-9), part.name
            assert plain.value == pytest.approx(wanted.components[part.name], abs=1e-9), part.name
