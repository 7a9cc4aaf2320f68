"""One view two minutes after a given clock lists no closed job, at each entry point that takes a clock."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from scoring.cli.input_loader import load_data
from scoring.cli.progress import Progress
from scoring.columns.dataset_frames import Tables
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.facade import ScoringEngine
from scoring.runs.publishers import read_manifest
from scoring.telemetry import Stopwatch
from tests.cli.command import invoke
from tests.support.random_markets import CLOCK, random_market

AS_OF = CLOCK.isoformat()


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Return a market whose newest action is two minutes after the clock."""
    market = random_market(0, factors=True)
    market.actions.append(market.actions[0] | {"action": "view", "occurred_at": CLOCK + timedelta(minutes=2)})
    return Tables(**market.frames())


@pytest.fixture
def path(tables: Tables, tmp_path: Path) -> Path:
    with Database.open(tmp_path / "market.db") as database:
        save_tables(database, tables)
    return tmp_path / "market.db"


@pytest.fixture(scope="module")
def inactive(tables: Tables) -> set[int]:
    """Return the jobs that only `is_active` closes."""
    data = Dataset(tables, as_of=CLOCK)
    closed = data.jobs.find_closed(data.clock.now, check_active=True)
    only = closed["inactive"] & ~closed["expired"] & ~closed["posted later"]
    assert only.any()
    return set(data.jobs.job_id[only].tolist())


def test_run_lists_no_inactive_job(path: Path, inactive: set[int]) -> None:
    done = invoke("run", "--db", path, "--out", path.parent / "runs", "--as-of", AS_OF, "--top-k", 60, "--no-database")
    assert done.exit_code == 0, done.output
    latest = path.parent / "runs/latest"
    assert read_manifest(latest)["clock_set_back"] is False
    assert not inactive & set(pd.read_parquet(latest)["job_id"])


def test_explain_ranks_no_inactive_job(path: Path, inactive: set[int]) -> None:
    user = int(random_market(0).users[0]["user_id"])
    done = invoke("explain", user, min(inactive), "--db", path, "--as-of", AS_OF, "--json")
    assert done.exit_code == 0, done.output
    assert not any(record["ranked"] for record in json.loads(done.stdout))


def test_loader_of_evaluate_and_tune_uses_active_flag(path: Path) -> None:
    with Database.open(path) as database:
        data = load_data(database, AS_OF, Progress(), Stopwatch(), max_refused="100%")
    assert data.clock.as_of == pd.Timestamp(CLOCK)
    assert not data.clock.set_back


def test_dataset_of_database_takes_the_flag(path: Path) -> None:
    assert not Dataset.from_database(path, as_of=AS_OF).clock.set_back
    assert Dataset.from_database(path, as_of=AS_OF, set_back=True).clock.set_back


def test_engine_lists_no_inactive_job(path: Path, tables: Tables, inactive: set[int]) -> None:
    with ScoringEngine(path, "standard", as_of=AS_OF, keep_factors=False) as engine:
        found = asyncio.run(engine.process_scoring_batch(tables.users, tables.jobs, top_k=60))
    assert len(found)
    assert not inactive & set(found["job_id"])
