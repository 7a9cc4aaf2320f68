"""Journals of the registry: append-only files with one line of JSON per entry, which a team may edit and merge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from scoring.errors import ModelError
from scoring.registry.store import open_root
from scoring.storage.journal import DamagedLineError, Journal, LineFormat
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["EntryJournal"]

E = TypeVar("E", bound=BaseModel)


class EntryJournal(Generic[E]):
    """A journal of entries of one class, in `root / name`."""

    def __init__(self, root: Path, name: str, kind: type[E]) -> None:
        self._root, self._kind = root, kind
        self.path = root / name
        self._format = LineFormat(self._encode, self._decode)

    def read(self) -> list[E]:
        """Return the entries, oldest first. Without a file the list is empty.

        Raises
        ------
        ModelError: If a line is not an entry.
        OutputError: If the file cannot be read.
        """
        if not self._root.exists():
            return []
        with open_root(self._root) as folder, wrap_os_errors(self.path, "read"):
            try:
                return self._journal(folder).read()
            except DamagedLineError as error:
                raise _make_model_error(error) from error

    def append(self, make: Callable[[Sequence[E]], E]) -> E:
        """Append the entry that `make` returns for the earlier entries, and return it. See `extend`."""
        (entry,) = self.extend(lambda entries: [make(entries)])
        return entry

    def extend(self, make: Callable[[Sequence[E]], Sequence[E]]) -> Sequence[E]:
        """Append the entries that `make` returns for the earlier entries, and return them.

        The journal is locked, so no other process writes between reading and appending. The entries are on disk when
        this method returns. Raises the errors of `read`; then the file contains only entries that were complete.
        """
        with wrap_os_errors(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        with open_root(self._root, "written") as folder, wrap_os_errors(self.path):
            try:
                with self._journal(folder).acquire(patience=None) as journal:
                    added = make(tuple(journal.entries))
                    for entry in added:
                        journal.append(entry)
                    return added
            except DamagedLineError as error:
                raise _make_model_error(error) from error

    def _journal(self, folder: int) -> Journal[E]:
        return Journal(self.path, self._format, folder=folder)

    @staticmethod
    def _encode(entry: E) -> bytes:
        return entry.model_dump_json(exclude_none=True, by_alias=True).encode()

    def _decode(self, line: bytes) -> E:
        try:
            return self._kind.model_validate_json(line)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"]) from error


def _make_model_error(error: DamagedLineError) -> ModelError:
    return ModelError(str(error), path=str(error.path), line=error.line)
