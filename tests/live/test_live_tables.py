"""Tables after events equal the rows that a program without this package keeps, for any order of the events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from scoring.columns import TABLES
from scoring.columns.dataset_frames import Tables
from scoring.dataset import Dataset
from scoring.dataset.clock import Clock
from scoring.errors import ConfigurationError
from scoring.live import Event, EventTables, LiveTables
from scoring.live.live_tables import ChangedRows
from scoring.ranking import Prepared
from scoring.statistics import Statistics
from tests.support.live_events import EventMaker, canonical
from tests.support.random_markets import CLOCK, RawMarket, random_market

pytestmark = pytest.mark.integration

LATER = Clock(pd.Timestamp(CLOCK) + pd.Timedelta(hours=1), False)
"""After all events, so that no time counts as the clock."""


def market_of(seed: int) -> RawMarket:
    return random_market(seed, 6, 20, 30)


def expected(market: RawMarket, maker: EventMaker) -> Dataset:
    """Return the dataset of the rows that the maker keeps."""
    actions = [a for a in maker.actions if a["user_id"] in maker.users and a["job_id"] in maker.jobs]
    rows = replace(market, jobs=list(maker.jobs.values()), users=list(maker.users.values()), actions=actions)
    return Dataset(Tables(**rows.frames()), as_of=LATER.as_of, set_back=False)


@pytest.mark.parametrize("seed", range(4))
def test_tables_equal_kept_rows_in_any_order(seed: int) -> None:
    market = market_of(seed)
    maker, tables = EventMaker(market, seed), Tables(**market.frames())
    events = [maker.make() for _ in range(40)]
    wanted = expected(market, maker).fingerprint
    assert EventTables(tables, events).dataset_at(events[-1].seq, LATER).fingerprint == wanted
    draw = np.random.default_rng(seed)
    state = LiveTables(tables)
    for place in [*draw.permutation(len(events)), *draw.integers(0, len(events), 10)]:
        state.apply(events[place])
    assert state.make_dataset(LATER).fingerprint == wanted


def test_actions_of_events_count_as_the_clock() -> None:
    """Two views within a second after the clock both count; one that is after its event does not."""
    market = market_of(0)
    tables, user, job = Tables(**market.frames()), market.users[0]["user_id"], market.jobs[0]["job_id"]
    now = Clock(pd.Timestamp(CLOCK), False)
    before = EventTables(tables, [Event(1, "job", 5, None, CLOCK)]).dataset_at(1, now)
    events = []
    for number, (offset, recorded) in enumerate([(1, 3), (2, 3), (4, 3)], start=1):
        row = {"user_id": user, "job_id": job, "action": "view", "occurred_at": CLOCK + timedelta(seconds=offset)}
        events.append(Event(number, "action", user, row, CLOCK + timedelta(seconds=recorded)))
    after = EventTables(tables, events).dataset_at(3, now)
    assert len(after.actions) == len(before.actions) + 2
    assert after.actions.at.max() == now.now
    assert len(after.actions_as_of(LATER)) == len(before.actions_as_of(LATER)) + 3
    assert after.ledger["actions"].left_out["after the clock"] == 1 + before.ledger["actions"].left_out.get(
        "after the clock", 0
    )


def test_expiry_of_an_event_counts_as_the_clock() -> None:
    market = market_of(0)
    row = canonical(market.jobs[0] | {"expires_at": CLOCK + timedelta(seconds=1), "posted_at": None, "is_active": True})
    for recorded, is_open in ((2, False), (0, True)):
        event = Event(1, "job", row["job_id"], row, CLOCK + timedelta(seconds=recorded))
        data = EventTables(Tables(**market.frames()), [event]).dataset_at(1, Clock(pd.Timestamp(CLOCK), False))
        assert data.open_jobs[data.job_index.find(np.array([row["job_id"]]))[0][0]] == is_open


def test_prepared_needs_events_number_and_basis_together() -> None:
    market = market_of(0)
    data = Dataset(Tables(**market.frames()))
    source, basis = EventTables(data.tables, [Event(1, "job", 5, None, CLOCK)]), Statistics(data).basis
    for given, options, key in (
        (source, {"basis": basis}, "upto"),
        (source, {"upto": 1}, "basis"),
        (data, {"upto": 1}, "upto"),
        (source, {"basis": basis, "upto": 2}, "upto"),
    ):
        with pytest.raises(ConfigurationError) as raised:
            Prepared.of(given, "standard", **options)  # type: ignore[arg-type]
        assert raised.value.key == (key,)


def test_external_ids_of_stored_and_changed_rows() -> None:
    rows = [{"job_id": 1, "external_id": "A-1"}, {"job_id": 2}, {"job_id": 3, "external_id": "A-3"}]
    jobs = Dataset.from_frames(jobs=pd.DataFrame(rows), users=pd.DataFrame({"user_id": [1]})).tables.jobs
    found = ChangedRows(TABLES["jobs"], jobs)
    at = datetime(2025, 6, 1, tzinfo=UTC)
    found.apply(Event(1, "job", 3, None, at))
    found.apply(Event(2, "job", 4, {"job_id": 4, "external_id": "A-4"}, at))
    found.apply(Event(3, "job", 5, {"job_id": 5}, at))
    assert [found.find_external_id(key) for key in range(7)] == [None, "A-1", None, None, "A-4", None, None]
    assert ChangedRows(TABLES["jobs"], jobs.assign(external_id=None)).find_external_id(1) is None
