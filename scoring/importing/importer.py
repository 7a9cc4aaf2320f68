"""Import files, and tables of other databases, into the tables of a database.

Data flow: `readers` reads sources, `computed_columns` computes target columns, `stored_codes` replaces text ids by
integers, `scoring.validation` validates, `row_rules` applies rules and merges rows, `table_writer` stores rows,
`import_report` counts them. All tables of an import are stored in one transaction.

All sources are read before the transaction begins, because a write transaction of SQLite excludes other writers. Rows
are numbered and validated in the transaction: the result depends on ids, codes and names that are stored, or that a
table of the same import has just written. Change tokens do not prove that these are unchanged, because other programs
can edit rows in place. For 300,000 jobs, validation takes 1 of the 5 seconds of an update.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, inspect, select

from scoring.array_types import Longs
from scoring.columns import FACTOR_TABLES, TABLES, Table
from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.columns.text_id_hash import OWNERS
from scoring.columns.types import INTEGER
from scoring.columns.types.id import HEADER
from scoring.columns.types.number import NOT_NUMBER
from scoring.columns.types.time import NOT_TIME
from scoring.database.board_definition_storage import declare_columns, read_board, write_settings
from scoring.database.database import Database
from scoring.database.engines import get_sqlite_file
from scoring.database.schema import DATA_TABLES
from scoring.database.writers import write_frame
from scoring.dataset.frame_validation import make_empty_tables
from scoring.errors import ConfigurationError, DataError
from scoring.id_index import IdIndex
from scoring.importing.computed_columns import compute_columns, make_key
from scoring.importing.header_check import require_columns
from scoring.importing.import_report import ImportReport, ImportReports
from scoring.importing.mapping_file import ImportMap, TableMap, parse_table_mapping, read_mapping, read_settings
from scoring.importing.readers import RawRows, SourceOptions, concatenate, describe_source, read_source
from scoring.importing.rejected_row_origin import RestoredRows, join_fields, restore_origin
from scoring.importing.row_rules import clear_values, find_violations, merge_rows
from scoring.importing.stored_codes import (
    CITY_TABLES,
    number_occupations,
    pad_stored_prefectures,
    read_city_codes,
    read_codes,
    read_owners,
    read_prefecture_codes,
    read_references,
)
from scoring.importing.table_writer import (
    MissingColumns,
    Orphans,
    WriteOptions,
    delete_orphans,
    read_ids,
    store_rows,
)
from scoring.storage.home_folder_expansion import expand_path
from scoring.validation.cross_table_checks import find_unknown_references, pad_cities
from scoring.validation.rejection_file import REJECTION_COLUMNS, is_rejection_file, write_rejected_rows
from scoring.validation.rejections import DUPLICATE, Rejections
from scoring.validation.table_validator import NormalisedTable, code_width, normalise, pad_prefectures
from scoring.validation.unknown_values import REFERENCES, find_unknown_values

__all__ = ["ImportReport", "import_file", "import_mapping"]

CODE_ADVICE: Final = "; map texts to numbers with `values` of the column in a mapping"
TIME_ADVICE: Final = "; for another format, state `format`, `unit` or `zone` of the column in a mapping"


def import_file(
    database: Database,
    table: str,
    path: str | Path,
    mapping: Path | str | Mapping[str, Any] | TableMap | None = None,
    *,
    refused_to: str | Path | None = None,
    replace: bool = False,
    options: SourceOptions | None = None,
    update: bool = False,
    close_missing: bool = False,
    close_most: bool = False,
    missing_columns: MissingColumns = "refuse",
    orphans: Orphans = "refuse",
) -> ImportReport:
    """Import one file into one table, in one transaction. A missing database is created, with reference tables.

    Actions and prefecture pairs that are already stored are counted as merged.

    Parameters
    ----------
    path: a file of any kind that `read_source` reads, a folder of files, or the URL of a database.
    mapping: column sources and rules: a `TableMap`, its dict, or a YAML file of it. Other columns are matched by name.
    refused_to: where to write rejected rows: a .csv file, or a folder (then `refused_<table>.csv`).
    replace: empty the table first.
    options: how to read the file, such as its encoding and delimiter.
    update: replace stored rows that have the id of a row of the file. Without `replace` and `update`, such rows are
        rejected.
    close_missing: for jobs and users, with `update`: rows that the file does not contain become inactive.
    close_most: allow `close_missing` to close more than half of the active rows.
    missing_columns: what `update` does if the file lacks a column that has stored values: "refuse", "keep" the stored
        values, or "clear" them.
    orphans: what `replace` does if actions or factors refer to removed rows: "refuse", or "delete" them.

    Raises
    ------
    DataError: If the file or a required column is missing or cannot be read, or an option is needed, as stated above.
    ConfigurationError: If the mapping is invalid, or options contradict each other.
    DatabaseError: If the database cannot be read or written.
    OutputError: If the file of rejected rows cannot be written.
    """
    table_map = parse_table_mapping(table, mapping)
    policy = WriteOptions(
        replace, update, frozenset([table] if close_missing else ()), close_most, missing_columns, orphans
    )
    reports: list[ImportReport] = []
    database.require_writable()
    raw = _read(path, table_map.missing, options)
    with _transaction(database, [table], policy, reports, read_settings(mapping)) as transaction:
        transaction.import_table(table, raw, table_map, describe_source(path, options), refused_to)
    return reports[0]


def import_mapping(
    database: Database | str | Path,
    mapping_path: str | Path,
    base_dir: str | Path | None = None,
    *,
    refused_to: str | Path | None = None,
    replace: bool = False,
    update: bool = False,
    close_missing: bool | Collection[str] = False,
    close_most: bool = False,
    missing_columns: MissingColumns = "refuse",
    orphans: Orphans = "refuse",
    on_report: Callable[[ImportReport], None] | None = None,
) -> ImportReports:
    """Import the tables of a mapping file in its order, in one transaction: all of them are stored, or none.

    `database` may be the path of a SQLite file or a URL. A file that does not exist is created.

    Source files are searched in `base_dir`, in the folder of the mapping file, and in the current folder. Tables with
    `replace: true` are replaced, even with `update`. Other parameters are those of `import_file`.

    Parameters
    ----------
    close_missing: tables whose missing rows become inactive. True means jobs.
    on_report: is called with the report of each table, after the transaction has ended. It is also called if the import
        fails, with the reports up to the failure; nothing is then stored.

    Raises
    ------
    DataError: As in `import_file`, or if all rows of a table are rejected.
    ConfigurationError, DatabaseError, OutputError: As in `import_file`.

    Example
    -------
    >>> with Database.open(folder / "board.db") as database:
    ...     reports = import_mapping(database, folder / "mapping.yaml")
    >>> [report.table for report in reports]
    ['jobs', 'users']
    """
    mapping_path = expand_path(mapping_path, "mapping_path")
    mapping = read_mapping(mapping_path)
    folders = [expand_path(base_dir, "base_dir")] if base_dir is not None else []
    folders += [mapping_path.parent, Path()]
    places = {name: source.url or _find_file(str(source.file), folders) for name, source in mapping.sources.items()}
    tables = ["jobs"] if close_missing is True else close_missing or []
    options = WriteOptions(replace, update, frozenset(tables), close_most, missing_columns, orphans)
    for table in sorted(options.close_missing - set(mapping.tables)):
        raise ConfigurationError(
            f"The mapping {mapping_path} does not fill the table {table}, so its rows cannot be closed. Remove "
            f"--close-missing{'-users' if table == 'users' else ''}.",
            key=("close_missing",),
        )
    with _open(database) as opened:
        return _import_tables(opened, mapping, places, options, refused_to, on_report)


@contextmanager
def _open(database: Database | str | Path) -> Iterator[Database]:
    """Yield a database. One that is opened here is closed at the end."""
    if isinstance(database, Database):
        yield database
    else:
        with Database.open(database) as opened:
            yield opened


def _import_tables(
    database: Database,
    mapping: ImportMap,
    places: Mapping[str, str | Path],
    options: WriteOptions,
    refused_to: str | Path | None,
    on_report: Callable[[ImportReport], None] | None,
) -> ImportReports:
    """Read the sources of a mapping, then store all tables in one transaction."""
    database.require_writable()
    raws: dict[str, RawRows] = {}
    headers: dict[str, set[str]] = {}
    for table, table_map in mapping.tables.items():
        parts = []
        for name in table_map.sources:
            source = mapping.sources[name]
            parts.append(_read(places[name], source.missing + table_map.missing, source.options))
            headers[name] = set(map(str, parts[-1].frame.columns))
        raws[table] = concatenate(parts)
    reports: list[ImportReport] = []
    try:
        with _transaction(database, list(mapping.tables), options, reports, mapping.board) as transaction:
            for table, table_map in mapping.tables.items():
                names = " + ".join(mapping.sources[name].title for name in table_map.sources)
                report = transaction.import_table(table, raws.pop(table), table_map, names, refused_to)
                _require_accepted_rows(report)
            reports[:] = _report_unused_once(reports, [one.sources for one in mapping.tables.values()], headers)
    finally:
        if on_report is not None:
            for report in reports:
                on_report(report)
    return ImportReports(reports)


def _report_unused_once(
    reports: Sequence[ImportReport], sources: Sequence[Sequence[str]], headers: Mapping[str, Collection[str]]
) -> list[ImportReport]:
    """Return the reports without the unused columns that another table uses, and each other one in one report.

    Parameters
    ----------
    sources: (n,) the names of the sources of each report.
    headers: source → its columns.
    """
    found = [
        {(source, name): name in report.ignored for source in names for name in headers[source]}
        for report, names in zip(reports, sources, strict=True)
    ]
    done = {column for columns in found for column, is_unused in columns.items() if not is_unused}
    result = list(reports)
    for at in sorted(range(len(reports)), key=lambda at: len(reports[at].ignored)):
        new = {column for column, is_unused in found[at].items() if is_unused} - done
        done |= new
        names = {name for _, name in new}
        result[at] = replace(reports[at], ignored=tuple(name for name in reports[at].ignored if name in names))
    return result


@contextmanager
def _transaction(
    database: Database,
    tables: Collection[str],
    options: WriteOptions,
    reports: list[ImportReport],
    settings: Mapping[str, str],
) -> Iterator[_Transaction]:
    """Yield the transaction of an import. Its reports are appended to `reports`.

    Missing tables are created in it, so a failed import leaves the database as it was, or no new file. On failure, the
    reports and the fact that nothing is stored are added to the notes of the exception.
    """
    is_new = database.create_file()
    try:
        with database.begin() as connection:
            board = _prepare_tables(database, connection, tables, settings)
            transaction = _Transaction(connection, options, reports, board)
            yield transaction
            transaction.finish()
    except BaseException as error:
        path = get_sqlite_file(database.engine.url)
        if is_new and path is not None:
            database.engine.dispose()
            path.unlink(missing_ok=True)
        for line in ("Nothing was stored.", *(line for report in reports for line in report.lines())):
            error.add_note(line)
        raise


def _prepare_tables(
    database: Database, connection: Connection, imported: Collection[str], settings: Mapping[str, str]
) -> Board:
    """Create all tables of an empty database, or migrate existing ones, and return the board with these settings.

    A new database gets the reference tables of its preset that are not imported. The pairs of prefectures do not fit
    other prefectures, so they are left out with them. The preset of a database without rows can still be chosen.
    """
    board = DEFAULT_BOARD
    if inspect(connection).get_table_names():
        database.require_tables(*TABLES)
        database.migrate()
        board = read_board(connection)
        preset = settings.get("preset", board.preset)
        if preset == board.preset:
            changed = board.with_settings(settings)
            if changed != board:
                write_settings(connection, changed)
            return changed
        if any(connection.execute(select(table).limit(1)).first() is not None for table in DATA_TABLES.values()):
            raise ConfigurationError(
                f"board.preset is {preset}, but {database.display} was created with the preset {board.preset}. Remove "
                "`preset` from the mapping, or import into a new database.",
                key=("board", "preset"),
            )
    database.create()
    board = board.with_settings(settings)
    write_settings(connection, board)
    left_out = {*imported, *(["prefecture_adjacency"] if "prefectures" in imported else [])}
    for name, frame in make_empty_tables(board).items():
        if len(frame) and name not in left_out:
            write_frame(connection, name, frame)
    return board


@dataclass
class _Transaction:
    """The write transaction of one import of one or more tables.

    Attributes
    ----------
    removed: table → ids of users or jobs that `replace` has removed.
    coded: position of the report, and the columns of codes, of each import of users or jobs.
    old_prefectures: codes of the prefectures before their import; None if they are not imported.
    """

    connection: Connection
    options: WriteOptions
    reports: list[ImportReport]
    board: Board
    removed: dict[str, Longs] = field(default_factory=dict)
    coded: list[tuple[int, pd.DataFrame]] = field(default_factory=list)
    old_prefectures: frozenset[str] | None = None

    def import_table(
        self, table: str, raw: RawRows, mapping: TableMap, source: str, refused_to: str | Path | None
    ) -> ImportReport:
        """Import the rows of one table, and return its report, which is also appended to `reports`."""
        rows = restore_origin(raw)
        if own := mapping.get_own_columns(table):
            self.board = declare_columns(self.connection, self.board.with_columns(table, own))
        require_columns(table, rows.raw, mapping, source, self.board)
        if table == "prefectures" and self.old_prefectures is None:
            self.old_prefectures = frozenset(read_prefecture_codes(self.connection))
        options = self.options
        if mapping.replace:
            options = replace(options, replace=True, update=False, close_missing=frozenset())
        if rows.is_rejected and (options.replace or table in options.close_missing):
            raise ConfigurationError(
                f"{source} contains rejected rows only, not all {table}. Remove --replace and --close-missing.",
                key=("replace" if options.replace else "close_missing",),
            )
        report = _import(self, table, rows, mapping, source, refused_to, options)
        self.reports.append(report)
        return report

    def finish(self) -> None:
        """Delete or refuse orphans, and note unknown codes and pairs of other prefectures.

        Only now is it known which dependent rows and reference tables the import has replaced too.
        """
        for table, counts in delete_orphans(self.connection, self.removed, self.options.orphans, self.board).items():
            at = max(n for n, report in enumerate(self.reports) if report.table == table)
            self.reports[at] = replace(self.reports[at], deleted=counts)
        references = read_references(self.connection) if self.coded else {}
        for at, frame in self.coded:
            report = self.reports[at]
            unknown = find_unknown_values({report.table: frame}, references)
            self._add_notes(at, {values.describe(): values.count for values in unknown})
        self._note_old_pairs()

    def _note_old_pairs(self) -> None:
        """Note that pairs of neighbours stay if the import has changed the prefectures, but not their pairs."""
        tables = [report.table for report in self.reports]
        if self.old_prefectures is None or "prefecture_adjacency" in tables:
            return
        codes = frozenset(read_prefecture_codes(self.connection))
        columns = DATA_TABLES["prefecture_adjacency"].c
        pairs = self.connection.execute(select(columns.prefecture_code, columns.adjacent_code)).all()
        if not pairs or codes == self.old_prefectures:
            return
        n_unknown = sum(not codes.issuperset(pair) for pair in pairs)
        unknown = f"; {n_unknown:,} of them name a prefecture that does not exist" if n_unknown else ""
        note = f"old pairs of neighbours stay{unknown}. Import prefecture_adjacency too, with replace: true"
        self._add_notes(len(tables) - 1 - tables[::-1].index("prefectures"), {note: len(pairs)})

    def _add_notes(self, at: int, notes: Mapping[str, int]) -> None:
        report = self.reports[at]
        self.reports[at] = replace(report, notes={**report.notes, **notes})


def _require_accepted_rows(report: ImportReport) -> None:
    """Raise DataError if all rows are rejected: later tables could not refer to them."""
    if report.read and report.rejected == report.read:
        reason, _ = max(report.reasons.items(), key=lambda item: item[1])
        raise DataError(
            f"{report.table} from {report.source}: all {report.read:,} rows were rejected; most often {reason}. "
            "Nothing was stored in any table. Correct the file, or use --update if its ids already exist.",
            reason="too many invalid rows",
            table=report.table,
        )


def _read(location: str | Path, missing: tuple[str, ...], options: SourceOptions | None) -> RawRows:
    """Return the rows of a source. A file of rejected rows does not have the encoding of the source of its rows."""
    if is_rejection_file(expand_path(location)):
        options = SourceOptions(encoding="utf-8", delimiter=",")
    return read_source(location, missing, options)


def _find_file(file: str, folders: list[Path]) -> Path:
    name = expand_path(file, "file")
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    raise DataError(
        f"The file {file} does not exist in {' or in '.join(map(str, folders))}. Correct its path in the mapping file.",
        reason="missing file",
        path=file,
    )


def _import(
    transaction: _Transaction,
    table: str,
    rows: RestoredRows,
    mapping: TableMap,
    source: str,
    refused_to: str | Path | None,
    options: WriteOptions,
) -> ImportReport:
    connection, raw, board = transaction.connection, rows.raw, transaction.board
    cleared: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    kept: dict[str, set[str]] = {}
    validated, columns = _validate(connection, table, mapping, raw, cleared, notes, kept, options, board)
    spec = board.table(table)
    validated = _apply_rules(spec, validated, mapping, cleared, after=False)
    if mapping.one_row_per is not None:
        validated = _apply_rules(spec, _merge_rows(spec, validated, mapping), mapping, cleared, after=True)
    if table == "actions":
        users, jobs = (IdIndex(read_ids(connection, name)) for name in ("users", "jobs"))
        validated = validated.reject_rows(find_unknown_references(validated, users, jobs))
    if len(TABLES[table].key) == 1 and (rows.duplicates != "").any():
        validated = _reject_duplicates(connection, validated, rows.duplicates)
    before = read_ids(connection, table) if options.replace and table in ("users", "jobs") else None
    file_ids = _find_ids(validated)
    if table in options.close_missing:
        file_ids = np.concatenate([file_ids, _find_unreadable_ids(connection, table, mapping, raw, board)])
    validated, counts = store_rows(connection, validated, columns, file_ids, options, board)
    if table in ("users", "jobs"):
        names = [name for owner, name in REFERENCES if owner == table]
        transaction.coded.append((len(transaction.reports), _drop_kept(validated.frame[names], kept)))
    if before is not None:
        transaction.removed[table] = np.setdiff1d(before, read_ids(connection, table))
    n_rejected = validated.n_rejected + len(raw.unreadable)
    path = None
    if refused_to is not None and n_rejected:  # before the commit, so a failure rolls the import back
        target = expand_path(refused_to, "refused_to")
        path = write_rejected_rows(
            _collect_rejected_rows(raw, validated),
            target if target.suffix.lower() == ".csv" else target / f"refused_{table}.csv",
        )
    return ImportReport(
        table,
        source,
        raw.n_rows,
        counts.inserted + counts.updated + counts.unchanged,
        validated.merged + counts.merged,
        n_rejected,
        dict(_count_reasons(raw, validated).most_common()),
        dict(cleared.most_common()),
        validated.ignored,
        path,
        dict(notes.most_common()),
        is_update=options.update and len(TABLES[table].key) == 1,
        already_stored=counts.merged,
        updated=counts.updated,
        unchanged=counts.unchanged,
        reopened=counts.reopened,
        closed=counts.closed if table in options.close_missing else None,
    )


def _find_ids(validated: NormalisedTable) -> Longs:
    """Return the ids of all rows of the file, also of rejected rows. Empty for tables without integer ids."""
    key = TABLES[validated.table].key[0]
    if validated.table not in ("users", "jobs"):
        return np.empty(0, dtype=np.int64)
    return np.append(validated.frame[key].to_numpy(dtype=np.int64), validated.rejected_ids)


def _find_unreadable_ids(connection: Connection, table: str, mapping: TableMap, raw: RawRows, board: Board) -> Longs:
    """Return the ids of unreadable rows, as far as they can be read: these rows are in the file."""
    fields = [fields for *_, fields in raw.unreadable]
    frame = pd.DataFrame(fields, columns=raw.frame.columns, dtype=object)
    computed = compute_columns(table, frame, mapping, lambda name: read_codes(connection, name), board)
    key = TABLES[table].key[0]
    ids = computed.frame[[key]].reset_index(drop=True)
    found = normalise(table, ids, unique=False, owners=read_owners(connection, table))
    return np.append(found.frame[key].to_numpy(dtype=np.int64), found.rejected_ids)


def _validate(
    connection: Connection,
    table: str,
    mapping: TableMap,
    raw: RawRows,
    cleared: Counter[str],
    notes: Counter[str],
    kept: dict[str, set[str]],
    options: WriteOptions,
    board: Board,
) -> tuple[NormalisedTable, frozenset[str]]:
    """Return the source rows as validated rows of the table, with rejections, and the canonical columns of the source.

    `rows` are positions in `raw.frame`.
    """
    ignored: tuple[str, ...] = ()
    composed = raw.frame
    rejections = None
    if table not in FACTOR_TABLES:
        computed = compute_columns(table, composed, mapping, lambda name: read_codes(connection, name), board)
        cleared.update(computed.cleared)
        notes.update(computed.notes)
        kept.update(computed.kept)
        ignored, rejections, composed = computed.ignored, computed.rejections, computed.frame
        _reject_headers(table, composed, mapping, computed.rejections)
        if table == "occupations":
            composed = number_occupations(connection, composed)
    rows = composed.reset_index(drop=True)

    def validate(widths: Mapping[str, int | None]) -> NormalisedTable:
        return normalise(
            table,
            rows,
            code_width=widths,
            unique=mapping.one_row_per is None,
            rejections=copy.deepcopy(rejections),
            owners=read_owners(connection, table),
            headers={name: [column.source] for name, column in mapping.columns.items() if column.source is not None},
            board=board,
        )

    if table == "prefectures":
        stored = read_prefecture_codes(connection)[: 0 if options.replace else None]
        widths, validated = pad_prefectures(validate({}), validate, stored)
        pad_stored_prefectures(connection, widths["prefecture_code"])
    else:
        width = code_width(read_prefecture_codes(connection))
        validated = validate({"prefecture_code": width, "adjacent_code": width})
    if "city_code" in composed:
        others = read_city_codes(connection, [name for name in CITY_TABLES if name != table or not options.replace])
        validated = pad_cities({table: validated}, others)[table]
    notes.update(validated.notes)
    columns = {*map(str, composed.columns), *(["external_id"] if validated.has_text_ids else [])}
    return replace(validated, ignored=ignored or validated.ignored), frozenset(columns)


def _reject_headers(table: str, frame: pd.DataFrame, mapping: TableMap, rejections: Rejections) -> None:
    """Reject the rows of a reference table whose code is the name of its column: a repeated header line."""
    key = TABLES[table].key[0]
    if key in OWNERS or key not in frame:
        return
    column = mapping.columns.get(key)
    names = {key, *([column.source] if column is not None and column.source is not None else [])}
    codes = frame[key].reset_index(drop=True)
    rejections.add(codes.isin(names).to_numpy(dtype=bool), key, codes, HEADER)


def _drop_kept(codes: pd.DataFrame, kept: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Return columns of codes without the values that a note of the mapping already counts."""
    columns = {name: codes[name] for name in codes}
    for name, keys in kept.items():
        if name not in columns:
            continue
        if columns[name].dtype == object:  # lists
            lists = [[code for code in row if make_key(code) not in keys] for row in columns[name]]
            columns[name] = pd.Series(lists, index=codes.index, dtype=object)
        else:
            noted = [value for value in columns[name].dropna().unique() if make_key(value) in keys]
            columns[name] = columns[name].mask(columns[name].isin(noted))
    return pd.DataFrame(columns, index=codes.index)


def _apply_rules(
    spec: Table, validated: NormalisedTable, mapping: TableMap, cleared: Counter[str], *, after: bool
) -> NormalisedTable:
    """Reject rows that violate a rule, or make the values missing, depending on the rule's `else`.

    Rules with `after` compare two columns of a row, so they are applied after rows have been merged.
    """
    for rule in mapping.rules:
        if mapping.one_row_per is not None and (rule.after is not None) != after:
            continue
        violations = find_violations(spec, rule, validated.frame)
        if rule.otherwise != "missing" or spec.column(rule.column).required:
            validated = validated.reject(
                violations, rule.column, f"is {rule.violation_text.removeprefix(rule.column + ' ')}"
            )
        elif violations.any():
            validated = replace(validated, frame=clear_values(spec, rule.column, validated.frame, violations))
            cleared[rule.violation_text] += int(violations.sum())
    return validated


def _merge_rows(spec: Table, validated: NormalisedTable, mapping: TableMap) -> NormalisedTable:
    frame, first = merge_rows(spec, validated.frame, mapping)
    merged = validated.merged + len(validated.frame) - len(frame)
    return replace(validated, frame=frame, rows=validated.rows[first], merged=merged)


def _count_reasons(raw: RawRows, validated: NormalisedTable) -> Counter[str]:
    """Return reason → rejected rows. Other formats of times, and texts for codes, get advice about the mapping."""
    rejected = validated.rejected
    reasons = rejected["reason"].replace({NOT_TIME: NOT_TIME + TIME_ADVICE})
    codes = [column.name for column in TABLES[validated.table].columns if column.type is INTEGER]
    is_text = rejected["column"].isin(codes) & (reasons == NOT_NUMBER)
    reasons = reasons.mask(is_text, NOT_NUMBER + CODE_ADVICE)
    return Counter([*(reason for _, _, reason, _ in raw.unreadable), *(rejected["column"] + " " + reasons)])


def _reject_duplicates(connection: Connection, validated: NormalisedTable, duplicates: np.ndarray) -> NormalisedTable:
    """Reject rows again that were rejected as duplicates, while their id is unchanged and stored.

    An update would replace the stored row, which is the earlier row, with the duplicate.
    """
    (key,) = TABLES[validated.table].key
    values = validated.frame[key]
    same = values.astype(str).to_numpy() == duplicates[validated.rows]
    keys = connection.execute(select(DATA_TABLES[validated.table].c[key])).scalars().all() if same.any() else []
    return validated.reject(same & values.isin(keys).to_numpy(), key, DUPLICATE)


def _collect_rejected_rows(raw: RawRows, validated: NormalisedTable) -> pd.DataFrame:
    """Return the rejected rows as in the source, preceded by file, row, column, value and reason."""
    head = list(REJECTION_COLUMNS[:5])
    rejected = validated.rejected
    at = rejected["row"].to_numpy(dtype=np.int64)
    rows = rejected.assign(file=raw.source[at], row=raw.rows[at])[["file", *rejected.columns]].set_axis(head, axis=1)
    original = raw.frame.iloc[at].reset_index(drop=True)
    fields = pd.DataFrame([fields for *_, fields in raw.unreadable], columns=original.columns, dtype=object)
    unreadable = pd.DataFrame(
        [
            (file, line, "", join_fields(texts), reason)
            for (file, line, reason, _), texts in zip(raw.unreadable, fields.to_numpy(), strict=True)
        ],
        columns=head,
    )
    parts = [pd.concat([a, b], axis=1) for a, b in ((rows, original), (unreadable, fields)) if len(a)]
    return pd.concat(parts, ignore_index=True).sort_values(["refused_file", "refused_row"], ignore_index=True)
