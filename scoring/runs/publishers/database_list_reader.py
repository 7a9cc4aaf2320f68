"""Read lists from the table `results`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from scoring.columns import RESULT_COLUMNS
from scoring.database.database import Database
from scoring.database.schema import current_runs, results, runs
from scoring.errors import DatabaseError
from scoring.runs import shards
from scoring.runs.publishers.database_runs import CURRENT, PUBLISHED
from scoring.runs.publishers.published_lists import ListBlock, PublishedRun, RunInfo
from scoring.runs.publishers.publisher import make_empty_results

__all__ = ["DatabaseRun", "read_results", "read_users"]

_EXTERNAL: Final = ("user_external_id", "job_external_id")
"""Columns of external ids, since version 4 of the schema."""

_LONGEST: Final = 2**31 - 1
"""Maximum length of a list, the limit of the column `rank`."""


def read_users(database: Database, run_id: str, first: int | None, last: int | None, k: int) -> ListBlock:
    """Return the first k jobs of every list of the users from `first` to `last` (None: no bound).

    Raises
    ------
    DatabaseError: If the database cannot be read.
    """
    condition = (results.c.run_id == run_id) & (results.c.rank <= min(k, _LONGEST))
    if first is not None:
        condition &= results.c.user_id >= first
    if last is not None:
        condition &= results.c.user_id <= last
    columns = (results.c.user_id, results.c.job_id, results.c.total_score)
    query = select(*columns).where(condition).order_by(results.c.user_id, results.c.rank)
    # without SQLAlchemy's rows, which take most of the time; the three columns are numbers in every database
    rows = database.read(lambda connection: connection.execute(query).cursor.fetchall())
    user_id, job_id, total = zip(*rows, strict=True) if rows else ((), (), ())
    return ListBlock.of_rows(
        np.array(user_id, dtype=np.int64), np.array(job_id, dtype=np.int64), np.array(total, dtype=np.float32), k
    )


class DatabaseRun(PublishedRun):
    """A published run in a database. Its rows are not locked. With another number of rows, it counts as damaged."""

    def __init__(self, database: Database, run_id: str, is_in_use: bool) -> None:
        self.run_id, self.is_in_use = run_id, is_in_use
        self.place = f"{database.display}, results of run {run_id}"
        self._database = database

    @contextmanager
    def open(self) -> Iterator[RunInfo | None]:
        yield self._read_info()

    def _read_info(self) -> RunInfo | None:
        columns = (runs.c.model, runs.c.settings, runs.c.users, runs.c.jobs, runs.c.rows)
        query = select(*columns).where(runs.c.run_id == self.run_id)
        run = self._database.read(lambda connection: connection.execute(query).first())
        if run is None:
            raise DatabaseError(
                f"{self.place}: the run does not exist any more. Another process removed it, such as `scoring runs "
                "prune`.",
                reason="removed run",
            )
        try:
            settings: dict[str, Any] = json.loads(run.settings)
            if not settings.get("whole"):
                return None
            self._require_rows(int(run.rows))
            return RunInfo(
                run_id=self.run_id,
                model=str(run.model),
                model_digest=str(settings["model_digest"]),
                k=int(settings["k"]),
                users=int(run.users),
                jobs=int(run.jobs),
                facts=dict(settings.get("facts", {})),
                definition=settings.get("definition"),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise DatabaseError(
                f"{self.place}: a value of the row in `runs` is missing or invalid ({type(error).__name__}: {error}). "
                "Start a new run.",
                reason="invalid row",
            ) from error

    def _require_rows(self, expected: int) -> None:
        count = select(func.count()).select_from(results).where(results.c.run_id == self.run_id)
        n_rows = self._database.read(lambda connection: connection.execute(count).scalar_one())
        if n_rows != expected:
            raise DatabaseError(
                f"{self.place}: the database contains {n_rows:,} rows instead of {expected:,}. Start a new run.",
                reason="invalid row",
            )

    def read_lists(self, k: int) -> Iterator[ListBlock]:
        first = None
        for last in [*self._bounds(k), None]:
            block = read_users(self._database, self.run_id, first, last, k)
            first = None if last is None else last + 1
            yield block

    def _bounds(self, k: int) -> Sequence[int]:
        """Return the last user of each block but the last. A block has about as many rows as a part file."""
        step = shards.count_users_per_shard(k)
        first_of_list = (results.c.run_id == self.run_id) & (results.c.rank == 1)
        query = select(results.c.user_id).where(first_of_list).order_by(results.c.user_id)
        users = self._database.read(lambda connection: connection.execute(query).scalars().all())
        return users[step - 1 :: step]


def read_results(database: Database, run_id: str | None = None, *, name: str = CURRENT) -> pd.DataFrame:
    """Return `scoring.columns.RESULT_COLUMNS` of a published run; None: the current run of this name.

    If users or jobs of the run have external ids, `user_external_id` and `job_external_id` follow.

    The run and its rows are read in one consistent snapshot.

    Raises
    ------
    DatabaseError: If the run is not published or does not exist.
    """
    chosen = select(current_runs.c.run_id).where(current_runs.c.name == name).scalar_subquery()
    wanted = chosen if run_id is None else run_id
    published = select(runs.c.run_id).where(runs.c.run_id == wanted, runs.c.status == PUBLISHED)
    names = [*RESULT_COLUMNS, *(name for name in _EXTERNAL if database.has(results.c[name]))]

    def work(connection: Connection) -> tuple[str | None, list[Any]]:
        published_id = connection.execute(published).scalar()
        if published_id is None:
            return None, []
        statement = select(*(results.c[name] for name in names)).where(results.c.run_id == published_id)
        statement = statement.order_by(results.c.user_id, results.c.rank)
        return published_id, list(connection.execute(statement).all())

    published_id, rows = database.read(work)
    if published_id is None:
        if run_id is None:
            raise DatabaseError(
                f"{database.display} does not contain a published run of the name {name!r}. Start one with `scoring "
                "run`.",
                reason="no published run",
            )
        raise DatabaseError(
            f"{database.display} does not contain the published run {run_id}. `scoring runs list` lists the ids "
            "of the runs.",
            reason="no published run",
        )
    frame = pd.DataFrame(rows, columns=names)
    texts = [name for name in names[len(RESULT_COLUMNS) :] if frame[name].notna().any()]
    types = make_empty_results().dtypes.to_dict() | dict.fromkeys(texts, "str")
    return frame[[*RESULT_COLUMNS, *texts]].astype(types)
