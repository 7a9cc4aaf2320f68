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
from scoring.errors import ConfigurationError, DataError, OutputError, make_printable, pluralize
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error
from scoring.validation.referenced_ids import UNKNOWN
from scoring.validation.rejections import group_rejections, make_empty_rejections
from scoring.validation.table_validator import NormalisedTable
from scoring.validation.unknown_values import UnknownValues, find_unknown_values

__all__ = ["DataReport", "Limit", "TableReport"]

REASON_COLUMNS: Final = ("refused_row", "refused_column", "refused_value", "refused_reason")


_DELETED: Final = (
    "Most of them refer to rows that do not exist, such as deleted jobs. Instead of deleting a job, close it with "
    "is_active or expires_at, so that its actions stay valid."
)


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
    rejected: Mapping[str, int] = field(default_factory=dict)
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
        total = self.used + sum(self.left_out.values()) + self.n_rejected
        if self.read != total:
            raise AssertionError(
                f"{self.table}: {self.read} rows were read, but {total} were counted as used, left out or rejected. "
                "This is a bug in scoring: please report it."
            )

    @property
    def n_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def n_invalid(self) -> int:
        """Number of rows that are invalid themselves, without rows that only refer to a rejected row."""
        return sum(count for reason, count in self.rejected.items() if reason not in self.caused_by)

    @property
    def n_unknown(self) -> int:
        """Number of rows that refer to a user or job that does not exist, for example because it was deleted."""
        return sum(count for reason, count in self.rejected.items() if f" {UNKNOWN}" in reason)

    def format_line(self) -> str:
        """Return a line such as `jobs: 100 read = 98 used + 2 rejected (fee is not a number: 2)`.

        Reasons of rows that only refer to a rejected row are last.
        """
        parts = [f"{self.used:,} used", *(f"{count:,} {rule}" for rule, count in self.left_out.items() if count)]
        if self.rejected:
            reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self._sort_reasons())
            parts.append(f"{self.n_rejected:,} rejected ({reasons})")
        return f"{self.table}: {self.read:,} read = {' + '.join(parts)}"

    def _sort_reasons(self) -> list[tuple[str, int]]:
        return sorted(self.rejected.items(), key=lambda item: item[0] in self.caused_by)


@dataclass(frozen=True)
class Limit:
    """Largest share or number of invalid rows of a table; unlimited if both are None.

    Rows that only refer to a rejected row do not count, because one invalid job may have many actions.
    """

    share: float | None = None
    rows: int | None = None

    @classmethod
    def parse(cls, text: str, name: str = "limit") -> Self:
        """Return the limit of a text: a share such as `1%`, or a number of rows such as `20`.

        The message of an error contains `name`, the argument or option of the caller.

        Raises
        ------
        ConfigurationError: If the text is neither.
        """
        stripped = text.strip()
        if re.fullmatch(r"\d{1,3}(\.\d+)?\s*%", stripped, re.ASCII) and float(stripped[:-1]) <= 100:
            return cls(share=float(stripped[:-1]) / 100)
        if re.fullmatch(r"\d{1,18}", stripped, re.ASCII):
            return cls(rows=int(stripped))
        raise ConfigurationError(
            f"{name}: {text!r} is not a valid limit. Use a percentage up to 100%, or a number of rows such as 20.",
            key=(name,),
        )

    def allows(self, table: TableReport) -> bool:
        """Return whether the invalid rows of a table are within the limit."""
        limit = table.read * self.share if self.share is not None else self.rows
        return limit is None or table.n_invalid <= limit

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
    unknown: values of used rows that no reference table knows, by table and column.
    notes: table → message → number of values: text ids among integers, padded codes.
    """

    tables: Mapping[str, TableReport] = field(default_factory=dict)
    problems: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rejections: pd.DataFrame = field(default_factory=make_empty_rejections)
    unknown: tuple[UnknownValues, ...] = ()
    notes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: Mapping[str, NormalisedTable]) -> Self:
        """Return the report of validated tables."""
        with_rejections = {
            name: replace(table, rejections=table.rejections.sort_values("at", kind="stable", ignore_index=True))
            for name, table in tables.items()
            if len(table.rejections)
        }
        problems = [group_rejections(tables[name].rejections) for name in with_rejections]
        rejections = pd.concat(
            [make_empty_rejections(), *(table.rejections for table in with_rejections.values())], ignore_index=True
        )
        return cls(
            {name: TableReport.of(table) for name, table in tables.items()},
            pd.concat(problems, ignore_index=True)
            if with_rejections
            else pd.DataFrame(columns=["table", "column", "reason"]),
            {name: _add_reasons(table) for name, table in with_rejections.items()},
            {name: table.ignored for name, table in tables.items() if table.ignored},
            rejections,
            find_unknown_values({name: table.frame for name, table in tables.items()}),
            {name: table.notes for name, table in tables.items() if table.notes},
        )

    def get_invalid_rows(self, table: str) -> pd.DataFrame:
        """Return the rejected rows of a table that are invalid themselves, without rows that only refer to one."""
        first = self.rejections[self.rejections["table"] == table].drop_duplicates("at")
        return self.rows[table][(first["caused_by"] == "").to_numpy()]

    @property
    def n_rejected(self) -> int:
        return sum(table.n_rejected for table in self.tables.values())

    def __getitem__(self, table: str) -> TableReport:
        """Return the row counts of a table. Raise KeyError if it does not exist."""
        return self.tables[table]

    def __repr__(self) -> str:
        return f"DataReport({'; '.join(self.lines())})"

    def lines(self) -> list[str]:
        """Return the report as text: one line per table, then one line per column with unknown values."""
        return [*(table.format_line() for table in self.tables.values()), *map(str, self.unknown)]

    def frame(self) -> pd.DataFrame:
        """Return the counts as a frame: table, what (read, used, left out, refused, unknown value), why, rows.

        Rows with an unknown value are used. `rows` counts values, of which a list may contain several.
        """
        rows: list[tuple[str, str, str, int]] = []
        for name, table in self.tables.items():
            rows += [(name, "read", "", table.read), (name, "used", "", table.used)]
            rows += [(name, "left out", rule, count) for rule, count in table.left_out.items()]
            rows += [(name, "refused", reason, count) for reason, count in table.rejected.items()]
        rows += [(values.table, "unknown value", values.describe(), values.count) for values in self.unknown]
        return pd.DataFrame(rows, columns=["table", "what", "why", "rows"])

    def with_table(self, table: TableReport) -> Self:
        """Return a copy with other row counts of one table."""
        return replace(self, tables={**self.tables, table.table: table})

    def reasons(self) -> dict[tuple[str, str], int]:
        """Return (table, reason) → number of rejected rows."""
        return {(name, why): rows for name, table in self.tables.items() for why, rows in table.rejected.items()}

    def summarize_rejections(self) -> str:
        """Return one sentence with the row counts of tables that have rejected rows; empty if none has."""
        lines = "; ".join(table.format_line() for table in self.tables.values() if table.rejected)
        return f"Rejected rows are left out: {make_printable(lines, 1000)}." if lines else ""

    def write(self, folder: str | Path, prefix: str = "refused_", as_of: pd.Timestamp | None = None) -> list[Path]:
        """Write the rejected rows as one CSV file per table, readable only by the owner, and return the paths.

        Times are in ISO 8601. `as_of`, the clock of the data, is written to the column refused_as_of.

        Raises
        ------
        OutputError: If a file cannot be written.
        """
        from scoring.validation.rejection_file import write_rejected_rows

        folder = expand_path(folder, "folder")
        return [
            write_rejected_rows(_make_readable(rows, as_of), folder / f"{prefix}{table}.csv")
            for table, rows in self.rows.items()
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
                        f"{path}: the rejected rows of an earlier run cannot be deleted: {describe_os_error(error)}. "
                        "Delete this file.",
                        path=str(path),
                        errno=error.errno,
                    ) from error
        return self.write(folder, prefix, as_of)

    def require(self, limit: Limit, advice: str = "") -> None:
        """Raise DataError if more rows of a table are invalid than the limit allows.

        `advice`: a sentence at the end of the message.
        """
        exceeding = [table for table in self.tables.values() if not limit.allows(table)]
        if exceeding:
            lines = "; ".join(table.format_line() for table in exceeding)
            cause = "".join(f" {_DELETED}" for table in exceeding if table.n_unknown > table.n_invalid / 2)
            raise DataError(
                f"Too many invalid rows. At most {limit} of a table may be invalid. {lines}.{cause}{advice}",
                problems=self.problems,
                reason="too many invalid rows",
                table=exceeding[0].table,
            )


def _add_reasons(table: NormalisedTable) -> pd.DataFrame:
    return pd.concat([table.rejected.set_axis(list(REASON_COLUMNS), axis=1), table.get_rejected_rows()], axis=1)


def _make_readable(rows: pd.DataFrame, as_of: pd.Timestamp | None) -> pd.DataFrame:
    """Return the rows with times as text and, if `as_of` is given, a column with it after the reason."""
    readable = rows.assign(
        **{
            str(name): _format_times(values)
            for name, values in rows.items()
            if values.dtype == object or values.dtype.kind == "M"
        }
    )
    if as_of is not None:
        readable.insert(list(readable.columns).index("refused_reason") + 1, "refused_as_of", as_of.isoformat())
    return readable


def _format_times(values: pd.Series) -> pd.Series:
    texts = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    try:
        return pd.Series(texts, index=values.index)
    except UnicodeEncodeError:  # not valid UTF-8; the file contains an escape
        return pd.Series(texts, index=values.index, dtype=object)
