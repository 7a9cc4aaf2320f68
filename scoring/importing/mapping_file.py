"""The mapping file: which source columns and rules fill the columns of the database's tables.

    board: {currency: CHF}            # optional: preset, currency, region
    sources:                          # searched in the base folder, the mapping's folder and the current folder
      views: {file: Job_Views.csv, missing: ["NA"]}
    tables:                           # filled in this order
      jobs:
        from: views                   # or several, concatenated: [views, others]
        one_row_per: job_id           # source rows with the same id are merged
        columns:                      # target: source column, or
          job_id: Job.ID
          title: {from: Position, cut: [" - .*$"], pick: most_common}
          address: {join: [City, State], with: ", "}
          salary_type: {from: Type, values: {H: hourly}}
          occupation_code: {from: Position, lookup: occupations}
          fee: {value: 500}
        rules:
          - {column: posted_at, min: 2014-01-01, max: 2016-01-01, else: missing}
          - {column: expires_at, after: posted_at}

Columns that are not listed are matched by canonical name or alias.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from scoring.columns import FACTOR_TABLES, TABLES, Column, Table
from scoring.columns.board_definition import (
    DEFAULT_BOARD,
    OWN_TABLES,
    OWN_TYPES,
    find_name_problem,
    make_own_column,
    parse_settings,
)
from scoring.columns.text_normalisation import normalise_text, normalise_value
from scoring.columns.types import INTEGER, NUMBER, TIME, ColumnType
from scoring.errors import ConfigurationError, pluralize, shorten_repr, suggest
from scoring.importing.money_amount_parser import THOUSANDS, UNITS, NumberNotation, RangeEnd
from scoring.importing.readers import SourceOptions, describe_source
from scoring.importing.time_parser import check_format, check_zone
from scoring.importing.value_map import MISSING_KEY
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error
from scoring.storage.yaml_parser import KeyPath, YamlSource, parse_yaml

__all__ = [
    "ColumnMap",
    "ImportMap",
    "NumberMap",
    "PayUnitMap",
    "Rule",
    "SourceMap",
    "TableMap",
    "parse_table_mapping",
    "read_mapping",
    "read_settings",
]

M = TypeVar("M", bound=BaseModel)
Pick = Literal["first", "last", "most_common", "min", "max", "all"]

LOOKUP_TABLES: Final = ("occupations", "prefectures")
PAY_COLUMNS: Final = {"jobs": ("min_salary", "max_salary"), "users": ("preferred_salary_min",)}
"""Table → the columns that are amounts per unit of pay."""


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list | tuple | set | dict)


def _to_texts(value: Any) -> Any:
    """Return a tuple of texts for one text, number or boolean, or a list of them."""
    values = [value] if _is_scalar(value) else value
    if isinstance(values, dict) or not all(_is_scalar(item) and item is not None for item in values):
        raise ValueError("must be a text or a list of texts")
    return tuple(item if isinstance(item, str) else str(normalise_value(item)) for item in values)


def _to_text(value: Any) -> Any:
    return str(normalise_value(value)) if isinstance(value, bool | int | float) else value


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a valid regular expression: {error}. Correct it.") from None
    return text


def _check_format(text: str) -> str:
    text = normalise_text(text)
    check_format(text)
    return text


def _check_zone(name: str) -> str:
    check_zone(name)
    return name


def _to_words(value: Any) -> Any:
    """Return the keys in normal form → values; `MISSING_KEY` for null."""
    if not isinstance(value, MappingABC):
        raise ValueError("must be a mapping such as {H: hourly}")
    words: dict[str, Any] = {}
    for key, replacement in value.items():
        word = normalise_value(key) or MISSING_KEY
        if word in words:
            raise ValueError(f"two keys are equal to {word!r} in normal form. Keep one.")
        if isinstance(replacement, dict):
            raise ValueError(f"the value of {word!r} must be one value, not a mapping.")
        words[word] = replacement
    return words


def _to_hours(value: Any) -> Any:
    if not isinstance(value, MappingABC):
        raise ValueError("must be a mapping such as {year: 2080}")
    hours: dict[str, float] = {}
    for key, number in value.items():
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not math.isfinite(number) or number <= 0:
            raise ValueError(f"the hours of {key!r} must be a positive number, not {shorten_repr(number)}.")
        hours[str(normalise_value(key))] = float(number)
    return hours


Texts = Annotated[tuple[str, ...], BeforeValidator(_to_texts)]
Text = Annotated[str, BeforeValidator(_to_text)]
Words = Annotated[dict[str, Any], BeforeValidator(_to_words)]


class NumberMap(_StrictModel):
    """How an amount is written in a text, and which end of a range is used."""

    decimal: Literal[".", ","] = "."
    thousands: Text | None = None  # by default the other one of . and ,
    range: RangeEnd | None = None  # by default high for max_salary, low for other columns

    @model_validator(mode="after")
    def _check_marks(self) -> NumberMap:
        thousands = self.notation.thousands
        if thousands not in THOUSANDS or thousands == self.decimal:
            marks = ", ".join(repr(mark) for mark in THOUSANDS if mark != self.decimal)
            raise ValueError(f"thousands must be one of {marks}, not {shorten_repr(thousands)}.")
        return self

    @property
    def notation(self) -> NumberNotation:
        default = "." if self.decimal == "," else ","
        return NumberNotation(self.decimal, default if self.thousands is None else self.thousands)


class PayUnitMap(_StrictModel):
    """The unit of pay of amounts: from a column or from the text of the amount, otherwise `unit`."""

    source: Text | None = Field(None, alias="from")
    text: bool = False
    unit: Text | None = None  # of amounts for which neither the column nor the text states one
    values: Words = {}  # words of the column → units
    hours: Annotated[dict[str, float], BeforeValidator(_to_hours)] = {}  # unit → working hours

    @model_validator(mode="after")
    def _check_units(self) -> PayUnitMap:
        if self.source is not None and self.text:
            raise ValueError("`from` and `text` exclude each other. Keep one.")
        if self.source is None and not self.text and self.unit is None:
            raise ValueError("give `from: COLUMN`, `text: true` or `unit`.")
        if self.values and self.source is None:
            raise ValueError("`values` needs `from: COLUMN`.")
        units = (*UNITS, *self.hours)
        for unit in (self.unit, *self.values.values()):
            if unit is not None and unit not in units:
                raise ValueError(
                    f"the unit {shorten_repr(unit)} does not exist. Use one of {', '.join(units)}, or add its `hours`."
                )
        return self


def _to_number_map(value: Any) -> Any:
    if value is True:
        return {}
    if value is False:
        return None
    if _is_scalar(value) and value is not None:
        raise ValueError("must be true, or a mapping with decimal, thousands and range")
    return value


def _to_pay_unit_map(value: Any) -> Any:
    if isinstance(value, str):
        return {"text": True} if value == "text" else {"unit": value}
    if value is not None and not isinstance(value, dict | PayUnitMap):
        raise ValueError("must be a unit such as year, or text, or a mapping with from, text, unit, values and hours")
    return value


class ColumnMap(_StrictModel):
    """The source of one target column, the conversion of its values, and how merged rows give one value.

    Conversions are applied in the order of the fields.
    """

    source: Text | None = Field(None, alias="from")
    value: Any = None  # the same for all rows
    join: Texts = ()  # texts of several columns, missing ones left out
    first_true: Texts = ()  # columns of flags: the name of the first one that is true
    glue: Text = Field(" ", alias="with")
    normalise: bool = False  # NFKC, without invisible characters
    # matches of these patterns are removed
    cut: Annotated[tuple[Annotated[str, AfterValidator(_check_pattern)], ...], BeforeValidator(_to_texts)] = ()
    split: Texts = ()  # separators of a text with several values, for list columns
    values: Words = {}  # replacements of values, compared in normal form
    lookup: str | None = None  # reference table in which to look up the name's code
    number: Annotated[NumberMap | None, BeforeValidator(_to_number_map)] = None  # amounts in texts
    # of times
    format: Annotated[tuple[Annotated[str, AfterValidator(_check_format)], ...], BeforeValidator(_to_texts)] = ()
    unit: Literal["s", "ms", "us"] | None = None  # of numbers since 1970
    zone: Annotated[str, AfterValidator(_check_zone), BeforeValidator(_to_text)] | None = None  # of local times
    per: Annotated[PayUnitMap | None, BeforeValidator(_to_pay_unit_map)] = None  # the unit of pay of amounts
    otherwise: Literal["keep", "missing", "refuse"] | None = Field(None, alias="else")  # values without a conversion
    type: str | None = None  # of an own column
    show: bool = False  # an own column of users in explanations
    pick: Pick = "first"  # missing values are skipped; ties of most_common: the smallest; all: for lists

    @model_validator(mode="after")
    def _check_keys(self) -> ColumnMap:
        given = self.model_fields_set
        origins = [name for name in ("source", "value", "join", "first_true") if name in given]
        if len(origins) != 1 or (self.source is None and not {"value", "join", "first_true"} & given):
            raise ValueError("give exactly one of from, join, first_true and value.")
        if isinstance(self.value, dict):
            raise ValueError("`value` must be one value, or a list for a list column.")
        if "glue" in given and not self.join:
            raise ValueError("`with` is the text between joined columns. Use it with `join`.")
        if self.lookup is not None and self.lookup not in LOOKUP_TABLES:
            raise ValueError(f"lookup must be {' or '.join(LOOKUP_TABLES)}, not {self.lookup!r}.")
        if self.unit and self.zone:
            raise ValueError("`unit` and `zone` exclude each other: times as numbers are always UTC. Remove `zone`.")
        if self.format and self.unit:
            raise ValueError("`format` and `unit` exclude each other. Keep one.")
        kinds = {
            "lookup": self.lookup is not None,
            "number": self.number is not None,
            "per": self.per is not None and self.number is None,
            "format": bool(self.format),
            "unit": self.unit is not None,
            "zone": self.zone is not None and not self.format,
        }
        used = [name for name, is_used in kinds.items() if is_used]
        if len(used) > 1:
            raise ValueError(f"`{used[0]}` and `{used[1]}` exclude each other. Keep one.")
        if self.per is not None and self.per.text and self.number is None:
            raise ValueError("`per` reads the unit from the text that `number` converts. Add `number: true`.")
        if self.otherwise is not None and not used and not self.values:
            raise ValueError("`else` needs one of values, lookup, number, format, unit, zone and per.")
        if self.otherwise == "keep" and used and used != ["lookup"]:
            raise ValueError(f"`else: keep` cannot be used with `{used[0]}`. Use missing or refuse.")
        if self.type is not None and self.type not in OWN_TYPES:
            raise ValueError(f"the type {self.type!r} does not exist. Use one of: {', '.join(OWN_TYPES)}.")
        if "show" in given and self.type is None:
            raise ValueError("`show` is valid for own columns only. Add `type` to declare one.")
        return self

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source columns that this column needs."""
        names = (self.source, *self.join, *self.first_true, self.per.source if self.per else None)
        return tuple(name for name in names if name is not None)


class Rule(_StrictModel):
    """A condition on a column; `else` says whether a violation rejects the row or makes the value missing."""

    column: str
    minimum: Any = Field(None, alias="min")
    maximum: Any = Field(None, alias="max")
    after: str | None = None  # another column; checked after rows have been merged
    otherwise: Literal["refuse", "missing"] = Field("refuse", alias="else")

    @model_validator(mode="after")
    def _check_condition(self) -> Rule:
        if self.minimum is None and self.maximum is None and self.after is None:
            raise ValueError("a rule needs min, max or after.")
        return self

    @property
    def violation_text(self) -> str:
        """The violation, as the import report prints it."""
        bounds = [f"below {self.minimum}"] if self.minimum is not None else []
        bounds += [f"above {self.maximum}"] if self.maximum is not None else []
        bounds += [f"not after {self.after}"] if self.after is not None else []
        return f"{self.column} {' or '.join(bounds)}"


def _parse_column_map(value: Any) -> Any:
    if isinstance(value, dict | ColumnMap):
        return value
    if value is None or not _is_scalar(value):
        raise ValueError("must be a source column, or a mapping such as {from: COLUMN}")
    return {"from": value}


def _parse_source_map(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class TableMap(_StrictModel):
    """The sources, columns and rules of one table."""

    sources: Texts = Field((), alias="from")
    one_row_per: str | None = None
    columns: dict[str, Annotated[ColumnMap, BeforeValidator(_parse_column_map)]] = {}
    rules: tuple[Rule, ...] = ()
    missing: Texts = ()  # words that mean a missing value, in addition to blank text
    replace: bool = False  # empty the table first

    @field_validator("columns", mode="before")
    @classmethod
    def _add_own_sources(cls, value: Any) -> Any:
        """Add `from: NAME` to an own column that does not state its source: `seniority: {type: category}`."""
        if not isinstance(value, dict):
            return value
        origins = {"from", "source", "value", "join", "first_true"}
        return {
            name: {"from": name, **given}
            if isinstance(given, dict) and "type" in given and not origins & given.keys()
            else given
            for name, given in value.items()
        }

    def get_own_columns(self, table: str) -> tuple[Column, ...]:
        """Return the own columns that the mapping declares.

        Raises
        ------
        ConfigurationError: If a name is not valid for the table.
        """
        own = ((name, column) for name, column in self.columns.items() if column.type is not None)
        return tuple(make_own_column(table, name, column.type, show=column.show) for name, column in own)


class SourceMap(_StrictModel):
    """A source, how to read it, and its words that mean a missing value."""

    file: Text | None = None  # or a folder
    url: Text | None = None  # of a database; ${NAME} is an environment variable
    missing: Texts = ()
    encoding: Text | None = None  # the other keys: see `SourceOptions`
    delimiter: Text | None = None
    header: Texts = ()
    sheet: str | int | None = None
    table: Text | None = None
    query: Text | None = None

    @model_validator(mode="after")
    def _check_location(self) -> SourceMap:
        if (self.file is None) == (self.url is None):
            raise ValueError("give exactly one of file and url")
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a url needs exactly one of table and query")
        return self

    @field_validator("encoding", "delimiter")
    @classmethod
    def _check_option(cls, value: str | None, info: ValidationInfo) -> str | None:
        try:
            SourceOptions(encoding=value) if info.field_name == "encoding" else SourceOptions(delimiter=value)
        except ConfigurationError as error:
            raise ValueError(str(error).partition(": ")[2]) from None
        return value

    @property
    def title(self) -> str:
        """The name of the source in reports. It contains no password."""
        return describe_source(self.url or str(self.file), self.options)

    @property
    def options(self) -> SourceOptions:
        """How to read the source."""
        return SourceOptions(**{option.name: getattr(self, option.name) for option in fields(SourceOptions)})


class ImportMap(_StrictModel):
    """The content of a mapping file."""

    board: dict[str, Any] = {}  # the settings of `scoring.columns.board_definition.SETTINGS`
    sources: dict[str, Annotated[SourceMap, BeforeValidator(_parse_source_map)]]
    tables: dict[str, TableMap]


def read_mapping(path: Path) -> ImportMap:
    """Return the content of a mapping file (safe YAML).

    Raises
    ------
    ConfigurationError: If the file cannot be read, is not YAML, or names an unknown key, table, column or source.
    """
    file = _read_yaml(path, "`sources` and `tables`")
    mapping = _validate(ImportMap, file)
    try:
        parse_settings(mapping.board)
    except ConfigurationError as error:
        raise file.error(error.key, str(error)) from None
    for name, table in mapping.tables.items():
        key = ("tables", name)
        _check_targets(name, table, file, key)
        for source in table.sources:
            if source not in mapping.sources:
                raise file.error(
                    (*key, "from"), f"tables.{name}.from: source {source!r} does not exist. Add it under `sources`."
                )
        if not table.sources:
            raise file.error(key, f"tables.{name} does not have a source. Add `from: NAME`.")
    return mapping


def parse_table_mapping(table: str, mapping: Path | str | MappingABC[str, Any] | TableMap | None) -> TableMap:
    """Return the mapping of one table from None, a `TableMap`, its dict, a YAML file of it, or a mapping file.

    Raises
    ------
    ConfigurationError: If the mapping is invalid, or a mapping file does not fill the table.
    """
    if mapping is None and table in TABLES:
        return TableMap()
    if mapping is None:
        raise ConfigurationError(f"Table {table!r} does not exist. {suggest(table, TABLES)}", key=("table",))
    if isinstance(mapping, TableMap | MappingABC):
        content = {} if isinstance(mapping, TableMap) else dict(mapping)
        file = YamlSource("mapping", content, {}, ConfigurationError)
    else:
        path = expand_path(mapping, "mapping")
        file = _read_yaml(path, "`columns`")
        if "tables" in file.data:
            return _select_table(table, read_mapping(path), file)
    table_map = mapping if isinstance(mapping, TableMap) else _validate(TableMap, file)
    _check_targets(table, table_map, file)
    return table_map


def read_settings(mapping: Path | str | MappingABC[str, Any] | TableMap | None) -> dict[str, Any]:
    """Return the settings of the board that a mapping file states. The mapping of one table states none.

    Raises
    ------
    ConfigurationError: If the mapping is invalid.
    """
    if not isinstance(mapping, Path | str):
        return {}
    path = expand_path(mapping, "mapping")
    return read_mapping(path).board if "tables" in _read_yaml(path, "`columns`").data else {}


def _select_table(name: str, mapping: ImportMap, file: YamlSource) -> TableMap:
    """Return the mapping of one table of a mapping file, with the words for missing values of its sources."""
    if name not in mapping.tables:
        raise file.error(("tables",), f"the mapping does not fill the table {name!r}. {suggest(name, mapping.tables)}")
    table = mapping.tables[name]
    missing = {word: None for source in table.sources for word in mapping.sources[source].missing}
    return table.model_copy(update={"missing": (*missing, *table.missing)})


def _check_targets(name: str, table: TableMap, file: YamlSource, key: KeyPath = ()) -> None:
    """Raise ConfigurationError if a table or column does not exist. `key` leads to the table in the file."""
    if name not in TABLES or name in FACTOR_TABLES:
        mapped = [table for table in TABLES if table not in FACTOR_TABLES]
        hint = "Import its file without a mapping." if name in FACTOR_TABLES else suggest(name, mapped)
        problem = "cannot be mapped" if name in FACTOR_TABLES else "does not exist"
        raise file.error(key or ("table",), f"table {name!r} {problem}. {hint}")
    board = DEFAULT_BOARD
    for column, column_map in table.columns.items():
        if column_map.type is not None:
            try:
                own = make_own_column(name, column, column_map.type, show=column_map.show)
            except ConfigurationError as error:
                raise file.error((*key, "columns", column), str(error)) from None
            board = board.with_columns(name, [own])
    spec = board.table(name)
    columns = [*table.columns, *(rule.column for rule in table.rules), *(r.after for r in table.rules if r.after)]
    for column in columns:
        if column not in spec.names:
            raise file.error(
                (*key, "columns" if column in table.columns else "rules", column),
                f"table {name} does not have the column {column!r}. {_advise_type(name, column)}"
                f"{suggest(column, spec.names)}",
            )
    for place, rule in enumerate(table.rules):
        column_type = spec.column(rule.column).type
        for limit_name, limit in (("min", rule.minimum), ("max", rule.maximum)):
            if limit is not None and not _is_bound(column_type, limit):
                raise file.error(
                    (*key, "rules", str(place), limit_name),
                    f"the rule of {name}.{rule.column} has the limit {shorten_repr(limit)}, which is not a valid "
                    f"{column_type.name}. Correct it.",
                )
    for column, column_map in table.columns.items():
        if conflict := _find_conflict(spec, column, column_map, table):
            raise file.error((*key, "columns", column), f"{'.'.join((*key, 'columns', column))}: {conflict}")
    if table.one_row_per is not None and (table.one_row_per,) != spec.key:
        problem = f"one_row_per of table {name} is {table.one_row_per!r}"
        raise file.error(
            (*key, "one_row_per"),
            f"{problem}. Use {spec.key[0]}, or remove one_row_per."
            if len(spec.key) == 1
            else f"{problem}, but this table does not have a single id column. Remove one_row_per.",
        )


def _advise_type(table: str, column: str) -> str:
    """Return how to declare an own column; empty for tables without own columns."""
    is_valid = table in OWN_TABLES and find_name_problem(table, column) is None
    return "For a column of your own, add `type`, such as `type: category`. " if is_valid else ""


def _is_bound(column_type: ColumnType, limit: Any) -> bool:
    try:
        column_type.parse_bound(limit)
    except (TypeError, ValueError):
        return False
    return True


def _find_conflict(spec: Table, column: str, mapping: ColumnMap, table_map: TableMap) -> str | None:
    """Return what is wrong with the keys of a column because of its type, or None."""
    column_type = spec.column(column).type
    pay_columns = PAY_COLUMNS.get(spec.name, ())
    allowed = {
        "format": column_type is TIME,
        "unit": column_type is TIME,
        "zone": column_type is TIME,
        "number": column_type in (NUMBER, INTEGER),
        "per": column in pay_columns,
        "split": column_type.is_list,
        "normalise": column_type.is_text,
    }
    purposes = {
        "number": "number columns",
        "per": f"{' and '.join(pay_columns) or 'columns of pay'}",
        "split": "list columns",
        "normalise": "text columns",
    }
    for key, is_allowed in allowed.items():
        if getattr(mapping, key) and not is_allowed:
            purpose = purposes.get(key, "time columns")
            return f"`{key}` is for {purpose}, but {column} is a {column_type.name} column. Remove `{key}`."
    if isinstance(mapping.value, list | tuple) and not column_type.is_list:
        return f"`value` is a list, but {column} is a {column_type.name} column. Give one value."
    if mapping.pick == "all" and not column_type.is_list:
        return f"`pick: all` is for list columns, but {column} is a {column_type.name} column. Use another `pick`."
    if column == "salary_type" and any(c.per for name, c in table_map.columns.items() if name in pay_columns):
        return "`per` of the amounts determines salary_type. Remove salary_type or `per`."
    return None


def _read_yaml(path: Path, expected: str) -> YamlSource:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The mapping file {path} cannot be read: {describe_os_error(error)}. Check the path and the file.",
            path=str(path),
        ) from error
    return parse_yaml(text, str(path), expected=expected, error_class=ConfigurationError, as_typed=True)


def _validate(model: type[M], source: YamlSource) -> M:
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        first = error.errors()[0]
        # a value of several types has an error per type
        path = tuple(str(piece) for piece in first["loc"] if piece not in ("[key]", "str", "int"))
        others = error.error_count() - 1
        more = f" The mapping has {pluralize(others, 'other problem')}."
        problem = _describe(model, first).removesuffix(".")
        raise source.error(path, f"{'.'.join(path) or 'the mapping'}: {problem}.{more if others else ''}") from None


PROBLEMS: Final = {
    "missing": "this key is missing",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping (`key: value` lines)",
    "model_type": "must be a mapping (`key: value` lines)",
    "model_attributes_type": "must be a mapping (`key: value` lines)",
    "tuple_type": "must be a list",
}


def _describe(model: type[BaseModel], error: ErrorDetails) -> str:
    """Return what is wrong and what to do, without the words of pydantic."""
    kind = error["type"]
    given = "empty" if error["input"] is None else shorten_repr(error["input"])
    if error["loc"][-1:] == ("[key]",) or kind == "invalid_key":
        key = "an empty key" if error["input"] is None else f"the key {given}"
        return f"{key} is not text. Put it in quotes"
    if kind == "extra_forbidden":
        keys = [field.alias or name for name, field in _find_model(model, error["loc"][:-1]).model_fields.items()]
        return f"unknown key. {suggest(str(error['loc'][-1]), keys)}"
    if kind == "missing":
        return "this key is missing. Add it"
    if kind == "literal_error":
        return f"must be {error['ctx']['expected']}, not {given}".replace("'", "")
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    return f"{PROBLEMS.get(kind, 'is not valid')}, not {given}"


def _find_model(model: type[BaseModel], path: Iterable[int | str]) -> type[BaseModel]:
    """Return the innermost model on the path of an error."""
    for piece in path:
        field = next((f for name, f in model.model_fields.items() if piece in (name, f.alias)), None)
        found = None if field is None else _find_inner_model(field.annotation)
        model = found or model
    return model


def _find_inner_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as `dict[str, Annotated[ColumnMap, …]]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _find_inner_model(part)) is not None), None)
