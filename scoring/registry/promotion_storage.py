"""The promotions of a database. The last one decides which model `scoring run` ranks with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import URL, Connection, insert, inspect, select

from scoring.database.database import Database
from scoring.database.engines import format_url, get_sqlite_file
from scoring.database.migrations import lock_writers, migrate
from scoring.database.schema import DATA_TABLES, current_runs, promoted, runs
from scoring.database.sql_filters import to_microseconds
from scoring.errors import ConfigurationError, DatabaseError, shorten_repr
from scoring.registry.held_out_pair_sketch import find_sketched
from scoring.registry.metadata import validate_section
from scoring.registry.promotions import StoredPromotion
from scoring.runs.publishers.database_runs import CURRENT

__all__ = ["PromotedTable"]

_ROWS_AT_ONCE: Final = 100_000
"""Number of actions that `measure_known_share` holds in memory."""


class PromotedTable:
    """The table `promoted` of a database. The first promotion creates it.

    Raises
    ------
    DatabaseError: If the database cannot be read or written, or contains an invalid promotion.
    """

    def __init__(self, source: Any) -> None:
        """`source` is an argument of `Database.open`. A caller's Session must be committed by the caller."""
        self._source = source

    def display(self) -> str:
        """Return the URL of the database, with passwords masked."""
        with self._open() as database:
            return database.display

    def identify(self) -> str:
        """Return the URL of the database without driver, user and password; the path of a SQLite file is absolute."""
        with self._open() as database:
            url = database.engine.url
        file = get_sqlite_file(url)
        name = url.database if file is None else str(file.resolve())
        return format_url(URL.create(url.get_backend_name(), None, None, url.host, url.port, name, url.query))

    def read(self) -> list[StoredPromotion]:
        """Return all promotions and rollbacks, oldest first. The list is empty if nothing was promoted."""
        with self._open() as database:
            return database.read(lambda connection: _read(connection, database.display))

    def append(
        self, make: Callable[[Sequence[StoredPromotion]], Sequence[StoredPromotion]]
    ) -> Sequence[StoredPromotion]:
        """Store the promotions that `make` returns for the earlier ones, in one transaction, and return them."""
        added: Sequence[StoredPromotion] = ()

        def work(connection: Connection) -> Sequence[StoredPromotion]:
            nonlocal added
            migrate(connection, database.display)
            lock_writers(connection)
            promoted.create(connection, checkfirst=True)
            entries = _read(connection, database.display)
            # the connection may have been lost after a commit: then an earlier attempt has stored the rows
            if added and entries[-len(added) :] == list(added):
                return added
            added = make(entries)
            rows = [
                entry.model_dump() | {"number": number, "at": to_microseconds(entry.at)}
                for number, entry in enumerate(added, len(entries) + 1)
            ]
            connection.execute(insert(promoted), rows)
            return added

        with self._open() as database:
            return database.write(work)

    def read_current_digest(self) -> str | None:
        """Return the digest of the model of the published run. None: no run is published."""
        query = (
            select(runs.c.settings)
            .join(current_runs, current_runs.c.run_id == runs.c.run_id)
            .where(current_runs.c.name == CURRENT)
        )

        def read(connection: Connection) -> str | None:
            stored = inspect(connection)
            if not all(stored.has_table(table.name) for table in (runs, current_runs)):
                return None
            settings: str | None = connection.execute(query).scalar()
            return settings

        with self._open() as database:
            settings = database.read(read)
        try:
            digest = None if settings is None else json.loads(settings)["model_digest"]
        except (ValueError, LookupError, TypeError):  # as for a run of another program: its model is not known
            return None
        return digest if isinstance(digest, str) else None

    def measure_known_share(self, sketch: Sequence[str], since: datetime | None, key: bytes | None) -> float:
        """Return the share of the sketched pairs of user and job that have an action since this time.

        `key` is that of the sketch.
        """
        actions = DATA_TABLES["actions"]
        query = select(actions.c.user_id, actions.c.job_id).execution_options(yield_per=_ROWS_AT_ONCE)
        if since is not None:
            query = query.where(actions.c.occurred_at >= to_microseconds(since))

        def count(connection: Connection) -> float:
            is_known = np.zeros(len(sketch), dtype=bool)
            result = connection.execute(query)
            for rows in result.partitions():
                # SQLite columns may contain invalid ids, which loading quarantines
                valid = [(user, job) for user, job in rows if isinstance(user, int) and isinstance(job, int)]
                pairs = np.array(valid, dtype=np.int64).reshape(-1, 2)
                is_known |= find_sketched(sketch, pairs[:, 0], pairs[:, 1], key)
                if is_known.all():
                    result.close()
                    break
            return float(is_known.mean())

        with self._open() as database:
            database.require_tables(actions.name)
            return database.read(count)

    @contextmanager
    def _open(self) -> Iterator[Database]:
        database = Database.open(self._source)
        try:
            yield database
        finally:
            if database is not self._source:
                database.close()


def _read(connection: Connection, display: str) -> list[StoredPromotion]:
    if not inspect(connection).has_table(promoted.name):
        return []
    rows = connection.execute(select(promoted).order_by(promoted.c.number)).mappings().all()
    return [_parse(row, display) for row in rows]


def _parse(row: Mapping[Any, Any], display: str) -> StoredPromotion:
    values = dict(row)
    number = values.pop("number")
    place = f"{display}: row {number} of the table promoted is invalid"
    try:
        at = datetime.fromtimestamp(values["at"] / 1e6, UTC)
        return validate_section(StoredPromotion, values | {"at": at}, place)
    except ConfigurationError as error:
        raise DatabaseError(f"{error} Restore the row, or delete it.", reason="invalid row") from error
    except (TypeError, ValueError, OverflowError, OSError) as error:
        problem = f"`at`: {shorten_repr(values['at'])} is not a time"
        raise DatabaseError(f"{place}: {problem}. Restore the row, or delete it.", reason="invalid row") from error
