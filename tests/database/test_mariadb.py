"""MySQL and MariaDB: data are loaded and imported from them, and nothing is written to them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.cli.app import app
from scoring.columns.board_definition import OWN_TABLES, get_type_word
from scoring.columns.dataset_frames import Tables
from scoring.database import writers
from scoring.database.board_definition_storage import write_settings
from scoring.database.database import Database
from scoring.database.engines import parse_url
from scoring.database.readers import load_actions, load_jobs, load_tables, load_users
from scoring.database.schema import DATA_TABLES, METADATA, get_data_table, own_columns
from scoring.database.validated_reader import read_accepted
from scoring.database.writers import write_frame
from scoring.dataset import Dataset
from scoring.errors import DatabaseError, MissingDependencyError
from scoring.importing.readers import SourceOptions, read_source
from scoring.validation.report import Limit
from tests.support.errors import raises_with
from tests.support.small_tables import assert_same, small_tables


def fill(url: str, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create and fill the tables of the schema, as another program would: this package does not write to MariaDB."""
    metadata = sa.MetaData()
    for table in METADATA.sorted_tables:
        columns = []
        for column in get_data_table(table.name, tables.board).columns if table.name in DATA_TABLES else table.columns:
            is_key = column.primary_key and isinstance(column.type, sa.Text)  # MySQL needs the length of a key
            kind = sa.String(100) if is_key else column.type
            columns.append(sa.Column(column.name, kind, primary_key=column.primary_key, autoincrement=False))
        sa.Table(table.name, metadata, *columns)
    monkeypatch.setattr(writers, "renew_revision", lambda *_: None)
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for table in OWN_TABLES:
            for column in tables.board.get_own(table):
                row = {
                    "table_name": table,
                    "name": column.name,
                    "type": get_type_word(column.type),
                    "show": column.show,
                }
                connection.execute(sa.insert(own_columns), row)
        write_settings(connection, tables.board)
        for name, frame in tables.items():
            write_frame(connection, name, frame, tables.board)
    engine.dispose()


@pytest.fixture
def market_url(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a database that another program filled with the small tables."""
    fill(mariadb_url, small_tables(), monkeypatch)
    return mariadb_url


def test_own_columns_and_settings_are_loaded(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = {
        "jobs": pd.DataFrame(
            {"job_id": [1, 2], "order": ["a", None], "days": ["1152921504606846977", None], "show": [True, None]}
        ),
        "users": pd.DataFrame({"user_id": [1], "languages": [["de", "fr"]], "seen_at": ["2025-01-01T00:00:00Z"]}),
        "actions": pd.DataFrame(
            {"user_id": [1], "job_id": [2], "action": ["view"], "occurred_at": ["2025-01-01"], "key": [0.5]}
        ),
    }
    own = {
        "jobs": {"order": "category", "days": "integer", "show": "flag"},
        "users": {"languages": {"type": "categories", "show": True}, "seen_at": "time"},
        "actions": {"key": "number"},
    }
    dataset = Dataset.from_frames(**frames, own_columns=own, board={"preset": "none", "currency": "CHF"})
    fill(mariadb_url, dataset.tables, monkeypatch)
    stored = Dataset.from_database(mariadb_url)
    assert stored.board == dataset.board
    assert stored.fingerprint == dataset.fingerprint
    with Database.open(mariadb_url) as database:
        assert load_actions(database)["key"].tolist() == [0.5]


def test_tables_are_loaded_unchanged(market_url: str) -> None:
    for url in (market_url, market_url.replace("mysql+pymysql", "mysql"), market_url.replace("mysql", "mariadb", 1)):
        with Database.open(url) as database:
            assert_same(load_tables(database), small_tables())
            assert load_jobs(database, [3])["job_id"].tolist() == [3]
            assert load_users(database, limit=1)["user_id"].tolist() == [10]
    assert Dataset.from_database(market_url).fingerprint == Dataset(small_tables()).fingerprint


def test_invalid_rows_are_quarantined(market_url: str) -> None:
    with sa.create_engine(market_url).begin() as connection:
        connection.execute(sa.text("UPDATE jobs SET fee = -1 WHERE job_id = 3"))
        connection.execute(sa.text("UPDATE jobs SET posted_at = 9223372036854775807 WHERE job_id = 1"))
    connection.engine.dispose()
    with Database.open(market_url) as database:
        accepted = read_accepted(database, limit=Limit(share=1))
        assert accepted.rejected is not None
        assert accepted.rejected.recompute(database) == accepted.rejected


@pytest.mark.parametrize(
    "write", [Database.create, Database.migrate, lambda database: database.write(lambda connection: None)]
)
def test_writing_raises(market_url: str, write: Callable[[Database], object]) -> None:
    with (
        Database.open(market_url) as database,
        raises_with(DatabaseError, reason="not supported"),
    ):
        write(database)


def test_source_keeps_values_and_hides_the_password(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = sa.create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE stellen (nr BIGINT UNSIGNED, titel VARCHAR(20), lohn DECIMAL(8, 2))"))
        connection.execute(
            sa.text("INSERT INTO stellen VALUES (9007199254740993, '居酒屋 100%', 25.5), (2, '😀', NULL)")
        )
    engine.dispose()
    monkeypatch.setenv("READER_PASSWORD", "p@ss/wörd")
    url = mariadb_url.replace("root@", "reader:${READER_PASSWORD}@")
    frame = read_source(url, options=SourceOptions(table="stellen")).frame
    assert frame["nr"].tolist() == [2**53 + 1, 2]
    assert frame["titel"].tolist() == ["居酒屋 100%", "😀"]
    monkeypatch.setenv("READER_PASSWORD", "wröng@")
    with pytest.raises(DatabaseError) as raised:
        read_source(url, options=SourceOptions(table="stellen"))
    assert "wr" not in str(raised.value).partition("localhost")[0]


def test_run_requires_no_database(market_url: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    result = CliRunner().invoke(app, ["run", "--db", market_url, "--out", str(tmp_path / "runs")])
    assert result.exit_code == 1
    assert "--no-database" in result.stderr


def test_async_driver_is_replaced() -> None:
    assert parse_url("mysql+aiomysql://me@host/x").drivername == "mysql+pymysql"


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with raises_with(MissingDependencyError, package="PyMySQL", extra="mysql"):
        Database.open("mysql://me@host/x")
