"""Random sequences of edits, restarts, clears and reads: an engine never answers with stale values."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import delete

from scoring.caching import EngineCaches, MemoryStore
from scoring.caching.cache_key import PopularityKey
from scoring.columns import TABLES
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import renew_revision, write_frame
from scoring.dataset import Dataset
from scoring.facade import ScoringEngine
from scoring.facade.engine_state import CACHES
from scoring.statistics.company_popularity import PopularityReading
from tests.support.clocks import Clock
from tests.support.facade_market import market_of, store
from tests.support.proof_counts import record_count
from tests.support.random_markets import CLOCK

HOUR = 3600.0
MARKET = market_of(2, n_users=6, n_jobs=15)  # with the data's own clock
USERS, JOBS = MARKET.users, MARKET.jobs
COMPANIES = [f"C{n}" for n in range(8)]
FRAMES = MARKET.frames()
PROFILES = 3

users, jobs = st.integers(0, len(USERS) - 1), st.integers(0, len(JOBS) - 1)


class Pinned(MemoryStore[PopularityKey]):
    """Company popularity of the data at another time."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(0)
        self.dataset = dataset

    def get_or_compute(self, key: PopularityKey, compute: Callable[[], Any]) -> Any:
        return PopularityReading.compute(self.dataset, key.days)


@dataclass
class Moment:
    """A state of the data, and the time at which it was replaced."""

    dataset: Dataset
    until: float = math.inf


class CachedEngine(RuleBasedStateMachine):
    """Compare one long-lived engine with an engine rebuilt from the database for every state of the data.

    Only popularity may be older: it must match the data at some time within the last hour.
    All other values of the same answer must be consistent with it.
    """

    template: ClassVar[Path]
    sequences: ClassVar[int] = 0
    reads: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        type(self).sequences += 1
        self.url = f"sqlite:///{self.template.parent / 'one.db'}"
        shutil.copy(self.template, self.template.parent / "one.db")
        self.clock, self.runner, self.profile, self.written = Clock(0.0), asyncio.Runner(), 0, 0
        self.database = Database.open(self.url)
        self.jobs, self.users = ([dict(row) for row in rows] for rows in (JOBS, USERS))
        self.engine: ScoringEngine | None = None
        self.history: list[Moment] = []
        self.fresh: dict[tuple[int, int, int], ScoringEngine] = {}
        self.dirty = True
        self.note()
        self.restart()

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        for engine in (self.engine, *self.fresh.values()):
            assert engine is not None
            engine.close()
        self.database.close()
        self.runner.close()

    # --- Edits ----------------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Record that the newest recorded data no longer match the database."""
        if not self.dirty:
            self.history[-1].until, self.dirty = self.clock.now, True

    def note(self) -> None:
        """Record the current data, before the engine reads them."""
        if self.dirty:
            self.history.append(Moment(Dataset(load_tables(self.database))))
            self.dirty = False

    def write(self, name: str, row: dict[str, Any]) -> None:
        """Write one row; replace the row with the same ID if it exists."""
        columns = [column.name for column in TABLES[name].columns]
        values = {column: pd.Series([row.get(column)], dtype=FRAMES[name].dtypes[column]) for column in columns}
        table, key = DATA_TABLES[name], TABLES[name].key[0]
        with self.database.begin() as connection:
            if name != "actions":
                connection.execute(delete(table).where(table.c[key] == row[key]))
            write_frame(connection, name, pd.DataFrame(values))
        self.changed()

    @rule(user=users, job=jobs, kind=st.sampled_from(["application", "click", "view"]), newer=st.booleans())
    def act(self, user: int, job: int, kind: str, newer: bool) -> None:
        self.written += 1
        seconds = timedelta(seconds=self.written)
        at = CLOCK + seconds if newer else CLOCK - timedelta(days=3) - seconds
        ids = {"user_id": USERS[user]["user_id"], "job_id": JOBS[job]["job_id"]}
        self.write("actions", ids | {"action": kind, "occurred_at": at})

    @rule(job=jobs, wage=st.sampled_from([900.0, 1200.0, 2500.0]), company=st.sampled_from(COMPANIES))
    def change_job(self, job: int, wage: float, company: str) -> None:
        self.jobs[job] |= {"salary_type": "hourly", "min_salary": wage, "company_id": company}
        self.write("jobs", self.jobs[job])

    @rule(job=jobs)
    def add_job(self, job: int) -> None:
        self.written += 1
        self.write("jobs", self.jobs[job] | {"job_id": 50_000 + self.written, "company_id": f"N{self.written}"})

    @rule(user=users, wanted=st.lists(st.sampled_from([101, 102, 201, 301]), max_size=2, unique=True))
    def change_user(self, user: int, wanted: list[int]) -> None:
        self.users[user] |= {"preferred_occupations": wanted}
        self.write("users", self.users[user])

    @rule(place=st.integers(0, len(MARKET.actions) - 1))
    def delete_actions(self, place: int) -> None:
        """Delete all actions of a user on a job."""
        pair, table = MARKET.actions[place], DATA_TABLES["actions"].c
        with self.database.begin() as connection:
            named = (table.user_id == pair["user_id"]) & (table.job_id == pair["job_id"])
            connection.execute(delete(DATA_TABLES["actions"]).where(named))
            renew_revision(connection, "actions")
        self.changed()

    # --- The engine -----------------------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        if self.engine is not None:
            self.engine.close()
        self.engine = ScoringEngine(
            self.url, "standard", keep_factors=False, change_check_seconds=0, clock=self.clock, max_workers=1
        )
        self.own = self.engine.model
        self.weigh(self.profile)

    @rule(names=st.lists(st.sampled_from([*CACHES, "session", "lru", "permanent"]), max_size=3))
    def clear(self, names: list[str]) -> None:
        assert self.engine is not None
        self.engine.clear_caches(names or None)

    @rule()
    def refresh(self) -> None:
        assert self.engine is not None
        self.note()
        self.runner.run(self.engine.refresh())

    @rule(profile=st.integers(0, PROFILES - 1))
    def weigh(self, profile: int) -> None:
        """Use the shipped weights or others. The last profile also counts popularity over another window."""
        assert self.engine is not None
        self.profile, model = profile, self.own
        if profile:
            model = model.with_weights({part.name: 1.0 + place % 3 for place, part in enumerate(model.parts)})
        if profile == PROFILES - 1:
            model = model.with_parameters("popularity", days=30)
        self.engine.model = model

    @rule(seconds=st.sampled_from([1.0, 600.0, 1799.0, 1801.0, 3599.0, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    # --- Reads ----------------------------------------------------------------------------------------------

    def check(self, ask: Callable[[ScoringEngine], Awaitable[Any]]) -> None:
        """Assert that a new engine on the current data, with popularity of an allowed time, gives the same answer."""
        assert self.engine is not None
        type(self).reads += 1
        self.note()
        found = plain(self.runner.run(as_coroutine(ask(self.engine))))
        assert any(found == plain(self.runner.run(as_coroutine(ask(other)))) for other in self.allowed()), found

    def allowed(self) -> Iterator[ScoringEngine]:
        """Yield the allowed engines, newest popularity first.

        Popularity is cached per window, so two windows may be from different times.
        """
        assert self.engine is not None
        for place in reversed(range(len(self.history))):
            if self.history[place].until <= self.clock.now - HOUR:
                continue
            key = (len(self.history), place, self.profile)
            if key not in self.fresh:
                caches = EngineCaches.off()
                caches.company = Pinned(self.history[place].dataset)
                now = self.history[-1].dataset
                self.fresh[key] = ScoringEngine(
                    now, self.engine.model, keep_factors=False, caches=caches, max_workers=1
                )
            yield self.fresh[key]

    @rule(users=st.sampled_from([None, 2]))
    def read_list(self, users: int | None) -> None:
        self.check(lambda engine: engine.calculate_scores_for_all_users(user_limit=users, top_k=5))

    @rule(job=jobs, user=users)
    def read_pair(self, job: int, user: int) -> None:
        rows = dict(self.jobs[job]), dict(self.users[user])
        self.check(lambda engine: engine.calculate_total_score(*rows, rows[1]))

    @rule(job=jobs, user=users)
    def read_personal(self, job: int, user: int) -> None:
        row = dict(self.jobs[job])
        self.check(lambda engine: engine.calculate_personal_score(row, USERS[user]["user_id"]))

    @rule(job=jobs, user=users)
    def read_explanation(self, job: int, user: int) -> None:
        rows = dict(self.jobs[job]), dict(self.users[user])
        self.check(lambda engine: engine.get_score_explanation(*rows, rows[1]))

    @rule()
    def read_popularity(self) -> None:
        self.check(lambda engine: engine._batch_load_company_popularity(COMPANIES))


async def as_coroutine(waiting: Awaitable[Any]) -> Any:
    return await waiting


def plain(answer: Any) -> Any:
    return answer.to_dict("list") if isinstance(answer, pd.DataFrame) else answer


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.db"
    store(MARKET, f"sqlite:///{path}")
    return path


def run(template: Path, sequences: int, steps: int, part: int = 0) -> None:
    """Each part runs its own sequences, even if hypothesis draws the same ones every time."""
    machine = type("Sequences", (CachedEngine,), {"template": template, "sequences": 0, "reads": 0})
    if part:
        machine = seed(part)(machine)
    few = settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=few)
    assert machine.sequences >= sequences
    record_count("stale values", "{} sequences, {} reads", machine.sequences, machine.reads)


def test_results_are_current_after_any_sequence(template: Path) -> None:
    run(template, 5, 12)


@pytest.mark.long
@pytest.mark.parametrize("part", [1, 2, 3, 4])
def test_results_are_current_after_a_thousand_sequences(template: Path, part: int) -> None:
    run(template, 250, 20, part)
