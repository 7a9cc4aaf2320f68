"""Facts about lists equal counts in plain Python."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.beyond_accuracy_metrics import (
    POPULATION_FACTS,
    USER_FACTS,
    Concentration,
    Coverage,
    Diversity,
    ListFacts,
    MeanFee,
    MeanWage,
    Miscalibration,
    Novelty,
    PopularityBias,
    compute_population_facts,
)
from scoring.evaluation.jackknife import draw_halves
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.ranking import Prepared, Ranking
from scoring.synthetic import make_market
from tests.support.errors import raises_at
from tests.support.ranking_builder import facts_of, ranking_of


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return Prepared.of(Dataset(make_market(120, 600, 3_000, seed=3).tables), load_model("standard"))


@pytest.fixture(scope="module")
def facts(prepared: Prepared) -> ListFacts:
    return ListFacts.of(prepared.inputs, prepared.plan.exclusions.open_to_all)


@pytest.fixture(scope="module")
def ranking(prepared: Prepared) -> Ranking:
    return prepared.top_k(40)


def test_user_facts_equal_means_from_tables(prepared: Prepared, facts: ListFacts, ranking: Ranking) -> None:
    tables = prepared.dataset.tables
    fee = tables.jobs.set_index("job_id")["fee"].fillna(0.0)
    acted = tables.actions.groupby("job_id")["user_id"].nunique().to_dict()
    n_users = len(tables.users)
    for k in (1, 10, 40):
        fees, wages, novelties = (fact(k).of(ranking, facts) for fact in (MeanFee, MeanWage, Novelty))
        for row in range(0, len(ranking.user_id), 40):
            listed = ranking.job_id[row, : ranking.count[row]][:k].tolist()
            assert fees[row] == pytest.approx(np.mean([fee[job] for job in listed]))
            bits = [-math.log2((acted.get(job, 0) + 1) / (n_users + 2)) for job in listed]
            assert novelties[row] == pytest.approx(np.mean(bits))
            ratios = [ratio_of(prepared, int(ranking.user_id[row]), job) for job in listed]
            known = [ratio for ratio in ratios if ratio is not None]
            assert wages[row] == pytest.approx(np.mean(known))


def ratio_of(prepared: Prepared, user: int, job: int) -> float | None:
    """Return the wage ratio from the explanation of the pair."""
    (wage,) = (part for part in prepared.explain(user, job).parts if part.name == "wage")
    return None if wage.facts["ratio"] is None else float(wage.facts["ratio"])


def test_diversity_and_calibration_equal_counts_from_tables(
    prepared: Prepared, facts: ListFacts, ranking: Ranking
) -> None:
    """The oracle counts pairs and shares in dictionaries, from the codes of the tables."""
    tables = prepared.dataset.tables
    major = tables.jobs.set_index("job_id")["occupation_code"].map(
        tables.occupations.set_index("occupation_code")["major_code"]
    )
    major = major[major.notna()].to_dict()
    acted = tables.actions[["user_id", "job_id"]].drop_duplicates().groupby("user_id")["job_id"].agg(list).to_dict()
    n_acting = tables.actions.groupby("job_id")["user_id"].nunique().to_dict()
    open_ids = facts.job_id[facts.eligible].tolist()
    mean_acting = sum(n_acting.get(job, 0) for job in open_ids) / len(open_ids)
    n_known = 0
    for k in (1, 10, 40):
        found = {kind: kind(k).of(ranking, facts) for kind in (Diversity, Miscalibration, PopularityBias)}
        for row, user in enumerate(ranking.user_id.tolist()):
            listed = ranking.job_id[row, : ranking.count[row]][:k].tolist()
            popularity = sum(n_acting.get(job, 0) for job in listed) / len(listed) / mean_acting
            assert found[PopularityBias][row] == pytest.approx(popularity)
            groups = [major[job] for job in listed if job in major]
            pairs = [(a, b) for i, a in enumerate(groups) for b in groups[:i]]
            diversity = sum(a != b for a, b in pairs) / len(pairs) if pairs else math.nan
            assert found[Diversity][row] == pytest.approx(diversity, nan_ok=True)
            before = Counter(major[job] for job in acted.get(user, []) if job in major)
            divergence = diverge(before, Counter(groups))
            assert found[Miscalibration][row] == pytest.approx(divergence, nan_ok=True)
            n_known += not math.isnan(divergence)
    assert n_known > 200


def diverge(before: Counter[object], listed: Counter[object]) -> float:
    """Return Steck's divergence with α = 0.01, in bits."""
    if not before or not listed:
        return math.nan
    total = 0.0
    for group, n in before.items():
        p = n / before.total()
        total += p * math.log2(p / (0.99 * listed[group] / listed.total() + 0.01 * p))
    return total


def test_miscalibration_is_0_for_list_like_history() -> None:
    facts = facts_of(
        6,
        major=np.array([0, 0, 1, 1, 2, -1], dtype=np.int32),
        user_id=np.array([3, 7, 9]),
        history=np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [np.nan] * 3]),
    )
    lists = ranking_of([[0, 2], [0, 2], [0, 2], [5], [0, 1]], user_id=[3, 7, 9, 3, 4])
    # user 9 has no history, job 5 no group, and user 4 is not in the facts
    expected = [0.0, math.log2(100), math.nan, math.nan, math.nan]
    assert Miscalibration(2).of(lists, facts).tolist() == pytest.approx(expected, nan_ok=True, abs=1e-12)
    assert Diversity(2).of(lists, facts).tolist() == pytest.approx([1.0, 1.0, 1.0, math.nan, 0.0], nan_ok=True)


def test_jobs_of_unknown_wage_are_left_out_of_mean() -> None:
    ranking = ranking_of([[0, 4, 6], [0], []])
    assert MeanWage(3).of(ranking, facts_of(8)).tolist() == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)
    assert MeanFee(3).of(ranking, facts_of(8)).tolist() == pytest.approx([1000 / 3, 0.0, np.nan], nan_ok=True)


def test_only_first_k_jobs_count() -> None:
    ranking = ranking_of([[4, 6, 0], [2, 3, 5]])
    assert MeanFee(1).of(ranking, facts_of(8)).tolist() == [400.0, 200.0]
    assert Coverage(1).of(ranking, facts_of(8)).value == 2 / 8
    assert Coverage(2).of(ranking, facts_of(8)).value == 4 / 8


def test_coverage_counts_only_eligible_jobs() -> None:
    ranking = ranking_of([[4, 6], [4, 1]])
    assert Coverage(2).of(ranking, facts_of(8, eligible=[4, 5, 6, 7])).value == 2 / 4


@pytest.mark.parametrize(
    ("lists", "gini"),
    [([[0], [1], [2], [3]], 0.0), ([[0]] * 4, 3 / 4), ([[0, 1], [0, 1]], 1 / 2), ([[0, 1], [0]], 0.5833333333333333)],
)
def test_concentration_of_even_and_single_job_lists(lists: list[list[int]], gini: float) -> None:
    assert Concentration(2).of(ranking_of(lists, room=2), facts_of(4)).value == pytest.approx(gini)


def gini_by_pairs(counts: list[int]) -> float:
    """Return the Gini coefficient by its definition: half the mean difference of two jobs, divided by the mean."""
    x = np.array(counts, dtype=float)
    return float(np.abs(x[:, None] - x).mean() / (2 * x.mean()))


@settings(max_examples=50, deadline=None)
@given(
    lists=st.lists(st.lists(st.integers(0, 11), unique=True, max_size=5), min_size=2, max_size=40),
    eligible=st.sets(st.integers(0, 11), min_size=1),
    k=st.integers(1, 5),
)
def test_population_facts_equal_counts_without_each_user(lists: list[list[int]], eligible: set[int], k: int) -> None:
    ranking, facts = ranking_of(lists, room=5), facts_of(12, sorted(eligible))
    coverage, concentration = Coverage(k).of(ranking, facts), Concentration(k).of(ranking, facts)
    rows = np.arange(len(lists))
    users = [np.ones(len(lists), dtype=bool), *(rows != row for row in rows)]
    values = [(one.value, *one.without) for one in (coverage, concentration)]
    for chosen, covered, concentrated in zip(users, *values, strict=True):
        listed = Counter(job for user in np.flatnonzero(chosen) for job in lists[user][:k])
        counts = [listed[job] for job in sorted(eligible)]
        assert covered == np.count_nonzero(counts) / len(eligible)
        if any(counts):
            assert concentrated == pytest.approx(gini_by_pairs(counts), abs=1e-12)
        else:
            assert math.isnan(concentrated)
    for fact in (coverage, concentration):
        assert fact.without_in_halves.shape == (4, len(lists) // 2)


def test_halves_are_disjoint_and_have_values_of_their_lists() -> None:
    lists = [[user, 20 + user % 3] for user in range(9)]
    ranking, facts = ranking_of(lists), facts_of(40)
    found, by_k = Coverage(2).of(ranking, facts), compute_population_facts([Coverage(2), Coverage(1)], ranking, facts)
    splits = list(draw_halves(9, found.users))
    assert found.halves.shape == (len(splits), 2)
    for values, (first, second, left_out) in zip(found.halves, splits, strict=True):
        assert sorted([*first, *second, *left_out]) == list(range(9))
        for value, half in zip(values, (first, second), strict=True):
            assert value == Coverage(2).value_of(ranking_of([lists[user] for user in half]), facts)
    assert by_k["coverage@2"].interval() == found.interval()
    assert by_k["coverage@1"].interval() == Coverage(1).of(ranking, facts).interval()


def test_population_facts_ignore_order_of_users(facts: ListFacts, ranking: Ranking) -> None:
    turn = np.random.default_rng(0).permutation(len(ranking.user_id))
    turned = Ranking(
        *(of[turn] for of in (ranking.user_id, ranking.job_id, ranking.job_row)), ranking.scores, ranking.count[turn]
    )
    for fact in USER_FACTS:
        np.testing.assert_array_equal(fact.of(turned, facts), fact.of(ranking, facts)[turn])
    for whole in POPULATION_FACTS:
        first, second = whole.of(ranking, facts), whole.of(turned, facts)
        assert (first.value, first.interval(), first.users) == (second.value, second.interval(), second.users)


def test_short_lists_raise_unless_no_more_jobs_exist() -> None:
    short_lists = ranking_of([[1, 2], [3]])
    for fact in (MeanFee(5), Coverage(5)):
        with raises_at(ConfigurationError, "k"):
            fact.of(short_lists, facts_of(8))
    assert (
        Coverage(5).of(short_lists, facts_of(8, eligible=[2, 3])).value == 1.0
    )  # two eligible jobs: the list is complete
    assert MeanFee(5).of(ranking_of([[1, 2], [3]], room=3), facts_of(8)).tolist() == [150.0, 300.0]  # none is full


def test_ranking_of_other_jobs_raises(facts: ListFacts) -> None:
    with raises_at(ConfigurationError, "ranking"):
        MeanFee(2).of(ranking_of([[1, 2]], first_job=1), facts_of(8))
    with raises_at(ConfigurationError, "ranking"):
        MeanFee(2).of(ranking_of([[1, 9]]), facts_of(8))


def test_invalid_facts_and_no_eligible_job_raise(prepared: Prepared) -> None:
    with raises_at(ConfigurationError, "eligible"):
        Coverage(1).of(ranking_of([[1]]), facts_of(3, eligible=[]))
    with raises_at(ConfigurationError, "eligible"):
        ListFacts.of(prepared.inputs, np.ones(2, dtype=bool))
    with raises_at(ConfigurationError, "k"):
        MeanFee(0)


def test_empty_lists_have_no_mean() -> None:
    nothing = ranking_of([[], []])
    assert np.isnan(MeanFee().of(nothing, facts_of(3, eligible=[]))).all()
    assert Coverage().of(ranking_of([[], []], room=2), facts_of(3)).value == 0


def test_mean_fee_has_no_value_without_any_fee(prepared: Prepared) -> None:
    jobs = prepared.dataset.tables.jobs.head(3)
    for fee, expected in (([None, None, None], [math.nan]), ([None, 6.0, None], [2.0])):
        priced = jobs.assign(fee=pd.array(fee, dtype="Float64"))
        inputs = Inputs.of(prepared.dataset, basis=prepared.inputs.basis, jobs=priced)
        facts = ListFacts.of(inputs, np.ones(3, dtype=bool))
        ranked = replace(ranking_of([[1, 2, 3]]), job_row=np.arange(3)[None], job_id=facts.job_id[None])
        assert MeanFee(3).of(ranked, facts).tolist() == pytest.approx(expected, nan_ok=True)


def test_facts_find_jobs_by_id(prepared: Prepared, facts: ListFacts) -> None:
    jobs = prepared.dataset.tables.jobs
    some = jobs.iloc[[5, 3, 400]].assign(job_id=[int(jobs["job_id"][5]), 10**9, int(jobs["job_id"][400])])
    request_facts = ListFacts.of(
        Inputs.of(prepared.dataset, basis=prepared.inputs.basis, jobs=some), np.ones(3, dtype=bool)
    )
    unseen_novelty = math.log2(len(prepared.dataset.users) + 2)
    assert request_facts.novelty.tolist() == pytest.approx([facts.novelty[5], unseen_novelty, facts.novelty[400]])
    assert request_facts.wage[0] == pytest.approx(facts.wage[5], nan_ok=True)


def test_names_and_units_of_facts(facts: ListFacts) -> None:
    names_and_units = [(fact.name, fact.unit) for fact in (*USER_FACTS, *POPULATION_FACTS)]
    assert names_and_units == [
        ("mean fee@40", "money"),
        ("mean wage@40", "× area mean"),
        ("diversity@40", "share of pairs"),
        ("miscalibration@40", "bits"),
        ("novelty@40", "bits"),
        ("popularity bias@40", "× mean of eligible jobs"),
        ("coverage@40", "share of eligible jobs"),
        ("concentration@40", "Gini coefficient"),
    ]
    assert repr(facts) == f"ListFacts(600 jobs, {facts.n_eligible} of them eligible)"
