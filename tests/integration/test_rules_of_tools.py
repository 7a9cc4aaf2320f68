"""Own eligibility rules in every tool that ranks or reports: each agrees with a second evaluation, pair by pair."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.evaluation import Evaluator, by_time, split_users
from scoring.facade import ScoringEngine
from scoring.model import dump_model, parse_model
from scoring.model_catalog import get_component_kinds, load_model
from scoring.ranking import Prepared
from scoring.runs import runner, shards
from scoring.runs.gate import Gate, GateFailedError
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.run_reader import find_open_jobs, read_run
from scoring.synthetic import make_market
from scoring.telemetry import fault_injection
from scoring.testing import check_engine
from scoring.testing.check_context import NO_RULES
from scoring.tuning.goals import MetricGoal
from scoring.tuning.job_audience import audience
from scoring.tuning.list_reach.reachability import reach
from scoring.tuning.problem import Problem
from scoring.tuning.space import Space
from scoring.tuning.tune import tune
from scoring.widgets.panel_computation import METRICS, Request, TuningSession

K = 10
PAID, NEAR, NEW = "paid enough", "near", "days_since(user, job, 'view') > 20"
MODEL = load_model("standard").with_eligibility(
    **NO_RULES
    | {
        "rules": [
            {"name": PAID, "where": "job.fee >= 800"},
            {"name": NEAR, "where": "job.prefecture_code == user.prefecture_code"},
            NEW,
        ]
    }
)


def evaluate_rules(data: Dataset) -> dict[str, np.ndarray]:
    """Return rule → (n_users, n_jobs) whether it holds, by rows in plain Python."""
    jobs, users = (
        frame.sort_values(frame.columns[0]).to_dict("records") for frame in (data.tables.jobs, data.tables.users)
    )
    clock = pd.Timestamp(data.as_of)
    age: dict[tuple[int, int], float] = {}
    for action in data.tables.actions.to_dict("records"):
        if action["action"] == "view" and action["occurred_at"] <= clock:
            pair = action["user_id"], action["job_id"]
            days = (clock - action["occurred_at"]) / pd.Timedelta(days=1)
            age[pair] = min(days, age.get(pair, np.inf))
    return {
        PAID: np.array([[not pd.isna(job["fee"]) and job["fee"] >= 800 for job in jobs] for _ in users]),
        NEAR: np.array([[job["prefecture_code"] == user["prefecture_code"] for job in jobs] for user in users]),
        NEW: np.array([[age.get((user["user_id"], job["job_id"]), np.inf) > 20 for job in jobs] for user in users]),
    }


class Market:
    """A market prepared with the rules, and the pairs that they allow."""

    def __init__(self, data: Dataset) -> None:
        self.data, self.ready = data, Prepared.of(data, MODEL, workers=1)
        self.rules = evaluate_rules(data)
        self.allowed = np.logical_and.reduce(list(self.rules.values()))
        self.user_id, self.job_id = self.ready.plan.user_id, self.ready.plan.job_id

    def check_lists(self, user_id: Any, job_id: Any, count: Any = None) -> None:
        """Require that each listed job is allowed, and that lists are full where enough jobs are."""
        rows = np.searchsorted(self.user_id, user_id)
        for place, row in enumerate(rows):
            listed = np.asarray(job_id[place])
            listed = listed[listed >= 0]
            assert self.allowed[row, np.searchsorted(self.job_id, listed)].all()
            assert len(listed) == min(np.asarray(job_id[place]).size, self.allowed[row].sum())


@pytest.fixture(scope="module")
def market() -> Market:
    found = Market(Dataset(make_market(80, 600, 6_000, seed=5).tables))
    assert 0 < found.allowed.mean() < 0.1
    assert not found.rules[NEW].all()
    return found


def test_lists_reasons_and_counts(market: Market) -> None:
    ranking = market.ready.top_k(K)
    market.check_lists(ranking.user_id, ranking.job_id)
    row = int(market.ready.active_users[0])
    counts = market.ready.explain_user(int(market.user_id[row])).excluded
    left = np.ones(len(market.job_id), dtype=bool)
    for name, holds in market.rules.items():
        assert counts[name] == (left & ~holds[row]).sum()
        left &= holds[row]
    for job in range(0, len(market.job_id), 40):
        explanation = market.ready.explain(int(market.user_id[row]), int(market.job_id[job]))
        assert explanation.not_ranked == tuple(name for name, holds in market.rules.items() if not holds[row, job])


def test_all_pairs_have_a_column_eligible(market: Market) -> None:
    with ScoringEngine(market.data, model=MODEL, keep_factors=False) as engine:
        tables = market.data.tables
        pairs = asyncio.run(engine.process_scoring_batch(tables.users, tables.jobs))
        lists = asyncio.run(engine.process_scoring_batch(tables.users, tables.jobs, top_k=K))
    users, jobs = (
        np.searchsorted(ids, pairs[name]) for ids, name in ((market.user_id, "user_id"), (market.job_id, "job_id"))
    )
    np.testing.assert_array_equal(pairs["eligible"], market.allowed[users, jobs])
    market.check_lists(*by_user(lists))


class Broken(BaseException):
    """Stop a run where a process would be killed."""


def test_run_resumes_and_gate_compares(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 20 * K)

    def run(ready: Prepared) -> runner.RunResult:
        publisher = ParquetPublisher(tmp_path / "runs", latest="latest", by_run_id=True)
        return runner.run(ready, k=K, chunk_size=20, publishers=[publisher], gate=Gate(), resume=True)

    with fault_injection.arm("shard noted", 3, Broken()), pytest.raises(Broken):
        run(market.ready)
    other = market.ready.with_model(MODEL.with_eligibility(rules=[*MODEL.eligibility.rules, "job.fee < 1e9"]))
    with fault_injection.arm("shard noted", 2, Broken()), pytest.raises(Broken):
        run(other)
    assert run(market.ready).users_resumed == 60
    assert run(other).users_resumed == 40
    frame = read_run(tmp_path / "runs" / "latest")
    market.check_lists(*by_user(frame))
    is_open = find_open_jobs([tmp_path / "runs" / "latest"], market.ready.inputs)
    np.testing.assert_array_equal(is_open, market.rules[PAID][0])
    with pytest.raises(GateFailedError):
        run(market.ready.with_model(MODEL.with_eligibility(rules="job.fee < 0")))


def by_user(frame: pd.DataFrame) -> tuple[list[int], list[np.ndarray]]:
    """Return the ids of the users of a frame, and the job ids of each, padded with -1."""
    lists = {user: rows["job_id"].to_numpy() for user, rows in frame.groupby("user_id")}
    return list(lists), [np.pad(jobs, (0, K - len(jobs)), constant_values=-1) for jobs in lists.values()]


def test_reach_and_audience_name_the_rules(market: Market) -> None:
    active = market.ready.active_users
    job = int(np.argmax(market.allowed[active].sum(axis=0)))
    found = audience(market.ready, int(market.job_id[job]), K)
    holds = np.array([rule[active, job] for rule in market.rules.values()])
    np.testing.assert_array_equal(found.eligible, holds.all(axis=0))
    assert found.rules == {name: int(n) for name, n in zip(market.rules, (~holds).sum(axis=1), strict=True) if n}
    row = int(active[np.argmax(~holds.all(axis=0))])
    blocked = reach(market.ready, int(market.user_id[row]), int(market.job_id[job]), k=K)
    assert not blocked.is_possible
    assert blocked.reasons == tuple(name for name, rule in market.rules.items() if not rule[row, job])
    row = int(active[np.argmax(market.allowed[active].sum(axis=1))])
    last = int(market.job_id[np.flatnonzero(market.allowed[row])[-1]])
    near = reach(market.ready, int(market.user_id[row]), last, k=2)
    assert near.reasons == ()
    assert near.is_possible is not None
    if near.is_possible:
        assert last in market.ready.with_model(near.model).top_k(2, [int(market.user_id[row])]).job_id
    assert set(near.competitors) <= set(market.job_id[market.allowed[row]])


@pytest.fixture(scope="module")
def split(market: Market) -> tuple[Market, Evaluator, Evaluator]:
    """Return the market at a cut, and evaluators of a part of its users each."""
    holdout = by_time(market.data, days=14)
    users = split_users(holdout.user_id)
    train, validation = (
        Evaluator(holdout, users=some, k=K, metrics=METRICS) for some in (users.train, users.validation)
    )
    return Market(holdout.data), train, validation


def test_holdout_reads_no_later_action(market: Market, split: tuple[Market, Evaluator, Evaluator]) -> None:
    before, train, _ = split
    assert (before.rules[NEW] != market.rules[NEW]).any()
    ready = train.prepare(MODEL)
    expected = before.allowed[np.searchsorted(before.user_id, train.user_id)]
    np.testing.assert_array_equal(ready.plan.exclusions.matrix(ready.user_rows(train.user_id)), expected)
    relevance = train.holdout.relevance
    pairs = np.searchsorted(before.user_id, relevance.user_id), np.searchsorted(before.job_id, relevance.job_id)
    left, unreachable = np.ones(len(relevance), dtype=bool), train.count_unreachable(MODEL)
    for name, holds in before.rules.items():
        assert unreachable.get(name, 0) == (left & ~holds[pairs]).sum()
        left &= holds[pairs]


def test_tuning_keeps_the_rules(split: tuple[Market, Evaluator, Evaluator]) -> None:
    before, train, validation = split
    model = MODEL.with_eligibility(rules=[MODEL.eligibility.rules[0], MODEL.eligibility.rules[2]])
    loose = Market.__new__(Market)
    loose.__dict__ |= before.__dict__ | {"allowed": before.rules[PAID] & before.rules[NEW]}
    found = tune(Problem(Space(model), train, (MetricGoal(METRICS[0]),)), validation, 3)
    for tuned in found.models.values():
        assert tuned.eligibility == model.eligibility
        assert parse_model(dump_model(tuned), get_component_kinds()).eligibility == model.eligibility
        ranking = validation.evaluate(tuned).ranking
        for user, jobs in zip(ranking.user_id, ranking.job_id, strict=True):
            listed = np.searchsorted(before.job_id, jobs[jobs >= 0])
            assert loose.allowed[np.searchsorted(before.user_id, user), listed].all()


def test_panel_lists_only_allowed_jobs(split: tuple[Market, Evaluator, Evaluator]) -> None:
    before, train, validation = split
    session = TuningSession(train, MODEL, confirmation=validation)
    user = int(session.user_id[0])
    state = session.compute(Request(MODEL.with_weights({"fee": 0.5, "location": 0.5}), user))
    listed = [entry.job_id for entry in state.users.jobs]
    assert listed
    assert before.allowed[np.searchsorted(before.user_id, user), np.searchsorted(before.job_id, listed)].all()


def test_engine_checks_know_the_rules() -> None:
    report = check_engine(MODEL.with_eligibility(rules=[*MODEL.eligibility.rules, NEW.replace("> 20", "<= 90")]))
    assert report.passed
