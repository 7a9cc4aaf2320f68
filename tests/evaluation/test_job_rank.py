"""A job's rank in a full ranking, compared with a ranking sorted in plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from scoring.dataset import Dataset
from scoring.evaluation.job_rank import FullRank, FullRanking, find_full_rank
from scoring.model_catalog import load_model
from scoring.plan import Candidates
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from scoring.testing import small_dataset
from tests.support.errors import raises_unknown
from tests.support.example_counts import try_examples
from tests.support.full_rankings import full_ranking, random_prepared


def check(ready: Prepared, user_id: int, job_id: int) -> FullRank:
    """Compare the standing of a job with the full ranking sorted in plain Python, and return it."""
    found, order = find_full_rank(ready, user_id, job_id), full_ranking(ready, user_id)
    message = ready.explain(user_id, job_id)
    assert found.order.tolist() == [job for job, _ in order]
    assert found.n_ranked == len(order)
    assert found.score == message.total
    ahead = [job for job, score in order if (-score, job) < (-message.total, job_id)]
    assert found.ahead.tolist() == ahead
    if job_id in found.order:
        assert found.rank == found.order.tolist().index(job_id) + 1 == len(ahead) + 1
        assert found.not_ranked == ()
    else:
        assert found.rank is None
        assert found.not_ranked
        assert set(message.not_ranked) <= set(found.not_ranked)
    return found


@try_examples(3, 15, seed=st.integers(0, 10**6))
def test_rank_equals_place_in_sorted_jobs(seed: int) -> None:
    ready = random_prepared(seed)
    random = np.random.default_rng(seed)
    for user in random.choice(ready.plan.user_id, 2):
        for job in random.choice(ready.plan.job_id, 5):
            check(ready, int(user), int(job))


@try_examples(3, 15, seed=st.integers(0, 10**6))
def test_known_values_do_not_change_a_ranking(seed: int) -> None:
    ready = random_prepared(seed)
    user, jobs = int(ready.plan.user_id[0]), ready.plan.job_id
    first, *rest = ready.model.parts
    changes = [{first.name: 1.0}, {rest[-1].name: 1.0} if rest else {first.name: 1.0}]
    known = [FullRanking(ready, user)]
    for change in changes:
        other = ready.with_model(ready.model.with_weights(change))
        found, alone = FullRanking(other, user, known), FullRanking(other, user)
        assert found.is_of(other, user)
        assert not found.is_of(ready, user)
        assert found.order.tolist() == alone.order.tolist()
        for rank, expected in zip(found.rank_jobs(jobs), alone.rank_jobs(jobs), strict=True):
            assert (rank.score, rank.n_ahead, rank.not_ranked) == (
                expected.score, expected.n_ahead, expected.not_ranked
            )  # fmt: skip
        known.insert(0, found)


@try_examples(3, 15, seed=st.integers(0, 10**6), k=st.integers(1, 60))
def test_first_k_of_full_ranking_are_the_list(seed: int, k: int) -> None:
    ready = random_prepared(seed)
    job = int(ready.plan.job_id[0])
    ranking = ready.top_k(k, ready.plan.user_id)
    for user, jobs, count in zip(ranking.user_id, ranking.job_id, ranking.count, strict=True):
        assert find_full_rank(ready, int(user), job).order[:k].tolist() == jobs[:count].tolist()


def test_every_reason_against_a_job_is_listed() -> None:
    rules = {"max_per_company": 1, "min_fee": 1_000.0, "employment_types": (1,), "company_cooldown_days": 90.0}
    ready = Prepared.of(
        small_dataset(4, n_users=10, n_jobs=60, n_actions=200), load_model("standard").with_eligibility(**rules)
    )
    seen = {
        reason.split(":")[0]
        for user in ready.plan.user_id
        for job in ready.plan.job_id
        for reason in find_full_rank(ready, user, job).not_ranked
    }
    assert seen == {
        "posted later",
        "expired",
        "inactive",
        "employment type",
        "fee too low",
        "the user applied to the job",
        "the user applied to the same company in the last 90 days",
        "limit of 1 jobs per company",
    }


def test_capped_job_is_behind_jobs_of_its_company() -> None:
    tables = make_market(20, 400, 600, seed=3).tables
    ready = Prepared.of(Dataset(tables), load_model("standard").with_eligibility(max_per_company=2))
    user, company = int(ready.plan.user_id[ready.active_users[0]]), ready.plan.exclusions.company
    capped = 0
    for row, job in enumerate(ready.plan.job_id):
        place = find_full_rank(ready, user, int(job))
        if place.not_ranked and place.not_ranked[0].startswith("limit of"):
            of_ahead = company[ready.job_rows(place.ahead)]
            assert (of_ahead == company[row]).sum() == 2
            capped += 1
    assert capped > 20


def test_only_candidates_are_ranked() -> None:
    data = small_dataset(2)
    ready = Prepared.of(data, load_model("standard"))
    n_users, n_jobs = len(ready.plan.user_id), len(ready.plan.job_id)
    chosen = Candidates.listed(np.zeros(5, dtype=np.int64), np.arange(5), n_users, n_jobs)
    some = Prepared.of(ready.inputs, load_model("standard"), candidates=chosen)
    user = int(some.plan.user_id[0])
    place = check(some, user, int(some.plan.job_id[7]))
    assert "not a candidate of any user" in place.not_ranked
    assert set(place.order) <= set(some.plan.job_id[:5])


def test_unknown_id_raises() -> None:
    ready = random_prepared(1)
    with raises_unknown("user", 999_999):
        find_full_rank(ready, 999_999, int(ready.plan.job_id[0]))
    with raises_unknown("job", -5):
        find_full_rank(ready, int(ready.plan.user_id[0]), -5)


def test_str_and_repr_of_full_rank() -> None:
    place = FullRank(score=50.0, order=np.arange(2_000), n_ahead=1_233, not_ranked=())
    assert repr(place) == "FullRank(rank 1,234 of 2,000, 50.00 points)"
    assert str(FullRank(50.0, np.arange(3), 1, ("expired",))) == "none"
