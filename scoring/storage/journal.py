"""Append-only files of JSON lines, each on disk when its `append` returns, that one process writes at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar

from scoring.errors import ScoringError
from scoring.storage.atomic_file import sync_folder, write_all
from scoring.storage.file_lock import FileLock
from scoring.storage.regular_file_reader import read_plain_file

__all__ = ["OBJECTS", "DamagedLineError", "Journal", "LineFormat"]

T = TypeVar("T")

_MAX_BYTES: Final = 100_000_000
_BLOCK: Final = 65_536


@dataclass(frozen=True)
class LineFormat(Generic[T]):
    """How entries are written as lines. `decode` raises `ValueError` for a line that is not an entry."""

    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]


def _encode_object(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def _decode_object(line: bytes) -> dict[str, Any]:
    entry = json.loads(line)
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    return entry


OBJECTS: Final[LineFormat[dict[str, Any]]] = LineFormat(_encode_object, _decode_object)
"""JSON objects of any keys."""


class DamagedLineError(ScoringError, ValueError):
    """A line of a journal that is not an entry."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}, line {line}: the line is not a valid entry ({problem}). Correct it.")
        self.path, self.line = path, line


class Journal(FileLock, Generic[T]):
    """A file of lines. Readers take no lock; writers call `acquire` first.

    What follows the last line end was left by a writer that was killed, unless it is a whole entry. Readers skip it,
    and the next `append` removes it.

    Parameters
    ----------
    path, folder, mode
        As of `FileLock`.
    line_format
        How entries are written.
    cut_damage
        What follows a damaged line: True drops it, as the journal of a run that can be computed again; False rejects
        the file, which the user has to correct.
    """

    def __init__(
        self,
        path: Path,
        line_format: LineFormat[T],
        *,
        folder: int | None = None,
        mode: int = 0o666,
        cut_damage: bool = False,
    ) -> None:
        super().__init__(path, folder=folder, mode=mode)
        self._format, self._cut_damage = line_format, cut_damage
        self._entries: list[T] | None = None
        self._length = 0  # bytes that hold the entries, once they were read

    def acquire(self, patience: float | None = 0.0) -> Self:
        """As of `FileLock`. The entries are read at the first access."""
        self._entries = None
        return super().acquire(patience)

    def read(self) -> list[T]:
        """Return the entries, oldest first, without taking the lock; none if the file does not exist.

        Raises
        ------
        DamagedLineError: If a line is not an entry, unless `cut_damage`.
        OSError: If the file cannot be read.
        """
        try:
            content = read_plain_file(self._name, _MAX_BYTES, folder=self._folder)
        except FileNotFoundError:
            return []
        return self._decoded(content)[0]

    @property
    def entries(self) -> list[T]:
        """The entries of a journal whose lock was acquired. Raises as `read` does."""
        if self._entries is None:
            size = os.fstat(self._handle).st_size
            if size > _MAX_BYTES:
                raise OSError(f"The file is larger than {_MAX_BYTES:,} bytes; larger ones are not read")
            self._entries, self._length = self._decoded(os.pread(self._handle, size, 0))
        return self._entries

    def append(self, *entries: T, sync: bool = True) -> None:
        """Add entries, which are on disk when this returns if `sync`.

        Raises
        ------
        OSError: If they cannot be written; then the file contains the earlier entries only.
        """
        size = os.fstat(self._handle).st_size
        length = self._end_of_lines(size) if self._entries is None else self._length
        lines = b"".join(self._format.encode(entry) + b"\n" for entry in entries)
        if length and os.pread(self._handle, 1, length - 1) != b"\n":
            lines = b"\n" + lines
        try:
            if size != length:
                os.ftruncate(self._handle, length)
            write_all(self._handle, lines)
            if sync:
                os.fsync(self._handle)
                if not length:
                    self._sync_name()
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, length)
            raise
        if self._entries is not None:
            self._entries += entries
            self._length = length + len(lines)

    def restart(self, first: T) -> None:
        """Remove all entries and write a first one. Raises `OSError`."""
        self._entries, self._length = [], 0
        self.append(first)

    def _sync_name(self) -> None:
        if self._folder is None:
            sync_folder(self.path.parent)
        else:
            os.fsync(self._folder)

    def _end_of_lines(self, size: int) -> int:
        """The bytes up to the last line end, found from the end of the file: entries need not be read for it."""
        while size:
            start = max(0, size - _BLOCK)
            found = os.pread(self._handle, size - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            size = start
        return 0

    def _decoded(self, content: bytes) -> tuple[list[T], int]:
        """The entries, and the bytes that hold them."""
        lines = content.split(b"\n")
        entries: list[T] = []
        length = 0
        for number, line in enumerate(lines, 1):
            unfinished = number == len(lines)  # no line end follows
            if line.strip():
                try:
                    entries.append(self._format.decode(line))
                except ValueError as error:
                    if unfinished or self._cut_damage:
                        break
                    raise DamagedLineError(self.path, number, str(error)) from error
            length += len(line) + (not unfinished)
        return entries, length
