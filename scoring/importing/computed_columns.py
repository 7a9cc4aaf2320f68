"""Compute target columns from source columns: one function per key of a mapping, in the order of the keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import SALARY_TYPES, Table
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.series_functions import MISSING_TEXTS, Mask, format_value
from scoring.columns.text_normalisation import fold_text, normalise_text, normalise_value
from scoring.columns.types import FLAG, NUMBER
from scoring.errors import DataError, suggest
from scoring.importing.mapping_file import PAY_COLUMNS, ColumnMap, PayUnitMap, TableMap
from scoring.importing.money_amount_parser import Amount, NumberNotation, parse_amount, read_unit
from scoring.importing.time_parser import parse_times
from scoring.importing.value_map import (
    MISSING_KEY,
    is_list,
    is_missing,
    map_cells,
    match_key,
)
from scoring.validation.rejections import Rejections
from scoring.validation.unknown_values import format_most_frequent

__all__ = ["ComputedColumns", "compute_columns", "fold_name"]

Lookup = Callable[[str], Mapping[str, Any]]
Outcome = Literal["keep", "missing", "refuse"]

UNIT_HOURS: Final = {"hour": 1.0, "day": 8.0, "week": 40.0, "month": 160.0, "year": 1920.0}
"""Unit of pay → working hours, by default. Hour, day and month are those of the model; a year has 12 months."""

SALARY_UNITS: Final = {"hour": "hourly", "day": "daily", "month": "monthly"}


@dataclass
class ComputedColumns:
    """Target columns as raw values, and what happened to values that have no conversion.

    Attributes
    ----------
    frame: one column per target column.
    rejections: rows of values that a mapping refuses.
    cleared: message → number of values that were made missing.
    notes: message → number of values that were kept or changed.
    kept: target column → `make_key` of the values that `values` or `lookup` kept without a conversion.
    ignored: source columns that were not used.
    """

    frame: pd.DataFrame
    rejections: Rejections
    cleared: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    kept: dict[str, set[str]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def compute_columns(
    table: str, raw: pd.DataFrame, mapping: TableMap, lookup: Lookup, board: Board = DEFAULT_BOARD
) -> ComputedColumns:
    """Return the target columns of source rows.

    Parameters
    ----------
    lookup: returns folded name → code of a reference table.
    board: declares the own columns of the table.

    Raises
    ------
    DataError: If a source column does not exist.
    """
    builder = _ColumnBuilder(board.table(table), raw, mapping, lookup)
    for target, column in mapping.columns.items():
        builder.add(target, column)
    builder.convert_pay()
    return builder.finish()


class _ColumnBuilder:
    def __init__(self, spec: Table, raw: pd.DataFrame, mapping: TableMap, lookup: Lookup) -> None:
        table = spec.name
        self.spec, self.table, self.raw, self.mapping, self.lookup = spec, table, raw, mapping, lookup
        self.folded_names = {fold_text(str(name)): str(name) for name in reversed(raw.columns)}
        self.columns: dict[str, pd.Series] = {}
        self.units: dict[str, pd.Series] = {}  # column → unit of pay of each amount
        self.used: set[str] = set()
        self.result = ComputedColumns(raw, Rejections(table, len(raw)))

    def add(self, target: str, column: ColumnMap) -> None:
        values = self._read_source(target, column)
        if not self.spec.column(target).type.is_list:
            values = self._take_single(target, values)
        if column.normalise:
            values = map_cells(values, lambda value: normalise_text(value) or None if isinstance(value, str) else value)
        if column.cut:
            values = map_cells(values, _make_cutter(column.cut))
        if column.split:
            values = _split(values, column.split)
        if column.values:
            values = self._replace(target, values, column)
        if column.lookup is not None:
            values = self._look_up(target, values, column, column.lookup)
        elif column.number is not None:
            values = self._read_numbers(target, values, column)
        elif column.format or column.unit or column.zone:
            values = self._read_times(target, values, column)
        if column.per is not None and target not in self.units:
            self.units[target] = self._read_units(target, values, column.per, None)
        self.columns[target] = values

    def finish(self) -> ComputedColumns:
        for column in self.spec.columns:  # the canonical name has priority, then earlier aliases
            names = (self._find_name(name) for name in (column.name, *column.aliases))
            name = next((name for name in names if name is not None), None)
            if name is not None and column.name not in self.columns:
                self.columns[column.name] = self.raw[name]
                self.used.add(name)
        self.result.frame = pd.DataFrame(self.columns, index=self.raw.index)
        self.result.ignored = tuple(str(name) for name in self.raw.columns if str(name) not in self.used)
        return self.result

    # Sources

    def _find_name(self, name: str) -> str | None:
        """Return the source column of a name: the same one, or one that differs in case or invisible characters."""
        return name if name in self.raw.columns else self.folded_names.get(fold_text(name))

    def _get(self, target: str, name: str) -> pd.Series:
        """Return a source column."""
        found = self._find_name(name)
        if found is None:
            raise DataError(
                f"The mapping takes {self.table}.{target} from column {name!r}, which the source does not have. "
                f"Correct the mapping. {suggest(name, map(str, self.raw.columns))}",
                reason="missing column",
                table=self.table,
                column=name,
            )
        self.used.add(found)
        return self.raw[found]

    def _read_source(self, target: str, column: ColumnMap) -> pd.Series:
        index = self.raw.index
        if column.source is not None:
            return self._get(target, column.source)
        if column.first_true:
            return self._find_first_true(target, column.first_true)
        if column.join:
            parts = (self._get(target, name).tolist() for name in column.join)
            texts = [
                column.glue.join(format_value(part) for part in row if not is_missing(part)) or None
                for row in zip(*parts, strict=True)
            ]
            return pd.Series(texts, index=index, dtype=object)
        return pd.Series([column.value] * len(index), index=index, dtype=object)

    def _find_first_true(self, target: str, names: tuple[str, ...]) -> pd.Series:
        found = np.full(len(self.raw), None, dtype=object)
        for name in reversed(names):
            source = self._get(target, name).reset_index(drop=True)
            flags = FLAG.coerce(source)
            for mask, reason in flags.problems:
                self.result.rejections.add(mask, target, source, f"{reason} (column {name})")
            found[flags.values.fillna(False).to_numpy(dtype=bool)] = name
        return pd.Series(found, index=self.raw.index, dtype=object)

    def _take_single(self, target: str, values: pd.Series) -> pd.Series:
        """Return the only element of list cells in a column of scalars; reject rows with several."""
        if values.dtype != object or pd.api.types.infer_dtype(values, skipna=True) != "mixed":
            return values
        present = [
            [element for element in value if not is_missing(element)] if is_list(value) else [value]
            for value in values.array
        ]
        several = np.array([len(elements) > 1 for elements in present], dtype=bool)
        self.result.rejections.add(several, target, values, "is a list of several values")
        single = [elements[0] if len(elements) == 1 else None for elements in present]
        return pd.Series(single, index=values.index, dtype=object)

    # Conversions

    def _replace(self, target: str, values: pd.Series, column: ColumnMap) -> pd.Series:
        """Replace values. `else` applies to unlisted values unless a later key converts them."""
        words = column.values
        is_last = not (column.lookup or column.number or column.format or column.unit or column.zone or column.per)

        def replace(value: Any) -> Any:
            if value is None:
                return words.get(MISSING_KEY)
            key = match_key(value, words)
            return value if key is None else words[key]

        if not is_last:
            return map_cells(values, replace)
        results = {format_value(value) for value in words.values() if value is not None}

        def is_unknown(value: Any) -> bool:
            # a value that is already a result needs no replacement
            return value is not None and match_key(value, words) is None and format_value(value) not in results

        return self._convert(target, values, replace, is_unknown, column.otherwise or "keep", "is not in `values`")

    def _look_up(self, target: str, values: pd.Series, column: ColumnMap, reference: str) -> pd.Series:
        codes = self.lookup(reference)
        if self.spec.column(target).type.is_list and not column.split:
            lists = [value if is_list(value) else _split_names(value, codes) for value in values.array]
            values = pd.Series(lists, index=values.index, dtype=object)

        def get_code(value: Any) -> Any:
            return None if value is None else codes.get(fold_name(format_value(value)), value)

        def is_unknown(value: Any) -> bool:
            return value is not None and fold_name(format_value(value)) not in codes

        reason = f"does not exist in {reference}"
        return self._convert(target, values, get_code, is_unknown, column.otherwise or "missing", reason)

    def _convert(
        self,
        target: str,
        values: pd.Series,
        convert: Callable[[Any], Any],
        is_unknown: Callable[[Any], bool],
        outcome: Outcome,
        reason: str,
    ) -> pd.Series:
        """Convert values and list elements. Keep unknown ones, make them missing or reject their rows; count them."""
        unknown = map_cells(values, lambda value: value if is_unknown(value) else None)
        mask = np.array([len(value) > 0 if is_list(value) else value is not None for value in unknown], dtype=bool)
        if not mask.any():
            return map_cells(values, convert)
        lost = [element for value in unknown[mask] for element in (value if is_list(value) else [value])]
        if outcome == "keep":
            self.result.notes[_describe(target, reason, lost)] += len(lost)
            self.result.kept.setdefault(target, set()).update(map(make_key, lost))
            return map_cells(values, convert)
        self._reject_or_clear(target, values, mask, outcome, reason, lost)
        return map_cells(values, lambda value: None if is_unknown(value) else convert(value))

    def _reject_or_clear(
        self, target: str, values: pd.Series, mask: Mask, outcome: Outcome, reason: str, lost: Sequence[Any]
    ) -> None:
        if outcome == "refuse" or self.spec.column(target).required:
            self.result.rejections.add(mask, target, values, reason)
        else:
            self.result.cleared[_describe(target, reason, lost)] += len(lost)

    def _read_times(self, target: str, values: pd.Series, column: ColumnMap) -> pd.Series:
        times = parse_times(values, column.format, column.unit, column.zone)
        if times.invalid.any():
            lost = values[times.invalid].tolist()
            self._reject_or_clear(target, values, times.invalid, column.otherwise or "refuse", times.reason, lost)
        for problem, count in times.notes.items():
            self.result.notes[f"{target}: {problem}"] += count
        return times.values

    def _read_numbers(self, target: str, values: pd.Series, column: ColumnMap) -> pd.Series:
        assert column.number is not None
        notation = column.number.notation
        end = column.number.range or ("high" if target == "max_salary" else "low")
        amounts = map_cells(values, lambda value: _read_amount(value, notation))
        problems = amounts.map(lambda amount: amount if isinstance(amount, str) else None)
        for problem in sorted(problems.dropna().unique()):
            mask = (problems == problem).to_numpy(dtype=bool)
            lost = values[mask].tolist()
            self._reject_or_clear(target, values, mask, column.otherwise or "missing", problem, lost)
        if column.per is not None:
            self.units[target] = self._read_units(target, values, column.per, amounts)
        numbers = [amount.get(end) if isinstance(amount, Amount) else np.nan for amount in amounts]
        return pd.Series(numbers, index=values.index, dtype="float64")

    # Units of pay

    def _read_units(self, target: str, values: pd.Series, per: PayUnitMap, amounts: pd.Series | None) -> pd.Series:
        """Return the unit of pay of each amount; None if it is unknown."""
        units = pd.Series([None] * len(values), index=values.index, dtype=object)
        stated = values
        if per.source is not None:
            stated = self._get(target, per.source)
            units = map_cells(stated, lambda word: _read_stated_unit(word, per))
            known = map_cells(stated, lambda word: word is None or match_key(word, per.values) is not None)
            units = units.mask(units.isna() & known.astype(bool), per.unit)
        elif per.text and amounts is not None:
            units = amounts.map(lambda amount: amount.unit if isinstance(amount, Amount) else None).astype(object)
            units = units.where(units.notna(), per.unit)
        else:
            units[:] = per.unit
        present = values.map(lambda value: not is_missing(value)).astype(bool)
        if amounts is not None:
            present &= amounts.map(lambda amount: isinstance(amount, Amount)).astype(bool)
        unknown = (present & units.isna()).to_numpy(dtype=bool)
        self._count_unknown_units(target, stated, unknown)
        return units

    def _count_unknown_units(self, target: str, values: pd.Series, unknown: Mask) -> None:
        reason = "has an unknown unit of pay"
        if not unknown.any():
            return
        if self.mapping.columns[target].otherwise == "refuse":
            self.result.rejections.add(unknown, target, values, reason)
        else:
            self.result.notes[_describe(target, reason, values[unknown].tolist())] += int(unknown.sum())

    def convert_pay(self) -> None:
        """Convert amounts to units of pay that the model knows, and set the salary type of jobs.

        A row has one salary type: if its amounts have several units, or rows are merged, all become hourly. An amount
        whose unit is unknown has the unit of the other amount.
        """
        if not self.units:
            return
        amounts: dict[str, pd.Series] = {}
        for name in PAY_COLUMNS[self.table]:
            if name not in self.columns and self._find_name(name) is not None:
                self.columns[name] = self._get(name, name)
            if name in self.columns:
                amounts[name] = NUMBER.coerce(self.columns[name].reset_index(drop=True)).values
        stated = list(self.units)
        pers = [per for name in stated if (per := self.mapping.columns[name].per) is not None]
        unit_hours = UNIT_HOURS | {unit: hours for per in pers for unit, hours in per.hours.items()}
        units = {name: self.units.get(name, self.units[stated[0]]).reset_index(drop=True) for name in amounts}
        for name in amounts:
            for other in stated:  # where the amount does not state its unit
                units[name] = units[name].where(units[name].notna(), units[other])
        hours = {name: units[name].map(unit_hours).to_numpy(dtype=np.float64) for name in amounts}
        known = {name: (amounts[name].notna() & units[name].notna()).to_numpy(dtype=bool) for name in amounts}
        types = self._find_salary_types(units, hours, known)
        for name in amounts:
            divided = known[name] & (types == "hourly") & (hours[name] != 1)
            for unit in sorted(units[name][divided].unique()):
                note = f"{name}: amounts per {unit} were divided by {unit_hours[unit]:,g} hours"
                self.result.notes[note] += int((divided & (units[name] == unit).to_numpy(dtype=bool)).sum())
            values = self.columns[name].reset_index(drop=True).astype(object)
            values[divided] = (amounts[name] / hours[name])[divided]
            if self.table == "users":  # a floor is per hour; without a unit it would be compared with another one
                unknown = (amounts[name].notna() & units[name].isna()).to_numpy(dtype=bool)
                values[unknown] = None
            self.columns[name] = values.set_axis(self.raw.index)
        if self.table == "jobs":
            self.columns["salary_type"] = pd.Series(types, index=self.raw.index, dtype=object)

    def _find_salary_types(
        self, units: Mapping[str, pd.Series], hours: Mapping[str, NDArray[Any]], known: Mapping[str, Mask]
    ) -> NDArray[np.object_]:
        """Return the salary type of each row; None if no amount has a known unit."""
        types = np.full(len(self.raw), None, dtype=object)
        keeps_unit = self.table == "jobs" and self.mapping.one_row_per is None
        for name in units:
            native = units[name].map(SALARY_UNITS).to_numpy(dtype=object)
            is_native = hours[name] == pd.Series(native).map(SALARY_TYPES).to_numpy(dtype=np.float64)
            wanted = np.where(is_native & keeps_unit, native, "hourly")
            is_first = known[name] & pd.isna(types)
            differs = known[name] & ~is_first & (types != wanted)
            types = np.where(is_first, wanted, np.where(differs, "hourly", types))
        return types


def make_key(value: Any) -> str:
    """Return a text that is equal for a code before and after validation, which pads it and changes its case."""
    return fold_text(format_value(value)).lstrip("0")


def fold_name(name: str) -> str:
    """Return the folded text of the name of a code, without differences in spaces."""
    return " ".join(fold_text(name).split())


def list_names(name: str) -> list[str]:
    """Return the folded names of a code: also 東京 for 東京都."""
    folded = fold_name(name)
    return [folded, folded[:-1]] if len(folded) > 2 and folded.endswith(("都", "府", "県")) else [folded]


def _describe(target: str, reason: str, values: Sequence[Any]) -> str:
    counts = Counter("" if is_missing(value) else str(value) for value in values)
    return f"{target} {reason}; most often {format_most_frequent(counts)}"


def _split_names(value: Any, codes: Mapping[str, Any]) -> list[Any] | None:
    """Return the names in a cell, which | separates. A name may contain a |."""
    if is_missing(value):
        return None
    text = format_value(value)
    return [text] if fold_name(text) in codes else text.split("|")


def _split(values: pd.Series, separators: tuple[str, ...]) -> pd.Series:
    pattern = re.compile("|".join(map(re.escape, separators)))

    def split(text: str) -> list[str]:
        return [stripped for piece in pattern.split(text) if (stripped := piece.strip())]

    lists: list[Any] = []
    for value in values.array:
        if is_list(value):
            lists.append([piece for item in value if not is_missing(item) for piece in split(format_value(item))])
        else:
            lists.append(None if is_missing(value) else split(format_value(value)))
    return pd.Series(lists, index=values.index, dtype=object)


def _make_cutter(patterns: tuple[str, ...]) -> Callable[[Any], str | None]:
    compiled = [re.compile(pattern) for pattern in patterns]

    def cut(value: Any) -> str | None:
        if value is None:
            return None
        text = format_value(value)
        for pattern in compiled:
            text = pattern.sub("", text)
        return " ".join(text.split()) or None

    return cut


def _read_amount(value: Any, notation: NumberNotation) -> Amount | str | None:
    """Return the amount of a text or number, the problem of a text, or None."""
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "is true or false, not a number"
    if isinstance(value, int | float | np.integer | np.floating | Decimal):
        return Amount(float(value), float(value), None)
    text = str(value)
    return None if text.strip().lower() in MISSING_TEXTS else parse_amount(text, notation)


def _read_stated_unit(word: Any, per: PayUnitMap) -> str | None:
    """Return the unit of a cell in a column of units, or None."""
    if word is None:
        return None
    key = match_key(word, per.values)
    if key is not None:
        return per.values[key]
    text = normalise_value(word) or ""
    return next((unit for unit in per.hours if unit.casefold() == text.casefold()), None) or read_unit(text)
