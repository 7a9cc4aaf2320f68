"""Rows that a service or a program sends: validated, stored and logged in one transaction."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, delete, func, or_, select, text

from scoring.columns.text_id_hash import number_texts
from scoring.columns.types.id import parse_ids
from scoring.database.event_tables import event_writes, record_deletion, record_rows
from scoring.database.schema import DATA_TABLES, get_data_table
from scoring.database.sql_filters import has_key, is_in
from scoring.database.writers import renew_revision, to_stored_columns
from scoring.errors import DataError, shorten_repr
from scoring.live.event_decoder import EventDecoder, describe_rejections
from scoring.telemetry import fault_injection
from scoring.validation.referenced_ids import OwnerIds
from scoring.validation.table_validator import NormalisedTable

__all__ = ["MAX_ROW_BYTES", "Written", "insert_new", "write_rows"]

MAX_ROW_BYTES: Final = 2**20
"""Largest row, as JSON."""

KEPT_SECONDS: Final = 7 * 86_400
"""How long the result of an idempotency key is kept."""

_TABLES: Final = {"job": "jobs", "user": "users", "action": "actions"}
_KEYS: Final = {"jobs": "job_id", "users": "user_id"}
_FACTORS: Final = {"jobs": "job_factors", "users": "user_factors"}


@dataclass(frozen=True)
class Written:
    """The result of writing rows.

    Attributes
    ----------
    seq: The highest number of the events of the rows, or of the log if no row has changed.
    n_written: Number of valid rows.
    rejected: Position and reason of each row that was not stored.
    """

    seq: int
    n_written: int
    rejected: tuple[tuple[int, str], ...] = ()


@dataclass
class _Batch:
    """Rows in the order in which they were sent.

    Attributes
    ----------
    rows: Table → position → row to validate with frames.
    stored: Table → position → valid row as the database stores it.
    deleted, changed: Position → table and id as sent.
    rejected: Position → reason.
    """

    rows: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    stored: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    deleted: dict[int, tuple[str, Any]] = field(default_factory=dict)
    changed: dict[int, tuple[str, Any]] = field(default_factory=dict)
    rejected: dict[int, str] = field(default_factory=dict)


def write_rows(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    idempotency_key: str | None,
    decoder: EventDecoder,
) -> Written:
    """Store rows and their events, within the write transaction of the connection. See `EventLog.write_rows`."""
    if idempotency_key is None:
        return _store(connection, rows, decoder)
    digest = hashlib.blake2b(json.dumps(rows, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
    now = time.time_ns() // 1000
    connection.execute(delete(event_writes).where(event_writes.c.at < now - KEPT_SECONDS * 1_000_000))
    known = _claim_key(connection, idempotency_key, digest, now)
    if known is not None:
        return known
    written = _store(connection, rows, decoder)
    content = json.dumps([written.seq, written.n_written, written.rejected])
    connection.execute(
        event_writes.update().where(event_writes.c.idempotency_key == idempotency_key).values(result=content)
    )
    return written


def _claim_key(connection: Connection, key: str, digest: str, now: int) -> Written | None:
    """Insert an idempotency key; return the result of an earlier call with it. Concurrent calls wait."""
    row = {"idempotency_key": key, "digest": digest, "result": "", "at": now}
    if insert_new(connection, event_writes, [row]):
        return None
    stored = connection.execute(select(event_writes).where(event_writes.c.idempotency_key == key)).one()
    if stored.digest != digest:
        raise DataError(
            f"The idempotency key {shorten_repr(key)} was used for other rows. Use a new key for new rows.",
            reason="invalid rows",
            table="events",
            column="idempotency_key",
        )
    seq, n_written, rejected = json.loads(stored.result)
    return Written(seq, n_written, tuple((index, reason) for index, reason in rejected))


def insert_new(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Insert the rows whose key does not exist, and return their keys."""
    statement: Any = _get_insert(connection)(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return list(connection.execute(statement, rows))


def _get_insert(connection: Connection) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert


def _store(connection: Connection, rows: Sequence[Mapping[str, Any]], decoder: EventDecoder) -> Written:
    batch = _sort(rows, decoder)
    stored = batch.stored
    for name, table in _validate(connection, batch, decoder).items():
        columns = to_stored_columns(name, table.frame, decoder.board)
        values = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        positions = list(batch.rows[name])
        stored.setdefault(name, {}).update(
            {positions[at]: row for at, row in zip(table.rows.tolist(), values, strict=True)}
        )
    deleted, changed = (_find_numbers(connection, batch, of_kind) for of_kind in (batch.deleted, batch.changed))
    # rows between two deletions or changes are stored together
    ends = sorted({*deleted, *changed, len(rows)})
    start = 0
    for end in ends:
        for name in ("users", "jobs", "actions"):
            chosen = [row for at, row in sorted(stored.get(name, {}).items()) if start <= at < end]
            if chosen:
                _write(connection, name, chosen, decoder)
        if end in deleted:
            _delete(connection, *deleted[end])
        elif end in changed:
            problem = _change(connection, *changed[end], rows[end]["changes"], decoder)
            if problem:
                batch.rejected[end] = problem
        start = end
    for name in {*stored, *(name for name, _ in (*deleted.values(), *changed.values()))}:
        renew_revision(connection, name)
    rejected = tuple(sorted(batch.rejected.items()))
    fault_injection.reach("live events stored")
    return Written(_read_last(connection), len(rows) - len(rejected), rejected)


def _read_last(connection: Connection) -> int:
    """Return the highest number of the transaction's events, or of the log."""
    if connection.dialect.name == "postgresql":
        of_own = text("SELECT max(seq) FROM events WHERE xid = pg_current_xact_id()")
        own = connection.execute(of_own).scalar_one()
        if own is not None:
            return int(own)
    return int(connection.execute(text("SELECT coalesce(max(seq), 0) FROM events")).scalar_one())


# Validation


def _sort(rows: Sequence[Mapping[str, Any]], decoder: EventDecoder) -> _Batch:
    batch = _Batch()
    for at, entry in enumerate(rows):
        problem = _find_problem(entry, decoder)
        if problem:
            batch.rejected[at] = problem
        elif entry.get("deleted"):
            batch.deleted[at] = _TABLES[entry["kind"]], entry["id"]
        elif "changes" in entry:
            batch.changed[at] = _TABLES[entry["kind"]], entry["id"]
        else:
            table = _TABLES[entry["kind"]]
            row = _use_canonical_names(table, entry["row"], decoder)
            stored = decoder.encode_canonical(table, row)
            if stored is None:
                batch.rows.setdefault(table, {})[at] = row
            else:
                batch.stored.setdefault(table, {})[at] = stored
    return batch


def _use_canonical_names(table: str, row: Mapping[str, Any], decoder: EventDecoder) -> dict[str, Any]:
    names = decoder.board.table(table).canonical_names
    return {names[name]: value for name, value in row.items()}


def _find_problem(entry: Any, decoder: EventDecoder) -> str:
    """Return why an entry is not a row, changes of a row, or a deletion; empty if it is."""
    if not isinstance(entry, Mapping):
        return "is not an object"
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in _TABLES:
        return f"the kind {shorten_repr(kind)} is unknown. Use job, user or action"
    if entry.get("deleted") is not None:
        if entry["deleted"] is not True or "row" in entry or "changes" in entry or entry.get("id") is None:
            return "a deletion must have an id, `deleted: true`, and no row or changes"
        return "an action cannot be deleted. Delete its user" if kind == "action" else ""
    row, known = entry.get("row"), decoder.board.table(_TABLES[kind]).canonical_names
    if "changes" in entry:
        if "row" in entry or entry.get("id") is None:
            return "changes must have an id, and no row"
        if kind == "action":
            return "an action cannot be changed. Delete its user"
        row = entry["changes"]
        fixed = (_KEYS[_TABLES[kind]], "external_id")
        if isinstance(row, Mapping) and any(known.get(name) in fixed for name in row):
            return "an id cannot be changed"
    if not isinstance(row, Mapping) or not (row or "row" in entry):
        return "must have a row, or an id with changes or `deleted: true`"
    unknown = next((name for name in row if name not in known), None)
    if unknown is not None:
        return f"the column {shorten_repr(unknown)} is unknown"
    if len({known[name] for name in row}) < len(row):
        return "a column occurs twice"
    if len(json.dumps(row, default=str, ensure_ascii=False).encode("utf-8", "surrogatepass")) > MAX_ROW_BYTES:
        return "is larger than 1 MiB"
    return ""


def _validate(connection: Connection, batch: _Batch, decoder: EventDecoder) -> dict[str, NormalisedTable]:
    """Return the valid rows of each table. The reasons of invalid ones are added to the batch."""
    known = {name: _KnownIds.read(connection, name, batch) for name in _KEYS}
    valid: dict[str, NormalisedTable] = {}
    for name in ("users", "jobs", "actions"):
        rows = batch.rows.get(name)
        if not rows:
            continue
        names = dict.fromkeys([*decoder.board.table(name).required, *(key for row in rows.values() for key in row)])
        frame = pd.DataFrame(
            {key: pd.Series([row.get(key) for row in rows.values()], dtype=object) for key in names}, copy=False
        )
        if name == "actions":
            owners = {owner: ids.make_owner(frame[_KEYS[owner]]) for owner, ids in known.items()}
        else:
            owners = {name: known[name].make_owner()}
        table = decoder.normalise(name, frame, owners)
        positions = list(rows)
        batch.rejected |= {positions[at]: reason for at, reason in describe_rejections(table).items()}
        if name in known:
            known[name].add(table.frame)
        valid[name] = table
    return valid


@dataclass
class _KnownIds:
    """The numbers and external ids of the users or jobs of a batch, as far as they are stored."""

    key: str
    pairs: list[tuple[int, str | None]]

    @classmethod
    def read(cls, connection: Connection, name: str, batch: _Batch) -> _KnownIds:
        key = _KEYS[name]
        ids = [row.get(key) for table in (name, "actions") for row in batch.rows.get(table, {}).values()]
        ids += [value for table, value in (*batch.deleted.values(), *batch.changed.values()) if table == name]
        if not ids:
            return cls(key, [])
        parsed = parse_ids(pd.Series(ids, dtype=object))
        forms = sorted(set(parsed.texts.dropna()))
        numbers = {*parsed.result.values.dropna().astype("int64").tolist(), *number_texts(forms).values()}
        columns = DATA_TABLES[name].c
        condition = is_in(connection, columns[key], sorted(numbers))
        if forms:
            texts = {*forms, *(value for value in ids if isinstance(value, str))}
            condition = or_(condition, is_in(connection, columns.external_id, sorted(texts)))
        found = connection.execute(select(columns[key], columns.external_id).where(condition))
        return cls(key, [(number, text) for number, text in found])

    def add(self, frame: pd.DataFrame) -> None:
        """Add the valid rows of the batch."""
        texts = frame["external_id"].astype(object).where(frame["external_id"].notna(), None)
        self.pairs += zip(frame[self.key].tolist(), texts.tolist(), strict=True)

    def make_owner(self, referring: pd.Series | None = None) -> OwnerIds:
        """Return the ids. `referring`: ids of actions; a text without a row has the number of its hash."""
        pairs = list(self.pairs)
        owner = self._make(pairs)
        if referring is not None:
            unknown = set(parse_ids(referring).texts.dropna()) - owner.numbers.keys() - owner.ambiguous
            pairs += [(number, text) for text, number in number_texts(unknown, owner.reserved).items()]
        return self._make(pairs)

    @staticmethod
    def _make(pairs: Sequence[tuple[int, str | None]]) -> OwnerIds:
        numbers = pd.Series([number for number, _ in pairs], dtype="Int64")
        return OwnerIds(numbers, pd.Series([text for _, text in pairs], dtype="str"))


def _find_numbers(
    connection: Connection, batch: _Batch, sent: Mapping[int, tuple[str, Any]]
) -> dict[int, tuple[str, int]]:
    """Return the table and number of rows by their ids as sent. The reasons of invalid ids are added to the batch."""
    found: dict[int, tuple[str, int]] = {}
    for at, (name, value) in sent.items():
        ids = pd.Series([value], dtype=object)
        parsed = parse_ids(ids)
        if parsed.result.problems:
            batch.rejected[at] = f"id {parsed.result.problems[0][1]}"
            continue
        number = parsed.result.values.iloc[0]
        if parsed.is_text[0]:
            owner = _KnownIds.read(connection, name, batch).make_owner(ids)
            number = owner.numbers.get(parsed.texts.iloc[0], pd.NA)
        if pd.isna(number):
            batch.rejected[at] = "id is missing, or the external_id of several rows"
        else:
            found[at] = name, int(number)
    return found


# Storing


def _change(connection: Connection, name: str, number: int, changes: Mapping[str, Any], decoder: EventDecoder) -> str:
    """Change columns of a stored row; return why not, or an empty text."""
    table = get_data_table(name, decoder.board)
    found = connection.execute(select(table).where(table.c[_KEYS[name]] == number)).mappings().one_or_none()
    if found is None:
        return "the id does not exist"
    row = decoder.convert_stored(name, dict(found)) | _use_canonical_names(name, changes, decoder)
    stored = decoder.encode_canonical(name, row)
    if stored is None:
        batch = _Batch(rows={name: {0: row}})
        valid = _validate(connection, batch, decoder)[name]
        if batch.rejected:
            return batch.rejected[0]
        stored = {column: values[0] for column, values in to_stored_columns(name, valid.frame, decoder.board).items()}
    _write(connection, name, [stored], decoder)
    return ""


def _write(connection: Connection, name: str, rows: list[dict[str, Any]], decoder: EventDecoder) -> None:
    """Insert rows or replace those with the same key; insert new actions."""
    table = get_data_table(name, decoder.board)
    key = [column.name for column in table.primary_key.columns]
    by_key: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        identity = tuple(row[column] for column in key)
        if name != "actions" or identity not in by_key:  # of equal actions, the first one counts
            by_key.pop(identity, None)
            by_key[identity] = row
    if name == "actions":
        keys = insert_new(connection, table, list(by_key.values()))
        fault_injection.reach("live rows stored")
        if keys:
            condition = has_key(connection, list(table.primary_key.columns), [tuple(found) for found in keys])
            record_rows(connection, name, decoder.board, condition)
        return
    statement: Any = _get_insert(connection)(table)
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    # a row without a text id keeps the stored one, which identifies it in the source
    values["external_id"] = func.coalesce(statement.excluded.external_id, table.c.external_id)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values), list(by_key.values()))
    fault_injection.reach("live rows stored")
    record_rows(connection, name, decoder.board, is_in(connection, table.c[key[0]], [row for (row,) in by_key]))


def _delete(connection: Connection, name: str, number: int) -> None:
    """Delete a job, or a user with all actions, and the factors of the row."""
    key = _KEYS[name]
    table = DATA_TABLES[name]
    found = connection.execute(delete(table).where(table.c[key] == number)).rowcount
    fault_injection.reach("live rows stored")
    if found:
        record_deletion(connection, name, number)
    for other in (_FACTORS[name], *(["actions"] if name == "users" else [])):
        dependent = DATA_TABLES[other]
        deleted = connection.execute(delete(dependent).where(dependent.c[key] == number)).rowcount
        if deleted and other == "actions":
            renew_revision(connection, other)
        elif deleted and connection.execute(select(dependent.c[key]).limit(1)).first() is None:
            for factors in _FACTORS.values():  # those of jobs alone, or of users alone, are invalid
                connection.execute(delete(DATA_TABLES[factors]))
