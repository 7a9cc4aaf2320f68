"""The index agrees with the files, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select

from scoring.database.database import Database
from scoring.database.schema import profiles, promotions
from scoring.errors import ConfigurationError, DatabaseError, ModelError
from scoring.model import ScoringModel
from scoring.registry import Registry
from tests.registry.conftest import UNTESTED, minutes
from tests.support.errors import raises_at, raises_with


def rows(database: Database) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    with database.connect() as connection:
        return tuple(  # type: ignore[return-value]  # a tuple of two
            [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in (profiles, promotions)
        )


def test_index_follows_registry_and_is_rebuilt(
    tmp_path: Path, database_url: str, standard: ScoringModel, even: ScoringModel
) -> None:
    if database_url.startswith("sqlite"):
        (tmp_path / "scoring.db").touch()
    with Database.open(database_url) as database:
        registry = Registry(tmp_path / "profiles", database=database, clock=minutes())
        registry.save("night", standard, metrics={"test": {"ndcg@10": 0.5}}, note="'; DROP TABLE profiles; --")
        registry.save("night", even, parent="night@1", author="山田")
        registry.promote("night@1", note="first", force="untested")
        registry.promote("night@2", **UNTESTED)
        registry.rollback()
        kept = rows(database)
        first, second = kept[0]
        assert (first["name"], first["version"], first["digest"]) == ("night", 1, standard.digest)
        assert json.loads(str(first["metrics"])) == {"test": {"ndcg@10": {"value": 0.5}}}
        assert first["note"] == "'; DROP TABLE profiles; --"
        assert (second["parent"], second["parent_digest"]) == ("night@1", standard.digest)
        assert [entry["action"] for entry in kept[1]] == ["promote", "promote", "rollback"]
        assert first["promoted_at"] == kept[1][2]["at"]
        assert second["promoted_at"] == kept[1][1]["at"]
        with database.begin() as connection:
            connection.execute(profiles.delete())
            connection.execute(promotions.delete())
        assert Registry(tmp_path / "profiles").reindex(database) == 2
        assert rows(database) == kept


def test_empty_table_of_other_columns_is_replaced(tmp_path: Path, registry: Registry, standard: ScoringModel) -> None:
    registry.save("night", standard)
    (tmp_path / "old.db").touch()
    with Database.open(tmp_path / "old.db") as database:
        with database.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE profiles (name TEXT PRIMARY KEY, model TEXT)")
        assert registry.reindex(database) == 1
        assert [row["name"] for row in rows(database)[0]] == ["night"]
        with database.begin() as connection:
            connection.exec_driver_sql("DROP TABLE profiles")
            connection.exec_driver_sql("CREATE TABLE profiles (name TEXT PRIMARY KEY, model TEXT)")
            connection.exec_driver_sql("INSERT INTO profiles VALUES ('mine', 'x')")
        with raises_with(DatabaseError, reason="not supported"):
            registry.reindex(database)


def test_unreachable_database_loses_no_profile(tmp_path: Path, standard: ScoringModel) -> None:
    registry = Registry(tmp_path / "profiles", database=tmp_path / "none.db")
    with raises_with(DatabaseError, reason="missing file"):
        registry.save("night", standard)
    assert registry.list_versions("night") == (1,)


def test_invalid_file_leaves_index_unchanged(tmp_path: Path, registry: Registry, standard: ScoringModel) -> None:
    (tmp_path / "index.db").touch()
    registry.save("night", standard)
    with Database.open(tmp_path / "index.db") as database:
        registry.reindex(database)
        before = rows(database)
        (tmp_path / "profiles/night/0002.yaml").write_text("profile: []")
        with raises_at(ModelError, "profile"):
            registry.reindex(database)
        assert rows(database) == before
    with raises_at(ConfigurationError, "database"):
        registry.reindex()
