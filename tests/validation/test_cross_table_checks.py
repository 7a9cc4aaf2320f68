"""Validation of a dataset: random invalid rows are all found, counted and quarantined; clean rows keep their scores."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

import scoring
from scoring.database.database import Database
from scoring.database.readers import read_database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.dataset.frame_validation import read_frames
from scoring.errors import ConfigurationError, DataError
from scoring.runs import runner
from scoring.runs.publishers import FramePublisher
from scoring.validation.report import Limit, TableReport
from tests.support.errors import raises_at, raises_data, raises_problem
from tests.support.example_counts import try_examples
from tests.support.proof_counts import record_count

TABLES = scoring.make_market(12, 60, 300, seed=5).tables
MODEL = scoring.load_model("standard")

DIRT: dict[str, list[tuple[str, Any]]] = {
    "jobs": [
        ("min_salary", "a lot"), ("fee", np.inf), ("fee", -np.inf), ("min_salary", 1e13), ("posted_at", "soon"),
        ("has_remote_work", "perhaps"), ("title", "a\0b"), ("title", "\ud800"), ("occupation_code", 1.5),
        ("job_id", 2.0**60), ("job_id", None), ("job_id", True), ("prefecture_code", True), ("is_active", 7),
    ],
    "users": [
        ("preferred_salary_min", np.inf), ("preferred_occupations", "1|x"), ("user_id", "NULL"), ("user_id", 1.5),
        ("registered_at", "never"), ("city_code", np.inf),
    ],
    "actions": [
        ("action", "hide"), ("occurred_at", None), ("occurred_at", "9999-01-01"), ("user_id", 10**9), ("job_id", 10**9),
        ("job_id", None), ("user_id", -5),
    ],
}  # fmt: skip


def frames() -> dict[str, pd.DataFrame]:
    return {name: getattr(TABLES, name).copy() for name in ("jobs", "users", "actions")}


Change = tuple[int, list[tuple[str, Any]]]
"""The place of a clean row, and invalid values for some of its columns."""


def draw_changes(table: str, data: st.DataObject) -> list[Change]:
    """Return changes of up to five rows, and up to two of these changes again."""
    values = st.lists(st.sampled_from(DIRT[table]), min_size=1, max_size=2)
    changes = data.draw(st.lists(st.tuples(st.integers(0, 10_000), values), max_size=5))
    return changes + data.draw(st.lists(st.sampled_from(changes), max_size=2)) if changes else []


def make_invalid(table: str, clean: pd.DataFrame, changes: list[Change]) -> pd.DataFrame:
    """Return copies of clean rows, each with invalid values. Users and jobs have ids of their own."""
    key = f"{table[:-1]}_id"
    rows = [clean.iloc[:0].astype(object)]
    for n, (place, values) in enumerate(changes):
        row = clean.iloc[[place % len(clean)]].astype(object)
        if key in row:
            row[key] = 100_000 + n
        for column, value in values:
            row[column] = pd.Series([value], index=row.index, dtype=object)
        rows.append(row)
    return pd.concat(rows, ignore_index=True)


def count_repeated(actions: pd.DataFrame) -> int:
    """Return how many actions repeat another one.

    Rows are compared if each value is valid by itself: `user_id` and `job_id` may be unknown, and times in the future.
    """
    keys = [
        (int(user), int(job), action, str(at))
        for user, job, action, at in actions[["user_id", "job_id", "action", "occurred_at"]].itertuples(index=False)
        if job is not None and action != "hide" and at is not None
    ]
    return len(keys) - len(set(keys))


@cache
def clean_lists() -> pd.DataFrame:
    """Return the lists of the clean rows, which are the same in each example."""
    return lists(Dataset.from_frames(**frames()))[0]


def lists(data: Dataset) -> tuple[pd.DataFrame, runner.RunResult]:
    publisher = FramePublisher()
    result = runner.run(scoring.Prepared.of(data, MODEL), k=8, publishers=[publisher])
    return publisher.frame, result


@try_examples(4, 20, data=st.data())
def test_invalid_rows_are_counted_and_change_no_score(data: st.DataObject) -> None:
    clean = frames()
    invalid = {name: make_invalid(name, frame, draw_changes(name, data)) for name, frame in clean.items()}
    dirty = {
        name: pd.concat([frame.astype(object), invalid[name]]).sample(
            frac=1, random_state=len(invalid[name]), ignore_index=True
        )
        for name, frame in clean.items()
    }
    repeated = count_repeated(invalid["actions"])
    rejected = {name: len(rows) - (repeated if name == "actions" else 0) for name, rows in invalid.items()}
    found = Dataset.from_frames(**dirty, on_bad="quarantine")
    for name, frame in dirty.items():
        table = found.ledger[name]
        assert table.read == len(frame) == table.used + sum(table.left_out.values()) + sum(table.rejected.values())
        assert table.n_rejected == rejected[name]
        assert table.left_out.get("repeated", 0) == (repeated if name == "actions" else 0)
        assert len(found.ledger.rows.get(name, [])) == rejected[name]
    given_lists, result = lists(found)
    pd.testing.assert_frame_equal(given_lists, clean_lists(), check_exact=True)
    account = result.counts.frame().groupby(["table", "what"])["rows"].sum()
    for table, used in (("users", "scored"), ("jobs", "ranked"), ("actions", "used")):
        parts = account[table]
        assert parts["read"] == len(dirty[table]) == parts.drop("read").sum() >= parts[used]
        assert parts.get("refused", 0) == rejected[table]
    if any(rejected.values()):
        with pytest.raises(DataError) as caught:
            Dataset.from_frames(**dirty)
        assert set(caught.value.problems["table"]) == {name for name, rows in rejected.items() if rows}
    read, refused = sum(map(len, dirty.values())), sum(rejected.values())
    record_count("accounted rows", "{} rows, {} rejected, in {} random markets", read, refused, 1)


@pytest.mark.parametrize("values", [*([value] for value in DIRT["actions"]), DIRT["actions"][-4:-2]], ids=str)
def test_equal_invalid_actions_are_counted_by_hand(values: list[tuple[str, Any]]) -> None:
    """Equal actions whose values are valid by themselves are merged before users, jobs and times are compared."""
    actions = frames()["actions"].iloc[:20].astype(object)
    invalid = make_invalid("actions", actions, [(3, values), (4, values), (3, values), (3, values)])
    tables = frames() | {"actions": pd.concat([actions, invalid], ignore_index=True)}
    account = Dataset.from_frames(**tables, on_bad="quarantine").ledger["actions"]
    has_invalid_value = values[0][0] in ("action", "occurred_at", "job_id") and values[0][1] in ("hide", None)
    assert (account.read, account.used) == (24, 20)
    assert account.n_rejected == (4 if has_invalid_value else 2)
    assert account.left_out == ({} if has_invalid_value else {"repeated": 2})
    assert count_repeated(invalid) == 4 - account.n_rejected


def test_rows_that_refer_to_rejected_rows_are_counted_separately() -> None:
    dirty = frames()
    user, job = dirty["actions"].iloc[0][["user_id", "job_id"]]
    dirty["users"] = dirty["users"].astype({"preferred_salary_min": object})
    dirty["users"].loc[dirty["users"]["user_id"] == user, "preferred_salary_min"] = "much"
    factors = {
        "user_factors": pd.DataFrame({"user_id": [*TABLES.users["user_id"], 999], "f0": 1.0}),
        "job_factors": pd.DataFrame({"job_id": TABLES.jobs["job_id"], "f0": 1.0}),
    }
    ledger = Dataset.from_frames(**dirty, **factors, on_bad="quarantine").ledger
    theirs = int((dirty["actions"]["user_id"] == user).sum())
    assert ledger["users"].rejected == {"preferred_salary_min is not a number": 1}
    assert ledger["actions"].rejected == {"user_id refers to a rejected user": theirs}
    assert ledger["user_factors"].rejected == {"user_id refers to a rejected user": 1}
    assert ledger["user_factors"].left_out == {"of an unknown user": 1}
    with pytest.raises(DataError) as caught:  # names the cause alone
        Dataset.from_frames(**dirty, **factors)
    assert set(caught.value.problems["table"]) == {"users"}
    assert job in dirty["jobs"]["job_id"].tolist()


def test_rows_that_refer_to_rejected_rows_do_not_reach_limit() -> None:
    """One bad job of sixty, with half of the actions, counts as one invalid row.

    Actions that refer to an unknown job are invalid themselves.
    """
    dirty = frames()
    bad, *others = dirty["jobs"]["job_id"].tolist()
    n = len(dirty["actions"])
    dirty["actions"]["job_id"] = [bad if row % 2 else others[row % len(others)] for row in range(n)]
    dirty["actions"].loc[[0, 2], "job_id"] = 10**6
    dirty["actions"].loc[[1, 2], "user_id"] = 10**6 + 1  # row 1: job rejected and unknown user
    dirty["jobs"] = dirty["jobs"].astype({"fee": object, "job_id": float})
    dirty["jobs"].loc[0, "fee"] = "x"
    ledger = Dataset.from_frames(**dirty, on_bad="quarantine").ledger
    account = ledger["actions"]
    followers = len(range(3, n, 2))
    assert account.rejected == {
        "job_id refers to a rejected job": followers,
        "user_id does not exist in users": 2,
        "job_id does not exist in jobs": 1,
    }
    assert account.read == n == account.used + sum(account.left_out.values()) + account.n_rejected
    assert (account.n_rejected, account.n_invalid) == (followers + 3, 3)
    assert account.format_line().endswith(f"job_id refers to a rejected job: {followers})")
    assert Limit.parse("3").allows(account)
    assert not Limit.parse("2").allows(account)
    ledger.require(Limit.parse("3"))
    with raises_data("too many invalid rows", table="actions"):
        ledger.require(Limit.parse("2"))


def test_message_names_deleted_jobs_if_they_exceed_the_limit() -> None:
    dirty = frames()
    dirty["actions"].loc[:4, "job_id"] = 10**9
    ledger = Dataset.from_frames(**dirty, on_bad="quarantine").ledger
    assert ledger["actions"].n_unknown == ledger["actions"].n_invalid == 5
    with raises_data("too many invalid rows", table="actions") as caught:
        ledger.require(Limit.parse("4"))
    assert "deleted jobs" in str(caught.value)
    dirty["actions"].loc[5:20, "action"] = "looked"  # most rows have another problem
    ledger = Dataset.from_frames(**dirty, on_bad="quarantine").ledger
    with raises_data("too many invalid rows", table="actions") as caught:
        ledger.require(Limit.parse("4"))
    assert "deleted jobs" not in str(caught.value)


def test_error_lists_every_kind_of_problem_of_every_table() -> None:
    dirty = frames()
    dirty["jobs"] = dirty["jobs"].astype({"fee": object, "title": object, "posted_at": object})
    dirty["jobs"].loc[:9, "fee"] = "x"
    dirty["jobs"].loc[20, "title"] = "a\0b"
    dirty["jobs"].loc[[30, 31], "posted_at"] = "soon"
    dirty["users"]["user_id"] = dirty["users"]["user_id"].iloc[0]
    with pytest.raises(DataError) as caught:
        Dataset.from_frames(**dirty, occupations=pd.DataFrame({"code": [1]}))
    text, problems = str(caught.value), caught.value.problems
    assert "occupations: column occupation_code is missing" in text
    assert "jobs: 13 invalid rows (row 0, column fee: 'x' is not a number" in text
    assert "and 8 more, among them" in text
    assert "title contains a NUL character (1, first row 20)" in text
    assert "posted_at is not a time" in text
    assert "users: 11 invalid rows" in text
    assert problems.columns.tolist() == ["table", "column", "reason", "rows", "first", "value"]
    counted = problems.set_index(["table", "column"])["rows"].to_dict()
    assert counted == {
        ("jobs", "fee"): 10,
        ("jobs", "title"): 1,
        ("jobs", "posted_at"): 2,
        ("users", "user_id"): 11,
        ("occupations", ""): 0,
    }
    first = problems.set_index("column").at["fee", "first"]
    assert first == (0, 1, 2, 3, 4)


def test_times_in_the_future_do_not_set_the_clock() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    actions = TABLES.actions.copy()
    actions.loc[0, "occurred_at"] = pd.Timestamp("2030-01-03", tz="UTC")
    given_frames = {"jobs": TABLES.jobs, "users": TABLES.users, "actions": actions}
    with raises_problem("actions", "occurred_at", match="today is 2030-01-01", first=(0,)):
        read_frames(given_frames, now=now)
    later = pd.Timestamp("2031-01-01", tz="UTC")
    assert read_frames(given_frames, now=now, as_of=later)[1].n_rejected == 0
    actions.loc[0, "occurred_at"] = pd.Timestamp("2030-01-01T23:00:00", tz="UTC")
    assert read_frames(given_frames, now=now)[1].n_rejected == 0
    jobs = TABLES.jobs.assign(posted_at=pd.Timestamp("2031-01-01", tz="UTC"))
    assert read_frames({"jobs": jobs, "users": TABLES.users, "actions": TABLES.actions}, now=now)[1].n_rejected == 0
    with raises_problem("jobs", "posted_at", match="future", rows=60):
        read_frames({"jobs": jobs, "users": TABLES.users}, now=now)


def test_invalid_rows_of_another_program_are_quarantined(tmp_path: Path) -> None:
    """Codes without leading zeros and words in capitals get the same scores as from a DataFrame."""
    expected, _ = lists(Dataset(TABLES))
    with Database.open(tmp_path / "m.db") as database:
        save_tables(database, TABLES)
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE jobs SET salary_type = upper(salary_type)")
            for table in ("jobs", "users"):
                connection.exec_driver_sql(
                    f"UPDATE {table} SET prefecture_code = CAST(CAST(prefecture_code AS INTEGER) AS TEXT)"
                )
        pd.testing.assert_frame_equal(lists(Dataset.from_database(database))[0], expected, check_exact=True)
        clean = read_database(database)[1]
        assert clean.lines()[0].startswith("prefectures: 47 read = 47 used")
        with database.begin() as connection:  # no keys and no checks, like a copy of a table
            for name in ("jobs", "actions"):
                connection.exec_driver_sql(f"CREATE TABLE copy AS SELECT * FROM {name}")
                connection.exec_driver_sql("INSERT INTO copy SELECT * FROM copy LIMIT 3")
                connection.exec_driver_sql(f"DROP TABLE {name}")
                connection.exec_driver_sql(f"ALTER TABLE copy RENAME TO {name}")
            connection.exec_driver_sql("INSERT INTO jobs (job_id, fee) VALUES (1.5, 'x')")
        found = Dataset.from_database(database, on_bad="quarantine")
        assert found.ledger["jobs"].rejected == {
            "job_id is a duplicate of an earlier row": 3,
            "job_id is not an integer": 1,
        }
        assert found.ledger["actions"].left_out == {"repeated": 3}
        pd.testing.assert_frame_equal(lists(found)[0], expected, check_exact=True)


def test_files_of_rejected_rows_are_private(tmp_path: Path) -> None:
    dirty = frames()
    dirty["jobs"] = dirty["jobs"].astype({"fee": object})
    dirty["jobs"].loc[3, "fee"] = "x"
    ledger = Dataset.from_frames(**dirty, on_bad="quarantine").ledger
    paths = ledger.write(tmp_path / "refused")
    assert [path.name for path in paths][:1] == ["refused_jobs.csv"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    row = pd.read_csv(paths[0]).iloc[0]
    assert (row["refused_row"], row["refused_column"], row["refused_value"]) == (3, "fee", "x")
    assert row["job_id"] == dirty["jobs"]["job_id"].iloc[3]


def test_rejected_row_without_utf8_is_written(tmp_path: Path) -> None:
    dirty = frames()
    dirty["jobs"] = dirty["jobs"].astype({"title": object})
    dirty["jobs"].loc[3, "title"] = "\ud800"
    ledger = Dataset.from_frames(**dirty, on_bad="quarantine").ledger
    row = pd.read_csv(ledger.write(tmp_path)[0]).iloc[0]
    assert (row["refused_row"], row["refused_column"], row["title"]) == (3, "title", "\\ud800")


def test_cause_of_a_rejection_is_a_field() -> None:
    """Reasons are only text: a row whose reason ends like that of a dependent row is invalid by itself."""
    dirty = frames()
    user = int(dirty["users"]["user_id"].iloc[0])
    actions = dirty["actions"]
    actions = actions.assign(user_id=[user, *actions["user_id"].iloc[1:]], job_id=actions["job_id"].tolist())
    actions.loc[1, "job_id"] = 10**9
    dirty |= {"actions": actions, "users": dirty["users"].astype({"preferred_salary_min": object})}
    dirty["users"].loc[0, "preferred_salary_min"] = "much"
    ledger = Dataset.from_frames(**dirty, on_bad="quarantine").ledger
    found = ledger.rejections.groupby(["table", "column", "caused_by"]).size().to_dict()
    dependent = int((actions["user_id"] == user).drop(index=1).sum())
    assert found == {
        ("users", "preferred_salary_min", ""): 1,
        ("actions", "job_id", ""): 1,
        ("actions", "user_id", "users"): dependent,
    }
    account = ledger["actions"]
    assert account.caused_by == {"user_id refers to a rejected user": "users"}
    assert (account.n_rejected, account.n_invalid) == (1 + dependent, 1)
    assert ledger.get_invalid_rows("actions")["refused_row"].tolist() == [1]
    assert ledger.get_invalid_rows("users")["user_id"].tolist() == [user]
    alike = TableReport("jobs", 1, 0, rejected={"title refers to a rejected user": 1})
    assert alike.n_invalid == 1


def test_limits_are_parsed_and_applied() -> None:
    table = TableReport("jobs", 200, 198, rejected={"fee is infinite": 2})
    assert [Limit.parse(text).allows(table) for text in ("1%", "0.9%", "2", "1", "0", "100 %")] == [
        True, False, True, False, False, True,
    ]  # fmt: skip
    for invalid in ("", "1.5", "-1", "101%", "nan%", "many", "१%", "1%%"):
        with raises_at(ConfigurationError, "limit"):
            Limit.parse(invalid)
    with pytest.raises(AssertionError):  # 200 rows were read, but 201 counted
        TableReport("jobs", 200, 199, rejected={"fee is infinite": 2})
    with raises_at(ConfigurationError, "on_bad"):
        read_frames({"jobs": TABLES.jobs, "users": TABLES.users}, on_bad="ignore")  # type: ignore[arg-type]
