"""The file of a database is exchanged, copied over, linked and deleted while engines live."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, func, select, update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from scoring import load_model
from scoring.database.change_tokens import is_same_database, read_change_tokens
from scoring.database.database import Database
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import update_rows
from scoring.dataset import Dataset
from scoring.errors import DatabaseError
from scoring.facade import ScoringEngine
from scoring.ranking import Prepared
from scoring.runs import runner
from scoring.runs.publishers import DatabasePublisher
from tests.support.facade_market import market_of, store
from tests.support.proof_counts import record_count

MARKETS = [market_of(seed, n_users=4, n_jobs=10) for seed in range(4)]
"""Markets of equal sizes, with the data's own clocks."""

JOBS = DATA_TABLES["jobs"]
KINDS = ("url", "path", "uri", "engine", "session", "async")


@dataclass(frozen=True)
class Templates:
    """Databases of different markets. An edited copy has the change tokens of its original."""

    twins: list[Path]  # two databases and their edited copies
    single: list[Path]  # databases without a copy


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Return a database for each market. Of two, another program has changed the fees in a copy."""
    folder = tmp_path_factory.mktemp("templates")
    stored = [folder / f"{place}.db" for place in range(len(MARKETS))]
    for market, path in zip(MARKETS, stored, strict=True):
        store(market, f"sqlite:///{path}")
    edited = []
    for path in stored[:2]:
        copy = Path(shutil.copy(path, path.with_suffix(".edited")))
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("UPDATE jobs SET fee = 5000 - fee")
            connection.commit()
        edited.append(copy)
    return Templates([*stored[:2], *edited], stored[2:])


def answer(engine: ScoringEngine, *, has_lists: bool = False) -> list[Any]:
    """Return the fees and the base scores of all jobs. `has_lists`: also the lists of all users."""

    async def ask() -> list[pd.DataFrame]:
        jobs = await engine._batch_load_jobs_optimized()
        lists = [await engine.calculate_scores_for_all_users(top_k=3)] if has_lists else []
        return [jobs[["job_id", "fee"]].assign(score=engine.calculate_base_scores_vectorized(jobs)), *lists]

    return [frame.fillna(-1.0).to_dict("list") for frame in asyncio.run(ask())]


@dataclass
class Place:
    """The place of a database, engines that use it in several ways, and what may happen to its file."""

    path: Path
    templates: Templates
    draw: random.Random
    stack: ExitStack
    has_lists: bool = False
    kinds: tuple[str, ...] = KINDS
    engines: dict[str, ScoringEngine] = field(default_factory=dict)
    callers: list[Engine] = field(default_factory=list)
    expected: dict[bytes, list[Any]] = field(default_factory=dict)  # content of the file → answer of a new engine

    def __post_init__(self) -> None:
        self.replace()
        url = f"sqlite:///{self.path}"
        for kind in self.kinds:
            db: Any = {"url": url, "path": self.path, "uri": f"sqlite:///file:{self.path}?mode=rw&uri=true"}.get(kind)
            if kind in ("engine", "session"):
                engine = create_engine(url)
                self.stack.callback(engine.dispose)
                self.callers.append(engine)
                db = engine
            if kind == "session":
                db = self.session = self.stack.enter_context(Session(engine))
            if kind == "async":
                db = create_async_engine(f"sqlite+aiosqlite:///{self.path}")
            opened = ScoringEngine(db, "standard", keep_factors=False, change_check_seconds=0, max_workers=1)
            self.engines[kind] = self.stack.enter_context(opened)

    def copy(self) -> Path:
        """Return a copy of a template beside the place."""
        chosen = self.draw.choice(self.templates.twins + self.templates.single)
        return Path(shutil.copy(chosen, self.path.with_name(f"{self.draw.random()}.db")))

    def replace(self) -> None:
        os.replace(self.copy(), self.path)

    def link(self) -> None:
        link = self.path.with_name("link")
        link.symlink_to(self.copy())
        os.replace(link, self.path)

    def link_hard(self) -> None:
        link = self.path.with_name("hard")
        os.link(self.copy(), link)
        os.replace(link, self.path)

    def copy_over(self) -> None:
        """Write another file into the same inode. Sometimes it keeps the time.

        Rows that another program has edited in the same inode have equal tokens: they need `refresh()`.
        """
        before = self.path.stat()
        shutil.copyfile(self.draw.choice(self.templates.single), self.path)
        if self.draw.random() < 0.5:
            os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def recreate(self) -> None:
        """Delete the file and copy another one to its place, which often gets the number of the inode."""
        self.path.unlink()
        with pytest.raises(DatabaseError) as caught:
            answer(self.engines[self.draw.choice(["url", "path", "engine", "session", "async"])])
        assert caught.value.reason == "missing file"
        shutil.copy(self.draw.choice(self.templates.twins), self.path)

    def write_rows(self) -> None:
        """Change a fee as an import does. Actions would change popularity, which an engine keeps for an hour."""
        with Database.open(self.path) as database, database.begin() as connection:
            job_id = connection.execute(select(func.min(JOBS.c.job_id))).scalar_one()
            update_rows(connection, "jobs", {"job_id": [job_id], "fee": [self.draw.randrange(9_000)]})

    def exchange_below_pool(self) -> None:
        """Exchange the file while the pools of callers contain several connections to it."""
        for engine in self.callers:
            with engine.connect() as first, engine.connect() as second:
                for connection in (first, second):
                    connection.exec_driver_sql("SELECT count(*) FROM jobs").scalar_one()
        self.draw.choice([self.replace, self.copy_over])()
        self.check(self.draw.choice(["engine", "session"]))
        for engine in self.callers:  # idle connections keep the write-ahead log beside the next file
            engine.dispose()

    def refresh(self) -> None:
        asyncio.run(self.draw.choice(list(self.engines.values())).refresh())

    def clear(self) -> None:
        self.draw.choice(list(self.engines.values())).clear_caches(self.draw.choice(["snapshot", "session", None]))

    def check(self, kind: str) -> None:
        """Assert that an engine answers as a new engine does on the file that is there."""
        found = answer(self.engines[kind], has_lists=self.has_lists)
        content = self.path.read_bytes()
        if content not in self.expected:
            with ScoringEngine(self.path, "standard", keep_factors=False, max_workers=1) as fresh:
                self.expected[content] = answer(fresh, has_lists=self.has_lists)
        assert found == self.expected[content], kind


@pytest.fixture
def make_place(tmp_path: Path, templates: Templates) -> Iterator[Callable[..., Place]]:
    """Return a function that makes the place, with a seed."""
    with ExitStack() as stack:
        yield lambda seed, **options: Place(tmp_path / "board.db", templates, random.Random(seed), stack, **options)


def exchange(place: Place, steps: int, share: float) -> None:
    """Exchange the file, ask an engine after this share of the exchanges, and ask all engines at the end."""
    operations = [
        place.replace, place.link, place.link_hard, place.copy_over, place.recreate, place.exchange_below_pool,
        place.write_rows, place.refresh, place.clear,
    ]  # fmt: skip
    for _ in range(steps):
        place.draw.choice(operations)()
        if place.draw.random() < share:
            place.check(place.draw.choice(KINDS))
    for kind in KINDS:
        place.check(kind)
    record_count("exchanged files", "{} exchanges", steps)


def test_answers_are_those_of_the_file_that_is_there(make_place: Callable[..., Place]) -> None:
    exchange(make_place(0), 25, 0.15)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 11))
def test_answers_after_hundreds_of_exchanges(make_place: Callable[..., Place], seed: int) -> None:
    exchange(make_place(seed, has_lists=True), 200, 1.0)


def test_file_with_equal_tokens_is_another_file(make_place: Callable[..., Place], templates: Templates) -> None:
    """Another program has edited rows of a copy. A new file may get the number of the deleted one."""
    place, twins = make_place(0, kinds=("url",)), [templates.twins[0], templates.twins[2]]

    def move(source: Path) -> None:
        os.replace(shutil.copy(source, place.path.with_name("moved.db")), place.path)

    def copy(source: Path) -> None:
        place.path.unlink()
        shutil.copy(source, place.path)

    for step, exchange_file in enumerate([move, move, copy, copy, move]):
        exchange_file(twins[step % 2])
        place.check("url")


# --- Results ------------------------------------------------------------------------------------------------


def test_results_in_the_same_file_cause_no_load(make_place: Callable[..., Place]) -> None:
    """A run writes its results into the file that it has read."""
    kinds = ("url", "engine", "session")
    place = make_place(0, kinds=kinds)
    before = {kind: answer(place.engines[kind]) for kind in kinds}
    state = place.path.stat()
    with Database.open(place.path) as database:
        prepared = Prepared.of(Dataset.from_database(database), load_model("standard"))
        runner.run(prepared, k=2, publishers=[DatabasePublisher(database)])
    assert place.path.stat().st_mtime_ns != state.st_mtime_ns
    for kind in kinds:
        engine = place.engines[kind]
        assert answer(engine) == before[kind]
        assert engine.cache_stats()["snapshot"].misses == 1


# --- Sessions -----------------------------------------------------------------------------------------------


def test_read_ends_its_transaction_of_a_session(make_place: Callable[..., Place]) -> None:
    """An open transaction would keep the old file, and locks of a server."""
    place = make_place(0, kinds=("session",))
    assert not place.session.in_transaction()
    answer(place.engines["session"])
    assert not place.session.in_transaction()


def test_transaction_of_a_caller_is_not_ended(make_place: Callable[..., Place]) -> None:
    place = make_place(0, kinds=("session",))
    place.session.execute(update(JOBS).values(fee=777))
    assert set(answer(place.engines["session"])[0]["fee"]) == {777}
    assert place.session.in_transaction()
    place.session.rollback()
    assert set(answer(place.engines["session"])[0]["fee"]) != {777}


def test_exchange_during_a_transaction_is_an_error(make_place: Callable[..., Place]) -> None:
    place = make_place(0, kinds=("session",))
    place.session.execute(select(JOBS.c.job_id)).all()
    place.replace()
    with pytest.raises(DatabaseError) as caught:
        answer(place.engines["session"])
    assert caught.value.reason == "replaced file"
    place.session.rollback()
    place.check("session")


# --- Other places -------------------------------------------------------------------------------------------


def test_relative_path_is_kept_if_the_folder_changes(
    make_place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place(0, kinds=())
    monkeypatch.chdir(place.path.parent)
    with ScoringEngine(place.path.name, "standard", keep_factors=False, change_check_seconds=0) as engine:
        before = answer(engine)
        monkeypatch.chdir("/")
        assert answer(engine) == before
        place.replace()
        place.engines["url"] = engine
        place.check("url")


def test_recreated_table_with_equal_tokens_is_loaded(postgres_url: str) -> None:
    """A restored database may have the same rows, times and revisions."""
    store(MARKETS[0], postgres_url)
    with (
        Database.open(postgres_url) as database,
        ScoringEngine(postgres_url, "standard", keep_factors=False, change_check_seconds=0) as engine,
    ):
        before, tokens = answer(engine), read_change_tokens(database)
        with database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE jobs RENAME TO old_jobs")
            connection.exec_driver_sql("CREATE TABLE jobs (LIKE old_jobs INCLUDING ALL)")
            connection.exec_driver_sql("INSERT INTO jobs SELECT * FROM old_jobs")
            connection.exec_driver_sql("UPDATE jobs SET fee = 777")
            connection.exec_driver_sql("DROP TABLE old_jobs")
        found = read_change_tokens(database)
        assert found["jobs"]._replace(origin=None) == tokens["jobs"]._replace(origin=None)
        assert not is_same_database(tokens, found)
        assert set(before[0]["fee"]) != {777} == set(answer(engine)[0]["fee"])
