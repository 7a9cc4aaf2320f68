"""Random sequences of events and ticks, after each of which live lists are compared with lists built from scratch."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from scoring.backends.reference import ReferenceBackend
from scoring.bundle.ranked_lists import Ranking
from scoring.columns.dataset_frames import Tables
from scoring.components.learned import find_job_windows
from scoring.dataset import Dataset
from scoring.live import Event, EventTables, LiveLists
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.statistics import Basis, Statistics
from tests.support.live_events import EventMaker
from tests.support.random_markets import CLOCK, RawMarket, random_market

__all__ = ["CASES", "RULES", "LiveSequence", "assert_equal", "basis_of", "market_of", "oracle", "tables_of"]

RULES = (
    (),
    (
        "job.fee >= 500 and not job.has_remote_work",
        "job.posted_at is missing or job.occupation_code in (101, 201, 777)",
    ),
    ("job.occupation_code in user.preferred_occupations",),
    ("days_since(user, job, 'view') > 7", "days_since(user, job.company_id, 'click') > 3"),
    ("days_since(user, job.company_id, 'application') < 200",),
    ("days_since(user, job, 'click') < 100", "job.prefecture_code == user.prefecture_code"),
    ("job.min_salary >= user.preferred_salary_min",),
)
"""Own rules, of which a sequence has one set. Together they have all three forms."""

CASES = (
    "job added", "job created again", "job changed", "job deleted", "job closed or opened", "user added",
    "user created again", "user changed", "user deactivated or activated", "user deleted", "action", "action repeated",
    "action of a deleted row", "new prefecture", "new city", "new company", "new occupation", "new preference",
    "new employment type", "time around the clock", "new wage", "most listed job closed", "all jobs closed",
    "delayed", "delivered again", "batch", "tick", "normal run", "cap", "k above the number of jobs",
    "user without a job", "refill", "rebuild",
)  # fmt: skip
"""What sequences contain. Some cases are rare: they occur in some of 50 sequences."""


def market_of(seed: int, n_users: int = 30, n_jobs: int = 150) -> RawMarket:
    return random_market(seed, n_users, n_jobs, n_jobs * 5 // 3, factors=True)


def tables_of(market: RawMarket) -> Tables:
    return Tables(**market.frames())


def model_of(seed: int) -> ScoringModel:
    model = load_model("classic" if seed % 4 == 3 else "standard")
    return model.with_eligibility(
        max_per_company=(None, 1, 2, 5)[seed // 3 % 4],
        employment_types=(1, 3, 9) if seed % 3 == 1 else None,
        rules=list(RULES[seed % len(RULES)]),
    )


def basis_of(tables: Tables, *, set_back: bool = False, model: ScoringModel | None = None) -> Basis:
    windows = set[float | None]() if model is None else find_job_windows(model)
    return Statistics(Dataset(tables, as_of=CLOCK, set_back=set_back)).basis.materialize([360.0], windows)


def assert_equal(found: Ranking, wanted: Ranking) -> None:
    """Require equal users, ids, order and the four scores."""
    assert found.user_id.tolist() == wanted.user_id.tolist()
    assert found.count.tolist() == wanted.count.tolist()
    width = found.job_id.shape[1]
    np.testing.assert_array_equal(found.job_id, wanted.job_id[:, :width])
    np.testing.assert_array_equal(found.scores, wanted.scores[:, :width])


def oracle(source: EventTables, lists: LiveLists) -> Ranking:
    """Return the lists by the reference, from scratch."""
    prepared = Prepared.of(
        source, lists.model, basis=lists.basis, upto=source.last_seq, backend=ReferenceBackend, workers=1
    )
    return prepared.top_k(lists.k)


def normal_run(maker: EventMaker, market: RawMarket, lists: LiveLists) -> Ranking:
    """Return the lists of a normal run on the rows that exist now. The maker keeps them without code of live lists."""
    actions = [a for a in maker.actions if a["user_id"] in maker.users and a["job_id"] in maker.jobs]
    now = replace(market, jobs=list(maker.jobs.values()), users=list(maker.users.values()), actions=actions)
    data = Dataset(tables_of(now), as_of=lists.basis.clock.as_of, set_back=False)
    return Prepared.of(data, lists.model, backend=ReferenceBackend, workers=1).top_k(lists.k)


class LiveSequence:
    """Live lists of a random market, the source of the same events, and what happened so far.

    Parameters
    ----------
    seed: Seed of the market, the model and the events. Every second sequence delivers events late and repeats some;
        every third one applies some in batches.
    n_users, n_jobs: Size of the market.
    is_compared: Whether lists are compared after each event.
    change_model: Returns the model to use instead of the shipped one, for the tables of the market.
    """

    def __init__(
        self,
        seed: int,
        *,
        n_users: int = 30,
        n_jobs: int = 150,
        is_compared: bool = True,
        change_model: Callable[[ScoringModel, Tables], ScoringModel] | None = None,
    ) -> None:
        self.random, self.is_compared = random.Random(f"sequence-{seed}"), is_compared
        self.market = market_of(seed, n_users, n_jobs)
        tables = tables_of(self.market)
        self.maker, self.source = EventMaker(self.market, seed), EventTables(tables)
        k = (3, 10, 40, 400)[seed % 5 % 4]
        model = model_of(seed) if change_model is None else change_model(model_of(seed), tables)
        self.lists = LiveLists(tables, model, basis_of(tables, set_back=seed % 7 == 0, model=model), k=k)
        self.is_shuffled, self.is_batched = seed % 2 == 1, seed % 3 == 2
        self.cases: Counter[str] = Counter()
        self.n_events = 0
        self._delayed: list[tuple[int, Event]] = []
        self._sent: list[Event] = []
        if self.lists.model.eligibility.max_per_company:
            self.cases["cap"] += 1
        if k > n_jobs:
            self.cases["k above the number of jobs"] += 1
        self.compare()

    def run(self, n_events: int) -> None:
        """Make events, deliver them, and compare after each event, batch and tick."""
        for step in range(n_events):
            draw = self.random.random()
            if draw < 0.05:
                self.tick()
            elif draw < 0.1:
                self._close_most_listed_job()
            elif draw < 0.103 or (draw < 0.25 and step == n_events - 1):
                self._close_all_jobs()
            elif self.is_batched and draw < 0.4:
                self.send([self.maker.make() for _ in range(self.random.randrange(2, 6))])
            else:
                self._deliver(step, self.maker.make())
        for _, event in self._delayed:
            self.send([event])
        self._delayed = []
        self.cases.update(self.maker.cases)
        self.cases["refill"] += self.lists.n_refills > 0
        self.cases["rebuild"] += self.lists.n_rebuilds > 1 + self.cases["tick"]
        assert set(self.cases) <= set(CASES)

    def _deliver(self, step: int, event: Event) -> None:
        if self.is_shuffled and self.random.random() < 0.25:
            self._delayed.append((step + self.random.randint(1, 4), event))
            self.cases["delayed"] += 1
        else:
            self.send([event])
        due = [late for at, late in self._delayed if at <= step]
        self._delayed = [(at, late) for at, late in self._delayed if at > step]
        for late in due:
            self.send([late])
        if self.is_shuffled and self.random.random() < 0.15 and self._sent:
            self.send([self.random.choice(self._sent)])
            self.cases["delivered again"] += 1

    def send(self, events: Sequence[Event]) -> None:
        """Apply events, one alone or several as a batch, and compare."""
        for event in events:
            self.source.add(event)
        if len(events) == 1:
            self.lists.apply(events[0])
        else:
            self.lists.apply_all(events)
            self.cases["batch"] += 1
        self._sent += events
        self.n_events += len(events)
        self.compare()

    def compare(self) -> None:
        """Require that all lists equal the oracle."""
        found = self.lists.ranking()
        self.cases["user without a job"] += int((found.count == 0).any())
        if self.is_compared:
            assert_equal(found, oracle(self.source, self.lists))

    def tick(self) -> None:
        """Move the clock; compare with the oracle and, if no event is delayed, with a normal run."""
        self.maker.at += timedelta(seconds=self.random.choice((1, 60, 86_400)))
        self.maker.clock = self.maker.at
        self.lists.tick(self.maker.at)
        self.cases["tick"] += 1
        self.compare()
        if not self._delayed:
            self.cases["normal run"] += 1
            assert_equal(self.lists.ranking(), normal_run(self.maker, self.market, self.lists))

    def _close_most_listed_job(self) -> None:
        listed = self.lists.ranking().job_id
        jobs = [job for job in np.unique(listed[listed >= 0]).tolist() if job in self.maker.jobs]
        if jobs:
            self.cases["most listed job closed"] += 1
            self.send([self.maker.close_job(max(jobs, key=lambda job: int((listed == job).sum())))])

    def _close_all_jobs(self) -> None:
        self.cases["all jobs closed"] += 1
        self.send([self.maker.close_job(job) for job in sorted(self.maker.jobs)])
