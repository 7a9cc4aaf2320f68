"""Decode the rows of events: JSON of stored columns to canonical Python values, by the rules of reading the tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import Connection, func, select

from scoring.columns import Column
from scoring.columns.board_definition import Board
from scoring.columns.city_code_padding import pad_cities
from scoring.columns.text_id_hash import OWNERS, is_reserved
from scoring.columns.types import FLAG, INTEGER_LIST, NUMBER, TIME
from scoring.columns.types.active_flag import ACTIVE
from scoring.columns.types.id import TEXT_ID
from scoring.columns.types.integer_list import parse_stored_list
from scoring.columns.types.time import FIRST, LAST
from scoring.database.board_definition_storage import read_board
from scoring.database.row_conversion import read_rows
from scoring.database.schema import DATA_TABLES
from scoring.dataset.column_lookup import to_plain_value
from scoring.live.events import Row, to_microseconds
from scoring.validation.referenced_ids import Owners
from scoring.validation.table_validator import NormalisedTable, code_width, normalise

__all__ = ["NOT_JSON", "DecodedRow", "EventDecoder", "describe_rejections", "to_time"]

NOT_JSON: Final = "the body is not a JSON object"

_ISO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?(Z|[+-]\d\d:\d\d)")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class DecodedRow(NamedTuple):
    """A row, or the reason for which a run would leave it out.

    `depends_on_tables`: whether only the stored tables determine the row.
    """

    row: Row | None
    reason: str = ""
    depends_on_tables: bool = False


def to_time(microseconds: int) -> datetime:
    """Return the time of microseconds since 1970."""
    return _EPOCH + microseconds * _MICROSECOND


class EventDecoder:
    """Decodes rows of one board.

    Parameters
    ----------
    board: Its own columns.
    prefecture_width: Digits to which numbers of prefectures are padded; None: they are not padded.
    city_width: Digits of the longest stored city code; None: there is none.
    """

    def __init__(self, board: Board, prefecture_width: int | None = None, city_width: int | None = None) -> None:
        self.board, self.city_width = board, city_width
        self._widths = {"prefecture_code": prefecture_width}

    @classmethod
    def read(cls, connection: Connection) -> EventDecoder:
        """Return the decoder of a database, whose stored codes determine the widths."""
        codes = connection.execute(select(DATA_TABLES["prefectures"].c.prefecture_code)).scalars()
        prefectures = pd.Series([str(code) for code in codes], dtype="str")
        lengths: list[int] = []
        for name in ("jobs", "users"):
            code = DATA_TABLES[name].c.city_code
            longest = select(code).where(code.is_not(None)).group_by(func.length(code))
            found = connection.execute(longest.with_only_columns(func.max(code))).scalars()
            lengths += [len(text) for text in map(str, found) if text.isascii() and text.isdecimal()]
        return cls(read_board(connection), code_width(prefectures), max(lengths, default=None))

    def decode(self, table: str, bodies: Sequence[str]) -> list[DecodedRow]:
        """Return the rows of JSON texts, in their order."""
        found: list[DecodedRow | None] = []
        stored: list[Mapping[str, Any]] = []
        for body in bodies:
            try:
                values = _parse(body)
            except (ValueError, RecursionError):
                found.append(DecodedRow(None, NOT_JSON))
                continue
            row = self._decode_canonical(table, values)
            if any(isinstance(values.get(name), str) for name in OWNERS):
                row = DecodedRow(None, TEXT_ID, depends_on_tables=True)
            elif row is None:
                stored.append(values)
            found.append(row)
        others = iter(self._decode_stored(table, stored))
        return [next(others) if row is None else row for row in found]

    def normalise(self, table: str, frame: pd.DataFrame, owners: Owners) -> NormalisedTable:
        """Return the canonical rows of a frame of raw values, and the rejected rows. Rows may have equal keys."""
        found = normalise(table, frame, code_width=self._widths, unique=False, owners=owners, board=self.board)
        if "city_code" not in found.frame:
            return found
        return replace(found, frame=pad_cities(found.frame, self.city_width))

    def convert_stored(self, table: str, stored: Row) -> dict[str, Any]:
        """Return the values of a stored row in the Python types of their columns. Unusual values may be unchanged."""
        return {column.name: _convert(column, stored[column.name]) for column in self.board.table(table).columns}

    def encode_canonical(self, table: str, values: Row) -> dict[str, Any] | None:
        """Return a row as the database stores it; None if `normalise` must decide. Frames take 20 ms for one row.

        `values`: canonical values, or times as ISO text with a zone. Ids are integers.
        """
        row = {
            column.name: _parse_iso(values.get(column.name)) if column.type is TIME else values.get(column.name)
            for column in self.board.table(table).columns
        }
        if "is_active" in row and row["is_active"] is None:
            row["is_active"] = True
        return None if not self._accepts(table, row) else {name: _encode(value) for name, value in row.items()}

    def _decode_canonical(self, table: str, values: Mapping[str, Any]) -> DecodedRow | None:
        """Return a row whose values are canonical as they are stored; None if `_decode_stored` must decide.

        It takes 20 µs per row. With frames, one row takes milliseconds.
        """
        columns = self.board.table(table).columns
        row = {column.name: _convert(column, values.get(column.name)) for column in columns}
        return DecodedRow(row) if self._accepts(table, row) else None

    def _accepts(self, table: str, row: Row) -> bool:
        """Return whether the values of a row are canonical and valid. False does not mean invalid."""
        spec = self.board.table(table)
        for column in spec.columns:
            value = row[column.name]
            if value is None:
                if column.required:
                    return False
            elif not column.type.accepts_object(value, self._widths.get(column.name)) or (
                (column.type.is_list and (type(value) is not list or (value and column.type is not INTEGER_LIST)))
                or (column.choices and value not in column.choices)
                or (column.max_absolute is not None and abs(value) > column.max_absolute)
            ):
                return False
        if "external_id" in row and row["external_id"] is None and is_reserved(row[spec.key[0]]):
            return False
        city = row.get("city_code")
        return city is None or self.city_width is None or len(city) >= self.city_width or not city.isdigit()

    def _decode_stored(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[DecodedRow]:
        if not rows:
            return []
        columns = self.board.table(table).columns
        values = [[row.get(column.name) for row in rows] for column in columns]
        result = read_rows(table, columns, values, self.board, code_width=self._widths, unique=False)
        frame = pad_cities(result.frame, self.city_width) if "city_code" in result.frame else result.frame
        plain = {str(name): [_to_plain(value) for value in column.array] for name, column in frame.items()}
        decoded: list[DecodedRow] = [DecodedRow(None)] * len(rows)
        for place, at in enumerate(result.rows.tolist()):
            decoded[at] = DecodedRow({name: of_column[place] for name, of_column in plain.items()})
        for at, reason in describe_rejections(result).items():
            decoded[at] = DecodedRow(None, reason)
        return decoded


def describe_rejections(table: NormalisedTable) -> dict[int, str]:
    """Return position → first reason of each rejected row."""
    first = table.rejections.drop_duplicates("at")
    reasons = (first["column"] + " " + first["reason"]).tolist()
    return dict(zip(first["at"].tolist(), reasons, strict=True))


def _parse(body: str) -> Mapping[str, Any]:
    """Return the stored values of a row. A row with many columns is a list of objects. A blob is an object."""
    content = json.loads(body)
    parts = content if isinstance(content, list) else [content]
    values: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict):
            raise ValueError("not an object")
        values |= part
    return {name: _to_bytes(value) if isinstance(value, dict) else value for name, value in values.items()}


def _to_bytes(value: Mapping[str, Any]) -> Any:
    return bytes.fromhex(value["blob"]) if isinstance(value.get("blob"), str) else str(value)


def _convert(column: Column, value: Any) -> Any:
    """Return a stored value in the Python type of its column. An unusual value may be unchanged."""
    kind = column.type
    if kind is TIME:
        return to_time(value) if type(value) is int and FIRST <= value <= LAST else value
    if kind is FLAG or kind is ACTIVE:
        if kind is ACTIVE and value is None:
            return True
        return bool(value) if type(value) is int and value in (0, 1) else value
    if kind is NUMBER:
        return float(value) if type(value) is int else value
    if kind is INTEGER_LIST:
        if type(value) is str:
            parsed = parse_stored_list(value)
            return value if parsed is None else parsed
        return [] if value is None else value
    if kind.is_list and value is None:
        return []
    return value


def _parse_iso(value: Any) -> Any:
    """Return the time of an ISO text with a zone; other values unchanged."""
    if type(value) is not str or not _ISO_TIME.fullmatch(value):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def _encode(value: Any) -> Any:
    """Return a canonical value as the database stores it."""
    if isinstance(value, datetime):
        return to_microseconds(value)
    return ("|".join(map(str, value)) or None) if type(value) is list else value


def _to_plain(value: Any) -> Any:
    plain = to_plain_value(value)
    return list(plain) if isinstance(plain, tuple) else plain
