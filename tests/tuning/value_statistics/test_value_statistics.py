"""Component values, their spread and correlations, compared with explanations, pandas and SciPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy  # scipy.stats is imported on first use: the import takes 0.5 s
from hypothesis import strategies as st

import scoring
from scoring.errors import ConfigurationError, NotEnoughMemoryError
from scoring.model import WeightProfile
from scoring.ranking import Prepared
from scoring.runs import memory_forecast
from scoring.testing import small_dataset
from scoring.tuning.value_statistics import (
    Sample,
    component_distributions,
    component_values,
    compute_component_values,
    correlations,
    draw_sample,
    value_frame,
)
from scoring.tuning.value_statistics.correlation import _centre_values
from tests.support.errors import raises_at, raises_unknown, raises_with
from tests.support.example_counts import try_examples
from tests.support.figure_checks import assert_readable
from tests.support.full_rankings import random_prepared
from tests.support.prepared_markets import small

EVERYTHING = {"n_users": 10**6, "n_jobs": 10**6}


@pytest.fixture(scope="module")
def ready() -> Prepared:
    return small(n_users=40, n_jobs=200)


@pytest.fixture(scope="module")
def every_pair(ready: Prepared) -> pd.DataFrame:
    """Return component values of all eligible pairs of active users."""
    return eligible_values(ready)


def eligible_values(ready: Prepared) -> pd.DataFrame:
    """Return component values of eligible pairs, selected from the values of all pairs."""
    frame = compute_component_values(ready)
    return frame[ready.plan.exclusions.matrix(ready.active_users).ravel()].reset_index(drop=True)


def names_of(ready: Prepared) -> list[str]:
    return [part.name for part in ready.model.parts]


# Values


def test_component_values_is_deprecated(ready: Prepared) -> None:
    users, jobs = ready.plan.user_id[:2].tolist(), ready.plan.job_id[:3].tolist()
    with pytest.warns(DeprecationWarning, match="compute_component_values"):
        found = component_values(ready, users, jobs)
    pd.testing.assert_frame_equal(found, compute_component_values(ready, users, jobs))


@try_examples(6, 15, seed=st.integers(0, 10**6))
def test_values_and_totals_equal_explanations(seed: int) -> None:
    ready, random = random_prepared(seed), np.random.default_rng(seed)
    users, jobs = random.choice(ready.plan.user_id, 3), random.choice(ready.plan.job_id, 4)  # with duplicates
    frame = compute_component_values(ready, users, jobs)
    assert frame.columns.tolist() == ["user_id", "job_id", *names_of(ready), "total"]
    assert frame["user_id"].tolist() == [user for user in users for _ in jobs]
    assert frame["job_id"].tolist() == jobs.tolist() * len(users)
    for row in frame.to_dict("records"):
        explanation = ready.explain(row["user_id"], row["job_id"])
        assert {part.name: row[part.name] for part in explanation.parts} == {
            part.name: part.value for part in explanation.parts
        }
        assert row["total"] == explanation.total


def test_default_is_all_active_users_and_all_jobs(ready: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compute_component_values(ready)
    assert whole["user_id"].unique().tolist() == ready.plan.user_id[ready.active_users].tolist()
    totals = ready.scorer.all_pairs(ready.active_users)[0]
    assert whole["total"].to_numpy().tolist() == totals.ravel().tolist()
    assert whole.dtypes.value_counts().to_dict() == {
        np.dtype("int64"): 2,
        np.dtype("float64"): 11,
        np.dtype("float32"): 1,
    }
    monkeypatch.setattr(value_frame, "BLOCK_BYTES", 50_000)  # a few users at a time
    pd.testing.assert_frame_equal(compute_component_values(ready), whole)


def test_no_users_or_no_jobs_give_no_rows(ready: Prepared) -> None:
    for users, jobs in (([], None), (None, []), ([], [])):
        frame = compute_component_values(ready, users, jobs)
        assert len(frame) == 0
        assert frame.columns.tolist() == ["user_id", "job_id", *names_of(ready), "total"]


def test_too_little_memory_raises_before_any_work(ready: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = value_frame.estimate_bytes(len(ready.active_users), len(ready.plan.job_id), 11)
    assert needed > compute_component_values(ready).memory_usage(index=False).sum()
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: needed - 1)
    monkeypatch.setattr(ready.scorer, "components", None)
    with raises_with(NotEnoughMemoryError, bytes_needed=needed, bytes_available=needed - 1):
        compute_component_values(ready)
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: 1000)
    with raises_with(NotEnoughMemoryError, bytes_available=1000) as raised:
        draw_sample(ready)
    assert "n_users=" in raised.value.alternatives[0]


def test_component_with_name_of_other_column_raises() -> None:
    model = scoring.load_model("standard")
    renamed = [replace(part, name="total") if part.name == "fee" else part for part in model.parts]
    base = {"total" if name == "fee" else name: weight for name, weight in model.weights.components["base"].items()}
    weights = WeightProfile(model.weights.groups, {**model.weights.components, "base": base})
    ready = Prepared.of(small_dataset(1), replace(model, parts=tuple(renamed), weights=weights))
    with raises_at(ConfigurationError, "total"):
        compute_component_values(ready)


def test_unknown_ids_raise(ready: Prepared) -> None:
    with raises_unknown("user", 999_999):
        compute_component_values(ready, [999_999])
    with raises_unknown("job", -1):
        compute_component_values(ready, None, [-1])
    with raises_unknown("user", 999_999):
        draw_sample(ready, [999_999])


# The sample


def pairs(sample: Sample) -> list[tuple[int, int]]:
    return list(zip(np.repeat(sample.user_id, sample.lengths).tolist(), sample.job_id.tolist(), strict=True))


def test_large_sample_contains_all_pairs(ready: Prepared, every_pair: pd.DataFrame) -> None:
    sample = draw_sample(ready, **EVERYTHING)
    assert sample.is_complete
    assert pairs(sample) == list(every_pair[["user_id", "job_id"]].itertuples(index=False, name=None))
    assert sample.values.tolist() == every_pair[names_of(ready)].to_numpy().T.tolist()


def test_draw_returns_distinct_eligible_pairs_by_seed(ready: Prepared, every_pair: pd.DataFrame) -> None:
    eligible = set(every_pair[["user_id", "job_id"]].itertuples(index=False, name=None))
    one, same, other = (draw_sample(ready, n_users=10, n_jobs=20, seed=seed) for seed in (1, 1, 2))
    assert pairs(one) == pairs(same) != pairs(other)
    assert len(set(pairs(one))) == len(one) == 200
    assert set(pairs(one)) <= eligible
    assert one.lengths.tolist() == [20] * 10
    assert not one.is_complete
    assert not draw_sample(ready, n_jobs=20).is_complete
    assert "200 eligible pairs of 10 users, drawn at random" in repr(one)
    values = compute_component_values(ready, one.user_id).set_index(["user_id", "job_id"])[names_of(ready)]
    assert one.values.tolist() == values.loc[pairs(one)].to_numpy().T.tolist()


def test_every_pair_is_equally_likely(ready: Prepared, every_pair: pd.DataFrame) -> None:
    user = int(every_pair["user_id"].iloc[0])
    eligible = every_pair.loc[every_pair["user_id"] == user, "job_id"]
    drawn = np.concatenate([draw_sample(ready, [user], n_jobs=10, seed=seed).job_id for seed in range(400)])
    counts = pd.Series(drawn).value_counts().reindex(eligible, fill_value=0)
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


@try_examples(6, 15, seed=st.integers(0, 10**6))
def test_deviations_equal_values_minus_user_mean(seed: int) -> None:
    ready = random_prepared(seed)
    if not ready.plan.exclusions.matrix(ready.active_users).any():
        with raises_at(ConfigurationError, "users"):
            draw_sample(ready)
        return
    sample = draw_sample(ready, n_jobs=7)
    assert (sample.lengths > 0).all()
    frame = pd.DataFrame(sample.values.T).groupby(np.repeat(sample.user_id, sample.lengths))
    assert sample.deviations() == pytest.approx((pd.DataFrame(sample.values.T) - frame.transform("mean")).to_numpy().T)
    constant = (frame.transform("max") == frame.transform("min")).to_numpy().T
    assert not sample.deviations()[constant].any()


@pytest.mark.parametrize("number", [0, -1, 2.5, "many", None, True])
def test_invalid_sample_size_raises(ready: Prepared, number: object) -> None:
    for name in ("n_users", "n_jobs"):
        with raises_at(ConfigurationError, name):
            draw_sample(ready, **{name: number})  # type: ignore[arg-type]


def test_no_eligible_job_raises(ready: Prepared) -> None:
    shut = ready.with_model(ready.model.with_eligibility(min_fee=1e9))
    with raises_at(ConfigurationError, "users"):
        component_distributions(shut)


# Distributions


def test_distributions_equal_pandas(ready: Prepared, every_pair: pd.DataFrame) -> None:
    found = component_distributions(ready, **EVERYTHING)
    frame, names = found.frame().set_index("component"), names_of(ready)
    assert frame.index.tolist() == names
    values, weights = every_pair[names], ready.model.flat_weights
    within = values - values.groupby(every_pair["user_id"]).transform("mean")
    points = within * weights
    total = points.sum(axis=1)
    expected = pd.DataFrame(
        {
            "weight": weights,
            "mean": values.mean(),
            "sd": values.std(ddof=0),
            "within_sd": (within**2).mean() ** 0.5,
            "weighted_spread": weights * (within**2).mean() ** 0.5,
            "share_of_variance": [np.cov(points[name], total)[0, 1] / total.var() for name in names],
            "min": values.min(),
            "q05": values.quantile(0.05),
            "q25": values.quantile(0.25),
            "median": values.median(),
            "q75": values.quantile(0.75),
            "q95": values.quantile(0.95),
            "max": values.max(),
            "share_at_0": (values == 0).mean(),
            "share_at_100": (values >= 100).mean(),
            "most_common": [values[name].mode().min() for name in names],
            "share_most_common": [values[name].value_counts(normalize=True).max() for name in names],
            "distinct": values.nunique(),
        }
    )
    pd.testing.assert_frame_equal(frame.drop(columns="group"), expected, check_names=False, rtol=1e-9)
    assert frame["group"].tolist() == [part.group for part in ready.model.parts]
    assert frame["share_of_variance"].sum() == pytest.approx(1)
    assert "all pairs" in repr(found)


def test_constant_component_has_no_spread() -> None:
    """Without actions, history, clicks and factors have the same value for each pair."""
    tables = scoring.make_market(20, 150, 300, seed=2).tables
    ready = Prepared.of(scoring.Dataset(tables.with_tables(actions=tables.actions[:0])), scoring.load_model("standard"))
    frame = component_distributions(ready).frame().set_index("component")
    for name, value in (("history", 50), ("clicks", 40), ("collaborative", 45)):
        row = frame.loc[name]
        assert (row["sd"], row["within_sd"], row["weighted_spread"], row["share_of_variance"]) == (0, 0, 0, 0)
        assert (row["most_common"], row["share_most_common"], row["distinct"]) == (value, 1, 1)
    alone = ready.with_model(ready.model.with_weights({"history": 1.0}))
    assert component_distributions(alone).frame()["share_of_variance"].isna().all()
    assert_readable(component_distributions(alone).plot())
    together = correlations(ready).frame()
    assert together.loc["history"].isna().all()
    assert together["history"].isna().all()
    assert together.loc["fee", "fee"] == 1
    assert_readable(correlations(ready).plot())


def test_sample_is_near_all_pairs(ready: Prepared) -> None:
    whole = component_distributions(ready, **EVERYTHING).frame()
    some = component_distributions(ready, n_users=30, n_jobs=80).frame()
    assert some["mean"].to_numpy() == pytest.approx(whole["mean"].to_numpy(), abs=5)
    assert some["within_sd"].to_numpy() == pytest.approx(whole["within_sd"].to_numpy(), abs=5)


# Correlations


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlations_equal_pandas(ready: Prepared, every_pair: pd.DataFrame, method: str) -> None:
    found = correlations(ready, method=method, **EVERYTHING)  # type: ignore[arg-type]
    values, users = every_pair[names_of(ready)], every_pair["user_id"]
    pd.testing.assert_frame_equal(found.frame("pooled"), values.corr(method), check_names=False, rtol=1e-9, atol=1e-12)  # type: ignore[arg-type]
    if method == "spearman":
        by_user = values.groupby(users)
        values = (by_user.rank() - 0.5) / by_user.transform("count")
    within = values - values.groupby(users).transform("mean")
    pd.testing.assert_frame_equal(found.frame(), within.corr(), check_names=False, rtol=1e-9, atol=1e-12)
    assert found.frame().index.name == "component"
    assert method in repr(found)


def test_correlations_of_one_user_equal_scipy(ready: Prepared) -> None:
    user = int(ready.plan.user_id[ready.active_users[3]])
    sample = draw_sample(ready, [user], **EVERYTHING)
    names = names_of(ready)
    a, b = (sample.values[names.index(name)] for name in ("conditions", "wage"))
    for method, of in (("pearson", scipy.stats.pearsonr), ("spearman", scipy.stats.spearmanr)):
        found = correlations(ready, [user], method=method, **EVERYTHING)  # type: ignore[arg-type]
        assert found.frame().loc["conditions", "wage"] == pytest.approx(of(a, b).statistic)
        assert found.frame("pooled").loc["conditions", "wage"] == pytest.approx(of(a, b).statistic)


def test_rounding_error_of_mean_is_not_a_deviation() -> None:
    values = np.full((1, 3), 0.1)
    assert (values - values.mean()).any()  # rounding: 0.1 + 0.1 + 0.1 is not 0.3
    assert not _centre_values(values).any()
    one = Sample(scoring.load_model("standard"), np.array([1]), np.array([0, 3]), np.arange(3), values, True)
    assert not one.deviations().any()


def test_unknown_method_raises(ready: Prepared) -> None:
    with raises_at(ConfigurationError, "method"):
        correlations(ready, method="kendall")  # type: ignore[arg-type]
    with raises_at(ConfigurationError, "over"):
        correlations(ready).frame("between")  # type: ignore[arg-type]


def test_plots_are_readable_and_show_values(ready: Prepared) -> None:
    assert_readable(component_distributions(ready).plot())
    figure = correlations(ready, method="spearman").plot()
    assert_readable(figure)
    shown = [text.get_text() for text in figure.axes[0].texts]
    found = correlations(ready, method="spearman").frame()
    assert len(shown) == len(found) * (len(found) - 1) / 2
    assert f"{found.loc['clicks', 'conditions']:.2f}".replace("0.", ".") in shown


def test_plots_of_model_with_one_component() -> None:
    model = scoring.load_model("standard")
    fee = next(part for part in model.parts if part.name == "fee")
    weights = WeightProfile({"base": 1.0}, {"base": {"fee": 1.0}})
    ready = Prepared.of(small_dataset(1), replace(model, parts=(fee,), weights=weights))
    assert component_distributions(ready).frame()["share_of_variance"].tolist() == [pytest.approx(1)]
    assert_readable(component_distributions(ready).plot())
    assert correlations(ready).frame().shape == (1, 1)
    correlations(ready).plot().canvas.draw()
