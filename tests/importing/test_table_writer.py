"""Updates, closed rows, orphans, and imports of several tables in one transaction."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import insert, select

from scoring.columns import TABLES
from scoring.database.database import Database
from scoring.database.readers import load_actions, load_jobs, load_tables, load_users
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError, DataError
from scoring.importing import ImportReport, import_file, import_mapping, importer, table_writer
from scoring.importing.table_writer import MissingColumns
from tests.support.errors import raises_at, raises_data
from tests.support.small_tables import assert_same, small_tables

pytestmark = pytest.mark.integration  # whole imports into databases

MAPPING = """
sources: {jobs: jobs.csv, users: users.csv, actions: actions.csv}
tables:
  users: {from: users}
  jobs: {from: jobs, columns: {job_id: ref, min_salary: pay}}
  actions: {from: actions}
"""
COUNTS = ("inserted", "updated", "unchanged", "reopened", "closed", "merged", "rejected")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database.open(database_url) as found:
        yield found


def make_day(day: int) -> dict[str, pd.DataFrame]:
    """Return the complete files of a day: some wages change, jobs close and reopen, and one wage is invalid."""
    random = np.random.default_rng(day)
    numbers = np.array([n for n in range(40) if n < 25 + day and (n + day) % 7])
    pay = (1000 + numbers + 10 * (random.random(len(numbers)) < 0.2) * day).astype(str)
    pay[numbers == 10 + day] = "much"
    jobs = pd.DataFrame({"ref": [f"J-{n}" for n in numbers], "pay": pay, "title": [f"job {n}" for n in numbers]})
    users = pd.DataFrame({"user_id": np.arange(5 + day), "gender": random.choice(["f", "m"], 5 + day)})
    actions = pd.DataFrame(
        {
            "user_id": random.integers(0, 5 + day, 30),
            "job_id": random.choice(jobs["ref"][jobs["pay"] != "much"], 30),
            "action": "view",
            "occurred_at": [f"2025-06-{max(day + random.integers(-1, 1), 1):02}" for _ in range(30)],
        }
    )
    return {"jobs": jobs, "users": users, "actions": actions}


def write_day(folder: Path, frames: dict[str, pd.DataFrame]) -> Path:
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "mapping.yaml").write_text(MAPPING)
    return folder / "mapping.yaml"


def read_state(database: Database) -> dict[str, pd.DataFrame]:
    """Return the tables, with the text ids of jobs instead of their numbers, which depend on the order of imports."""
    tables = load_tables(database)
    texts = tables.jobs.set_index("job_id")["external_id"]
    return {
        "jobs": tables.jobs.drop(columns="job_id").set_index("external_id").sort_index(),
        "users": tables.users.set_index("user_id").sort_index(),
        "actions": tables.actions.assign(job_id=tables.actions["job_id"].map(texts)),
    }


@pytest.mark.parametrize(
    ("database_url", "days"),
    [("sqlite", 5), *(pytest.param(name, 14, marks=pytest.mark.long) for name in ("sqlite", "postgres"))],
    indirect=["database_url"],
)
def test_days_of_updates_equal_fresh_imports(database: Database, tmp_path: Path, days: int) -> None:
    """Rows of the last file equal a fresh import of it, other rows their last file, and actions are the union."""
    expected: dict[str, pd.DataFrame] = {}
    actions: set[tuple[Any, ...]] = set()
    total = dict.fromkeys(COUNTS, 0)
    for day in range(1, days + 1):
        files = make_day(day)
        mapping = write_day(tmp_path, files)
        reports = import_mapping(database, mapping, update=True, close_missing=["jobs", "users"], refused_to=tmp_path)
        with Database.open("sqlite://") as fresh:
            import_mapping(fresh, mapping)
            last = read_state(fresh)
        for name in ("jobs", "users"):
            before = expected.get(name, last[name].iloc[:0])
            kept = before[~before.index.isin(last[name].index)].copy()
            # the row of an invalid wage is in the file, so it stays as it is
            kept.loc[~kept.index.isin(files[name].iloc[:, 0]), "is_active"] = False
            expected[name] = pd.concat([last[name], kept]).sort_index()
        state = read_state(database)
        for name in ("jobs", "users"):
            pd.testing.assert_frame_equal(state[name], expected[name])
        actions |= set(last["actions"].itertuples(index=False, name=None))
        assert set(state["actions"].itertuples(index=False, name=None)) == actions
        assert len(state["actions"]) == len(actions)
        for report in reports:
            for count in COUNTS:
                total[count] += getattr(report, count) or 0
    assert all(total.values()), total


def test_update_counts_every_row(database: Database, tmp_path: Path) -> None:
    save_tables(database, small_tables())
    path = tmp_path / "jobs.csv"
    columns = ["job_id", "fee", "is_active"]
    pd.DataFrame([(1, 5, True), (3, 500, True), (9, 1, True), (9, 2, True)], columns=columns).to_csv(path, index=False)
    report = import_file(database, "jobs", path, update=True, close_missing=True, missing_columns="keep")
    assert {name: getattr(report, name) for name in COUNTS} == {
        "inserted": 1, "updated": 1, "unchanged": 1, "reopened": 1, "closed": 1, "merged": 0, "rejected": 1,
    }  # fmt: skip
    assert (report.read, report.stored) == (4, 3)
    frame = report.frame().set_index("what")["rows"]
    assert frame["inserted"] + frame["updated"] + frame["unchanged"] == frame["stored"]
    jobs = load_jobs(database).set_index("job_id")
    assert jobs["is_active"].to_dict() == {1: True, 3: True, 9: True, 2**62: False}
    assert jobs.loc[3, "title"] == "居酒屋スタッフ"


def test_second_update_changes_nothing(database: Database, tmp_path: Path) -> None:
    tables = small_tables(factors=True)
    users = tables.users.assign(external_id=tables.users["external_id"].mask(tables.users["user_id"] > 0))
    tables = tables.with_tables(users=users)  # in a file, a number does not refer to a user with an external id
    save_tables(database, tables)
    for table in ("jobs", "users", "occupations", "prefectures", "user_factors", "actions"):
        frame = dict(tables.items())[table]
        frame.to_parquet(tmp_path / "x.parquet")
        report = import_file(database, table, tmp_path / "x.parquet", update=True)
        unchanged = report.merged if table == "actions" else report.unchanged
        assert (report.inserted, report.updated, unchanged) == (0, 0, len(frame)), table
    assert_same(load_tables(database), tables)


def test_unreadable_row_does_not_close_its_job(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    with Database.open(sqlite_url) as database:
        path.write_text("job_id,fee\nA,1\n2,1\n3,1\n4,1\n")
        import_file(database, "jobs", path)
        path.write_text("job_id,fee\nA,1,more\n2\n3,much\n")
        report = import_file(database, "jobs", path, update=True, close_missing=True)
        assert (report.rejected, report.closed) == (3, 1)
        assert load_jobs(database)["is_active"].sum() == 3


def test_factors_of_another_width_need_replace(sqlite_url: str, tmp_path: Path) -> None:
    with Database.open(sqlite_url) as database:
        save_tables(database, small_tables(factors=True))
        pd.DataFrame({"user_id": [10], "f0": [1.0]}).to_parquet(tmp_path / "f.parquet")
        with raises_data("number of factors", table="user_factors", value="1"):
            import_file(database, "user_factors", tmp_path / "f.parquet", update=True)
        assert_same(load_tables(database), small_tables(factors=True))


def test_column_that_the_file_lacks(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    pd.DataFrame({"job_id": [1], "fee": [7]}).to_csv(path, index=False)
    with Database.open(sqlite_url) as database:
        save_tables(database, small_tables())
        with raises_data("loses values", table="jobs", column="company_id"):
            import_file(database, "jobs", path, update=True)
        assert_same(load_tables(database), small_tables())
        import_file(database, "jobs", path, update=True, missing_columns="keep")
        row = load_jobs(database).set_index("job_id").loc[1]
        assert (row["fee"], row["salary_type"], row["is_active"]) == (7, "monthly", False)
        import_file(database, "jobs", path, update=True, missing_columns="clear")
        row = load_jobs(database).set_index("job_id").loc[1]
        assert (row["fee"], bool(pd.isna(row["salary_type"])), row["is_active"]) == (7, True, True)


def test_small_file_closes_most_jobs_only_on_request(sqlite_url: str, tmp_path: Path) -> None:
    day = make_day(3)
    with Database.open(sqlite_url) as database:
        import_mapping(database, write_day(tmp_path, day))
        mapping = write_day(tmp_path, day | {"jobs": day["jobs"][::3]})
        with raises_data("closes most rows", table="jobs"):
            import_mapping(database, mapping, update=True, close_missing=True)
        assert load_jobs(database)["is_active"].all()
        reports = import_mapping(database, mapping, update=True, close_missing=True, close_most=True)
        assert (reports[0].closed, bool(reports[1].closed)) == (None, True)
        assert load_users(database)["is_active"].all()


def test_replace_does_not_orphan_actions_silently(database: Database, tmp_path: Path) -> None:
    save_tables(database, small_tables(factors=True))
    pd.DataFrame({"job_id": [1, 2]}).to_csv(tmp_path / "jobs.csv", index=False)
    with raises_data("removes rows", table="jobs"):
        import_file(database, "jobs", tmp_path / "jobs.csv", replace=True)
    assert_same(load_tables(database), small_tables(factors=True))
    report = import_file(database, "jobs", tmp_path / "jobs.csv", replace=True, orphans="delete")
    assert report.deleted == {"actions": 3}
    assert load_actions(database)["job_id"].tolist() == [1]


def test_failed_mapping_import_leaves_no_trace(sqlite_url: str, tmp_path: Path) -> None:
    day = make_day(1)
    mapping = write_day(tmp_path, day | {"actions": day["actions"].assign(job_id="no such job")})
    reports: list[ImportReport] = []
    with Database.open(sqlite_url) as database:
        for _ in range(2):
            with pytest.raises(DataError) as failure:
                import_mapping(database, mapping, on_report=reports.append)
            assert "Nothing was stored." in failure.value.__notes__
        assert [report.table for report in reports] == ["users", "jobs", "actions"] * 2
        assert not (tmp_path / "scoring.db").exists()
        import_mapping(database, write_day(tmp_path, day))
        before = read_state(database)
        (tmp_path / "actions.csv").unlink()
        with pytest.raises(DataError):
            import_mapping(database, mapping, update=True)
        for name, frame in read_state(database).items():
            pd.testing.assert_frame_equal(frame, before[name])


def import_and_exit(url: str, mapping: Path) -> None:
    """End this process when all tables are written, before the transaction is committed."""
    importer.delete_orphans = lambda *_: os._exit(9)
    with Database.open(url) as database:
        import_mapping(database, mapping, update=True)


def test_killed_import_leaves_the_database_as_it_was(database: Database, database_url: str, tmp_path: Path) -> None:
    import_mapping(database, write_day(tmp_path, make_day(1)))
    before = read_state(database)
    mapping = write_day(tmp_path, make_day(2))
    child = multiprocessing.get_context("fork").Process(target=import_and_exit, args=(database_url, mapping))
    child.start()
    child.join()
    assert child.exitcode == 9
    for name, frame in read_state(database).items():
        pd.testing.assert_frame_equal(frame, before[name])
    assert import_mapping(database, mapping, update=True)[1].inserted


def test_new_database_gets_the_other_reference_tables(database: Database, tmp_path: Path) -> None:
    pd.DataFrame({"prefecture_code": ["ZH"], "name": ["Zürich"]}).to_csv(tmp_path / "prefectures.csv", index=False)
    import_file(database, "prefectures", tmp_path / "prefectures.csv")
    tables = load_tables(database)
    assert tables.prefectures["prefecture_code"].tolist() == ["ZH"]
    assert len(tables.prefecture_adjacency) == 0
    assert len(tables.occupations) > 0


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"replace": True, "update": True}, "update"),
        ({"close_missing": True}, "close_missing"),
        ({"missing_columns": "drop", "update": True}, "missing_columns"),
        ({"orphans": "keep"}, "orphans"),
    ],
)
def test_contradictory_options_raise(sqlite_url: str, tmp_path: Path, options: dict[str, Any], key: str) -> None:
    with Database.open(sqlite_url) as database, raises_at(ConfigurationError, key):
        import_file(database, "jobs", tmp_path / "jobs.csv", **options)


def update_rows_plainly(
    stored: dict[Any, dict[str, Any]], given: list[dict[str, Any]], key: str, columns: set[str], policy: str
) -> tuple[int, int, int]:
    """Update rows one by one, and return the numbers of inserted, updated and reopened rows. The specification."""
    inserted = updated = reopened = 0
    for row in given:
        before = stored.get(row[key])
        if before is None:
            stored[row[key]], inserted = row, inserted + 1
            continue
        kept = {name for name in row if name not in columns and (policy == "keep" or name == "external_id")}
        after = {name: before[name] if name in kept else value for name, value in row.items()}
        updated += after != before
        reopened += bool(after.get("is_active") and not before.get("is_active"))
        stored[row[key]] = after
    return inserted, updated, reopened


@pytest.mark.parametrize("policy", ["keep", "clear"])
@pytest.mark.parametrize("table", ["jobs", "prefectures", "user_factors"])
def test_update_in_chunks_equals_row_by_row(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, policy: MissingColumns
) -> None:
    monkeypatch.setattr(table_writer, "COMPARED_ROWS", 7)
    key = TABLES[table].key[0]

    def make_file(day: int) -> pd.DataFrame:
        random = np.random.default_rng(day)
        ids = random.permutation(60)[:40]
        if table == "prefectures":
            names = random.choice(["a", "b"], 40)
            return pd.DataFrame({key: [f"P{n}" for n in ids], "name": names, "region": f"{day}"})
        if table == "user_factors":
            return pd.DataFrame({key: ids, "f0": random.integers(0, 2, 40).astype(float)})
        open_jobs = random.choice([True, False], 40)
        return pd.DataFrame({key: ids, "fee": random.integers(0, 3, 40), "title": f"{day}", "is_active": open_jobs})

    def read(database: Database) -> dict[Any, dict[str, Any]]:
        with database.connect() as connection:
            rows = connection.execute(select(DATA_TABLES[table])).mappings().all()
        return {row[key]: dict(row) for row in rows}

    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    make_file(1).to_csv(first, index=False)
    file = make_file(2).drop(columns=["title", "region"], errors="ignore")
    file.to_csv(second, index=False)
    with Database.open(sqlite_url) as database, Database.open("sqlite://") as other:
        import_file(database, table, first, replace=True)
        import_file(other, table, second, replace=True)
        stored, given = read(database), list(read(other).values())
        if table != "user_factors":
            column = "title" if table == "jobs" else "region"
            n_rows = sum(row[key] in stored for row in given)
            with raises_data("loses values", table=table, column=column, value=str(n_rows)):
                import_file(database, table, second, update=True)
            assert read(database) == stored
        counts = update_rows_plainly(stored, given, key, {*file.columns, "vector"}, policy)
        report = import_file(database, table, second, update=True, missing_columns=policy)
        assert (report.inserted, report.updated, report.reopened) == counts
        assert read(database) == stored


def test_row_that_another_program_deletes_is_an_error(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, a row can be deleted between the query for the keys and the query for the values."""
    (tmp_path / "jobs.csv").write_text("job_id,fee\n1,5\n2,5\n")
    with Database.open(sqlite_url) as database:
        import_file(database, "jobs", tmp_path / "jobs.csv")
        monkeypatch.setattr(table_writer._Stored, "find", lambda stored, keys: np.zeros(len(keys), dtype=np.int64))
        (tmp_path / "jobs.csv").write_text("job_id,fee\n1,5\n7,5\n")
        with raises_data("unknown id", table="jobs", column="job_id", value="7"):
            import_file(database, "jobs", tmp_path / "jobs.csv", update=True)


def test_other_writers_can_write_while_files_are_read(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored rows that an import uses are read in its transaction, so it sees what was written meanwhile."""
    (tmp_path / "new.csv").write_text("job_id,fee\n1,5\n2,5\n")
    read = importer._read

    def read_and_write(*args: Any) -> Any:
        raw = read(*args)
        with Database.open(sqlite_url) as other, other.begin() as connection:
            connection.execute(insert(DATA_TABLES["jobs"]).values(job_id=2, is_active=True))
        return raw

    with Database.open(sqlite_url) as database:
        database.create()
        monkeypatch.setattr(importer, "_read", read_and_write)
        report = import_file(database, "jobs", tmp_path / "new.csv", update=True)
        assert (report.inserted, report.updated) == (1, 1)
