"""A store on a real server: one computation, signatures, and every failure of the server.

`make test` uses Valkey. `make test-long` also uses the redis-server of the system.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scoring.caching import RedisStore, SharedCache, redis_store, signed_values
from scoring.caching.server_connections import ServerConnections
from scoring.caching.signed_values import Header, Signer
from scoring.errors import ConfigurationError
from tests.support.errors import raises_at
from tests.support.forks import start_fork
from tests.support.proof_counts import record_count
from tests.support.shared_cache_worker import ask, compute_forever
from tests.support.shared_values import Computation, NumberKey, counts_of, make_value, open_store
from tests.support.valkey_server import HOST, SECRET, SlowProxy, ValkeyServer, find_redis, find_valkey, options_of

OTHER_SECRET = b"fedcba9876543210fedcba9876543210"
KEY = NumberKey(1)
COMPUTED_ONCE = "{} of {} attempts"
IMPATIENT = {"read_seconds": 0.02, "connect_seconds": 0.2}


def never() -> np.ndarray:
    raise AssertionError("the value must be on the server")


SERVERS = [find_valkey, pytest.param(find_redis, marks=pytest.mark.long)]
on_each_server = pytest.mark.parametrize("find", SERVERS)


@pytest.fixture(params=SERVERS)
def fresh_valkey(request: pytest.FixtureRequest) -> Iterator[ValkeyServer]:
    """Yield a server that the test may kill."""
    with ValkeyServer(request.param()) as server:
        yield server


@pytest.fixture
def valkey(fresh_valkey: ValkeyServer) -> ValkeyServer:
    return fresh_valkey


@pytest.fixture
def options(valkey: ValkeyServer) -> SharedCache:
    return options_of(valkey.url())


@contextmanager
def store_of(options: SharedCache) -> Iterator[RedisStore]:
    store = open_store(options)
    yield store
    store.close()


def write(options: SharedCache, value: np.ndarray, key: NumberKey = KEY) -> str:
    """Write a value; return its key on the server."""
    with store_of(options) as store:
        store.get_or_compute(key, lambda: value)
        return store.name_key(key)


def check_answers(store: RedisStore, n: int = 3) -> list[float]:
    """Check that a store returns computed values; return the seconds of each request."""
    seconds = []
    for number in range(n):
        compute = Computation(make_value(seed=number))
        began = time.perf_counter()
        value = store.get_or_compute(NumberKey(1000 + number), compute)
        seconds.append(time.perf_counter() - began)
        assert value is compute.value
        assert compute.calls == 1
    return seconds


# Values


@pytest.mark.parametrize("find", [find_valkey, find_redis])
@pytest.mark.parametrize("size", [0, 1, 131_072, 300_000])
def test_second_store_reads_what_the_first_computed(find: Callable, size: int) -> None:
    value = make_value(size)
    with ValkeyServer(find()) as server:
        name = write(options := options_of(server.url()), value)
        with store_of(options) as second:
            assert (second.get_or_compute(KEY, never) == value).all()
            assert counts_of(second).hits == 1
            assert counts_of(second).read_bytes == value.nbytes
        with server.client() as client:
            names = [key.decode() for key in client.keys("*")]
            assert all(key.startswith("scoring:tests:") for key in names)
            values = [key for key in names if key.startswith(name)]
            assert len(values) == 1 + -(-value.nbytes // 2**20)
            assert all(0 < client.ttl(key) <= 24 * 3600 + 60 for key in names)
            assert SECRET not in b"".join(client.get(key) for key in names)


def test_unix_socket(fresh_valkey: ValkeyServer) -> None:
    fresh_valkey.kill()
    path = fresh_valkey.folder / "socket"
    with ValkeyServer(find_valkey(), "--unixsocket", str(path)):
        wait_until(path.exists)
        options = options_of(f"unix://{path}")
        write(options, make_value())
        with store_of(options) as store:
            assert (store.get_or_compute(KEY, never) == make_value()).all()


def test_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, binary = tmp_path_factory.mktemp("tls"), find_redis()
    make_certificate(folder)
    files = ["--tls-cert-file", f"{folder}/cert.pem", "--tls-key-file", f"{folder}/key.pem"]
    files += ["--tls-ca-cert-file", f"{folder}/cert.pem"]
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with ValkeyServer(binary, "--tls-port", str(port), *files, "--tls-auth-clients", "no"):
        wait_until(lambda: can_connect(port))
        trusted = options_of(f"rediss://{HOST}:{port}/0?ssl_ca_certs={folder}/cert.pem")
        for _ in range(20):  # session tickets arrive after the handshake, sooner or later
            connections = ServerConnections(trusted)
            assert connections.run("PING") == b"PONG"
            connections.close()
        write(trusted, make_value())
        with store_of(trusted) as store:
            assert (store.get_or_compute(KEY, never) == make_value()).all()
        with store_of(options_of(f"rediss://{HOST}:{port}/0")) as untrusting:
            check_answers(untrusting, 1)
            assert counts_of(untrusting).errors == 1  # another certificate


def can_connect(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((HOST, port)) == 0


def make_certificate(folder: os.PathLike[str]) -> None:
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1)
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
    )
    builder = builder.add_extension(address, False).add_extension(x509.BasicConstraints(True, None), True)
    certificate = builder.sign(key, hashes.SHA256())
    with open(os.path.join(folder, "cert.pem"), "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(os.path.join(folder, "key.pem"), "wb") as file:
        plain = serialization.NoEncryption()
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


def test_sentinel(fresh_valkey: ValkeyServer) -> None:
    folder = fresh_valkey.folder
    (folder / "sentinel.conf").write_text(f"sentinel monitor shop {HOST} {fresh_valkey.port} 1\n")
    with ValkeyServer(find_valkey(), "--sentinel", config=folder / "sentinel.conf") as sentinel:
        options = options_of(f"redis+sentinel://{HOST}:{sentinel.port}/shop")
        write(options, make_value())
        with store_of(options) as store:
            assert (store.get_or_compute(KEY, never) == make_value()).all()
        with fresh_valkey.client() as client:
            assert client.dbsize() == 3  # header, chunk, and the bytes of this hour


def test_values_expire_and_reads_renew_them(valkey: ValkeyServer, options: SharedCache) -> None:
    name = write(options, make_value())
    with valkey.client() as client, store_of(options) as store:
        [chunk] = client.keys(f"{name}:*")
        for key in (name, chunk):
            client.expire(key, 13 * 3600)
        store.get_or_compute(KEY, never)
        assert client.ttl(name) <= 13 * 3600  # in the first half of its time
        for key in (name, chunk):
            client.expire(key, 11 * 3600)
        store.clear()
        store.get_or_compute(KEY, never)
        assert client.ttl(name) > 23 * 3600
        assert client.ttl(chunk) > client.ttl(name)


def test_retired_value_expires_soon_unless_it_is_read(valkey: ValkeyServer, options: SharedCache) -> None:
    name = write(options, make_value(300_000))
    with valkey.client() as client, store_of(options) as store, store_of(options) as late:
        store.retire(NumberKey(2))  # is not on the server
        store.get_or_compute(KEY, never)
        store.retire(KEY)
        keys = client.keys(f"{name}*")
        assert len(keys) == 4
        assert all(290 < client.ttl(key) <= 360 for key in keys)
        store.retire(KEY)
        assert store.stats.entries == 0
        late.get_or_compute(KEY, never)
        assert all(client.ttl(key) > 23 * 3600 for key in keys)
        client.expire(name, 100)
        store.retire(KEY)
        assert client.ttl(name) <= 100
        assert counts_of(store).errors == 0


def test_namespace_writes_at_most_its_limit(valkey: ValkeyServer) -> None:
    limited = options_of(valkey.url(), max_bytes_per_hour=2000)
    with store_of(limited) as store, store_of(options_of(valkey.url(), namespace="other")) as other:
        for number in range(4):
            store.get_or_compute(NumberKey(number), lambda: make_value(100))
        other.get_or_compute(KEY, lambda: make_value(100))
        assert (counts_of(store).not_written, counts_of(store).written_bytes) == (2, 1600)
        assert counts_of(other).written_bytes == 800


def test_namespaces_do_not_share(valkey: ValkeyServer) -> None:
    write(options_of(valkey.url()), make_value())
    with store_of(options_of(valkey.url(), namespace="other")) as other:
        check_answers(other, 1)
        other.get_or_compute(KEY, compute := Computation(make_value()))
        assert compute.calls == 1


def test_two_code_versions_do_not_share(options: SharedCache, monkeypatch: pytest.MonkeyPatch) -> None:
    write(options, make_value())
    monkeypatch.setattr(redis_store, "compute_environment_digest", lambda: "0123456789abcdef")
    newer = make_value(seed=2)
    write(options, newer)
    with store_of(options) as store:
        assert (store.get_or_compute(KEY, never) == newer).all()
    monkeypatch.undo()
    with store_of(options) as store:
        assert (store.get_or_compute(KEY, never) == make_value()).all()


def test_secrets_rotate_without_an_unsigned_moment(valkey: ValkeyServer) -> None:
    old, new = options_of(valkey.url()), options_of(valkey.url(), secrets=(OTHER_SECRET,))
    both = [options_of(valkey.url(), secrets=order) for order in ((SECRET, OTHER_SECRET), (OTHER_SECRET, SECRET))]
    write(old, make_value())
    for options in both:
        with store_of(options) as store:
            store.get_or_compute(KEY, never)
    with store_of(new) as store:
        store.get_or_compute(KEY, compute := Computation(make_value()))
        assert (compute.calls, counts_of(store).unknown_secrets) == (1, 2)  # before and under the lock
        assert counts_of(store).refused == 0
    with store_of(both[1]) as store:
        store.get_or_compute(KEY, never)


# Poisoned values


def test_each_changed_value_is_refused_and_counted(
    valkey: ValkeyServer, options: SharedCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 values are mutated, truncated, extended, swapped or moved. None is returned."""
    for module in (redis_store, signed_values):
        monkeypatch.setattr(module, "CHUNK_BYTES", 4096)
    draw = random.Random(5)
    with valkey.client() as client, store_of(options) as store:
        name = write(options, make_value(700))  # two chunks
        other = write(options, make_value(700, 1), NumberKey(2))
        originals = {key: client.get(key) for key in client.keys(f"{name}*") if not key.endswith(b":lock")}
        others = {key: client.get(key) for key in client.keys(f"{other}*")}
        chunks = sorted(key for key in originals if key != name.encode())
        assert len(originals) == len(others) == 3
        for number in range(1_000):
            key = draw.choice(sorted(originals))
            changed = change_value(draw, key, originals, list(others.values()), chunks)
            client.set(key, changed)
            before = counts_of(store)
            assert store._read(name, "factors", store._codecs["factors"], store._counts["factors"]) is None, number
            after = counts_of(store)
            assert after.refused + after.unknown_secrets == before.refused + before.unknown_secrets + 1, number
            client.set(key, originals[key])
        assert store.get_or_compute(KEY, never).shape == (700,)
    record_count("shared cache values", "{} of {} values", number + 1, 1_000)


def change_value(
    draw: random.Random, key: bytes, originals: dict[bytes, bytes], others: list[bytes], chunks: list[bytes]
) -> bytes:
    content = originals[key]
    kind = draw.choice(["flip", "truncate", "extend", "other", "swap"])
    if kind == "flip":
        place = draw.randrange(draw.choice([40, len(content)]))
        return content[:place] + bytes([content[place] ^ (1 << draw.randrange(8))]) + content[place + 1 :]
    if kind == "truncate":
        return content[: draw.randrange(1, len(content))]
    if kind == "extend":
        return content + draw.randbytes(draw.randint(1, 50))
    if kind == "swap":
        return originals[draw.choice([chunk for chunk in chunks if chunk != key])]
    return draw.choice(others)


def test_header_that_claims_2_gb_is_refused(valkey: ValkeyServer, options: SharedCache) -> None:
    name = write(options, make_value())
    text = b'{"arrays":[["value","<f8",[268435456]]],"bytes":2147483648,"chunks":2048,"cost":1.0,"id":"0"}'
    claim = Header("0", (), 2**31, 2048, 1.0, text)
    with valkey.client() as client, store_of(options) as store:
        client.set(name, Signer("tests", (SECRET,)).sign(name, claim, None, text))
        store.get_or_compute(KEY, compute := Computation(make_value()))
        assert (compute.calls, counts_of(store).refused) == (1, 2)
        client.set(name, b"x" * 10_000_000)  # only the bytes of a header are read
        store.clear()
        store.get_or_compute(KEY, compute)
        assert compute.calls == 2


def test_wrong_type_of_a_key_is_an_error(valkey: ValkeyServer, options: SharedCache) -> None:
    with valkey.client() as client, store_of(options) as store:
        client.rpush(store.name_key(KEY), "x")
        store.get_or_compute(KEY, compute := Computation(make_value()))
        assert (compute.calls, counts_of(store).errors, counts_of(store).skipped) == (1, 1, 1)
        assert not store.shared_stats.is_open


@pytest.mark.parametrize("part", ["chunks", "everything"])
def test_chunks_lost_after_the_header_are_a_miss(valkey: ValkeyServer, options: SharedCache, part: str) -> None:
    name = write(options, make_value(300_000))
    with valkey.client() as client, store_of(options) as store:
        ask_server, lost = store._connections.run, list[int]()

        def lose(*command: object, **settings: Any) -> object:
            if command[0] == "GETRANGE" and not lost:  # the first chunk; the header was read
                lost.append(1)
                client.flushall() if part == "everything" else client.delete(*client.keys(f"{name}:*:1"))
            return ask_server(*command, **settings)

        store._connections.run = lose  # type: ignore[method-assign]
        assert (store.get_or_compute(KEY, compute := Computation(make_value(300_000))) == compute.value).all()
        assert (compute.calls, len(lost)) == (1, 1)
        assert counts_of(store).misses == 1


# One computation


def test_eight_processes_compute_once(options: SharedCache) -> None:
    assert count_computations(options, 5) == [1] * 5
    record_count("shared cache computation", COMPUTED_ONCE, 5, 5)


@pytest.mark.long
def test_eight_processes_compute_once_in_99_percent(valkey: ValkeyServer) -> None:
    """With the usual timeout of 20 ms."""
    options = options_of(valkey.url(), **IMPATIENT)
    once = count_computations(options, 500).count(1)
    assert once >= 495
    record_count("shared cache computation", COMPUTED_ONCE, once, 500)


def count_computations(options: SharedCache, attempts: int) -> list[int]:
    """Return how often eight processes computed a value that they missed at once."""
    workers = [start_fork(ask, options, 0.2) for _ in range(8)]
    for _, pipe in workers:
        assert pipe.recv() == "ready"
    computed = []
    for number in range(attempts):
        for _, pipe in workers:
            pipe.send(number)
        computed.append(sum(pipe.recv() for _, pipe in workers))
    for process, pipe in workers:
        pipe.send(None)
        process.join(10)
    return computed


def test_lock_of_a_killed_process_expires(options: SharedCache, monkeypatch: pytest.MonkeyPatch) -> None:
    process, pipe = start_fork(compute_forever, options, 1)
    assert pipe.recv() == "computing"
    process.kill()
    process.join(10)
    with store_of(options) as store:
        began = time.perf_counter()
        store.get_or_compute(KEY, compute := Computation(make_value()))
        assert (compute.calls, counts_of(store).waits) == (1, 1)
        assert time.perf_counter() - began < 5


def test_long_computation_keeps_its_lock(options: SharedCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "LOCK_MS", 300)
    monkeypatch.setattr(redis_store, "HEARTBEAT_SECONDS", 0.05)
    with store_of(options) as first, store_of(options) as second:
        started = threading.Event()
        compute = Computation(make_value(), lambda: signal_and_wait(started, threading.Event(), 1))
        thread = threading.Thread(target=first.get_or_compute, args=(KEY, compute))
        thread.start()
        started.wait(5)
        assert (second.get_or_compute(KEY, never) == compute.value).all()
        thread.join()


def test_short_pause_of_the_server_does_not_end_a_wait(fresh_valkey: ValkeyServer) -> None:
    options = options_of(fresh_valkey.url(), **IMPATIENT)
    with store_of(options_of(fresh_valkey.url())) as first, store_of(options) as second:
        started, end = threading.Event(), threading.Event()
        compute = Computation(make_value(), lambda: signal_and_wait(started, end, 10))
        threads = [threading.Thread(target=first.get_or_compute, args=(KEY, compute))]
        threads[0].start()
        started.wait(5)
        found: list[np.ndarray] = []
        threads.append(threading.Thread(target=lambda: found.append(second.get_or_compute(KEY, never))))
        threads[1].start()
        wait_until(lambda: counts_of(second).waits == 1)
        fresh_valkey.pause()
        wait_until(lambda: counts_of(second).errors == 1)
        fresh_valkey.resume()
        end.set()
        for thread in threads:
            thread.join(20)
        assert (found[0] == compute.value).all()
        assert (counts_of(second).hits, counts_of(second).skipped) == (1, 0)


def test_wait_ends_after_its_limit(options: SharedCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "MIN_WAIT_SECONDS", 0.2)
    with store_of(options) as first, store_of(options) as second:
        started, end = threading.Event(), threading.Event()
        compute = Computation(make_value(), lambda: signal_and_wait(started, end, 10))
        thread = threading.Thread(target=first.get_or_compute, args=(KEY, compute))
        thread.start()
        started.wait(5)
        second.get_or_compute(KEY, own := Computation(make_value()))
        assert (own.calls, counts_of(second).skipped) == (1, 1)
        end.set()
        thread.join()


def test_failed_computation_releases_the_lock(valkey: ValkeyServer, options: SharedCache) -> None:
    def fail() -> None:
        raise ValueError

    with store_of(options) as store, valkey.client() as client:
        with pytest.raises(ValueError):
            store.get_or_compute(KEY, Computation(make_value(), fail))
        assert client.keys("*:lock") == []
        store.get_or_compute(KEY, compute := Computation(make_value()))
        assert (compute.calls, counts_of(store).waits) == (1, 0)


def test_lock_of_another_process_is_not_released(valkey: ValkeyServer, options: SharedCache) -> None:
    with store_of(options) as store, valkey.client() as client:
        lock = f"{store.name_key(KEY)}:lock"
        store.get_or_compute(KEY, Computation(make_value(), lambda: client.set(lock, "of another process")))
        assert client.get(lock) == b"of another process"


def test_forked_process_opens_its_own_connections(valkey: ValkeyServer, options: SharedCache) -> None:
    write(options, make_value())
    with store_of(options) as store, valkey.client() as client:
        store.get_or_compute(NumberKey(2), lambda: make_value())
        before = client.info("stats")["total_connections_received"]
        process = os.fork()
        if process == 0:
            try:
                fits = bool((store.get_or_compute(KEY, never) == make_value()).all())
            finally:
                os._exit(0 if fits else 1)
        assert os.waitpid(process, 0)[1] == 0
        assert client.info("stats")["total_connections_received"] == before + 1
        store.get_or_compute(KEY, never)
        assert client.info("stats")["total_connections_received"] == before + 1


# Failures of the server


def test_dead_server_costs_little(fresh_valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    fresh_valkey.kill()
    with store_of(options_of(fresh_valkey.url(), **IMPATIENT)) as store:
        first, *others = check_answers(store, 40)
        assert first < 0.025
        assert sorted(others)[len(others) // 2] < 0.0002  # 0.1 ms, and the local memory
        counts, stats = counts_of(store), store.shared_stats
        assert (counts.skipped, counts.errors) == (40, 2)  # a third was at the start
        assert stats.is_open
        assert stats.openings == 1
        assert 0 < stats.open_seconds < 5
    assert len(caplog.records) == 1


def test_server_that_comes_back_is_used_again(fresh_valkey: ValkeyServer) -> None:
    options = options_of(fresh_valkey.url())
    with store_of(options) as store:
        store.get_or_compute(NumberKey(9), lambda: make_value())
        fresh_valkey.kill()
        check_answers(store, 4)
        assert store.shared_stats.is_open
        fresh_valkey.start()
        store._breaker._probe_at = 0.0  # as after 5 s
        store.get_or_compute(KEY, lambda: make_value())
        assert not store.shared_stats.is_open
        assert store.shared_stats.open_seconds > 0
        with store_of(options) as second:
            second.get_or_compute(KEY, never)


@pytest.mark.parametrize("moment", ["computation", "read"])
def test_server_killed_midway(fresh_valkey: ValkeyServer, moment: str) -> None:
    proxy = SlowProxy(fresh_valkey.port)
    options = options_of(fresh_valkey.url(proxy.port))
    if moment == "read":
        write(options, make_value(400_000))
        proxy.cut_after = 600_000  # in the first chunk, also on a new connection
    with store_of(options) as store:
        compute = Computation(make_value(400_000), fresh_valkey.kill if moment == "computation" else lambda: None)
        assert (store.get_or_compute(KEY, compute) == compute.value).all()
        assert compute.calls == 1
        assert counts_of(store).errors > 0
    proxy.close()


@pytest.mark.parametrize("kind", ["CLIENT PAUSE", "SIGSTOP"])
def test_paused_server_costs_its_timeout(fresh_valkey: ValkeyServer, kind: str) -> None:
    write(options_of(fresh_valkey.url()), make_value())
    with store_of(options_of(fresh_valkey.url(), **IMPATIENT)) as store, fresh_valkey.client() as client:
        if kind == "SIGSTOP":
            fresh_valkey.pause()
        else:
            client.client_pause(60_000)
        first, *others = check_answers(store, 10)
        assert first < 0.3  # 20 ms and, on a busy machine, more
        assert sorted(others)[5] < 0.001
        assert counts_of(store).errors == 1  # only the first request waited
        assert store.shared_stats.is_open
    fresh_valkey.resume()


def test_slow_server_is_given_up(fresh_valkey: ValkeyServer) -> None:
    proxy = SlowProxy(fresh_valkey.port)
    with store_of(options_of(fresh_valkey.url(proxy.port), **IMPATIENT)) as store:
        proxy.delay = 0.1
        seconds = check_answers(store, 10)
        assert sum(seconds) < 1.5
        assert store.shared_stats.is_open
    proxy.close()


def test_black_holed_host_costs_its_timeout() -> None:
    """A listener whose queue is full does not answer connection requests."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex((HOST, port))
        began = time.perf_counter()
        with store_of(options_of(f"redis://{HOST}:{port}/0", **IMPATIENT)) as store:
            seconds = check_answers(store, 10)
            assert time.perf_counter() - began < 3 * 0.2 + 0.5
            assert sorted(seconds)[5] < 0.001
            assert store.shared_stats.is_open
        for connection in waiting:
            connection.close()


@on_each_server
@pytest.mark.parametrize("policy", ["allkeys-lru", "noeviction"])
def test_full_server(find: Callable, policy: str) -> None:
    with ValkeyServer(find(), "--maxmemory", "6mb", "--maxmemory-policy", policy) as server:
        options = options_of(server.url())
        for _ in range(2):
            with store_of(options) as store:
                for number in range(12):
                    compute = Computation(make_value(140_000, number))
                    assert (store.get_or_compute(NumberKey(number), compute) == compute.value).all()
                counts = counts_of(store)
                assert (counts.errors > 0) == (policy == "noeviction")
                assert counts.misses > 0
                assert not store.shared_stats.is_open


@on_each_server
def test_read_only_replica_serves_reads(find: Callable) -> None:
    with ValkeyServer(find()) as primary:
        check_replica(primary, find)


def check_replica(primary: ValkeyServer, find: Callable) -> None:
    options = options_of(primary.url())
    write(options, make_value())
    with primary.client() as client:
        client.config_set("repl-diskless-sync-delay", 0)
    with ValkeyServer(find(), "--replicaof", HOST, str(primary.port)) as replica:
        with replica.client() as client:
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        with store_of(options_of(replica.url())) as store:
            store.get_or_compute(KEY, never)
            check_answers(store, 1)
            assert counts_of(store).errors == 1
            assert not store.shared_stats.is_open


@on_each_server
def test_wrong_password_is_logged_without_it(find: Callable, caplog: pytest.LogCaptureFixture) -> None:
    with ValkeyServer(find(), "--requirepass", "right-password") as server:
        right = f"redis://:right-password@{HOST}:{server.port}/0"
        write(options_of(right), make_value())
        with store_of(options_of(right)) as store:
            store.get_or_compute(KEY, never)
        with store_of(options_of(right.replace("right", "wrong"))) as store:
            check_answers(store, 4)
            assert store.shared_stats.is_open
            assert "password" not in repr(store.options)
    assert len(caplog.records) == 1
    assert "wrong-password" not in caplog.text
    assert SECRET.decode() not in caplog.text


def test_user_with_the_documented_permissions(fresh_valkey: ValkeyServer) -> None:
    rules = "reset on >pw ~scoring:* +getrange +pttl +set +pexpire +expire +incrby +eval +get +del +info +ping"
    with fresh_valkey.client() as client:
        client.execute_command("ACL", "SETUSER", "engine", *rules.split())
    options = options_of(f"redis://engine:pw@{HOST}:{fresh_valkey.port}/0")
    write(options, make_value(300_000))
    with store_of(options) as store:
        store.get_or_compute(KEY, never)
        assert counts_of(store).errors == 0


@on_each_server
def test_server_with_resp_2_only(find: Callable) -> None:
    with ValkeyServer(find(), "--rename-command", "HELLO", "") as server:
        options = options_of(server.url())
        write(options, make_value())
        with store_of(options) as store:
            store.get_or_compute(KEY, never)


@on_each_server
def test_cluster_mode_is_refused(find: Callable) -> None:
    with (
        ValkeyServer(find(), "--cluster-enabled", "yes") as server,
        raises_at(ConfigurationError, "shared_cache", "url"),
    ):
        open_store(options_of(server.url()))


def test_cluster_mode_found_later_is_not_used(fresh_valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    fresh_valkey.kill()
    with store_of(options_of(fresh_valkey.url())) as store:
        fresh_valkey._arguments = ("--cluster-enabled", "yes")
        fresh_valkey.start()
        check_answers(store, 2)
    assert "cluster mode" in caplog.text


def test_log_has_one_sentence_for_an_outage(fresh_valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    fresh_valkey.kill()
    with store_of(options_of(fresh_valkey.url())) as store, caplog.at_level(logging.INFO, "scoring.shared_cache"):
        check_answers(store, 20)
    [record] = caplog.records
    assert f"redis://{HOST}:{fresh_valkey.port}/0" in record.getMessage()


def test_no_secret_in_logs_keys_and_messages(fresh_valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    """After a computation, a read, refused values, a wrong type, a wrong password, and a server that was killed."""
    with fresh_valkey.client() as client:
        client.execute_command(
            "ACL", "SETUSER", "engine", "reset", "on", ">pass-word", "~scoring:*", "+@all", "-@admin"
        )
    options = options_of(f"redis://engine:pass-word@{HOST}:{fresh_valkey.port}/0", secrets=(SECRET, OTHER_SECRET))
    texts = []
    with caplog.at_level(logging.DEBUG), store_of(options) as store:
        name = write(options, make_value())
        store.get_or_compute(KEY, never)
        with fresh_valkey.client() as client:
            client.setrange(name, 50, b"?")
            client.rpush(store.name_key(NumberKey(2)), "x")
            texts += [b"".join([key, client.get(key) or b""]).decode("latin-1") for key in client.keys(f"{name}*")]
        store.clear()
        for number in (1, 2):
            store.get_or_compute(NumberKey(number), lambda: make_value())
        with store_of(replace(options, url=options.url.replace("pass-word", "wrong-word"))) as other:
            check_answers(other, 3)
            texts += [repr(other.options), str(other.shared_stats)]
        fresh_valkey.kill()
        check_answers(store, 3)
        counts = counts_of(store)
        assert counts.refused > 0
        assert counts.errors > 0
    with pytest.raises(ConfigurationError) as raised:
        options_of(options.url.replace("redis:", "http:"), secrets=(SECRET, SECRET))
    assert caplog.records
    texts += [caplog.text, str(raised.value), repr(raised.value), repr(options), str(store.shared_stats)]
    for secret in (SECRET.decode(), OTHER_SECRET.decode(), "pass-word", "wrong-word"):
        assert not any(secret in text for text in texts)


def signal_and_wait(started: threading.Event, end: threading.Event, seconds: float) -> None:
    started.set()
    end.wait(seconds)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
