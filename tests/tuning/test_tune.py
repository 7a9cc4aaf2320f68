"""Tuning recovers hidden preferences, keeps the other goals and the floors, and does not use test users."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Coverage, MeanFee
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import NDCG
from scoring.evaluation.slices import Slicing
from scoring.evaluation.user_splits import split_users
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.statistics import Statistics
from scoring.synthetic import Market, make_market
from scoring.tuning.goals import Floor, ListGoal, MetricGoal
from scoring.tuning.problem import Problem
from scoring.tuning.secondary_measure_losses import measure_train_changes, select_worse
from scoring.tuning.space import Parameter, Space
from scoring.tuning.trial_search import make_trial_model
from scoring.tuning.tune import BASELINE, DIRECT, RANDOM, SEARCH, Tuning, tune
from tests.support.errors import raises_at
from tests.support.mark_simulation import simulate_marks
from tests.support.proof_counts import record_count
from tests.support.search_worker import MODEL

STANDARD = load_model("standard")
N = "NDCG@10"
FEE = "mean fee@10"


# --- A market with hidden preferences -----------------------------------------------------------------------------


@pytest.fixture(
    scope="module",
    params=[(1_500, 2_500, 150_000), pytest.param((3_000, 5_000, 300_000), marks=pytest.mark.long)],
    ids=["small", "large"],
)
def market(request: pytest.FixtureRequest) -> Market:
    return make_market(*request.param, seed=0)


@pytest.fixture(scope="module")
def holdout(market: Market) -> Holdout:
    return by_time(Dataset(market.tables), days=14)


@pytest.fixture(scope="module")
def parts(holdout: Holdout) -> list[Evaluator]:
    """Evaluators of the train, validation and test users."""
    split, statistics = split_users(holdout.user_id, (0.4, 0.2, 0.4)), Statistics(holdout.data)
    return [
        Evaluator(holdout, users=users, statistics=statistics, metrics=(NDCG(10),))
        for users in (split.train, split.validation, split.test)
    ]


@pytest.fixture(scope="module")
def tuned(parts: list[Evaluator]) -> Tuning:
    return tune(Problem(Space(STANDARD), parts[0]), parts[1], 50, random_trials=25)


def test_unseen_users_gain_nearly_as_with_hidden_weights(market: Market, parts: list[Evaluator], tuned: Tuning) -> None:
    frame = tuned.test(parts[2]).frame()
    found = frame[frame["measure"] == N].set_index("model")
    hidden = parts[2].evaluate(STANDARD.with_weights(market.preferences.weights)).values[N].mean()
    for name in (SEARCH, DIRECT):
        assert found.loc[name, "significant"]
        assert found.loc[name, "difference_low"] > 0
        assert found.loc[name, "mean"] >= 0.95 * hidden
    assert found.loc[BASELINE, "mean"] < 0.8 * hidden  # the baseline is worse than the hidden weights
    assert list(found.index) == [BASELINE, RANDOM, DIRECT, SEARCH]


def test_goal_is_declared_on_test_users_only(parts: list[Evaluator], tuned: Tuning) -> None:
    """The result was selected on the validation users, so its test on them is exploratory."""
    frame = tuned.test(parts[2]).frame()
    assert frame.loc[frame["declared"], ["model", "measure"]].to_numpy().tolist() == [[SEARCH, N]]
    assert not tuned.frame()["declared"].any()
    assert tuned.test(parts[2]).prices()["model"].unique().tolist() == [SEARCH]


# 2,000 draws have a standard error of 0.5 % for false positives of 5 %, and of 0.9 % for a power of 80 %
@pytest.mark.long
def test_marks_have_their_error_rate_and_printed_power(parts: list[Evaluator], tuned: Tuning) -> None:
    last = parts[2]  # fewer users take less time, and are the harder case
    users = Evaluator(last.holdout, users=last.user_id[:150], statistics=last.statistics, metrics=last.metrics)
    found = simulate_marks(tuned.test(users), 2_000)
    assert 0.04 <= found.false_positives[SEARCH, N] <= 0.06
    assert min(found.power.values()) >= 0.75
    assert np.mean(list(found.power.values())) <= 0.9
    name = f"tune with {len(last.holdout.data.jobs):,} jobs"
    for phrase, marked in found.describe_false_positives(name):
        record_count("declared goal", phrase, marked, found.draws)
    for phrase in found.describe_power(name):
        record_count("power", phrase, found.draws)


def test_test_users_of_train_or_validation_raise(holdout: Holdout, parts: list[Evaluator], tuned: Tuning) -> None:
    for seen in parts[:2]:
        mixed = np.append(parts[2].user_id[:10], seen.user_id[:3])
        with raises_at(ConfigurationError, "users"):
            tuned.test(Evaluator(holdout, users=mixed, statistics=seen.statistics))


def test_scoreboard_is_over_validation_users(parts: list[Evaluator], tuned: Tuning) -> None:
    frame = tuned.frame()
    found = frame[frame["measure"] == N].set_index("model")["mean"]
    assert found.to_dict() == {name: parts[1].evaluate(model).values[N].mean() for name, model in tuned.models.items()}
    assert tuned.winner is tuned.models[SEARCH]
    assert repr(tuned).startswith("Tuning(25 trials of random search, 50 trials of search; Scoreboard(baseline, ")
    assert N in tuned._repr_html_()


@pytest.mark.parametrize("study", [RANDOM, SEARCH])
def test_winner_is_best_finalist_on_validation(parts: list[Evaluator], tuned: Tuning, study: str) -> None:
    trials = tuned.trials().query("study == @study").nlargest(10, N)
    by_number = {trial.number: trial for trial in tuned.studies[study]}
    models = [make_trial_model(tuned.problem, by_number[number]) for number in trials["trial"]]
    reached = [parts[1].evaluate(model).values[N].mean() for model in [*models, STANDARD]]
    assert parts[1].evaluate(tuned.models[study]).values[N].mean() == max(reached)


def test_weights_and_trials_frames_are_complete(tuned: Tuning) -> None:
    weights = tuned.weights()
    assert list(weights.columns) == [BASELINE, RANDOM, DIRECT, SEARCH]
    assert list(weights.index) == [part.name for part in STANDARD.parts]
    for name, model in tuned.models.items():
        np.testing.assert_array_equal(weights[name], model.flat_weights)
    trials = tuned.trials()
    assert list(trials.columns) == ["study", "trial", N, "keeps", *weights.index]
    assert trials["study"].value_counts().to_dict() == {SEARCH: 50, RANDOM: 25}
    np.testing.assert_allclose(trials[list(weights.index)].sum(axis=1), 1, atol=1e-12)
    assert trials["keeps"].all()
    np.testing.assert_allclose(
        trials.query("study == @SEARCH").iloc[0][list(weights.index)].astype(float), STANDARD.flat_weights, atol=1e-9
    )  # the first trial of the search is the baseline
    np.testing.assert_allclose(
        trials.query("study == @SEARCH").iloc[1][list(weights.index)].astype(float), weights[DIRECT], atol=1e-9
    )


def assert_prices_are_shown(tuning: Tuning, models: dict[str, ScoringModel], table: Any) -> int:
    """Check the table below a plot, and return its number of measures."""
    shown = [text.get_text() for text in table.texts]
    worse = select_worse(measure_train_changes(tuning.problem, models))
    if not len(worse):
        assert shown == ["No other measure is worse by more than 10%, on training users."]
        return 0
    assert shown[2 : 2 + len(models)] == list(models)
    for row, (measure, changes) in enumerate(worse.iterrows()):
        first = 2 + len(models) + row * (1 + len(models))
        label, *cells = shown[first : first + 1 + len(models)]
        assert label.startswith(str(measure))
        assert cells == [f"{100 * change:+.0f}".replace("-", "−") for change in changes]
    return len(worse)


def test_progress_plot_shows_trials(tuned: Tuning) -> None:
    axes, table = tuned.plot().axes
    assert assert_prices_are_shown(tuned, {name: tuned.models[name] for name in (RANDOM, DIRECT, SEARCH)}, table)
    lines = {line.get_label(): line for line in axes.lines}
    for study in (RANDOM, SEARCH):
        values = tuned.trials().query("study == @study")[N]
        np.testing.assert_allclose(lines[f"best of {study}"].get_ydata(), [*values.cummax(), values.max()])
    low, high = axes.get_ylim()
    for name in (BASELINE, DIRECT):
        at = tuned.problem.train.evaluate(tuned.models[name]).values[N].mean()
        assert lines[name].get_ydata()[0] == at
        assert low < at < high
    assert low < tuned.trials()[N].max() < high
    far = (tuned.trials()[N] < low).sum()
    assert far > 0
    assert axes.get_xlabel() == f"trial ({far} of 75 outside the axes)"


# --- Several goals, floors, parameters -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> list[Evaluator]:
    holdout = by_time(Dataset(make_market(500, 600, 30_000, seed=9).tables), days=14)
    split, statistics = split_users(holdout.user_id), Statistics(holdout.data)
    return [
        Evaluator(holdout, users=users, statistics=statistics, metrics=(NDCG(10),), k=10)
        for users in (split.train, split.validation, split.test)
    ]


@pytest.fixture(scope="module")
def several(small: list[Evaluator]) -> Tuning:
    goals = (MetricGoal(NDCG(10)), ListGoal(MeanFee(10)), ListGoal(Coverage(10)))
    space = Space(MODEL, ("category",), (Parameter("freshness", "half_life_days", 2, 60, log=True),))
    return tune(Problem(space, small[0], goals), small[1], 40, random_trials=20, sampler="nsga2", finalists=30)


def test_winner_loses_in_no_other_goal(small: list[Evaluator], several: Tuning) -> None:
    problem, validation = several.problem, small[1]
    before = problem.values(validation, validation.evaluate(MODEL))
    for study in (RANDOM, SEARCH):
        after = problem.values(validation, validation.evaluate(several.models[study]))
        assert all(now >= then for now, then in zip(after, before, strict=True))
    assert any(  # some trials are better in the first goal and worse in another
        values[0] > before[0] and min(values[1] - before[1], values[2] - before[2]) < 0
        for values in several.trials()[[goal.name for goal in problem.goals]].to_numpy()
    )


def test_goal_may_be_minimised(small: list[Evaluator]) -> None:
    goals = (ListGoal(MeanFee(10), maximise=False), MetricGoal(NDCG(10)))
    found = tune(Problem(Space(MODEL), small[0], goals), small[1], 30, random_trials=1)
    before, after = (found.problem.values(small[1], small[1].evaluate(model)) for model in (MODEL, found.winner))
    assert after[0] < before[0]
    assert after[1] >= before[1]
    assert found.front()[FEE].is_monotonic_increasing


def test_front_contains_undominated_trials(several: Tuning) -> None:
    names = [goal.name for goal in several.problem.goals]
    trials = several.trials().query("study == @SEARCH")
    kept = []
    for _, one in trials.iterrows():
        beaten = False
        for _, other in trials.iterrows():
            nowhere_worse = all(other[name] >= one[name] for name in names)
            beaten |= nowhere_worse and any(other[name] > one[name] for name in names)
        if not beaten:
            kept.append(one["trial"])
    front = several.front()
    assert sorted(front["trial"]) == kept
    assert 1 < len(front) < len(trials)
    assert front[N].is_monotonic_decreasing
    assert list(front.columns) == list(trials.columns)


def test_front_changes_are_those_of_its_trials(tuned: Tuning) -> None:
    trials = tuned.front()["trial"].tolist()
    changes = tuned.front_changes()
    assert changes.index.tolist() == trials
    assert {"mean fee@40", "concentration@40"} <= set(changes.columns)
    assert N not in changes.columns
    expected = measure_train_changes(tuned.problem, {"last": tuned.model_of_trial(trials[-1])})["last"]
    for found in (changes, tuned.front_changes(trials[-1:])):
        assert found.loc[trials[-1]].to_dict() == expected.to_dict()


def test_front_plot_shows_front(small: list[Evaluator], several: Tuning) -> None:
    axes, table, bar = several.plot().axes
    (dots,) = axes.collections
    np.testing.assert_array_equal(dots.get_offsets(), several.front()[[FEE, N]])
    np.testing.assert_array_equal(dots.get_array(), several.front()["coverage@10"])
    assert "coverage@10" in bar.get_ylabel()
    numbered = [text.get_text() for text in axes.texts]
    assert set(numbered) <= {str(trial) for trial in several.front()["trial"]}
    is_shown = str(several.find_trial()) in numbered
    models = {number: several.model_of_trial(int(number)) for number in numbered}
    assert_prices_are_shown(several, models | ({} if is_shown else {SEARCH: several.winner}), table)
    lines = {line.get_label(): line.get_xydata()[0] for line in axes.lines}
    for name, model in several.models.items():
        ndcg, fee, _ = several.problem.values(small[0], small[0].evaluate(model))
        assert lines[name].tolist() == [fee, ndcg]
    studies = {name: [copy(trial) for trial in trials] for name, trials in several.studies.items()}
    for trial in (trial for trials in studies.values() for trial in trials):
        trial.values = trial.values[:2]
    two = replace(several, problem=replace(several.problem, goals=several.problem.goals[:2]), studies=studies)
    axes, _ = two.plot().axes
    (front,) = (line for line in axes.lines if str(line.get_label()).startswith("Pareto front"))
    np.testing.assert_array_equal(front.get_xydata(), two.front()[[FEE, N]].to_numpy()[np.argsort(two.front()[FEE])])


def test_weights_frame_contains_parameters_and_locks(several: Tuning) -> None:
    weights, trials = several.weights(), several.trials()
    name = "freshness.half_life_days"
    assert weights.index[-1] == name
    assert weights.loc[name, [BASELINE, DIRECT]].tolist() == [14, 14]
    assert trials[name].between(2, 60).all()
    assert trials[name].nunique() > 20
    np.testing.assert_allclose(trials["category"], 0.2, atol=1e-12)
    np.testing.assert_allclose(weights.loc["category"], 0.2, atol=1e-12)


@pytest.fixture(scope="module")
def halves(small: list[Evaluator]) -> Slicing:
    users = small[0].inputs.dataset.users.user_id
    return Slicing.of("half", users, ["odd" if user % 2 else "even" for user in users.tolist()])


def test_winner_keeps_floors_on_train_and_validation(small: list[Evaluator], halves: Slicing) -> None:
    floor = Floor(NDCG(10), halves, "odd", 1.02)
    found = tune(Problem(Space(MODEL), small[0], floors=(floor,)), small[1], 40, random_trials=20)
    for users in small[:2]:
        odd = users.user_id % 2 == 1
        before = users.evaluate(MODEL).values[N][odd].mean()
        for study in (RANDOM, SEARCH):
            assert users.evaluate(found.models[study]).values[N][odd].mean() >= 1.02 * before
    trials = found.trials()
    assert trials["keeps"].nunique() == 2  # the baseline misses the floor
    assert not trials.groupby("study").first()["keeps"].any()
    assert found.front()["keeps"].all()
    unreachable = Floor(NDCG(10), halves, "odd", 1.0, is_relative=False)
    with raises_at(ConfigurationError, "floors"):
        tune(Problem(Space(MODEL), small[0], floors=(unreachable,)), small[1], 5)


def test_front_without_feasible_trials_is_empty(small: list[Evaluator], halves: Slicing, several: Tuning) -> None:
    unreachable = Floor(NDCG(10), halves, "odd", 1.0, is_relative=False)
    problem = Problem(several.problem.space, small[0], several.problem.goals, (unreachable,))
    studies = {name: [copy(trial) for trial in trials] for name, trials in several.studies.items()}
    for trial in (trial for trials in studies.values() for trial in trials):
        trial.user_attrs = {"shortfalls": [1.0]}
    nothing = replace(several, problem=problem, studies=studies)
    assert nothing.front().empty
    nothing.plot()


def test_search_is_resumed_from_file(small: list[Evaluator], tmp_path: Path) -> None:
    problem, reports = Problem(Space(MODEL), small[0]), list[tuple]()
    # both studies use the random sampler and must stay separate
    how = {"sampler": "random", "storage": tmp_path / "trials"}
    first = tune(problem, small[1], 6, random_trials=4, **how)  # type: ignore[arg-type]
    assert {name: len(trials) for name, trials in first.studies.items()} == {RANDOM: 4, SEARCH: 6}
    second = tune(problem, small[1], 8, random_trials=4, progress=lambda *at: reports.append(at), **how)  # type: ignore[arg-type]
    assert reports == [(DIRECT, 0, 1), (DIRECT, 1, 1), (RANDOM, 4, 4), (SEARCH, 6, 8), (SEARCH, 7, 8), (SEARCH, 8, 8)]
    pd.testing.assert_frame_equal(
        second.trials().query("not (study == @SEARCH and trial >= 6)").reset_index(drop=True), first.trials()
    )
    again = tune(problem, small[1], 8, random_trials=4)
    assert again.weights()[DIRECT].tolist() == second.weights()[DIRECT].tolist()


def test_same_seed_finds_same_models(small: list[Evaluator]) -> None:
    problem = Problem(Space(MODEL), small[0])
    a, b, c = (tune(problem, small[1], 25, random_trials=2, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(a.trials(), b.trials())
    pd.testing.assert_frame_equal(a.frame(), b.frame())
    assert not a.trials().equals(c.trials())


def test_invalid_arguments_raise(small: list[Evaluator]) -> None:
    problem = Problem(Space(MODEL), small[0])
    with raises_at(ConfigurationError, "validation"):
        tune(problem, small[0], 5)
    with raises_at(ConfigurationError, "finalists"):
        tune(problem, small[1], 5, finalists=0)
    with raises_at(ConfigurationError, "n_trials"):
        tune(problem, small[1], 0)
    with raises_at(ConfigurationError, "sampler"):
        tune(problem, small[1], 5, sampler="grid")  # type: ignore[arg-type]
