"""List runs, verify them, and remove old ones."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text

from scoring.database.database import Database
from scoring.errors import ConfigurationError, OutputError
from scoring.ranking import Prepared
from scoring.runs import runner, shards
from scoring.runs.history import list_runs, verify_rows, verify_run
from scoring.runs.publishers import list_published_runs, read_results
from scoring.runs.publishers.reader_locks import lock_for_reading
from scoring.runs.retention import prune
from scoring.runs.run_reader import read_run
from scoring.telemetry import fault_injection
from tests.support.errors import raises_at, raises_with
from tests.support.proof_counts import record_count
from tests.support.small_runs import Stopped, make_publishers


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def publish(prepared: Prepared, out: Path, database: Database, k: int = 2, **settings: Any) -> str:
    return runner.run(prepared, k=k, publishers=make_publishers(out, database), **settings).metadata.run_id


def stop_at(prepared: Prepared, out: Path, database: Database, point: str, k: int = 3) -> None:
    with fault_injection.arm(point, 1, Stopped()), pytest.raises(Stopped):
        runner.run(prepared, k=k, publishers=make_publishers(out, database), resume=True)


def statuses(out: Path, database: Database | None) -> dict[str, str]:
    found = list_runs(out, database)
    return dict(zip(found["run_id"], found["status"], strict=True))


def read_run_ids(database: Database) -> set[str]:
    with database.connect() as connection:
        return set(connection.execute(text("SELECT DISTINCT run_id FROM results")).scalars().all())


def test_empty_folder_has_no_runs(out: Path, database: Database) -> None:
    assert list_runs(out, database).empty
    assert prune(out, database, 1).removed == []


def test_status_names_the_place_if_readers_get_different_runs(
    prepared: Prepared, out: Path, database: Database
) -> None:
    """The database points to an older run than the folder, as after a restore from a backup."""
    first, second = (publish(prepared, out, database, k) for k in (2, 3))
    with database.begin() as connection:
        connection.execute(text("UPDATE current_runs SET run_id = :run"), {"run": first})
    assert statuses(out, database) == {first: "in use (database)", second: "in use (folder)"}
    assert statuses(out, None) == {first: "published", second: "in use"}
    (out / "latest").unlink()
    assert statuses(out, database) == {first: "in use", second: "published"}


def test_runs_removed_from_the_folder_alone_are_listed(
    prepared: Prepared, out: Path, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    from scoring.cli.commands.runs import print_pruned

    first, _, third = (publish(prepared, out, database, k) for k in (2, 3, 4))
    done = prune(out, None, 2)
    assert (done.removed, done.is_folder_only) == ([first], True)
    assert first in read_run_ids(database)
    print_pruned(done)
    message = "Runs removed: 1 older than those to keep from the folder only; their rows in the database are kept."
    assert capsys.readouterr().out.strip() == message
    assert not prune(out, None, 2).is_folder_only
    done = prune(out, database, 1)
    assert not done.is_folder_only
    assert read_run_ids(database) == {third}


def test_runs_are_listed_newest_first(prepared: Prepared, out: Path, database: Database) -> None:
    first, second = (publish(prepared, out, database, k) for k in (2, 3))
    found = list_runs(out, database)
    assert found["run_id"].tolist() == [second, first]
    assert found["status"].tolist() == ["in use", "published"]
    assert found["rows"].tolist() == [3 * len(prepared.active_users), 2 * len(prepared.active_users)]
    assert found["users"].eq(len(prepared.active_users)).all()
    assert found["as_of"].eq(pd.Timestamp(prepared.dataset.as_of)).all()
    assert found["bytes"].tolist()[0] == sum(path.stat().st_size for path in (out / second).glob("*.parquet"))
    assert found[["folder", "database"]].all(axis=None)
    shutil.rmtree(out / first)
    assert list_runs(out, database)["folder"].tolist() == [True, False]
    assert list_runs(out)["run_id"].tolist() == [second]


@pytest.mark.parametrize("point", ["shard noted", "database published", "folder published"])
def test_interrupted_run_is_unfinished(prepared: Prepared, out: Path, database: Database, point: str) -> None:
    used = publish(prepared, out, database)
    stop_at(prepared, out, database, point)
    found = statuses(out, database)
    statuses_by_point = {
        "shard noted": "in use",
        "database published": "in use (folder)",
        "folder published": "in use (folder)",
    }
    assert found.pop(used) == statuses_by_point[point]
    assert list(found.values()) == ["unfinished"]


def test_run_in_progress_differs_from_interrupted_run(prepared: Prepared, out: Path, database: Database) -> None:
    statuses_seen: list[dict[str, str]] = []
    removed: list[list[str]] = []

    def record_statuses(done: int, total: int) -> None:
        if not statuses_seen:
            statuses_seen.append(statuses(out, database))
            removed.append(prune(out, database, 1).unfinished)

    run_id = publish(prepared, out, database, progress=record_statuses)
    assert statuses_seen == [{run_id: "being written"}]
    assert removed == [[]]
    assert statuses(out, database) == {run_id: "in use"}


def test_unchanged_run_has_no_problems(prepared: Prepared, out: Path, database: Database) -> None:
    run_id = publish(prepared, out, database)
    assert verify_run(out / run_id) == verify_run(out / "latest") == verify_rows(database, run_id) == []
    with raises_with(OutputError, path=str(out), errno=errno.ENOENT):
        verify_run(out)
    assert verify_rows(database, "none") == []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("flip", "part-00000.parquet is damaged: its content differs from what was written. Start a new run."),
        ("cut", r"part-00000.parquet has 100 bytes instead of [\d,]+. Start a new run."),
        ("remove", r"part-00000.parquet cannot be read \(No such file or directory\). Start a new run."),
        ("add", "other.parquet is not a file of this run. Remove it."),
        ("count", r"the files contain [\d,]+ rows instead of 7. Start a new run."),
        ("rows", r"part-00000.parquet contains [\d,]+ rows instead of 7. Start a new run."),
    ],
)
def test_each_problem_is_one_message(
    prepared: Prepared, out: Path, database: Database, damage: str, sentence: str
) -> None:
    folder = out / publish(prepared, out, database)
    part, manifest = folder / "part-00000.parquet", folder / "_manifest.json"
    content, changed_manifest = bytearray(part.read_bytes()), json.loads(manifest.read_text())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
    elif damage == "cut":
        part.write_bytes(content[:100])
    elif damage == "remove":
        part.unlink()
    elif damage == "add":
        (folder / "other.parquet").write_bytes(content)
    else:
        (changed_manifest["counts"] if damage == "count" else changed_manifest["files"][0])["rows"] = 7
        manifest.write_text(json.dumps(changed_manifest))
    problems = verify_run(folder)
    assert len(problems) == 1
    assert pd.Series(problems).str.fullmatch(f"{folder}: {sentence}").all()
    record_count("damaged run", "{} kinds of damage", 1)


def test_missing_rows_are_reported(prepared: Prepared, out: Path, database: Database) -> None:
    run_id = publish(prepared, out, database)
    user = int(prepared.plan.user_id[prepared.active_users[0]])
    with database.begin() as connection:
        connection.execute(text(f"DELETE FROM results WHERE user_id = {user}"))
    assert len(verify_rows(database, run_id)) == 1
    assert "rows instead of" in verify_rows(database, run_id)[0]


def test_prune_removes_old_runs_in_both_places(prepared: Prepared, out: Path, database: Database) -> None:
    ids = [publish(prepared, out, database) for _ in range(4)]
    done = prune(out, database, 2)
    assert done.removed == ids[:2]
    assert [path.name for path in list_published_runs(out)] == ids[2:]
    assert read_run_ids(database) == set(ids[2:])
    assert prune(out, database, 2).removed == []
    with raises_at(ConfigurationError, "keep"):
        prune(out, database, 0)


def test_prune_keeps_the_current_run(prepared: Prepared, out: Path, database: Database) -> None:
    used = publish(prepared, out, database)
    users = prepared.plan.user_id[prepared.active_users[:3]].tolist()
    newer = [publish(prepared, out, database, users=users) for _ in range(3)]
    assert prune(out, database, 1).removed == newer[:2]
    assert [path.name for path in list_published_runs(out)] == [used, newer[2]]
    assert len(read_results(database)) == len(read_run(out / "latest")) == 2 * len(prepared.active_users)


def test_prune_keeps_and_reports_a_run_with_a_reader(prepared: Prepared, out: Path, database: Database) -> None:
    first, second, _ = (publish(prepared, out, database) for _ in range(3))
    with lock_for_reading(out / first):
        done = prune(out, database, 1)
    assert done.kept == {first: "it is being read"}
    assert done.removed == [second]
    assert first in read_run_ids(database)
    assert len(read_run(out / first)) == 2 * len(prepared.active_users)
    assert prune(out, database, 1).removed == [first]


@pytest.mark.parametrize("point", ["old run hidden", "old run removed"])
def test_prune_finishes_an_interrupted_removal(prepared: Prepared, out: Path, database: Database, point: str) -> None:
    ids = [publish(prepared, out, database) for _ in range(3)]
    with fault_injection.arm(point, 1, Stopped()), pytest.raises(Stopped):
        prune(out, database, 1)
    prune(out, database, 1)
    assert sorted(path.name for path in out.iterdir()) == [ids[2], "latest"]
    assert read_run_ids(database) == {ids[2]}


def test_prune_removes_older_unfinished_runs(prepared: Prepared, out: Path, database: Database) -> None:
    publish(prepared, out, database)
    stop_at(prepared, out, database, "shard noted")
    assert prune(out, database, 1).unfinished == []  # it can be resumed
    newer = publish(prepared, out, database)
    assert len(prune(out, database, 1).unfinished) == 1
    assert sorted(path.name for path in out.iterdir()) == [newer, "latest"]
    assert read_run_ids(database) == {newer}


def test_damaged_manifest_does_not_block_runs(prepared: Prepared, out: Path, database: Database) -> None:
    first = publish(prepared, out, database)
    (out / first / "_manifest.json").write_text('{"files": ')
    assert list_runs(out)["status"].tolist() == ["damaged"]
    with raises_with(OutputError, path=str(out / first)):
        verify_run(out / first)
    (out / first / "_manifest.json").write_text('{"files": []}')
    assert list_runs(out)["status"].tolist() == ["damaged"]
    second = publish(prepared, out, database, resume=True)
    assert statuses(out, None) == {first: "damaged", second: "in use"}
    assert prune(out, database, 1).removed == [first]


def test_locks_of_killed_processes_are_removed(prepared: Prepared, out: Path, tmp_path: Path) -> None:
    with Database.open(tmp_path / "market.db") as database:
        database.create()
        publish(prepared, out, database)
        lock_file = tmp_path / f".market.db.{'0' * 32}.lock"
        lock_file.touch()
        prune(out, database, 1)
    assert not lock_file.exists()


CHANGES = (
    "UPDATE results SET job_id = job_id + 1000000 WHERE run_id = :run AND rank = 2",
    "UPDATE results SET total_score = total_score - 0.5 WHERE run_id = :run AND rank = 1",
    "UPDATE results SET user_id = -7 WHERE run_id = :run AND user_id = "
    "(SELECT max(user_id) FROM results WHERE run_id = :run)",
    "UPDATE results SET rank = rank + 100 WHERE run_id = :run AND user_id = "
    "(SELECT max(user_id) FROM results WHERE run_id = :run)",
)


def change(database: Database, statement: str, run_id: str) -> None:
    with database.begin() as connection:
        assert connection.execute(text(statement), {"run": run_id}).rowcount


@pytest.mark.parametrize("change_by", CHANGES)
def test_changed_rows_are_reported(
    prepared: Prepared, out: Path, database: Database, monkeypatch: pytest.MonkeyPatch, change_by: str
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 20)
    first, second = (publish(prepared, out, database, k) for k in (2, 3))
    assert verify_rows(database, first) == verify_rows(database, second) == []
    change(database, change_by, second)
    assert verify_rows(database, first) == []
    (message,) = verify_rows(database, second)
    assert "was changed after it was written (" in message
    record_count("changed rows", "{} kinds of change", 1)


def test_resumed_run_has_no_problems(
    prepared: Prepared, out: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 20)
    stop_at(prepared, out, database, "shard committed")
    run_id = publish(prepared, out, database, k=3, resume=True)
    assert verify_rows(database, run_id) == []


def test_run_without_digests_has_no_problems(prepared: Prepared, out: Path, database: Database) -> None:
    run_id = publish(prepared, out, database)
    with database.begin() as connection:
        settings = json.loads(connection.execute(text("SELECT settings FROM runs")).scalar_one())
        del settings["digests"]
        connection.execute(text("UPDATE runs SET settings = :settings"), {"settings": json.dumps(settings)})
    assert verify_rows(database, run_id) == []


def test_published_run_without_its_rows_is_repeated(prepared: Prepared, out: Path, database: Database) -> None:
    """The next resumed run writes the lists again, to the folder and the database."""
    first = publish(prepared, out, database, resume=True)
    assert publish(prepared, out, database, resume=True) == first
    change(database, "DELETE FROM results WHERE run_id = :run AND rank = 1", first)
    second = publish(prepared, out, database, resume=True)
    assert second != first
    assert statuses(out, database)[second] == "in use"
    assert verify_rows(database, second) == []
    record_count("changed rows", "{} kinds of change", 1)
