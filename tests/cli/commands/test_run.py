"""`scoring run`: what it prints, and which files and rows it leaves."""

from __future__ import annotations

import json
import re
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from scoring.database.database import Database
from scoring.runs.publishers import read_manifest, read_results
from tests.cli.command import (
    LUCKY_COMPONENT,
    LUCKY_MODEL,
    Call,
    error_line,
)
from tests.support.proof_counts import record_count


def test_run_publishes_and_prints_report(scoring: Call, database: Path, tmp_path: Path) -> None:
    done = scoring("run", "--db", database, "--out", "runs", "--top-k", 6)
    assert done.exit_code == 0, done.output
    assert "ms per user, target 180 ms" in done.stdout
    assert "Top jobs of user" in done.stdout
    assert [line for line in done.stdout.splitlines() if line != line.rstrip()] == []
    stored = pd.read_parquet(tmp_path / "runs/latest")
    with Database.open(database) as opened:
        pd.testing.assert_frame_equal(stored, read_results(opened))
    assert stored.groupby("user_id").size().eq(6).all()


def test_workers_and_chunks_do_not_change_results(scoring: Call, database: Path, tmp_path: Path) -> None:
    for name, extra in (("a", []), ("b", ["--chunk-size", 7, "--workers", 1, "--no-database"])):
        assert scoring("run", "--db", database, "--out", name, *extra).exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a/latest"), pd.read_parquet(tmp_path / "b/latest"))
    with Database.open(database) as opened, opened.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() == 1


def test_card_does_not_change_results(scoring: Call, database: Path, tmp_path: Path) -> None:
    """The simulator replaces the card."""
    of_card = scoring("run", "--db", database, "--out", "a", "--no-database", "--users", 2, "--strategy", "gpu")
    assert of_card.exit_code == 0, of_card.output
    assert "gpu: requested; simulator proposed" in " ".join(of_card.stdout.split())
    assert scoring("run", "--db", database, "--out", "b", "--no-database", "--users", 2).exit_code == 0
    card, host = (pd.read_parquet(next((tmp_path / name).iterdir())) for name in "ab")
    assert len(card) > 0
    pd.testing.assert_frame_equal(card, host)


def test_card_is_not_combined_with_a_cluster(scoring: Call, database: Path) -> None:
    done = scoring("run", "--db", database, "--strategy", "gpu", "--cluster", "local:1")
    assert "--strategy does not apply to a run with --cluster" in error_line(done, 2)


def test_run_of_some_users_is_not_published(scoring: Call, database: Path, tmp_path: Path) -> None:
    done = scoring("run", "--db", database, "--out", "runs", "--users", 3)
    assert "3 ranked" in done.stdout
    assert "not selected" in done.stdout
    assert [path for path in (tmp_path / "runs").iterdir() if path.name == "latest"] == []


def test_factors_are_trained_once(scoring: Call, database: Path) -> None:
    first = scoring("run", "--db", database, "--factor-cache", "kept", "--no-database")
    second = scoring("run", "--db", database, "--factor-cache", "kept", "--no-database")
    assert "factors trained" in " ".join(first.stdout.split())
    assert "factors cache hit" in " ".join(second.stdout.split())


def test_as_of_sets_the_clock(scoring: Call, database: Path, tmp_path: Path) -> None:
    done = scoring("run", "--db", database, "--out", "runs", "--as-of", "2025-11-01T06:00:00Z", "--no-database")
    assert "as of 2025-11-01 06:00 UTC" in done.stdout
    assert read_manifest(tmp_path / "runs/latest")["clock_set_back"] is True


def test_weight_file_replaces_weights(scoring: Call, database: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.yaml").write_text(
        "normalise: true\ngroups:\n"
        "  base: {weight: 1, components: {fee: 1, wage: 0, popularity: 0, access: 0, freshness: 0}}\n"
        "  match: {weight: 0, components: {location: 0, category: 0, conditions: 0}}\n"
        "  personal: {weight: 0, components: {history: 0, clicks: 0, collaborative: 0}}\n"
    )
    done = scoring("run", "--db", database, "--out", "runs", "--weights", "weights.yaml", "--no-database")
    assert done.exit_code == 0, done.output
    assert read_manifest(tmp_path / "runs/latest")["weights"]["fee"] == 1.0


def test_component_file_is_used_by_run_and_explain(scoring: Call, database: Path, tmp_path: Path) -> None:
    (tmp_path / "lucky.py").write_text(LUCKY_COMPONENT)
    (tmp_path / "mine.yaml").write_text(LUCKY_MODEL)
    own = ("--component", "lucky.py", "--model", "mine.yaml", "--db", database)
    assert scoring("run", *own, "--out", "runs", "--no-database").exit_code == 0
    assert pd.read_parquet(tmp_path / "runs/latest")["total_score"].eq(12.5).all()
    assert "luck 12.50" in scoring("explain", 1, 1, *own).stdout


def test_too_large_chunk_is_reduced_with_warning(scoring: Call, database: Path) -> None:
    done = scoring("run", "--db", database, "--chunk-size", 20_000, "--no-database")
    assert done.exit_code == 0
    assert "warning: chunk_size 20,000 exceeds the maximum. It is reduced to 10,000 users" in done.stderr


def test_rejected_rows_do_not_stop_a_run(scoring: Call, database: Path, tmp_path: Path) -> None:
    """They are printed, counted in the report and the manifest, and kept in a file that only its owner can read."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE jobs SET min_salary = 'a lot' WHERE job_id IN (5, 6)")
    connection.execute("UPDATE users SET preferred_salary_min = 9e999 WHERE user_id = 3")
    connection.commit()
    connection.close()
    done = scoring("run", "--db", database, "--top-k", 3, "--out", "runs")
    assert done.exit_code == 0, done.output
    assert "warning: jobs: 800 read = 798 used + 2 rejected (min_salary is not a number: 2)" in done.stderr
    assert re.search(r"of 800 ranked; 2 rejected", done.stdout)
    counts = json.loads(next((tmp_path / "runs").glob("*/_manifest.json")).read_text())["counts"]
    assert counts["jobs_refused"] == {"min_salary is not a number": 2}
    assert counts["users_read"] == 150 == counts["users_scored"] + sum(counts["users_filtered"].values()) + 1
    kept = tmp_path / "data/refused/run_refused_jobs.csv"
    assert kept.stat().st_mode & 0o777 == 0o600
    as_of = json.loads(next((tmp_path / "runs").glob("*/_manifest.json")).read_text())["as_of"]
    row = pd.read_csv(kept).iloc[0]
    assert row.iloc[:4].tolist() == ["job_id 5", "min_salary", "a lot", "is not a number"]
    assert pd.Timestamp(row["refused_as_of"]) == pd.Timestamp(as_of)
    assert row["job_id"] == 5
    message = error_line(scoring("run", "--db", database, "--max-refused", "0.2%", "--no-database"), 1)
    assert "Too many invalid rows. At most 0.2% of a table may be invalid. jobs: 800 read" in message
    assert "users: 150 read" in message
    assert "--max-refused: 'some' is not a valid limit" in error_line(
        scoring("run", "--db", database, "--max-refused", "some"), 1
    )


def test_full_disk_is_reported_in_one_line(scoring: Call, database: Path, tmp_path: Path) -> None:
    """A limit on the file size simulates a full disk."""
    run = ("run", "--db", database, "--no-database", "--out")
    assert scoring(*run, "first").exit_code == 0  # trains the factors, whose file is larger
    with limit_file_size(40_000):
        done = scoring(*run, "runs")
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: Results cannot be written to runs/")
    assert "File too large" in last
    assert list((tmp_path / "runs").iterdir()) == []
    record_count("full disk", "{} runs: {} stopped by failing writes", 1, 1)


@contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Let writes of this process fail beyond this size of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_failed_database_publication_leaves_no_folder(scoring: Call, database: Path, tmp_path: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TRIGGER no BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'no way'); END")
    connection.close()
    done = scoring("run", "--db", database, "--out", "runs")
    assert done.exit_code == 1
    assert "no way" in done.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_rules_of_lists_change_the_order(scoring: Call, database: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n"
        "  - {name: few, kind: at_most, count: 1, per: job.company_id, owner: Mori, reason: variety}\n"
        "  - {name: remote, kind: boost, points: 30, where: job.has_remote_work, owner: Sato, reason: contract}\n"
        "  - {name: old, kind: pin, where: job.fee >= 0, until: 2001-01-01, zone: UTC, owner: Sato, reason: past}\n"
        "  - {name: none, kind: bury, points: 1, where: job.fee < 0, owner: Sato, reason: none}\n"
    )
    done = scoring("run", "--db", database, "--out", "runs", "--top-k", 6, "--rules", "rules.yaml")
    assert done.exit_code == 0, done.output
    assert "3 of 4 rules are active: rule 'few', rule 'remote', rule 'none'" in " ".join(done.stderr.split())
    assert "rule 'none' concerns no job that may be ranked" in " ".join(done.stderr.split())
    lists = pd.read_parquet(tmp_path / "runs/latest")
    with Database.open(database) as opened:
        pd.testing.assert_frame_equal(lists, read_results(opened))
        jobs = opened.read(lambda connection: pd.read_sql("SELECT * FROM jobs", connection))
    jobs = jobs.set_index("job_id").loc[lists["job_id"]]
    assert lists.groupby([lists["user_id"], jobs["company_id"].to_numpy()]).size().max() == 1
    assert [rule["name"] for rule in read_manifest(tmp_path / "runs/latest")["list_rules"]] == ["few", "remote", "none"]
    user, job = lists.loc[jobs["has_remote_work"].to_numpy(dtype=bool), ["user_id", "job_id"]].iloc[0]
    explained = scoring("explain", user, job, "--db", database, "--rules", "rules.yaml")
    text = " ".join(explained.stdout.split())
    assert "rule 'remote' adds 30 points to the job's place in the order (Sato: contract)." in text
    assert "Lists are ordered by" in text


def test_a_contradiction_of_rules_stops_a_run(scoring: Call, database: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n"
        "  - {name: a, kind: pin, where: job.fee > 0, owner: Sato, reason: contract}\n"
        "  - {name: b, kind: exclude, where: job.fee > 0, owner: Mori, reason: complaint}\n"
    )
    error = error_line(scoring("run", "--db", database, "--rules", "rules.yaml"), 1)
    assert "rules.yaml, line 3: rule 'b' (exclude) contradicts rule 'a' (pin) of line 2" in error
