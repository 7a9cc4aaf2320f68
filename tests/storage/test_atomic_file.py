"""After any failure, readers see the old content or the new content, and no other file is left."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from scoring.storage.atomic_file import (
    Content,
    Step,
    create_file,
    move_link,
    remove_leftovers,
    replace_file,
    sync_folder,
    write_all,
)
from scoring.storage.regular_file_reader import open_folder
from tests.support.errors import raises_same, raises_with
from tests.support.proof_counts import record_count

ROOT = Path(__file__).parents[2]


def write_new(file: BinaryIO) -> None:
    file.write(b"new")


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=[None, b"old"], ids=["no file", "a file"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    if request.param is not None:
        path.write_bytes(request.param)
    return path


def read_state(file: Path) -> tuple[list[str], bytes | None]:
    return list_names(file.parent), file.read_bytes() if file.exists() else None


# replace_file


@pytest.mark.parametrize("content", [b"new", memoryview(b"new"), "new", write_new], ids=lambda one: type(one).__name__)
def test_content_may_be_bytes_text_or_a_function(file: Path, content: Content) -> None:
    replace_file(file, content)
    assert read_state(file) == (["file"], b"new")


def test_text_is_utf_8(file: Path) -> None:
    replace_file(file, "東京\n")
    assert file.read_bytes() == "東京\n".encode()


@pytest.mark.parametrize("step", ["written", "synced"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), ValueError()], ids=repr)
def test_failure_before_the_rename_changes_nothing(file: Path, step: Step, error: BaseException) -> None:
    def fail() -> None:
        raise error

    before = read_state(file)
    with pytest.raises(type(error)):
        replace_file(file, b"new", reached={step: fail})
    assert read_state(file) == before


def test_failure_after_the_rename_keeps_the_new_content(file: Path) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(file, b"new", reached={"renamed": fail})
    assert read_state(file) == (["file"], b"new")


def test_steps_are_reached_in_order(file: Path) -> None:
    reached_steps: list[tuple[str, bytes | None]] = []

    def note(step: Step) -> Callable[[], None]:
        return lambda: reached_steps.append((step, read_state(file)[1]))

    steps: tuple[Step, ...] = ("renamed", "synced", "written")
    old = read_state(file)[1]
    replace_file(file, b"new", reached={step: note(step) for step in steps})
    assert reached_steps == [("written", old), ("synced", old), ("renamed", b"new")]
    reached_steps.clear()
    replace_file(file, b"new", sync_file=False, reached={step: note(step) for step in steps})
    assert [step for step, _ in reached_steps] == ["written", "renamed"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("write", b"new"),  # a file object, which a function gets, writes without os.write
        *((name, content) for name in ("fsync", "replace", "open", "fchmod") for content in (b"new", write_new)),
    ],
)
def test_failed_system_call_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: Content
) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = read_state(file)
    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with raises_with(OSError, errno=errno.ENOSPC):
            replace_file(file, content, mode=0o600)
    assert read_state(file) == before
    record_count("write errors", "{} errors", 1)


def test_failed_content_function_changes_nothing(file: Path) -> None:
    def write_half_and_fail(new: BinaryIO) -> None:
        new.write(b"ne")
        raise error

    error = ValueError("a row that cannot be encoded")
    before = read_state(file)
    with raises_same(error):
        replace_file(file, write_half_and_fail)
    assert read_state(file) == before


def test_full_disk_changes_nothing(file: Path) -> None:
    """The limit on a file's size stands in for it, in a process of its own."""
    code = f"""
import resource
from pathlib import Path
from scoring.storage.atomic_file import replace_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for content in (b"x" * 1001, lambda file: file.write(b"x" * 1001)):
    try:
        replace_file(Path({str(file)!r}), content)
    except OSError as error:
        print(error.strerror)
"""
    before = read_state(file)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["File too large"] * 2, done.stderr
    assert read_state(file) == before
    record_count("write errors", "{} errors", 2)


def test_only_the_requested_parts_are_synced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    replace_file(file, b"1")
    assert synced == [False, True]  # the content, then the name
    synced.clear()
    replace_file(file, b"2", sync_name=False)
    assert synced == [False]
    synced.clear()
    replace_file(file, b"3", sync_file=False, sync_name=False)
    assert synced == []
    sync_folder(file.parent)
    assert synced == [True]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
@pytest.mark.parametrize("mode", [None, 0o600, 0o640])
def test_mode_ignores_the_umask_if_given(file: Path, umask: int, mode: int | None) -> None:
    before = os.umask(umask)
    try:
        replace_file(file, b"new", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == (0o666 & ~umask if mode is None else mode)


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_bytes(b"untouched")
    link.symlink_to(victim)
    replace_file(link, b"new")
    assert victim.read_bytes() == b"untouched"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"


# Writers that are killed

KILLED = """
import os, signal, sys
from pathlib import Path
from scoring.storage.atomic_file import replace_file

kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
replace_file(Path(sys.argv[1]), b"new", locked=True, reached={sys.argv[2]: kill})
"""


@pytest.mark.parametrize("step", ["written", "synced", "renamed"])
def test_killed_writer_leaves_old_or_new_content(file: Path, step: Step) -> None:
    before = read_state(file)[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(file), step], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert read_state(file)[1] == (b"new" if step == "renamed" else before)
    remove_leftovers(file.parent, "other*")
    remaining = [name for name in list_names(file.parent) if name != "file"]
    assert len(remaining) == (step != "renamed")
    assert all(name.startswith(".file.") and name.endswith(".writing") for name in remaining)
    remove_leftovers(file.parent, "file")
    assert [name for name in list_names(file.parent) if name != "file"] == []


def test_file_of_a_living_writer_is_not_removed(file: Path) -> None:
    replace_file(file, b"new", locked=True, reached={"written": lambda: remove_leftovers(file.parent)})
    assert read_state(file) == (["file"], b"new")


def test_link_among_leftovers_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"untouched")
    (tmp_path / ".file.1.0.writing").symlink_to(tmp_path / "victim")
    remove_leftovers(tmp_path)
    assert list_names(tmp_path) == [".file.1.0.writing", "victim"]


# create_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "created"
    path.mkdir()
    return path


def create(folder: Path, content: Content = b"new") -> bool:
    with open_folder(folder) as handle:
        return create_file("file", content, handle)


def test_file_is_created_once(folder: Path) -> None:
    assert create(folder)
    assert not create(folder, b"other")
    assert read_state(folder / "file") == (["file"], b"new")


def test_dead_link_prevents_creation(folder: Path) -> None:
    (folder / "file").symlink_to(folder / "nowhere")
    assert not create(folder)
    assert list_names(folder) == ["file"]


@pytest.mark.parametrize(("name", "call"), [("write", 1), ("fsync", 1), ("link", 1), ("fsync", 2)])
def test_failed_system_call_creates_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: int
) -> None:
    real: Callable[..., object] = getattr(os, name)
    calls = iter(range(1, 100))

    def fail(*arguments: object, **more: object) -> object:
        if next(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with raises_with(OSError, errno=errno.ENOSPC):
            create(folder)
    assert list_names(folder) == []
    assert create(folder)
    record_count("write errors", "{} errors", 1)


def test_missing_hard_links_are_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    def refuse(*names: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(os, "link", refuse)
    with raises_with(OSError, errno=None, __cause__=error):  # another error than that of the system
        create(folder)
    assert list_names(folder) == []


# Links and bytes


def test_move_link_keeps_a_folder_of_its_name(tmp_path: Path) -> None:
    link = tmp_path / "latest"
    for name in ("first", "second", "second"):
        move_link(link, name)
        assert os.readlink(link) == name
    (tmp_path / ".latest.third").symlink_to("of a process that was killed here")
    move_link(link, "third")
    assert os.readlink(link) == "third"
    link.unlink()
    link.mkdir()
    move_link(link, "fourth")
    assert list_names(tmp_path) == ["latest"]
    assert link.is_dir()


def test_partial_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: real(handle, content[:3]))
    replace_file(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    with open(tmp_path / "other", "wb") as other:
        write_all(other.fileno(), b"")
        write_all(other.fileno(), b"abcdefg")
    assert (tmp_path / "other").read_bytes() == b"abcdefg"
