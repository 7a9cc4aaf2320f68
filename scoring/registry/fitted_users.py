"""The users that a profile was fitted and selected on: a file beside the profile, which no report contains."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from scoring.array_types import Longs
from scoring.dataset.row_lookup import parse_ids
from scoring.errors import ModelError
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["FittedUsers"]


def _make_no_users() -> Longs:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class FittedUsers:
    """Ids of users, ascending: those whose actions the weights were fitted to, and those it was selected on.

    Example
    -------
    >>> users = FittedUsers(fitted=np.array([1, 2]), selected=np.array([3]))
    >>> users.fitted.tolist()
    [1, 2]
    """

    fitted: Longs = field(default_factory=_make_no_users)
    selected: Longs = field(default_factory=_make_no_users)

    @classmethod
    def of(cls, fitted: Iterable[int] = (), selected: Iterable[int] = ()) -> Self:
        """Return the ids, sorted and without duplicates.

        Raises
        ------
        ConfigurationError: If an id is not an integer.
        """
        return cls(*(np.unique(parse_ids(ids, "user")) for ids in (fitted, selected)))

    def __repr__(self) -> str:
        return f"FittedUsers({len(self.fitted):,} fitted, {len(self.selected):,} selected)"

    @property
    def user_id(self) -> Longs:
        """(n,) ids of all users, ascending."""
        return np.union1d(self.fitted, self.selected)

    def add(self, other: Self) -> Self:
        """Return the users of both."""
        return type(self)(np.union1d(self.fitted, other.fitted), np.union1d(self.selected, other.selected))

    def contains(self, other: FittedUsers) -> bool:
        """Return whether the other users are among these."""
        fitted, selected = np.isin(other.fitted, self.fitted), np.isin(other.selected, self.selected)
        return bool(fitted.all() and selected.all())

    def dump(self) -> str:
        """Return the text of the file."""
        return json.dumps({"fitted": self.fitted.tolist(), "selected": self.selected.tolist()}) + "\n"

    def store(self, journal: Path) -> None:
        """Add the users to the file beside the trials of a search.

        Raises
        ------
        OutputError: If the file cannot be written.
        ModelError: If the file exists and is invalid.
        """
        path = _place_beside(journal)
        text = self.add(self.of_search(journal)).dump()
        with wrap_os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text)

    @classmethod
    def of_search(cls, journal: Path) -> Self:
        """Return the users of a search from the file beside its trials; none if the file does not exist.

        Raises
        ------
        OutputError: If the file cannot be read.
        ModelError: If the file is invalid.
        """
        path = _place_beside(journal)
        if not path.exists():
            return cls()
        with wrap_os_errors(path, "read"):
            return cls.load(path.read_text("utf-8", errors="replace"), str(path))

    @classmethod
    def load(cls, text: str, source: str) -> Self:
        """Parse the text of a file.

        Raises
        ------
        ModelError: If the text is invalid. The message contains `source`.
        """
        try:
            content = json.loads(text)
            if not all(isinstance(content[name], list) for name in ("fitted", "selected")):
                raise TypeError("`fitted` and `selected` are not lists")
            return cls.of(content["fitted"], content["selected"])
        except (ValueError, TypeError, LookupError, RecursionError) as error:  # ConfigurationError is a ValueError
            raise ModelError(
                f"{source}: invalid JSON, or `fitted` and `selected` are not lists of ids. Restore the file, or delete "
                "it.",
                path=source,
            ) from error


def _place_beside(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.users.json")
