"""What is wrong with the rows of a table, all of it, and how an error says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns.coercion import Mask
from scoring.errors import DataError, counted

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

__all__ = ["Names", "Problems", "RowName", "by_row", "called", "grouped", "no_problems", "refusal"]

SHOWN: Final = 5  # rows of a table that an error spells out
KINDS_SHOWN: Final = 10  # kinds of problem that it names beside them

Names = Sequence[Any] | np.ndarray | pd.Index


class RowName(str):
    """What a row is called where it has no number that a reader would find it by: `job_id 3`."""

    __slots__ = ()


class Problems:
    """Collects (rows, column, value, reason) for all rows of a frame at once."""

    def __init__(self, length: int) -> None:
        self.refused: Mask = np.zeros(length, dtype=bool)
        self._found: list[pd.DataFrame] = []

    def add(self, mask: Mask, column: str, values: pd.Series, reason: str) -> None:
        at = np.flatnonzero(mask)
        if not len(at):
            return
        shown = [_shown(value) for value in values.iloc[at]]
        self._found.append(pd.DataFrame({"at": at, "column": column, "value": shown, "reason": reason}))
        self.refused[at] = True

    def check(self, schema: DataFrameSchema, frame: pd.DataFrame) -> None:
        """Adds what the schema says about the rows that have no problem yet."""
        from pandera.errors import SchemaErrors

        sound = frame if not self.refused.any() else frame[~self.refused]
        try:
            schema.validate(sound, lazy=True)
        except SchemaErrors as errors:
            cases = errors.failure_cases
            if cases["index"].isna().any():  # not a row's fault: a dtype that coercion should have given
                raise
            for (column, said), group in cases.groupby(["column", "check"], sort=False):
                mask = np.zeros(len(frame), dtype=bool)
                mask[group["index"].to_numpy(dtype=np.int64)] = True
                reason = "is missing" if said == "not_nullable" else str(said)
                self.add(mask, str(column), frame[str(column)], reason)

    def each(self, names: Names) -> pd.DataFrame:
        """One row per problem, by row: at (position), row (name), column, value, reason."""
        if not self._found:
            return no_problems()
        found = pd.concat(self._found, ignore_index=True).sort_values("at", kind="stable", ignore_index=True)
        found.insert(1, "row", called(names, found["at"].to_numpy()))
        return found

    def frame(self, names: Names) -> pd.DataFrame:
        """One row per refused row: the first problem's column and value, all reasons joined."""
        return by_row(self.each(names))


def called(names: Names, at: NDArray[np.int64]) -> pd.Series:
    """The names of the rows at these positions, as they are."""
    named = names if isinstance(names, pd.Index) else pd.Index(names, dtype=object)
    return pd.Series(named.take(at), dtype=object)


def no_problems() -> pd.DataFrame:
    """at, row, column, value, reason; no rows."""
    kinds = {"at": "int64", "row": "object", "column": "str", "value": "str", "reason": "str"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def by_row(each: pd.DataFrame) -> pd.DataFrame:
    """One row per refused row of `Problems.each`: row, column, value, reason."""
    columns = ["row", "column", "value", "reason"]
    several = each["at"].duplicated()
    if not several.any():
        return each[columns].reset_index(drop=True)
    # the first one's column stands in a column of its own
    reasons = each["reason"].where(~several, each["column"] + " " + each["reason"])
    joined = reasons.groupby(each["at"], sort=True).agg("; ".join)
    return each.drop_duplicates("at").assign(reason=joined.to_numpy())[columns].reset_index(drop=True)


def grouped(table: str, each: pd.DataFrame) -> pd.DataFrame:
    """table, column, reason, rows, first (up to 5 names), value (of the first): one row per kind of problem."""
    groups = [
        (table, column, reason, len(group), tuple(group["row"].head(SHOWN)), group["value"].iloc[0])
        for (column, reason), group in each.groupby(["column", "reason"], sort=False)
    ]
    return pd.DataFrame(groups, columns=["table", "column", "reason", "rows", "first", "value"])


def refusal(tables: Mapping[str, pd.DataFrame], failures: Sequence[str] = ()) -> DataError:
    """One error of all problems of all tables (`Problems.each` by table), and of what is wrong with whole tables.

    Its `problems` is a frame of `grouped`, in which a whole table's problem has no column and no rows.
    """
    tables = {table: each for table, each in tables.items() if len(each)}
    frames = [grouped(table, each) for table, each in tables.items()]
    rest = [(said.partition(":")[0].partition(".")[0], "", said, 0, (), "") for said in failures]
    frames += [pd.DataFrame(rest, columns=["table", "column", "reason", "rows", "first", "value"])] if rest else []
    text = " ".join([*failures, *(_sentence(table, each) for table, each in tables.items())])
    return DataError(text, problems=pd.concat(frames, ignore_index=True))


def _sentence(table: str, each: pd.DataFrame) -> str:
    refused = by_row(each)
    shown = [
        f"{_named(row)}: {column} {value!r} {reason}" if value else f"{_named(row)}: {column} {reason}"
        for row, column, value, reason in refused.head(SHOWN).itertuples(index=False)
    ]
    if len(refused) > SHOWN:
        shown.append(f"and {len(refused) - SHOWN:,} more{_kinds_not_shown(table, each)}")
    return f"{table}: {counted(len(refused), 'row')} cannot be used. {'; '.join(shown)}."


def _kinds_not_shown(table: str, each: pd.DataFrame) -> str:
    """What is wrong with the rows that are not spelt out, where it is something else."""
    spelt = each[each["at"].isin(each["at"].unique()[:SHOWN])]
    known = set(zip(spelt["column"], spelt["reason"], strict=True))
    others = [
        f"{column} {reason} ({rows:,}, first {_named(first[0])})"
        for _, column, reason, rows, first, _ in grouped(table, each).itertuples(index=False)
        if (column, reason) not in known
    ]
    more = f", and {len(others) - KINDS_SHOWN} other problems" if len(others) > KINDS_SHOWN else ""
    return f", among them {', '.join(others[:KINDS_SHOWN])}{more}" if others else ""


def _named(row: Any) -> str:
    return str(row) if isinstance(row, RowName) else f"row {row}"


def _shown(value: Any) -> str:
    """A value as an error shows it: short, and always printable."""
    if not isinstance(value, list | tuple | np.ndarray) and pd.isna(value):
        return ""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else text[:77] + "…"
