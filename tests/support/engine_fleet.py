"""Random sequences of three engine processes over one server, compared with an engine that has no server.

An engine answers from the state of the database that it has loaded. Its answer must be that of an engine without a
server that has loaded the same state, after any events of the server and of other engines.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy as sa

from scoring.caching import EngineCaches
from scoring.database.database import Database
from scoring.database.writers import save_tables
from tests.support.engine_process import BASIS_SECONDS, LENGTHS, States, answer, make_engine, serve
from tests.support.forks import start_fork
from tests.support.shared_cache_sequences import BEGIN, N_JOBS, N_USERS, TABLES, add_action
from tests.support.valkey_server import ValkeyServer, options_of

__all__ = ["EngineFleet", "make_states"]

N_ENGINES: Final = 3
ANSWER_SECONDS: Final = 60.0


def make_states(folder: Path, n_states: int, seed: int) -> None:
    """Write the states of a database: each differs from the one before by one write."""
    draw, now = random.Random(seed), BEGIN
    path = folder / "0.db"
    with Database.open(f"sqlite:///{path}") as database:
        save_tables(database, TABLES)
    for number in range(1, n_states):
        shutil.copy(path, folder / f"{number}.db")
        path = folder / f"{number}.db"
        with Database.open(f"sqlite:///{path}") as database:
            kind = draw.choices(["act", "change job", "remove action"], [8, 1, 1])[0]
            if kind == "act":
                now += timedelta(seconds=draw.choice([0.5, 2, 7, 30]))
                late = timedelta(seconds=draw.choice([0, 0, 0, 15]))
                action = draw.choice(["application", "view", "click"])
                add_action(database, draw.randrange(N_USERS), draw.randrange(N_JOBS), now - late, action)
            else:
                with database.begin() as connection:
                    connection.execute(sa.text(make_statement(draw, kind)))


def make_statement(draw: random.Random, kind: str) -> str:
    if kind == "remove action":
        return "DELETE FROM actions WHERE occurred_at = (SELECT max(occurred_at) FROM actions)"
    change = draw.choice(["company_id = 'C9'", "occupation_code = NULL", "min_salary = 1500", "is_active = 0"])
    job = f"SELECT job_id FROM jobs ORDER BY 1 LIMIT 1 OFFSET {draw.randrange(N_JOBS)}"
    return f"UPDATE jobs SET {change} WHERE job_id = ({job})"


class Member:
    """An engine process, as the controller sees it."""

    def __init__(self, server: ValkeyServer, folder: Path) -> None:
        self._options = options_of(server.url(), basis_seconds=BASIS_SECONDS)
        self._folder, self.hits = folder, Counter[str]()
        self.start()

    def start(self) -> None:
        self.process, self.pipe = start_fork(serve, self._options, self._folder)
        self.pipe.send(("start", None))
        self.state: int | None = None

    def load(self, state: int) -> None:
        self.state = state
        self.pipe.send(("load", state))

    def receive(self) -> Any:
        assert self.pipe.poll(ANSWER_SECONDS), "an engine does not answer"
        return self.pipe.recv()

    def restart_engine(self) -> None:
        self.pipe.send(("stop", None))
        for cache, counts in self.receive().items():
            self.hits[cache] += counts["hits"]
            self.hits["refused"] += counts["refused"]
        self.pipe.send(("start", None))
        self.state = None

    def kill(self) -> None:
        self.process.kill()
        self.process.join(10)
        self.pipe.close()

    def close(self) -> None:
        with suppress(OSError):
            self.restart_engine()
        self.pipe.close()
        self.process.join(10)


class EngineFleet:
    """Three engine processes, a server, and the states of a database.

    Parameters
    ----------
    server: A server that may be killed.
    folder: An empty folder.
    n_states: Number of states of the database.
    """

    def __init__(self, server: ValkeyServer, folder: Path, n_states: int) -> None:
        make_states(folder, n_states, seed=n_states)
        self.server, self.n_states = server, n_states
        self._reference, self._expected = States(folder), dict[tuple[int, str], str]()
        self._loop = asyncio.new_event_loop()
        self.members = [Member(server, folder) for _ in range(N_ENGINES)]
        self.steps = Counter[str]()
        self.draw, self.current, self.snapshot = random.Random(), 0, dict[bytes, bytes]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.close()
        self._loop.close()

    @property
    def hits(self) -> Counter[str]:
        """Values read from the server, by cache, and `refused` values, of the engines that were closed."""
        return sum((member.hits for member in self.members), Counter[str]())

    def run(self, seed: int, n_steps: int = 6) -> None:
        """Run one random sequence."""
        self.draw = random.Random(seed)
        self.current = self.draw.randrange(self.n_states)
        for member in self.draw.sample(self.members, 2):
            member.restart_engine()
        done: list[str] = []
        for step in self.draw.choices(list(WEIGHTS), list(WEIGHTS.values()), k=n_steps):
            done.append(step)
            self.steps[step] += 1
            try:
                getattr(self, step)()
            except AssertionError as error:
                raise AssertionError(f"sequence {seed}, steps {done}: {error}") from error

    def expect(self, state: int, kind: str) -> str:
        """Return the answer of a new engine without a server and without earlier requests."""
        if (state, kind) not in self._expected:
            alone = make_engine(self._reference.load(state), EngineCaches(basis_seconds=BASIS_SECONDS))
            self._expected[state, kind] = answer(self._loop.run_until_complete, alone, kind)
        return self._expected[state, kind]

    # Steps

    def ask_one(self) -> None:
        self._ask([self.draw.choice(self.members)])

    def ask_all(self) -> None:
        self._ask(self.members)

    def ask_all_meanwhile(self) -> None:
        """Something happens to the server while all engines answer."""
        self._ask(self.members, self.draw.choice([self.flush, self.evict, self.damage]))

    def ask_while_the_server_restarts(self) -> None:
        self._ask(self.members, self.restart_server)

    def ask_while_an_engine_is_killed(self) -> None:
        """A process is killed while it answers, perhaps while it has a lock. Another one takes its place."""
        victim = self.draw.choice(self.members)
        self._ask(self.members, victim.kill, victim)
        victim.start()

    def write(self) -> None:
        self.current = min(self.current + self.draw.choice([1, 1, 3]), self.n_states - 1)

    def restore_database(self) -> None:
        self.current = max(self.current - self.draw.randrange(10), 0)

    def restart_engine(self) -> None:
        self.draw.choice(self.members).restart_engine()

    def restart_server(self) -> None:
        self.server.kill()
        self.server.start()

    def ask_without_server(self) -> None:
        self.server.kill()
        self._ask(self.members)
        self.server.start()

    def flush(self) -> None:
        with self.server.client() as client:
            client.flushall()

    def evict(self) -> None:
        with self.server.client() as client:
            keys = [key for key in sorted(client.keys("*")) if self.draw.random() < 0.3]
            if keys:
                client.delete(*keys)

    def damage(self) -> None:
        with self.server.client() as client:
            for key in sorted(client.keys("scoring:*")):
                if self.draw.random() < 0.3 and b":written:" not in key and not key.endswith(b":lock"):
                    client.setrange(key, self.draw.randrange(60), self.draw.randbytes(1))

    def save_snapshot(self) -> None:
        with self.server.client() as client:
            keys = client.keys("*")
            pipe = client.pipeline(transaction=False)
            for key in keys:
                pipe.dump(key)
            self.snapshot = {key: content for key, content in zip(keys, pipe.execute(), strict=True) if content}

    def restore_snapshot(self) -> None:
        with self.server.client() as client:
            pipe = client.pipeline(transaction=False)
            pipe.flushall()
            for key, content in self.snapshot.items():
                pipe.restore(key, 0, content)
            pipe.execute()

    def _ask(self, members: list[Member], meanwhile: Any = None, victim: Member | None = None) -> None:
        """Compare the answers of engines. Some check the database first, and load its state if it is another one."""
        kind = self.draw.choice(list(LENGTHS))
        for member in members:
            if member.state is None or (member.state != self.current and self.draw.random() < 0.8):
                member.load(self.current)
            member.pipe.send(("answer", kind))
        if meanwhile is not None:
            time.sleep(self.draw.random() * 0.03)
            meanwhile()
        for member in members:
            if member is victim:
                continue
            assert member.state is not None
            assert member.receive() == self.expect(member.state, kind), f"{kind} of state {member.state} are wrong"
            self.steps["answers"] += 1


WEIGHTS: Final = {
    "ask_one": 6,
    "ask_all": 3,
    "ask_all_meanwhile": 1.5,
    "ask_while_the_server_restarts": 0.1,
    "ask_while_an_engine_is_killed": 0.04,
    "ask_without_server": 0.1,
    "write": 5,
    "restore_database": 0.5,
    "restart_engine": 1,
    "restart_server": 0.1,
    "flush": 0.5,
    "evict": 0.7,
    "damage": 0.7,
    "save_snapshot": 0.3,
    "restore_snapshot": 0.3,
}
