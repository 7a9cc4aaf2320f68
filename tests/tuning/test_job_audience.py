"""Audiences of a job, compared with the sorted jobs of each user and with lists after a change of the job's score."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

import scoring
from scoring.errors import ConfigurationError
from scoring.plan import Candidates
from scoring.ranking import Prepared
from scoring.testing import small_dataset
from scoring.tuning.job_audience import Audience, audience
from tests.support.errors import raises_at, raises_unknown
from tests.support.example_counts import try_examples
from tests.support.figure_checks import assert_readable
from tests.support.full_rankings import full_ranking, random_prepared
from tests.support.prepared_markets import small

audience_module = import_module("scoring.tuning.job_audience")  # the package exports the function under this name


@pytest.fixture(scope="module")
def ready() -> Prepared:
    return small(n_users=60, n_jobs=300)


def listed_with(ready: Prepared, user_id: int, job_id: int, score: float, k: int) -> bool:
    """Return whether the user's top k includes the job at this score. Eligible jobs are sorted and capped."""
    row = ready.user_rows([user_id])
    scores, eligible = ready.scorer.all_pairs(row)[0, 0].astype(float), ready.plan.exclusions.matrix(row)[0]
    company, most = ready.plan.exclusions.company, ready.model.eligibility.max_per_company
    scores[ready.job_rows([job_id])] = score
    taken, of_company = 0, Counter[int]()
    for job in sorted(np.flatnonzero(eligible), key=lambda job: (-scores[job], ready.plan.job_id[job])):
        code = int(company[job])
        if taken == k:
            return False
        if most is not None and code >= 0 and of_company[code] == most:
            continue
        of_company[code] += 1
        taken += 1
        if ready.plan.job_id[job] == job_id:
            return True
    return False


def test_time_limit_leaves_a_random_sample(ready: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience_module, "USERS_AT_ONCE", 9)
    job, reports = int(ready.top_k(10).job_id[0, 3]), []
    part = audience(ready, job, 10, seconds=1e-9, progress=lambda *numbers: reports.append(numbers))
    whole = audience(ready, job, 10)
    n = len(ready.active_users)
    assert reports == [(9, n)]
    assert len(part.user_id) == 9
    assert part.n_not_ranked == n - 9
    assert "random sample" in part.summary()
    assert part.rank.tolist() == whole.rank[np.searchsorted(whole.user_id, part.user_id)].tolist()
    assert part.misses()["rank"].notna().sum() == min(1, len(part.missed))
    with raises_at(ConfigurationError, "seconds"):
        audience(ready, job, seconds=0)


def check(ready: Prepared, job_id: int, k: int) -> Audience:
    """Compute the audience of a job and check each of its values for each user."""
    seen = audience(ready, job_id, k, nearest=4)
    users = ready.plan.user_id[ready.active_users]
    assert seen.user_id.tolist() == users.tolist()
    shown, misses = seen.frame(), seen.misses()
    ranks, missed, rules = {}, [], Counter[str]()
    for user in users.tolist():
        explanation, order = ready.explain(user, job_id), full_ranking(ready, user)
        jobs = [job for job, _ in order[:k]]
        if explanation.not_ranked:
            rules[explanation.not_ranked[0]] += 1
        elif job_id in jobs:
            ranks[user] = (jobs.index(job_id) + 1, explanation.total, order[k - 1][1] if len(order) >= k else np.nan)
        else:
            missed.append(user)
    assert {row.user_id: (row.rank, row.score) for row in shown.itertuples()} == {u: r[:2] for u, r in ranks.items()}
    expected = [ranks[user][2] for user in shown["user_id"]]
    np.testing.assert_array_equal(shown["kth_score"], expected)
    np.testing.assert_array_equal(shown["margin"], shown["score"] - expected)
    assert shown["rank"].is_monotonic_increasing
    assert (seen.n_listed, seen.n_eligible) == (len(ranks), len(ranks) + len(missed))
    assert dict(zip(*seen.reasons().to_dict("list").values(), strict=True)) == rules
    assert seen.n_eligible + seen.reasons()["users"].sum() == len(users)

    assert sorted(misses["user_id"]) == sorted(missed)
    assert list(zip(misses["gap"], misses["user_id"], strict=True)) == sorted(
        zip(misses["gap"], misses["user_id"], strict=True)
    )
    for place, row in enumerate(misses.itertuples()):
        check_miss(ready, row.user_id, job_id, k, row.to_beat, row.score_to_beat)
        assert row.score == ready.explain(row.user_id, job_id).total
        assert row.gap == row.score_to_beat - row.score >= 0
        jobs = [job for job, _ in full_ranking(ready, row.user_id)]
        rank = jobs.index(job_id) + 1 if job_id in jobs and place < 4 else None
        assert (None if row.rank is pd.NA else row.rank) == rank
    check_components(ready, seen)
    assert f"job {job_id}" in repr(seen)
    assert f"Job {job_id}" in seen.summary()
    return seen


def check_miss(ready: Prepared, user_id: int, job_id: int, k: int, rival: int, score: float) -> None:
    """The job is listed with a score above the reported score to beat, and not listed with a lower score."""
    assert listed_with(ready, user_id, job_id, score, k) == (job_id < rival)
    assert listed_with(ready, user_id, job_id, np.nextafter(score, 200.0), k)
    assert not listed_with(ready, user_id, job_id, np.nextafter(score, -1.0), k)


def check_components(ready: Prepared, seen: Audience) -> None:
    held = seen.components()
    names = [part.name for part in ready.model.parts]
    assert sorted(held["component"]) == sorted(names)
    misses = seen.misses()
    if not len(misses):
        assert held[["points", "points_to_beat", "difference"]].isna().all(axis=None)
        return
    pairs = [
        (ready.explain(row.user_id, seen.job_id), ready.explain(row.user_id, row.to_beat))
        for row in misses.itertuples()
    ]
    for row in held.itertuples():
        place = names.index(row.component)
        points, other = (np.mean([pair[side].parts[place].points for pair in pairs]) for side in (0, 1))
        assert (row.points, row.points_to_beat) == pytest.approx((points, other), abs=1e-9)
        assert row.difference == pytest.approx(points - other, abs=1e-9)
    assert held["difference"].sum() == pytest.approx(-misses["gap"].mean(), abs=2e-5)
    assert held["difference"].is_monotonic_increasing


@try_examples(5, 12, seed=st.integers(0, 10**6), k=st.sampled_from([1, 2, 5, 12, 100]))
def test_audience_equals_lists_of_all_users(seed: int, k: int) -> None:
    ready = random_prepared(seed)
    job = int(np.random.default_rng(seed).choice(ready.plan.job_id))
    seen = check(ready, job, k)
    if seed % 5 == 0:
        assert_readable(seen.plot())


def test_job_to_beat_respects_company_cap() -> None:
    """With one job per company, the job to beat is often from the same company, not the last job of the list."""
    model = scoring.load_model("standard").with_eligibility(max_per_company=1)
    ready = Prepared.of(small_dataset(7, n_users=12, n_jobs=60), model)
    company, same_company, last = ready.plan.exclusions.company, 0, 0
    for job in ready.plan.job_id[::10].tolist():
        misses = check(ready, job, 4).misses()
        of_rivals = company[ready.job_rows(misses["to_beat"].tolist())]
        same = (of_rivals == company[ready.job_rows([job])[0]]) & (of_rivals >= 0)
        same_company, last = same_company + same.sum(), last + (~same).sum()
    assert same_company > 3
    assert last > 3


def test_jobs_without_company_are_not_capped() -> None:
    tables = scoring.make_market(15, 60, 100, seed=3).tables
    jobs = tables.jobs.assign(company_id=tables.jobs["company_id"].where(tables.jobs["job_id"] % 2 == 0))
    model = scoring.load_model("standard").with_eligibility(max_per_company=1)
    ready = Prepared.of(scoring.Dataset(tables.with_tables(jobs=jobs)), model, workers=1)
    without_company = ready.plan.job_id[(ready.plan.exclusions.company < 0) & ready.plan.exclusions.open_to_all]
    for job in without_company[:3].tolist():
        check(ready, job, 10)


def test_audiences_of_all_jobs_equal_lists(ready: Prepared) -> None:
    """A job's audience consists of the users whose lists contain the job."""
    lists = ready.top_k(5).frame()
    for job, rows in list(lists.groupby("job_id"))[:15]:
        shown = audience(ready, int(job), 5, nearest=1).frame().set_index("user_id")
        assert shown["rank"].to_dict() == rows.set_index("user_id")["rank"].to_dict()


def test_block_size_does_not_change_values(ready: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    job = int(ready.plan.job_id[17])
    whole = audience(ready, job)
    monkeypatch.setattr(audience_module, "USERS_AT_ONCE", 7)
    monkeypatch.setattr(audience_module, "PAIRS_AT_ONCE", 3)
    parts = audience(ready, job)
    assert parts.score.tolist() == whole.score.tolist()
    assert parts.comparison.equals(whole.comparison)


def test_given_users_are_used_once_each(ready: Prepared) -> None:
    users = [int(user) for user in ready.plan.user_id[[3, 1, 3, 8]]]
    seen = audience(ready, int(ready.plan.job_id[0]), users=users)
    assert seen.user_id.tolist() == sorted(set(users))
    empty = audience(ready, int(ready.plan.job_id[0]), users=[])
    assert (empty.n_listed, empty.n_eligible, len(empty.frame()), len(empty.misses())) == (0, 0, 0, 0)
    assert_readable(empty.plot())


def test_job_excluded_for_all_users_names_rules(ready: Prepared) -> None:
    shut = ready.with_model(ready.model.with_eligibility(min_fee=4_000))
    job = int(ready.plan.job_id[np.flatnonzero(ready.plan.exclusions.open_to_all & (ready.inputs.jobs.fee < 1_000))[0]])
    seen = check(shut, job, 10)
    n = len(ready.active_users)
    assert seen.reasons().to_dict("records") == [{"rule": "fee too low", "users": n}]
    assert f"It is excluded for {n} users: fee too low ({n})." in seen.summary()
    assert "of none of" in seen.summary()
    assert_readable(seen.plot())


def test_no_eligible_job_gives_empty_audience(ready: Prepared) -> None:
    shut = ready.with_model(ready.model.with_eligibility(min_fee=1e9))
    seen = audience(shut, int(ready.plan.job_id[0]))
    assert seen.n_eligible == 0
    assert seen.reasons()["users"].sum() == len(ready.active_users)


def test_candidates_of_other_users_are_not_listed() -> None:
    ready = Prepared.of(small_dataset(2), scoring.load_model("standard"))
    n_users, n_jobs = len(ready.plan.user_id), len(ready.plan.job_id)
    users = np.arange(0, n_users, 2)
    some = Prepared.of(
        ready.inputs,
        ready.model,
        candidates=Candidates.listed(users, np.full(len(users), 4), n_users, n_jobs),
    )
    seen = check(some, int(ready.plan.job_id[4]), 3)
    assert seen.rules["the job is not a candidate of the user"] > 0


def test_plots_are_readable_in_each_situation(ready: Prepared) -> None:
    best = int(ready.top_k(10).frame()["job_id"].mode().iloc[0])
    shown = audience(ready, best, 10)
    figure = shown.plot()
    assert_readable(figure)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == shown.n_listed > 0
    assert f"listed for {shown.n_listed} of {len(shown.user_id)} users" in figure.get_suptitle()
    listed = set(ready.top_k(1).job_id[:, 0].tolist())
    never = int(next(job for job in ready.plan.job_id[ready.plan.exclusions.open_to_all] if job not in listed))
    missed = audience(ready, never, 1)
    figure = missed.plot()
    assert_readable(figure)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == len(missed.missed) > 0
    whole_list = audience(ready, best, 10_000)
    assert len(whole_list.missed) == 0
    assert whole_list.frame()["margin"].isna().all()  # no list is full
    assert_readable(whole_list.plot())


def test_invalid_arguments_raise(ready: Prepared) -> None:
    job = int(ready.plan.job_id[0])
    with raises_unknown("job", -3):
        audience(ready, -3)
    with raises_unknown("user", -3):
        audience(ready, job, users=[-3])
    with raises_at(ConfigurationError, "k"):
        audience(ready, job, 0)
    with raises_at(ConfigurationError, "nearest"):
        audience(ready, job, nearest=0)
