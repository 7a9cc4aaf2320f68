"""Databases, runs, profiles and trials that version 0.1.0 wrote are still read. See `v0_1/README.md`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

import scoring
from scoring.cli.app import app
from tests.support.golden_cases import lists

SAMPLES = Path(__file__).parents[1] / "samples/v0_1"
RECORDED = json.loads((SAMPLES / "recorded.json").read_text(encoding="utf-8"))

# runs of the folder and of market.db
PUBLISHED_5 = "20251205-155636-270-5aebeb"
PUBLISHED_8 = "20251205-155639-199-bdd25c"
HELD_BACK = "20251205-155641-363-570e02"
UNFINISHED = "20251205-155644-338-a77e5a"
HELD_BACK_STATUS = ("held back", "kept aside")

CURRENT = """
    SELECT results.* FROM results JOIN current_runs ON current_runs.run_id = results.run_id
    WHERE current_runs.name = 'default' ORDER BY user_id, rank
"""


@dataclass(frozen=True)
class Place:
    """A database of version 0.1, and the folder that goes with it."""

    url: str
    out: str
    runs: dict[str, str]
    """Status of each run → its id."""

    def query(self, sql: str) -> pd.DataFrame:
        engine = sa.create_engine(_sqlalchemy_url(self.url))
        try:
            with engine.connect() as connection:
                return pd.read_sql(sa.text(sql), connection)
        finally:
            engine.dispose()


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a copy of the samples; commands run in it."""
    folder = tmp_path / "samples"
    shutil.copytree(SAMPLES, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, samples: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place("market.db", "runs", {"published": PUBLISHED_5, "unfinished": UNFINISHED})
        return
    url = request.getfixturevalue("postgres_url")
    _restore(url, samples / "market.sql")
    yield Place(url, "runs-of-postgres", RECORDED["postgres_runs"])


def _sqlalchemy_url(url: str) -> sa.URL:
    if "://" not in url:
        return sa.make_url(f"sqlite:///{url}")
    return sa.make_url(url).set(drivername="postgresql+psycopg")


def _restore(url: str, dump: Path) -> None:
    """Execute a text dump. Lines that begin with a backslash are commands of psql."""
    lines = dump.read_text(encoding="utf-8").splitlines(keepends=True)
    engine = sa.create_engine(_sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("".join(line for line in lines if not line.startswith("\\")))
    engine.dispose()


def command(*arguments: object, code: int = 0) -> Result:
    """Run `scoring` with these arguments; it must end with this exit code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def run(db: str, out: str, k: int, *extra: object) -> Path:
    """Publish a run; return its folder."""
    command("run", "--db", db, "--out", out, "--top-k", k, *extra)
    return Path(out, os.readlink(Path(out, "latest")))


def statuses(place: Place) -> dict[str, str]:
    """Return run id → the rest of its line in `scoring runs list`."""
    lines = command("runs", "list", "--db", place.url, "--out", place.out).stdout.splitlines()[1:]
    rows = [line.split(maxsplit=1) for line in lines]
    return {row[0]: row[1] for row in rows if not row[0].endswith(":")}  # below the table, each gate's sentence


def digest(frame: pd.DataFrame) -> str:
    """Return the digest of a table's rows, in any order."""
    rows = [
        json.dumps({name: _plain(value) for name, value in row.items()}, sort_keys=True)
        for row in frame.to_dict("records")
    ]
    return hashlib.blake2b("\n".join(sorted(rows)).encode(), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [int(one) for one in value]
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def parquet_lists(folder: Path) -> dict[str, Any]:
    """Return the digests of a published run of a folder."""
    return lists(pd.read_parquet(folder).sort_values(["user_id", "rank"]))


def database_lists(place: Place) -> dict[str, Any]:
    """Return the digests of the run that readers of a database get."""
    frame = place.query(CURRENT)
    scores = {name: "float32" for name in frame.columns if name.endswith("_score")}
    return lists(frame.astype(scores))


# Tables


def test_tables_equal_the_recorded_ones(place: Place) -> None:
    engine = sa.create_engine(_sqlalchemy_url(place.url))
    tables = scoring.Dataset.from_database(engine).tables
    engine.dispose()
    assert {name: digest(frame) for name, frame in tables.items()} == RECORDED["tables"]


# Published runs


def test_runs_are_listed_with_their_status(place: Place) -> None:
    listed = statuses(place)
    assert listed[place.runs["published"]].startswith("in use")
    assert listed[place.runs["unfinished"]].startswith("unfinished")
    if place.out == "runs":
        assert list(listed) == sorted([PUBLISHED_5, PUBLISHED_8, HELD_BACK, UNFINISHED], reverse=True)
        assert listed[PUBLISHED_8].startswith("in use")
        assert listed[HELD_BACK].startswith(HELD_BACK_STATUS)


def test_published_runs_are_verified(place: Place) -> None:
    lines = command("runs", "verify", "--db", place.url, "--out", place.out).stdout.splitlines()
    rows = {place.runs["published"]: "190"} | ({PUBLISHED_8: "304"} if place.out == "runs" else {})
    assert len(lines) == len(rows)
    for line in lines:
        assert rows[line[:26]] in line[26:]


def test_damage_to_a_published_run_is_found(samples: Path) -> None:
    part = next((samples / "runs" / PUBLISHED_5).glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    assert part.name in command("runs", "verify", PUBLISHED_5, "--db", "market.db", "--out", "runs", code=1).stderr


def test_changed_rows_of_a_published_run_are_found(place: Place) -> None:
    engine = sa.create_engine(_sqlalchemy_url(place.url))
    with engine.begin() as connection:
        change = "UPDATE results SET job_id = job_id + 1 WHERE run_id = :run AND user_id = 1 AND rank = 1"
        connection.execute(sa.text(change), {"run": place.runs["published"]})
    engine.dispose()
    found = command("runs", "verify", place.runs["published"], "--db", place.url, "--out", place.out, code=1)
    assert place.runs["published"] in found.stderr


def test_published_lists_equal_the_recorded_ones(place: Place, samples: Path) -> None:
    assert database_lists(place) == RECORDED["lists"]["5"]
    assert parquet_lists(samples / "runs/latest") == RECORDED["lists"]["8"]
    assert parquet_lists(samples / "runs" / PUBLISHED_5) == RECORDED["lists"]["5"]


# New runs beside old ones


def test_a_new_run_replaces_the_old_one_for_readers(place: Place) -> None:
    published = run(place.url, place.out, 8)
    assert published.name > place.runs["unfinished"]
    assert parquet_lists(published) == database_lists(place) == RECORDED["lists"]["8"]
    assert statuses(place)[published.name].startswith("in use ")
    old = statuses(place)[place.runs["published"]]
    assert old.startswith("published")
    command("runs", "verify", "--db", place.url, "--out", place.out)


def test_unfinished_runs_are_pruned(place: Place) -> None:
    published = run(place.url, place.out, 5)
    command("runs", "prune", "--keep", 10, "--db", place.url, "--out", place.out)
    expected = {published.name, place.runs["published"]} | ({PUBLISHED_8} if place.out == "runs" else set())
    assert set(statuses(place)) == expected
    assert [*Path(place.out).glob(".*.writing"), *Path(place.out).glob(".*.journal")] == []
    stored = set(place.query("SELECT DISTINCT run_id FROM results")["run_id"])
    assert stored == set(place.query("SELECT run_id FROM runs")["run_id"]) == expected - {PUBLISHED_8}


@pytest.mark.parametrize("extra", [(), ("--resume",)], ids=["no option", "resume"])
def test_settings_of_an_unfinished_run_publish_a_run(place: Place, extra: tuple[str, ...]) -> None:
    published = run(place.url, place.out, 6, *extra)
    assert parquet_lists(published) == database_lists(place) == RECORDED["lists"]["6"]
    command("runs", "prune", "--keep", 10, "--db", place.url, "--out", place.out)
    assert "unfinished" not in " ".join(statuses(place).values())


def test_a_held_back_run_can_be_published(samples: Path) -> None:
    command("runs", "publish", HELD_BACK, "--force", "fees only", "--out", "runs", "--no-database")
    assert os.readlink("runs/latest") == HELD_BACK
    assert parquet_lists(samples / "runs/latest") == RECORDED["lists"]["8, fees only"]


# Profiles


def profiles(verb: str, *extra: object) -> str:
    return command("profiles", verb, *extra, "--profiles", "profiles").stdout


def test_profiles_are_listed_with_the_promoted_one(samples: Path) -> None:
    lines = profiles("list").splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["classic-copy@1", "night@1", "night@2"]
    assert [line.split()[0] for line in lines if "in use" in line] == ["night@1"]
    assert "山田" in profiles("show", "night@1")
    assert len(profiles("history").splitlines()) == 1 + 3


def test_a_run_uses_the_promoted_weights(samples: Path) -> None:
    published = run("market.db", "runs", 5, "--profiles", "profiles", "--profile", "promoted")
    manifest = json.loads((published / "_manifest.json").read_text(encoding="utf-8"))
    assert (manifest["model"], manifest["weights"]["fee"], manifest["weights"]["wage"]) == ("night@1", 0.1, 0.35 * 0.4)
    assert parquet_lists(published) == RECORDED["lists"]["5"]


def test_folder_promotion_counts_if_its_lists_are_published(samples: Path) -> None:
    """The published run of the database was ranked by `standard`, as night@1 is. The lists are those of night@1."""
    assert " in use " in profiles("show", "night@1", "--db", "market.db").splitlines()[0] + " "
    done = command("run", "--db", "market.db", "--out", "runs", "--top-k", 5, "--profiles", "profiles")
    assert "model night@1: restored by a rollback on " in done.stderr
    # the first promotion of the database keeps that of the folder, to roll back to
    promote("night@2")
    assert "Rolled back to night@1." in profiles("rollback", "--db", "market.db")
    place = Place("market.db", "runs", {})
    assert place.query("SELECT name, version FROM promoted ORDER BY number").to_numpy().tolist() == [
        ["night", 1],
        ["night", 2],
        ["night", 1],
    ]


def test_folder_promotion_does_not_count_for_other_lists(samples: Path) -> None:
    run("market.db", "runs", 5, "--model", "classic", "--force", "other lists")
    assert "in use" not in profiles("history", "--db", "market.db")
    done = command("run", "--db", "market.db", "--out", "runs", "--profiles", "profiles", "--force", "back")
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning: night@1 ")]
    assert "but not for sqlite:///market.db, whose published run has another model" in warning
    assert warning.endswith("The model is standard.")


def promote(name: str) -> None:
    profiles("promote", name, "--db", "market.db", "--note", "fees only", "--force", "untested", "--yes")


def test_a_profile_can_be_promoted_saved_and_indexed(samples: Path) -> None:
    promote("night@2")
    profiles("save", "night", "--model", "profiles/night/0002.yaml", "--db", "market.db")
    place = Place("market.db", "runs", {})
    history = place.query("SELECT action, name, version FROM promotions ORDER BY number").to_numpy().tolist()
    assert history == [
        ["promote", "night", 1],
        ["promote", "night", 2],
        ["rollback", "night", 1],
        ["promote", "night", 2],
    ]
    saved = place.query("SELECT name, version, digest FROM profiles ORDER BY name, version")
    assert saved[["name", "version"]].to_numpy().tolist() == [
        ["classic-copy", 1],
        ["night", 1],
        ["night", 2],
        ["night", 3],
    ]
    profiles("reindex", "--db", "market.db")
    again = place.query("SELECT name, version, digest FROM profiles ORDER BY name, version")
    assert again.equals(saved)
    published = run("market.db", "runs", 8, "--profiles", "profiles", "--profile", "night@3", "--force", "fees only")
    assert parquet_lists(published) == RECORDED["lists"]["8, fees only"]
    assert place.query("SELECT name, version FROM promoted").to_numpy().tolist()[-1] == ["night", 2]


# Trials


def test_a_search_continues_its_trials(samples: Path) -> None:
    def trials() -> int:
        lines = (samples / "tune.journal").read_text(encoding="utf-8").splitlines()
        return sum(json.loads(line)["op_code"] == 4 for line in lines)  # Optuna's CREATE_TRIAL

    options = ["--db", "market.db", "--profiles", "profiles", "--storage", "tune.journal", "--no-test"]
    options += ["--top-k", "10", "--holdout", "last", "--counts", "click=1", "--counts", "application=2"]
    assert trials() == 5
    command("tune", *options, "--trials", 3, "--random-trials", 2)
    assert trials() == 5
    command("tune", *options, "--trials", 4, "--random-trials", 2)
    assert trials() == 6
