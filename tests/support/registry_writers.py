"""Functions that tests run in several processes. A separate module keeps the imports of a process small."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import BaseModel

from scoring.tuning.registry.entry_journal import EntryJournal
from scoring.tuning.registry.store import ProfileStore

WRITERS = 3
LINES = 200


class Entry(BaseModel):
    number: int
    text: str = ""


def wait_for_all(place: Path, writer: int) -> None:
    """Wait until all writers are ready, so that they write concurrently."""
    (place / f"ready-{writer}").touch()
    until = time.monotonic() + 60
    while len(list(place.glob("ready-*"))) < WRITERS:
        assert time.monotonic() < until, "a writer never came"
        time.sleep(0.001)


def text_of(writer: int, version: int) -> str:
    return f"writer {writer} version {version}\n" * LINES


def save_some(root: Path, writer: int) -> list[int]:
    """Save 16 versions and return their numbers."""
    wait_for_all(root.parent, writer)
    return [ProfileStore(root).add("night", lambda version: text_of(writer, version)) for _ in range(16)]


def append(journal: EntryJournal[Entry], text: str = "") -> int:
    """Append an entry and return its number, which follows the last one."""
    return journal.append(lambda before: Entry(number=len(before) + 1, text=text)).number


def append_some(root: Path, writer: int) -> list[int]:
    wait_for_all(root.parent, writer)
    return [append(EntryJournal(root, "journal.jsonl", Entry), "x" * 5000) for _ in range(30)]
