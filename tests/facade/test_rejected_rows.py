"""Databases with a few invalid rows are loaded as `scoring run` loads them; corrected rows are noticed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text

import scoring
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset, Tables
from scoring.facade import ScoringEngine
from scoring.profiling import Source
from tests.support.errors import count_problems, raises_data

BAD = 25  # the job with most actions: 48 of 2,000, more than the limit of a table


@pytest.fixture(scope="module")
def tables() -> Tables:
    return scoring.make_market(120, 300, 2_000, seed=5).tables


@pytest.fixture
def db(database_url: str, tables: Tables) -> Iterator[Database]:
    with Database.open(database_url) as database:
        save_tables(database, tables)
        yield database


def edit(db: Database, *statements: str) -> None:
    """Edit the database as another program would, without this package."""
    with db.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def engine_on(db: Database, now: list[float]) -> ScoringEngine:
    return ScoringEngine(db.engine, keep_factors=False, change_check_seconds=5, clock=lambda: now[0])


def best(dataset: Dataset, k: int) -> pd.DataFrame:
    return scoring.Prepared.of(dataset, scoring.load_model("classic")).top_k(k).frame()


async def lists(engine: ScoringEngine) -> pd.DataFrame:
    return await engine.calculate_scores_for_all_users(top_k=5)


async def test_invalid_row_is_omitted_and_reported_once(db: Database) -> None:
    edit(db, f"UPDATE jobs SET expires_at = {2**62} WHERE job_id = {BAD}")
    now = [0.0]
    with engine_on(db, now) as engine:
        assert engine.ledger is None
        with pytest.warns(
            UserWarning, match=r"^Rejected rows are left out: jobs: 300 read = 299 used \+ 1 rejected \(expires_at "
        ) as warnings:
            found = await lists(engine)
        assert len(warnings) == 1
        assert "actions: " in str(warnings[0].message)
        assert str(warnings[0].message).count(". ") == 0
        expected = best(Dataset.from_database(db, on_bad="quarantine"), 5)
        pd.testing.assert_frame_equal(found[["user_id", "job_id"]], expected[["user_id", "job_id"]])
        with silent():  # no second warning: not for another request, and not when new data contain the same row
            jobs = await engine._batch_load_jobs_optimized(iter([BAD - 1, BAD, BAD + 1]))
            assert jobs["job_id"].tolist() == [BAD - 1, BAD + 1]
            assert len(await engine._batch_load_jobs_optimized()) == 299
            edit(db, "INSERT INTO users (user_id, is_active) VALUES (100000, true)")
            now[0] += 5
            await lists(engine)
            await engine.refresh()
        stats = engine.get_performance_stats()["snapshot"]
        assert stats["users"] == 121
        assert stats["refused"]["jobs"] == 1
        assert engine.ledger is not None
        assert engine.ledger.rows["jobs"]["job_id"].tolist() == [BAD]
        edit(db, f"UPDATE jobs SET expires_at = {2**62} WHERE job_id = {BAD + 1}")
        with pytest.warns(UserWarning, match="jobs: 300 read = 298 used"):
            await engine.refresh()


async def test_valid_database_needs_no_extra_queries(db: Database) -> None:
    with engine_on(db, [0.0]) as engine, silent():
        await lists(engine)
        assert engine.get_performance_stats()["snapshot"]["refused"] == {}


async def test_too_many_invalid_rows_raise_with_counts(db: Database) -> None:
    edit(db, f"UPDATE jobs SET expires_at = {2**62} WHERE job_id <= 4")
    with engine_on(db, [0.0]) as engine:
        for wanted in (lists(engine), engine._batch_load_jobs_optimized()):
            with raises_data("too many invalid rows", table="jobs") as raised:
                await wanted
            assert count_problems(raised.value)["jobs"] == 4
        edit(db, "UPDATE jobs SET expires_at = NULL WHERE job_id <= 4")
        with silent():
            assert len(await lists(engine))
    edit(db, f"UPDATE jobs SET expires_at = {2**62} WHERE job_id <= 4")
    url = db.engine.url.render_as_string(hide_password=False)
    with raises_data("too many invalid rows", table="jobs") as raised:
        Source(url).dataset()
    assert count_problems(raised.value)["jobs"] == 4


NEVER = 2**62
MENDS: list[Any] = [
    pytest.param(
        f"UPDATE jobs SET expires_at = {NEVER} WHERE job_id = {BAD}",
        f"UPDATE jobs SET expires_at = NULL WHERE job_id = {BAD}",
        id="a job",
    ),
    pytest.param(
        f"UPDATE users SET registered_at = {NEVER} WHERE user_id = 3",
        "UPDATE users SET registered_at = 0 WHERE user_id = 3",
        id="a user",
    ),
    pytest.param(
        f"INSERT INTO actions VALUES (3, {BAD}, 'click', {NEVER})",
        f"UPDATE actions SET occurred_at = 5 WHERE occurred_at = {NEVER}",
        id="the time of an action",
    ),
]


@pytest.mark.parametrize(("spoil", "mend"), MENDS)
async def test_row_corrected_in_place_is_detected(db: Database, spoil: str, mend: str) -> None:
    edit(db, spoil)
    now = [0.0]
    with engine_on(db, now) as engine:
        with pytest.warns(UserWarning, match="Rejected rows are left out"):
            await lists(engine)
        held, trips = engine._data.current, engine.get_performance_stats()["database"]["round_trips"]
        now[0] = 5
        await lists(engine)
        assert engine._data.current is held  # checked for changes, but not loaded again
        assert engine.get_performance_stats()["database"]["round_trips"] == trips + 3
        edit(db, mend)
        with silent():
            await lists(engine)
            assert engine._data.current is held  # not before the next check is due
            now[0] = 10
            found = await lists(engine)
        assert engine._data.current is not held
        assert engine.get_performance_stats()["snapshot"]["refused"] == {}
        expected = best(Dataset.from_database(db), 5)
        pd.testing.assert_frame_equal(found[["user_id", "job_id"]], expected[["user_id", "job_id"]])
        assert engine._data.current.dataset.fingerprint == Dataset.from_database(db).fingerprint


async def test_action_is_used_once_its_job_exists(db: Database) -> None:
    edit(db, "INSERT INTO actions VALUES (3, 9999, 'click', 5)")
    now = [0.0]
    with engine_on(db, now) as engine:
        with pytest.warns(UserWarning, match=r"\(job_id does not exist in jobs: 1\)"):
            await lists(engine)
        edit(db, "INSERT INTO jobs (job_id, is_active) VALUES (9999, true)")
        now[0] = 5
        with silent():
            await lists(engine)
        assert engine.get_performance_stats()["snapshot"]["refused"] == {}


def test_profiling_source_omits_invalid_rows(db: Database) -> None:
    edit(db, f"UPDATE jobs SET expires_at = {2**62} WHERE job_id = {BAD}")
    url = db.engine.url.render_as_string(hide_password=False)
    with pytest.warns(UserWarning, match=r"^Rejected rows are left out: jobs: 300 read = 299 used \+ 1 rejected"):
        found = Source(url).dataset()
    assert found.fingerprint == Dataset.from_database(db, on_bad="quarantine").fingerprint
    assert found.ledger["jobs"].n_rejected == 1
