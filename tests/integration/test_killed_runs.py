"""Killed and resumed runs: same bytes and rows, no user lost or duplicated, no file left over."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import OutputError
from scoring.runs.history import verify_run
from scoring.runs.publishers import list_published_runs, read_results
from scoring.runs.run_reader import read_run
from scoring.synthetic import make_market
from scoring.telemetry import fault_injection
from tests.support.proof_counts import record_count

ROOT = Path(__file__).parents[2]
KILLED = -9
CHUNKS = (3, 10, 17)
"""Chunk sizes in users. A run may be resumed with another chunk size."""


class Server:
    """Client of `tests.support.fork_server`. It runs one command at a time."""

    def __init__(self, cache: Path) -> None:
        surroundings = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [sys.executable, "-m", "tests.support.fork_server"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=surroundings, text=True, **pipes)  # type: ignore[call-overload]
        assert self._process.stdout.readline() == "ready\n"

    def ask(
        self,
        *arguments: object,
        fault: tuple[str, int] | tuple[str, int, int] | None = None,
        after: float | None = None,
        room: int | None = None,
    ) -> dict[str, Any]:
        wanted = {"arguments": [str(one) for one in arguments], "fault": fault, "after": after, "room": room}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()


@dataclass
class Place:
    """A database and a folder of runs."""

    root: Path
    server: Server

    def run(self, *extra: object, k: int = 8, **trouble: Any) -> dict[str, Any]:
        places = ["--db", self.root / "market.db", "--out", self.root / "runs"]
        return self.server.ask("run", *places, "--top-k", k, "--workers", 1, *extra, **trouble)

    def copy(self, root: Path) -> Place:
        shutil.copytree(self.root, root, symlinks=True)
        return Place(root, self.server)

    def files(self) -> dict[str, bytes]:
        """Return the content of the published part files, by name."""
        return {path.name: path.read_bytes() for path in sorted((self.root / "runs/latest").glob("*.parquet"))}

    def rows(self) -> pd.DataFrame:
        with Database.open(self.root / "market.db") as database:
            return read_results(database)

    def all_runs(self) -> list[tuple[str, int]]:
        """Return the status and the number of rows of every run in the database."""
        with closing(sqlite3.connect(self.root / "market.db")) as connection:
            counted = "SELECT status, (SELECT count(*) FROM results WHERE results.run_id = runs.run_id) FROM runs"
            orphans = "SELECT count(*) FROM results WHERE run_id NOT IN (SELECT run_id FROM runs)"
            assert connection.execute(orphans).fetchone() == (0,)
            return connection.execute(f"{counted} ORDER BY run_id").fetchall()

    def left_over(self) -> list[str]:
        """Return files other than published runs, the link `latest`, and the database with its log."""
        runs = {path.name for path in list_published_runs(self.root / "runs")} | {"latest"}
        unknown = [path.name for path in (self.root / "runs").iterdir() if path.name not in runs]
        for run in list_published_runs(self.root / "runs"):
            assert verify_run(run) == []
        known = {"market.db", "market.db-wal", "market.db-shm", "runs"}
        return unknown + [path.name for path in self.root.iterdir() if path.name not in known]


@dataclass
class Undisturbed:
    """The results of an uninterrupted run, and the rows published before it."""

    place: Place
    points: list[str]
    seconds: float
    files: dict[str, bytes] = field(default_factory=dict)
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    yesterday: pd.DataFrame = field(default_factory=pd.DataFrame)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("cache"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def yesterday(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a market of 60 users and 300 jobs, with a published run."""
    root = tmp_path_factory.mktemp("crash") / "yesterday"
    root.mkdir()
    with Database.open(root / "market.db") as database:
        save_tables(database, make_market(60, 300, 1_500, seed=9).tables)
    place = Place(root, server)
    done = place.run("--chunk-size", 10, k=5)
    assert done["status"] == 0, done["said"]
    return place


@pytest.fixture(scope="module")
def undisturbed(yesterday: Place, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    import time

    place = yesterday.copy(tmp_path_factory.mktemp("crash") / "undisturbed")
    begun = time.perf_counter()
    done = place.run("--chunk-size", 10)
    assert done["status"] == 0, done["said"]
    seconds = time.perf_counter() - begun
    assert place.left_over() == []
    assert len(place.files()) > 4
    return Undisturbed(place, done["points"], seconds, place.files(), place.rows(), yesterday.rows())


def check_readers(place: Place, undisturbed: Undisturbed) -> None:
    """Check that readers get either all lists of the previous run or all lists of the new one."""
    for frame in (read_run(place.root / "runs/latest"), place.rows()):
        assert frame.equals(undisturbed.yesterday) or frame.equals(undisturbed.rows)
        record_count("whole runs", "{} reads", 1)


def check_end(place: Place, undisturbed: Undisturbed) -> None:
    assert place.files() == undisturbed.files
    pd.testing.assert_frame_equal(place.rows(), undisturbed.rows)
    assert not place.rows().duplicated(["user_id", "rank"]).any()
    assert place.all_runs() == undisturbed.place.all_runs()
    assert len(list_published_runs(place.root / "runs")) == 2
    assert place.left_over() == []


def trouble(chance: random.Random, undisturbed: Undisturbed) -> dict[str, Any]:
    """Return a random kill: at any point, at a point with a chosen name, or at a time."""
    way = chance.random()
    if way < 0.4:
        return {"fault": ("*", chance.randint(1, len(undisturbed.points)))}
    if way < 0.7:
        name = chance.choice(sorted(set(undisturbed.points)))
        return {"fault": (name, chance.randint(1, undisturbed.points.count(name)))}
    return {"after": chance.uniform(0.0, undisturbed.seconds)}


def survive(kills: int, seed: int, undisturbed: Undisturbed, yesterday: Place, folder: Path) -> tuple[int, int, int]:
    """Kill and resume runs. Return the number of kills, the wanted number, and the number of completed runs."""
    chance, happened, runs = random.Random(seed), 0, 0
    while happened < kills:
        place = yesterday.copy(folder / str(runs))
        done = {"status": KILLED}
        while done["status"] == KILLED:
            again = happened < kills and chance.random() < 0.8
            how = trouble(chance, undisturbed) if again else {}
            done = place.run("--resume", "--chunk-size", chance.choice(CHUNKS), **how)
            happened += done["status"] == KILLED
            assert done["status"] in (0, KILLED), done["said"]
            check_readers(place, undisturbed)
        if not runs % 5:  # a scheduler repeats a run that has already completed
            assert "Nothing was done" in place.run("--resume")["said"]
        check_end(place, undisturbed)
        shutil.rmtree(place.root)
        runs += 1
    return happened, kills, runs


def test_10_killed_runs_resume_identically(undisturbed: Undisturbed, yesterday: Place, tmp_path: Path) -> None:
    record_count("random kills", "{} of {} kills in {} runs", *survive(10, 1, undisturbed, yesterday, tmp_path))


@pytest.mark.long
def test_300_killed_runs_resume_identically(undisturbed: Undisturbed, yesterday: Place, tmp_path: Path) -> None:
    record_count("random kills", "{} of {} kills in {} runs", *survive(300, 2, undisturbed, yesterday, tmp_path))


def test_a_run_passes_all_kill_points(undisturbed: Undisturbed) -> None:
    """A run with two places passes all its points but four, so a random kill can happen at each of them."""
    live = {"events read", "events applied", "lists swapped", "tick begun", "basis inserted"}
    live |= {"tick inserted", "tick committed", "live rows stored", "live events stored"}
    elsewhere = {"factors kept", "schema migrated", "old run hidden", "old run removed"} | live
    assert set(undisturbed.points) == set(fault_injection.POINTS) - elsewhere


def moments_of(undisturbed: Undisturbed) -> list[tuple[str, int]]:
    """Return each point of a run with the numbers of its first and its last pass."""
    points = undisturbed.points
    return sorted({(name, nth) for name in points for nth in (1, points.count(name))})


@pytest.mark.parametrize("every", [19, pytest.param(1, marks=pytest.mark.long)])
def test_kill_at_each_point_resumes_identically(
    undisturbed: Undisturbed, yesterday: Place, tmp_path: Path, every: int
) -> None:
    """Kill a run at the first and at the last pass of each of its points."""
    moments = moments_of(undisturbed)[::every]
    for name, nth in moments:
        place = yesterday.copy(tmp_path / "killed")
        assert place.run("--resume", "--chunk-size", 10, fault=(name, nth))["status"] == KILLED
        check_readers(place, undisturbed)
        assert place.run("--resume", "--chunk-size", 10)["status"] == 0
        check_end(place, undisturbed)
        shutil.rmtree(place.root)
    there = len(set(undisturbed.points))
    record_count(
        "kill points", f"{{}} kills at {{}} of {there} points", len(moments), len({name for name, _ in moments})
    )


@pytest.mark.parametrize("point", ["verdict committed", "verdict noted", "all sealed"])
def test_kill_before_publishing_keeps_published_run(
    undisturbed: Undisturbed, yesterday: Place, tmp_path: Path, point: str
) -> None:
    place = yesterday.copy(tmp_path / "killed")
    assert place.run("--resume", fault=(point, 1))["status"] == KILLED
    assert read_run(place.root / "runs/latest").equals(undisturbed.yesterday)
    assert place.rows().equals(undisturbed.yesterday)
    assert place.run("--resume")["status"] == 0
    check_end(place, undisturbed)


def test_published_partial_run_fails_the_checks(undisturbed: Undisturbed, yesterday: Place, tmp_path: Path) -> None:
    """The checks of this module fail for a partial run that is published."""
    place = yesterday.copy(tmp_path / "half")
    assert place.run("--resume", fault=("shard noted", 2))["status"] == KILLED
    work = next((place.root / "runs").glob(".*.writing"))
    assert place.left_over()
    shutil.copy(yesterday.root / "runs/latest/_manifest.json", work)
    work.rename(place.root / "runs/half")
    (place.root / "runs/latest").unlink()
    (place.root / "runs/latest").symlink_to("half")
    with pytest.raises((AssertionError, OutputError)):
        check_readers(place, undisturbed)
    with pytest.raises(AssertionError):
        check_end(place, undisturbed)


# Disk errors


def check_sentence(said: str, *reasons: str) -> None:
    assert "Traceback" not in said, said
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "should not" not in line, line
    assert any(reason in said for reason in reasons), said


@pytest.mark.parametrize("every", [29, pytest.param(1, marks=pytest.mark.long)])
def test_disk_error_at_each_point_publishes_no_partial_run(
    undisturbed: Undisturbed, yesterday: Place, tmp_path: Path, every: int
) -> None:
    """The disk fails in files and in the database. The next run resumes."""
    numbers = (errno.ENOSPC, errno.EIO)
    moments = [(name, nth, number) for name, nth in moments_of(undisturbed) for number in numbers][::every]
    refused = 0
    for name, nth, number in moments:
        place = yesterday.copy(tmp_path / "failing")
        done = place.run("--resume", "--chunk-size", 10, fault=(name, nth, number))
        assert done["status"] in (0, 1), (name, nth, done["said"])
        check_readers(place, undisturbed)
        if done["status"]:
            check_sentence(done["said"], os.strerror(number))
            refused += 1
        assert place.run("--resume", "--chunk-size", 10)["status"] == 0, (name, nth)
        check_end(place, undisturbed)
        shutil.rmtree(place.root)
    assert refused > len(moments) // 2
    record_count(
        "disk errors",
        "{} errors: {} reported, {} without effect on the results",
        len(moments),
        refused,
        len(moments) - refused,
    )


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.long)])
def test_full_disk_publishes_no_partial_run(
    undisturbed: Undisturbed, yesterday: Place, tmp_path: Path, every: int
) -> None:
    """The kernel limits the size of a file, so real writes fail, also those of SQLite's log."""
    largest = max(path.stat().st_size for path in undisturbed.place.root.rglob("*") if path.is_file())
    rooms = [largest * n // 24 for n in range(1, 25)][::every]
    refused = 0
    for room in rooms:
        place = yesterday.copy(tmp_path / "full")
        done = place.run("--resume", "--chunk-size", 10, room=room)
        assert done["status"] in (0, 1), (room, done["said"])
        check_readers(place, undisturbed)
        if done["status"]:
            check_sentence(done["said"], "File too large", "disk is full", "disk I/O error")
            refused += 1
        assert place.run("--resume", "--chunk-size", 10)["status"] == 0, room
        check_end(place, undisturbed)
        shutil.rmtree(place.root)
    assert refused
    record_count("full disk", "{} runs: {} stopped by failing writes", len(rooms), refused)


# Readers


@pytest.mark.parametrize("runs", [2, pytest.param(40, marks=pytest.mark.long)])
def test_readers_see_whole_runs_during_writes(
    undisturbed: Undisturbed, yesterday: Place, tmp_path: Path, runs: int
) -> None:
    """Another process writes lists of 8 and of 5 jobs in turn, while this one reads without a pause."""
    place = yesterday.copy(tmp_path / "read")
    seen, done = [0, 0], []

    def write() -> None:
        done.extend(place.run("--chunk-size", 10, k=(8, 5)[n % 2])["status"] for n in range(runs))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        for frame in (read_run(place.root / "runs/latest"), place.rows()):
            eight, five = frame.equals(undisturbed.rows), frame.equals(undisturbed.yesterday)
            assert eight or five
            seen[five] += 1
    writer.join()
    assert done == [0] * runs
    assert min(seen) > 0
    record_count("whole runs", "{} reads", sum(seen))
