"""Validate one table of any DataFrame: canonical rows, and rejected rows with their reasons.

`normalise` returns the valid rows and the rejections. `check` raises an error for rejections, and is fast if every row
is valid (see `scoring.validation.lazy_columns`). The types of `scoring.columns.types` convert values. The columns of
`scoring.columns.TABLES` define what a canonical frame must satisfy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.columns import TABLES, Table
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.series_functions import Mask
from scoring.columns.text_id_hash import OWNERS, mask_reserved
from scoring.columns.types.id import ParsedIds
from scoring.validation.column_match import get_columns, get_table, match_columns
from scoring.validation.frame_library_conversion import to_pandas_frame
from scoring.validation.id_resolution import parse_id_column, resolve_ids
from scoring.validation.lazy_columns import ValidatedFrame, read_valid_frame
from scoring.validation.referenced_ids import OwnerIds, Owners
from scoring.validation.rejections import (
    DUPLICATE,
    FrameRows,
    Rejections,
    SourceRows,
    join_reasons,
    make_data_error,
    make_empty_rejections,
)
from scoring.validation.zero_padding_notes import describe_padded_codes

__all__ = [
    "NormalisedTable",
    "check",
    "check_lazily",
    "code_width",
    "normalise",
    "pad_prefectures",
    "validate",
]


@dataclass(frozen=True)
class NormalisedTable:
    """One table: its valid rows, and the rejections of the invalid rows.

    Attributes
    ----------
    frame: the valid rows, with canonical columns and dtypes and a RangeIndex.
    rows: (n,) the position in the source of each valid row.
    rejections: a frame of `Rejection`; each validation step appends its rejections by position in the source.
    source: the original rows.
    merged: number of rows that duplicate another row.
    ignored: columns of the source that were not used.
    unused: rule → number of valid rows that scores do not use.
    notes: message → number of values: text ids among integers, padded codes.
    rejected_ids: the ids of rejected rows of users or jobs, as far as they are known.
    all_ids: the ids of all rows of users or jobs; None if those of the valid rows are all.
    """

    table: str
    frame: pd.DataFrame
    rows: NDArray[np.int64]
    rejections: pd.DataFrame
    source: SourceRows
    merged: int = 0
    ignored: tuple[str, ...] = ()
    unused: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    rejected_ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    all_ids: OwnerIds | None = None

    @classmethod
    def from_valid_frame(
        cls,
        table: str,
        frame: pd.DataFrame,
        source: SourceRows | None = None,
        ignored: tuple[str, ...] = (),
        notes: Mapping[str, int] | None = None,
    ) -> Self:
        """Return the table of a canonical frame, without rejections."""
        at, source = np.arange(len(frame)), source or FrameRows(frame)
        return cls(table, frame, at, make_empty_rejections(), source, ignored=ignored, notes=notes or {})

    @property
    def owner_ids(self) -> OwnerIds:
        """The ids of users or jobs, to which other tables refer; also those of rejected rows."""
        return self.all_ids or OwnerIds(self.frame[get_table(self.table).key[0]], self.frame["external_id"])

    @property
    def has_text_ids(self) -> bool:
        """Whether a valid row of users or jobs has a text id."""
        return self.table in OWNERS.values() and bool(mask_reserved(_get_ids(self.table, self.frame)).any())

    @property
    def n_rejected(self) -> int:
        """Number of rejected rows."""
        return int(self.rejections["at"].nunique())

    @property
    def n_read(self) -> int:
        """Number of rows of the source."""
        return len(self.frame) + self.merged + self.n_rejected

    @property
    def rejected(self) -> pd.DataFrame:
        """One row per rejected row: row, column and value (text) of its first reason, and all reasons joined."""
        return join_reasons(self.rejections)

    def reject(self, mask: Mask, column: str, reason: str, caused_by: str = "") -> Self:
        """Return the table with the rows of a mask rejected, for their value in a column."""
        rejections = Rejections(self.table, len(self.frame))
        values = self.frame[column]
        if OWNERS.get(column) == self.table:  # a text id as in the source, not its number
            values = self.frame["external_id"].astype(object).where(self.frame["external_id"].notna(), values)
        rejections.add(mask, column, values, reason, caused_by)
        return self.reject_rows(rejections)

    def reject_rows(self, found: Rejections) -> Self:
        """Return the table with the rows of `found` rejected."""
        if not found.rejected.any():
            return self
        rejections = found.frame(self.source, self.rows)
        if len(self.rejections):
            rejections = pd.concat([self.rejections, rejections], ignore_index=True)
        keep = ~found.rejected
        frame = self.frame[keep].reset_index(drop=True)
        ids = np.append(self.rejected_ids, _get_ids(self.table, self.frame, found.rejected))
        return replace(
            self, frame=frame, rows=self.rows[keep], rejections=rejections, rejected_ids=ids, all_ids=self._keep_ids()
        )

    def _keep_ids(self) -> OwnerIds | None:
        return self.owner_ids if self.table in OWNERS.values() else None

    def get_rejected_rows(self) -> pd.DataFrame:
        """Return the rejected rows as in the source, one row each, in the order of `refused`."""
        return self.source.take(self.rejections["at"].drop_duplicates().to_numpy())


def normalise(
    table: str,
    frame: pd.DataFrame,
    *,
    code_width: Mapping[str, int | None] | None = None,
    source: SourceRows | None = None,
    unique: bool = True,
    rejections: Rejections | None = None,
    owners: Owners | None = None,
    headers: Mapping[str, Collection[object]] | None = None,
    board: Board = DEFAULT_BOARD,
) -> NormalisedTable:
    """Return the canonical rows of a frame, and the rejected rows.

    Parameters
    ----------
    code_width: code column → digits to which integers are padded (`code_width()` determines it from a reference table).
    source: the original rows and their names, by default those of the frame.
    unique: whether rows with a duplicate key are rejected. The importer passes False to merge them itself.
    rejections: rejections found before.
    owners: the ids of users and jobs that decide the numbers of text ids: those of the tables to which this table
        refers, and those that are already stored in this table.
    headers: column → its names in the source, if `frame` has other names. An id that is such a name is a header line.
    board: its own columns follow the canonical ones.

    Raises
    ------
    DataError: If a required column is missing, a column occurs twice, or factor columns are not f0…fN.
    """
    spec = get_table(table, board)
    columns = get_columns(spec, frame)
    sources, ignored = match_columns(spec, columns, frame)
    widths = code_width or {}
    rejections = rejections or Rejections(table, len(frame))
    out: dict[str, pd.Series] = {}
    ids: dict[str, ParsedIds] = {}
    raw_ids: dict[str, pd.Series] = {}
    notes: dict[str, int] = {}
    for column in columns:
        name = sources.get(column.name)
        if name is None:
            out[column.name] = column.type.make_missing_coerced(len(frame))
            continue
        values = frame[name].reset_index(drop=True)
        if column.name in OWNERS:
            raw_ids[column.name] = values
            ids[column.name] = parse_id_column(column, values, (name, *(headers or {}).get(column.name, ())))
            coerced = ids[column.name].result
        else:
            coerced = column.type.coerce(values, widths.get(column.name))
            notes |= describe_padded_codes(column.name, values, coerced, widths.get(column.name))
        out[column.name] = coerced.values
        for mask, reason in (*coerced.problems, *column.find_out_of_range(coerced.values)):
            rejections.add(mask, column.name, values, reason)
    resolved = resolve_ids(table, ids, raw_ids, out.get("external_id"), owners or {}, rejections)
    out |= resolved.columns
    rejections.check(columns, out)
    merged = np.zeros(len(frame), dtype=bool)
    if unique:
        merged = _find_duplicates(spec, out, rejections, raw_ids)
    keep = np.flatnonzero(~rejections.rejected & ~merged)
    valid: Mapping[str, pd.Series] | pd.DataFrame = out
    if len(keep) < len(frame):
        valid = _make_frame(out, len(frame)).iloc[keep].reset_index(drop=True)
    valid_frame = _make_frame({c.name: c.type.finish(valid[c.name]) for c in columns}, len(keep))
    source = source or FrameRows(frame)
    return NormalisedTable(
        table,
        valid_frame,
        keep,
        rejections.frame(source),
        source,
        int(merged.sum()),
        ignored,
        notes={**resolved.notes, **notes},
        rejected_ids=_get_ids(table, out, rejections.rejected),
        all_ids=resolved.owner,
    )


FEW_ROWS: Final = 1_000
"""Up to this length, to copy a column takes less time than pandas needs to compare its index with another."""


def _make_frame(columns: Mapping[str, pd.Series], length: int) -> pd.DataFrame:
    """Return a frame of columns with RangeIndexes. With a given index, pandas does not compute the union of theirs."""
    index = pd.RangeIndex(length)
    if length > FEW_ROWS:
        return pd.DataFrame(columns, index=index, copy=False)
    return pd.DataFrame({name: values.array.copy() for name, values in columns.items()}, index=index, copy=False)


def _get_ids(
    table: str, columns: Mapping[str, pd.Series] | pd.DataFrame, rows: Mask | None = None
) -> NDArray[np.int64]:
    """Return the known ids of the rows of users or jobs; none for other tables."""
    if table not in OWNERS.values():
        return np.empty(0, dtype=np.int64)
    if rows is not None and not rows.any():
        return np.empty(0, dtype=np.int64)
    found = columns[get_table(table).key[0]]
    ids: NDArray[np.int64] = (found if rows is None else found[rows]).dropna().to_numpy(dtype=np.int64)
    return ids


def validate(
    table: str,
    frame: pd.DataFrame,
    *,
    code_width: Mapping[str, int | None] | None = None,
    owners: Owners | None = None,
    board: Board = DEFAULT_BOARD,
) -> NormalisedTable:
    """Return the result of `normalise`, computed faster if every row is valid.

    Raises
    ------
    DataError: As in `normalise`, or if `frame` is not a frame.
    """
    frame = to_pandas_frame(frame, table)
    valid = read_valid_frame(table, frame, code_width, board)
    if valid is None:
        return normalise(table, frame, code_width=code_width, owners=owners, board=board)
    spec = get_table(table, board)
    _, ignored = match_columns(spec, get_columns(spec, frame), frame)
    return NormalisedTable.from_valid_frame(table, valid.frame, FrameRows(frame), ignored, valid.notes)


def check(
    table: str,
    frame: pd.DataFrame,
    *,
    code_width: Mapping[str, int | None] | None = None,
    owners: Owners | None = None,
    board: Board = DEFAULT_BOARD,
) -> pd.DataFrame:
    """Return the canonical frame of a DataFrame. Duplicate actions are dropped without an error.

    Raises
    ------
    DataError: If a row is invalid. It lists table, columns, rows (by the index of the frame) and values of the first
        problems, and the number of problems.
    """
    return check_lazily(table, frame, code_width=code_width, owners=owners, board=board).frame


def check_lazily(
    table: str,
    frame: pd.DataFrame,
    *,
    code_width: Mapping[str, int | None] | None = None,
    owners: Owners | None = None,
    board: Board = DEFAULT_BOARD,
) -> ValidatedFrame:
    """Return the frame of `check` as a `ValidatedFrame`, converted at first access. Errors are those of `check`."""
    frame = to_pandas_frame(frame, table)
    valid = read_valid_frame(table, frame, code_width, board)
    if valid is not None:
        return valid
    result = normalise(table, frame, code_width=code_width, owners=owners, board=board)
    if len(result.rejections):
        raise make_data_error(result.rejections)
    return ValidatedFrame.of(table, result.frame)


def code_width(codes: pd.Series) -> int | None:
    """Return the width of reference codes if all of them are digits of equal width, otherwise None.

    Codes of one and of two digits count as codes of two digits, because spreadsheets remove leading zeros.
    """
    texts = codes.dropna().astype(str)
    if not len(texts) or not texts.str.fullmatch(r"[0-9]+").all():
        return None
    widths = set(texts.str.len())
    if widths <= {1, 2}:
        return 2
    return widths.pop() if len(widths) == 1 else None


def pad_prefectures(
    table: NormalisedTable,
    validate_again: Callable[[Mapping[str, int | None]], NormalisedTable],
    stored: pd.Series | None = None,
) -> tuple[dict[str, int | None], NormalisedTable]:
    """Return the widths of the code columns that refer to prefectures, and the prefectures with codes of that width.

    `validate_again` returns the prefectures with padded codes, of which some may then be duplicates. `stored`: codes of
    other rows, which also determine the width.
    """
    codes = table.frame["prefecture_code"]
    width = code_width(codes if stored is None else pd.concat([codes, stored]))
    widths = {"prefecture_code": width, "adjacent_code": width}
    is_padded = width is None or (codes.str.len() == width).all()
    return widths, table if is_padded else validate_again(widths)


def _find_duplicates(
    spec: Table, columns: Mapping[str, pd.Series], rejections: Rejections, raw_ids: Mapping[str, pd.Series]
) -> Mask:
    """Return which valid rows duplicate an action or a prefecture pair; reject duplicate ids in other tables.

    This must be the last check, so that an invalid row does not cause the rejection of a valid row with the same id.
    """
    valid = np.flatnonzero(~rejections.rejected)
    length = len(rejections.rejected)
    duplicate = np.zeros(length, dtype=bool)
    keys: pd.Series | pd.DataFrame
    if len(spec.key) == 1:
        keys = columns[spec.key[0]]
    else:
        keys = _make_frame({name: columns[name] for name in spec.key}, length)
    duplicate[valid] = _find_repeated(keys if len(valid) == length else keys.iloc[valid])
    if len(spec.key) > 1:
        own = [column.name for column in spec.columns if column.name not in TABLES[spec.name].names]
        if own and duplicate.any():
            return _keep_smallest(_make_frame(columns, length), list(spec.key), own, valid)
        return duplicate
    key = spec.key[0]
    rejections.add(duplicate, key, raw_ids.get(key, columns[key]), DUPLICATE)
    return np.zeros(length, dtype=bool)


def _keep_smallest(frame: pd.DataFrame, key: list[str], own: list[str], valid: Longs) -> Mask:
    """Return the duplicates if the row with the smallest own values is kept, so that no result depends on row order.

    Missing values are largest.
    """
    rows = frame.iloc[valid]
    repeated = valid[rows.duplicated(key, keep=False).to_numpy()]
    texts = frame.loc[repeated, own].astype("str").fillna("\uffff")
    order = repeated[np.lexsort([texts[name].to_numpy(dtype=object).astype(str) for name in reversed(own)])]
    found = np.zeros(len(frame), dtype=bool)
    found[order] = frame.iloc[order].duplicated(key).to_numpy()
    return found


MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def _find_repeated(keys: pd.Series | pd.DataFrame) -> Mask:
    """Return `keys.duplicated()`. Only rows with equal hashes are compared, which takes a third of the time."""
    if isinstance(keys, pd.Series):
        return keys.duplicated().to_numpy()
    hashes = np.zeros(len(keys), dtype=np.uint64)
    for name in keys:
        column = keys[name]
        if column.dtype == "Int64":
            values = column.to_numpy(dtype=np.int64)
        elif isinstance(column.dtype, pd.StringDtype):
            values = pd.factorize(column)[0]
        else:
            values = column.array.view(np.int64)  # times
        hashes = (hashes ^ values.view(np.uint64)) * MIX
        hashes ^= hashes >> np.uint64(29)
    suspects = np.flatnonzero(pd.Series(hashes).duplicated(keep=False).to_numpy())
    found = np.zeros(len(keys), dtype=bool)
    if len(suspects):
        found[suspects] = keys.iloc[suspects].duplicated().to_numpy()
    return found
