"""A scoreboard equals direct calls of the functions, and corrects p-values over all comparisons."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import USER_FACTS, Concentration, Coverage, MeanFee
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.measure_info import find_good_sign
from scoring.evaluation.metrics import NDCG, Recall
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.significance import Resamples, adjust_holm, compute_detectable_difference
from scoring.evaluation.slices import Slicing, compare_slices, make_slicings
from scoring.model_catalog import load_model
from scoring.synthetic import make_market
from tests.support.errors import raises_at
from tests.support.mark_simulation import simulate_marks
from tests.support.proof_counts import record_count

STANDARD = load_model("standard")
OTHER = STANDARD.with_weights({"location": 0.4, "category": 0.3, "history": 0.3})
METRICS = ["NDCG@10", "Recall@40"]
MEANS = [*METRICS, *(fact.name for fact in USER_FACTS)]
POPULATION = ["coverage@40", "concentration@40"]
FIGURES = ["n", "mean", "low", "high", "difference", "difference_low", "difference_high", "relative", "p"]
MARKS = ["declared", "p_holm", "n_tests", "detectable", "significant"]


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    data = Dataset(make_market(300, 800, 18_000, seed=5).tables)
    return Evaluator(by_time(data, days=14), metrics=(NDCG(10), Recall(40)))


@pytest.fixture(scope="module")
def board(evaluator: Evaluator) -> Scoreboard:
    return Scoreboard.of(evaluator, {"now": STANDARD, "other": OTHER, "same": STANDARD}, level=0.9, seed=3)


def row(frame: pd.DataFrame, model: str, measure: str) -> pd.Series:
    (found,) = frame[(frame["model"] == model) & (frame["measure"] == measure)].to_dict("records")
    return pd.Series(found)


def values_of(evaluator: Evaluator, board: Scoreboard, model: str) -> dict[str, np.ndarray]:
    evaluation = board.evaluations[model]
    facts = evaluator.facts(evaluation)
    lists = {fact.name: fact.of(evaluation.ranking, facts) for fact in USER_FACTS}
    return {**evaluation.values, **lists}


def test_frame_has_row_per_model_and_measure(board: Scoreboard) -> None:
    frame = board.frame()
    assert list(frame.columns) == ["model", "measure", *FIGURES, *MARKS]
    assert frame[["model", "measure"]].to_numpy().tolist() == [
        [model, measure] for model in ("now", "other", "same") for measure in (*MEANS, *POPULATION)
    ]
    assert frame["n"].dtype.kind == "i"
    assert frame["significant"].dtype == frame["declared"].dtype == bool


@pytest.mark.parametrize("measure", MEANS)
def test_frame_equals_direct_calls(evaluator: Evaluator, board: Scoreboard, measure: str) -> None:
    draws = Resamples.of(evaluator.user_id, seed=3)
    a, b = (values_of(evaluator, board, model)[measure] for model in ("now", "other"))
    found, before = row(board.frame(), "other", measure), row(board.frame(), "now", measure)
    paired = draws.compare(a, b, 0.9)
    assert before["mean"] == pytest.approx(np.nanmean(a), rel=1e-12)
    assert found["mean"] == pytest.approx(np.nanmean(b), rel=1e-12)
    assert found["n"] == (~np.isnan(b)).sum()
    assert (found["low"], found["high"]) == draws.interval(b, 0.9)
    expected = [paired.difference, paired.low, paired.high, paired.difference / paired.mean_a, paired.p]
    columns = ["difference", "difference_low", "difference_high", "relative", "p"]
    assert found[columns].tolist() == pytest.approx(expected, rel=1e-9)
    assert found["n_tests"] == 2 * len([*MEANS, *POPULATION])
    assert found["detectable"] == compute_detectable_difference(a, b, 1 - 0.1 / found["n_tests"])


@pytest.mark.parametrize("fact", [Coverage(), Concentration()])
def test_population_rows_equal_facts_of_all_lists(
    evaluator: Evaluator, board: Scoreboard, fact: Coverage | Concentration
) -> None:
    a, b = (
        fact.of(board.evaluations[name].ranking, evaluator.facts(board.evaluations[name])) for name in ("now", "other")
    )
    found = row(board.frame(), "other", fact.name)
    assert (found["mean"], found["n"]) == (b.value, len(evaluator.user_id))
    assert (found["low"], found["high"]) == b.interval(0.9)
    assert found["difference"] == b.value - a.value
    assert (found["difference_low"], found["difference_high"]) == b.subtract(a).interval(0.9)
    assert found["p"] == b.subtract(a).p
    assert found["detectable"] == b.subtract(a).detectable(1 - 0.1 / found["n_tests"])
    assert found["significant"] == (found["p_holm"] <= 0.1)


def test_p_values_are_corrected_over_all_tests(board: Scoreboard) -> None:
    frame = board.frame()
    tested = frame["p"].notna()
    assert tested.sum() == 2 * len([*MEANS, *POPULATION])
    np.testing.assert_array_equal(frame.loc[tested, "p_holm"], adjust_holm(frame.loc[tested, "p"].to_numpy()))
    assert (frame.loc[tested, "p_holm"] > frame.loc[tested, "p"]).any()
    np.testing.assert_array_equal(frame.loc[tested, "significant"], frame.loc[tested, "p_holm"] <= 0.1)
    assert frame.loc[tested, "significant"].nunique() == 2


@pytest.fixture(scope="module")
def declared(evaluator: Evaluator) -> Scoreboard:
    """Two goals for `other`, one of them not among the usual measures."""
    models = {"now": STANDARD, "other": OTHER, "same": STANDARD}
    return Scoreboard.of(
        evaluator, models, level=0.9, seed=3, goals=["Recall@40", MeanFee(10)], candidate="other", measures=[NDCG(5)]
    )


def test_single_goal_keeps_its_own_p_value(evaluator: Evaluator, board: Scoreboard) -> None:
    one = Scoreboard.of(evaluator, {"now": STANDARD, "other": OTHER}, level=0.9, seed=3, goals=["Recall@40"])
    frame = one.frame()
    assert frame.loc[frame["declared"], ["model", "measure"]].to_numpy().tolist() == [["other", "Recall@40"]]
    found = row(frame, "other", "Recall@40")
    assert found["p_holm"] == found["p"] == row(board.frame(), "other", "Recall@40")["p"]
    assert found["n_tests"] == 1
    a, b = (values_of(evaluator, one, model)["Recall@40"] for model in ("now", "other"))
    assert found["detectable"] == compute_detectable_difference(a, b, 0.9)
    rest = frame[frame["p"].notna() & ~frame["declared"]]
    np.testing.assert_array_equal(rest["p_holm"], adjust_holm(rest["p"].to_numpy()))


def test_several_goals_are_corrected_among_themselves(declared: Scoreboard) -> None:
    frame = declared.frame()
    goals = frame[frame["declared"]]
    assert goals[["model", "measure"]].to_numpy().tolist() == [["other", "Recall@40"], ["other", "mean fee@10"]]
    np.testing.assert_array_equal(goals["p_holm"], adjust_holm(goals["p"].to_numpy()))
    assert (goals["n_tests"] == 2).all()
    rest = frame[frame["p"].notna() & ~frame["declared"]]
    assert (rest["n_tests"] == len(rest)).all()
    # the goals and the added measure are shown for every model, metrics before properties of lists
    shown = ["NDCG@10", "Recall@40", "NDCG@5", "mean fee@10", *(fact.name for fact in USER_FACTS), *POPULATION]
    assert frame.loc[frame["model"] == "same", "measure"].tolist() == shown


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"goals": ["NDCG@7"]}, ("measure",)),
        ({"goals": [NDCG(41)]}, ("k",)),
        ({"goals": ["NDCG@10"], "candidate": "now"}, ("candidate",)),
        ({"measures": [MeanFee(50)]}, ("k",)),
    ],
)
def test_invalid_goals_raise(evaluator: Evaluator, arguments: dict[str, object], key: tuple[str, ...]) -> None:
    with raises_at(ConfigurationError, *key):
        Scoreboard.of(evaluator, {"now": STANDARD, "other": OTHER}, **arguments)  # type: ignore[arg-type]


def test_prices_are_large_moves_in_the_bad_direction(declared: Scoreboard) -> None:
    frame = declared.frame()
    wanted = []
    for found in frame.to_dict("records"):
        loss = -find_good_sign(found["measure"]) * found["relative"]
        if found["model"] == "other" and not found["declared"] and loss > 0.1:
            wanted.append(found["measure"])
    prices = declared.prices()
    assert set(prices["measure"]) == set(wanted) > {"mean fee@40"}
    assert "mean fee@10" not in wanted  # prices do not contain declared goals
    assert prices["relative"].abs().is_monotonic_decreasing
    assert declared.prices("same").empty
    assert len(declared.prices(share=0.4)) < len(prices)


def test_disagreement_of_mark_and_interval_is_explained(board: Scoreboard) -> None:
    frame = board.frame()
    excludes_0 = (frame["difference_low"] > 0) | (frame["difference_high"] < 0)
    differ = frame[excludes_0 != frame["significant"]]
    found = board.disagreements()
    assert list(found) == list(zip(differ["model"], differ["measure"], strict=True))
    for reason in found.values():
        assert "among 20 exploratory tests this may be due to chance" in reason or "at the limit of both" in reason


# 2,000 draws have a standard error of 0.5 % for false positives of 5 %, and of 0.9 % for a power of 80 %
@pytest.mark.parametrize(
    ("draws", "slack"), [(60, 0.14), pytest.param(2_000, 0.0, marks=pytest.mark.long)], ids=["quick", "full"]
)
def test_marks_have_their_error_rate_and_printed_power(evaluator: Evaluator, draws: int, slack: float) -> None:
    board = Scoreboard.of(evaluator, {"now": STANDARD, "other": OTHER}, goals=["NDCG@10"])
    found = simulate_marks(board, draws)
    (false_positives,) = found.false_positives.values()
    assert 0.04 - slack <= false_positives <= 0.06 + slack / 2
    assert min(found.power.values()) >= 0.75 - slack
    assert np.mean(list(found.power.values())) <= 0.9 + slack / 4
    for phrase, marked in found.describe_false_positives("evaluate"):
        record_count("declared goal", phrase, marked, found.draws)
    for phrase in found.describe_power("evaluate"):
        record_count("power", phrase, found.draws)


def test_copy_of_baseline_has_difference_of_0(board: Scoreboard) -> None:
    frame = board.frame().set_index("model")
    nothing = ["difference", "difference_low", "difference_high", "relative", "p", "detectable", "p_holm"]
    assert frame.loc["now", nothing].isna().all(axis=None)
    assert not frame.loc["now", "significant"].any()
    double = frame.loc["same"]
    assert (double[["difference", "difference_low", "difference_high", "relative"]] == 0).all(axis=None)
    assert (double["p"].dropna() == 1).all()
    assert not double["significant"].any()


def test_missing_user_values_are_left_out_and_counted(evaluator: Evaluator) -> None:
    """Only a few jobs have a wage, and only some lists contain these jobs."""
    before = evaluator.holdout.data
    wages = before.tables.jobs["min_salary"].where(before.tables.jobs["job_id"] % 61 == 0)
    data = Dataset(before.tables.with_tables(jobs=before.tables.jobs.assign(min_salary=wages)), as_of=before.as_of)
    few = Evaluator(by_time(data, days=7), metrics=(NDCG(2),), k=40)
    models = {"a": OTHER, "b": STANDARD.with_weights({"category": 0.7, "location": 0.3})}
    board = Scoreboard.of(few, models)
    a, b = (values_of(few, board, model)["mean wage@40"] for model in models)
    both = ~np.isnan(a) & ~np.isnan(b)
    assert 2 <= both.sum() < min((~np.isnan(a)).sum(), (~np.isnan(b)).sum())
    found = row(board.frame(), "b", "mean wage@40")
    assert found["n"] == (~np.isnan(b)).sum()
    assert found["mean"] == b[~np.isnan(b)].mean()
    assert found["difference"] == pytest.approx((b[both] - a[both]).mean(), abs=1e-12)


def test_measures_beyond_list_length_are_omitted(evaluator: Evaluator) -> None:
    short = Evaluator(evaluator.holdout, metrics=(NDCG(2),), k=20, statistics=evaluator.statistics)
    assert Scoreboard.of(short, {"a": STANDARD}).frame()["measure"].tolist() == ["NDCG@2"]


def test_one_user_has_means_without_intervals(evaluator: Evaluator) -> None:
    alone = Evaluator(evaluator.holdout, users=evaluator.user_id[:1], metrics=evaluator.metrics)
    frame = Scoreboard.of(alone, {"a": STANDARD, "b": OTHER}).frame()
    assert (frame["n"] == 1).all()
    assert frame["mean"].notna().all()
    assert frame[["p", "detectable", "difference_low"]].isna().all(axis=None)
    assert not frame["significant"].any()


def test_single_model_has_no_differences(evaluator: Evaluator) -> None:
    board = Scoreboard.of(evaluator, {"now": STANDARD})
    assert board.frame()["difference"].isna().all()
    assert list(board.table().columns) == ["now"]
    assert len(board.plot().axes) == 1
    with raises_at(ConfigurationError, "models"):
        board.slices()
    with raises_at(ConfigurationError, "models"):
        Scoreboard.of(evaluator, {})


def test_table_marks_significant_differences(board: Scoreboard) -> None:
    table, frame = board.table(), board.frame()
    assert list(table.columns) == ["now", "other", "other − now", "same", "same − now"]
    assert list(table.index) == [*MEANS, *POPULATION]
    for measure, cell in table["other − now"].items():
        of = row(frame, "other", str(measure))
        numbers = [float(number) for number in re.findall(r"[-+][\d.e+-]*\d", cell)]
        expected = [of["difference"], of["difference_low"], of["difference_high"]]
        np.testing.assert_allclose(numbers, expected, rtol=1e-3)
        assert cell.endswith(" (*)") == of["significant"]
    np.testing.assert_array_equal(table["other"], frame.loc[frame["model"] == "other", "mean"])
    html = board._repr_html_()
    assert all(measure in html for measure in MEANS)
    assert board.summary == f"Scoreboard(now, other, same; {len(board.evaluator.user_id):,} users)"
    assert repr(board).split("\nnote: ") == [board.summary, *board.notes]


def test_model_name_is_escaped_in_html(evaluator: Evaluator) -> None:
    assert "<script>" not in Scoreboard.of(evaluator, {"<script>": STANDARD})._repr_html_()


def test_slices_equal_direct_calls(evaluator: Evaluator, board: Scoreboard) -> None:
    draws = Resamples.of(evaluator.user_id, seed=3)
    values = [board.evaluations[name].values for name in ("now", "other")]
    chosen = [one.of_users(evaluator.user_id) for one in make_slicings(evaluator.inputs)]
    pd.testing.assert_frame_equal(board.slices("other"), compare_slices(*values, chosen, draws, level=0.9))
    double = board.slices()  # default: the last model
    assert (double["difference"].dropna() == 0).all()
    slicing = Slicing.of("odd", evaluator.user_id, [str(user % 2) for user in evaluator.user_id.tolist()])
    assert board.slices("other", [slicing])["slice"].tolist() == ["0", "1"] * len(METRICS)
    for name in ("missing", "now"):
        with raises_at(ConfigurationError, "name"):
            board.slices(name)
    with raises_at(ConfigurationError, "slicings"):
        board.slices("other", [])


def test_plot_shows_values_of_frame(board: Scoreboard) -> None:
    panels, frame = board.plot().axes, board.frame()
    properties = [*(fact.name for fact in USER_FACTS), *POPULATION]
    columns = (("mean", METRICS, 1), ("difference", METRICS, 1), ("relative", properties, 100))
    assert len(panels) == len(columns)
    for axes, (column, measures, factor) in zip(panels, columns, strict=True):
        for line in axes.lines:
            if line.get_label() in board.evaluations:
                of = frame[(frame["model"] == line.get_label()) & frame["measure"].isin(measures)]
                np.testing.assert_allclose(line.get_xdata(), factor * of[column])
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in panels]
    assert labels[0] == METRICS
    assert labels[2][0] == "mean fee@40 ↑"
    assert labels[2][-1] == "concentration@40 ↓"
    # every property with a good direction has a shaded side
    assert len(panels[2].patches) == sum(find_good_sign(measure) != 0 for measure in properties)


def test_open_points_mark_insignificant_differences(board: Scoreboard) -> None:
    right, frame = board.plot().axes[1], board.frame()
    drawn = {str(line.get_label()): line for line in right.lines}
    for model in list(board.evaluations)[1:]:
        of = frame[(frame["model"] == model) & frame["measure"].isin(METRICS)]
        no = ~of["significant"].to_numpy(dtype=bool)
        found = drawn[f"_{model}, open"]
        np.testing.assert_array_equal(found.get_xdata(), of["difference"][no])
        np.testing.assert_array_equal(found.get_ydata(), drawn[model].get_ydata()[no])


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_invalid_level_raises(evaluator: Evaluator, level: float) -> None:
    with raises_at(ConfigurationError, "level"):
        Scoreboard.of(evaluator, {"a": STANDARD, "b": OTHER}, level=level).frame()
