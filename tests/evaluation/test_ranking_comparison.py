"""Comparison of two rankings of the same users: movement and exposure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset, Tables
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import Coverage, ListFacts, MeanFee, Miscalibration
from scoring.evaluation.exposure_changes import ATTRIBUTES, COLUMN, UNKNOWN, JobAttribute, compute_exposure_changes
from scoring.evaluation.ranking_comparison import Comparison, movements
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.ranking import Prepared, Ranking
from scoring.ranking.list_overlap import find_places, overlap, rank_biased_overlap
from scoring.statistics import Statistics
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_unknown
from tests.support.figure_checks import assert_readable


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_market(60, 400, 2_000, seed=3).tables


@pytest.fixture(scope="module")
def before(tables: Tables) -> Prepared:
    return Prepared.of(Dataset(tables), load_model("standard"))


@pytest.fixture(scope="module")
def after(before: Prepared) -> Prepared:
    """Other weights and a minimum fee, so that some lists are shorter."""
    flat = {part.name: 1.0 for part in before.model.parts} | {"fee": 6.0}
    return before.with_model(before.model.with_weights(flat).with_eligibility(min_fee=3_000, company_cooldown_days=60))


@pytest.fixture(scope="module")
def comparison(before: Prepared, after: Prepared) -> Comparison:
    return Comparison.of(before, after, k=12)


def hand_made(users: list[int], lists: list[list[int]], k: int) -> Ranking:
    job_id = np.full((len(users), k), -1, dtype=np.int64)
    for row, jobs in enumerate(lists):
        job_id[row, : len(jobs)] = jobs
    count = np.array([len(jobs) for jobs in lists], dtype=np.int32)
    return Ranking(np.array(users), job_id, job_id, np.zeros((len(users), k, 4), np.float32), count)


def test_movements_by_hand() -> None:
    was = hand_made([7, 8], [[1, 2, 3, 4], []], 4)
    now = hand_made([8, 7], [[9], [3, 1, 5, 4]], 4)
    frame = movements(was, now)
    assert frame["user_id"].tolist() == [7] * 5 + [8]
    assert frame["job_id"].tolist() == [3, 1, 5, 4, 2, 9]
    assert frame["label"].tolist() == ["▲2", "▼1", "new", "=", "out", "new"]
    assert frame["moved"].tolist() == [2, -1, pd.NA, 0, pd.NA, pd.NA]
    assert frame["rank_before"].tolist() == [3, 1, pd.NA, 4, 2, pd.NA]
    assert frame["rank_after"].tolist() == [1, 2, 3, 4, pd.NA, 1]


def test_movements_equal_join_of_both_lists(comparison: Comparison) -> None:
    columns = ["user_id", "job_id", "rank"]
    joined = comparison.before.frame()[columns].merge(
        comparison.after.frame()[columns], on=["user_id", "job_id"], how="outer", suffixes=("_before", "_after")
    )
    movements_frame = comparison.movements().sort_values(["user_id", "job_id"])
    assert (
        movements_frame["rank_before"].to_numpy(float, na_value=0).tolist() == joined["rank_before"].fillna(0).tolist()
    )
    assert movements_frame["rank_after"].to_numpy(float, na_value=0).tolist() == joined["rank_after"].fillna(0).tolist()
    assert (movements_frame["label"] == "new").sum() == joined["rank_before"].isna().sum() > 0
    assert (movements_frame["label"] == "out").sum() == joined["rank_after"].isna().sum() > 0


def test_movements_of_one_user_equal_rows_of_all(comparison: Comparison) -> None:
    every = comparison.movements()
    for user in comparison.before.user_id[:5].tolist():
        one = every[every["user_id"] == user].reset_index(drop=True)
        pd.testing.assert_frame_equal(comparison.movements(user), one)
    with raises_unknown("user", 987654):
        comparison.movements(987654)


def test_comparison_frame_equals_plain_lists(comparison: Comparison) -> None:
    frame = comparison.frame()
    lists = [
        {user: part["job_id"].tolist() for user, part in ranking.frame().groupby("user_id")}
        for ranking in (comparison.before, comparison.after)
    ]
    for row in frame.itertuples():
        a, b = (part.get(row.user_id, []) for part in lists)
        assert row.overlap == pytest.approx(len(set(a) & set(b)) / max(len(a), len(b)))
        assert row.new == pytest.approx(len(set(b) - set(a)) / len(b))
        assert row.changed == (a != b)
        assert row.first_changed == (a[:1] != b[:1])
        assert (row.jobs_before, row.jobs_after) == (len(a), len(b))
    assert comparison.mean_overlap == pytest.approx(frame["overlap"].mean())
    assert comparison.share_changed == frame["changed"].mean() > 0
    assert f"{comparison.mean_overlap:.1%}" in repr(comparison)
    summary = comparison.summary()["value"]
    assert summary["rank-biased overlap (p = 0.9), mean"] == comparison.mean_rbo == pytest.approx(frame["rbo"].mean())


def test_same_model_changes_no_list(before: Prepared) -> None:
    same = Comparison.of(before, before.with_model(before.model), k=10)
    assert (same.mean_overlap, same.share_changed, same.share_first_changed) == (1, 0, 0)
    assert same.mean_rbo == pytest.approx(1)
    assert set(same.movements()["label"]) == {"="}
    for by in ("company", "prefecture", "occupation"):
        assert not same.exposure(by)["change"].any()
    assert_readable(same.plot())


@pytest.mark.parametrize("by", ["company", "prefecture", "occupation"])
def test_exposure_equals_count_of_list_entries(comparison: Comparison, tables: Tables, by: str) -> None:
    frame = comparison.exposure(by)
    of_job = tables.jobs.set_index("job_id")[COLUMN[by]]
    for when, ranking in (("before", comparison.before), ("after", comparison.after)):
        entries, worth = Counter[object](), Counter[object]()
        for row in ranking.frame().itertuples():
            value = of_job[row.job_id]
            key = UNKNOWN if pd.isna(value) else value
            entries[key] += 1
            worth[key] += 1 / math.log2(1 + row.rank)
        keys = [UNKNOWN if pd.isna(value) else value for value in frame[COLUMN[by]]]
        assert len(set(keys)) == len(keys)
        assert frame[f"places_{when}"].tolist() == [entries[key] for key in keys]
        assert frame[f"weighted_{when}"].tolist() == pytest.approx([worth[key] for key in keys])
        assert frame[f"places_{when}"].sum() == ranking.count.sum()
        assert frame[f"share_{when}"].sum() == pytest.approx(1)
    assert frame["change"].abs().is_monotonic_decreasing
    assert frame["change"].tolist() == (frame["places_after"] - frame["places_before"]).tolist()
    assert frame["name"].notna().all()


def test_attribute_read_before_gives_the_same_exposure(comparison: Comparison) -> None:
    for by in ATTRIBUTES:
        expected = compute_exposure_changes(comparison.before, comparison.after, comparison.inputs, by)
        pd.testing.assert_frame_equal(comparison.exposure(JobAttribute.of(comparison.inputs, by)), expected)


def test_exposure_counts_missing_company_as_unknown(tables: Tables, comparison: Comparison) -> None:
    jobs = tables.jobs.copy()
    jobs["company_id"] = jobs["company_id"].where(jobs["job_id"] % 2 == 0)
    jobs["company_name"] = None
    prepared = Prepared.of(Dataset(tables.with_tables(jobs=jobs)), load_model("standard"))
    frame = compute_exposure_changes(comparison.before, comparison.after, prepared.inputs).set_index("name")
    odd = comparison.before.frame()["job_id"] % 2 == 1
    assert frame.loc[UNKNOWN, "places_before"] == odd.sum() > 0
    assert frame["company_id"].isna().sum() == 1
    known = frame.drop(index=UNKNOWN)
    assert known.index.tolist() == known["company_id"].tolist()  # companies without a name are shown by their id


def test_exposure_counts_each_value_of_a_list(tables: Tables, comparison: Comparison) -> None:
    own = {"tags": [["a", "b"] if job_id % 2 else ["b"] for job_id in tables.jobs["job_id"]]}
    frames = {name: getattr(tables, name) for name in ("jobs", "users", "actions")}
    frames["jobs"] = frames["jobs"].assign(**own)
    inputs = Inputs.of(Statistics(Dataset.from_frames(**frames, own_columns={"jobs": {"tags": "categories"}})))
    frame = compute_exposure_changes(comparison.before, comparison.after, inputs, "tags").set_index("tags")
    listed = comparison.before.frame()["job_id"]
    assert frame["places_before"].to_dict() == {"a": (listed % 2 == 1).sum(), "b": len(listed)}


def test_of_rankings_cuts_and_reorders_lists(comparison: Comparison) -> None:
    before, after = comparison.before, comparison.after
    turned = replace(after, **{n: getattr(after, n)[::-1] for n in ("user_id", "job_id", "job_row", "scores", "count")})
    runs = Comparison.of_rankings(before, turned, comparison.inputs, k=5)
    assert runs.after.user_id.tolist() == before.user_id.tolist()
    a, b = before.job_id[:, :5], after.job_id[:, :5]
    counts = np.minimum(before.count, 5), np.minimum(after.count, 5)
    place = find_places(a, counts[0], b, counts[1])
    assert runs.frame()["overlap"].tolist() == overlap(place, *counts).tolist()
    assert runs.frame()["rbo"].tolist() == rank_biased_overlap(place, *counts).tolist()


def test_incomparable_rankings_raise(before: Prepared, comparison: Comparison) -> None:
    a, b = hand_made([1, 2], [[1], [2]], 1), hand_made([1, 3], [[1], [2]], 1)
    with raises_at(ConfigurationError, "after"):
        movements(a, b)
    twice = hand_made([1, 1], [[1], [2]], 1)
    with raises_at(ConfigurationError, "user_id"):
        movements(twice, twice)
    with raises_at(ConfigurationError, "users"):
        Comparison.of(before, before, users=[])
    with raises_at(ConfigurationError, "by"):
        comparison.exposure("city")  # type: ignore[arg-type]
    with raises_unknown("job", 10_000_000):
        compute_exposure_changes(hand_made([1], [[10_000_000]], 1), a, comparison.inputs)
    other = Prepared.of(Dataset(make_market(60, 400, 2_000, seed=4).tables), before.model)
    with raises_at(ConfigurationError, "after"):
        Comparison.of(before, other)


def test_plot_counts_every_user_and_names_gains(comparison: Comparison) -> None:
    figure = comparison.plot("prefecture", most=3)
    assert_readable(figure)
    users, gains, properties = figure.axes
    assert sum(bar.get_height() for bar in users.patches) == len(comparison.before.user_id)
    change = comparison.exposure("prefecture")["change"]
    assert max(bar.get_width() for bar in gains.patches) == change.max() > 0
    assert min(bar.get_width() for bar in gains.patches) == change.min() < 0
    assert len(gains.patches) == 6
    changes = comparison.measures()["relative"]
    assert [bar.get_width() for bar in properties.patches] == pytest.approx((100 * changes).tolist())


def test_measures_equal_facts_of_both_sides(before: Prepared, after: Prepared, comparison: Comparison) -> None:
    frame = comparison.measures().set_index("measure")
    open_to_some = before.plan.exclusions.open_to_all | after.plan.exclusions.open_to_all
    facts = ListFacts.of(before.inputs, open_to_some)
    sides = comparison.before, comparison.after
    for fact in (MeanFee(12), Miscalibration(12)):
        a, b = (fact.of(side, facts) for side in sides)
        known = ~(np.isnan(a) | np.isnan(b))
        row = frame.loc[fact.name]
        assert row[["before", "after"]].tolist() == pytest.approx([a[known].mean(), b[known].mean()])
        assert row["relative"] == pytest.approx((row["after"] - row["before"]) / row["before"])
    coverage = [Coverage(12).of(side, facts).value for side in sides]
    assert frame.loc["coverage@12", ["before", "after"]].tolist() == coverage
    assert frame.loc["mean fee@12", "relative"] > 0.1  # the model after requires a minimum fee
    whole = Comparison.of_rankings(*sides, before.inputs).measures().set_index("measure")
    n_jobs = len(before.inputs.jobs)
    assert whole.loc["coverage@12", "before"] == pytest.approx(coverage[0] * open_to_some.sum() / n_jobs)


def test_empty_lists_have_no_measures(comparison: Comparison) -> None:
    nothing = hand_made([7], [[]], 0)
    assert Comparison.of_rankings(nothing, nothing, comparison.inputs).measures().empty
