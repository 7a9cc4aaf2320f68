"""Waterfall of a job: changes add up, and the jobs that overtook it agree with two full rankings."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.rank_change_waterfall import Change, Waterfall, waterfall
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_unknown
from tests.support.example_counts import try_examples
from tests.support.figure_checks import assert_readable
from tests.support.full_rankings import full_ranking, random_model, random_prepared


@pytest.fixture(scope="module")
def before() -> Prepared:
    return Prepared.of(Dataset(make_market(40, 300, 800, seed=4).tables), load_model("standard"), workers=1)


def other(ready: Prepared, **flat: float) -> Prepared:
    """Return the same data with other flat weights of some components; the rest stay in proportion."""
    names = [part.name for part in ready.model.parts]
    weights = dict(zip(names, ready.model.flat_weights, strict=True)) | flat
    return ready.with_model(ready.model.with_weights(weights))


def exactly(number: float | None) -> Fraction:
    return Fraction(number or 0)


def check(before: Prepared, after: Prepared, why: Waterfall) -> None:
    """Check totals, points, splits, ranks and overtaking jobs against explanations and full rankings."""
    message = [ready.explain(why.user_id, why.job_id) for ready in (before, after)]
    sides = [{part.name: part for part in one.parts} for one in message]
    assert {one.component for one in why.changes} == set(sides[0]) | set(sides[1])
    assert len(why.changes) == len(set(sides[0]) | set(sides[1]))
    for one in why.changes:
        for part, value, weight, points in (
            (sides[0].get(one.component), one.value_before, one.weight_before, one.points_before),
            (sides[1].get(one.component), one.value_after, one.weight_after, one.points_after),
        ):
            expected = (None, 0.0, 0.0) if part is None else (part.value, part.weight, part.points)
            assert (value, weight, points) == expected
        assert one.by_weight + one.by_value == pytest.approx(one.change, abs=1e-12)
    assert [why.before.score, why.after.score] == [one.total for one in message]
    assert why.total_before == pytest.approx(message[0].total, rel=1e-6)
    difference = sum(Fraction(one.points_after) - Fraction(one.points_before) for one in why.changes)
    assert why.change == float(difference)  # rounded once
    assert why.by_weight + why.by_value == pytest.approx(why.change, abs=1e-12)

    was, now = ([job for job, _ in full_ranking(ready, why.user_id)] for ready in (before, after))
    above_then, above_now = set(why.before.ahead.tolist()), set(why.after.ahead.tolist())
    assert why.risen_above.tolist() == [job for job in now if job in above_now - above_then and job in was]
    assert why.added_above.tolist() == [job for job in now if job in above_now and job not in was]
    assert why.fallen_below.tolist() == [job for job in was if job in above_then - above_now and job in now]
    assert why.removed_above.tolist() == [job for job in was if job in above_then and job not in now]
    passed = len(why.risen_above) + len(why.added_above) - len(why.fallen_below) - len(why.removed_above)
    assert why.after.n_ahead - why.before.n_ahead == passed
    if why.before.rank is not None and why.after.rank is not None:
        assert was.index(why.job_id) + 1 == why.before.rank
        assert now.index(why.job_id) + 1 == why.after.rank == why.before.rank + passed


@try_examples(3, 15, seed=st.integers(0, 10**6))
def test_changes_sum_to_total_for_random_models(seed: int) -> None:
    """Models differ in components, parameters, weights, rules and caps."""
    random, before = np.random.default_rng(seed + 1), random_prepared(seed)
    after = before.with_model(random_model(random))
    for user, job in zip(random.choice(before.plan.user_id, 4), random.choice(before.plan.job_id, 4), strict=True):
        why = waterfall(before, after, int(user), int(job))
        check(before, after, why)
        assert str(job) in why.summary()


@settings(max_examples=100, deadline=None)
@given(st.tuples(*[st.floats(0, 100)] * 2), st.tuples(*[st.floats(0, 1)] * 2))
def test_split_equals_mean_of_both_orders(values: tuple[float, float], weights: tuple[float, float]) -> None:
    one = Change("fee", "base", *values, *weights)
    (v, v1), (w, w1) = (map(Fraction, pair) for pair in (values, weights))
    weight_first, weight_last = (w1 - w) * v, (w1 - w) * v1
    assert one.by_weight == pytest.approx(float((weight_first + weight_last) / 2), abs=1e-12)
    assert one.by_value == pytest.approx(float(w1 * v1 - w * v - (weight_first + weight_last) / 2), abs=1e-12)


def test_value_points_are_0_if_only_weights_differ(before: Prepared) -> None:
    after = other(before, fee=0.3)
    for job in before.plan.job_id[::30]:
        why = waterfall(before, after, int(before.plan.user_id[0]), int(job))
        assert all(one.by_value == 0 for one in why.changes)
        assert why.change == pytest.approx(why.by_weight, abs=1e-12) != 0


def test_weight_points_are_0_if_only_a_parameter_differs(before: Prepared) -> None:
    after = before.with_model(before.model.with_parameters("freshness", half_life_days=40))
    why = waterfall(before, after, int(before.plan.user_id[0]), int(before.top_k(1).job_id[0, 0]))
    assert [one.component for one in why.changes if one.change] == ["freshness"]
    assert why.by_weight == 0
    assert why.by_value == why.change > 0


def test_same_model_has_no_changes(before: Prepared) -> None:
    user, job = int(before.plan.user_id[0]), int(before.top_k(3).job_id[0, 2])
    why = waterfall(before, before.with_model(before.model), user, job)
    assert why.change == why.by_weight == why.by_value == 0
    assert why.before.rank == why.after.rank == 3
    assert not any(len(ids) for ids in (why.risen_above, why.fallen_below, why.added_above, why.removed_above))
    assert_readable(why.plot())


def test_component_of_one_model_is_change_of_weight(before: Prepared) -> None:
    after = Prepared.of(before.inputs, load_model("classic"))
    why = waterfall(before, after, int(before.plan.user_id[0]), int(before.top_k(3).job_id[0, 2]))
    frame = why.frame().set_index("component")
    assert frame.loc["freshness", ["value_after", "weight_after", "points_after"]].isna().tolist() == [
        True,
        False,
        False,
    ]
    assert np.isnan(frame.loc["condition", "value_before"])
    alone = frame[frame["value_before"].isna() | frame["value_after"].isna()]
    assert set(alone.index) == {"condition", "click", "freshness", "popularity", "conditions", "clicks"}
    assert (alone["by_weight"] == alone["change"]).all()
    assert not alone["by_value"].any()
    assert list(frame.index[-4:]) == ["popularity", "freshness", "conditions", "clicks"]
    assert frame["change"].sum() == pytest.approx(why.change)
    assert frame.drop(columns="group").dtypes.eq("float64").all()
    assert why.names == ("standard", "classic")
    assert_readable(why.plot())


def test_summary_names_changes_and_overtaking_jobs(before: Prepared) -> None:
    user = int(before.plan.user_id[before.active_users[0]])
    job = int(before.top_k(10, [user]).job_id[0, 9])
    fee = int(before.inputs.jobs.fee[before.job_rows([job])[0]])
    after = before.with_model(before.model.with_eligibility(min_fee=fee + 1))
    why = waterfall(before, after, user, job)
    assert "It is not ranked after: fee too low." in why.summary()
    assert why.after.rank is None
    assert "rank 10 → none" in repr(why)
    best = waterfall(before, after, user, int(after.top_k(1, [user]).job_id[0, 0]))
    assert best.removed_above.tolist() == best.before.ahead.tolist()
    assert f"Above it before, no longer ranked: {best.removed_above[0]}" in best.summary()
    moved = waterfall(before, other(before, fee=0.9), user, job)
    text = moved.summary()
    assert f"weights {moved.by_weight:+.2f}, values +0.00" in text
    assert ", most by fee" in text
    for what, ids in (("Now ranked above it", moved.risen_above), ("Now ranked below it", moved.fallen_below)):
        assert (f"{what}: {', '.join(map(str, ids[:5]))}" in text) == (len(ids) > 0)
    assert len(moved.risen_above) + len(moved.fallen_below)
    assert_readable(moved.plot())


def test_plot_ends_at_totals(before: Prepared) -> None:
    why = waterfall(before, other(before, fee=0.9), int(before.plan.user_id[0]), int(before.plan.job_id[3]))
    bars = why.plot().axes[0].patches
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    assert ends[:2] == pytest.approx([why.total_before, why.total_after])  # the two totals are drawn first
    assert ends[-1] == pytest.approx(why.total_after)
    assert sum(bar.get_width() for bar in bars[2:]) == pytest.approx(why.change)


def test_different_data_and_unknown_ids_raise(before: Prepared) -> None:
    other_data = Prepared.of(Dataset(make_market(20, 50, 100, seed=9).tables), load_model("standard"))
    with raises_at(ConfigurationError, "after"):
        waterfall(before, other_data, 1, 1)
    with raises_unknown("job", -1):
        waterfall(before, before, int(before.plan.user_id[0]), -1)
