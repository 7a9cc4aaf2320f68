"""What is specific to one job board: its own columns, and its words for money and regions.

An own column is a column of users, jobs or actions that is not in `scoring.columns.TABLES`. It has a name and a type of
`OWN_TYPES`. A mapping, `Dataset.from_frames(own_columns=...)` or the table `own_columns` of a database declares it.

The settings are a preset, the name of the currency and the word for a prefecture. A mapping, `Dataset.from_frames(
board=...)`, `scoring init --preset` or the table `board_settings` of a database states them.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, Self, get_args

from scoring.columns.table_specs import TABLES, Column, Table
from scoring.columns.text_normalisation import fold_text
from scoring.columns.types import CATEGORY, CATEGORY_LIST, FLAG, INTEGER, NUMBER, TEXT, TIME, ColumnType
from scoring.errors import ConfigurationError, shorten_repr, suggest

__all__ = [
    "DEFAULT_BOARD",
    "OWN_TABLES",
    "OWN_TYPES",
    "SETTINGS",
    "Board",
    "Preset",
    "find_name_problem",
    "get_type_word",
    "make_own_column",
    "parse_own_columns",
    "parse_settings",
]

OWN_TABLES: Final = ("jobs", "users", "actions")
"""Tables that can have own columns."""

OWN_TYPES: Final[Mapping[str, ColumnType]] = MappingProxyType(
    {
        "category": CATEGORY,
        "categories": CATEGORY_LIST,
        "number": NUMBER,
        "integer": INTEGER,
        "flag": FLAG,
        "time": TIME,
        "text": TEXT,
    }
)
"""Type word of a declaration → column type."""

Preset = Literal["japan", "none"]
"""The shipped reference tables and words: Japan's, or no reference tables, currency and prefectures."""

_WORDS: Final = ("currency", "region")

SETTINGS: Final = ("preset", *_WORDS)
"""Names of the settings of a board. Each is a text."""

_PRESET_WORDS: Final = MappingProxyType({"japan": ("yen", "prefecture"), "none": ("", "region")})
"""Preset → the currency and the region of a board that does not state them."""

MAX_NAME: Final = 50

MAX_WORD: Final = 30
"""Largest number of characters of a word for money or regions, because tables print it."""

_SYSTEM_COLUMNS: Final = frozenset(
    ("ctid", "oid", "rowid", "tableoid", "xmin", "xmax", "cmin", "cmax", "_rowid_", "vector")
)
"""Names that SQLite, PostgreSQL or this package uses in every table."""


def _make_no_columns() -> Mapping[str, tuple[Column, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Board:
    """The own columns of a board, by table and name, and its settings.

    Attributes
    ----------
    preset: which reference tables a new database of the board contains.
    currency: the name of the currency; empty if it is not known. Labels of money then contain no unit.
    region: the word for a prefecture, such as `canton` or `state`.
    """

    own: Mapping[str, tuple[Column, ...]] = field(default_factory=_make_no_columns)
    preset: Preset = "japan"
    currency: str = "yen"
    region: str = "prefecture"

    def __reduce__(self) -> tuple[Any, ...]:
        return Board, (dict(self.own), self.preset, self.currency, self.region)

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.own.items())), self.preset, self.currency, self.region))

    @classmethod
    def of_preset(cls, preset: Preset) -> Self:
        """Return the board of a preset, without own columns."""
        currency, region = _PRESET_WORDS[preset]
        return cls(preset=preset, currency=currency, region=region)

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings that the default board and the preset do not imply."""
        implied = Board.of_preset(self.preset)
        stated = {"preset": self.preset} if self.preset != DEFAULT_BOARD.preset else {}
        words = {name: str(getattr(self, name)) for name in _WORDS if getattr(self, name) != getattr(implied, name)}
        return stated | words

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with these settings. Another preset replaces the words that are not stated.

        Raises
        ------
        ConfigurationError: If a setting does not exist or is not valid.
        """
        stated = parse_settings(settings)
        preset: Any = stated.get("preset", self.preset)
        implied = self if preset == self.preset else Board.of_preset(preset)
        words = {name: stated.get(name, getattr(implied, name)) for name in _WORDS}
        return replace(self, preset=preset, **words)

    def table(self, name: str) -> Table:
        """Return a table with its own columns after the canonical ones. Raise KeyError if it does not exist."""
        own = self.own.get(name)
        return _extend_table(name, own) if own else TABLES[name]

    def get_own(self, table: str) -> tuple[Column, ...]:
        """Return the own columns of a table."""
        return self.own.get(table, ())

    def with_columns(self, table: str, columns: Iterable[Column]) -> Self:
        """Return a copy with more own columns. A column that already exists with the same type is replaced.

        Raises
        ------
        ConfigurationError: If a column already exists with another type.
        """
        by_name = {column.name: column for column in self.get_own(table)}
        for column in columns:
            known = by_name.get(column.name)
            if known is not None and known.type is not column.type:
                raise ConfigurationError(
                    f"The own column {table}.{column.name} is declared as {get_type_word(column.type)}, but its stored "
                    f"type is {get_type_word(known.type)}. Use type: {get_type_word(known.type)}, or another name.",
                    key=(table, column.name),
                )
            by_name[column.name] = column
        if not by_name:
            return self
        ordered = tuple(by_name[name] for name in sorted(by_name))
        return replace(self, own=MappingProxyType({**self.own, table: ordered}))

    def label_amount(self, name: str) -> str:
        """Return the label of an amount: `fee in yen`; only the name if the currency is not known."""
        return f"{name} in {self.currency}" if self.currency else name

    @property
    def wage_label(self) -> str:
        """The label of an hourly wage: `yen per hour`."""
        return f"{self.currency} per hour" if self.currency else "pay per hour"

    @property
    def regions(self) -> str:
        """The plural of `region`: `prefectures`, `counties`."""
        if self.region.endswith("y") and self.region[-2:-1] not in tuple("aeiou"):
            return f"{self.region[:-1]}ies"
        return f"{self.region}s"

    def format_amount(self, amount: float) -> str:
        """Return an amount without decimals, with the currency: `1,200 yen`."""
        return f"{amount:,.0f} {self.currency}".rstrip()


DEFAULT_BOARD: Final = Board()
"""No own columns, Japan's reference tables, and amounts in yen."""


def parse_settings(given: Any) -> dict[str, str]:
    """Return the settings of a mapping, of `Dataset.from_frames` or of a database.

    Raises
    ------
    ConfigurationError: If a setting does not exist or is not valid. Its key is `("board", NAME)`.
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError("board: must be a mapping such as {currency: CHF}.", key=("board",))
    for name, value in given.items():
        problem = _find_setting_problem(name, value)
        if problem is not None:
            raise ConfigurationError(f"board.{name}: {problem}", key=("board", str(name)))
    return {str(name): str(value) for name, value in given.items()}


def _find_setting_problem(name: Any, value: Any) -> str | None:
    if name not in SETTINGS:
        return f"unknown setting. {suggest(str(name), SETTINGS)}"
    if name == "preset":
        presets = get_args(Preset)
        return None if value in presets else f"{shorten_repr(value)} is not a preset. Use one of: {', '.join(presets)}."
    if not isinstance(value, str) or not value.isprintable() or value != value.strip() or len(value) > MAX_WORD:
        return f"{shorten_repr(value)} is not a word. Use a text of at most {MAX_WORD} characters, such as " + (
            "CHF." if name == "currency" else "canton."
        )
    return "is empty. Use a word such as canton." if name == "region" and not value else None


@lru_cache(maxsize=64)
def _extend_table(name: str, own: tuple[Column, ...]) -> Table:
    table = TABLES[name]
    return Table(name, (*table.columns, *own), table.key)


def get_type_word(column_type: ColumnType) -> str:
    """Return the word that declares the type of an own column."""
    return next((word for word, known in OWN_TYPES.items() if known is column_type), column_type.name)


def make_own_column(table: str, name: Any, type_word: Any, *, show: bool = False) -> Column:
    """Return an own column of a table.

    Raises
    ------
    ConfigurationError: If the table cannot have own columns, the name is not valid, or the type does not exist.
    """
    if table not in OWN_TABLES:
        raise ConfigurationError(
            f"The table {table!r} cannot have own columns. Use one of: {', '.join(OWN_TABLES)}.",
            key=("own_columns", str(table)),
        )
    problem = find_name_problem(table, name)
    if problem is not None:
        raise ConfigurationError(f"{table}: {problem}", key=("own_columns", table, str(name)))
    if type_word not in OWN_TYPES:
        raise ConfigurationError(
            f"{table}.{name}: the type {type_word!r} does not exist. Use one of: {', '.join(OWN_TYPES)}.",
            key=("own_columns", table, name),
        )
    return Column(name, OWN_TYPES[type_word], show=show)


def find_name_problem(table: str, name: Any) -> str | None:
    """Return what is wrong with the name of an own column, and what to do; None if it is valid."""
    advice = f"Use lower-case ASCII letters, digits and _, at most {MAX_NAME}."
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or name != name.lower():
        return f"{name!r} is not a valid name of an own column. {advice}"
    if len(name) > MAX_NAME:
        return f"the name {name!r} of an own column has {len(name)} characters. {advice}"
    if keyword.iskeyword(name) or name in _SYSTEM_COLUMNS:
        return f"the name {name!r} of an own column is reserved. Use another name."
    canonical = {fold_text(known): column for known, column in TABLES[table].canonical_names.items()}
    if name in canonical:
        column = canonical[name]
        is_alias = "" if column == name else f", another name of {column}"
        return f"{name!r} is a column of every board{is_alias}. Remove its type, or use another name."
    return None


def parse_own_columns(declared: Mapping[str, Mapping[str, Any]] | None) -> Board:
    """Return the board of declarations such as `{"jobs": {"seniority": "category"}}`.

    A value is a type, or a mapping with `type` and `show`: `{"users": {"hobby": {"type": "category", "show": True}}}`.

    Raises
    ------
    ConfigurationError: If a declaration is not valid.
    """
    board = DEFAULT_BOARD
    for table, columns in (declared or {}).items():
        if not isinstance(columns, Mapping):
            raise ConfigurationError(
                f"own_columns: {table!r} must be a mapping such as {{'seniority': 'category'}}.", key=("own_columns",)
            )
        board = board.with_columns(table, [_parse_own_column(table, name, given) for name, given in columns.items()])
    return board


def _parse_own_column(table: str, name: Any, given: Any) -> Column:
    if not isinstance(given, Mapping):
        return make_own_column(table, name, given)
    keys = ("type", "show")
    if unknown := [key for key in given if key not in keys]:
        raise ConfigurationError(
            f"own_columns: {table}.{name} has the unknown key {unknown[0]!r}. {suggest(str(unknown[0]), keys)}",
            key=("own_columns", table, str(name)),
        )
    show = given.get("show", False)
    if not isinstance(show, bool):
        raise ConfigurationError(
            f"own_columns: {table}.{name} has show: {show!r}. Use True or False.",
            key=("own_columns", table, str(name)),
        )
    return make_own_column(table, name, given.get("type"), show=show)
