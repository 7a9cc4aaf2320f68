"""A failover of real servers: a primary, a replica and Sentinel processes, all on the loopback interface."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from scoring.caching import RedisStore
from tests.support.shared_values import Computation, NumberKey, counts_of, make_value, open_store
from tests.support.valkey_server import HOST, ValkeyServer, find_valkey, options_of

DOWN_MS = 300


@dataclass
class Group:
    """A primary and a replica, of which Sentinel processes know."""

    primary: ValkeyServer
    replica: ValkeyServer
    sentinels: list[ValkeyServer]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(f'{HOST}:{sentinel.port}' for sentinel in self.sentinels)}/shop"

    def primary_port(self) -> int:
        """Return the port that the first Sentinel process names."""
        with self.sentinels[0].client(decode_responses=True) as client:
            return int(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop")[1])


@contextmanager
def start_group(n_sentinels: int) -> Iterator[Group]:
    binary = find_valkey()
    usage = subprocess.run([binary, "--help"], capture_output=True, text=True, check=False)
    if "--sentinel" not in usage.stdout + usage.stderr:
        pytest.skip("the server has no Sentinel mode")
    with ExitStack() as stack:
        primary = stack.enter_context(ValkeyServer(binary))
        with primary.client() as client:
            client.config_set("repl-diskless-sync-delay", 0)
        replica = stack.enter_context(ValkeyServer(binary, "--replicaof", HOST, str(primary.port)))
        with replica.client() as client:
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        sentinels: list[ValkeyServer] = []
        for _ in range(n_sentinels):
            config = replica.folder / f"sentinel{len(sentinels)}.conf"
            quorum = n_sentinels // 2 + 1
            config.write_text(
                f"sentinel monitor shop {HOST} {primary.port} {quorum}\n"
                f"sentinel down-after-milliseconds shop {DOWN_MS}\n"
                "sentinel failover-timeout shop 3000\n"
            )
            sentinels.append(stack.enter_context(ValkeyServer(binary, "--sentinel", config=config)))
        for sentinel in sentinels:
            with sentinel.client(decode_responses=True) as client:
                wait_until(partial(knows_group, client, n_sentinels))
        yield Group(primary, replica, sentinels)


def knows_group(client: Any, n_sentinels: int) -> bool:
    [state] = client.execute_command("SENTINEL", "MASTERS")
    values = dict(zip(state[::2], state[1::2], strict=True)) if isinstance(state, list) else state
    return (int(values["num-slaves"]), int(values["num-other-sentinels"])) == (1, n_sentinels - 1)


def wait_until(is_true: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(store: RedisStore, number: int) -> int:
    """Check the answer of a store; return how often it was computed here."""
    compute = Computation(make_value(seed=number))
    assert (store.get_or_compute(NumberKey(number), compute) == compute.value).all()
    return compute.calls


@pytest.mark.parametrize(
    ("n_sentinels", "failure"),
    [
        (1, "killed"),
        pytest.param(1, "paused", marks=pytest.mark.long),
        pytest.param(3, "killed", marks=pytest.mark.long),
    ],
)
def test_cache_is_used_after_a_failover(n_sentinels: int, failure: str) -> None:
    """Answers are right before, during and after. Values of the old primary that were replicated are hits."""
    with start_group(n_sentinels) as group:
        options = options_of(group.url, read_seconds=1.0, connect_seconds=1.0)
        first, second = open_store(options), open_store(options)
        assert [ask(first, number) for number in range(5)] == [1] * 5
        assert [ask(second, number) for number in range(3)] == [0] * 3
        with group.primary.client() as client:
            client.set("last", 1)  # WAIT waits for the writes of its own connection, and of those before them
            assert client.wait(1, 60_000) == 1
        group.primary.kill() if failure == "killed" else group.primary.pause()
        during = 0
        while group.primary_port() != group.replica.port:
            during += ask(first, 1_000 + during)  # computed, as the server is away
            assert during < 100_000
        assert during > 0
        errors = counts_of(first).errors
        wait_until(lambda: is_used_again(first, second))
        assert ask(second, 4) == 0  # was written before the failover
        assert counts_of(first).errors < errors + 20
        with group.replica.client() as client:
            assert client.info("replication")["role"] == "master"
        if failure == "paused":
            group.primary.resume()  # the old primary becomes a replica
            with group.primary.client() as client:
                wait_until(lambda: client.info("replication")["role"] == "slave")
            assert ask(first, 50_000) == 1
            assert ask(second, 50_000) == 0
        first.close()
        second.close()


_numbers = iter(range(20_000, 30_000))


def is_used_again(first: RedisStore, second: RedisStore) -> bool:
    """Return whether one store reads what another one has computed."""
    number = next(_numbers)
    ask(first, number)
    return ask(second, number) == 0
