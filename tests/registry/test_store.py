"""Files are never overwritten, never partially visible, and never outside their folder."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from scoring.errors import ConfigurationError, ModelError, OutputError
from scoring.registry.store import MAX_BYTES, ProfileStore
from tests.support.errors import raises_at, raises_with
from tests.support.forks import start_fork
from tests.support.proof_counts import record_count
from tests.support.registry_writers import LINES, WRITERS, die_before_name, save_beyond_limit, save_some, text_of


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


def text(version: int) -> str:
    return f"version {version}\n"


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_each_text_gets_the_next_version(store: ProfileStore) -> None:
    assert [store.add("night", text) for _ in range(3)] == [1, 2, 3]
    assert store.versions("night") == [1, 2, 3]
    assert store.text("night") == (3, "version 3\n")
    assert store.text("night", 2) == (2, "version 2\n")
    assert everything(store.root) == ["night", "night/0001.yaml", "night/0002.yaml", "night/0003.yaml"]


def test_missing_folder_is_empty(store: ProfileStore) -> None:
    assert store.names() == []
    assert store.versions("night") == []
    with raises_at(ModelError, "name"):
        store.text("night")
    store.add("night", text)
    with raises_at(ModelError, "name"):
        store.text("nigth")
    with raises_at(ModelError, "version"):
        store.text("night", 7)


def test_other_files_are_not_listed(store: ProfileStore) -> None:
    store.add("night", text)
    folder = store.root / "night"
    for name in (".0002.yaml.1.ab.writing", "0002.yaml~", "2.yaml", "00002.yaml", "0000.yaml", "x.yaml"):
        (folder / name).write_text("left")
    (store.root / ".hidden").mkdir()
    (store.root / "no name").mkdir()
    (store.root / "empty").mkdir()
    (store.root / "file").write_text("")
    assert store.names() == ["night"]
    assert store.versions("night") == [1]
    assert store.add("night", text) == 2
    assert (folder / "0002.yaml~").read_text() == "left"


def test_names_that_differ_only_in_case_raise(store: ProfileStore) -> None:
    store.add("night", text)
    for name in ("Night", "ｎｉｇｈｔ"):
        with raises_at(ConfigurationError, "name"):
            store.add(name, text)
    assert everything(store.root) == ["night", "night/0001.yaml"]


# Links, pipes and oversized or invalid files


def test_link_to_folder_is_not_a_profile(store: ProfileStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0001.yaml").write_text("secret")
    store.root.mkdir()
    (store.root / "night").symlink_to(outside)
    assert store.names() == []
    for work in (lambda: store.versions("night"), lambda: store.text("night"), lambda: store.add("night", text)):
        with raises_with(OutputError, errno=errno.ENOTDIR):
            work()
    assert everything(outside) == ["0001.yaml"]


def test_link_to_file_is_not_read(store: ProfileStore, tmp_path: Path) -> None:
    store.add("night", text)
    (tmp_path / "secret").write_text("secret")
    (store.root / "night/0002.yaml").symlink_to(tmp_path / "secret")
    with raises_with(OutputError, path=str(store.root / "night/0002.yaml"), errno=errno.ELOOP):
        store.text("night", 2)
    # a dangling link also uses a version number, and no file is written through it
    (store.root / "night/0003.yaml").symlink_to(tmp_path / "new")
    assert store.add("night", text) == 4
    assert not (tmp_path / "new").exists()


def test_named_pipe_does_not_block(store: ProfileStore) -> None:
    store.add("night", text)
    os.mkfifo(store.root / "night/0002.yaml")
    with raises_with(OutputError, path=str(store.root / "night/0002.yaml"), errno=None):
        store.text("night", 2)


def test_too_large_files_raise(store: ProfileStore) -> None:
    with raises_with(OutputError, errno=errno.EFBIG):
        store.add("night", lambda _: "x" * (MAX_BYTES + 1))
    assert everything(store.root) == []
    store.add("night", text)
    (store.root / "night/0002.yaml").write_text("x" * (MAX_BYTES + 1))
    with raises_with(OutputError, path=str(store.root / "night/0002.yaml"), errno=None):
        store.text("night", 2)
    (store.root / "night/0003.yaml").write_bytes(b"\xff")
    with raises_at(ModelError, path=str(store.root / "night/0003.yaml")):
        store.text("night", 3)


# Failed writes


def failing(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> None:
    """Make the `call`-th call of `os.<name>` fail."""
    real: Callable[..., object] = getattr(os, name)
    calls = iter(range(1, 1000))

    def fail(*arguments: object, **more: object) -> object:
        if next(calls) == call:
            raise OSError(28, "No space left on device")
        return real(*arguments, **more)

    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize(("name", "calls"), [("fsync", (1, 2, 3)), ("write", (1,)), ("link", (1,)), ("mkdir", (2,))])
def test_failed_write_leaves_nothing(
    store: ProfileStore, monkeypatch: pytest.MonkeyPatch, name: str, calls: tuple[int, ...]
) -> None:
    store.root.mkdir()  # so that the second `mkdir` call of `add` makes the profile folder
    for call in calls:
        with monkeypatch.context() as patch:
            failing(patch, name, call)
            with raises_with(OutputError, errno=errno.ENOSPC):
                store.add("night", text)
        assert store.names() == []
        assert [path for path in store.root.rglob("*") if path.is_file()] == []
        record_count("write errors", "{} errors", 1)
    assert store.add("night", text) == 1


def test_failed_write_keeps_earlier_versions(store: ProfileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add("night", text)
    for call in (1, 2):
        with monkeypatch.context() as patch:
            failing(patch, "fsync", call)
            with pytest.raises(OutputError):
                store.add("night", text)
        assert everything(store.root) == ["night", "night/0001.yaml"]


def test_full_disk_raises_output_error(tmp_path: Path) -> None:
    """A file size limit (RLIMIT_FSIZE) of a process simulates the full disk."""
    process, pipe = start_fork(save_beyond_limit, tmp_path / "profiles")
    message, versions = pipe.recv(), pipe.recv()
    process.join(60)
    assert process.exitcode == 0
    assert "0002.yaml" in message or "night cannot be written: File too large" in message
    assert versions == [1]
    assert everything(tmp_path / "profiles") == ["night", "night/0001.yaml"]


def test_killed_writer_leaves_no_visible_version(store: ProfileStore) -> None:
    """The writer is killed after the file is complete and before it has its final name."""
    process, _ = start_fork(die_before_name, store.root)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    (left,) = (store.root / "night").iterdir()
    assert left.name.endswith(".writing")
    assert store.names() == []
    assert store.add("night", text) == 1


# Concurrent writers


def test_concurrent_processes_save_all_versions(store: ProfileStore, pool: ProcessPoolExecutor) -> None:
    waiting = [pool.submit(save_some, store.root, writer) for writer in range(WRITERS)]
    while not all(one.done() for one in waiting):
        for version in store.versions("night"):  # concurrent readers see only complete files
            assert store.text("night", version)[1].count(f" version {version}\n") == LINES
    numbers = [one.result() for one in waiting]
    every = list(range(1, 16 * WRITERS + 1))
    assert sorted(number for versions in numbers for number in versions) == every
    assert store.versions("night") == every
    for writer, versions in enumerate(numbers):
        for version in versions:
            assert store.text("night", version)[1] == text_of(writer, version)
    assert len(everything(store.root)) == 1 + len(every)
