"""Example users: a fixed rule, and no ids."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from scoring.dataset import Dataset
from scoring.evaluation import Comparison
from scoring.model_catalog import load_model
from scoring.model_report.example_users import select_examples
from scoring.model_report.list_changes import BINS, ListChanges
from scoring.ranking import Prepared
from scoring.synthetic import make_market

FIRST_USER, FIRST_JOB = 700_000_000, 800_000_000
"""Added to ids, so that an id is found in any text."""


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    tables = make_market(80, 300, 2_000, seed=3).tables
    users = tables.users.assign(user_id=tables.users["user_id"] + FIRST_USER)
    jobs = tables.jobs.assign(job_id=tables.jobs["job_id"] + FIRST_JOB)
    actions = tables.actions.assign(
        user_id=tables.actions["user_id"] + FIRST_USER, job_id=tables.actions["job_id"] + FIRST_JOB
    )
    named = {
        "users": users.assign(external_id="member-" + users["user_id"].astype("str")),
        "jobs": jobs.assign(external_id="offer-" + jobs["job_id"].astype("str")),
    }
    before = Prepared.of(Dataset(replace(tables, actions=actions, **named)), load_model("standard"))
    flat = {part.name: 1.0 for part in before.model.parts} | {"fee": 6.0}
    return Comparison.of(before, before.with_model(before.model.with_weights(flat)), k=12)


def test_examples_are_at_fixed_shares_of_kept_jobs(comparison: Comparison) -> None:
    examples = select_examples(comparison)
    kept = np.sort(comparison.frame()["overlap"].to_numpy())
    shares = [kept[round(share * (len(kept) - 1))] for share in (0.5, 0.1, 0.9)]
    assert [example.overlap for example in examples] == shares
    assert [len(example.before) for example in examples] == [5, 5, 5]
    assert examples == select_examples(comparison)


def test_other_rank_is_that_of_the_same_job(comparison: Comparison) -> None:
    """The jobs of both sides that the other list contains are the same jobs at exchanged ranks."""
    for example in select_examples(comparison):
        first = {(job.rank, job.other_rank): job.title for job in example.before if job.other_rank is not None}
        second = {(job.other_rank, job.rank): job.title for job in example.after if job.other_rank is not None}
        shared = first.keys() & second.keys()
        assert [first[ranks] for ranks in shared] == [second[ranks] for ranks in shared]
        assert shared == {ranks for ranks in first if ranks[1] <= 5}
        assert shared == {ranks for ranks in second if ranks[0] <= 5}


def test_examples_contain_no_ids(comparison: Comparison) -> None:
    examples = select_examples(comparison)
    for example in examples:
        for fact in example.facts:
            assert re.fullmatch(r"(Prefecture|Preferred occupations|Views, clicks and applications so far): .+", fact)
    assert len(examples) == 3
    assert re.findall(r"[78]00000\d\d\d|member-|offer-", repr(examples)) == []
    assert re.findall(r"[78]00000\d\d\d|member-|offer-", repr(ListChanges.of(comparison))) == []


def test_empty_lists_have_no_example(comparison: Comparison) -> None:
    empty = replace(comparison.after, count=np.zeros_like(comparison.after.count))
    assert select_examples(replace(comparison, after=empty)) == ()
    (only,) = select_examples(
        replace(comparison, before=comparison.before.take(np.array([3])), after=comparison.after.take(np.array([3])))
    )
    assert only.reason.startswith("A typical change")


def test_list_changes_count_each_user_once(comparison: Comparison) -> None:
    changes = ListChanges.of(comparison)
    assert len(changes.histogram) == BINS
    assert sum(changes.histogram) == changes.n_users == len(comparison.before.user_id)
    assert changes.groups["n"].min() >= 30
    for table in changes.exposure:
        assert table.changes["places_before"].sum() == comparison.before.count.sum()
        assert table.select_gains()["change"].gt(0).all()
        assert table.select_losses()["change"].lt(0).all()
