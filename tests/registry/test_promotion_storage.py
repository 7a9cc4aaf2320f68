"""The table `promoted`: the promotions that apply to a database."""

from __future__ import annotations

import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scoring.database import migrations
from scoring.database.database import Database
from scoring.database.schema import DATA_TABLES, current_runs, promoted, promotions, runs
from scoring.errors import ConfigurationError, DatabaseError, ModelError, OutputError
from scoring.model import ScoringModel, parse_model
from scoring.model_catalog import get_component_kinds, load_model
from scoring.registry import Registry
from scoring.registry.held_out_pair_sketch import sketch_pairs
from scoring.registry.promotion_storage import PromotedTable
from tests.registry.conftest import UNTESTED, minutes
from tests.support.custom_components import OWN
from tests.support.database_version_1 import write_version_1
from tests.support.errors import raises_at, raises_with


@pytest.fixture
def folder(tmp_path: Path, standard: ScoringModel, even: ScoringModel) -> Path:
    """Return a folder with night@1 (`standard`) and night@2."""
    registry = Registry(tmp_path / "profiles", clock=minutes())
    registry.save("night", standard)
    registry.save("night", even)
    return registry.folder


def open_registry(folder: Path, database: Any) -> Registry:
    return Registry(folder, database=database, clock=minutes())


def rows(database: Database) -> list[tuple[int, str, str, int]]:
    columns = (promoted.c.number, promoted.c.action, promoted.c.name, promoted.c.version)
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(promoted.c.number))]


def publish(database: Database, model: ScoringModel) -> None:
    """Store a published run of a model, without lists."""
    settings = json.dumps({"model_digest": model.digest})
    row: dict[str, Any] = {column.name: 0 for column in runs.columns if not column.nullable}
    row |= {column.name: "x" for column in runs.columns if isinstance(column.type, sa.Text) and not column.nullable}
    with database.begin() as connection:
        connection.execute(sa.insert(runs), row | {"run_id": "1", "settings": settings, "status": "published"})
        connection.execute(sa.insert(current_runs), {"name": "default", "run_id": "1"})


def test_promotions_and_rollbacks_are_stored(database: Database, folder: Path, even: ScoringModel) -> None:
    registry = open_registry(folder, database)
    registry.promote("night@1", **UNTESTED)
    registry.promote("night@2", note="try", force="untested", requested_by="Taro", approved_by="Hanako")
    last = registry.find_promotion()
    assert last is not None
    (stored,) = PromotedTable(database).read()[-1:]
    assert stored == last
    assert (stored.requested_by, stored.approved_by, stored.at) == (
        "Taro", "Hanako", datetime(2026, 1, 5, 22, 1, tzinfo=UTC),
    )  # fmt: skip
    assert registry.rollback().version == 1
    assert rows(database) == [(1, "promote", "night", 1), (2, "promote", "night", 2), (3, "rollback", "night", 1)]
    assert registry.promote("night", **UNTESTED).digest == even.digest
    with raises_at(ConfigurationError, "name", "night"):
        registry.promote("night", **UNTESTED)
    assert len(rows(database)) == 4


def test_promoted_model_does_not_need_the_folder(database: Database, folder: Path, even: ScoringModel) -> None:
    open_registry(folder, database).promote("night@2", **UNTESTED)
    other = open_registry(folder.parent / "none", database)
    assert other.use("promoted").digest == even.digest
    # an edited file does not change the promoted model
    (folder / "night/0002.yaml").write_text("edited")
    assert open_registry(folder, database).use("promoted").digest == even.digest


def test_reindex_does_not_change_promotions(database: Database, folder: Path) -> None:
    registry = open_registry(folder, database)
    registry.promote("night@2", **UNTESTED)
    (folder / "promotions.jsonl").unlink()
    registry.reindex()
    assert rows(database) == [(1, "promote", "night", 2)]
    assert registry.use("promoted").version == 2


def test_promotions_of_two_databases_are_separate(database: Database, folder: Path, tmp_path: Path) -> None:
    with Database.open(tmp_path / "other.db") as other:
        other.create()
        registries = open_registry(folder, database), open_registry(folder, other)
        for registry, version in zip(registries, (1, 2), strict=True):
            registry.promote("night", version, **UNTESTED)
        assert [registry.use("promoted").version for registry in registries] == [1, 2]
        names = [registry.list_promotions()["database"].tolist() for registry in registries]
        assert names == [[PromotedTable(one).identify()] for one in (database, other)]
        assert Registry(folder).list_promotions()["database"].tolist() == names[0] + names[1]


def test_promotion_for_another_database_does_not_apply(
    database: Database, folder: Path, tmp_path: Path, even: ScoringModel
) -> None:
    """The published run has the promoted model by chance, and the database has no promotions."""
    publish(database, even)
    with Database.open(tmp_path / "other.db") as other:
        other.create()
        open_registry(folder, other).promote("night@2", **UNTESTED)
        registry = open_registry(folder, database)
        assert registry.load_promoted() is None
        assert registry.find_ignored_promotion() is None
        assert registry.list_promotions().empty
        registry.reindex()
        with database.connect() as connection:
            assert not connection.execute(sa.select(promotions)).all()
    # an entry without a database, as of version 0.1, may apply
    journal = folder / "promotions.jsonl"
    entry = json.loads(journal.read_text())
    assert entry.pop("database") == f"sqlite:///{tmp_path / 'other.db'}"
    journal.write_text(json.dumps(entry) + "\n")
    assert registry.use("promoted").digest == even.digest
    assert registry.list_promotions()["in_use"].tolist() == [True]


def test_database_is_identified_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.db").touch()
    names = {PromotedTable(name).identify() for name in ("x.db", "sqlite:///x.db", str(tmp_path / "x.db"))}
    assert names == {f"sqlite:///{tmp_path / 'x.db'}"}
    url = "postgresql+psycopg://taro:secret@host:5433/market"
    assert PromotedTable(url).identify() == "postgresql://host:5433/market"


def test_concurrent_promotions_are_all_stored(database_url: str, folder: Path) -> None:
    with Database.open(database_url) as database:
        database.create()
        with database.begin() as connection:
            promoted.drop(connection)  # the first writer creates it

        def work(writer: int) -> None:
            registry = Registry(folder, database=database_url)
            for number in range(3):
                registry.save(f"night-{writer}", load_model("standard").with_weights({"fee": 1.0}), note=str(number))
                registry.promote(f"night-{writer}", **UNTESTED)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))
        stored = rows(database)
    assert [row[0] for row in stored] == list(range(1, 10))
    for writer in range(3):
        assert [row[3] for row in stored if row[2] == f"night-{writer}"] == [1, 2, 3]


def test_lost_commit_is_not_repeated(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is lost after a commit, and the write is retried: a rollback must not roll back twice."""
    registry = open_registry(folder, database)
    for version in (1, 2):
        registry.promote("night", version, **UNTESTED)
    registry.save("night", load_model("classic"))
    registry.promote("night@3", **UNTESTED)

    def write_twice(self: Database, work: Any) -> Any:
        write(self, work)
        return write(self, work)

    write = Database.write
    monkeypatch.setattr(Database, "write", write_twice)
    assert registry.rollback().version == 2
    assert [row[1:] for row in rows(database)][3:] == [("rollback", "night", 2)]


def test_promotion_in_a_session_waits_for_its_commit(database: Database, folder: Path) -> None:
    with Session(database.engine) as session:
        registry = open_registry(folder, session)
        registry.promote("night@2", **UNTESTED)
        assert registry.use("promoted").version == 2
        session.rollback()
    assert rows(database) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("digest", "x"), ("name", "other"), ("version", 7), ("model", "name: ["), ("model", "profile: {}"),
     ("at", -(2**62)), ("note", "x" * 10_001)],
)  # fmt: skip
def test_damaged_row_raises(database: Database, folder: Path, column: str, value: object) -> None:
    registry = open_registry(folder, database)
    registry.promote("night@2", **UNTESTED)
    with database.begin() as connection:
        connection.execute(sa.update(promoted).values({column: value}))
    with raises_with(DatabaseError, reason="invalid row"):
        registry.use("promoted")


def test_edited_model_of_a_row_raises(database: Database, folder: Path) -> None:
    registry = open_registry(folder, database)
    registry.promote("night@1", **UNTESTED)
    with database.begin() as connection:
        text = connection.execute(sa.select(promoted.c.model)).scalar_one()
        edited = text.replace("half_life_days: 14.0", "half_life_days: 21.0")
        assert edited != text
        connection.execute(sa.update(promoted).values(model=edited))
    with raises_at(ModelError, "promoted"):
        registry.use("promoted")
    registry.promote("night@2", **UNTESTED)  # another profile can be promoted nevertheless
    assert registry.use("promoted").version == 2


def test_missing_component_names_the_option(database: Database, folder: Path) -> None:
    kind = OWN[0]
    text = f"name: own\ngroups:\n  base:\n    weight: 1\n    components:\n      {kind.kind}: {{weight: 1}}\n"
    registry = Registry(folder, database=database, components=[kind])
    registry.save("own", parse_model(text, get_component_kinds([kind])))
    registry.promote("own", **UNTESTED)
    with raises_at(ModelError, "groups", "base", "components", "title_word"):
        open_registry(folder, database).use("promoted")


# Promotions of the folder only, as version 0.1 made them


def test_folder_promotion_counts_if_its_lists_are_published(
    database: Database, folder: Path, standard: ScoringModel, even: ScoringModel
) -> None:
    alone = Registry(folder, clock=minutes())
    alone.promote("night@2", **UNTESTED)
    alone.promote("night@1", **UNTESTED)
    registry = open_registry(folder, database)
    ignored = registry.find_ignored_promotion()
    assert ignored is not None
    assert ignored.reference == "night@1"
    assert registry.load_promoted() is None
    assert not registry.list_promotions()["in_use"].any()
    assert not registry.list()["in_use"].any()
    with raises_at(ConfigurationError, "promoted", "night@1"):
        registry.use("promoted")
    publish(database, standard)
    assert registry.find_ignored_promotion() is None
    assert registry.use("promoted").version == 1
    assert registry.rollback().version == 2  # the promotions of the folder are stored first
    assert rows(database) == [(1, "promote", "night", 2), (2, "promote", "night", 1), (3, "rollback", "night", 2)]


def test_promotion_replaces_that_of_the_folder(database: Database, folder: Path, standard: ScoringModel) -> None:
    Registry(folder, clock=minutes()).promote("night@1", **UNTESTED)
    publish(database, standard)
    registry = open_registry(folder, database)
    assert registry.promote("night@1", **UNTESTED).version == 1
    assert rows(database) == [(1, "promote", "night", 1)]
    with raises_at(ConfigurationError, "promoted", "night@1"):
        registry.rollback()


def test_unreadable_folder_promotion_is_left_out(database: Database, folder: Path, standard: ScoringModel) -> None:
    alone = Registry(folder, clock=minutes())
    alone.promote("night@2", **UNTESTED)
    alone.promote("night@1", **UNTESTED)
    publish(database, standard)
    (folder / "night/0002.yaml").write_text("profile: [")
    registry = open_registry(folder, database)
    registry.save("day", load_model("classic"))
    registry.promote("day", **UNTESTED)
    assert rows(database) == [(1, "promote", "night", 1), (2, "promote", "day", 1)]
    assert registry.rollback().version == 1


# Databases that cannot be written, or are older


def test_database_without_tables_of_runs_has_no_promotion(database_url: str, folder: Path) -> None:
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch()
    Registry(folder, clock=minutes()).promote("night@1", **UNTESTED)
    registry = Registry(folder, database=database_url)
    assert registry.load_promoted() is None
    assert registry.find_ignored_promotion() is not None


def test_version_1_is_read_without_a_change_and_migrated(database_url: str, folder: Path) -> None:
    write_version_1(database_url)
    registry = open_registry(folder, database_url)
    assert registry.load_promoted() is None
    with Database.open(database_url) as database:
        assert database.schema_version() == 1
        assert not sa.inspect(database.engine).has_table("promoted")
    registry.promote("night@1", **UNTESTED)
    with Database.open(database_url) as database:
        assert database.schema_version() == migrations.VERSION
        assert rows(database) == [(1, "promote", "night", 1)]


def test_role_without_right_to_write_gets_one_sentence(postgres_url: str, folder: Path) -> None:
    with Database.open(postgres_url) as database:
        database.create()
        open_registry(folder, database).promote("night@1", **UNTESTED)
        role = f"reader_{os.getpid()}"
        with database.begin() as connection:
            connection.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
            connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        try:
            url = sa.make_url(postgres_url).set(username=role).render_as_string(hide_password=False)
            reader = open_registry(folder, url)
            assert reader.use("promoted").version == 1
            with pytest.raises(DatabaseError) as raised:
                reader.promote("night@2", **UNTESTED)
            assert "\n" not in str(raised.value)
            assert reader.use("promoted").version == 1
        finally:
            with database.begin() as connection:
                connection.execute(sa.text(f"DROP OWNED BY {role}"))
                connection.execute(sa.text(f"DROP ROLE {role}"))


def test_read_only_file_gets_one_sentence(tmp_path: Path, folder: Path) -> None:
    with Database.open(tmp_path / "market.db") as database:
        database.create()
    source = f"sqlite:///file:{tmp_path / 'market.db'}?mode=ro&uri=true"
    registry = open_registry(folder, source)
    assert registry.load_promoted() is None
    with raises_with(DatabaseError, reason="read-only"):
        registry.promote("night@1", **UNTESTED)
    assert not (folder / "promotions.jsonl").exists()


def test_folder_that_cannot_be_written_is_reported(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database decides: the promotion is made, and the journal of the folder lacks it."""
    registry = open_registry(folder, database)

    def fail(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(type(registry._promotions), "append", fail)
    with raises_with(OutputError, path=str(folder)):
        registry.promote("night@1", **UNTESTED)
    assert registry.use("promoted").version == 1
    monkeypatch.undo()
    # a killed process leaves the same. Later entries of the folder name the version in use
    registry.promote("night@2", **UNTESTED)
    assert registry.rollback().version == 1
    alone = Registry(folder)
    assert alone.use("promoted").version == 1


# Held-out pairs


def test_share_of_held_out_pairs(database: Database) -> None:
    actions = DATA_TABLES["actions"]
    at = datetime(2026, 1, 5, tzinfo=UTC)
    us = int(at.timestamp() * 1_000_000)
    stored = [
        {"user_id": user, "job_id": 7, "action": "view", "occurred_at": us + (user - 5) * 1_000_000}
        for user in range(10)
    ]
    with database.begin() as connection:
        connection.execute(
            sa.insert(DATA_TABLES["users"]), [{"user_id": user, "is_active": True} for user in range(10)]
        )
        connection.execute(sa.insert(DATA_TABLES["jobs"]), {"job_id": 7, "is_active": True})
        connection.execute(sa.insert(actions), stored)
    table = PromotedTable(database)
    for key in (bytes(32), None):
        known = sketch_pairs(np.arange(10), np.full(10, 7), key)
        other = sketch_pairs(np.arange(10), np.full(10, 8), key)
        assert table.measure_known_share(known, None, key) == 1
        assert table.measure_known_share(known, at, key) == 0.5
        assert table.measure_known_share([*known, *other], None, key) == 0.5
        assert table.measure_known_share(known, None, b"another key") == 0


def test_invalid_ids_of_actions_are_not_counted(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE actions (user_id, job_id, action, occurred_at)")
        connection.executemany("INSERT INTO actions VALUES (?, ?, 'view', 0)", [("x", 7), (None, 7), (1, 7)])
    connection.close()
    sketch = sketch_pairs(np.array([1, 2]), np.array([7, 7]), bytes(32))
    assert PromotedTable(tmp_path / "x.db").measure_known_share(sketch, None, bytes(32)) == 0.5
