"""Row counts of an import: read = stored + merged + rejected; stored = inserted + updated + unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from scoring.plotting.html_table import render_html_table
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["ImportReport", "ImportReports"]

MAX_COLUMNS: Final = 50
"""Unused columns that the report names."""


@dataclass(frozen=True)
class ImportReport:
    """Row counts of the import of one table.

    Attributes
    ----------
    stored: rows of the source that the database contains afterwards.
    merged: source rows that were merged into another row, including actions that were already stored.
    rejected: rejected rows.
    reasons: reason → number of rejected rows.
    cleared: rule → number of values that were made missing.
    ignored: source columns that were not used. With a mapping file: not used by any table, and in one report only.
    refused_path: the file of the rejected rows, if one was written.
    notes: message → number of values that the mapping kept without a conversion, or changed.
    is_update: whether rows with the key of a stored row replaced it.
    already_stored: merged rows of tables without an id (actions, prefecture pairs) that were stored before.
    updated: stored rows that were changed; `reopened` of them were inactive before and are active now.
    unchanged: stored rows that were equal before.
    closed: stored rows that became inactive because the source does not contain them.
    deleted: table → deleted rows that referred to rows that `replace` removed.
    """

    table: str
    source: str
    read: int
    stored: int
    merged: int
    rejected: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    cleared: Mapping[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    refused_path: Path | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    is_update: bool = False
    already_stored: int = 0
    updated: int = 0
    unchanged: int = 0
    reopened: int = 0
    closed: int | None = None
    deleted: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.read != self.stored + self.merged + self.rejected or self.inserted < 0:
            raise AssertionError(
                f"{self.table}: {self.read} rows were read, but {self.stored} stored ({self.inserted} inserted), "
                f"{self.merged} merged and {self.rejected} rejected were counted. This is a bug in scoring: please "
                "report it."
            )

    @property
    def inserted(self) -> int:
        """Rows whose key was not stored before."""
        return self.stored - self.updated - self.unchanged

    @property
    def refused(self) -> int:
        """The name of `rejected` in version 0.1."""
        return self.rejected

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        lines = [
            f"{self.table} from {self.source}: {self.read:,} read = {self.stored:,} stored + {self.merged:,} merged "
            f"+ {self.rejected:,} rejected"
        ]
        if self.is_update:
            reopened = f" ({self.reopened:,} of them reopened)" if self.reopened else ""
            updated = f"{self.updated:,} updated{reopened}"
            lines.append(f"  stored: {self.inserted:,} inserted + {updated} + {self.unchanged:,} unchanged")
        if self.already_stored:
            lines.append(f"  merged {self.already_stored:,}: already stored")
        if self.closed is not None:
            lines.append(f"  closed {self.closed:,}: not in the file")
        lines += [
            f"  deleted {count:,} {table}: they referred to removed {self.table}"
            for table, count in self.deleted.items()
        ]
        lines += [f"  rejected {count:,}: {reason}" for reason, count in self.reasons.items()]
        lines += [f"  made missing {count:,}: {rule}" for rule, count in self.cleared.items()]
        lines += [f"  note {count:,}: {note}" for note, count in self.notes.items()]
        if self.ignored:
            more = len(self.ignored) - MAX_COLUMNS
            names = [*self.ignored[:MAX_COLUMNS], *([f"and {more:,} more"] if more > 0 else [])]
            lines.append(f"  columns not used: {', '.join(names)}")
        if self.refused_path is not None:
            lines.append(f"  rejected rows: {self.refused_path} (readable only by the owner)")
        return lines

    def frame(self) -> pd.DataFrame:
        """Return the counts as a frame: table, what, why, rows.

        `what` is read, stored, merged, refused or made missing. A table without an id adds already stored
        (part of merged); an update adds inserted, updated, unchanged and reopened; others are closed and deleted.
        """
        rows = [("read", "", self.read), ("stored", "", self.stored), ("merged", "", self.merged)]
        rows += [("refused", reason, count) for reason, count in self.reasons.items()]
        rows += [("made missing", rule, count) for rule, count in self.cleared.items()]
        if self.is_update:
            rows += [(what, "", getattr(self, what)) for what in ("inserted", "updated", "unchanged", "reopened")]
        if self.already_stored:
            rows.append(("already stored", "", self.already_stored))
        if self.closed is not None:
            rows.append(("closed", "not in the file", self.closed))
        rows += [("deleted", f"{table} of removed {self.table}", count) for table, count in self.deleted.items()]
        return pd.DataFrame([(self.table, *row) for row in rows], columns=["table", "what", "why", "rows"])


class ImportReports(list[ImportReport]):
    """The reports of the tables of one import, in its order. A notebook displays `frame()` and `reasons()`."""

    def frame(self) -> pd.DataFrame:
        """Return one row per table: table, read, stored, merged, rejected."""
        rows = [(report.table, report.read, report.stored, report.merged, report.rejected) for report in self]
        return pd.DataFrame(rows, columns=["table", "read", "stored", "merged", "rejected"])

    def reasons(self) -> pd.DataFrame:
        """Return one row per reason for a rejected row or a value made missing: table, rows, what, reason."""
        rows = [
            (report.table, count, what, reason)
            for report in self
            for what, counts in (("rejected", report.reasons), ("made missing", report.cleared))
            for reason, count in counts.items()
        ]
        return pd.DataFrame(rows, columns=["table", "rows", "what", "reason"])

    def rejected_rows(self) -> pd.DataFrame:
        """Return the rejected rows of all tables as text: file, row, column, value, reason. Read them from the files.

        Raises
        ------
        OutputError: If a file of rejected rows cannot be read.
        """
        names = ["refused_file", "refused_row", "refused_column", "refused_value", "refused_reason"]
        frames = [pd.DataFrame(columns=names, dtype="str")]
        for report in self:
            if report.refused_path is not None:
                with wrap_os_errors(report.refused_path, "read"):
                    frames.append(pd.read_csv(report.refused_path, dtype="str", keep_default_na=False)[names])
        return pd.concat(frames, ignore_index=True).rename(columns=lambda name: name.removeprefix("refused_"))

    def __repr__(self) -> str:
        lines = (
            f"{report.table}: {report.stored:,} stored, {report.merged:,} merged, {report.rejected:,} rejected"
            for report in self
        )
        return f"ImportReports({'; '.join(lines)})"

    def _repr_html_(self) -> str:
        reasons = self.reasons()
        return render_html_table(self.frame()) + (render_html_table(reasons) if len(reasons) else "")
