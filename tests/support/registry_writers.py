"""Functions that tests run in several processes. A separate module keeps the imports of a process small."""

from __future__ import annotations

import os
import resource
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import BaseModel

from scoring.errors import OutputError
from scoring.registry.mergeable_journal import EntryJournal
from scoring.registry.store import ProfileStore

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


def save_beyond_limit(pipe: Connection, root: Path) -> None:
    """Save a file of the maximum size and a larger one. Send the message of the second, and the versions."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    store = ProfileStore(root)
    store.add("night", lambda version: "x" * 1000)
    try:
        store.add("night", lambda version: "x" * 1001)
    except OutputError as error:
        pipe.send(str(error))
    pipe.send(store.versions("night"))


def die_before_name(pipe: Connection, root: Path) -> None:
    """Kill this process when the file is complete and does not have its final name yet."""
    os.link = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    ProfileStore(root).add("night", str)
