"""A journal only grows, by whole lines, of one writer at a time."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from scoring.storage.file_lock import LockHeldError
from scoring.storage.journal import OBJECTS, DamagedLineError, Journal
from tests.support.errors import raises_with
from tests.support.proof_counts import record_count

ROOT = Path(__file__).parents[2]
Record = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def journal(path: Path, *, cut_damage: bool = False) -> Journal[Record]:
    return Journal(path, OBJECTS, cut_damage=cut_damage)


def append(path: Path, *records: Record) -> None:
    with journal(path).acquire() as writer:
        for record in records:
            writer.append(record)


def read_numbers(path: Path) -> list[int]:
    return [record["n"] for record in journal(path).read()]


def test_lines_are_compact_json(path: Path) -> None:
    assert journal(path).read() == []
    assert not path.exists()
    append(path, {"n": 1, "text": "行\n"}, {"n": 2})
    assert path.read_text("utf-8") == '{"n":1,"text":"行\\n"}\n{"n":2}\n'
    assert journal(path).read() == [{"n": 1, "text": "行\n"}, {"n": 2}]


def test_entries_include_appended_entries(path: Path) -> None:
    append(path, {"n": 1})
    writer = journal(path).acquire()
    assert writer.entries == [{"n": 1}]
    writer.append({"n": 2}, {"n": 3})
    assert writer.entries == [{"n": 1}, {"n": 2}, {"n": 3}] == journal(path).read()
    writer.release()
    append(path, {"n": 4})
    with writer.acquire():  # what another writer added meanwhile
        assert len(writer.entries) == 4


def test_one_writer_and_many_readers(path: Path) -> None:
    with journal(path).acquire() as writer:
        writer.append({"n": 1})
        with pytest.raises(LockHeldError):
            journal(path).acquire()
        assert read_numbers(path) == [1]


def test_restart_removes_earlier_lines(path: Path) -> None:
    append(path, {"n": 1}, {"n": 2})
    with journal(path).acquire() as writer:
        writer.restart({"n": 7})
        writer.append({"n": 8})
        assert writer.entries == [{"n": 7}, {"n": 8}]
    assert read_numbers(path) == [7, 8]


# What killed writers leave


@pytest.mark.parametrize("tail", ['{"n":3', "{", '{"n":3}', "\0\0\0", '{"n": "' + "x" * 200_000])
@pytest.mark.parametrize("read_first", [True, False])
def test_unfinished_line_is_skipped_and_removed_by_append(path: Path, tail: str, read_first: bool) -> None:
    append(path, {"n": 1}, {"n": 2})
    with path.open("a") as file:
        file.write(tail)
    expected = [1, 2, 3] if tail.endswith("}") else [1, 2]
    assert read_numbers(path) == expected
    with journal(path).acquire() as writer:
        if read_first:
            assert [record["n"] for record in writer.entries] == expected
        writer.append({"n": 9})
    # a whole entry without a line end is kept only by a writer that looked at it
    assert read_numbers(path) == [*(expected if read_first else [1, 2]), 9]
    assert path.read_bytes().endswith(b"\n")


def test_unfinished_first_line_is_removed(path: Path) -> None:
    path.write_text('{"n":')
    append(path, {"n": 1})
    assert path.read_text() == '{"n":1}\n'


KILLED = """
import os, signal, sys
from pathlib import Path
from scoring.storage.journal import OBJECTS, Journal

real = os.write
def write(handle, content):
    real(handle, content[: int(sys.argv[2])])
    os.kill(os.getpid(), signal.SIGKILL)

held = Journal(Path(sys.argv[1]), OBJECTS).acquire()
os.write = write
held.append({"n": 2})
"""


@pytest.mark.parametrize("written", [0, 1, 7, 8])
def test_killed_writer_leaves_complete_entries_and_no_lock(path: Path, written: int) -> None:
    append(path, {"n": 1})
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(written)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    expected = [1, 2] if written >= 7 else [1]  # its last bytes are the brace and the line end
    assert read_numbers(path) == expected
    with journal(path).acquire() as writer:
        assert [record["n"] for record in writer.entries] == expected
        writer.append({"n": 3})
    assert read_numbers(path) == [*expected, 3]


# Damage


@pytest.mark.parametrize("line", ["<<<<<<< ours", "[1]", "7", '{"n":1', "\0\0"])
def test_error_names_the_damaged_line(path: Path, line: str) -> None:
    path.write_text(f'{{"n":1}}\n{line}\n{{"n":2}}\n')
    before = path.read_bytes()
    with pytest.raises(DamagedLineError) as raised:
        journal(path).read()
    assert (raised.value.path, raised.value.line) == (path, 2)
    with journal(path).acquire() as writer, pytest.raises(DamagedLineError):
        writer.entries  # noqa: B018 - it raises
    assert path.read_bytes() == before


def test_damaged_line_and_later_lines_may_be_cut(path: Path) -> None:
    path.write_text('{"n":1}\n\n[1]\n{"n":2}\n')
    assert [record["n"] for record in journal(path, cut_damage=True).read()] == [1]
    with journal(path, cut_damage=True).acquire() as writer:
        assert writer.entries == [{"n": 1}]
        writer.append({"n": 3})
    assert path.read_text() == '{"n":1}\n\n{"n":3}\n'


# A disk that fails


@pytest.mark.parametrize(
    ("name", "tail"),
    [("write", ""), ("write", '{"n'), ("fsync", ""), ("fsync", '{"n'), ("ftruncate", '{"n')],  # what is cut
)
@pytest.mark.parametrize("read_first", [True, False])
def test_failed_append_keeps_the_earlier_entries(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, tail: str, read_first: bool
) -> None:
    append(path, {"n": 1})
    with path.open("a") as file:
        file.write(tail)
    real = os.write

    def fail(handle: int, *more: Any) -> None:
        if name == "write":
            real(handle, b'{"numb')  # a part of it gets there
        raise OSError(28, "No space left on device")

    with journal(path).acquire() as writer:
        if read_first:
            assert writer.entries == [{"n": 1}]
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with raises_with(OSError, errno=errno.ENOSPC):
                writer.append({"n": 2})
        assert writer.entries == [{"n": 1}]
        assert read_numbers(path) == [1]
        writer.append({"n": 3})
    assert path.read_text() == '{"n":1}\n{"n":3}\n'
    record_count("write errors", "{} errors", 1)


def test_each_append_is_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    with journal(path).acquire() as writer:
        writer.append({"n": 1})
        assert synced == [False, True]
        writer.append({"n": 2}, {"n": 3})
        assert synced == [False, True, False]
        writer.append({"n": 4}, sync=False)
        assert synced == [False, True, False]
    assert read_numbers(path) == [1, 2, 3, 4]


def test_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text('{"n":1}\n')
    path.symlink_to(victim)
    for work in (lambda: journal(path).read(), lambda: journal(path).acquire()):
        with raises_with(OSError, errno=errno.ELOOP):
            work()
    assert victim.read_text() == '{"n":1}\n'


# Several processes


def append_some(path: Path) -> list[int]:
    """Thirty entries, each numbered by those before it."""
    appended = []
    for _ in range(30):
        with journal(path).acquire(patience=None) as writer:
            appended.append(len(writer.entries) + 1)
            writer.append({"n": appended[-1], "text": "x" * 5_000})
    return appended


def test_processes_append_concurrently(path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        appended = list(pool.map(append_some, [path] * 2))
    assert sorted(number for some in appended for number in some) == list(range(1, 61))
    assert read_numbers(path) == list(range(1, 61))
    assert all(json.loads(line)["text"] == "x" * 5_000 for line in path.read_text().splitlines())
