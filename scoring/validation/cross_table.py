"""The door of a dataset: all tables at once, with all that is wrong with any of them, refused whole or set aside.

A table comes in as `validation.Normalised`: its good rows, and what is wrong with the others. What only shows beside
other tables is found here: actions on users and jobs that are not there (or were set aside), and times that cannot be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import Kind
from scoring.columns.canonical_tables import Tables
from scoring.columns.coercion import coerce
from scoring.errors import ConfigurationError, DataError
from scoring.id_index import IdIndex
from scoring.validation.data_errors import Names, Problems, by_row, called, grouped, refusal
from scoring.validation.normalise import Normalised
from scoring.validation.report import FOLLOWS, DataLedger, TableLedger

__all__ = ["FOLLOWS", "Intake", "OnBad"]

OnBad = Literal["refuse", "quarantine"]
"""What becomes of data with rows that cannot be used: an error that names them all, or the rest without them."""

Source = pd.DataFrame | Callable[[], pd.DataFrame]
"""Rows as they were, or what makes them where one is refused."""

Told = Callable[[pd.DataFrame], pd.DataFrame]

GRACE: Final = timedelta(days=1)  # clocks differ, and so do the zones of times that name none
HEAD: Final = ("refused_row", "refused_column", "refused_value", "refused_reason")


class _Table:
    """One table on its way in."""

    def __init__(self, name: str, found: Normalised, source: Source, names: Callable[[], Names], told: Told) -> None:
        self.name, self.frame, self.rows = name, found.frame, found.rows
        self.each, self.merged, self.ignored = found.each, found.merged, found.ignored
        self.read = len(found.frame) + found.merged + len(found.refused)
        self._unused: dict[str, int] = {}
        self._source, self._names, self._told = source, names, told

    def refuse(self, strange: NDArray[np.bool_], column: str, reason: str) -> None:
        """Sets rows of the frame aside."""
        if not strange.any():
            return
        problems = Problems(len(self.frame))
        problems.add(strange, column, self.frame[column], reason)
        found = problems.each(np.arange(len(self.frame)))
        at = self.rows[found["at"].to_numpy()]
        found = found.assign(at=at, row=called(self._names(), at))
        self.each = pd.concat([self.each, found], ignore_index=True) if len(self.each) else found
        self.frame, self.rows = self.frame[~strange].reset_index(drop=True), self.rows[~strange]

    def leave_out(self, rule: str, rows: int) -> None:
        """Rows of the frame that nothing reads."""
        if rows:
            self._unused[rule] = rows

    def refused_ids(self, key: str) -> NDArray[np.int64]:
        """Ids of rows that were set aside, where they can be read."""
        if not len(self.each):
            return np.empty(0, dtype=np.int64)
        given = _frame(self._source)[key].iloc[self.each["at"].unique()]
        return coerce(Kind.ID, given.reset_index(drop=True)).values.dropna().to_numpy(dtype=np.int64)

    def refused_rows(self) -> pd.DataFrame:
        """The rows that were set aside, as they were."""
        refused = self.each.sort_values("at", kind="stable")
        said = by_row(refused).set_axis(list(HEAD), axis=1)
        at = refused["at"].drop_duplicates().to_numpy()
        return pd.concat([said, self._told(_frame(self._source).iloc[at].reset_index(drop=True))], axis=1)

    def ledger(self) -> TableLedger:
        first = self.each.sort_values("at", kind="stable").drop_duplicates("at")
        reasons = (first["column"] + " " + first["reason"]).value_counts(sort=True)
        left_out = ({"repeated": self.merged} if self.merged else {}) | self._unused
        used = len(self.frame) - sum(self._unused.values())
        return TableLedger(self.name, self.read, used, left_out, {str(why): int(n) for why, n in reasons.items()})


class Intake:
    """Takes tables one after another; `finish` gives all of them, or says all that is wrong."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}
        self._failures: list[str] = []

    def take(
        self,
        name: str,
        read: Callable[[], Normalised],
        source: Source,
        names: Callable[[], Names] | None = None,
        told: Told = lambda rows: rows,
    ) -> pd.DataFrame | None:
        """One table: its good rows, or None where it cannot be used at all, which `finish` will say.

        `source`: its rows as they were; `names`: what they are called, else by the source's index; `told`: makes
        refused ones readable.
        """
        try:
            found = read()
        except DataError as error:
            self._failures.append(str(error))
            return None
        self._tables[name] = _Table(name, found, source, names or (lambda: _frame(source).index), told)
        return found.frame

    def finish(
        self, on_bad: OnBad, *, as_of: pd.Timestamp | None = None, now: datetime | None = None
    ) -> tuple[Tables, DataLedger]:
        """Canonical tables and the account of their rows.

        Raises
        ------
        DataError: a table cannot be used at all; with `refuse`, a row cannot be used. Names all of it.
        ConfigurationError: another `on_bad`.
        """
        if on_bad not in get_args(OnBad):
            raise ConfigurationError(f"on_bad is {on_bad!r}; it is one of {', '.join(get_args(OnBad))}.")
        factors = [name for name in ("user_factors", "job_factors") if name in self._tables]
        if len(factors) == 1:
            self._failures.append(f"{factors[0]}: user_factors and job_factors belong together; bring both or neither.")
        if not self._failures:
            self._refuse_the_future(as_of, now or datetime.now(UTC))
            self._refuse_strangers()
        each = {name: table.each for name, table in self._tables.items() if len(table.each)}
        if self._failures or (each and on_bad == "refuse"):
            # what only follows from another problem goes when that one does
            causes = {name: found[~found["reason"].str.endswith(FOLLOWS)] for name, found in each.items()}
            raise refusal(causes, self._failures)
        return Tables(**{name: table.frame for name, table in self._tables.items()}), self._ledger()

    def _refuse_the_future(self, as_of: pd.Timestamp | None, now: datetime) -> None:
        """Actions that nobody can have done yet: one of them would set the clock, and close every job.

        Where there are no actions, the newest posting is the clock.
        """
        latest = pd.Timestamp(now + GRACE)
        latest = latest if as_of is None else max(latest, as_of)
        name, column = ("actions", "occurred_at") if len(self._tables["actions"].frame) else ("jobs", "posted_at")
        table = self._tables[name]
        if not table.frame[column].max() > latest:
            return
        strange = (table.frame[column] > latest).to_numpy(dtype=bool)
        table.refuse(strange, column, f"lies in the future (by the clock of this machine it is {now:%Y-%m-%d} now)")

    def _refuse_strangers(self) -> None:
        """Actions of nobody and nothing; those of a refused user or job go with it, and so do factors."""
        owners = [_Owner.of(self._tables[name], key) for name, key in (("users", "user_id"), ("jobs", "job_id"))]
        actions = self._tables["actions"]
        for owner in owners:  # what is wrong by itself first
            strange = ~owner.known.contains(actions.frame[owner.key].to_numpy())
            if strange.any() and len(owner.refused):
                strange &= ~np.isin(actions.frame[owner.key], owner.refused)
            actions.refuse(strange, owner.key, f"is no {owner.key} of {owner.table}")
        for owner in owners:
            owner.refuse_followers(actions)
            factors = self._tables.get(f"{owner.one}_factors")
            if factors is not None:
                owner.refuse_followers(factors)
                strangers = int((~owner.known.contains(factors.frame[owner.key].to_numpy())).sum())
                factors.leave_out(f"of no {owner.one} of the data", strangers)

    def _ledger(self) -> DataLedger:
        tables = {name: table.ledger() for name, table in self._tables.items()}
        dirty = {name: table for name, table in self._tables.items() if len(table.each)}
        problems = [grouped(name, table.each) for name, table in dirty.items()]
        return DataLedger(
            tables,
            pd.concat(problems, ignore_index=True) if problems else pd.DataFrame(columns=["table", "column", "reason"]),
            {name: table.refused_rows() for name, table in dirty.items()},
            {name: table.ignored for name, table in self._tables.items() if table.ignored},
        )


@dataclass(frozen=True)
class _Owner:
    """Users or jobs, which other rows are of: the accepted ids, and those that were set aside."""

    table: str
    key: str
    known: IdIndex
    refused: NDArray[np.int64]

    @classmethod
    def of(cls, table: _Table, key: str) -> _Owner:
        known = IdIndex(table.frame[key].to_numpy())
        refused = table.refused_ids(key)
        # of a row whose id stands there twice, the first came in
        return cls(table.name, key, known, refused[~known.contains(refused)])

    @property
    def one(self) -> str:
        return self.table[:-1]

    def refuse_followers(self, table: _Table) -> None:
        if len(self.refused):
            table.refuse(np.isin(table.frame[self.key], self.refused), self.key, f"is of a {self.one} {FOLLOWS}")


def _frame(source: Source) -> pd.DataFrame:
    return source if isinstance(source, pd.DataFrame) else source()
