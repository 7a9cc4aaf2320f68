"""The bundles of a worker: private files, complete or absent, whose runs stop when their driver is silent."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from scoring.bundle.bundle_file import BundleFileError
from scoring.ranking import Prepared
from scoring.runs.executors import bundle_store
from scoring.runs.executors.bundle_store import BundleStore, StoppedRunError, WorkerError
from scoring.runs.shards import digest_lists

TOKEN = "0123456789abcdef"


@pytest.fixture
def bundle(prepared: Prepared, tmp_path: Path) -> tuple[str, bytes]:
    """Return the digest and the file of a bundle."""
    digest = prepared.plan.bundle.save(tmp_path / "bundle")
    return digest, (tmp_path / "bundle").read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    return BundleStore(tmp_path / "store", 1, 10**9)


def send(store: BundleStore, digest: str, content: bytes) -> None:
    half = len(content) // 2
    assert store.receive(TOKEN, digest, 0, content[:half]) == half
    store.receive(TOKEN, digest, half, content[half:])


def test_received_bundle_is_private_and_ranks_equally(
    store: BundleStore, bundle: tuple[str, bytes], prepared: Prepared
) -> None:
    digest, content = bundle
    send(store, digest, content)
    assert store.list_digests() == []
    store.accept(TOKEN, digest)
    assert store.list_digests() == [digest]
    assert stat.S_IMODE(store.path_of(digest).stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    store.begin(TOKEN, digest)
    rows = prepared.active_users
    assert digest_lists(store.rank(TOKEN, 5, rows)) == digest_lists(prepared.scorer.top_k(5, rows))
    store.end(TOKEN)
    assert [path.name for path in store.folder.iterdir()] == ["lock"]


@pytest.mark.parametrize("change", ["truncated", "changed", "other"])
def test_damaged_transfer_is_not_accepted(store: BundleStore, bundle: tuple[str, bytes], change: str) -> None:
    digest, content = bundle
    damaged = {
        "truncated": content[:-100],
        "changed": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        "other": content,
    }[change]
    name = "0" * 64 if change == "other" else digest
    send(store, name, damaged)
    with pytest.raises(BundleFileError):
        store.accept(TOKEN, name)
    assert [path.name for path in store.folder.iterdir()] == ["lock"]


def test_chunk_out_of_order_is_rejected(store: BundleStore, bundle: tuple[str, bytes]) -> None:
    digest, content = bundle
    store.receive(TOKEN, digest, 0, content[:100])
    with pytest.raises(WorkerError):
        store.receive(TOKEN, digest, 200, content[200:300])
    assert store.receive(TOKEN, digest, 0, content[:50]) == 50


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "g" * 64, "A" * 64, "0" * 64 + "/"])
def test_name_that_is_not_a_digest_is_rejected(store: BundleStore, name: str) -> None:
    with pytest.raises(WorkerError):
        store.receive(TOKEN, name, 0, b"")
    with pytest.raises(WorkerError):
        store.receive(name, "0" * 64, 0, b"")


def test_run_without_a_driver_stops(
    store: BundleStore, bundle: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, content = bundle
    send(store, digest, content)
    store.accept(TOKEN, digest)
    with pytest.raises(StoppedRunError):
        store.rank(TOKEN, 5, np.arange(3))
    store.begin(TOKEN, digest)
    now = time.monotonic()
    monkeypatch.setattr(bundle_store.time, "monotonic", lambda: now + 59)
    store.rank(TOKEN, 5, np.arange(3))
    store.renew(TOKEN)
    monkeypatch.setattr(bundle_store.time, "monotonic", lambda: now + 118)
    store.rank(TOKEN, 5, np.arange(3))
    monkeypatch.setattr(bundle_store.time, "monotonic", lambda: now + 120)
    with pytest.raises(StoppedRunError):
        store.rank(TOKEN, 5, np.arange(3))


def test_bundle_of_a_silent_driver_is_removed_after_a_day(store: BundleStore, bundle: tuple[str, bytes]) -> None:
    digest, content = bundle
    send(store, digest, content)
    store.accept(TOKEN, digest)
    store.sweep()
    assert store.list_digests() == [digest]
    os.utime(store.path_of(digest), (time.time() - 86_500,) * 2)
    store.sweep()
    assert store.list_digests() == []


def test_bundle_is_kept_while_another_run_uses_it(store: BundleStore, bundle: tuple[str, bytes]) -> None:
    digest, content = bundle
    send(store, digest, content)
    store.accept(TOKEN, digest)
    store.begin(TOKEN, digest)
    store.begin("f" * 16, digest)
    store.end(TOKEN)
    store.rank("f" * 16, 5, np.arange(3))
    store.end("f" * 16)
    assert store.list_digests() == []


def test_folder_of_several_users_or_workers_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(WorkerError):
        BundleStore(tmp_path / "open", 1, 1)
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    with pytest.raises(WorkerError):
        BundleStore(tmp_path / "link", 1, 1)
    BundleStore(tmp_path / "own", 1, 1)


def test_interrupted_transfer_is_removed_at_the_start(tmp_path: Path, bundle: tuple[str, bytes]) -> None:
    digest, content = bundle
    first = BundleStore(tmp_path / "store", 1, 10**9)
    first.receive(TOKEN, digest, 0, content[:100])
    first.close()
    again = BundleStore(tmp_path / "store", 1, 10**9)
    assert [path.name for path in again.folder.iterdir()] == ["lock"]
