"""Slices cover all users in order. A slice that lost is flagged; chance differences are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation import Evaluator, JobSlicing, Scoreboard, by_time
from scoring.evaluation.metrics import Recall
from scoring.evaluation.significance import Resamples, adjust_holm
from scoring.evaluation.slices import (
    SLICINGS,
    Slicing,
    compare_slices,
    compute_slice_means,
    make_slicings,
    slice_by,
    slices_of,
)
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_unknown

NAN = float("nan")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset(make_market(300, 500, 4_000, seed=11).tables)


@pytest.fixture(scope="module")
def inputs(dataset: Dataset) -> Inputs:
    return Prepared.of(dataset, load_model("standard")).inputs


@pytest.fixture(scope="module")
def slicings(inputs: Inputs) -> dict[str, Slicing]:
    return {slicing.name: slicing for slicing in make_slicings(inputs)}


def test_slices_of_is_deprecated(inputs: Inputs) -> None:
    with pytest.warns(DeprecationWarning, match="make_slicings"):
        assert [slicing.name for slicing in slices_of(inputs)] == list(SLICINGS)


def labels_of(slicing: Slicing) -> list[str]:
    assert not slicing.overlaps
    return [slicing.labels[code] for code in slicing.masks.argmax(axis=0)]


def test_each_user_is_in_one_slice_per_slicing(slicings: dict[str, Slicing]) -> None:
    assert list(slicings) == ["region", "age group", "tenure", "occupation"]
    for slicing in slicings.values():
        assert (slicing.masks.sum(axis=0) == 1).all()
        assert slicing.frame()["n"].sum() == 300
        assert (slicing.frame()["n"] > 0).all()


def test_regions_follow_table_order(dataset: Dataset, slicings: dict[str, Slicing]) -> None:
    table = dataset.tables.prefectures
    by_code = table.set_index("prefecture_code")["region"].to_dict()
    homes = [by_code.get(code, "unknown") for code in dataset.tables.users["prefecture_code"]]
    assert labels_of(slicings["region"]) == homes
    assert "unknown" in homes
    order = [*table["region"].drop_duplicates(), "unknown"]
    assert list(slicings["region"].labels) == [region for region in order if region in homes]


def test_age_groups_are_sorted(dataset: Dataset, slicings: dict[str, Slicing]) -> None:
    assert labels_of(slicings["age group"]) == dataset.tables.users["age_group"].fillna("unknown").tolist()
    assert list(slicings["age group"].labels) == ["18-24", "25-34", "35-44", "45-54", "55-64", "65+", "unknown"]


def test_newcomers_by_days_and_actions(dataset: Dataset, inputs: Inputs, slicings: dict[str, Slicing]) -> None:
    users, actions = dataset.tables.users, dataset.tables.actions
    n_actions = actions.drop_duplicates().groupby("user_id").size().reindex(users["user_id"]).fillna(0).to_numpy()
    age = (dataset.as_of - users["registered_at"]).dt.total_seconds().to_numpy() / 86_400
    new = (age <= 30) | (n_actions < 5)
    assert labels_of(slicings["tenure"]) == np.where(new, "newcomer", "regular").tolist()
    assert 0 < new.sum() < 300
    by_days = make_slicings(inputs, newcomer_days=400, newcomer_actions=0)[2]
    assert labels_of(by_days) == np.where(age <= 400, "newcomer", "regular").tolist()
    assert make_slicings(inputs, newcomer_days=0, newcomer_actions=0)[2].labels == ("regular",)


def test_occupation_group_is_of_first_preference(dataset: Dataset, slicings: dict[str, Slicing]) -> None:
    major = dataset.tables.occupations.set_index("occupation_code")["major_code"].to_dict()
    wanted = dataset.tables.users["preferred_occupations"]
    expected = [str(major[one[0]]) if one else "unknown" for one in wanted]
    assert [label.split()[0] for label in labels_of(slicings["occupation"])] == expected
    numbers = [int(label.split()[0]) for label in slicings["occupation"].labels[:-1]]
    assert numbers == sorted(numbers)
    assert slicings["occupation"].labels[0] == "100 カフェスタッフ …"


def test_occupation_groups_without_names_keep_codes(dataset: Dataset) -> None:
    tables = dataset.tables
    alone = tables.occupations["major_code"].eq(200) & ~tables.occupations["occupation_code"].eq(203)
    changed = tables.occupations[~alone].assign(name=lambda frame: frame["name"].mask(frame["major_code"].eq(100)))
    labels = make_slicings(Prepared.of(Dataset(tables.with_tables(occupations=changed)), load_model("standard")).inputs)
    assert "100" in labels[3].labels
    assert f"200 {changed.set_index('occupation_code').loc[203, 'name']}" in labels[3].labels


def test_occupation_group_is_named_by_its_code(dataset: Dataset) -> None:
    tables = dataset.tables
    group = pd.DataFrame({"occupation_code": [100], "name": ["food"], "major_code": [100]}).astype(
        tables.occupations.dtypes.to_dict()
    )
    named = Dataset(tables.with_tables(occupations=pd.concat([tables.occupations, group], ignore_index=True)))
    labels = make_slicings(Prepared.of(named, load_model("standard")).inputs)[3].labels
    assert "food" in labels
    assert not [label for label in labels if label.startswith("100 ")]
    assert [label for label in labels if label.startswith("200 ")]


def test_labels_are_sorted_naturally() -> None:
    slicing = Slicing.of("age", np.arange(6), ["100+", "9", "18-24", None, "9", "teens"])
    assert slicing.labels == ("9", "18-24", "100+", "teens", "unknown")
    assert slicing.masks.argmax(axis=0).tolist() == [2, 0, 1, 4, 0, 3]
    assert repr(slicing) == "Slicing(age: 9, 18-24, 100+, teens, unknown; 6 users)"


def test_invalid_slicings_raise() -> None:
    with raises_at(ConfigurationError, "label"):
        Slicing.of("age", np.arange(3), ["a", "b"])
    with raises_at(ConfigurationError, "order", match="'b'"):
        Slicing.of("age", np.arange(2), ["a", "b"], ["a"])
    with raises_unknown("user", 7):
        Slicing.of("age", np.arange(2), ["a", "b"]).of_users(np.array([1, 7]))


def test_of_users_keeps_given_order() -> None:
    slicing = Slicing.of("part", np.array([5, 6, 7]), ["a", "b", "a"]).of_users(np.array([7, 6]))
    assert slicing.user_id.tolist() == [7, 6]
    assert slicing.frame().to_numpy().tolist() == [["a", 1], ["b", 1]]


def test_means_leave_out_and_count_missing_values() -> None:
    slicing = Slicing.of("part", np.arange(5), ["a", "a", "b", "a", "b"])
    frame = compute_slice_means({"x": [1.0, NAN, NAN, 2.0, NAN]}, slicing)
    assert frame.columns.tolist() == ["metric", "slicing", "slice", "n", "n_left_out", "mean"]
    assert frame.iloc[0].tolist() == ["x", "part", "a", 2, 1, 1.5]
    assert frame.iloc[1].tolist()[:-1] == ["x", "part", "b", 0, 2]
    assert np.isnan(frame["mean"][1])


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    """Differences of 300 users: slice b lost, a and c changed by chance, and "few" has 20 users, too few to test."""
    rng = np.random.default_rng(3)
    part = np.array(["few"] * 20 + ["a", "b"] * 100 + ["c"] * 80)
    slicing = Slicing.of("part", np.arange(300), part.tolist())
    halves = Slicing.of("half", np.arange(300), np.where(np.arange(300) % 2, "odd", "even").tolist())
    a = {"x": rng.random(300), "y": rng.random(300)}
    b = {name: values + rng.normal(0, 0.1, 300) for name, values in a.items()}
    b["x"] -= np.where(np.isin(part, ("b", "few")), 0.1, 0.0)
    b["y"][part == "c"] = NAN
    return compare_slices(a, b, [slicing, halves], Resamples.of(np.arange(300)))


def test_planted_loss_in_slice_is_found(compared: pd.DataFrame) -> None:
    worse = compared[compared["worse"]]
    # users of b have odd ids
    assert worse[["metric", "slicing", "slice"]].to_numpy().tolist() == [["x", "part", "b"], ["x", "half", "odd"]]
    assert worse["difference"].tolist() == pytest.approx([-0.1, -0.07], abs=0.03)
    assert (worse["high"] < 0).all()


def test_small_slices_are_not_tested(compared: pd.DataFrame) -> None:
    frame = compared.set_index(["metric", "slice"])
    assert frame.loc[("x", "few"), "n"] == 20
    assert frame.loc[("x", "few"), "difference"] < 0
    assert not frame.loc[("x", "few"), "tested"]
    assert np.isnan(frame.loc[("x", "few"), "p_holm"])
    assert frame.loc[("y", "c"), ["n", "n_left_out", "tested"]].tolist() == [0, 80, False]
    assert frame["tested"].sum() == 9


def test_p_values_are_corrected_over_all_tests(compared: pd.DataFrame) -> None:
    tested = compared[compared["tested"]]
    assert tested["p_holm"].to_numpy() == pytest.approx(adjust_holm(tested["p"]))
    assert tested["p_holm"].min() == pytest.approx(9 * tested["p"].min())


def test_gain_is_marked_better_not_worse() -> None:
    a = {"x": np.zeros(60)}
    b = {"x": np.random.default_rng(0).random(60)}
    slicing = Slicing.of("all", np.arange(60), ["all"] * 60)
    resamples = Resamples.of(np.arange(60))
    assert compare_slices(a, b, slicing, resamples)["worse"].tolist() == [False]
    assert compare_slices(b, a, slicing, resamples)["worse"].tolist() == [True]


def test_noise_is_rarely_marked_worse() -> None:
    rng = np.random.default_rng(1)
    slicing = Slicing.of("part", np.arange(200), [str(place % 4) for place in range(200)])
    resamples = Resamples.of(np.arange(200), n_permutations=1_999)
    flagged = 0
    for _ in range(100):
        a = {f"m{place}": rng.random(200) for place in range(3)}
        b = {name: values + rng.normal(0, 0.2, 200) for name, values in a.items()}
        flagged += bool(compare_slices(a, b, slicing, resamples)["worse"].any())
    assert flagged <= 9  # of 100 at 2.5 % each (losses only): more than 9 has a probability of 1 in 5,000


def test_incomparable_slices_raise() -> None:
    slicing = Slicing.of("part", np.arange(3), ["a"] * 3)
    resamples, x = Resamples.of(np.arange(3)), {"x": np.zeros(3)}
    with raises_at(ConfigurationError, "a", "b"):
        compare_slices(x, {"y": np.zeros(3)}, slicing, resamples)
    with raises_at(ConfigurationError, "a", "b"):
        compare_slices({}, {}, slicing, resamples)
    with raises_at(ConfigurationError, "x"):
        compare_slices({"x": np.zeros(2)}, x, slicing, resamples)
    with raises_at(ConfigurationError, "slicings"):
        compare_slices(x, x, [], resamples)
    with raises_at(ConfigurationError, "part"):
        compare_slices(x, x, slicing.of_users(np.array([2, 1, 0])), resamples)


USERS = pd.DataFrame(
    {
        "user_id": np.arange(1, 9),
        "visits": [1, 2, 3, 4, 5, 6, 7, None],
        "segment": ["b", "a", "b", None, "c", "a", "b", "d"],
        "is_paid": [True, False] * 4,
        "since": pd.to_datetime(["2024-01-01"] * 7 + ["2025-01-01"]),
        "year": [1922, 1930, 1931, 1932, 1992, 1993, 2001, 20_010],
        "genres": [["war"], ["war", "drama", "war"], (), None, np.array(["drama"]), ["film"], ["war"], ["unknown"]],
    }
)


@pytest.mark.parametrize(
    ("column", "options", "expected"),
    [
        ("visits", {"n_groups": 2}, {"1 to 4": 4, "5 to 7": 3, "unknown": 1}),
        ("visits", {"n_groups": 7}, {str(number): 1 for number in range(1, 8)} | {"unknown": 1}),
        ("segment", {}, {"a": 2, "b": 3, "c": 1, "d": 1, "unknown": 1}),
        ("segment", {"most": 2}, {"a": 2, "b": 3, "other": 2, "unknown": 1}),
        ("segment", {"labels": {"b": "bronze"}}, {"a": 2, "bronze": 3, "c": 1, "d": 1, "unknown": 1}),
        ("is_paid", {}, {"no": 4, "yes": 4}),
        ("year", {"n_groups": 2}, {"1922 to 1932": 4, "1992 to 20,010": 4}),
        ("genres", {}, {"drama": 2, "film": 1, "war": 3, "unknown": 3}),
        ("genres", {"most": 1}, {"war": 3, "other": 4, "unknown": 2}),
        ("since", {}, {"2024-01-01": 7, "2025-01-01": 1}),
    ],
)
def test_slice_by_cuts_numbers_and_groups_values(column: str, options: dict, expected: dict[str, int]) -> None:
    slicing = slice_by(USERS, column, **options)
    frame = slicing.frame()
    assert dict(zip(frame["slice"], frame["n"], strict=True)) == expected
    assert slicing.name == column


def test_user_is_in_the_slice_of_each_value_of_a_list() -> None:
    slicing = slice_by(USERS, "genres").of_users(np.array([2, 6]))
    assert slicing.overlaps
    assert dict(zip(slicing.labels, slicing.masks.tolist(), strict=True)) == {
        "drama": [True, False],
        "film": [False, True],
        "war": [True, False],
        "unknown": [False, False],
    }
    assert not slice_by(USERS, "segment").overlaps


def test_column_with_a_value_per_user_raises() -> None:
    users = pd.DataFrame({"user_id": np.arange(13), "email": [f"{name}@x.jp" for name in "abcdefghijklm"]})
    with raises_at(ConfigurationError, "email", match="identifies users"):
        slice_by(users, "email")
    assert slice_by(users.assign(email="a@x.jp"), "email").labels == ("a@x.jp",)


def test_slice_by_names_groups_of_one_day_by_time() -> None:
    times = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(12), unit="h")
    labels = slice_by(pd.DataFrame({"user_id": np.arange(12), "at": times}), "at", n_groups=3).labels
    assert len(set(labels)) == 3


@pytest.mark.parametrize(
    ("column", "options", "key", "word"),
    [
        ("segments", {}, "segments", "Did you mean segment?"),
        ("visits", {"n_groups": 0}, "n_groups", "integer"),
        ("user_id", {}, "user_id", "identifies users"),
        ("external_id", {}, "external_id", "identifies users"),
    ],
)
def test_slice_by_rejects_invalid_arguments(column: str, options: dict, key: str, word: str) -> None:
    with raises_at(ConfigurationError, key, match=word):
        slice_by(USERS, column, **options)


def test_slices_of_jobs_count_their_relevant_jobs_only(dataset: Dataset) -> None:
    frames = {name: frame for name, frame in dataset.tables.items() if not name.endswith("_factors")}
    level = np.where(frames["jobs"]["job_id"] % 3 == 0, "senior", "junior")
    tags = [["a", "b"] if job_id % 2 else ["b"] for job_id in frames["jobs"]["job_id"]]
    frames["jobs"] = frames["jobs"].assign(level=np.where(frames["jobs"]["job_id"] % 50 == 0, None, level), tags=tags)
    market = Dataset.from_frames(**frames, own_columns={"jobs": {"level": "category", "tags": "categories"}})
    evaluator = Evaluator(by_time(market, market.as_of - pd.Timedelta(days=30), days=30.0), metrics=(Recall(40),))
    models = {name: load_model(name) for name in ("standard", "classic")}
    board = Scoreboard.of(evaluator, models)
    slicing = JobSlicing.by(evaluator.inputs, "level")
    assert slicing.labels == ("junior", "senior", "unknown")
    users = slice_by(market.tables.users, "age_group")
    tags = JobSlicing.by(evaluator.inputs, "tags")
    found = board.slices("classic", [users, slicing, tags])
    assert found["slicing"].unique().tolist() == ["age_group", "job.level", "job.tags"]
    assert (tags.overlaps, slicing.overlaps) == (True, False)
    of_all = found[found["slice"] == "b"].iloc[0]  # all jobs have the value b
    assert of_all["mean_a"] == board.frame().set_index(["model", "measure"]).loc[("standard", "Recall@40"), "mean"]
    assert found["p_holm"].notna().sum() == found["p"].notna().sum()
    level_of = market.tables.jobs.set_index("job_id")["level"].fillna("unknown")
    pairs = evaluator.holdout.relevance.frame().assign(level=lambda rows: rows["job_id"].map(level_of))
    listed = board.evaluations["standard"].ranking.frame()[["user_id", "job_id"]].assign(hit=1.0)
    pairs = pairs.merge(listed, how="left", on=["user_id", "job_id"]).fillna({"hit": 0.0})
    for label, rows in pairs.groupby("level"):
        row = found[(found["slicing"] == "job.level") & (found["slice"] == label)].iloc[0]
        recall = rows.groupby("user_id")["hit"].mean()
        assert (row["n"], row["n_left_out"]) == (len(recall), len(evaluator.user_id) - len(recall))
        assert row["mean_a"] == pytest.approx(recall.mean())


def test_slices_of_jobs_need_groups(inputs: Inputs) -> None:
    for column in ("title", "no such column"):
        with pytest.raises(ConfigurationError):
            JobSlicing.by(Inputs.of(inputs.dataset, basis=inputs.basis, jobs=_with_unique_titles(inputs)), column)


def _with_unique_titles(inputs: Inputs) -> pd.DataFrame:
    jobs = inputs.dataset.tables.jobs
    return jobs.assign(title=[f"title {n}" for n in range(len(jobs))])
