"""The origin of rows that are read from a file of rejected rows: their first file, row and reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns.series_functions import Mask
from scoring.importing.readers import RawRows
from scoring.validation.rejection_file import REJECTION_COLUMNS
from scoring.validation.rejections import DUPLICATE

__all__ = ["RestoredRows", "join_fields", "restore_origin"]


@dataclass(frozen=True)
class RestoredRows:
    """Rows of a source, without the columns of a file of rejected rows.

    Attributes
    ----------
    raw: the rows. Rejected rows have the file and the row number of their first import.
    is_rejected: whether the source is a file of rejected rows.
    duplicates: (n,) the id with which a row was rejected as a duplicate; empty for other rows.
    """

    raw: RawRows
    is_rejected: bool
    duplicates: np.ndarray


def restore_origin(raw: RawRows) -> RestoredRows:
    """Return the rows with their first file and row number.

    A row that could not be read, such as one with too few fields, is unreadable again until a field of it changes: in
    the file of rejected rows, it looks complete.
    """
    if not any(name in REJECTION_COLUMNS for name in raw.frame.columns):
        return RestoredRows(raw, False, np.full(len(raw.frame), "", dtype=object))
    kept = [name for name in raw.frame.columns if name not in REJECTION_COLUMNS]
    given = {
        name: _to_texts(raw.frame[name]) if name in raw.frame else np.full(len(raw.frame), "", dtype=object)
        for name in REJECTION_COLUMNS
    }
    frame = raw.frame[kept]
    rows, source = _find_origin(given, raw.rows, raw.source)
    was_unreadable = (given["refused_column"] == "") & (given["refused_value"] != "")
    unreadable = [_restore_unreadable(*row) for row in raw.unreadable]
    readable = np.ones(len(frame), dtype=bool)
    for at in np.flatnonzero(was_unreadable).tolist():
        fields = dict(zip(kept, _to_texts(frame.iloc[at]).tolist(), strict=True))
        if join_fields(fields.values()) == given["refused_value"][at]:
            unreadable.append((source[at], int(rows[at]), given["refused_reason"][at], fields))
            readable[at] = False
    duplicates = np.where(_is_duplicate(given["refused_reason"]), given["refused_value"], "")
    restored = replace(
        raw,
        frame=frame[readable].reset_index(drop=True),
        rows=rows[readable],
        source=source[readable],
        unreadable=unreadable,
    )
    return RestoredRows(restored, True, duplicates[readable])


def join_fields(fields: Iterable[Any]) -> str:
    """Return the fields of an unreadable row as text, without missing fields at the end."""
    return ",".join("" if value is None or value != value else str(value) for value in fields).rstrip(",")


def _find_origin(given: dict[str, np.ndarray], rows: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    numbers = pd.to_numeric(pd.Series(given["refused_row"], dtype=object), errors="coerce").to_numpy(dtype=float)
    is_known = (given["refused_file"] != "") & (numbers >= 1)
    return (
        np.where(is_known, np.nan_to_num(numbers), rows).astype(np.int64),
        np.where(is_known, given["refused_file"], source),
    )


def _restore_unreadable(
    file: str, line: int, reason: str, fields: dict[str, str]
) -> tuple[str, int, str, dict[str, str]]:
    first, row = fields.get("refused_file"), fields.get("refused_row", "")
    if first and row.isdigit():
        file, line = first, int(row)
    return file, line, reason, {name: text for name, text in fields.items() if name not in REJECTION_COLUMNS}


def _is_duplicate(reasons: np.ndarray) -> Mask:
    return np.array([reason == DUPLICATE for reason in reasons], dtype=bool)


def _to_texts(values: pd.Series) -> np.ndarray:
    """Return the values as stripped texts, empty where missing."""
    texts = values.astype(object).where(values.notna(), "").map(lambda value: str(value).strip())
    return texts.to_numpy(dtype=object)
