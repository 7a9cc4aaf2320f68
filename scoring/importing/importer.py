"""Import CSV and Parquet files into the tables of a database.

Data flow: `source_reader` reads files, `computed_columns` computes target columns, `id_mapping` replaces text ids by
integers, `scoring.validation` validates, `merge` applies rules and merges rows, `import_report` counts rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, select

from scoring.columns import FACTOR_TABLES, TABLES
from scoring.database.database import Database
from scoring.database.row_conversion import columns_of, frame_of
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import write_frame
from scoring.errors import DataError
from scoring.id_index import IdIndex
from scoring.importing.computed_columns import compose
from scoring.importing.id_mapping import known_codes, number_ids
from scoring.importing.import_report import ImportReport
from scoring.importing.mapping import TableMap, read_mapping, table_mapping
from scoring.importing.merge import breaks, cleared_column, one_row_per_key
from scoring.importing.source_reader import Raw, read_source, stacked
from scoring.validation.cross_table import find_unknown_references
from scoring.validation.normalise import NormalisedTable, code_width, normalise
from scoring.validation.rejected_rows import write_rejected_rows

__all__ = ["ImportReport", "import_file", "import_mapping"]


def import_file(
    database: Database,
    table: str,
    path: str | Path,
    mapping: Path | str | Mapping[str, Any] | TableMap | None = None,
    *,
    refused_to: str | Path | None = None,
    replace: bool = False,
) -> ImportReport:
    """Import one file into one table, in one transaction.

    Parameters
    ----------
    mapping: column sources and rules: a `TableMap`, its dict, or a YAML file of it. Other columns are matched by name.
    refused_to: where to write rejected rows: a .csv file, or a folder (then `refused_<table>.csv`).
    replace: empty the table first. Otherwise rows whose id is already stored are rejected, and actions that are
        already stored are counted as merged.

    Raises
    ------
    DataError: If the file or a required column is missing or cannot be read.
    ConfigurationError: If the mapping is invalid.
    DatabaseError: If the database cannot be read or written.
    OutputError: If the file of rejected rows cannot be written.
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
) -> list[ImportReport]:
    """Import the tables of a mapping file in its order, each in one transaction.

    Source files are searched in `base_dir`, then in the folder of the mapping file.

    Raises
    ------
    DataError: As in `import_file`, or if all rows of a table are rejected. Later tables are then not imported.
    ConfigurationError, DatabaseError, OutputError: As in `import_file`.
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


def _stop_where_all_is_refused(ledger: ImportReport) -> None:
    """Raise DataError if all rows are rejected: later tables would refer to stored rows with the same ids."""
    if ledger.read and ledger.rejected == ledger.read:
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


def _import(
    database: Database,
    table: str,
    raw: Raw,
    mapping: TableMap,
    source: str,
    refused_to: str | Path | None,
    replace_rows: bool,
) -> ImportReport:
    cleared: Counter[str] = Counter()
    database.require_tables(*TABLES)
    database.migrate()
    with database.begin() as connection:
        found = _validated(connection, table, mapping, raw, cleared)
        found = _ruled(found, mapping, cleared, after=False)
        if mapping.one_row_per is not None:
            found = _ruled(_one_row_per_key(found, mapping), mapping, cleared, after=True)
        if table == "actions":
            users, jobs = (_ids(connection, name) for name in ("users", "jobs"))
            found = found.reject_rows(find_unknown_references(found, users, jobs))
        if replace_rows:
            connection.execute(delete(DATA_TABLES[table]))
        else:
            found = _without_stored(connection, found)
        write_frame(connection, table, found.frame)
        refused = found.n_rejected + len(raw.unreadable)
        path = None
        if refused_to is not None and refused:  # before the commit, so a failure rolls the import back
            target = Path(refused_to)
            path = write_rejected_rows(
                _refused_rows(raw, found),
                target if target.suffix.lower() == ".csv" else target / f"refused_{table}.csv",
            )
    return ImportReport(
        table,
        source,
        raw.read,
        len(found.frame),
        found.merged,
        refused,
        dict(_reasons(raw, found).most_common()),
        dict(cleared.most_common()),
        found.ignored,
        path,
    )


def _validated(
    connection: Connection, table: str, mapping: TableMap, raw: Raw, cleared: Counter[str]
) -> NormalisedTable:
    """Return the source rows as validated rows of the table, with rejections; `rows` are positions in `raw.frame`."""
    ignored: tuple[str, ...] = ()
    composed = raw.frame
    if table not in FACTOR_TABLES:
        composed, unknown, ignored = compose(table, composed, mapping, lambda name: known_codes(connection, name))
        cleared.update(unknown)
        composed = number_ids(connection, table, composed)
    codes = pd.Series(
        connection.execute(select(DATA_TABLES["prefectures"].c.prefecture_code)).scalars().all(), dtype="str"
    )
    width = None if table == "prefectures" else code_width(codes)
    widths = {"prefecture_code": width, "adjacent_code": width}
    rows = composed.reset_index(drop=True)
    return replace(normalise(table, rows, code_width=widths, unique=mapping.one_row_per is None), ignored=ignored)


def _ruled(found: NormalisedTable, mapping: TableMap, cleared: Counter[str], *, after: bool) -> NormalisedTable:
    """Reject rows that violate a rule, or make the values missing, depending on the rule's `else`.

    Rules with `after` compare two columns of a row, so they are applied after rows have been merged.
    """
    for rule in mapping.rules:
        if mapping.one_row_per is not None and (rule.after is not None) != after:
            continue
        broken = breaks(found.table, rule, found.frame)
        if rule.otherwise != "missing" or TABLES[found.table].column(rule.column).required:
            found = found.reject(broken, rule.column, f"is {rule.text.removeprefix(rule.column + ' ')}")
        elif broken.any():
            found = replace(found, frame=cleared_column(found.table, rule.column, found.frame, broken))
            cleared[rule.text] += int(broken.sum())
    return found


def _one_row_per_key(found: NormalisedTable, mapping: TableMap) -> NormalisedTable:
    frame, first = one_row_per_key(found.table, found.frame, mapping)
    merged = found.merged + len(found.frame) - len(frame)
    return replace(found, frame=frame, rows=found.rows[first], merged=merged)


def _without_stored(connection: Connection, found: NormalisedTable) -> NormalisedTable:
    """Reject rows whose id is already stored; count stored actions and prefecture pairs as merged."""
    key = list(TABLES[found.table].key)
    stored = _stored_keys(connection, found.table)
    if not len(stored):
        return found
    known = pd.MultiIndex.from_frame(found.frame[key]).isin(pd.MultiIndex.from_frame(stored))
    if len(key) == 1:
        return found.reject(known, key[0], "is in the database already")
    frame = found.frame[~known].reset_index(drop=True)
    return replace(found, frame=frame, rows=found.rows[~known], merged=found.merged + int(known.sum()))


def _reasons(raw: Raw, found: NormalisedTable) -> Counter[str]:
    """Return reason → rejected rows."""
    refused = found.rejected
    return Counter([*(reason for _, _, reason, _ in raw.unreadable), *(refused["column"] + " " + refused["reason"])])


def _refused_rows(raw: Raw, found: NormalisedTable) -> pd.DataFrame:
    """Return the rejected rows as in the source, preceded by file, row, column, value and reason."""
    head = ["refused_file", "refused_row", "refused_column", "refused_value", "refused_reason"]
    refused = found.rejected
    at = refused["row"].to_numpy(dtype=np.int64)
    said = refused.assign(file=raw.source[at], row=raw.rows[at])[["file", *refused.columns]].set_axis(head, axis=1)
    original = raw.frame.iloc[at].reset_index(drop=True)
    unreadable = pd.DataFrame([(f, line, "", "", why) for f, line, why, _ in raw.unreadable], columns=head)
    fields = pd.DataFrame([fields for *_, fields in raw.unreadable], columns=original.columns, dtype=object)
    parts = [pd.concat([a, b], axis=1) for a, b in ((said, original), (unreadable, fields)) if len(a)]
    return pd.concat(parts, ignore_index=True).sort_values(["refused_file", "refused_row"], ignore_index=True)


def _ids(connection: Connection, table: str) -> IdIndex:
    column = DATA_TABLES[table].c[TABLES[table].key[0]]
    return IdIndex(np.array(connection.execute(select(column)).scalars().all(), dtype=np.int64))


def _stored_keys(connection: Connection, table: str) -> pd.DataFrame:
    columns = [TABLES[table].column(name) for name in TABLES[table].key]
    result = connection.execute(select(*(DATA_TABLES[table].c[column.name] for column in columns)))
    return frame_of(table, columns, columns_of(result))
