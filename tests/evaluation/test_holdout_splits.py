"""Scores do not use held-out actions, and use all other actions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from scoring.dataset import Dataset, Tables
from scoring.errors import ConfigurationError, pluralize
from scoring.evaluation.holdout import EmptyHoldoutError, Holdout
from scoring.evaluation.holdout_splits import by_time, cold_start, last_n
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_data, raises_unknown, raises_with
from tests.support.example_counts import try_examples

DAY = pd.Timedelta(days=1)
GAINS = {"application": 3.0, "click": 1.0}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_market(60, 400, 4000, seed=2).tables


@pytest.fixture(scope="module")
def data(tables: Tables) -> Dataset:
    return Dataset(tables)


def scores(data: Dataset) -> np.ndarray:
    """Return scores of all pairs by the standard model, with all statistics and factors rebuilt."""
    return Prepared.of(data, load_model("standard"), workers=1).scorer.all_pairs()


def log_of(data: Dataset) -> set[tuple]:
    frame = data.tables.actions
    return set(zip(frame["user_id"], frame["job_id"], frame["action"], frame["occurred_at"], strict=True))


def pairs_of(holdout: Holdout) -> set[tuple[int, int]]:
    return set(zip(holdout.relevance.user_id.tolist(), holdout.relevance.job_id.tolist(), strict=True))


# --- By time -------------------------------------------------------------------------------------------------


def test_by_time_data_equals_dataset_of_past_date(tables: Tables, data: Dataset) -> None:
    cut = data.as_of - 30 * DAY
    holdout = by_time(data, cut, days=20, gains=GAINS)
    assert holdout.data.as_of == cut
    assert holdout.data.clock.set_back
    assert log_of(holdout.data) == {row for row in log_of(data) if row[3] <= cut}
    np.testing.assert_array_equal(scores(holdout.data), scores(Dataset(tables, as_of=cut)))


def test_by_time_relevance_is_actions_of_next_days(data: Dataset) -> None:
    cut = data.as_of - 30 * DAY
    holdout = by_time(data, cut, days=20, gains=GAINS)
    open_then = set(holdout.data.jobs.job_id[holdout.data.open_jobs].tolist())
    registered = data.tables.users.set_index("user_id")["registered_at"]
    gain: dict[tuple[int, int], float] = {}
    out: dict[str, set] = {
        "job not open at the start of the holdout": set(),
        "user not registered at the start of the holdout": set(),
    }
    for user, job, action, at in log_of(data):
        if action in GAINS and cut < at <= cut + 20 * DAY:
            if registered[user] > cut:
                out["user not registered at the start of the holdout"].add((user, job))
            elif job not in open_then:
                out["job not open at the start of the holdout"].add((user, job))
            else:
                gain[user, job] = max(gain.get((user, job), 0.0), GAINS[action])
    assert dict(zip(zip(holdout.relevance.user_id, holdout.relevance.job_id, strict=True),
                    holdout.relevance.gain, strict=True)) == gain  # fmt: skip
    assert holdout.left_out == {reason: len(found) for reason, found in out.items()}
    assert min(len(gain), *holdout.left_out.values()) > 0
    assert holdout.frame()["pairs"].sum() == len(gain) + sum(holdout.left_out.values())


def test_by_time_default_is_last_two_weeks(data: Dataset) -> None:
    assert by_time(data).data.as_of == data.as_of - 14 * DAY


@try_examples(2, 8, seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["application", "click", "view"]))
def test_by_time_ignores_planted_future_data(tables: Tables, data: Dataset, seed: int, kind: str) -> None:
    """Actions after the cut do not change a score; the same actions before the cut do."""
    rng = np.random.default_rng(seed)
    cut = data.as_of - 30 * DAY
    planted = pd.DataFrame(
        {
            "user_id": rng.choice(tables.users["user_id"], 300),
            "job_id": rng.choice(tables.jobs["job_id"][:5], 300),
            "action": pd.Series([kind] * 300, dtype="str"),
            "occurred_at": cut + pd.to_timedelta(rng.integers(1, 10**12, 300), unit="us"),
        }
    ).astype(tables.actions.dtypes.to_dict())
    later = Dataset(tables.with_tables(actions=pd.concat([tables.actions, planted])), as_of=data.as_of)
    clean, leaky = by_time(data, cut, days=30), by_time(later, cut, days=30)
    assert leaky.data.fingerprint == clean.data.fingerprint
    np.testing.assert_array_equal(scores(leaky.data), scores(clean.data))
    planted["occurred_at"] = cut
    before = Dataset(tables.with_tables(actions=pd.concat([tables.actions, planted])), as_of=data.as_of)
    assert (scores(by_time(before, cut, days=30).data) != scores(clean.data)).any()


def test_by_time_ignores_current_active_flag(tables: Tables, data: Dataset) -> None:
    cut = data.as_of - 30 * DAY
    jobs = tables.jobs.assign(is_active=False)
    closed = by_time(Dataset(tables.with_tables(jobs=jobs)), cut, days=30)
    assert closed.data.open_jobs.any()
    np.testing.assert_array_equal(closed.data.open_jobs, by_time(data, cut, days=30).data.open_jobs)


# --- The last jobs of each user ------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "at_least"), [(1, 1), (2, 3)])
def test_last_n_relevance_is_last_jobs(data: Dataset, n: int, at_least: int) -> None:
    holdout = last_n(data, n, at_least=at_least)
    applied = data.tables.actions.query("action == 'application'").groupby(["user_id", "job_id"])["occurred_at"].max()
    expected, too_few = set(), 0
    for user, times in applied.groupby("user_id"):
        last = times.reset_index().sort_values(["occurred_at", "job_id"])["job_id"].tolist()[-n:]
        if len(times) >= n + at_least:
            expected |= {(user, job) for job in last}
        else:
            too_few += len(last)
    assert pairs_of(holdout) == expected
    assert holdout.left_out == {
        f"user with fewer than {pluralize(n + at_least, 'job')}": too_few,
        f"user with fewer than {pluralize(at_least, 'job')} before the holdout": 0,
        "job not among the candidates": 0,
    }
    assert too_few > 0


def test_last_n_drops_jobs_acted_on_at_same_moment(tables: Tables) -> None:
    """Two jobs applied to at the same time: one is held out and the other removed, as their order is unknown."""
    user_id = int(tables.users["user_id"].iloc[0])
    others = tables.actions[tables.actions["user_id"] != user_id]
    both = others.iloc[:2].assign(user_id=user_id, job_id=tables.jobs["job_id"].iloc[:2].to_numpy())
    both = both.assign(action="application", occurred_at=others["occurred_at"].iloc[0])
    holdout = last_n(Dataset(tables.with_tables(actions=pd.concat([others, both], ignore_index=True))))
    assert user_id not in holdout.user_id
    assert holdout.left_out["user with fewer than 1 job before the holdout"] == 1
    assert set(holdout.user_id) <= set(holdout.data.tables.actions["user_id"])
    assert len([row for row in log_of(holdout.data) if row[0] == user_id]) == 2


def test_last_n_removes_actions_from_first_held_out_one(data: Dataset) -> None:
    holdout = last_n(data, 2)
    applications = data.tables.actions.query("action == 'application'")
    newest = applications.groupby(["user_id", "job_id"])["occurred_at"].max()
    first = {user: min(newest[user, job] for u, job in pairs_of(holdout) if u == user) for user in holdout.user_id}
    held = pairs_of(holdout)
    assert log_of(holdout.data) == {
        row for row in log_of(data) if (row[0], row[1]) not in held and not row[3] >= first.get(row[0], row[3] + DAY)
    }
    assert holdout.data.as_of == data.as_of
    assert not holdout.data.clock.set_back


@try_examples(2, 5, seed=st.integers(0, 2**32 - 1))
def test_last_n_ignores_planted_later_actions(tables: Tables, data: Dataset, seed: int) -> None:
    """A user's views and clicks of the held-out job, or of any job after it, do not change a score."""
    rng = np.random.default_rng(seed)
    holdout = last_n(data)
    when = tables.actions.query("action == 'application'").groupby("user_id")["occurred_at"].max()
    user = rng.choice(holdout.user_id, 200)
    target = dict(sorted(pairs_of(holdout)))
    planted = pd.DataFrame(
        {
            "user_id": user,
            "job_id": [target[u] if rng.random() < 0.5 else rng.choice(tables.jobs["job_id"]) for u in user],
            "action": pd.Series(rng.choice(["view", "click"], 200), dtype="str"),
            "occurred_at": [min(when[u] + pd.Timedelta(minutes=int(rng.integers(0, 999))), data.as_of) for u in user],
        }
    ).astype(tables.actions.dtypes.to_dict())
    leaky = last_n(Dataset(tables.with_tables(actions=pd.concat([tables.actions, planted])), as_of=data.as_of))
    assert pairs_of(leaky) == pairs_of(holdout)
    np.testing.assert_array_equal(scores(leaky.data), scores(holdout.data))


@pytest.mark.parametrize("window", [0, 7])
def test_candidates_are_jobs_open_at_action_time(data: Dataset, window: int) -> None:
    holdout = last_n(data, window_days=window)
    newest = data.tables.actions.query("action == 'application'").groupby(["user_id", "job_id"])["occurred_at"].max()
    jobs = data.tables.jobs
    assert holdout.candidates is not None
    for user, job in pairs_of(holdout):
        at = newest[user, job]
        then = (jobs["posted_at"].isna() | (jobs["posted_at"] <= at + window * DAY)) & (
            jobs["expires_at"].isna() | (jobs["expires_at"] > at)
        )
        row = np.searchsorted(data.users.user_id, [user])
        np.testing.assert_array_equal(holdout.candidates.matrix(row)[0], then)


def test_candidates_given_by_caller_are_used(data: Dataset) -> None:
    wanted = pairs_of(last_n(data))
    users = sorted(user for user, _ in wanted)
    some = sorted({job for _, job in wanted})[:20]
    all_users = last_n(data, candidates=some)
    assert pairs_of(all_users) == {pair for pair in wanted if pair[1] in some}
    assert all_users.left_out["job not among the candidates"] == len(wanted) - len(pairs_of(all_users))
    listed = pd.DataFrame(sorted(wanted)[:10], columns=["user_id", "job_id"])
    single = last_n(data, candidates=listed)
    assert pairs_of(single) == set(map(tuple, listed.to_numpy().tolist()))
    assert single.candidates is not None
    assert single.candidates.matrix(slice(None)).sum() == 10
    for same in (pa.Table.from_pandas(listed), listed.set_index(["user_id", "job_id"]), listed.set_index("job_id")):
        assert last_n(data, candidates=same).digest == single.digest
    with raises_data("missing column", table="candidates", column="job_id"):
        last_n(data, candidates=listed[["user_id"]])
    assert last_n(data, candidates=some[0]).digest == last_n(data, candidates=[some[0]]).digest
    with raises_unknown("job", 99999999):
        last_n(data, candidates=[99999999])
    with raises_with(EmptyHoldoutError, key=()) as raised:
        last_n(data, candidates=pd.DataFrame({"user_id": users[:1], "job_id": [int(data.jobs.job_id[0])]}))
    assert "job not among the candidates" in raised.value.left_out


# --- New users -----------------------------------------------------------------------------------------------


def test_cold_start_users_have_no_actions(data: Dataset) -> None:
    holdout = cold_start(data, 2, share=0.3, seed=1)
    applied = data.tables.actions.query("action == 'application'").groupby(["user_id", "job_id"])["occurred_at"].max()
    assert 0 < len(holdout.user_id) <= round(0.3 * applied.index.get_level_values(0).nunique())
    chosen = set(holdout.user_id.tolist())
    assert log_of(holdout.data) == {row for row in log_of(data) if row[0] not in chosen}
    for user in chosen:
        first = applied[user].reset_index().sort_values(["occurred_at", "job_id"])["job_id"].tolist()[:2]
        assert {job for u, job in pairs_of(holdout) if u == user} == set(first)
    again = cold_start(data, 2, share=0.3, seed=1)
    assert pairs_of(again) == pairs_of(holdout)
    assert again.digest == holdout.digest
    assert pairs_of(cold_start(data, 2, share=0.3, seed=2)) != pairs_of(holdout)


# --- All -----------------------------------------------------------------------------------------------------


def test_of_users_keeps_only_their_relevance(data: Dataset) -> None:
    whole = last_n(data)
    some = whole.user_id[::2]
    part = whole.of_users(some)
    assert pairs_of(part) == {pair for pair in pairs_of(whole) if pair[0] in set(some.tolist())}
    assert part.data is whole.data
    assert part.digest != whole.digest


def test_given_factors_add_a_note(data: Dataset, tables: Tables) -> None:
    without = by_time(data).notes
    assert not any("came with the data" in note for note in without)
    factors = {
        f"{what}_factors": pd.DataFrame({f"{what}_id": getattr(tables, f"{what}s")[f"{what}_id"], "f0": 1.0})
        for what in ("user", "job")
    }
    with_factors = Dataset(tables.with_tables(**factors))
    assert set(by_time(with_factors).notes) - set(without) == {
        note for note in last_n(with_factors).notes if "came with the data" in note
    }


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda data: by_time(data, gains={"hire": 1.0}), ("gains", "hire")),
        (lambda data: by_time(data, gains={"view": 0.0}), ("gains", "view")),
        (lambda data: by_time(data, gains={"application": 1e308}), ("gains", "application")),
        (lambda data: by_time(data, gains={"application": "1"}), ("gains", "application")),
        (lambda data: last_n(data, gains={"click": float("nan")}), ("gains", "click")),
        (lambda data: cold_start(data, gains=None), ("gains",)),
        (lambda data: last_n(data, 0), ("n",)),
        (lambda data: last_n(data, 1.5), ("n",)),
        (lambda data: last_n(data, "1"), ("n",)),
        (lambda data: last_n(data, at_least=None), ("at_least",)),
        (lambda data: cold_start(data, float("nan")), ("n",)),
        (lambda data: cold_start(data, share="0.2"), ("share",)),
        (lambda data: cold_start(data, seed=-1), ("seed",)),
        (lambda data: cold_start(data, seed=None), ("seed",)),
        (lambda data: cold_start(data, share=0.0), ("share",)),
        (lambda data: cold_start(data, 0), ("n",)),
    ],
)
def test_invalid_holdout_arguments_raise(
    data: Dataset, make: Callable[[Dataset], Holdout], key: tuple[str, ...]
) -> None:
    with raises_at(ConfigurationError, *key):
        make(data)


@pytest.mark.parametrize(
    ("make", "left_out", "found"),
    [
        (lambda data: by_time(data, data.as_of), [], ["view", "click", "application"]),  # none after the clock
        (lambda data: last_n(Dataset(data.tables, as_of="2001-01-01", set_back=True)), [], []),
        (lambda data: last_n(data, at_least=10**6), ["user with fewer than 1,000,001 jobs"], []),
    ],
)
def test_empty_holdout_raises(
    data: Dataset, make: Callable[[Dataset], Holdout], left_out: list[str], found: list[str]
) -> None:
    with raises_with(EmptyHoldoutError, key=()) as raised:
        make(data)
    assert list(raised.value.left_out) == left_out
    assert sorted(raised.value.found) == sorted(found)


@pytest.mark.parametrize("days", [float("inf"), float("nan"), 0, -1, True, "14", 1.5, pd.Timedelta("36h")])
def test_invalid_days_raise(data: Dataset, days: float) -> None:
    with raises_at(ConfigurationError, "days"):
        by_time(data, days=days)
    if days:
        with raises_at(ConfigurationError, "window_days"):
            last_n(data, window_days=days)


def test_days_may_be_a_time_delta(data: Dataset) -> None:
    assert by_time(data, days=pd.Timedelta(days=14)).digest == by_time(data, days=14).digest
