"""Row counts of an import: read = stored + merged + rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

__all__ = ["ImportReport"]


@dataclass(frozen=True)
class ImportReport:
    """Row counts of the import of one table.

    Attributes
    ----------
    merged: source rows that were merged into another row, including duplicate actions.
    rejected: rejected rows.
    reasons: reason → number of rejected rows.
    cleared: rule → number of values that were made missing.
    ignored: source columns that were not used.
    refused_path: the file of the rejected rows, if one was written.
    notes: message → number of values that the mapping kept without a conversion, or changed.
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

    def __post_init__(self) -> None:
        if self.read != self.stored + self.merged + self.rejected:
            raise AssertionError(
                f"{self.table}: {self.read} rows were read, but {self.stored} stored, {self.merged} merged and "
                f"{self.rejected} rejected were counted. This is a bug in scoring: please report it."
            )

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
        lines += [f"  rejected {count:,}: {reason}" for reason, count in self.reasons.items()]
        lines += [f"  made missing {count:,}: {rule}" for rule, count in self.cleared.items()]
        lines += [f"  note {count:,}: {note}" for note, count in self.notes.items()]
        if self.ignored:
            lines.append(f"  columns not used: {', '.join(self.ignored)}")
        if self.refused_path is not None:
            lines.append(f"  rejected rows: {self.refused_path} (readable only by the owner)")
        return lines

    def frame(self) -> pd.DataFrame:
        """Return the counts as a frame: table, what (read, stored, merged, refused, made missing), why, rows."""
        rows = [(self.table, "read", "", self.read), (self.table, "stored", "", self.stored)]
        rows.append((self.table, "merged", "", self.merged))
        rows += [(self.table, "refused", reason, count) for reason, count in self.reasons.items()]
        rows += [(self.table, "made missing", rule, count) for rule, count in self.cleared.items()]
        return pd.DataFrame(rows, columns=["table", "what", "why", "rows"])
