"""Random events on a random market, in numbers that ascend, with rows at the limits of the contract of live lists."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from scoring.live import Event
from tests.support.oracle import known
from tests.support.random_markets import CLOCK, FLAGS, RawMarket, Row, _Maker

__all__ = ["EventMaker", "canonical"]


def canonical(row: Row) -> Row:
    """Return a row of a random market as the body of an event."""
    values = {name: value if known(value) else None for name, value in row.items()}
    if "preferred_occupations" in values:
        values["preferred_occupations"] = list(values["preferred_occupations"] or [])
    if "is_active" in values:
        values["is_active"] = values["is_active"] is not False
    return values


class EventMaker:
    """Makes events one after another, and keeps the rows that exist after them.

    Parameters
    ----------
    market: The market before the first event. It is not changed.
    seed: Seed of the random choices.
    """

    def __init__(self, market: RawMarket, seed: int) -> None:
        self.random = random.Random(f"events-{seed}")
        self.maker = _Maker(self.random, seed, 0.15, False, 5)
        self.jobs = {row["job_id"]: dict(row) for row in market.jobs}
        self.users = {row["user_id"]: dict(row) for row in market.users}
        self.actions = [dict(row) for row in market.actions]
        self.gone_jobs: list[int] = []
        self.gone_users: list[int] = []
        self.seq, self.at, self.clock = 0, CLOCK, CLOCK
        self.cases: Counter[str] = Counter()
        """What the events so far contain."""
        self.next_id = 7000

    def make(self) -> Event:
        """Return the next event."""
        self.seq += self.random.choice((1, 1, 1, 2))
        self.at += timedelta(seconds=self.random.choice((0, 1, 5)))
        kinds: list[tuple[int, Callable[[], Event]]] = [
            (14, self._add_job), (26, self._change_job), (8, self._delete_job), (5, self._add_user),
            (10, self._change_user), (4, self._delete_user), (33, self._add_action),
        ]  # fmt: skip
        weights, makers = zip(*kinds, strict=True)
        return self.random.choices(makers, weights)[0]()

    def close_job(self, job_id: int) -> Event:
        """Return the event that closes a job."""
        self.seq += 1
        self.jobs[job_id]["is_active"] = False
        return self._event("job", job_id, self.jobs[job_id])

    def _event(self, kind: Any, key: int, row: Row | None) -> Event:
        return Event(self.seq, kind, key, None if row is None else canonical(row), self.at)

    def _time(self) -> datetime:
        """Return a time around the clock and the time of the event."""
        offset = self.random.choice((timedelta(0), timedelta(microseconds=1), timedelta(seconds=2), timedelta(days=1)))
        self.cases["time around the clock"] += 1
        return self.random.choice((self.clock, self.at)) + offset * self.random.choice((1, -1))

    def _new_code(self, row: Row) -> None:
        """Give a row values that the basis does not know, sometimes."""
        choices: dict[str, tuple[str, float, tuple[Any, ...]]] = {
            "prefecture_code": ("new prefecture", 0.1, ("71", "XY")),
            "city_code": ("new city", 0.15, ("77", "11")),
            "company_id": ("new company", 0.3, ("N0", "N1", "N2")),
            "occupation_code": ("new occupation", 0.1, (1, 777)),
            "preferred_occupations": ("new preference", 0.15, ([777, 101],)),
            "employment_type_code": ("new employment type", 0.15, (9, 10)),
        }
        for column, (case, share, values) in choices.items():
            if column in row and self.random.random() < share:
                row[column] = self.random.choice(values)
                self.cases[case] += 1

    def _pick(self, rows: dict[int, Row]) -> int:
        return self.random.choice(sorted(rows))

    def _job(self, job_id: int) -> Row:
        row = self.maker.job(job_id)
        for name in ("posted_at", "expires_at"):
            if self.random.random() < 0.3:
                row[name] = self._time()
        if self.random.random() < 0.3:
            row["min_salary"] = self.random.uniform(800.0, 2500.0)
            self.cases["new wage"] += 1
        self._new_code(row)
        return row

    def _add_job(self) -> Event:
        if self.gone_jobs and self.random.random() < 0.4:
            job_id = self.gone_jobs.pop(self.random.randrange(len(self.gone_jobs)))
            self.cases["job created again"] += 1
        else:
            self.next_id += 1
            job_id = self.next_id * self.random.choice((1, 1, -1))
            self.cases["job added"] += 1
        self.jobs[job_id] = self._job(job_id)
        return self._event("job", job_id, self.jobs[job_id])

    def _change_job(self) -> Event:
        """Close, reopen, or change one or all columns of a job."""
        if not self.jobs:
            return self._add_job()
        job_id = self._pick(self.jobs)
        row, draw = self.jobs[job_id], self.random.random()
        self.cases["job closed or opened" if draw < 0.25 else "job changed"] += 1
        if draw < 0.25:
            row["is_active"] = row["is_active"] is False
        elif draw < 0.4:
            row["expires_at"] = self._time()
        elif draw < 0.55:
            row["fee"] = self.random.choice((0.0, 500.0, 2000.0, 5000.0, 9000.0, None))
        elif draw < 0.65:
            row["company_id"] = self.random.choice((None, "C0", "C1", "N0"))
        elif draw < 0.75:
            row[self.random.choice(FLAGS)] = self.random.choice((True, False, None))
        elif draw < 0.85:
            row["min_salary"] = self.random.choice((1000.0, 1234.5, None, 3000.0))
        elif draw < 0.9:
            row["title"] = "another title"
        else:
            row.update(self._job(job_id))
        return self._event("job", job_id, row)

    def _delete_job(self) -> Event:
        if not self.jobs:
            return self._add_job()
        job_id = self._pick(self.jobs)
        self.cases["job deleted"] += 1
        del self.jobs[job_id]
        self.gone_jobs.append(job_id)
        return self._event("job", job_id, None)

    def _user(self, user_id: int) -> Row:
        row = self.maker.user(user_id)
        self._new_code(row)
        return row

    def _add_user(self) -> Event:
        if self.gone_users and self.random.random() < 0.4:
            user_id = self.gone_users.pop(self.random.randrange(len(self.gone_users)))
            self.cases["user created again"] += 1
        else:
            self.next_id += 1
            user_id = self.next_id
            self.cases["user added"] += 1
        self.users[user_id] = self._user(user_id)
        return self._event("user", user_id, self.users[user_id])

    def _change_user(self) -> Event:
        if not self.users:
            return self._add_user()
        user_id = self._pick(self.users)
        row = self.users[user_id]
        if self.random.random() < 0.3:
            row["is_active"] = row["is_active"] is False
            self.cases["user deactivated or activated"] += 1
        else:
            row.update(self._user(user_id))
            self.cases["user changed"] += 1
        return self._event("user", user_id, row)

    def _delete_user(self) -> Event:
        if not self.users:
            return self._add_user()
        user_id = self._pick(self.users)
        self.cases["user deleted"] += 1
        del self.users[user_id]
        self.gone_users.append(user_id)
        self.actions = [action for action in self.actions if action["user_id"] != user_id]
        return self._event("user", user_id, None)

    def _add_action(self) -> Event:
        """Return an action, sometimes of a user or a job that does not exist, late, repeated or in the future."""
        users = sorted(self.users) + (self.gone_users if self.random.random() < 0.1 else [])
        jobs = sorted(self.jobs) + (self.gone_jobs if self.random.random() < 0.1 else [])
        if not users or not jobs:
            return self._add_user()
        if self.actions and self.random.random() < 0.1:
            row = dict(self.random.choice(self.actions))
            self.cases["action repeated"] += 1
        else:
            row = {
                "user_id": self.random.choice(users),
                "job_id": self.random.choice(jobs),
                "action": self.random.choice(("application", "application", "click", "view")),
                "occurred_at": self._time() if self.random.random() < 0.6 else self.maker.occurred_at(),
            }
        exists = row["user_id"] in self.users and row["job_id"] in self.jobs
        self.cases["action" if exists else "action of a deleted row"] += 1
        self.actions.append(row)
        return self._event("action", row["user_id"], row)
