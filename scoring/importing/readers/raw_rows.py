"""Raw rows of sources: what every reader returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns.text_normalisation import remove_invisible
from scoring.errors import DataError, make_printable
from scoring.importing.value_map import clear_words

__all__ = ["RawRows", "concatenate", "make_object_frame", "name_columns"]


@dataclass(frozen=True)
class RawRows:
    """Raw rows of sources.

    Attributes
    ----------
    frame: the readable rows, with a RangeIndex.
    rows: (n,) the line (text) or the row number from 1 (other sources) of each readable row.
    source: (n,) the file name of each readable row.
    unreadable: (file, line, reason, fields) of the other rows.
    is_1904: whether numbers of days in a workbook are counted from 1904.
    duplicates: name of a duplicate column → the names that replace it in `frame`, such as "title (2)".
    """

    frame: pd.DataFrame
    rows: np.ndarray
    source: np.ndarray
    unreadable: list[tuple[str, int, str, dict[str, str]]] = field(default_factory=list)
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_1904: bool = False

    @classmethod
    def of(cls, frame: pd.DataFrame, name: str, **attributes: Any) -> RawRows:
        """Return the rows of one source that is called `name`. Without `rows`, they are numbered from 1."""
        rows = attributes.pop("rows", np.arange(1, len(frame) + 1))
        return cls(frame, rows, np.full(len(frame), name, dtype=object), **attributes)

    @property
    def n_rows(self) -> int:
        """Number of readable and unreadable rows."""
        return len(self.frame) + len(self.unreadable)

    def clear(self, missing: Sequence[str]) -> RawRows:
        """Return the rows with missing values for the cells that equal a word of `missing` in normal form."""
        if not missing:
            return self
        return replace(self, frame=clear_words(self.frame, missing))

    def require_single(self, names: Sequence[str]) -> None:
        """Check that columns that an import uses occur once.

        Raises
        ------
        DataError: If a name is that of a duplicate column.
        """
        for name in names:
            if name in self.duplicates:
                place = str(self.source[0]) if len(self.source) else "the source"
                raise DataError(
                    f"{place}: duplicate column {make_printable(name)!r}. Rename or remove one.",
                    reason="duplicate column",
                    column=name,
                )


def concatenate(raws: Sequence[RawRows]) -> RawRows:
    """Return the concatenated rows of several sources. A column that a source lacks is missing in its rows."""
    if len(raws) == 1:
        return raws[0]
    return RawRows(
        pd.concat([raw.frame for raw in raws], ignore_index=True),
        np.concatenate([raw.rows for raw in raws]),
        np.concatenate([raw.source for raw in raws]),
        [row for raw in raws for row in raw.unreadable],
        {name: columns for raw in raws for name, columns in raw.duplicates.items()},
        any(raw.is_1904 for raw in raws),
    )


def name_columns(names: Sequence[str]) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Return unique column names, and the duplicate names with those that replace them.

    Names are without invisible characters, and stripped. A blank name becomes "column 3", by its place. A name that
    occurs twice becomes "title (1)" and "title (2)".

    Example
    -------
    >>> name_columns(["title", "", "title\\u200b"])
    (['title (1)', 'column 2', 'title (2)'], {'title': ('title (1)', 'title (2)')})
    """
    names = [remove_invisible(name) for name in names]
    counts = Counter(names)
    seen: Counter[str] = Counter()
    taken = {name for name, count in counts.items() if name and count == 1}
    unique: list[str] = []
    duplicates: dict[str, tuple[str, ...]] = {}
    for place, name in enumerate(names, 1):
        seen[name] += 1
        new = name
        if not name:
            new = f"column {place}"
        elif counts[name] > 1:
            new = f"{name} ({seen[name]})"
        while new != name and new in taken:
            new += " "
        taken.add(new)
        unique.append(new)
        if name and new != name:
            duplicates[name] = (*duplicates.get(name, ()), new)
    return unique, duplicates


def make_object_frame(names: Sequence[str], records: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return rows of Python values as a frame. A column gets a dtype that fits all of its values."""
    columns = list(zip(*records, strict=True)) or [()] * len(names)
    series = {
        name: pd.Series(list(values), dtype=object).infer_objects() for name, values in zip(names, columns, strict=True)
    }
    return pd.DataFrame(series, index=pd.RangeIndex(len(records)), copy=False)
