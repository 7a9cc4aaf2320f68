"""The mapping file: which source columns and rules fill the columns of the database's tables.

    sources:                          # searched in the base folder, then in the folder of the mapping file
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

import re
from collections.abc import Mapping as MappingABC
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from scoring.columns import FACTOR_TABLES, TABLES
from scoring.errors import ConfigurationError, pluralize, suggest
from scoring.importing.readers import SourceOptions
from scoring.storage.os_errors import reason
from scoring.storage.yaml_source import KeyPath, YamlSource, parse_yaml

__all__ = ["ColumnMap", "ImportMap", "Rule", "SourceMap", "TableMap", "parse_table_mapping", "read_mapping"]

M = TypeVar("M", bound=BaseModel)
Pick = Literal["first", "last", "most_common", "min", "max", "all"]


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a valid regular expression: {error}") from None
    return text


class ColumnMap(_StrictModel):
    """The source of one target column, and how merged rows give one value."""

    source: str | None = Field(None, alias="from")
    value: str | int | float | bool | None = None  # the same for all rows
    join: tuple[str, ...] = ()  # texts of several columns, missing ones left out
    glue: str = Field(" ", alias="with")
    values: dict[str, Any] = {}  # replacements of values; other values are unchanged
    cut: tuple[Annotated[str, BeforeValidator(_check_pattern)], ...] = ()  # matches of these patterns are removed
    lookup: str | None = None  # reference table in which to look up the name's code
    pick: Pick = "first"  # missing values are skipped; ties of most_common: the smallest; all: for lists

    @model_validator(mode="after")
    def _check_origin(self) -> ColumnMap:
        if (self.source is not None) + (self.value is not None) + bool(self.join) != 1:
            raise ValueError("give exactly one of from, join and value")
        if self.lookup is not None and self.lookup not in ("occupations", "prefectures"):
            raise ValueError(f"lookup must be occupations or prefectures, not {self.lookup!r}")
        return self


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
            raise ValueError("a rule needs min, max or after")
        return self

    @property
    def violation_text(self) -> str:
        """The violation, as the import report prints it."""
        bounds = [f"below {self.minimum}"] if self.minimum is not None else []
        bounds += [f"above {self.maximum}"] if self.maximum is not None else []
        bounds += [f"not after {self.after}"] if self.after is not None else []
        return f"{self.column} {' or '.join(bounds)}"


def _parse_column_map(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


def _parse_source_map(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


def _to_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class TableMap(_StrictModel):
    """The sources, columns and rules of one table."""

    sources: Annotated[tuple[str, ...], BeforeValidator(_to_tuple)] = Field((), alias="from")
    one_row_per: str | None = None
    columns: dict[str, Annotated[ColumnMap, BeforeValidator(_parse_column_map)]] = {}
    rules: tuple[Rule, ...] = ()
    missing: tuple[str, ...] = ()  # texts that mean a missing value, in addition to blank text
    replace: bool = False  # empty the table first


class SourceMap(_StrictModel):
    """A source, how to read it, and its texts that mean a missing value."""

    file: str  # or a folder
    missing: tuple[str, ...] = ()
    encoding: str | None = None  # the other keys: see `SourceOptions`
    delimiter: str | None = None
    header: Annotated[tuple[str, ...], BeforeValidator(_to_tuple)] = ()
    sheet: str | int | None = None

    @field_validator("encoding", "delimiter")
    @classmethod
    def _check_option(cls, value: str | None, info: ValidationInfo) -> str | None:
        try:
            SourceOptions(encoding=value) if info.field_name == "encoding" else SourceOptions(delimiter=value)
        except ConfigurationError as error:
            raise ValueError(str(error).partition(": ")[2]) from None
        return value

    @property
    def options(self) -> SourceOptions:
        """How to read the source."""
        return SourceOptions(**{option.name: getattr(self, option.name) for option in fields(SourceOptions)})


class ImportMap(_StrictModel):
    """The content of a mapping file."""

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
    """Return the mapping of one table from None, a `TableMap`, its dict, or a YAML file of it.

    Raises
    ------
    ConfigurationError: If the mapping is invalid.
    """
    if mapping is None and table in TABLES:
        return TableMap()
    if mapping is None:
        raise ConfigurationError(f"Table {table!r} does not exist. {suggest(table, TABLES)}", key=("table",))
    if isinstance(mapping, TableMap | MappingABC):
        content = {} if isinstance(mapping, TableMap) else dict(mapping)
        file = YamlSource("mapping", content, {}, ConfigurationError)
    else:
        file = _read_yaml(Path(mapping), "`columns`")
    table_map = mapping if isinstance(mapping, TableMap) else _validate(TableMap, file)
    _check_targets(table, table_map, file)
    return table_map


def _check_targets(name: str, table: TableMap, file: YamlSource, key: KeyPath = ()) -> None:
    """Raise ConfigurationError if a table or column does not exist. `key` leads to the table in the file."""
    if name not in TABLES or name in FACTOR_TABLES:
        mapped = [table for table in TABLES if table not in FACTOR_TABLES]
        hint = "Import its file without a mapping." if name in FACTOR_TABLES else suggest(name, mapped)
        problem = "cannot be mapped" if name in FACTOR_TABLES else "does not exist"
        raise file.error(key or ("table",), f"table {name!r} {problem}. {hint}")
    spec = TABLES[name]
    columns = [*table.columns, *(rule.column for rule in table.rules), *(r.after for r in table.rules if r.after)]
    for column in columns:
        if column not in spec.names:
            raise file.error(
                (*key, "columns" if column in table.columns else "rules", column),
                f"table {name} does not have the column {column!r}. {suggest(column, spec.names)}",
            )
    if table.one_row_per is not None and (table.one_row_per,) != spec.key:
        problem = f"one_row_per of table {name} is {table.one_row_per!r}"
        raise file.error(
            (*key, "one_row_per"),
            f"{problem}. Use {spec.key[0]}, or remove one_row_per."
            if len(spec.key) == 1
            else f"{problem}, but this table does not have a single id column. Remove one_row_per.",
        )


def _read_yaml(path: Path, expected: str) -> YamlSource:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The mapping file {path} cannot be read: {reason(error)}. Check the path and the file.", path=str(path)
        ) from error
    return parse_yaml(text, str(path), expected=expected, error_class=ConfigurationError)


def _validate(model: type[M], source: YamlSource) -> M:
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        first = error.errors()[0]
        path = tuple(str(piece) for piece in first["loc"])
        is_unknown = first["type"] == "extra_forbidden"
        problem = "unknown key" if is_unknown else first["msg"].removeprefix("Value error, ")
        hint = " Correct or remove it." if is_unknown else ""
        others = error.error_count() - 1
        more = f" (and {pluralize(others, 'other problem')})" if others else ""
        raise source.error(path, f"{'.'.join(path)}: {problem}{more}.{hint}") from None
