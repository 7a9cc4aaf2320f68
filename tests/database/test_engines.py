"""URLs, SQLite URIs and paths of databases."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from scoring.database import Database
from scoring.database.engines import get_sqlite_file, parse_url
from scoring.dataset import Dataset
from scoring.errors import DatabaseError
from scoring.importing.readers import SourceOptions, read_source
from tests.support.errors import raises_with


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with empty tables. To copy it takes less time than to create another one."""
    path = tmp_path_factory.mktemp("empty") / "a.db"
    with Database.open(path) as database:
        database.create()
    return path


@pytest.fixture
def folder(tmp_path: Path, empty_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which contains the home folder, and a database in each of some places."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for place in ("home", "with space", "求人"):
        (tmp_path / place).mkdir()
        shutil.copy(empty_file, tmp_path / place)
    return tmp_path


@pytest.mark.parametrize(
    "db",
    [
        "~/a.db",
        Path("~/a.db"),
        "sqlite:///~/a.db",
        "sqlite+aiosqlite:///~/a.db",
        "home/a.db",
        "./home/../home/a.db",
        "with space/a.db",
        "sqlite:///with space/a.db",
        "求人/a.db",
        "sqlite:///求人/a.db",
        "file:home/a.db",
        "file:home/a.db?mode=ro",
        "file:~/a.db?mode=ro",
        "file:with space/a.db?mode=ro",
        "file:with%20space/a.db?mode=ro&cache=private",
        "file:求人/a.db?mode=ro",
        "file:{folder}/home/a.db?mode=ro",
        "file://{folder}/home/a.db?mode=ro",
        "file://localhost{folder}/home/a.db",
        "sqlite:///file:home/a.db?mode=ro",
        "sqlite:///file:home/a.db?mode=ro&uri=true",
    ],
)
def test_databases_are_found_and_nothing_is_created(folder: Path, db: str | Path) -> None:
    before = sorted(path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm")))
    named = db if isinstance(db, Path) else db.format(folder=folder)
    with Database.open(named) as database:
        database.require_tables("jobs", "users")
        file = get_sqlite_file(database.engine.url)
    assert file is not None
    assert file.samefile(
        folder / ("with space" if "space" in str(db) else "求人" if "求人" in str(db) else "home") / "a.db"
    )
    assert sorted(path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm"))) == before


@pytest.mark.parametrize(
    ("db", "reason"),
    [
        ("~/no.db", "missing file"),
        ("sqlite:///~/no.db", "missing file"),
        ("file:no.db", "missing file"),
        ("file:no.db?mode=ro", "missing file"),
        ("file:no.db?mode=rwc", "missing file"),
        ("sqlite:///file:no.db?mode=ro", "missing file"),
        ("file:", "invalid URL"),
        ("file:?mode=ro", "invalid URL"),
        ("file://", "invalid URL"),
        ("file://host/home/a.db", "invalid URL"),
        ("home", "missing file"),
        (".", "missing file"),
        ("sqlite:///home", "missing file"),
        ("file:home?mode=ro", "missing file"),
        ("", "empty URL"),
        ("  ", "empty URL"),
    ],
)
def test_other_names_are_one_sentence_and_create_no_file(folder: Path, db: str, reason: str) -> None:
    with raises_with(DatabaseError, reason=reason):
        Dataset.from_database(db)
    assert sorted(os.listdir()) == ["home", "with space", "求人"]
    assert [name for name in os.listdir("home") if not name.startswith("a.db")] == []


def test_folder_is_not_created_as_a_database(folder: Path) -> None:
    with raises_with(DatabaseError, reason="missing file"), Database.open("home") as database:
        database.create()


def test_read_only_uri_is_not_written(folder: Path) -> None:
    with raises_with(DatabaseError, reason="read-only"), Database.open("file:home/a.db?mode=ro") as database:
        database.write(lambda connection: connection.exec_driver_sql("DELETE FROM jobs"))


@pytest.mark.parametrize("uri", ["file::memory:", "file:any?mode=memory&cache=shared"])
def test_uri_of_a_database_in_memory_has_no_file(folder: Path, uri: str) -> None:
    assert get_sqlite_file(parse_url(uri)) is None
    with Database.open(uri) as database:
        database.create()
        database.require_tables("jobs")


def test_imports_read_databases_in_the_home_folder(folder: Path) -> None:
    for location in ("~/a.db", "sqlite:///~/a.db", "sqlite:///file:home/a.db?mode=ro"):
        assert "prefecture_code" in read_source(location, options=SourceOptions(table="prefectures")).frame
