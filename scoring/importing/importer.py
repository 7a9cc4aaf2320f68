"""Import CSV and Parquet files into the tables of a database.

Data flow: `readers` reads sources, `computed_columns` computes target columns, `id_mapping` replaces text ids by
integers, `scoring.validation` validates, `row_merging` applies rules and merges rows, `import_report` counts rows.
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
from scoring.database.row_conversion import fetch_columns, to_frame
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import write_frame
from scoring.errors import DataError
from scoring.id_index import IdIndex
from scoring.importing.computed_columns import compute_columns
from scoring.importing.header_check import require_columns
from scoring.importing.id_mapping import read_codes, replace_text_ids
from scoring.importing.import_report import ImportReport
from scoring.importing.mapping import TableMap, parse_table_mapping, read_mapping
from scoring.importing.readers import RawRows, SourceOptions, concatenate, read_source
from scoring.importing.row_merging import clear_values, find_violations, merge_rows
from scoring.validation.cross_table import find_unknown_references
from scoring.validation.normalise import NormalisedTable, code_width, normalise
from scoring.validation.rejection_file import write_rejected_rows

__all__ = ["ImportReport", "import_file", "import_mapping"]


def import_file(
    database: Database,
    table: str,
    path: str | Path,
    mapping: Path | str | Mapping[str, Any] | TableMap | None = None,
    *,
    refused_to: str | Path | None = None,
    replace: bool = False,
    options: SourceOptions | None = None,
) -> ImportReport:
    """Import one file into one table, in one transaction.

    Parameters
    ----------
    mapping: column sources and rules: a `TableMap`, its dict, or a YAML file of it. Other columns are matched by name.
    refused_to: where to write rejected rows: a .csv file, or a folder (then `refused_<table>.csv`).
    replace: empty the table first. Otherwise rows whose id is already stored are rejected, and actions that are
        already stored are counted as merged.
    options: how to read the file, such as its encoding and delimiter.

    Raises
    ------
    DataError: If the file or a required column is missing or cannot be read.
    ConfigurationError: If the mapping is invalid.
    DatabaseError: If the database cannot be read or written.
    OutputError: If the file of rejected rows cannot be written.
    """
    table_map = parse_table_mapping(table, mapping)
    raw = read_source(Path(path), table_map.missing, options)
    require_columns(table, raw, table_map, str(path))
    return _import(database, table, raw, table_map, str(path), refused_to, replace or table_map.replace)


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
    files = {name: _find_file(source.file, folders) for name, source in mapping.sources.items()}
    reports = []
    for table, table_map in mapping.tables.items():
        sources = {name: mapping.sources[name] for name in table_map.sources}
        raw = concatenate(
            [read_source(files[n], source.missing + table_map.missing, source.options) for n, source in sources.items()]
        )
        names = " + ".join(source.file for source in sources.values())
        require_columns(table, raw, table_map, names)
        report = _import(database, table, raw, table_map, names, refused_to, replace or table_map.replace)
        _require_accepted_rows(report)
        reports.append(report)
    return reports


def _require_accepted_rows(report: ImportReport) -> None:
    """Raise DataError if all rows are rejected: later tables would refer to stored rows with the same ids."""
    if report.read and report.rejected == report.read:
        reason, _ = max(report.reasons.items(), key=lambda item: item[1])
        raise DataError(
            f"{report.table} from {report.source}: all {report.read:,} rows were rejected (most often: {reason}), so "
            "later tables were not imported. The tables before it are stored. Correct the file, unless its ids already "
            "exist in the database. Then import again with --replace, or into another database."
        )


def _find_file(file: str, folders: list[Path]) -> Path:
    for folder in folders:
        if (folder / file).exists():
            return folder / file
    raise DataError(
        f"The file {file} does not exist in {' or in '.join(map(str, folders))}. Correct its path in the mapping file."
    )


def _import(
    database: Database,
    table: str,
    raw: RawRows,
    mapping: TableMap,
    source: str,
    refused_to: str | Path | None,
    replace_rows: bool,
) -> ImportReport:
    cleared: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    database.require_tables(*TABLES)
    database.migrate()
    with database.begin() as connection:
        validated = _validate(connection, table, mapping, raw, cleared, notes)
        validated = _apply_rules(validated, mapping, cleared, after=False)
        if mapping.one_row_per is not None:
            validated = _apply_rules(_merge_rows(validated, mapping), mapping, cleared, after=True)
        if table == "actions":
            users, jobs = (_read_ids(connection, name) for name in ("users", "jobs"))
            validated = validated.reject_rows(find_unknown_references(validated, users, jobs))
        if replace_rows:
            connection.execute(delete(DATA_TABLES[table]))
        else:
            validated = _reject_stored_ids(connection, validated)
        write_frame(connection, table, validated.frame)
        n_rejected = validated.n_rejected + len(raw.unreadable)
        path = None
        if refused_to is not None and n_rejected:  # before the commit, so a failure rolls the import back
            target = Path(refused_to)
            path = write_rejected_rows(
                _collect_rejected_rows(raw, validated),
                target if target.suffix.lower() == ".csv" else target / f"refused_{table}.csv",
            )
    return ImportReport(
        table,
        source,
        raw.n_rows,
        len(validated.frame),
        validated.merged,
        n_rejected,
        dict(_count_reasons(raw, validated).most_common()),
        dict(cleared.most_common()),
        validated.ignored,
        path,
        dict(notes.most_common()),
    )


def _validate(
    connection: Connection,
    table: str,
    mapping: TableMap,
    raw: RawRows,
    cleared: Counter[str],
    notes: Counter[str],
) -> NormalisedTable:
    """Return the source rows as validated rows of the table, with rejections; `rows` are positions in `raw.frame`."""
    ignored: tuple[str, ...] = ()
    composed = raw.frame
    rejections = None
    if table not in FACTOR_TABLES:
        computed = compute_columns(table, composed, mapping, lambda name: read_codes(connection, name))
        cleared.update(computed.cleared)
        notes.update(computed.notes)
        ignored, rejections = computed.ignored, computed.rejections
        composed = replace_text_ids(connection, table, computed.frame)
    codes = pd.Series(
        connection.execute(select(DATA_TABLES["prefectures"].c.prefecture_code)).scalars().all(), dtype="str"
    )
    width = None if table == "prefectures" else code_width(codes)
    widths = {"prefecture_code": width, "adjacent_code": width}
    rows = composed.reset_index(drop=True)
    normalised = normalise(table, rows, code_width=widths, unique=mapping.one_row_per is None, rejections=rejections)
    return replace(normalised, ignored=ignored)


def _apply_rules(
    validated: NormalisedTable, mapping: TableMap, cleared: Counter[str], *, after: bool
) -> NormalisedTable:
    """Reject rows that violate a rule, or make the values missing, depending on the rule's `else`.

    Rules with `after` compare two columns of a row, so they are applied after rows have been merged.
    """
    for rule in mapping.rules:
        if mapping.one_row_per is not None and (rule.after is not None) != after:
            continue
        violations = find_violations(validated.table, rule, validated.frame)
        if rule.otherwise != "missing" or TABLES[validated.table].column(rule.column).required:
            validated = validated.reject(
                violations, rule.column, f"is {rule.violation_text.removeprefix(rule.column + ' ')}"
            )
        elif violations.any():
            validated = replace(
                validated, frame=clear_values(validated.table, rule.column, validated.frame, violations)
            )
            cleared[rule.violation_text] += int(violations.sum())
    return validated


def _merge_rows(validated: NormalisedTable, mapping: TableMap) -> NormalisedTable:
    frame, first = merge_rows(validated.table, validated.frame, mapping)
    merged = validated.merged + len(validated.frame) - len(frame)
    return replace(validated, frame=frame, rows=validated.rows[first], merged=merged)


def _reject_stored_ids(connection: Connection, validated: NormalisedTable) -> NormalisedTable:
    """Reject rows whose id is already stored; count stored actions and prefecture pairs as merged."""
    key = list(TABLES[validated.table].key)
    stored = _read_stored_keys(connection, validated.table)
    if not len(stored):
        return validated
    is_stored = pd.MultiIndex.from_frame(validated.frame[key]).isin(pd.MultiIndex.from_frame(stored))
    if len(key) == 1:
        return validated.reject(is_stored, key[0], "already exists in the database")
    frame = validated.frame[~is_stored].reset_index(drop=True)
    return replace(
        validated, frame=frame, rows=validated.rows[~is_stored], merged=validated.merged + int(is_stored.sum())
    )


def _count_reasons(raw: RawRows, validated: NormalisedTable) -> Counter[str]:
    """Return reason → rejected rows."""
    rejected = validated.rejected
    return Counter([*(reason for _, _, reason, _ in raw.unreadable), *(rejected["column"] + " " + rejected["reason"])])


def _collect_rejected_rows(raw: RawRows, validated: NormalisedTable) -> pd.DataFrame:
    """Return the rejected rows as in the source, preceded by file, row, column, value and reason."""
    head = ["refused_file", "refused_row", "refused_column", "refused_value", "refused_reason"]
    rejected = validated.rejected
    at = rejected["row"].to_numpy(dtype=np.int64)
    rows = rejected.assign(file=raw.source[at], row=raw.rows[at])[["file", *rejected.columns]].set_axis(head, axis=1)
    original = raw.frame.iloc[at].reset_index(drop=True)
    unreadable = pd.DataFrame([(f, line, "", "", why) for f, line, why, _ in raw.unreadable], columns=head)
    fields = pd.DataFrame([fields for *_, fields in raw.unreadable], columns=original.columns, dtype=object)
    parts = [pd.concat([a, b], axis=1) for a, b in ((rows, original), (unreadable, fields)) if len(a)]
    return pd.concat(parts, ignore_index=True).sort_values(["refused_file", "refused_row"], ignore_index=True)


def _read_ids(connection: Connection, table: str) -> IdIndex:
    column = DATA_TABLES[table].c[TABLES[table].key[0]]
    return IdIndex(np.array(connection.execute(select(column)).scalars().all(), dtype=np.int64))


def _read_stored_keys(connection: Connection, table: str) -> pd.DataFrame:
    columns = [TABLES[table].column(name) for name in TABLES[table].key]
    result = connection.execute(select(*(DATA_TABLES[table].c[column.name] for column in columns)))
    return to_frame(table, columns, fetch_columns(result))
