"""The ids of the rows of users or jobs: the numbers of text ids, to which other tables refer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from scoring.columns.series_functions import Mask, to_arrow_texts
from scoring.columns.text_id_hash import mask_reserved, number_texts
from scoring.columns.text_normalisation import normalise_texts

__all__ = ["AMBIGUOUS", "INTERNAL", "RESERVED", "UNKNOWN", "OwnerIds", "Owners"]

RESERVED: Final = "is reserved for text ids (the integers above -2^53, up to -2^52)"
INTERNAL: Final = "is the number of a row with another external_id: use that text as the id"
AMBIGUOUS: Final = "is the external_id of several rows"
UNKNOWN: Final = "does not exist in "


class OwnerIds:
    """The numbers and external ids of the rows of users or jobs.

    Parameters
    ----------
    ids: (n,) Int64 or int64; missing for a row without an id.
    external_ids: (n,) str: the text of a row with a text id, or another id of the row. Any index.
    numbers_are_internal: whether rows with an external id are found by that text alone, as in a file import. A number
        of version 0.1 then does not match an integer of another source.
    """

    def __init__(self, ids: pd.Series, external_ids: pd.Series, *, numbers_are_internal: bool = False) -> None:
        self._ids = ids
        self._external_ids = external_ids
        self._numbers_are_internal = numbers_are_internal

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """The rows with an id and an external id: number, text (in normal form), distinct."""
        texts = normalise_texts(to_arrow_texts(self._external_ids.astype("str"))).to_pandas()
        frame = pd.DataFrame({"number": self._ids.array, "text": texts.array})
        return frame.dropna().astype({"number": "int64"}).drop_duplicates()

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """External id in normal form → number, without ambiguous ones."""
        rows = self._rows[~self._rows["text"].isin(self.ambiguous)]
        return dict(zip(rows["text"], rows["number"], strict=True))

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """The external ids of several rows."""
        return frozenset(self._rows.loc[self._rows["text"].duplicated(), "text"])

    def number(self, texts: pd.Series, other: OwnerIds) -> pd.Series:
        """Return (n,) Int64: the number of each text id, in normal form. Missing texts have a missing number.

        Stored rows decide first, then the rows of `other`. A new text gets the number of its hash.
        """
        known = {**other.numbers, **self.numbers}
        new = set(texts.dropna()) - known.keys()
        if new:
            used = {*known.values(), *other.reserved, *self.reserved}
            known |= number_texts(new, used)
        return texts.map(known).astype("Int64")

    def find(self, texts: pd.Series) -> pd.Series:
        """Return (n,) Int64: the number of the row with each text id, in normal form; missing if there is none."""
        return texts.map(self.numbers).astype("Int64")

    @cached_property
    def reserved(self) -> frozenset[int]:
        """The numbers in the range of text ids."""
        ids = self._ids.dropna().to_numpy(dtype=np.int64)
        return frozenset(ids[mask_reserved(ids)].tolist())

    def mask_internal(self, numbers: pd.Series, external_ids: pd.Series | None = None) -> Mask:
        """Return (n,) bool: whether a number is that of a row with another external id, which was not given.

        `external_ids`: (n,) the external ids that were given with the numbers.
        """
        if not self._numbers_are_internal:
            return np.zeros(len(numbers), dtype=bool)
        rows = self._rows[~mask_reserved(self._rows["number"].to_numpy())]
        rows = rows[rows["text"] != rows["number"].astype("str")].drop_duplicates("number")
        ids = numbers.fillna(0).to_numpy(dtype=np.int64)
        internal = np.isin(ids, rows["number"].to_numpy()) & numbers.notna().to_numpy()
        if external_ids is not None and internal.any():
            texts = normalise_texts(to_arrow_texts(external_ids.astype("str"))).to_pandas()
            stored = pd.Series(ids).map(rows.set_index("number")["text"])
            internal &= (texts.to_numpy() != stored.to_numpy()) | texts.isna().to_numpy()
        return np.asarray(internal, dtype=bool)


Owners = Mapping[str, OwnerIds]
"""Table (users, jobs) → its ids."""
