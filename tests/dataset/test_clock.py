"""A given clock is set back if the newest data is more than one day later, or if the caller states it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.dataset.clock import SET_BACK_AFTER, Clock
from tests.support.random_markets import CLOCK

MICROSECOND = timedelta(microseconds=1)
JOBS = pd.DataFrame({"job_id": [1, 2], "is_active": [True, False], "posted_at": CLOCK - timedelta(days=3)})
USERS = pd.DataFrame({"user_id": [7]})


def views(*times: datetime) -> pd.DataFrame:
    return pd.DataFrame({"user_id": 7, "job_id": 1, "action": "view", "occurred_at": list(times)})


@pytest.mark.parametrize(
    ("ahead", "set_back"),
    [
        (timedelta(0), False),
        (timedelta(seconds=5), False),
        (timedelta(minutes=2), False),
        (SET_BACK_AFTER, False),
        (SET_BACK_AFTER + MICROSECOND, True),
        (timedelta(days=-9), False),
    ],
)
def test_clock_is_set_back_after_one_day(ahead: timedelta, set_back: bool) -> None:
    data = Dataset.from_frames(JOBS, USERS, views(CLOCK - timedelta(days=2), CLOCK + ahead), as_of=CLOCK)
    assert data.clock == Clock(pd.Timestamp(CLOCK), set_back)
    assert data.open_jobs.tolist() == [True, set_back]


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=2), timedelta(days=9)])
def test_stated_set_back_is_kept(ahead: timedelta, stated: bool) -> None:
    data = Dataset.from_frames(JOBS, USERS, views(CLOCK + ahead), as_of=CLOCK, set_back=stated)
    assert data.clock.set_back is stated
    assert Dataset(data.tables, as_of=CLOCK, set_back=stated).clock.set_back is stated


@pytest.mark.parametrize("posted", [CLOCK + timedelta(seconds=5), CLOCK + timedelta(days=9)])
@pytest.mark.parametrize("with_actions", [True, False])
def test_postings_set_back_only_without_actions(posted: datetime, with_actions: bool) -> None:
    actions = views(CLOCK) if with_actions else None
    data = Dataset.from_frames(JOBS.assign(posted_at=posted), USERS, actions, as_of=CLOCK)
    assert data.clock.set_back is (not with_actions and posted - CLOCK > SET_BACK_AFTER)


def test_rows_after_a_given_clock_are_not_used() -> None:
    jobs = JOBS.assign(is_active=True, posted_at=[CLOCK, CLOCK + timedelta(seconds=5)])
    data = Dataset.from_frames(jobs, USERS, views(CLOCK, CLOCK + timedelta(seconds=5)), as_of=CLOCK)
    assert len(data.actions) == 1
    assert data.open_jobs.tolist() == [True, False]


@pytest.mark.parametrize("options", [{}, {"set_back": False}])
def test_own_clock_is_never_set_back(options: dict[str, Any]) -> None:
    assert not Dataset.from_frames(JOBS, USERS, views(CLOCK), **options).clock.set_back
