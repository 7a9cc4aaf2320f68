"""A journal is append-only; entries are complete."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from scoring.errors import ModelError, OutputError
from scoring.registry.mergeable_journal import EntryJournal
from tests.support.errors import raises_with
from tests.support.registry_writers import WRITERS, Entry, append_some
from tests.support.registry_writers import append as add


@pytest.fixture
def journal(tmp_path: Path) -> EntryJournal[Entry]:
    return EntryJournal(tmp_path / "folder", "journal.jsonl", Entry)


def numbers(journal: EntryJournal[Entry]) -> list[int]:
    return [entry.number for entry in journal.read()]


def test_append_returns_and_stores_entries(journal: EntryJournal[Entry]) -> None:
    assert journal.read() == []
    assert not journal.path.exists()
    assert [add(journal, "行\n") for _ in range(3)] == [1, 2, 3]
    assert journal.path.read_text("utf-8").count("\n") == 3
    assert [entry.text for entry in journal.read()] == ["行\n"] * 3


def test_partial_line_of_killed_writer_is_removed(journal: EntryJournal[Entry]) -> None:
    add(journal)
    with journal.path.open("a") as file:
        file.write('{"number": 2, "te')
    assert numbers(journal) == [1]
    assert add(journal) == 2
    assert numbers(journal) == [1, 2]
    assert journal.path.read_text().count("\n") == 2


def test_last_line_without_newline_is_kept(journal: EntryJournal[Entry]) -> None:
    add(journal)
    with journal.path.open("a") as file:
        file.write('{"number": 2}')
    assert numbers(journal) == [1, 2]
    assert add(journal) == 3
    assert numbers(journal) == [1, 2, 3]


def test_invalid_line_raises_with_its_number(journal: EntryJournal[Entry]) -> None:
    journal.path.parent.mkdir()
    journal.path.write_text('{"number": 1}\n<<<<<<< ours\n{"number": 2}\n')
    for work in (journal.read, lambda: add(journal)):
        with pytest.raises(ModelError) as raised:
            work()
        assert (raised.value.path, raised.value.line) == (str(journal.path), 2)
        assert "journal.jsonl, line 2: " in str(raised.value)


@pytest.mark.parametrize("name", ["write", "fsync", "ftruncate"])
def test_failed_write_leaves_journal_unchanged(
    journal: EntryJournal[Entry], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    add(journal)
    if name == "ftruncate":
        with journal.path.open("a") as file:
            file.write('{"numb')
    real = getattr(os, name)

    def fail(handle: int, *more: object) -> object:
        if name == "fsync" and os.path.isdir(f"/proc/self/fd/{handle}"):
            return real(handle, *more)
        if name == "write":
            real(handle, b'{"numb')  # a partial write
        raise OSError(28, "No space left on device")

    before = journal.path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with raises_with(OutputError, errno=errno.ENOSPC):
            add(journal)
    assert journal.path.read_bytes() == before
    assert add(journal) == 2
    assert numbers(journal) == [1, 2]


def test_symbolic_link_is_not_followed(journal: EntryJournal[Entry], tmp_path: Path) -> None:
    journal.path.parent.mkdir()
    journal.path.symlink_to(tmp_path / "outside")
    for work in (journal.read, lambda: add(journal)):
        with raises_with(OutputError, errno=errno.ELOOP):
            work()
    assert not (tmp_path / "outside").exists()


def test_concurrent_processes_append_all_entries(journal: EntryJournal[Entry], pool: ProcessPoolExecutor) -> None:
    given = list(pool.map(append_some, [journal.path.parent] * WRITERS, range(WRITERS)))
    assert [len(numbers_of_writer) for numbers_of_writer in given] == [30] * WRITERS
    assert sorted(number for numbers_of_writer in given for number in numbers_of_writer) == list(range(1, 91))
    assert numbers(journal) == list(range(1, 91))
