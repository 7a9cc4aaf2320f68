"""A file that only grows: a line of JSON per entry, appended whole by one process at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from scoring.errors import ModelError
from scoring.tuning.registry.folders import one_sentence, read_bytes, root_folder, write_all

__all__ = ["Journal"]

E = TypeVar("E", bound=BaseModel)

_MOST_BYTES = 100_000_000
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Journal(Generic[E]):
    """Entries of one kind in `root / name`. What follows the last line end is of a writer that was killed, unless it
    is a whole entry: it is not read, and the next writer takes it away."""

    def __init__(self, root: Path, name: str, kind: type[E]) -> None:
        self._root, self._name, self._kind = root, name, kind
        self.path = root / name

    def read(self) -> list[E]:
        """Oldest first; none where there is no file. Raises ModelError, naming the line, and OutputError."""
        try:
            with root_folder(self._root) as inside, one_sentence(self.path, "read"):
                content = read_bytes(self._name, inside, _MOST_BYTES)
        except OSError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise
        return self._parsed(content)[0]

    def append(self, make: Callable[[list[E]], E]) -> E:
        """Adds what `make` makes of the entries so far, with no other writer in between. Raises as `read` does.

        On disk when this returns; when it raises, the file is as it was.
        """
        with self._locked() as handle:
            with one_sentence(self.path, "read"):
                content = os.pread(handle, _MOST_BYTES, 0)
            entries, length = self._parsed(content)
            entry = make(entries)
            line = entry.model_dump_json(exclude_none=True).encode() + b"\n"
            if content[:length] and not content[:length].endswith(b"\n"):
                line = b"\n" + line
            with one_sentence(self.path):
                self._add(handle, line, length)
            return entry

    @staticmethod
    def _add(handle: int, line: bytes, length: int) -> None:
        try:
            os.ftruncate(handle, length)
            write_all(handle, line)
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, length)
            raise

    @contextmanager
    def _locked(self) -> Iterator[int]:
        import fcntl  # no such thing on Windows, where reading works all the same

        with one_sentence(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        with root_folder(self._root, "written") as inside, one_sentence(self.path):
            handle = os.open(self._name, _FLAGS, 0o666, dir_fd=inside)
            os.fsync(inside)
        try:
            with one_sentence(self.path):
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)  # and with it the lock

    def _parsed(self, content: bytes) -> tuple[list[E], int]:
        """The entries, and the bytes that hold them."""
        lines = content.split(b"\n")
        entries: list[E] = []
        length = 0
        for number, line in enumerate(lines, 1):
            last = number == len(lines)
            if line.strip():
                try:
                    entries.append(self._kind.model_validate_json(line))
                except ValidationError as error:
                    if last:
                        break
                    problem = error.errors()[0]["msg"]
                    raise ModelError(
                        f"{self.path}, line {number}: this is no entry that can be read ({problem}); correct the line."
                    ) from error
            length += len(line) + (not last)
        return entries, length
