"""Tables are loaded from a database as they were saved, by a number of queries that does not depend on the data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.columns import PRESENCE
from scoring.columns.dataset_frames import Tables
from scoring.database import writers
from scoring.database.change_tokens import read_change_tokens, read_change_tokens_async
from scoring.database.database import Database
from scoring.database.readers import (
    QueryCounter,
    load_actions,
    load_actions_async,
    load_company_actions,
    load_company_actions_async,
    load_jobs,
    load_jobs_async,
    load_tables,
    load_tables_async,
    load_users,
    load_users_async,
    read_database,
)
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.dataset.smaller_dtypes import optimise
from scoring.errors import ConfigurationError, DatabaseError
from scoring.model_catalog import list_preset_names, load_model
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from scoring.validation.table_validator import check
from tests.support.errors import raises_at, raises_data, raises_problem, raises_with
from tests.support.small_tables import HOSTILE, assert_same, small_tables


@pytest.mark.parametrize("factors", [False, True])
def test_saved_tables_are_loaded_unchanged(database_url: str, factors: bool) -> None:
    with Database.open(database_url) as database:
        tables = small_tables(factors=factors)
        save_tables(database, tables)
        assert_same(load_tables(database), tables)
        save_tables(database, tables, replace=True)
        assert_same(load_tables(database), tables)


def test_empty_tables_are_loaded_canonical(database_url: str) -> None:
    with Database.open(database_url) as database:
        database.create()
        tables = load_tables(database)
        for name, frame in tables.items():
            pd.testing.assert_frame_equal(frame, check(name, frame))
            assert frame.empty


def test_save_without_replace_keeps_existing_rows(database: Database) -> None:
    with raises_data("not empty", table="jobs"):
        save_tables(database, small_tables())
    assert_same(load_tables(database), small_tables())


def test_failed_save_keeps_existing_rows(database: Database) -> None:
    twice = pd.concat([small_tables().jobs] * 2, ignore_index=True)
    with raises_with(DatabaseError, reason="constraint"):
        save_tables(database, small_tables().with_tables(jobs=twice), replace=True)
    assert_same(load_tables(database), small_tables())


def big_tables(users: int) -> Tables:
    tables = small_tables()
    ids = np.arange(users)
    actions = pd.DataFrame(
        {"user_id": np.repeat(ids, 3), "job_id": np.tile([1, 3, 3], users), "occurred_at": pd.Timestamp("2025-06-01")}
    )
    actions["action"] = np.tile(["click", "view", "application"], users)
    return dataclasses.replace(
        tables, users=check("users", pd.DataFrame({"user_id": ids})), actions=check("actions", actions)
    )


def test_round_trips_do_not_depend_on_the_number_of_users(database_url: str) -> None:
    counts = []
    with Database.open(database_url) as database:
        for users in (1, 3000):
            save_tables(database, big_tables(users), replace=True)
            with QueryCounter(database) as whole:
                load_tables(database)
            with QueryCounter(database) as parts:
                assert len(load_users(database, range(users))) == users
                assert len(load_actions(database, range(users))) == users * 3
                load_jobs(database, range(users))
                load_company_actions(database, [f"c{n}" for n in range(users)])
            counts.append((whole.count, parts.count))
            assert parts.seconds > 0
    assert counts[0] == counts[1]
    assert counts[0][1] == 7  # three loads also read the own columns


def test_each_table_is_read_by_one_query(database: Database) -> None:
    with QueryCounter(database) as queries:
        load_tables(database)
    for name in DATA_TABLES:
        assert queries.count == len(DATA_TABLES) + 1  # and the own columns
        reads = [s for s in queries.statements if f"FROM {name} " in s.replace("\n", " ") + " "]
        assert len(reads) == 1, name


def test_many_rows_are_stored_with_their_indexes(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "MANY_ROWS", 3_000)
    with Database.open(database_url) as database:
        tables = big_tables(1_000)
        save_tables(database, tables)
        assert_same(load_tables(database), tables)
        indexes = {index["name"] for index in sa.inspect(database.engine).get_indexes("actions")}
        assert {"actions_by_job", "actions_by_time"} <= indexes


@pytest.mark.parametrize("load", [load_jobs, load_users])
def test_rows_are_ordered_by_id_and_unknown_ids_are_ignored(database: Database, load: object) -> None:
    assert callable(load)
    key = "job_id" if load is load_jobs else "user_id"
    everything = load(database)[key].tolist()
    assert everything == sorted(everything)
    asked = [everything[-1], -5, everything[0], everything[0], 4711]
    assert load(database, asked)[key].tolist() == [everything[0], everything[-1]]
    assert load(database, [str(everything[0]), np.int64(4711), 10.0**9])[key].tolist() == [everything[0]]
    assert load(database, [])[key].tolist() == []
    assert load(database, limit=1)[key].tolist() == everything[:1]
    assert load(database, limit=0)[key].tolist() == []
    assert load(database, asked, limit=1)[key].tolist() == everything[:1]


@pytest.mark.parametrize("invalid", [None, 1.5, 2**63, True, b"x"])
def test_error_names_invalid_ids(database: Database, invalid: object) -> None:
    with raises_at(ConfigurationError, "job_id"):
        load_jobs(database, [invalid])  # type: ignore[list-item]


@pytest.mark.parametrize("unknown", ["1; DROP TABLE jobs", "x", "1e3"])
def test_unknown_text_ids_return_no_rows(database: Database, unknown: str) -> None:
    assert load_jobs(database, [unknown]).empty
    assert len(load_jobs(database)) == 3


def test_negative_limit_raises(database: Database) -> None:
    with raises_at(ConfigurationError, "limit"):
        load_users(database, limit=-1)


def test_actions_of_given_users_are_loaded(database: Database) -> None:
    assert len(load_actions(database)) == 4
    frame = load_actions(database, [20, 4711])
    assert frame["user_id"].tolist() == [20, 20]
    assert frame["action"].tolist() == ["application", "view"]


def test_actions_are_counted_by_company(database: Database) -> None:
    frame = load_company_actions(database, None)
    assert frame.columns.tolist() == ["company_id", "application", "click", "view"]
    assert frame.values.tolist() == [[HOSTILE, 0, 1, 0], ["c1", 2, 0, 1]]
    assert load_company_actions(database, [HOSTILE, "x' OR '1'='1"])["company_id"].tolist() == [HOSTILE]
    since, until = pd.Timestamp("2025-06-03"), pd.Timestamp("2025-06-04T09:00+09:00")
    assert load_company_actions(database, None, since, until).values.tolist() == [[HOSTILE, 0, 1, 0], ["c1", 1, 0, 0]]
    assert load_company_actions(database, []).empty


def test_change_tokens_differ_after_every_change(database: Database) -> None:
    seen = [read_change_tokens(database)]
    with QueryCounter(database) as queries:
        assert read_change_tokens(database) == seen[0]
    assert queries.count == 1
    with database.begin() as connection:
        connection.execute(
            sa.insert(DATA_TABLES["actions"]).values(user_id=10, job_id=1, action="view", occurred_at=2**52)
        )
    seen.append(read_change_tokens(database))
    assert seen[1]["actions"] != seen[0]["actions"]
    assert seen[1]["jobs"] == seen[0]["jobs"]
    save_tables(database, small_tables(), replace=True)  # the same rows again: the change token changes on every write
    assert read_change_tokens(database)["jobs"] != seen[0]["jobs"]


async def test_async_loaders_equal_sync_loaders(database: Database) -> None:
    assert_same(await load_tables_async(database), load_tables(database))
    pd.testing.assert_frame_equal(await load_jobs_async(database, [1]), load_jobs(database, [1]))
    pd.testing.assert_frame_equal(await load_users_async(database, limit=1), load_users(database, limit=1))
    pd.testing.assert_frame_equal(await load_actions_async(database, [10]), load_actions(database, [10]))
    pd.testing.assert_frame_equal(
        await load_company_actions_async(database, ["c1"]), load_company_actions(database, ["c1"])
    )
    assert await read_change_tokens_async(database) == read_change_tokens(database)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("min_salary", "'a lot'"),
        ("occupation_code", "1.5"),
        ("posted_at", "'2025-01-01'"),
        ("posted_at", "9000000000000000000"),
        ("posted_at", "-9223372036854775808"),  # as NumPy stores a missing time
        ("has_remote_work", "7"),
        ("title", "x'ff'"),
    ],
)
def test_error_names_invalid_values_stored_by_sqlite(small_url: str, column: str, value: str) -> None:
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE jobs SET {column} = {value} WHERE job_id = 3")
        with raises_problem("jobs", column, rows=1, first=("job_id 3",)):
            load_tables(database)


def test_error_names_infinity_and_invalid_factors(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sa.update(DATA_TABLES["jobs"]).values(fee=float("inf")))
    with raises_problem("jobs", "fee", value="inf", rows=3):
        load_tables(database)
    with database.begin() as connection:
        connection.execute(sa.update(DATA_TABLES["jobs"]).values(fee=1))
        connection.execute(sa.insert(DATA_TABLES["job_factors"]).values(job_id=1, vector=b"123"))
    with raises_data("invalid rows") as raised:
        load_tables(database)
    assert raised.value.problems is not None
    problems = raised.value.problems[["table", "column", "rows", "first"]].values.tolist()
    assert problems == [["job_factors", "vector", 1, ("job_id 1",)], ["job_factors", "", 0, ()]]


@pytest.mark.parametrize("value", ["'1|many'", "'99999999999999999999'"])
def test_error_names_invalid_preferred_occupations(small_url: str, value: str) -> None:
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE users SET preferred_occupations = {value}")
        with raises_problem("users", "preferred_occupations", rows=2):
            load_tables(database)


def test_invalid_utf8_is_reported_with_its_row(small_url: str) -> None:
    """The driver reports the error only while rows are fetched, and does not name the row."""
    with Database.open(small_url) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE jobs SET title = CAST(x'ff41' AS TEXT) WHERE job_id = 3")
        with raises_problem("jobs", "title", rows=1, first=("job_id 3",)):
            load_tables(database)
        found, ledger = read_database(database, on_bad="quarantine")
        assert found.jobs["job_id"].tolist() == [1, 2**62]
        assert ledger["jobs"].rejected == {"title is not valid UTF-8 text": 1}
        with database.connect() as connection:  # other readers keep the default text factory
            assert connection.connection.dbapi_connection.text_factory is str


def test_scores_need_only_the_presence_of_texts(database_url: str) -> None:
    tables = make_market(60, 400, 3_000).tables
    with Database.open(database_url) as database:
        save_tables(database, tables)
        jobs = load_jobs(database, presence=PRESENCE)
        assert set(jobs["address"].dropna()) == {"given"}
        rankings = [
            Prepared.of(Dataset(tables.with_tables(jobs=frame)), load_model(model)).top_k(20).frame()
            for model in list_preset_names()
            for frame in (tables.jobs, jobs, check("jobs", optimise(jobs)))
        ]
        for first in range(0, len(rankings), 3):
            for other in rankings[first + 1 : first + 3]:
                pd.testing.assert_frame_equal(rankings[first], other, check_exact=True)
        with raises_at(ConfigurationError, "presence"):
            load_jobs(database, presence=["fee"])


async def test_blank_text_is_not_present(database: Database) -> None:
    blanks = ["", " ", "\t\n\v\f\r", "\x1c\x85\xa0", "\u1680\u2007\u202f\u205f\u3000"]
    for text in (*blanks, None, " x\u3000", "\u200b", "0"):
        with database.begin() as connection:
            connection.execute(sa.update(DATA_TABLES["jobs"]).values(address=text))
        plain, given = load_jobs(database), await load_jobs_async(database, presence=["address"])
        assert given["address"].isna().tolist() == plain["address"].isna().tolist() == [text in (*blanks, None)] * 3


def test_blank_text_in_a_database_is_missing(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sa.update(DATA_TABLES["jobs"]).values(company_id=" ", title="", prefecture_code=" 13 "))
    jobs = load_jobs(database)
    assert jobs[["company_id", "title"]].isna().all(axis=None)
    assert jobs["prefecture_code"].tolist() == ["13"] * len(jobs)
