"""The snapshot: invalid data are rejected with an error that names the table and the fix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from tests.support.errors import raises_at, raises_data
from tests.support.small_tables import small_tables

JOBS = pd.DataFrame({"job_id": [1, 2], "occupation_code": [3_000_000_000, 5], "posted_at": "2025-01-01"})
USERS = pd.DataFrame({"user_id": [1, 2], "preferred_occupations": [[3_000_000_000, 2**53], []]})


def test_occupation_codes_may_need_64_bits() -> None:
    data = Dataset.from_frames(JOBS, USERS)
    assert data.jobs.occupation[0] == data.users.preferred[0][0] >= 0
    assert data.words.occupation.value(data.users.preferred[0][1]) == 2**53


def test_factors_of_different_sizes_raise() -> None:
    tables = {
        "user_factors": pd.DataFrame({"user_id": [1], "f0": [1.0]}),
        "job_factors": pd.DataFrame({"job_id": [1], "f0": [1.0], "f1": [2.0]}),
    }
    with raises_data("number of factors", table="user_factors", value="1"):
        Dataset.from_frames(JOBS, USERS, **tables)


def test_unknown_kind_of_action_raises() -> None:
    tables = small_tables()
    with raises_data("unknown value", table="actions", column="action", value="apply"):
        Dataset(tables.with_tables(actions=tables.actions.assign(action="apply")))


def test_missing_jobs_or_users_raise() -> None:
    with raises_data("not a frame", table="users", value="NoneType"):
        Dataset.from_frames(JOBS, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [5, 5.5, np.int64(5), True, "now", "12", "01/02/2025", "9999-12-31T23:59:59-12:00"])
def test_invalid_clock_raises(wrong: Any) -> None:
    with raises_at(ConfigurationError, "as_of"):
        Dataset.from_frames(JOBS, USERS, as_of=wrong)
