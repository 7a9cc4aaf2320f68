"""Candidates: the jobs that may be ranked for each user."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.dataset import Dataset
from scoring.dataset.arrays import DAY, NO_TIME
from scoring.errors import ConfigurationError
from scoring.model_catalog import load_model
from scoring.plan import Candidates, candidate_bits
from scoring.ranking import Prepared
from tests.support.errors import raises_at
from tests.support.small_datasets import small_dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return small_dataset(8, n_users=20, n_jobs=81, n_actions=300)


@pytest.fixture
def windows(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first = data.clock.now - rng.integers(0, 90, len(data.users)) * DAY
    return first, first + rng.integers(0, 8, len(data.users)) * DAY


def test_open_between_selects_jobs_open_in_window(
    data: Dataset, windows: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_bits, "_ROWS_AT_ONCE", 7)
    first, last = windows
    found = Candidates.open_between(data.jobs, first, last).matrix(np.arange(len(first)))
    expected = [
        [
            (posted == NO_TIME or posted <= last[user]) and (expires == NO_TIME or expires > first[user])
            for posted, expires in zip(data.jobs.posted_at, data.jobs.expires_at, strict=True)
        ]
        for user in range(len(first))
    ]
    assert found.tolist() == expected
    assert 0 < found.mean() < 1


def test_open_between_accepts_single_moment(data: Dataset) -> None:
    """At the clock, candidates are the open jobs. The active flag is ignored: its past values are unknown."""
    now = np.full(len(data.users), data.clock.now)
    found = Candidates.open_between(data.jobs, now, now)
    np.testing.assert_array_equal(found.of_any_user, data.jobs.find_open(data.clock.now, check_active=False))


def test_take_selects_users_in_order(data: Dataset, windows: tuple[np.ndarray, np.ndarray]) -> None:
    whole, rows = Candidates.open_between(data.jobs, *windows), np.array([5, 0, 5])
    np.testing.assert_array_equal(whole.take(rows).matrix(slice(None)), whole.matrix(rows))


def test_candidates_replace_open_rule(data: Dataset, windows: tuple[np.ndarray, np.ndarray]) -> None:
    candidates = Candidates.open_between(data.jobs, *windows)
    ready = Prepared.of(data, load_model("standard"), candidates=candidates)
    rows = np.arange(len(data.users))
    may_be = ready.plan.exclusions.matrix(rows)
    assert not (may_be & ~candidates.matrix(rows)).any()
    assert (may_be & ~data.open_jobs).any()
    assert list(ready.plan.exclusions.counts()) == ["not a candidate of any user", "fee too low"]
    ranking = ready.scorer.top_k(5)
    for row, count in enumerate(ranking.count):
        assert count == min(5, may_be[row].sum())
        assert may_be[row, ranking.job_row[row, :count]].all()
    # other models on the same data keep the candidates
    for other in (ready.model.with_weights({"fee": 1.0}), load_model("classic")):
        assert ready.with_model(other).plan.exclusions.candidates is candidates


def test_explanation_names_missing_candidate(data: Dataset) -> None:
    candidates = Candidates.listed(np.array([3]), np.array([7]), len(data.users), len(data.jobs))
    ready = Prepared.of(data, load_model("classic"), candidates=candidates)
    user, other = (int(data.users.user_id[row]) for row in (3, 4))
    job = int(data.jobs.job_id[7])
    assert ready.explain(user, job).not_ranked == ()
    assert ready.explain(other, job).not_ranked == ("the job is not a candidate of the user",)
    assert ready.top_k(3, [user, other]).count.tolist() == [1, 0]


def test_candidates_of_other_data_are_rejected(data: Dataset) -> None:
    candidates = Candidates.listed(np.array([0]), np.array([0]), 3, 4)
    with raises_at(ConfigurationError, "candidates"):
        Prepared.of(data, load_model("classic"), candidates=candidates)
