"""Tables and queries of databases: SQLite and DuckDB files, and URLs whose passwords are never shown."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from scoring.errors import ConfigurationError, DatabaseError
from scoring.importing.readers import SourceOptions, describe_source, read_source
from scoring.importing.readers.sql_query import expand_variables
from tests.support.errors import raises_at

SCRIPT = """
    CREATE TABLE "Job Ads" (job_id BIGINT, title VARCHAR(20), fee DOUBLE PRECISION);
    INSERT INTO "Job Ads" VALUES (9007199254740993, '居酒屋 100%', 1.5), (NULL, 'at 12:30', NULL);
"""


@pytest.fixture(params=["a.sqlite", "a.duckdb", "url"])
def location(tmp_path: Path, request: pytest.FixtureRequest) -> Path | str:
    if request.param == "a.duckdb":
        duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
        with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
            connection.execute(SCRIPT)
        return tmp_path / "a.duckdb"
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    connection.executescript(SCRIPT)
    connection.close()
    return tmp_path / "a.sqlite" if request.param == "a.sqlite" else f"sqlite:///{tmp_path}/a.sqlite"


def test_table_and_query_give_exact_values(location: Path | str) -> None:
    raw = read_source(location, options=SourceOptions(table="Job Ads"))
    assert list(raw.frame) == ["job_id", "title", "fee"]
    assert raw.frame["job_id"][0] == 2**53 + 1
    assert raw.frame["job_id"].isna().tolist() == [False, True]
    assert raw.frame["title"].tolist() == ["居酒屋 100%", "at 12:30"]
    query = """SELECT title FROM "Job Ads" WHERE title LIKE '%100%' OR title = ':x'"""
    assert read_source(location, options=SourceOptions(query=query)).frame["title"].tolist() == ["居酒屋 100%"]


def test_unknown_table_or_wrong_query_is_one_sentence(location: Path | str) -> None:
    for options in (SourceOptions(table="jobs"), SourceOptions(query="SELECT nothing")):
        with pytest.raises(DatabaseError) as raised:
            read_source(location, options=options)
        assert "\n" not in str(raised.value)


def test_source_is_not_changed(location: Path | str, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(DatabaseError):
        read_source(location, options=SourceOptions(query='DELETE FROM "Job Ads"'))
    read_source(location, options=SourceOptions(table="Job Ads"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_table_or_query_is_required(location: Path | str) -> None:
    for options in (SourceOptions(), SourceOptions(table="a", query="b")):
        with raises_at(ConfigurationError, "table"):
            read_source(location, options=options)


def test_variables_are_expanded_and_passwords_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_WORD", "p@ss/wörd")
    url = expand_variables("postgresql://me:${SECRET_WORD}@127.0.0.1:1/x")
    assert url == "postgresql://me:p%40ss%2Fw%C3%B6rd@127.0.0.1:1/x"
    with pytest.raises(DatabaseError) as raised:
        read_source("postgresql://me:${SECRET_WORD}@127.0.0.1:1/x?connect_timeout=1", options=SourceOptions(table="t"))
    assert "p@ss" not in str(raised.value)
    assert "p%40ss" not in str(raised.value)
    shown = describe_source("postgresql://me:${SECRET_WORD}@host/x", SourceOptions(table="t"))
    assert shown == "postgresql+psycopg://me:***@host/x, table t"
    assert describe_source("${BOARD_URL}", SourceOptions(query="q")) == "${BOARD_URL}, query"
    with raises_at(ConfigurationError, "url"):
        expand_variables("${NOT_SET_ANYWHERE}")
