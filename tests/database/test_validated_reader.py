"""The usable part of a database, and the files of its rejected rows."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text

import scoring
from scoring.database.database import Database
from scoring.database.validated_reader import read_accepted
from scoring.database.writers import save_tables
from scoring.errors import OutputError
from scoring.validation.report import Limit
from tests.support.errors import count_problems, raises_data, raises_with

NEVER = 2**62  # not a valid time in microseconds


@pytest.fixture
def db(sqlite_url: str) -> Database:
    database = Database.open(sqlite_url)
    save_tables(database, scoring.make_market(120, 300, 2_000, seed=5).tables)
    return database


def edit(db: Database, statement: str) -> None:
    with db.begin() as connection:
        connection.execute(text(statement))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "refused"
    made.mkdir()
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_of_rejected_rows_have_iso_times_and_the_clock(db: Database, folder: Path) -> None:
    edit(db, f"UPDATE jobs SET expires_at = {NEVER}, posted_at = 1700000000000000 WHERE job_id = 25")
    edit(db, "INSERT INTO actions VALUES (3, 9999, 'click', 1700000000000001)")
    found = read_accepted(db, refused_to=folder)
    assert names(folder) == ["run_refused_actions.csv", "run_refused_jobs.csv"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    jobs, actions = (pd.read_csv(folder / f"run_refused_{name}.csv", dtype=str) for name in ("jobs", "actions"))
    assert jobs.loc[0, ["posted_at", "expires_at"]].tolist() == ["2023-11-14T22:13:20+00:00", str(NEVER)]
    assert "2023-11-14T22:13:20.000001+00:00" in actions["occurred_at"].tolist()
    assert pd.to_datetime(actions["occurred_at"], format="ISO8601").notna().all()
    clock = scoring.Dataset(found.tables).as_of
    for frame in (jobs, actions):
        assert frame.columns[:5].tolist() == [
            "refused_row", "refused_column", "refused_value", "refused_reason", "refused_as_of",
        ]  # fmt: skip
        assert set(frame["refused_as_of"]) == {clock.isoformat()}
    given = pd.Timestamp("2031-01-01", tz="UTC")
    read_accepted(db, as_of=given, refused_to=folder)
    assert set(pd.read_csv(folder / "run_refused_jobs.csv")["refused_as_of"]) == {given.isoformat()}


def test_run_without_rejections_deletes_only_earlier_files(db: Database, folder: Path) -> None:
    edit(db, f"UPDATE jobs SET expires_at = {NEVER} WHERE job_id = 2")
    others = ["refused_jobs.csv", "run_refused_mine.csv", "run_refused_jobs.csv.bak"]
    for name in (*others, "run_refused_users.csv"):
        (folder / name).write_text("kept")
    assert read_accepted(db, refused_to=folder).rejected is not None
    assert names(folder) == sorted([*others, "run_refused_jobs.csv"])
    edit(db, "UPDATE jobs SET expires_at = NULL WHERE job_id = 2")
    assert read_accepted(db, refused_to=folder).rejected is None
    assert names(folder) == sorted(others)
    read_accepted(db, refused_to=folder / "never")  # no rejected rows, so no folder is created
    assert not (folder / "never").exists()
    (folder / "run_refused_users.csv").mkdir()
    with raises_with(OutputError, errno=errno.EISDIR):
        read_accepted(db, refused_to=folder)


def test_rejected_rows_are_written_if_the_limit_is_exceeded(db: Database, folder: Path) -> None:
    edit(db, f"UPDATE jobs SET expires_at = {NEVER} WHERE job_id <= 4")
    with raises_data("too many invalid rows", table="jobs") as raised:
        read_accepted(db, refused_to=folder)
    assert count_problems(raised.value)["jobs"] == 4
    assert len(pd.read_csv(folder / "run_refused_jobs.csv")) == 4
    assert len(read_accepted(db, limit=Limit(rows=4)).tables.jobs) == 296
