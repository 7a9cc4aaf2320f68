"""Comparisons of single rows equal those of whole columns, also after rows changed."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from scoring.columns.dataset_frames import Tables
from scoring.dataset import Dataset
from scoring.live.compared_columns import ComparedColumns
from scoring.live.live_tables import make_row
from scoring.model import EligibilityRule, Inputs
from scoring.plan.own_rule_evaluation import make_user_rule
from scoring.plan.user_rules import ClassRule
from tests.support.random_markets import random_market

pytestmark = pytest.mark.integration

ROOM = 60


def read_market(seed: int) -> Inputs:
    return Inputs.of(Dataset(Tables(**random_market(seed, 20, 50, 20).frames())))


@pytest.mark.parametrize(
    "where",
    [
        "job.occupation_code in user.preferred_occupations",
        "job.occupation_code not in user.preferred_occupations",
        "job.min_salary >= user.preferred_salary_min",
        "user.preferred_salary_min < job.fee",
        "job.prefecture_code == user.prefecture_code",
        "user.prefecture_code != job.prefecture_code",
        "job.posted_at > user.registered_at",
        "job.is_active == user.is_active",
    ],
)
def test_rows_equal_whole_columns(where: str) -> None:
    """The rows of a second market replace those of the first one by one."""
    rule, first, second = EligibilityRule(where), read_market(0), read_market(1)
    columns = ComparedColumns(rule, first.board, ROOM, ROOM)
    for table in ("jobs", "users"):
        columns.write_frame(table, getattr(first.dataset.tables, table))
    for inputs in (first, second):
        if inputs is second:
            for table in ("jobs", "users"):
                frame = getattr(second.dataset.tables, table)
                for row in range(len(frame)):
                    columns.write(table, row, make_row(frame.iloc[row]))
        found = cast(ClassRule, make_user_rule(rule, inputs))
        wanted = found.allowed[found.user_class[:, None], found.job_class[None, :]]
        assert wanted.any()
        assert not wanted.all()
        n_users, n_jobs = wanted.shape
        for job in range(n_jobs):
            np.testing.assert_array_equal(columns.find_allowed("jobs", job, n_users), wanted[:, job])
        for user in range(n_users):
            np.testing.assert_array_equal(columns.find_allowed("users", user, n_jobs), wanted[user])
