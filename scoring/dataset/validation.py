"""The door for frames: any DataFrame to the canonical columns and dtypes, or a refusal that names the rows.

`normalise` keeps the good rows and lists the refused ones with their reasons (for the importer's ledger);
`check` raises instead (for DataFrame arguments), and is fast where nothing is wrong.
Coercion is `scoring.dataset.coercion`, the short way `scoring.dataset.checked`; what a canonical frame must
satisfy is stated once, as pandera schemas derived from `scoring.columns.TABLES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scoring.columns import ACTION_KINDS, Column, Kind, Table
from scoring.dataset.checked import Checked, coerced_dtype, final, missing, read
from scoring.dataset.coercion import Mask, coerce
from scoring.dataset.naming import columns_of, sources_of, table_of
from scoring.errors import DataError

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

__all__ = ["Normalised", "check", "check_references", "checked", "code_width", "normalise", "unknown_references"]

SHOWN: Final = 5  # problems that an error spells out


@dataclass(frozen=True)
class Normalised:
    """What `normalise` gives.

    `frame`: the good rows, canonical columns and dtypes, RangeIndex. `rows`: (n,) the source row of each.
    `refused`: one row per refused source row: row, column, value (text), reason; by position in the source.
    `merged`: rows that repeat an action already there. `ignored`: columns that were not used.
    """

    frame: pd.DataFrame
    rows: np.ndarray
    refused: pd.DataFrame
    merged: int
    ignored: tuple[str, ...]


def normalise(
    table: str,
    frame: pd.DataFrame,
    *,
    code_width: Mapping[str, int | None] | None = None,
    source_rows: Sequence[Any] | np.ndarray | pd.Index | None = None,
    unique: bool = True,
) -> Normalised:
    """Canonical rows of a frame, and the refused ones.

    Parameters
    ----------
    code_width: code column → digits to pad whole numbers to (`code_width()` reads it off a reference table).
    source_rows: (n,) what to call the rows; the frame's index unless given.
    unique: False leaves rows that share a key alone (the importer makes several source rows one).

    Raises
    ------
    DataError: a required column is missing, a column stands twice, or factor columns are not f0…fN.
    """
    spec, names = table_of(table), (frame.index if source_rows is None else source_rows)
    columns = columns_of(spec, frame)
    sources, ignored = sources_of(spec, columns, frame)
    widths = code_width or {}
    problems = _Problems(len(frame))
    out: dict[str, pd.Series] = {}
    for column in columns:
        source = sources.get(column.name)
        if source is None:
            out[column.name] = missing(column, len(frame))
            continue
        given = frame[source].reset_index(drop=True)
        coerced = coerce(column.kind, given, widths.get(column.name))
        out[column.name] = coerced.values
        for mask, reason in coerced.problems:
            problems.add(mask, column.name, given, reason)
    whole = pd.DataFrame(out, copy=False)
    problems.check(_schema(table, columns), whole)
    merged = np.zeros(len(frame), dtype=bool)
    if unique:
        merged = _repeated(spec, whole, problems)
    keep = np.flatnonzero(~problems.refused & ~merged)
    good = whole if len(keep) == len(whole) else whole.iloc[keep].reset_index(drop=True)
    for column in columns:
        good[column.name] = final(column, good[column.name])
    return Normalised(good, keep, problems.frame(names), int(merged.sum()), ignored)


def check(table: str, frame: pd.DataFrame, *, code_width: Mapping[str, int | None] | None = None) -> pd.DataFrame:
    """The canonical frame of a DataFrame argument.

    Raises DataError that names table, columns, rows (by the frame's index) and values: the first few problems
    and how many there are. Repeated actions collapse to one without an error.
    """
    return checked(table, frame, code_width=code_width).frame


def checked(table: str, frame: pd.DataFrame, *, code_width: Mapping[str, int | None] | None = None) -> Checked:
    """The same, with columns that are made canonical when they are read. Raises what `check` raises."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{table}: a pandas DataFrame is needed, not {type(frame).__name__}.")
    found = read(table, frame, code_width)
    if found is not None:
        return found
    result = normalise(table, frame, code_width=code_width)
    if len(result.refused):
        raise DataError(_sentence(table, result.refused))
    return Checked.of(table, result.frame)


def code_width(codes: pd.Series) -> int | None:
    """The width of a reference table's codes where those are all digits of one width, else None."""
    texts = codes.dropna().astype(str)
    if not len(texts) or not texts.str.fullmatch(r"[0-9]+").all():
        return None
    widths = texts.str.len().unique()
    return int(widths[0]) if len(widths) == 1 else None


def unknown_references(actions: pd.DataFrame, users: pd.Index, jobs: pd.Index) -> pd.DataFrame:
    """Actions on users or jobs that are not there: row (position), column, value, reason; frames canonical."""
    problems = _Problems(len(actions))
    for name, known in (("user_id", users), ("job_id", jobs)):
        strange = ~actions[name].isin(known).to_numpy()
        problems.add(strange, name, actions[name], f"is no {name} of {name.removesuffix('_id')}s")
    return problems.frame(np.arange(len(actions)))


def check_references(actions: pd.DataFrame, users: pd.DataFrame, jobs: pd.DataFrame) -> None:
    """Raises DataError naming the actions on users or jobs that are not there; frames canonical."""
    refused = unknown_references(actions, pd.Index(users["user_id"]), pd.Index(jobs["job_id"]))
    if len(refused):
        raise DataError(_sentence("actions", refused))


class _Problems:
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

    def frame(self, names: Sequence[Any] | np.ndarray | pd.Index) -> pd.DataFrame:
        """One row per refused row: the first problem's column and value, all reasons joined."""
        columns = ["row", "column", "value", "reason"]
        if not self._found:
            return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        found = pd.concat(self._found, ignore_index=True).sort_values("at", kind="stable")
        several = found["at"].duplicated()  # the first one's column stands in a column of its own
        found["reason"] = found["reason"].where(~several, found["column"] + " " + found["reason"])
        if several.any():
            joined = found.groupby("at", sort=True)["reason"].agg("; ".join)
            found = found.drop_duplicates("at").assign(reason=joined.to_numpy())
        found["row"] = pd.Index(names).take(found["at"].to_numpy())
        return found[columns].reset_index(drop=True)


def _shown(value: Any) -> str:
    """A value as an error shows it: short, and always printable."""
    if not isinstance(value, list | tuple | np.ndarray) and pd.isna(value):
        return ""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else text[:77] + "…"


@lru_cache(maxsize=32)
def _schema(table: str, columns: tuple[Column, ...]) -> DataFrameSchema:
    """What the coerced columns of a table must satisfy, row by row."""
    import pandera.pandas as pandera

    checks: dict[str, pandera.Check] = {}
    for column in columns:
        if column.kind is Kind.NUMBER:
            checks[column.name] = pandera.Check(lambda values: ~np.isinf(values), error="is infinite")
    if table == "actions":
        checks["action"] = pandera.Check.isin(ACTION_KINDS, error=f"is none of {', '.join(ACTION_KINDS)}")
    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                coerced_dtype(column),
                checks=checks.get(column.name),
                nullable=not column.required,
            )
            for column in columns
        },
        ordered=True,
        strict=True,
    )


def _repeated(spec: Table, frame: pd.DataFrame, problems: _Problems) -> Mask:
    """Among the sound rows: repeated actions and borders (merged), or rows whose key was there before (refused).

    Judged after all else, so that a refused row does not take its id away from a good one.
    """
    sound = np.flatnonzero(~problems.refused)
    keys = frame[list(spec.key)]
    repeated = np.zeros(len(frame), dtype=bool)
    repeated[sound] = (keys if len(sound) == len(frame) else keys.iloc[sound]).duplicated().to_numpy()
    if len(spec.key) > 1:
        return repeated
    problems.add(repeated, spec.key[0], frame[spec.key[0]], "stands there already in an earlier row")
    return np.zeros(len(frame), dtype=bool)


def _sentence(table: str, refused: pd.DataFrame) -> str:
    shown = [
        f"row {row}: {column} {value!r} {reason}" if value else f"row {row}: {column} {reason}"
        for row, column, value, reason in refused.head(SHOWN).itertuples(index=False)
    ]
    more = f"; and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
    return f"{table}: {len(refused):,} row{'s' if len(refused) > 1 else ''} cannot be used. {'; '.join(shown)}{more}."
