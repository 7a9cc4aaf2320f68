"""One holder at a time, until it releases the lock or its process ends."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scoring.errors import ScoringError
from scoring.storage.file_lock import FileLock, LockHeldError, is_named, lock, try_lock
from scoring.storage.regular_file_reader import open_folder
from tests.support.errors import raises_with

ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from scoring.storage.file_lock import FileLock

lock = FileLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@contextmanager
def lock_in_other_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            yield other
        finally:
            other.kill()
            other.wait()


def test_lock_has_one_holder(path: Path) -> None:
    first = FileLock(path).acquire()
    with pytest.raises(LockHeldError):
        FileLock(path).acquire()
    first.release()
    first.release()
    with FileLock(path).acquire(), pytest.raises(ScoringError):
        FileLock(path).acquire()
    FileLock(path).acquire().release()


def test_lock_ends_with_its_process(path: Path) -> None:
    with lock_in_other_process(path) as other:
        with pytest.raises(LockHeldError):
            FileLock(path).acquire(patience=0.05)
        other.kill()
        other.wait()
        FileLock(path).acquire().release()


@pytest.mark.parametrize("patience", [30.0, None])
def test_patience_waits_for_the_holder(path: Path, patience: float | None) -> None:
    with lock_in_other_process(path) as other:
        timer = threading.Timer(0.2, other.kill)
        begun = time.monotonic()
        timer.start()
        FileLock(path).acquire(patience).release()
        assert 0.1 < time.monotonic() - begun < 20
        timer.join()


def test_wait_ends_after_the_patience(path: Path) -> None:
    with FileLock(path).acquire():
        begun = time.monotonic()
        with pytest.raises(LockHeldError):
            FileLock(path).acquire(patience=0.15)
        assert 0.1 < time.monotonic() - begun < 10


@pytest.mark.parametrize("patience", [30.0, None])
def test_waiter_locks_the_new_file_after_a_removal(path: Path, patience: float | None) -> None:
    first, taken = FileLock(path).acquire(), []
    waiter = threading.Thread(target=lambda: taken.append(FileLock(path).acquire(patience)))
    waiter.start()
    time.sleep(0.1)
    first.release(remove=True)
    waiter.join(20)
    (second,) = taken
    assert path.exists()
    with pytest.raises(LockHeldError):
        FileLock(path).acquire()
    second.release(remove=True)
    assert not path.exists()


def test_content_of_the_file_is_kept(path: Path) -> None:
    path.write_text("a line\n")
    with FileLock(path).acquire():
        assert path.read_text() == "a line\n"


def test_link_is_rejected(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "victim")
    with raises_with(OSError, errno=errno.ELOOP) as raised:
        FileLock(path).acquire()
    assert raised.value.errno == errno.ELOOP
    assert not (tmp_path / "victim").exists()


def test_new_file_has_the_given_mode(path: Path) -> None:
    FileLock(path, mode=0o600).acquire().release()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_is_opened_in_an_open_folder(path: Path, tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        moved = tmp_path.with_name(f"{tmp_path.name}-moved")
        tmp_path.rename(moved)
        FileLock(path, folder=folder).acquire().release()
        assert (moved / "lock").exists()
        FileLock(path, folder=folder).acquire().release(remove=True)
        assert list(moved.iterdir()) == []


@pytest.mark.parametrize("content", ["", "a line\n"])
def test_interrupt_leaves_no_empty_file(path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    if content:
        path.write_text(content)
    compare, calls = os.path.samestat, iter(range(1, 10))

    def raise_once(*states: os.stat_result) -> bool:
        if next(calls) == 1:  # the lock is taken, and not returned yet
            raise KeyboardInterrupt
        return compare(*states)

    file_lock = FileLock(path)
    with monkeypatch.context() as patch:
        patch.setattr(os.path, "samestat", raise_once)
        with pytest.raises(KeyboardInterrupt):
            file_lock.acquire()
    assert path.exists() == bool(content)
    file_lock.acquire().release()


def test_readers_share_a_lock_and_exclude_a_writer(path: Path) -> None:
    path.touch()
    with open(path, "rb") as one, open(path, "rb") as two, open(path, "rb") as writer:
        lock(one.fileno(), shared=True)
        assert try_lock(two.fileno(), shared=True)
        assert not try_lock(writer.fileno())
        with pytest.raises(LockHeldError):
            lock(writer.fileno(), patience=0.0)
    with open(path, "rb") as writer, open(path, "rb") as reader:
        assert try_lock(writer.fileno())
        assert not try_lock(reader.fileno(), shared=True)


def test_removed_file_has_no_name(path: Path) -> None:
    path.touch()
    with open(path, "rb") as file:
        assert is_named(file.fileno(), path)
        path.unlink()
        assert not is_named(file.fileno(), path)
        path.touch()
        assert not is_named(file.fileno(), path)
