"""Search of users and jobs by text: ids, titles, companies, places and occupations.

search = TextSearch(data)
search.find("job", "osaka childcare").document()
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from scoring.dataset import Dataset
from scoring.dataset.reference_names import ReferenceNames
from scoring.dataset.row_lookup import RowLookup
from scoring.errors import ConfigurationError, make_printable

__all__ = ["Found", "TextSearch"]

Kind = Literal["user", "job"]

_MAX_LENGTH: Final = 200
_MAX_ROWS: Final = 20_000
"""Number of rows with one of the words that are compared with all words: 40 ms."""


@dataclass(frozen=True)
class Found:
    """The rows that contain every word of a text."""

    kind: Kind
    text: str
    entries: tuple[tuple[str, str, str], ...]
    """(id, title, detail) of each row: an equal id first, then rows with the whole text, then rows with all words."""
    has_more: bool
    """Whether further rows may contain the text."""

    def document(self) -> dict[str, Any]:
        """Return the rows for the page."""
        return {
            "what": self.kind,
            "text": self.text,
            "entries": [{"id": row, "title": title, "detail": detail} for row, title, detail in self.entries],
            "more": self.has_more,
        }


@dataclass(frozen=True)
class _Index:
    """The folded texts of all rows in one string, a line per row."""

    text: str
    starts: list[int]  # place of each row in the text, ascending

    @classmethod
    def of(cls, rows: pd.Series) -> _Index:
        text = _fold("\n".join(rows.str.replace("\n", " ").tolist()))
        lengths = np.fromiter(map(len, text.split("\n")), dtype=np.int64)
        return cls(text + "\n", np.concatenate([[0], np.cumsum(lengths[:-1] + 1)]).tolist() if len(lengths) else [])

    def find_rows(self, word: str) -> Iterator[tuple[int, str]]:
        """Yield each row that contains a word, with its text."""
        at = self.text.find(word)
        while at >= 0:
            row = bisect_right(self.starts, at) - 1
            end = self.text.index("\n", at)
            yield row, self.text[self.starts[row] : end]
            at = self.text.find(word, end)


class TextSearch:
    """Finds rows by text. Case, width and the form of characters are ignored.

    The index of a table is built at its first search (0.6 s for 100,000 jobs), or by `prepare`.
    """

    def __init__(self, data: Dataset) -> None:
        self._data = data

    def prepare(self) -> None:
        """Build the indexes of users and jobs."""
        for kind in ("user", "job"):
            self._get_index(kind)

    def find(self, kind: Kind, text: str, limit: int = 20) -> Found:
        """Return at most `limit` rows that contain every word of the text.

        Raises
        ------
        ConfigurationError: If the text is blank or too long, or the kind does not exist.
        """
        if kind not in ("user", "job"):
            raise ConfigurationError(f"what is {make_printable(str(kind))}. Use user or job.", key=("what",))
        text = text.strip()
        if not text or len(text) > _MAX_LENGTH:
            raise ConfigurationError(
                f"The text to find has {len(text):,} characters. Use 1 to {_MAX_LENGTH}.", key=("text",)
            )
        rows = list(dict.fromkeys(self._find_equal_id(kind, text)))
        folded = _fold(text)
        index, has_more = self._get_index(kind), False
        for found in (index.find_rows(folded), self._find_all_words(index, folded.split())):
            for tried, (row, content) in enumerate(found):
                if len(rows) > limit or tried == _MAX_ROWS:
                    has_more = True
                    break
                if row not in rows and all(word in content for word in folded.split()):
                    rows.append(row)
            if len(rows) > limit:
                break
        return Found(
            kind,
            text,
            tuple(self._describe(kind, row) for row in rows[:limit]),
            has_more or len(rows) > limit,
        )

    @staticmethod
    def _find_all_words(index: _Index, words: list[str]) -> Iterator[tuple[int, str]]:
        """Yield the rows with the rarest of several words."""
        if len(words) < 2:
            return iter(())
        return index.find_rows(min(words, key=index.text.count))

    def _find_equal_id(self, kind: Kind, text: str) -> Iterator[int]:
        """Yield the row that has the text as external id or as number."""
        lookup = self._lookup(kind)
        try:
            rows, is_known = lookup.resolve([text])
        except ConfigurationError:  # several rows have this external id: the text search lists them
            return
        if is_known[0]:
            yield int(rows[0])
        if text.isascii() and text.isdecimal() and len(text) < 19:
            by_number, is_number = lookup.resolve([int(text)])
            if is_number[0]:
                yield int(by_number[0])

    def _lookup(self, kind: Kind) -> RowLookup:
        return self._data.user_lookup if kind == "user" else self._data.job_lookup

    def _get_index(self, kind: str) -> _Index:
        return self._users if kind == "user" else self._jobs

    @cached_property
    def _names(self) -> ReferenceNames:
        return ReferenceNames(self._data.tables)

    @cached_property
    def _jobs(self) -> _Index:
        jobs = self._data.tables.jobs
        texts = [_to_text(jobs[column]) for column in ("external_id", "title", "company_name")]
        return _Index.of(_join([_to_text(jobs["job_id"]), *texts, self._name_prefectures(jobs)]))

    @cached_property
    def _users(self) -> _Index:
        users = self._data.tables.users
        wishes = [
            " ".join(map(self._names.name_occupation, codes)) for codes in users["preferred_occupations"].tolist()
        ]
        columns = [_to_text(users["user_id"]), _to_text(users["external_id"]), self._name_prefectures(users)]
        return _Index.of(_join([*columns, pd.Series(wishes, index=users.index, dtype="str")]))

    def _name_prefectures(self, frame: pd.DataFrame) -> pd.Series:
        codes = frame["prefecture_code"]
        names = {code: self._names.name_prefecture(code) for code in codes.dropna().unique()}
        return _to_text(codes.map(names))

    def _describe(self, kind: Kind, row: int) -> tuple[str, str, str]:
        data = self._data
        if kind == "job":
            job = data.tables.jobs.iloc[row]
            details = [job["company_name"], self._names.name_prefecture(job["prefecture_code"])]
            is_open = bool(data.open_jobs[row])
            name = data.external_ids.name_job(int(job["job_id"]))
            title = job["title"] if isinstance(job["title"], str) else f"Job {name}"
            return name, make_printable(title), _join_details([*details, "" if is_open else "not open"])
        user = data.tables.users.iloc[row]
        name = data.external_ids.name_user(int(user["user_id"]))
        wishes = ", ".join(map(self._names.name_occupation, user["preferred_occupations"][:3]))
        return name, f"User {name}", _join_details([self._names.name_prefecture(user["prefecture_code"]), wishes])


def _fold(text: str) -> str:
    """Return a text in the form in which texts are compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def _to_text(column: pd.Series) -> pd.Series:
    return column.astype("str").fillna("")


def _join(columns: list[pd.Series]) -> pd.Series:
    return reduce(lambda first, second: first + " " + second, columns)


def _join_details(details: list[Any]) -> str:
    return " · ".join(make_printable(text) for text in details if isinstance(text, str) and text)
