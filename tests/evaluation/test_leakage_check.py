"""The check finds rows that contain held-out actions, and is silent on markets without leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.evaluation.action_log import ActionLog
from scoring.evaluation.holdout import APPLICATIONS, Holdout
from scoring.evaluation.holdout_splits import by_time, cold_start, last_n
from scoring.evaluation.leakage_check import MIN_UNITS, HeldOutJobs, compare_agreement
from scoring.synthetic import make_market
from tests.support.planted_leaks import plant
from tests.support.proof_counts import record_count


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(make_market(1_000, 3_000, 60_000, seed=1).tables)


def suspicious(holdout: Holdout) -> list[str]:
    assert holdout.agreement is not None
    return holdout.agreement.loc[holdout.agreement["suspicious"], "trait"].tolist()


@pytest.mark.parametrize(("name", "trait"), [("occupations", "preferred occupation"), ("city", "city"), ("fee", "fee")])
def test_planted_leak_is_found_with_its_value(data: Dataset, name: str, trait: str) -> None:
    clean, leaky = by_time(data), by_time(plant(data, name))
    assert suspicious(clean) == []
    assert trait in suspicious(leaky)
    row = leaky.agreement.set_index("trait").loc[trait]  # type: ignore[union-attr]
    assert row["held_out"] - row["earlier"] - row["expected"] == pytest.approx(row["excess"])
    assert row["low"] > 0
    held = f"{row['held_out']:.2f}" if trait == "fee" else f"{row['held_out']:.0%}"
    (note,) = [note for note in leaky.notes if note.startswith("Possible leak") and held in note]
    assert f"by {row['excess']:.2f} ({row['low']:.2f} to {row['high']:.2f}" in note
    record_count("planted leaks", "{} of {} kinds", 1, 1)


def test_leaks_of_last_jobs_and_newcomers_are_found(data: Dataset) -> None:
    """Preferred occupations are learnt from each user's last application, or from all of them."""
    applied = data.tables.actions.query("action == 'application'").sort_values("occurred_at")
    code = data.tables.jobs.set_index("job_id")["occupation_code"]
    for make, jobs in ((last_n, applied.groupby("user_id")["job_id"].last()), (cold_start, None)):
        if jobs is None:
            holdout = cold_start(data)
            jobs = pd.Series(holdout.relevance.job_id, index=holdout.relevance.user_id)
        learnt = code.reindex(jobs).set_axis(jobs.index).dropna().astype(int)
        users = data.tables.users
        rows = [[int(learnt[user])] if user in learnt.index else old
                for user, old in zip(users["user_id"], users["preferred_occupations"], strict=True)]  # fmt: skip
        changed = users.assign(preferred_occupations=pd.Series(rows, dtype=object))
        leaky = make(Dataset(data.tables.with_tables(users=changed), as_of=data.as_of))
        assert suspicious(make(data)) == []
        assert suspicious(leaky) == ["preferred occupation"]


def test_row_of_all_actions_is_not_found(data: Dataset) -> None:
    """A row that is computed from all actions alike agrees with earlier jobs as well: the documented limit."""
    applied = data.tables.actions.query("action == 'application'")
    code = data.tables.jobs.set_index("job_id")["occupation_code"].reindex(applied["job_id"]).to_numpy(dtype=float)
    all_codes = (
        applied.assign(code=code)
        .dropna(subset="code")
        .groupby("user_id")["code"]
        .agg(lambda c: [int(x) for x in set(c)])
    )
    users = data.tables.users
    rows = [
        all_codes.get(user, old) for user, old in zip(users["user_id"], users["preferred_occupations"], strict=True)
    ]
    tables = data.tables.with_tables(users=users.assign(preferred_occupations=pd.Series(rows, dtype=object)))
    assert suspicious(last_n(Dataset(tables, as_of=data.as_of))) == []


def test_values_equal_shares_of_jobs(data: Dataset) -> None:
    holdout = last_n(data)
    frame = holdout.agreement.set_index("trait")  # type: ignore[union-attr]
    users = data.tables.users.set_index("user_id")["prefecture_code"]
    jobs = data.tables.jobs.set_index("job_id")["prefecture_code"]
    applied = holdout.data.tables.actions.query("action == 'application'").sort_values(["occurred_at", "job_id"])
    last = applied.groupby(["user_id", "job_id"])["occurred_at"].max().reset_index()
    last = last.sort_values(["user_id", "occurred_at", "job_id"]).groupby("user_id").tail(5)
    same = (users.reindex(last["user_id"]).to_numpy() == jobs.reindex(last["job_id"]).to_numpy()).astype(float)
    unknown = users.reindex(last["user_id"]).isna().to_numpy() | jobs.reindex(last["job_id"]).isna().to_numpy()
    earlier = last.assign(same=np.where(unknown, np.nan, same)).groupby("user_id")["same"].mean()
    held = holdout.relevance.frame()
    a, b = users.reindex(held["user_id"]).to_numpy(), jobs.reindex(held["job_id"]).to_numpy()
    known = ~pd.isna(a) & ~pd.isna(b)
    of_held = pd.Series((a == b)[known].astype(float), index=held["user_id"][known])
    both = of_held.index.intersection(earlier.dropna().index)
    assert frame.loc["prefecture", "units"] == len(both)
    assert frame.loc["prefecture", "held_out"] == pytest.approx(of_held[both].mean())
    assert frame.loc["prefecture", "earlier"] == pytest.approx(earlier[both].mean())


def test_too_few_users_or_no_traits_are_not_compared(data: Dataset) -> None:
    few = last_n(data).of_users(last_n(data).user_id[: MIN_UNITS - 1])
    log = ActionLog.of(data, APPLICATIONS).pairs()
    rows = np.isin(data.users.user_id[log.user], few.user_id)
    jobs = HeldOutJobs(log.take(rows), log.take(rows), np.ones(int(rows.sum()), bool), np.ones(len(data.jobs), bool))
    assert compare_agreement(data, jobs)["excess"].isna().all()
    bare = data.tables.with_tables(
        jobs=data.tables.jobs.assign(
            **dict.fromkeys(("prefecture_code", "city_code"), None),
            occupation_code=pd.NA,
            fee=np.nan,
            min_salary=np.nan,
            has_daily_payment=False,
            has_no_experience=False,
            has_student_welcome=False,
            has_remote_work=pd.NA,
        ).astype(data.tables.jobs.dtypes)
    )
    holdout = by_time(Dataset(bare, as_of=data.as_of))
    assert holdout.agreement["excess"].isna().all()  # type: ignore[index]
    assert any("was not checked" in note for note in holdout.notes)


@pytest.mark.parametrize("markets", [2, pytest.param(20, marks=pytest.mark.long)], ids=["quick", "full"])
def test_false_alarms_are_rare(markets: int) -> None:
    """Markets without leaks: six cuts, and each other kind of holdout. The nominal rate is 1 %."""
    alarms = []
    for seed in range(markets):
        data = Dataset(make_market(1_000, 4_000, 70_000, seed=1_000 + seed).tables)
        cuts = [by_time(data, data.as_of - pd.Timedelta(days=14 * cut)) for cut in range(1, 7)]
        others = [by_time(data, gains={"click": 1}), last_n(data), last_n(data, 3), cold_start(data)]
        alarms += [len(suspicious(holdout)) > 0 for holdout in (*cuts, *others)]
    assert np.mean(alarms) <= 0.02
    record_count("false alarms", f"{np.mean(alarms):.1%} ({{}} of {{}} holdouts)", sum(alarms), len(alarms))
