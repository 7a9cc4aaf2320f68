"""Every public function that takes a number, ids, a frame, a model or weights rejects other values by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import scoring
from scoring import Plan, Prepared, Scorer, ScoringEngine, Statistics, load_model, make_market
from scoring import evaluation as ev
from scoring import profiling as prof
from scoring import tuning as tu
from scoring.data_check import check_data
from scoring.errors import ConfigurationError, DataError, ModelError, UnknownIdError, shorten_repr
from scoring.evaluation.significance import Resamples
from scoring.model import Inputs, Pair, WeightProfile
from scoring.registry import Registry
from scoring.registry.diff import diff_models
from scoring.runs import runner
from scoring.runs.retention import prune
from scoring.statistics import ALS
from scoring.testing import engine_checks, small_dataset
from scoring.widgets import TuningSession, WeightsModel
from tests.support.text_id_market import text_id_tables

# --- Numbers ------------------------------------------------------------------------------------------------

NOT_NUMBERS: Final = (None, True, "3", float("nan"), pd.NaT, [1])
NOT_FINITE: Final = (*NOT_NUMBERS, float("inf"), -float("inf"))
NOT_WHOLE: Final = (*NOT_FINITE, 1.5)
COUNT: Final = (*NOT_WHOLE, -1, 0)
COUNT_OR_NONE: Final = tuple(value for value in COUNT if value is not None)
FROM_0: Final = tuple(value for value in COUNT if value != 0 or value is True)
FROM_0_OR_NONE: Final = tuple(value for value in FROM_0 if value is not None)
SEED: Final = (*FROM_0, 2**32)
DAYS: Final = (*FROM_0, 40_000, timedelta(hours=36), pd.Timedelta("1h"))
WINDOW: Final = (*NOT_FINITE[1:], -1)  # of components: None means all days, and fractions are allowed
LEVEL: Final = (*NOT_FINITE, 0, 1, -1)
SECONDS: Final = (*NOT_NUMBERS, -float("inf"), 0, -1)
POSITIVE: Final = (*NOT_FINITE, 0, -1)
FINITE_FROM_0: Final = (*NOT_FINITE, -1)

Call = Callable[[SimpleNamespace, Any], object]

NUMBERS: Final[Mapping[str, tuple[str, tuple[Any, ...], Call]]] = {
    "make_market users": ("n_users", COUNT, lambda m, v: make_market(v, 10, 5)),
    "make_market jobs": ("n_jobs", COUNT, lambda m, v: make_market(5, v, 5)),
    "make_market actions": ("n_actions", FROM_0_OR_NONE, lambda m, v: make_market(5, 10, v)),
    "make_market seed": ("seed", SEED, lambda m, v: make_market(5, 10, 5, seed=v)),
    "small_dataset users": ("n_users", FROM_0, lambda m, v: small_dataset(n_users=v)),
    "small_dataset jobs": ("n_jobs", FROM_0, lambda m, v: small_dataset(n_jobs=v)),
    "small_dataset actions": ("n_actions", FROM_0, lambda m, v: small_dataset(n_actions=v)),
    "small_dataset seed": ("seed", SEED, lambda m, v: small_dataset(v)),
    "engine_checks seed": ("seed", SEED, lambda m, v: engine_checks(seed=v)),
    "Prepared.of": ("workers", COUNT_OR_NONE, lambda m, v: Prepared.of(m.inputs, "standard", workers=v)),
    "Prepared.for_rows": (
        "workers",
        COUNT_OR_NONE,
        lambda m, v: Prepared.for_rows(m.data, "standard", user_ids=1, job_ids=m.job, workers=v),
    ),
    "Prepared.top_k": ("k", COUNT, lambda m, v: m.ready.top_k(v, 1)),
    "Scorer": ("workers", COUNT_OR_NONE, lambda m, v: Scorer(m.ready.plan, workers=v)),
    "Scorer.top_k": ("k", COUNT, lambda m, v: m.ready.scorer.top_k(v)),
    "Ranking.cut": ("k", COUNT, lambda m, v: m.ranking.cut(v)),
    "check_data": ("workers", COUNT_OR_NONE, lambda m, v: check_data(m.data, "standard", workers=v)),
    "History.within": ("days", WINDOW, lambda m, v: m.inputs.history.within("click", v)),
    "Inputs.count_actions": ("days", WINDOW, lambda m, v: m.inputs.count_actions("click", v)),
    "Statistics.company_actions": ("days", (None, *WINDOW), lambda m, v: Statistics(m.data).company_actions(v)),
    "Basis.company_actions": ("days", (None, *WINDOW), lambda m, v: m.inputs.basis.company_actions(v)),
    "Pair.actions": ("days", WINDOW, lambda m, v: Pair(m.inputs, 0, 0).actions("click", v)),
    "Pair.company_actions": ("days", (None, *WINDOW), lambda m, v: Pair(m.inputs, 0, 0).company_actions(v)),
    "ALS dimensions": ("dimensions", COUNT, lambda m, v: ALS(dimensions=v)),
    "ALS iterations": ("iterations", COUNT, lambda m, v: ALS(iterations=v)),
    "ALS regularization": ("regularization", FINITE_FROM_0, lambda m, v: ALS(regularization=v)),
    "ALS seed": ("seed", SEED, lambda m, v: ALS(seed=v)),
    "by_time": ("days", (*DAYS, 0), lambda m, v: ev.by_time(m.data, days=v)),
    "last_n": ("n", COUNT, lambda m, v: ev.last_n(m.data, v)),
    "last_n at_least": ("at_least", FROM_0, lambda m, v: ev.last_n(m.data, at_least=v)),
    "last_n window_days": ("window_days", DAYS, lambda m, v: ev.last_n(m.data, window_days=v)),
    "cold_start": ("n", COUNT, lambda m, v: ev.cold_start(m.data, v)),
    "cold_start share": ("share", (*NOT_FINITE, 0, -1, 1.1), lambda m, v: ev.cold_start(m.data, share=v)),
    "cold_start seed": ("seed", SEED, lambda m, v: ev.cold_start(m.data, seed=v)),
    "cold_start window_days": ("window_days", DAYS, lambda m, v: ev.cold_start(m.data, window_days=v)),
    "split_users": ("seed", SEED, lambda m, v: ev.split_users(range(99), seed=v)),
    "split_users shares": (
        "shares",
        (*NOT_NUMBERS, (0.5, 0.5), (0.5, 0.5, "0"), (0.5, 0.5, float("nan")), (2, -1, 0)),
        lambda m, v: ev.split_users(range(99), v),
    ),
    "Evaluator": ("k", COUNT, lambda m, v: ev.Evaluator(m.holdout, k=v)),
    "Evaluator workers": ("workers", COUNT_OR_NONE, lambda m, v: ev.Evaluator(m.holdout, workers=v)),
    "metrics": ("k", COUNT, lambda m, v: [metric(v) for metric in (ev.MAP, ev.NDCG, ev.Coverage, ev.MeanFee)]),
    "Scoreboard level": ("level", LEVEL, lambda m, v: ev.Scoreboard.of(m.train, {"a": "standard"}, level=v)),
    "Scoreboard seed": ("seed", SEED, lambda m, v: ev.Scoreboard.of(m.train, {"a": "standard"}, seed=v)),
    "Resamples": ("n_resamples", COUNT, lambda m, v: Resamples.of([1, 2], n_resamples=v)),
    "Resamples permutations": ("n_permutations", COUNT, lambda m, v: Resamples.of([1, 2], n_permutations=v)),
    "Resamples seed": ("seed", SEED, lambda m, v: Resamples.of([1, 2], seed=v)),
    "Resamples.interval": ("level", LEVEL, lambda m, v: Resamples.of([1, 2]).interval([1.0, 2.0], v)),
    "Resamples.compare": ("level", LEVEL, lambda m, v: Resamples.of([1, 2]).compare([1.0, 2.0], [3.0, 3.0], v)),
    **{
        f"Backtest {name}": (
            name,
            values,
            lambda m, v, name=name: ev.Backtest.of(m.data, {"a": "standard"}, **{name: v}),
        )
        for name, values in {
            "cuts": COUNT,
            "days": (*DAYS, 0),
            "every": (*NOT_FINITE[1:], -1, 0, 40_000),
            "k": COUNT,
            "workers": COUNT_OR_NONE,
            "level": LEVEL,
            "seed": SEED,
        }.items()
    },
    "make_slicings days": ("newcomer_days", DAYS, lambda m, v: ev.make_slicings(m.inputs, newcomer_days=v)),
    "make_slicings actions": (
        "newcomer_actions",
        FROM_0,
        lambda m, v: ev.make_slicings(m.inputs, newcomer_actions=v),
    ),
    "slice_by": ("n_groups", COUNT, lambda m, v: ev.slice_by(m.users, "age_group", n_groups=v)),
    "slice_by most": ("most", COUNT, lambda m, v: ev.slice_by(m.users, "age_group", most=v)),
    "Comparison.of": ("k", COUNT, lambda m, v: ev.Comparison.of(m.ready, m.ready, v)),
    "Comparison.of p": ("p", LEVEL, lambda m, v: ev.Comparison.of(m.ready, m.ready, p=v)),
    "Comparison.of_rankings": (
        "k",
        COUNT_OR_NONE,
        lambda m, v: ev.Comparison.of_rankings(m.ranking, m.ranking, m.inputs, k=v),
    ),
    "Comparison.of_rankings p": (
        "p",
        LEVEL,
        lambda m, v: ev.Comparison.of_rankings(m.ranking, m.ranking, m.inputs, p=v),
    ),
    "audience": ("k", COUNT, lambda m, v: tu.audience(m.ready, m.job, v)),
    "audience nearest": ("nearest", COUNT, lambda m, v: tu.audience(m.ready, m.job, nearest=v)),
    "audience seconds": ("seconds", SECONDS, lambda m, v: tu.audience(m.ready, m.job, seconds=v)),
    "reach": ("k", COUNT, lambda m, v: tu.reach(m.ready, 1, m.job, k=v)),
    "reach margin": ("margin", POSITIVE, lambda m, v: tu.reach(m.ready, 1, m.job, margin=v)),
    "reach seconds": ("seconds", SECONDS, lambda m, v: tu.reach(m.ready, 1, m.job, seconds=v)),
    "sensitivity": ("k", COUNT, lambda m, v: tu.sensitivity(m.ready, 1, k=v)),
    **{
        f"{function.__name__} {name}": (
            name,
            SEED if name == "seed" else COUNT,
            lambda m, v, function=function, name=name: function(m.ready, **{name: v}),
        )
        for function in (tu.component_distributions, tu.correlations)
        for name in ("n_users", "n_jobs", "seed")
    },
    "ablation level": ("level", LEVEL, lambda m, v: tu.ablation(m.train, "standard", level=v)),
    "ablation seed": ("seed", SEED, lambda m, v: tu.ablation(m.train, "standard", seed=v)),
    **{
        f"tune {name}": (
            name,
            values,
            lambda m, v, name=name: tu.tune(tu.Problem(tu.Space(m.model), m.train), m.validation, **{name: v}),
        )
        for name, values in {
            "n_trials": COUNT,
            "random_trials": COUNT_OR_NONE,
            "finalists": COUNT,
            "level": LEVEL,
            "seed": SEED,
        }.items()
    },
    "Parameter": (
        "fee",
        (*NOT_FINITE, 100.0),
        lambda m, v: tu.Space(m.model, parameters=(tu.Parameter("fee", "low", v, 100.0),)),
    ),
    "run": ("k", COUNT, lambda m, v: runner.run(m.ready, k=v)),
    "run chunk_size": ("chunk_size", COUNT, lambda m, v: runner.run(m.ready, chunk_size=v)),
    "run workers": ("workers", COUNT_OR_NONE, lambda m, v: runner.run(m.ready, workers=v)),
    "prune": ("keep", COUNT, lambda m, v: prune(m.folder, None, v)),
    "TuningSession days": ("days", (*DAYS, 0), lambda m, v: TuningSession.of(m.data, "standard", days=v)),
    "TuningSession users": ("users", COUNT, lambda m, v: TuningSession.of(m.data, "standard", users=v)),
    "TuningSession k": ("k", COUNT, lambda m, v: TuningSession.of(m.holdout, "standard", k=v)),
    "TuningSession seed": ("seed", SEED, lambda m, v: TuningSession.of(m.data, "standard", seed=v)),
    "TuningSession level": ("level", LEVEL, lambda m, v: TuningSession(m.train, "standard", level=v)),
    "WeightsModel.set_weight": ("fee", NOT_FINITE, lambda m, v: WeightsModel("standard").set_weight("fee", v)),
    "WeightsModel.set_group": ("base", NOT_FINITE, lambda m, v: WeightsModel("standard").set_group("base", v)),
    "WeightsModel.set_parameter": (
        "fee.low",
        NOT_FINITE,
        lambda m, v: WeightsModel("standard").set_parameter("fee.low", v),
    ),
    "Registry.load": ("version", COUNT_OR_NONE, lambda m, v: Registry(m.folder).load("found", v)),
    "ScoringEngine max_workers": ("max_workers", COUNT_OR_NONE, lambda m, v: ScoringEngine(m.data, max_workers=v)),
    "ScoringEngine hours": (
        "company_cache_hours",
        FINITE_FROM_0,
        lambda m, v: ScoringEngine(m.data, company_cache_hours=v),
    ),
    "ScoringEngine prefectures": (
        "prefecture_cache_size",
        FROM_0,
        lambda m, v: ScoringEngine(m.data, prefecture_cache_size=v),
    ),
    "ScoringEngine companies": ("company_cache_size", FROM_0, lambda m, v: ScoringEngine(m.data, company_cache_size=v)),
    "ScoringEngine seconds": (
        "change_check_seconds",
        FINITE_FROM_0,
        lambda m, v: ScoringEngine(m.data, change_check_seconds=v),
    ),
    "process_scoring_batch": (
        "top_k",
        COUNT_OR_NONE,
        lambda m, v: m.engine.process_scoring_batch(m.users, m.jobs, top_k=v),
    ),
    "process_scoring_batch chunk": (
        "chunk_size",
        COUNT,
        lambda m, v: m.engine.process_scoring_batch(m.users, m.jobs, chunk_size=v),
    ),
    "calculate_scores_for_all_users": (
        "top_k",
        COUNT_OR_NONE,
        lambda m, v: m.engine.calculate_scores_for_all_users(top_k=v),
    ),
    "calculate_scores_for_all_users jobs": (
        "job_limit",
        FROM_0_OR_NONE,
        lambda m, v: m.engine.calculate_scores_for_all_users(job_limit=v),
    ),
    "calculate_scores_for_all_users users": (
        "user_limit",
        FROM_0_OR_NONE,
        lambda m, v: m.engine.calculate_scores_for_all_users(user_limit=v),
    ),
    "_batch_load_jobs_optimized": ("limit", FROM_0_OR_NONE, lambda m, v: m.engine._batch_load_jobs_optimized(limit=v)),
    "_batch_load_users_optimized": (
        "limit",
        FROM_0_OR_NONE,
        lambda m, v: m.engine._batch_load_users_optimized(limit=v),
    ),
    "readable_top_k": ("k", COUNT, lambda m, v: prof.readable_top_k(m.ready, np.array([0]), v)),
    "ladder": ("k", COUNT, lambda m, v: prof.ladder(m.ready, k=v)),
    "ladder repeats": ("repeats", COUNT, lambda m, v: prof.ladder(m.ready, repeats=v)),
    "sweep": ("k", COUNT, lambda m, v: prof.sweep(make_market, k=v)),
    "sweep repeats": ("repeats", COUNT, lambda m, v: prof.sweep(make_market, repeats=v)),
    "sweep chunk_sizes": ("chunk_sizes", COUNT, lambda m, v: prof.sweep(make_market, chunk_sizes=[v])),
    "growth": ("users", COUNT, lambda m, v: prof.growth([v], [10])),
    "growth workers": ("workers", COUNT_OR_NONE, lambda m, v: prof.growth([10], [10], workers=v)),
    "make_session": ("n_requests", FROM_0, lambda m, v: prof.make_session(m.data, v)),
    "make_session seed": ("seed", SEED, lambda m, v: prof.make_session(m.data, 3, v)),
}
"""Function and argument → the key of the error, the values to reject, and the call."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return the objects that calls need. None of them is changed."""
    data = scoring.Dataset(text_id_tables())
    model = load_model("standard")
    ready = Prepared.of(data, model, workers=1)
    holdout = ev.last_n(data, at_least=0)
    users = holdout.user_id
    return SimpleNamespace(
        data=data,
        model=model,
        ready=ready,
        inputs=ready.inputs,
        ranking=ready.top_k(5),
        holdout=holdout,
        train=ev.Evaluator(holdout, users=users[::2], metrics=[ev.NDCG(10)]),
        validation=ev.Evaluator(holdout, users=users[1::2], metrics=[ev.NDCG(10)]),
        engine=ScoringEngine(data, keep_factors=False),
        users=data.tables.users.head(3),
        jobs=data.tables.jobs.head(8),
        job=1006,
        folder=tmp_path_factory.mktemp("profiles"),
    )


def call(function: Call, market: SimpleNamespace, value: Any) -> Any:
    result = function(market, value)
    return asyncio.run(result) if asyncio.iscoroutine(result) else result


@pytest.mark.parametrize("name", NUMBERS)
def test_invalid_numbers_are_rejected_by_name(name: str, market: SimpleNamespace) -> None:
    key, values, function = NUMBERS[name]
    for value in values:
        with pytest.raises(ConfigurationError) as raised:
            call(function, market, value)
        assert raised.value.key[:1] == (key,), (value, raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("k", [10**9, 10**30, 2**31, 10.0**12])
def test_k_is_cut_to_the_number_of_jobs(k: float, market: SimpleNamespace) -> None:
    """A list of a billion jobs per user would need 150 GB for 100 users."""
    n_jobs = len(market.data.jobs)
    assert market.ready.top_k(k).job_id.shape[1] <= n_jobs
    evaluator = ev.Evaluator(market.holdout, k=k, metrics=[ev.NDCG(k), ev.MAP(k), ev.Precision(5), ev.HitRate(k)])
    complete = ev.Evaluator(market.holdout, k=n_jobs, metrics=[ev.NDCG(n_jobs), ev.MAP(n_jobs), ev.Precision(5)])
    found, expected = evaluator.evaluate("standard"), complete.evaluate("standard")
    for values, same in zip(found.values.values(), expected.values.values(), strict=False):
        np.testing.assert_array_equal(values, same)
    assert found.relevance.gains.shape[1] <= n_jobs
    board = ev.Scoreboard.of(evaluator, {"a": "standard", "b": "classic"}, measures=[ev.MeanFee(k), ev.Coverage(k)])
    assert len(board.frame())
    assert ev.Comparison.of(market.ready, market.ready, k).mean_overlap == 1.0
    assert tu.audience(market.ready, market.job, k).n_listed
    assert len(
        tu.sensitivity(
            market.ready, market.holdout.user_id[:2], market.holdout.relevance, metric=ev.NDCG(k), k=k
        ).frame()
    )
    run = runner.run(market.ready, k=k)
    assert run.metadata.k == n_jobs
    frame = asyncio.run(market.engine.process_scoring_batch(market.users, market.jobs, top_k=k))
    assert len(frame) <= len(market.users) * len(market.jobs)


# --- Models and weights -------------------------------------------------------------------------------------

MODELS: Final[Mapping[str, Call]] = {
    "Prepared.of": lambda m, v: Prepared.of(m.inputs, v),
    "Prepared.for_rows": lambda m, v: Prepared.for_rows(m.data, v, user_ids=1, job_ids=m.job),
    "Prepared.with_model": lambda m, v: m.ready.with_model(v),
    "Plan.build": lambda m, v: Plan.build(v, m.inputs),
    "Evaluator.prepare": lambda m, v: m.train.prepare(v),
    "Evaluator.evaluate": lambda m, v: m.train.evaluate(v),
    "Evaluator.count_unreachable": lambda m, v: m.train.count_unreachable(v),
    "Scoreboard.of": lambda m, v: ev.Scoreboard.of(m.train, {"a": "standard", "b": v}),
    "Backtest.of": lambda m, v: ev.Backtest.of(m.data, {"a": v}, cuts=1, days=300),
    "ablation": lambda m, v: tu.ablation(m.train, v),
    "Space": lambda m, v: tu.Space(v),
    "check_data": lambda m, v: check_data(m.data, v),
    "diff_models": lambda m, v: diff_models(v, "standard"),
    "Registry.save": lambda m, v: Registry(m.folder).save("saved", v),
    "TuningSession": lambda m, v: TuningSession(m.train, v),
    "WeightsModel": lambda m, v: WeightsModel(v),
    "ScoringEngine": lambda m, v: ScoringEngine(m.data, model=v),
    "load_model": lambda m, v: load_model(v),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_are_given_by_name_or_rejected(name: str, market: SimpleNamespace, tmp_path: Path) -> None:
    MODELS[name](market, "standard")
    for value in (None, 3, True, ["standard"], {"a": 1}):
        with pytest.raises(ModelError) as raised:
            MODELS[name](market, value)
        assert raised.value.key == ("model",)
    with pytest.raises(ModelError, match="Did you mean standard"):
        MODELS[name](market, "standart")


def test_weights_are_numbers_by_component(market: SimpleNamespace) -> None:
    for value in (None, "x", float("nan"), float("inf"), -1, True, [1]):
        for weights in ({"wage": value}, pd.Series({"wage": value}, dtype=object)):
            with pytest.raises(ModelError) as raised:
                market.model.with_weights(weights)
            assert raised.value.key[-1] == "wage", raised.value
        with pytest.raises(ModelError):
            WeightProfile({"base": 1.0}, {"base": {"wage": value}})


# --- Names and objects --------------------------------------------------------------------------------------

NAMES: Final[Mapping[str, tuple[str, Any, Call]]] = {
    "Evaluator": ("metrics", ev.NDCG(3), lambda m, v: ev.Evaluator(m.holdout, metrics=v)),
    "Scoreboard": (
        "goals",
        "NDCG@10",
        lambda m, v: ev.Scoreboard.of(m.train, {"a": "standard", "b": "classic"}, goals=v),
    ),
    "Space": ("locked", "fee", lambda m, v: tu.Space("standard", locked=v)),
    "reach": ("locks", "fee", lambda m, v: tu.reach(m.ready, 1, m.job, k=48, locks=v)),
    "sensitivity": ("components", "fee", lambda m, v: tu.sensitivity(m.ready, 1, k=2, components=v)),
    "ablation": ("metric", ev.NDCG(3), lambda m, v: tu.ablation(m.train, "standard", v)),
    "clear_caches": ("names", "scores", lambda m, v: m.engine.clear_caches(v)),
    "score_types": (
        "score_types",
        "total_score",
        lambda m, v: m.engine.calculate_scores_for_all_users(score_types=v, top_k=1),
    ),
}
"""Function → the argument, one value that it accepts, and the call."""


@pytest.mark.parametrize("name", NAMES)
def test_names_are_several_or_one(name: str, market: SimpleNamespace) -> None:
    key, one, function = NAMES[name]
    call(function, market, one)
    call(function, market, [one])
    for value in (1.5, object(), [1.5], b"fee"):
        with pytest.raises(ConfigurationError) as raised:
            call(function, market, value)
        assert raised.value.key == (key,)


@pytest.mark.parametrize(
    ("key", "function"),
    [
        ("data", lambda m, v: Prepared.of(v, "standard")),
        ("data", lambda m, v: ev.by_time(v)),
        ("data", lambda m, v: ev.last_n(v)),
        ("data", lambda m, v: ev.cold_start(v)),
        ("data", lambda m, v: ev.Backtest.of(v, {"a": "standard"})),
        ("holdout", lambda m, v: ev.Evaluator(v)),
        ("name", lambda m, v: Registry(m.folder).load(v)),
        ("name", lambda m, v: Registry(m.folder).use(v)),
        ("name", lambda m, v: Registry(m.folder).save(v, "standard")),
        ("name", lambda m, v: Registry(m.folder).diff(v, "standard")),
        ("name", lambda m, v: Registry(m.folder).find_fitted_users(v)),
        ("of", lambda m, v: Registry(m.folder).log_test_access(v, "holdout")),
        ("db", lambda m, v: scoring.Dataset.from_database(v)),
        ("out", lambda m, v: m.engine.process_scoring_batch(m.users, m.jobs, out=v)),
        ("keep_factors", lambda m, v: ScoringEngine(m.data, keep_factors=v)),
    ],
)
def test_objects_of_other_classes_are_rejected(key: str, function: Call, market: SimpleNamespace) -> None:
    for value in (3, ["a"], 1.5):
        with pytest.raises(ConfigurationError) as raised:
            call(function, market, value)
        assert raised.value.key == (key,)


# --- Ids ----------------------------------------------------------------------------------------------------

USERS: Final[Mapping[str, Call]] = {
    "Prepared.top_k": lambda m, v: m.ready.top_k(2, v),
    "Prepared.user_rows": lambda m, v: m.ready.user_rows(v),
    "Prepared.for_rows": lambda m, v: Prepared.for_rows(m.data, "standard", user_ids=v, job_ids=m.job),
    "Holdout.of_users": lambda m, v: m.holdout.of_users(v),
    "audience": lambda m, v: tu.audience(m.ready, m.job, 3, users=v, nearest=1),
    "sensitivity": lambda m, v: tu.sensitivity(m.ready, v, k=2, components=["fee"]),
    "compute_component_values": lambda m, v: tu.compute_component_values(m.ready, v, m.job),
    "component_distributions": lambda m, v: tu.component_distributions(m.ready, v, n_jobs=2),
    "Comparison.of": lambda m, v: ev.Comparison.of(m.ready, m.ready, 2, v),
    "run": lambda m, v: runner.run(m.ready, k=2, users=v),
    "_batch_load_users_optimized": lambda m, v: m.engine._batch_load_users_optimized(user_ids=v),
    "_batch_load_user_history": lambda m, v: m.engine._batch_load_user_history(v),
}
ONE_USER: Final[Mapping[str, Call]] = {
    "Prepared.explain": lambda m, v: m.ready.explain(v, m.job),
    "Prepared.explain_user": lambda m, v: m.ready.explain_user(v),
    "Dataset.find_user": lambda m, v: m.data.find_user(v),
    "waterfall": lambda m, v: ev.waterfall(m.ready, m.ready, v, m.job),
    "reach": lambda m, v: tu.reach(m.ready, v, m.job, k=48),
}
ACCEPTED: Final[Mapping[str, Callable[[], Any]]] = {
    "an integer": lambda: 1,
    "a NumPy integer": lambda: np.int64(1),
    "a whole float": lambda: 1.0,
    "numeric text": lambda: "3",
    "an external id": lambda: "U-1",
    "a list": lambda: [1, "U-1"],
    "a set": lambda: {1},
    "an iterator": lambda: iter([1, 3]),
    "a Series": lambda: pd.Series(["U-1", "3"]),
    "a PyArrow array": lambda: pa.array(["U-1", "3"]),
}
SINGLE: Final = ("an integer", "a NumPy integer", "a whole float", "numeric text", "an external id")
NOT_IDS: Final = (1.5, float("nan"), True, "", "  ", [None], [[1]], np.array([1.5]), object(), b"1", 10**30)


@pytest.mark.parametrize("name", [*USERS, *ONE_USER])
def test_ids_are_several_or_one(name: str, market: SimpleNamespace) -> None:
    function = USERS.get(name) or ONE_USER[name]
    for kind in ACCEPTED if name in USERS else SINGLE:
        call(function, market, ACCEPTED[kind]())
    for value in NOT_IDS:
        with pytest.raises(ConfigurationError):
            call(function, market, value)
    with pytest.raises(ConfigurationError):
        call(function, market, market.users)


@pytest.mark.parametrize("name", [name for name in USERS if not name.startswith(("_", "Holdout"))])
def test_unknown_ids_are_rejected(name: str, market: SimpleNamespace) -> None:
    for value in (99_999, "nosuch", [1, 99_999]):
        with pytest.raises(UnknownIdError):
            call(USERS[name], market, value)


# --- Frames -------------------------------------------------------------------------------------------------

FRAMES: Final[Mapping[str, tuple[str, Call]]] = {
    "Tables": ("jobs", lambda m, v: m.data.tables.with_tables(jobs=v)),
    "Inputs.of": ("jobs", lambda m, v: Inputs.of(m.data, jobs=v)),
    "slice_by": ("users", lambda m, v: ev.slice_by(v, "age_group")),
    "ExternalLists.of": ("lists", lambda m, v: ev.ExternalLists.of(v, m.data)),
    "process_scoring_batch users": ("users", lambda m, v: m.engine.process_scoring_batch(v, m.jobs)),
    "process_scoring_batch jobs": ("jobs", lambda m, v: m.engine.process_scoring_batch(m.users, v)),
    "_calculate_chunk_scores": ("users", lambda m, v: m.engine._calculate_chunk_scores(v, m.jobs)),
    "calculate_base_scores_vectorized": ("jobs", lambda m, v: m.engine.calculate_base_scores_vectorized(v)),
    "column_bytes": ("before", lambda m, v: prof.column_bytes(v)),
}


@pytest.mark.parametrize("name", FRAMES)
def test_other_objects_are_not_frames(name: str, market: SimpleNamespace) -> None:
    table, function = FRAMES[name]
    for value in ("jobs.csv", 3, [1, 2], np.ones((2, 2)), pd.Series([1]), object()):
        with pytest.raises(DataError) as raised:
            call(function, market, value)
        assert (raised.value.reason, raised.value.table) == ("not a frame", table), shorten_repr(value)


def test_from_frames_names_the_tables_that_are_not_frames(market: SimpleNamespace) -> None:
    for value in ("jobs.csv", 3, [1, 2], np.ones((2, 2)), pd.Series([1])):
        with pytest.raises(DataError, match="jobs: expected a frame"):
            scoring.Dataset.from_frames(value, market.users)
        with pytest.raises(DataError, match="users: expected a frame"):
            scoring.Dataset.from_frames(market.jobs, value)
