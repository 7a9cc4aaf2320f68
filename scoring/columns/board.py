"""What is specific to one job board: its own columns, and the labels of its money.

An own column is a column of users, jobs or actions that is not in `scoring.columns.TABLES`. It has a name and a type of
`OWN_TYPES`. A mapping, `Dataset.from_frames(own_columns=...)` or the table `own_columns` of a database declares it.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Self

from scoring.columns.normal_form import fold_text
from scoring.columns.table_specs import TABLES, Column, Table
from scoring.columns.types import CATEGORY, CATEGORY_LIST, FLAG, INTEGER, NUMBER, TEXT, TIME, ColumnType
from scoring.errors import ConfigurationError, suggest

__all__ = [
    "DEFAULT_BOARD",
    "OWN_TABLES",
    "OWN_TYPES",
    "Board",
    "find_name_problem",
    "get_type_word",
    "make_own_column",
    "parse_own_columns",
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

MAX_NAME: Final = 50

_SYSTEM_COLUMNS: Final = frozenset(
    ("ctid", "oid", "rowid", "tableoid", "xmin", "xmax", "cmin", "cmax", "_rowid_", "vector")
)
"""Names that SQLite, PostgreSQL or this package uses in every table."""


def _make_no_columns() -> Mapping[str, tuple[Column, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Board:
    """The own columns of a board, by table and name, and the name of its currency.

    `currency` is empty if it is not known. Labels of money then contain no unit.
    """

    own: Mapping[str, tuple[Column, ...]] = field(default_factory=_make_no_columns)
    currency: str = "yen"

    def __reduce__(self) -> tuple[Any, ...]:
        return Board, (dict(self.own), self.currency)

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.own.items())), self.currency))

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

    def format_amount(self, amount: float) -> str:
        """Return an amount without decimals, with the currency: `1,200 yen`."""
        return f"{amount:,.0f} {self.currency}".rstrip()


DEFAULT_BOARD: Final = Board()
"""No own columns, and amounts in yen."""


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
