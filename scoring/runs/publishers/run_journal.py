"""What a run has done so far: a hidden file of lines, each on disk when noted, that one process holds at a time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scoring.storage.files import has_name, locked

__all__ = ["PATIENCE_SECONDS", "Held", "Journal", "verdict_in"]

PATIENCE_SECONDS: Final = 1.0
"""For one who only looks whether somebody holds it, and holds it while he does."""


_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
"""A link that somebody put there does not lead to a file that is cut off instead."""


class Held(Exception):
    """Another writer has it."""


class Journal:
    """A file of lines of JSON, under a lock that ends with its process, killed or not.

    `lines` are what stood in it; half a line at its end, of one who was killed while writing, is none.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path, self._handle = path, handle
        self.lines, length = _whole_lines(path.read_bytes())
        os.ftruncate(handle, length)  # or the next line would go on from half of one

    @classmethod
    def hold(cls, path: Path, patience: float = 0.0) -> Journal:
        """Takes the file, made if it is not there. Raises Held after so many seconds, OSError."""
        until = time.monotonic() + patience
        while True:
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_FOLLOW, 0o666)
            try:
                # whoever held it before may have removed it meanwhile: then this is the lock of a file without a name
                if locked(handle):
                    if has_name(handle, path):
                        return cls(path, handle)
                elif time.monotonic() >= until:
                    raise Held
                else:
                    time.sleep(0.02)
            except BaseException as stop:
                # a Ctrl-C here leaves no file behind that nobody wrote to
                if not isinstance(stop, Held) and locked(handle) and not os.fstat(handle).st_size:
                    path.unlink(missing_ok=True)
                os.close(handle)
                raise
            os.close(handle)

    @staticmethod
    def peek(path: Path) -> list[dict[str, Any]]:
        """The lines of one that another process holds."""
        try:
            return _whole_lines(path.read_bytes())[0]
        except FileNotFoundError:
            return []

    def begin(self, first: Mapping[str, Any]) -> None:
        """Forgets what stood in it; its first line says whose journal it is."""
        self.lines = []
        os.ftruncate(self._handle, 0)
        self.note(first)

    def note(self, record: Mapping[str, Any]) -> None:
        """Adds a line, which is on disk when this returns."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self._handle, line) :]
        os.fsync(self._handle)
        self.lines.append(dict(record))

    def close(self, *, remove: bool) -> None:
        """Lets go of it; `remove`: nothing is left to go on with."""
        if self._handle < 0:
            return
        try:
            if remove:
                self.path.unlink(missing_ok=True)  # before the lock ends, or another's would be removed
        finally:
            os.close(self._handle)
            self._handle = -1


def verdict_in(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the gate said last of the run whose journal this is; None: it said nothing."""
    said = [line["gate"] for line in lines if "gate" in line]
    return said[-1] if said else None


def _whole_lines(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """The lines that are whole, up to the first that is not, and the bytes that they take."""
    lines: list[dict[str, Any]] = []
    length = 0
    for line in content.splitlines(keepends=True):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            break
        if not isinstance(record, dict):
            break
        lines.append(record)
        length += len(line)
    return lines, length
