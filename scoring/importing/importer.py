"""Files in: CSV and Parquet to the database's tables, by name or by a mapping file, with a ledger of every row.

`mapping` the YAML · `reader` files to raw rows · `compose` source to target columns · `ids` numbers for text ids ·
`merge` rules, several rows made one · `ledger` the account. Here: one table's import from end to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, select

from scoring.columns import TABLES
from scoring.columns.coercion import Mask
from scoring.database.database import Database
from scoring.database.row_conversion import columns_of, frame_of
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import write_frame
from scoring.errors import DataError
from scoring.importing.computed_columns import compose
from scoring.importing.id_mapping import known_codes, number_ids
from scoring.importing.import_report import Ledger
from scoring.importing.mapping import TableMap, read_mapping, table_mapping
from scoring.importing.merge import breaks, clear, one_row_per_key
from scoring.importing.source_reader import Raw, read_source, stacked
from scoring.validation.normalise import code_width, normalise, unknown_references
from scoring.validation.rejected_rows import write_refused

__all__ = ["Ledger", "import_file", "import_mapping"]


def import_file(
    database: Database,
    table: str,
    path: str | Path,
    mapping: Path | str | Mapping[str, Any] | TableMap | None = None,
    *,
    refused_to: str | Path | None = None,
    replace: bool = False,
) -> Ledger:
    """Imports one file into one table, all or nothing.

    Parameters
    ----------
    mapping: other names and rules (`TableMap`, its dict, or a YAML file of it); columns by name where it is silent.
    refused_to: where refused rows go, if there are any: a .csv file, or a folder (then `refused_<table>.csv`).
    replace: empty the table first. Otherwise rows whose id is there already are refused, and actions that are
        there already are counted as merged.

    Raises
    ------
    DataError: the file or a column is missing, or cannot be read.
    ConfigurationError: the mapping.
    DatabaseError: the database.
    """
    found = table_mapping(table, mapping)
    raw = read_source(Path(path), found.missing)
    return _import(database, table, raw, found, str(path), refused_to, replace or found.replace)


def import_mapping(
    database: Database,
    mapping_path: str | Path,
    base_dir: str | Path | None = None,
    *,
    refused_to: str | Path | None = None,
    replace: bool = False,
) -> list[Ledger]:
    """Imports everything that a mapping file lists, table by table; each table all or nothing. Errors as above.

    Source files are looked for in `base_dir`, then in the mapping's own folder. Ends with a DataError behind a table
    of which no row at all could be stored.
    """
    mapping_path = Path(mapping_path)
    mapping = read_mapping(mapping_path)
    folders = [Path(base_dir)] if base_dir is not None else []
    folders.append(mapping_path.parent)
    files = {name: _found(source.file, folders) for name, source in mapping.sources.items()}
    ledgers = []
    for table, found in mapping.tables.items():
        raws = [read_source(files[n], mapping.sources[n].missing + found.missing) for n in found.sources]
        names = " + ".join(mapping.sources[name].file for name in found.sources)
        ledger = _import(database, table, stacked(raws), found, names, refused_to, replace or found.replace)
        _stop_where_all_is_refused(ledger)
        ledgers.append(ledger)
    return ledgers


def _stop_where_all_is_refused(ledger: Ledger) -> None:
    """The tables that follow would refer to other people's rows: ids that were there already, say."""
    if ledger.read and ledger.refused == ledger.read:
        reason, _ = max(ledger.reasons.items(), key=lambda item: item[1])
        raise DataError(
            f"{ledger.table} from {ledger.source}: all {ledger.read:,} rows were refused (most often: {reason}), so "
            "the tables after it were not imported. Mend the file, import into another database, or use --replace."
        )


def _found(file: str, folders: list[Path]) -> Path:
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    raise DataError(f"There is no file {file} in {' or in '.join(map(str, folders))}; say where it is.")


class _Account:
    """Which source rows are left, and what happened to the others."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.merged = 0
        self.cleared: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter(reason for _, _, reason, _ in raw.unreadable)
        self._refused: list[tuple[int, str, str, str]] = []  # source row, column, value, reason

    def refuse(self, rows: np.ndarray, column: str, values: pd.Series, reason: str) -> None:
        for row, value in zip(rows.tolist(), values, strict=True):
            self._refused.append((row, column, "" if _is_missing(value) else str(value), reason))
        self.reasons[f"{column} {reason}"] += len(rows)

    def refuse_all(self, refused: pd.DataFrame) -> None:
        """By the frame that `normalise` gives; its rows are source rows."""
        for (column, reason), group in refused.groupby(["column", "reason"], sort=False):
            self.refuse(group["row"].to_numpy(dtype=np.int64), str(column), group["value"], str(reason))

    @property
    def refused(self) -> int:
        return len(self._refused) + len(self.raw.unreadable)

    def rows(self) -> pd.DataFrame:
        """The refused rows as they were, with file, row, column and reason in front."""
        head = ["refused_file", "refused_row", "refused_column", "refused_value", "refused_reason"]
        at = [row for row, *_ in self._refused]
        said = pd.DataFrame(
            [(self.raw.source[r], self.raw.rows[r], c, v, reason) for r, c, v, reason in self._refused], columns=head
        )
        original = self.raw.frame.iloc[at].reset_index(drop=True)
        unreadable = pd.DataFrame([(f, line, "", "", why) for f, line, why, _ in self.raw.unreadable], columns=head)
        fields = pd.DataFrame([fields for *_, fields in self.raw.unreadable], columns=original.columns, dtype=object)
        parts = [pd.concat([a, b], axis=1) for a, b in ((said, original), (unreadable, fields)) if len(a)]
        return pd.concat(parts, ignore_index=True).sort_values(["refused_file", "refused_row"], ignore_index=True)


def _is_missing(value: Any) -> bool:
    return value is None or (not isinstance(value, list) and bool(pd.isna(value)))


def _import(
    database: Database,
    table: str,
    raw: Raw,
    mapping: TableMap,
    source: str,
    refused_to: str | Path | None,
    replace: bool,
) -> Ledger:
    account = _Account(raw)
    database.require_tables(*TABLES)
    database.migrate()
    with database.begin() as connection:
        frame, rows, ignored = _typed(connection, table, mapping, account)
        frame, rows = _ruled(table, mapping, account, frame, rows, after=False)
        if mapping.one_row_per is not None:
            before = len(frame)
            frame, first = one_row_per_key(table, frame, mapping)
            rows = rows[first]
            account.merged += before - len(frame)
            frame, rows = _ruled(table, mapping, account, frame, rows, after=True)
        frame = _fitting(connection, table, account, frame, rows, replace)
        if replace:
            connection.execute(delete(DATA_TABLES[table]))
        write_frame(connection, table, frame)
        path = None
        if refused_to is not None and account.refused:  # before the commit: no row is gone without a trace
            target = Path(refused_to)
            path = write_refused(
                account.rows(), target if target.suffix.lower() == ".csv" else target / f"refused_{table}.csv"
            )
    return Ledger(
        table,
        source,
        raw.read,
        len(frame),
        account.merged,
        account.refused,
        dict(account.reasons.most_common()),
        dict(account.cleared.most_common()),
        ignored,
        path,
    )


def _typed(
    connection: Connection, table: str, mapping: TableMap, account: _Account
) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...]]:
    """The canonical frame of the source rows that can be read, and the source row of each."""
    ignored: tuple[str, ...] = ()
    if table.endswith("_factors"):
        composed = account.raw.frame
    else:
        composed, unknown, ignored = compose(
            table, account.raw.frame, mapping, lambda name: known_codes(connection, name)
        )
        account.cleared.update(unknown)
        composed = number_ids(connection, table, composed)
    codes = pd.Series(
        connection.execute(select(DATA_TABLES["prefectures"].c.prefecture_code)).scalars().all(), dtype="str"
    )
    width = None if table == "prefectures" else code_width(codes)
    widths = {"prefecture_code": width, "adjacent_code": width}
    source = np.arange(len(composed))
    result = normalise(table, composed, code_width=widths, source_rows=source, unique=mapping.one_row_per is None)
    account.refuse_all(result.refused)
    account.merged += result.merged
    return result.frame, result.rows, ignored


def _ruled(
    table: str, mapping: TableMap, account: _Account, frame: pd.DataFrame, rows: np.ndarray, *, after: bool
) -> tuple[pd.DataFrame, np.ndarray]:
    """Without the rows that break a rule, and with broken values made missing.

    Rules with `after` compare columns of a finished row, so they wait until several rows have been made one.
    """
    for rule in mapping.rules:
        if mapping.one_row_per is not None and (rule.after is not None) != after:
            continue
        broken = breaks(table, rule, frame)
        if rule.otherwise == "missing" and not TABLES[table].column(rule.column).required:
            clear(table, rule.column, frame, broken)
            if broken.any():
                account.cleared[rule.text] += int(broken.sum())
            continue
        frame, rows = _without(
            account, frame, rows, broken, rule.column, f"is {rule.text.removeprefix(rule.column + ' ')}"
        )
    return frame, rows


def _fitting(
    connection: Connection, table: str, account: _Account, frame: pd.DataFrame, rows: np.ndarray, replace: bool
) -> pd.DataFrame:
    """Without what the database has already, and without actions on users and jobs that it has not."""
    key = list(TABLES[table].key)
    if table == "actions":
        users, jobs = (_ids(connection, name) for name in ("users", "jobs"))
        refused = unknown_references(frame, users, jobs)
        bad = np.zeros(len(frame), dtype=bool)
        bad[refused["row"].to_numpy(dtype=np.int64)] = True
        account.refuse_all(refused.assign(row=rows[refused["row"].to_numpy(dtype=np.int64)]))
        frame, rows = frame[~bad].reset_index(drop=True), rows[~bad]
    if replace:
        return frame
    stored = _stored_keys(connection, table)
    there = pd.MultiIndex.from_frame(frame[key]).isin(pd.MultiIndex.from_frame(stored)) if len(stored) else None
    if there is None or not there.any():
        return frame
    if len(key) > 1:
        account.merged += int(there.sum())
        return frame[~there].reset_index(drop=True)
    return _without(account, frame, rows, there, key[0], "is in the database already")[0]


def _without(
    account: _Account, frame: pd.DataFrame, rows: np.ndarray, bad: Mask, column: str, reason: str
) -> tuple[pd.DataFrame, np.ndarray]:
    if not bad.any():
        return frame, rows
    account.refuse(rows[bad], column, frame.loc[bad, column], reason)
    return frame[~bad].reset_index(drop=True), rows[~bad]


def _ids(connection: Connection, table: str) -> pd.Index:
    column = DATA_TABLES[table].c[TABLES[table].key[0]]
    return pd.Index(connection.execute(select(column)).scalars().all(), dtype="int64")


def _stored_keys(connection: Connection, table: str) -> pd.DataFrame:
    columns = [TABLES[table].column(name) for name in TABLES[table].key]
    result = connection.execute(select(*(DATA_TABLES[table].c[column.name] for column in columns)))
    return frame_of(table, columns, columns_of(result))
