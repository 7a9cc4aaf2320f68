"""Users and jobs by number or external id.

A number finds the row with this id. A text is compared in its normal form: a plain number finds the row with this id,
unless that row has another text as its external id; any other text finds the row with this external id. So `00012345`
and `12345` are two ids, and `"1"` does not find a row whose external id is `A-1`, but `1` does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools, Longs
from scoring.columns.id_arguments import IdList, has_text, is_text, list_ids, parse_plain_number
from scoring.columns.text_id_hash import is_reserved
from scoring.columns.text_normalisation import normalise_value
from scoring.columns.types import ID, INTEGER
from scoring.errors import ConfigurationError, UnknownIdError, make_printable, pluralize
from scoring.id_index import IdIndex

__all__ = ["NO_EXTERNAL_IDS", "ExternalIds", "IdList", "RowLookup", "parse_ids"]

AMBIGUOUS: Final = -2
N_NEIGHBOURS: Final = 50
"""External ids, before and after an unknown one in sorted order, that are compared with it."""


class RowLookup:
    """The rows of a table of users or jobs, found by number or external id. The index is built at first use.

    Parameters
    ----------
    kind: `user` or `job`, for messages.
    ids: (n,) the id of each row.
    external_id: (n,) the external id of each row; missing where the number is the id. None: all are missing.
    """

    def __init__(self, kind: str, ids: Longs, external_id: pd.Series | None) -> None:
        self.kind, self.ids, self._given_external_id = kind, ids, external_id

    @cached_property
    def has_external_ids(self) -> bool:
        """Whether a row has an external id."""
        return self._given_external_id is not None and bool(self._given_external_id.notna().any())

    @cached_property
    def _external_id(self) -> pd.Series:
        given = self._given_external_id
        return pd.Series(None, index=range(len(self.ids)), dtype="str") if given is None else given

    def find_rows(self, requested: Any) -> Longs:
        """Return the row of each id, (n,). A single id counts as a list of one.

        Raises
        ------
        UnknownIdError: If an id does not exist.
        ConfigurationError: If a value is not an id, or several rows have an external id.
        """
        values = list_ids(requested)
        rows, is_known = self.resolve(values)
        if not is_known.all():
            raise self.make_error(values[int(np.argmin(is_known))])
        return rows

    def find_ids(self, requested: Any) -> Longs:
        """Return the number of each id, (n,). Errors are those of `find_rows`."""
        return self.ids[self.find_rows(requested)]

    def find_id(self, value: Any) -> int:
        """Return the number of one id. Errors are those of `find_rows`."""
        return int(self.find_ids([value])[0])

    def to_numbers(self, requested: Any) -> Longs:
        """Return ids as numbers, (n,). Texts are looked up; numbers are returned whether they exist or not.

        Raises
        ------
        UnknownIdError: If a text is not an id of a row.
        ConfigurationError: As `find_rows`.
        """
        values = list_ids(requested)
        if not has_text(values):
            return parse_ids(values, self.kind)
        return np.array([self.find_id(value) if is_text(value) else value for value in values], dtype=np.int64)

    def resolve(self, requested: Any) -> tuple[Longs, Bools]:
        """Return the row of each id, -1 where it is unknown, and whether it is known; both (n,).

        Raises
        ------
        ConfigurationError: As `find_rows`.
        """
        values = list_ids(requested)
        if not has_text(values):
            return self._index.find(parse_ids(values, self.kind))
        column = pd.Series(list(values), dtype=object)
        texts = column.map(is_text).to_numpy(dtype=bool)
        rows = np.full(len(column), -1, dtype=np.int64)
        if not texts.all():
            rows[~texts] = self._index.find(parse_ids(column[~texts], self.kind))[0]
        named = column[texts].array  # objects: a text may contain unpaired surrogates
        codes, distinct = pd.factorize(np.array([str(value) for value in named], dtype=object))
        rows[texts] = self._find_distinct(distinct)[codes]
        return rows, rows >= 0

    def find_texts(self, ids: NDArray[np.integer]) -> pd.Series:
        """Return the external id of each number, (n,), as str; missing if it has none or is unknown."""
        rows, is_known = self._index.find(ids)
        texts = self._external_id.take(rows if is_known.all() else np.maximum(rows, 0)).reset_index(drop=True)
        return texts.astype("str").where(is_known)

    def name(self, number: int) -> str:
        """Return the external id of a number, or the number as text: the id that a reader knows."""
        return self.names([number])[0]

    def names(self, numbers: Iterable[int]) -> list[str]:
        """Return `name` of each number."""
        ids = np.fromiter(numbers, dtype=np.int64)
        if not self.has_external_ids:
            return [str(number) for number in ids.tolist()]
        rows = self._index.find(ids)[0].tolist()
        texts = [self._external_ids[row] if row >= 0 else None for row in rows]
        return [
            text if isinstance(text, str) else str(number) for text, number in zip(texts, ids.tolist(), strict=True)
        ]

    def words(self, numbers: Iterable[int]) -> list[str]:
        """Return names for files whose fields are separated by white space, each of them different.

        An external id that contains white space is replaced by the number. So are all, if two rows have one name.
        """
        ids = np.fromiter(numbers, dtype=np.int64)
        if not self._are_words_distinct:
            return [str(number) for number in ids.tolist()]
        return _make_words(self.names(ids), ids)

    @cached_property
    def _are_words_distinct(self) -> bool:
        return len(set(_make_words(self.names(self.ids), self.ids))) == len(self.ids)

    def make_error(self, value: Any) -> UnknownIdError:
        """Return the error of an id that does not exist."""
        return UnknownIdError(
            f"{self.kind} {make_printable(str(value), 100)} does not exist. {self._suggest(value)}",
            kind=self.kind,
            unknown_id=str(value) if is_text(value) else int(value),
        )

    @cached_property
    def _external_ids(self) -> list[object]:
        """(n,) external id of each row; a missing value is not a text."""
        return list(self._external_id.astype(object))

    @cached_property
    def _index(self) -> IdIndex:
        return IdIndex(self.ids)

    @cached_property
    def _rows_by_text(self) -> dict[str, int]:
        """External id as it is stored → its row; AMBIGUOUS if several rows contain it."""
        stored = [(text, row) for row, text in enumerate(self._external_ids) if isinstance(text, str)]
        rows = dict(stored)
        if len(rows) < len(stored):
            times = Counter(text for text, _ in stored)
            rows |= {text: AMBIGUOUS for text in rows if times[text] > 1}
        return rows

    @cached_property
    def _rows_by_form(self) -> dict[str | None, int]:
        """External id in normal form → its row; AMBIGUOUS if several rows contain it."""
        rows: dict[str | None, int] = {}
        for text, row in self._rows_by_text.items():
            form = normalise_value(text)
            rows[form] = AMBIGUOUS if form in rows else row
        return rows

    def _find_number(self, number: int) -> int:
        """Return the row of a number; -1 if it is unknown."""
        return int(self._index.find(np.array([number]))[0][0])

    def _find_distinct(self, texts: Iterable[str]) -> Longs:
        """Return the row of each text, (n,); -1 where it is unknown."""
        forms = [(text, normalise_value(text)) for text in texts]
        blank = next((text for text, form in forms if form is None), None)
        if blank is not None:
            raise ConfigurationError(f"{self.kind}_id {blank!r} is blank. Give an id.", key=(f"{self.kind}_id",))
        numbers = [None if form is None else parse_plain_number(form) for _, form in forms]
        rows = np.full(len(forms), -1, dtype=np.int64)
        is_number = np.array([number is not None for number in numbers], dtype=bool)
        rows[is_number] = self._index.find(np.array([number for number in numbers if number is not None], np.int64))[0]
        if self.has_external_ids:
            for place, ((text, form), number, row) in enumerate(zip(forms, numbers, rows.tolist(), strict=True)):
                if row < 0 or (not is_reserved(number) and self._has_other_text(row, form)):
                    rows[place] = self._find_external_id(text, form)
        return rows

    def _has_other_text(self, row: int, form: str | None) -> bool:
        """Return whether the external id of a row is another text."""
        external_id = self._external_ids[row]
        return isinstance(external_id, str) and normalise_value(external_id) != form

    def _find_external_id(self, text: str, form: str | None) -> int:
        """Return the row with an external id; -1 if there is none."""
        row = self._rows_by_text.get(text, self._rows_by_text.get(form or ""))
        if row is None:  # texts that are stored in normal form do not need the second index
            row = self._rows_by_form.get(form, -1)
        if row == AMBIGUOUS:
            raise ConfigurationError(
                f"Several {self.kind}s have the external_id {make_printable(text, 100)}. Use the {self.kind}_id of one "
                "of them.",
                key=(f"{self.kind}_id",),
            )
        return row

    def _suggest(self, value: Any) -> str:
        """Return the end of the message about an unknown id."""
        form = normalise_value(value)
        if not is_text(value) or form is None or not self.has_external_ids:
            return f"The data contain {pluralize(len(self.ids), self.kind)}."
        number = parse_plain_number(form)
        row = -1 if number is None else self._find_number(number)
        if row >= 0:
            external_id = make_printable(str(self._external_id.iloc[row]))
            return f"The number {form} belongs to the {self.kind} with the external_id {external_id}. Use this text."
        from difflib import get_close_matches

        known = sorted(self._rows_by_text)
        same = [text for text in known if text.casefold() == form.casefold()]
        place = bisect_left(known, form)
        near = known[max(0, place - N_NEIGHBOURS) : place + N_NEIGHBOURS]
        close = same or get_close_matches(form, near, n=1, cutoff=0.7)
        if close:
            return f"Did you mean {make_printable(close[0])}?"
        size = pluralize(len(self.ids), self.kind)
        return f"The data contain {size}. Use a {self.kind}_id or an external_id of the table {self.kind}s."


def _make_words(names: Iterable[str], ids: Longs) -> list[str]:
    return [
        str(number) if any(map(str.isspace, name)) or not name else name
        for name, number in zip(names, ids.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class ExternalIds:
    """The external ids of the users and jobs of a result; None for a side without any."""

    users: RowLookup | None = None
    jobs: RowLookup | None = None

    @classmethod
    def of(cls, users: RowLookup, jobs: RowLookup) -> Self:
        """Return the external ids that the rows have."""
        return cls(*(lookup if lookup.has_external_ids else None for lookup in (users, jobs)))

    def __bool__(self) -> bool:
        return self.users is not None or self.jobs is not None

    def add_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with `user_external_id` and `job_external_id`, if it has the ids and rows have texts."""
        columns = {
            f"{lookup.kind}_external_id": lookup.find_texts(frame[f"{lookup.kind}_id"].to_numpy()).set_axis(frame.index)
            for lookup in (self.users, self.jobs)
            if lookup is not None and f"{lookup.kind}_id" in frame
        }
        return frame.assign(**columns) if columns else frame

    def name_user(self, user_id: int) -> str:
        """Return the external id of a user as one printable line, or the number as text."""
        return str(user_id) if self.users is None else make_printable(self.users.name(user_id))

    def name_job(self, job_id: int) -> str:
        """Return the external id of a job as one printable line, or the number as text."""
        return str(job_id) if self.jobs is None else make_printable(self.jobs.name(job_id))

    def make_user_words(self, user_id: Longs) -> list[str]:
        """Return the ids of users (n,) as different texts without white space."""
        return [str(number) for number in user_id.tolist()] if self.users is None else self.users.words(user_id)

    def make_job_words(self, job_id: Longs) -> list[str]:
        """Return the ids of jobs (n,) as different texts without white space."""
        return [str(number) for number in job_id.tolist()] if self.jobs is None else self.jobs.words(job_id)


NO_EXTERNAL_IDS: Final = ExternalIds()


def parse_ids(requested: Any, kind: str) -> Longs:
    """Return numbers of ids as int64, (n,), without looking them up. A single id counts as a list of one.

    As in tables, floats and texts are accepted if their value is an integer; none is rounded.

    Raises
    ------
    ConfigurationError: If a value is not an integer. The message names the value.
    """
    values = list_ids(requested)
    if isinstance(values, np.ndarray) and values.dtype.kind == "i" and values.ndim == 1:
        return values.astype(np.int64)
    if ID.accepts_objects(values):  # without pandas: most requests have one id
        return np.array(values, dtype=np.int64)
    column = pd.Series(list(values), dtype=object)
    parsed = INTEGER.coerce(column)
    is_invalid = parsed.values.isna().to_numpy(dtype=bool)
    if is_invalid.any():
        raise ConfigurationError(
            f"{kind}_id {column[is_invalid].iloc[0]!r} is not a 64-bit integer. Use an integer.", key=(f"{kind}_id",)
        )
    return parsed.values.to_numpy(dtype=np.int64)
