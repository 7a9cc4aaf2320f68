"""A backtest equals single evaluations, and treats all cuts of a user as one observation."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.backtest import Backtest, BacktestCut
from scoring.evaluation.beyond_accuracy_metrics import Miscalibration
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.measure_values import MeasureValues
from scoring.evaluation.metrics import NDCG, Recall
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.significance import Resamples
from scoring.evaluation.slices import FEWEST_USERS
from scoring.model_catalog import load_model
from scoring.synthetic import make_market
from tests.support.errors import raises_at
from tests.support.ranking_builder import jackknife_of

STANDARD = load_model("standard")
MODELS = {"standard": STANDARD, "other": STANDARD.with_weights({"location": 0.4, "category": 0.3, "history": 0.3})}
METRICS = (NDCG(10), Recall(40))
COLUMNS = ["mean", "difference", "relative", "low", "high", "difference_low", "difference_high", "p"]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(make_market(150, 500, 9_000, seed=4).tables)


@pytest.fixture(scope="module")
def backtest(data: Dataset) -> Backtest:
    return Backtest.of(data, MODELS, cuts=2, every=5, metrics=METRICS)


def cut_of(place: int, users: list[int], values: dict[str, list[float]]) -> BacktestCut:
    """Return a cut with one metric."""
    coverage = jackknife_of(0.25 + place, len(users))
    return BacktestCut(
        at=pd.Timestamp("2025-09-01", tz="UTC") + pd.Timedelta(days=place),
        name=f"cut {place}",
        digest="",
        pair_user=np.array(users),
        pair_job=np.full(len(users), place),
        n_relevant=len(users),
        left_out={},
        notes=(),
        user_id=np.array(users),
        values={
            model: MeasureValues({"NDCG@10": np.array(of_users)}, {"coverage@40": coverage})
            for model, of_users in values.items()
        },
    )


def backtest_of(*cuts: BacktestCut, **options: Any) -> Backtest:
    return Backtest(cuts, {}, tuple(cuts[0].values), ("NDCG@10",), **options)


def test_each_cut_equals_one_evaluation(data: Dataset, backtest: Backtest) -> None:
    for place, cut in enumerate(backtest.cuts):
        at = data.as_of - pd.Timedelta(days=14 + 5 * (1 - place))
        assert cut.at == at
        columns = COLUMNS if len(cut.user_id) >= FEWEST_USERS else COLUMNS[:3]
        board = Scoreboard.of(Evaluator(by_time(data, at), metrics=METRICS), MODELS)
        expected = board.frame().set_index(["model", "measure"])
        found = backtest.frame().query("cut == @at").set_index(["model", "measure"])
        for measure in ("NDCG@10", "Recall@40", "mean fee@40", "novelty@40"):
            for model in MODELS:
                one, other = (frame.loc[(model, measure), columns].astype(float) for frame in (found, expected))
                assert one.to_numpy() == pytest.approx(other.to_numpy(), rel=1e-12, nan_ok=True)
        for measure in ("coverage@40", "concentration@40"):
            assert found.loc[("other", measure), "mean"] == expected.loc[("other", measure), "mean"]

    assert len(backtest.cuts[-1].user_id) >= FEWEST_USERS


def test_pooled_values_of_one_cut_equal_the_scoreboard(data: Dataset) -> None:
    pooled = Backtest.of(data, MODELS, cuts=1, metrics=METRICS).pooled().set_index(["model", "measure"])
    board = Scoreboard.of(Evaluator(by_time(data), metrics=METRICS), MODELS).frame().set_index(["model", "measure"])
    for measure in ("NDCG@10", "Recall@40", "mean fee@40"):
        for column in COLUMNS:
            assert pooled.loc[("other", measure), column] == pytest.approx(board.loc[("other", measure), column])


def test_pooled_mean_is_over_pairs_of_user_and_cut(backtest: Backtest) -> None:
    pooled = backtest.pooled().set_index(["model", "measure"])
    for measure in ("NDCG@10", "mean wage@40"):
        values, base = (
            np.concatenate([cut.values[model].per_user[measure] for cut in backtest.cuts])
            for model in ("other", "standard")
        )
        row = pooled.loc[("other", measure)]
        assert row["mean"] == pytest.approx(np.nanmean(values))
        assert row["difference"] == pytest.approx(np.nanmean(values - base))
        assert row["n"] == np.count_nonzero(~np.isnan(values))
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]


def test_declared_goal_is_one_test_over_all_cuts(data: Dataset, backtest: Backtest) -> None:
    goals = [NDCG(20), "mean fee@40"]
    declared = Backtest.of(data, MODELS, cuts=2, every=5, metrics=METRICS, goals=goals[:1])
    frame = declared.pooled().set_index(["model", "measure"])
    row = frame.loc[("other", "NDCG@20")]
    assert (row["declared"], row["n_tests"], row["p_holm"]) == (True, 1, row["p"])
    assert frame["declared"].sum() == 1
    exploratory = backtest.pooled().set_index(["model", "measure"])
    assert frame.loc[("other", "NDCG@10"), "n_tests"] == exploratory["n_tests"].max()
    assert not declared.frame()["declared"].any()
    assert declared.conclude() == declared.conclude("NDCG@20")
    assert "in NDCG@20 in" in declared.conclude()[0]
    several = Backtest.of(data, MODELS, cuts=1, metrics=METRICS, goals=goals, candidate="other").pooled()
    assert several.loc[several["declared"], "n_tests"].tolist() == [2, 2]


@pytest.mark.parametrize("goal", ["coverage@40", "fee", NDCG(41)])
def test_goal_without_a_test_or_value_raises(data: Dataset, goal: Any) -> None:
    with raises_at(ConfigurationError, "goals"):
        Backtest.of(data, MODELS, goals=[goal])


def test_goal_to_lower_is_better_when_it_falls() -> None:
    users = list(range(40))
    cut = cut_of(0, users, {"a": [2.0] * 40, "b": [1.0] * 40, "c": [3.0] * 40})
    for values in cut.values.values():
        values.per_user["miscalibration@40"] = values.per_user.pop("NDCG@10")
    b, c, winner = backtest_of(cut, goals=(Miscalibration(),), candidate="c").conclude()
    assert b.startswith("b is better than a in miscalibration@40 in 1 of 1 cut")
    assert c.startswith("c is worse")
    assert winner == "b has the lowest miscalibration@40 over all cuts and in every single cut."


def test_repeated_cuts_add_no_evidence() -> None:
    """Four copies of a cut have the interval, the p-value and the detectable difference of one."""
    rng = np.random.default_rng(0)
    users, a, b = list(range(50)), rng.random(50), rng.random(50)
    once, four = (
        backtest_of(*(cut_of(place, users, {"a": a.tolist(), "b": b.tolist()}) for place in range(n))).pooled().iloc[2]
        for n in (1, 4)
    )
    assert (once["users"], four["users"], once["n"], four["n"]) == (50, 50, 50, 200)
    for column in (*COLUMNS, "detectable"):
        assert four[column] == pytest.approx(once[column], rel=1e-9)
    change = Resamples.of(users).compare(a, b)
    assert once["p"] == change.p
    assert once["detectable"] == pytest.approx((1.959964 + 0.841621) * (b - a).std(ddof=1) / np.sqrt(50), rel=1e-5)


def test_missing_values_are_left_out_of_both_models() -> None:
    nan = float("nan")
    cuts = [
        cut_of(0, [1, 2, 3], {"a": [0.1, nan, 0.4], "b": [0.2, 0.9, nan]}),
        cut_of(1, [2], {"a": [0.5], "b": [0.7]}),
    ]
    row = backtest_of(*cuts).pooled().set_index(["model", "measure"]).loc[("b", "NDCG@10")]
    assert row["mean"] == pytest.approx((0.2 + 0.9 + 0.7) / 3)
    assert row["difference"] == pytest.approx((0.1 + 0.2) / 2)


def test_small_cuts_have_no_test() -> None:
    users = list(range(29))
    frame = backtest_of(cut_of(0, users, {"a": [0.1] * 29, "b": [0.2] * 29})).frame()
    assert frame["p"].isna().all()
    assert not frame["significant"].any()


def test_conclusion_names_the_cuts_that_differ() -> None:
    users = list(range(40))
    low, high = [0.1] * 40, [0.3] * 40
    cuts = [
        cut_of(0, users, {"a": low, "b": high, "c": [0.2] * 40}),
        cut_of(1, users, {"a": low, "b": high, "c": low}),
        cut_of(2, users, {"a": high, "b": low, "c": low}),
    ]
    first, second, third = backtest_of(*cuts).conclude()
    assert first == "b is better than a in NDCG@10 in 2 of 3 cuts (2 significant); worse in the cut of 2025-09-03."
    assert second == (
        "c is better than a in NDCG@10 in 1 of 3 cuts (1 significant); worse in the cut of 2025-09-03; equal in the "
        "cut of 2025-09-02."
    )
    assert third == "b has the highest NDCG@10 over all cuts, but not in the cut of 2025-09-03."
    assert backtest_of(cuts[0]).conclude()[2] == "b has the highest NDCG@10 over all cuts and in every single cut."
    with raises_at(ConfigurationError, "metric"):
        backtest_of(*cuts).conclude("NDCG@99")


def test_cut_without_relevant_jobs_is_skipped(data: Dataset) -> None:
    steps = []
    backtest = Backtest.of(
        data, {"standard": STANDARD}, cuts=2, every=3_000, metrics=METRICS, advance=lambda *step: steps.append(step)
    )
    assert len(backtest.cuts) == 1
    assert [at.year for at in backtest.skipped] == [(data.as_of - pd.Timedelta(days=3_014)).year]
    assert steps == [(0, 2), (1, 2), (2, 2)]
    assert backtest.conclude() == []


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"newest": "1999-01-01"}, ("cuts",)),
        ({"cuts": 0}, ("cuts",)),
        ({"every": 0}, ("every",)),
        ({"every": float("nan")}, ("every",)),
        ({"newest": "soon"}, ("newest",)),
        ({"gains": {"sleep": 1}}, ("gains", "sleep")),
    ],
)
def test_invalid_backtest_raises(options: dict[str, Any], key: tuple[str, ...], data: Dataset) -> None:
    with raises_at(ConfigurationError, *key):
        Backtest.of(data, MODELS, **{"cuts": 2, **options})
    with raises_at(ConfigurationError, "models"):
        Backtest.of(data, {})


def test_evaluators_of_earlier_cuts_are_freed(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []
    evaluators: list[weakref.ref[Evaluator]] = []
    evaluate = BacktestCut.of

    def record(evaluator: Evaluator, models: Any, goals: Any) -> BacktestCut:
        gc.collect()
        evaluators.append(weakref.ref(evaluator))
        alive.append(sum(reference() is not None for reference in evaluators))
        return evaluate(evaluator, models, goals)

    monkeypatch.setattr(BacktestCut, "of", record)
    Backtest.of(data, {"standard": STANDARD}, cuts=3, metrics=METRICS)
    assert alive == [1, 1, 1]


def test_plot_has_a_point_per_cut_and_model(backtest: Backtest) -> None:
    (axes,) = backtest.plot().axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        *(f"{cut.at:%Y-%m-%d}" for cut in backtest.cuts), "all cuts",
    ]  # fmt: skip
    drawn = next(line for line in axes.lines if line.get_label() == "other")
    assert drawn.get_ydata()[-1] == pytest.approx(
        backtest.pooled().set_index(["model", "measure"]).loc[("other", "NDCG@10"), "difference"]
    )


@pytest.mark.long
def test_false_positives_of_the_pooled_test() -> None:
    """Two equal models with differences that persist over the cuts of a user: 5 % of p-values are at most 0.05.

    A test that took pairs of user and cut as independent would reject in far more than 5 % of the draws.
    """
    rng, n, cuts = np.random.default_rng(0), 60, 6
    draws, rejected, naive = 1_000, 0, 0
    for seed in range(draws):
        persistent = rng.normal(size=n)
        of_cuts = []
        for place in range(cuts):
            users = np.flatnonzero(rng.random(n) < 0.7)
            change = persistent[users] + 0.3 * rng.normal(size=len(users))
            of_cuts.append(cut_of(place, users.tolist(), {"a": [0.0] * len(users), "b": change.tolist()}))
        row = backtest_of(*of_cuts, seed=seed).pooled().set_index(["model", "measure"]).loc[("b", "NDCG@10")]
        rejected += row["p"] <= 0.05
        change = np.concatenate([cut.values["b"].per_user["NDCG@10"] for cut in of_cuts])
        naive += abs(change.mean()) > 1.96 * change.std(ddof=1) / np.sqrt(len(change))
    assert rejected / draws == pytest.approx(0.05, abs=0.02)
    assert naive / draws > 0.2
