"""Row counts of a dataset: read = used + left out by a rule + rejected for a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import pandas as pd

from scoring.columns import TABLES
from scoring.errors import ConfigurationError, DataError, OutputError, pluralize, printable
from scoring.storage.os_errors import reason
from scoring.validation.data_errors import grouped, no_rejections
from scoring.validation.normalise import NormalisedTable

__all__ = ["DataReport", "Limit", "TableReport"]

HEAD: Final = ("refused_row", "refused_column", "refused_value", "refused_reason")


@dataclass(frozen=True)
class TableReport:
    """Row counts of one table.

    Attributes
    ----------
    read: rows of the source.
    used: rows that scores use.
    left_out: rule → number of rows that are left out.
    refused: reason → number of rejected rows.
    caused_by: reason → table, for the reasons of rows that only refer to a rejected row of that table.
    """

    table: str
    read: int
    used: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    caused_by: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, table: NormalisedTable) -> Self:
        """Return the row counts of a table. A row with several reasons counts for the first."""
        first = table.rejections.sort_values("at", kind="stable").drop_duplicates("at")
        reasons = first["column"] + " " + first["reason"]
        causes = dict(zip(reasons, first["caused_by"], strict=True))
        left_out = ({"repeated": table.merged} if table.merged else {}) | dict(table.unused)
        return cls(
            table.table,
            table.n_read,
            len(table.frame) - sum(table.unused.values()),
            left_out,
            {str(reason): int(rows) for reason, rows in reasons.value_counts(sort=True).items()},
            {reason: cause for reason, cause in causes.items() if cause},
        )

    def __post_init__(self) -> None:
        found = self.used + sum(self.left_out.values()) + self.n_refused
        if self.read != found:
            raise AssertionError(f"{self.table}: {self.read} rows read, but {found} used, left out and refused")

    @property
    def n_refused(self) -> int:
        return sum(self.refused.values())

    @property
    def n_faulty(self) -> int:
        """Number of rows that are invalid themselves, without rows that only refer to a rejected row."""
        return sum(count for reason, count in self.refused.items() if reason not in self.caused_by)

    def line(self) -> str:
        """Return a line such as `jobs: 100 read = 98 used + 2 refused (fee is not a number 2)`.

        Reasons of rows that only refer to a rejected row are last.
        """
        parts = [f"{self.used:,} used", *(f"{count:,} {rule}" for rule, count in self.left_out.items() if count)]
        if self.refused:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in self._in_order())
            parts.append(f"{self.n_refused:,} refused ({reasons})")
        return f"{self.table}: {self.read:,} read = {' + '.join(parts)}"

    def _in_order(self) -> list[tuple[str, int]]:
        return sorted(self.refused.items(), key=lambda item: item[0] in self.caused_by)


@dataclass(frozen=True)
class Limit:
    """Largest share or number of invalid rows of a table; unlimited if both are None.

    Rows that only refer to a rejected row do not count, because one invalid job may have many actions.
    """

    share: float | None = None
    rows: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit of a text: a share such as `1%`, or a number of rows such as `20`.

        Raises
        ------
        ConfigurationError: If the text is neither.
        """
        plain = text.strip()
        if re.fullmatch(r"\d{1,3}(\.\d+)?\s*%", plain, re.ASCII) and float(plain[:-1]) <= 100:
            return cls(share=float(plain[:-1]) / 100)
        if re.fullmatch(r"\d{1,18}", plain, re.ASCII):
            return cls(rows=int(plain))
        raise ConfigurationError(f"{text!r} says not how many rows may be refused; write 1% or a whole number.")

    def allows(self, table: TableReport) -> bool:
        """Return whether the invalid rows of a table are within the limit."""
        most = table.read * self.share if self.share is not None else self.rows
        return most is None or table.n_faulty <= most

    def __str__(self) -> str:
        if self.share is not None:
            return f"{100 * self.share:g}%"
        return "any number" if self.rows is None else pluralize(self.rows, "row")


@dataclass(frozen=True)
class DataReport:
    """Row counts and rejections of all tables of a dataset.

    Attributes
    ----------
    tables: table → row counts.
    problems: one row per kind of problem: table, column, reason, rows, first (up to five row names), value (of the
        first).
    rows: table → the rejected rows as in the source, preceded by refused_row, refused_column, refused_value and
        refused_reason.
    ignored: table → columns that were not used.
    rejections: a frame of `Rejection`, by table and row.
    """

    tables: Mapping[str, TableReport] = field(default_factory=dict)
    problems: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rejections: pd.DataFrame = field(default_factory=no_rejections)

    @classmethod
    def of(cls, tables: Mapping[str, NormalisedTable]) -> Self:
        """Return the ledger of validated tables."""
        dirty = {
            name: replace(table, rejections=table.rejections.sort_values("at", kind="stable", ignore_index=True))
            for name, table in tables.items()
            if len(table.rejections)
        }
        problems = [grouped(tables[name].rejections) for name in dirty]
        rejections = pd.concat([no_rejections(), *(table.rejections for table in dirty.values())], ignore_index=True)
        return cls(
            {name: TableReport.of(table) for name, table in tables.items()},
            pd.concat(problems, ignore_index=True) if dirty else pd.DataFrame(columns=["table", "column", "reason"]),
            {name: _with_reasons(table) for name, table in dirty.items()},
            {name: table.ignored for name, table in tables.items() if table.ignored},
            rejections,
        )

    def invalid_rows(self, table: str) -> pd.DataFrame:
        """Return the rejected rows of a table that are invalid themselves, without rows that only refer to one."""
        found = self.rejections[self.rejections["table"] == table].drop_duplicates("at")
        return self.rows[table][(found["caused_by"] == "").to_numpy()]

    @property
    def n_refused(self) -> int:
        return sum(table.n_refused for table in self.tables.values())

    def __getitem__(self, table: str) -> TableReport:
        """Return the row counts of a table. Raise KeyError if it does not exist."""
        return self.tables[table]

    def __repr__(self) -> str:
        return f"DataReport({'; '.join(self.lines())})"

    def lines(self) -> list[str]:
        """Return the ledger as text, one line per table."""
        return [table.line() for table in self.tables.values()]

    def frame(self) -> pd.DataFrame:
        """Return the counts as a frame: table, what (read, used, left out, refused), why, rows."""
        rows: list[tuple[str, str, str, int]] = []
        for name, table in self.tables.items():
            rows += [(name, "read", "", table.read), (name, "used", "", table.used)]
            rows += [(name, "left out", rule, count) for rule, count in table.left_out.items()]
            rows += [(name, "refused", reason, count) for reason, count in table.refused.items()]
        return pd.DataFrame(rows, columns=["table", "what", "why", "rows"])

    def with_table(self, table: TableReport) -> Self:
        """Return a copy with other row counts of one table."""
        return replace(self, tables={**self.tables, table.table: table})

    def reasons(self) -> dict[tuple[str, str], int]:
        """Return (table, reason) → number of rejected rows."""
        return {(name, why): rows for name, table in self.tables.items() for why, rows in table.refused.items()}

    def said(self) -> str:
        """Return one sentence with the row counts of tables that have rejected rows; empty if none has."""
        lines = "; ".join(table.line() for table in self.tables.values() if table.refused)
        return f"Rows are left out: {printable(lines, 1000)}." if lines else ""

    def write(self, folder: str | Path, prefix: str = "refused_", as_of: pd.Timestamp | None = None) -> list[Path]:
        """Write the rejected rows as one CSV file per table, readable only by the owner, and return the paths.

        Times are in ISO 8601. `as_of`, the clock of the data, is written to the column refused_as_of.

        Raises
        ------
        OutputError: If a file cannot be written.
        """
        from scoring.validation.rejected_rows import write_refused

        folder = Path(folder)
        return [
            write_refused(_readable(rows, as_of), folder / f"{prefix}{table}.csv") for table, rows in self.rows.items()
        ]

    def replace_files(self, folder: Path, prefix: str, as_of: pd.Timestamp) -> list[Path]:
        """Write files as `write` does, and delete old files of tables that have no rejected rows.

        Raises
        ------
        OutputError: If a file cannot be written or deleted.
        """
        for table in TABLES:
            path = folder / f"{prefix}{table}.csv"
            if table not in self.rows:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise OutputError(
                        f"{path} is of the run before and cannot be taken away: {reason(error)}."
                    ) from error
        return self.write(folder, prefix, as_of)

    def require(self, limit: Limit, way_out: str = "") -> None:
        """Raise DataError if more rows of a table are invalid than the limit allows.

        `way_out`: advice at the end of the message.
        """
        over = [table for table in self.tables.values() if not limit.allows(table)]
        if over:
            lines = "; ".join(table.line() for table in over)
            raise DataError(
                f"More rows cannot be used than the {limit} of a table that may be refused. {lines}.{way_out}",
                problems=self.problems,
            )


def _with_reasons(table: NormalisedTable) -> pd.DataFrame:
    return pd.concat([table.refused.set_axis(list(HEAD), axis=1), table.rejected_rows()], axis=1)


def _readable(rows: pd.DataFrame, as_of: pd.Timestamp | None) -> pd.DataFrame:
    """Return the rows with times as text and, if `as_of` is given, a column with it after the reason."""
    readable = rows.assign(
        **{
            str(name): _with_text_for_times(values)
            for name, values in rows.items()
            if values.dtype == object or values.dtype.kind == "M"
        }
    )
    if as_of is not None:
        readable.insert(list(readable.columns).index("refused_reason") + 1, "refused_as_of", as_of.isoformat())
    return readable


def _with_text_for_times(values: pd.Series) -> pd.Series:
    texts = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    try:
        return pd.Series(texts, index=values.index)
    except UnicodeEncodeError:  # not valid UTF-8; the file contains an escape
        return pd.Series(texts, index=values.index, dtype=object)
