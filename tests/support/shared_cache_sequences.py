"""Random sequences of three engines over one server, compared with an engine that has no server."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from scoring.caching import SharedCache
from scoring.database.database import Database
from scoring.database.writers import save_tables, write_frame
from scoring.facade import ScoringEngine
from scoring.synthetic import make_market
from tests.support.valkey_server import HOST, SECRET, ValkeyServer, options_of

N_USERS, N_JOBS, N_ENGINES = 6, 15, 3
TABLES = make_market(N_USERS, N_JOBS, 60, seed=3).tables


def next_minute(newest: pd.Timestamp) -> datetime:
    """Return the first full minute after the newest action."""
    return (newest + timedelta(minutes=1)).floor("min").to_pydatetime()


BEGIN = next_minute(TABLES.actions["occurred_at"].max())


def add_action(database: Database, user: int, job: int, at: datetime, kind: str = "application") -> None:
    """Add an action of the user and the job in these places of their tables."""
    with database.begin() as connection:
        ids = [
            connection.execute(sa.text(f"SELECT {name}_id FROM {name}s ORDER BY 1 LIMIT 1 OFFSET {place}")).scalar_one()
            for name, place in (("user", user), ("job", job))
        ]
        row = {"user_id": ids[0], "job_id": ids[1], "action": kind, "occurred_at": pd.Timestamp(at)}
        frame = TABLES.actions
        write_frame(connection, "actions", pd.DataFrame([row])[list(frame.columns)].astype(frame.dtypes.to_dict()))


class Sequence:
    """A database, a server, three engines, and steps that change them."""

    def __init__(self, server: ValkeyServer, folder: Path, seed: int) -> None:
        self.server, self.draw = server, random.Random(seed)
        self.path = folder / f"{seed}.db"
        self.url = f"sqlite:///{self.path}"
        self.database = Database.open(self.url)
        save_tables(self.database, TABLES)
        self.options = options_of(server.url(), basis_seconds=10.0, connect_seconds=0.2)
        self.now, self.asked = BEGIN, 0
        self.snapshot: dict[bytes, bytes | None] = {}
        self.engines = [self.open_engine(self.options) for _ in range(N_ENGINES)]
        self.runner = asyncio.Runner()

    def open_engine(self, options: SharedCache) -> ScoringEngine:
        return ScoringEngine(
            self.url, "standard", keep_factors=False, change_check_seconds=0, max_workers=1, shared_cache=options
        )

    def close(self) -> None:
        for engine in self.engines:
            engine.close()
        self.runner.close()
        self.database.close()
        self.path.unlink()

    def answer(self, engine: ScoringEngine) -> dict[str, Any]:
        frame = self.runner.run(engine.calculate_scores_for_all_users(top_k=5))
        assert isinstance(frame, pd.DataFrame)
        return {str(name): column.tolist() for name, column in frame.items()}

    # Steps

    def act(self) -> None:
        self.now += timedelta(seconds=self.draw.choice([0.5, 2, 7, 30]))
        late = timedelta(seconds=self.draw.choice([0, 0, 0, 15]))
        kind = self.draw.choice(["application", "view", "click"])
        add_action(self.database, self.draw.randrange(N_USERS), self.draw.randrange(N_JOBS), self.now - late, kind)

    def change_job(self) -> None:
        column, value = self.draw.choice([("company_id", "'C9'"), ("occupation_code", "NULL"), ("min_salary", "1500")])
        with self.database.begin() as connection:
            job = self.draw.randrange(N_JOBS)
            which = f"SELECT job_id FROM jobs ORDER BY 1 LIMIT 1 OFFSET {job}"
            connection.execute(sa.text(f"UPDATE jobs SET {column} = {value} WHERE job_id = ({which})"))
        for engine in self.engines:  # updates in place do not change the tokens that engines check
            self.runner.run(engine.refresh())

    def remove_actions(self) -> None:
        with self.database.begin() as connection:
            connection.execute(
                sa.text("DELETE FROM actions WHERE occurred_at = (SELECT max(occurred_at) FROM actions)")
            )
        for engine in self.engines:
            self.runner.run(engine.refresh())

    def flush(self) -> None:
        with self.server.client() as client:
            client.flushall()

    def evict(self) -> None:
        with self.server.client() as client:
            for key in client.keys("*"):
                if self.draw.random() < 0.3:
                    client.delete(key)

    def save_snapshot(self) -> None:
        with self.server.client() as client:
            self.snapshot = {key: client.dump(key) for key in client.keys("*")}

    def restore_snapshot(self) -> None:
        with self.server.client() as client:
            client.flushall()
            for key, content in self.snapshot.items():
                if content is not None:
                    client.restore(key, 0, content)

    def damage(self) -> None:
        with self.server.client() as client:
            for key in client.keys("*"):
                if self.draw.random() < 0.3 and client.type(key) == b"string" and client.strlen(key) > 41:
                    client.setrange(key, self.draw.randrange(41), self.draw.randbytes(1))

    def restart_server(self) -> None:
        self.server.kill()
        if self.draw.random() < 0.5:
            self.ask()
        self.server.start()

    def restart_engine(self) -> None:
        place = self.draw.randrange(N_ENGINES)
        self.engines[place].close()
        self.engines[place] = self.open_engine(self.options)

    def ask(self) -> None:
        engine = self.draw.choice(self.engines)
        alone = SharedCache(f"redis://{HOST}:1/0", "alone", self.options.basis_seconds, (SECRET,))
        with self.open_engine(alone) as fresh:
            assert self.answer(engine) == self.answer(fresh)
        self.asked += 1


WEIGHTS = {
    "ask": 8,
    "act": 5,
    "restart_engine": 2,
    "change_job": 1,
    "remove_actions": 1,
    "flush": 1,
    "evict": 1,
    "damage": 1,
    "save_snapshot": 1,
    "restore_snapshot": 1,
    "restart_server": 1,
}


def run_sequence(server: ValkeyServer, folder: Path, seed: int, n_steps: int = 12) -> int:
    """Run one random sequence; return the number of compared answers."""
    sequence = Sequence(server, folder, seed)
    try:
        for step in sequence.draw.choices(list(WEIGHTS), list(WEIGHTS.values()), k=n_steps):
            getattr(sequence, step)()
        for _ in range(2):
            sequence.ask()
        return sequence.asked
    finally:
        sequence.close()
        sequence.flush()
