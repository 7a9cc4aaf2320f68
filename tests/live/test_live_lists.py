"""Lists equal the oracle after every event, and a normal run after every tick."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from scoring.errors import ConfigurationError, DataError, ModelError, UnknownIdError
from scoring.live import Event, EventTables, LiveLists, live_lists
from scoring.live.events import EventKind
from scoring.live.live_lists import SPARE
from scoring.model import GROUPS, Component, Part, ScoringModel, WeightProfile
from scoring.model_catalog import load_model
from tests.live.test_row_check import ShareOfUsers
from tests.support.custom_components import AppliedTitles, FeeInReach, SameAge, TitleVectors, TitleWord
from tests.support.live_events import EventMaker, canonical
from tests.support.live_sequences import CASES, LiveSequence, assert_equal, basis_of, market_of, oracle, tables_of
from tests.support.proof_counts import record_count
from tests.support.random_markets import CLOCK, Row

pytestmark = pytest.mark.integration

SEQUENCES = [range(first, first + 5) for first in range(0, 50, 5)]
LONG = [pytest.param(range(first, first + 10), marks=pytest.mark.long) for first in range(1000, 2000, 10)]


@pytest.mark.parametrize("seeds", SEQUENCES, ids=str)
def test_lists_equal_oracle_after_every_event(seeds: range) -> None:
    run_sequences(seeds, 8)


@pytest.mark.parametrize("seeds", LONG, ids=str)
def test_lists_equal_oracle_in_long_sequences(seeds: range) -> None:
    run_sequences(seeds, 30)


def run_sequences(seeds: range, n_events: int) -> None:
    n_sent = n_ticks = 0
    for seed in seeds:
        sequence = LiveSequence(seed)
        sequence.run(n_events)
        n_sent += sequence.n_events
        n_ticks += sequence.cases["tick"]
    record_count("live lists", "{} events and {} ticks in {} random sequences", n_sent, n_ticks, len(seeds))


def test_sequences_contain_all_cases() -> None:
    """Without comparisons. Otherwise a change of the sequences could leave out a case unnoticed."""
    cases: Counter[str] = Counter()
    for seed in range(20):
        sequence = LiveSequence(seed, n_users=12, n_jobs=60, is_compared=False)
        sequence.run(30)
        cases += sequence.cases
    assert set(cases) == set(CASES)


@pytest.mark.parametrize("seed", [1, 2])
def test_lists_of_a_large_market_equal_oracle_at_the_end(seed: int) -> None:
    """More pairs than lists are first computed for user by user, so the search index computes them."""
    sequence = LiveSequence(seed, n_users=420, n_jobs=5000, is_compared=False)
    assert sequence.lists._n_users * sequence.lists._n_jobs > live_lists._PAIRS_RANKED_ALONE
    sequence.run(150)
    sequence.is_compared = True
    sequence.compare()


def test_lists_stay_exact_when_cells_are_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_lists, "_MAX_LOOSE", 2)
    LiveSequence(2).run(8)


# --- Ticks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_lists_after_a_tick_equal_a_normal_run(seed: int) -> None:
    sequence = LiveSequence(2 * seed)
    for _ in range(3):
        sequence.run(5)
        sequence.tick()


def test_clock_never_goes_back() -> None:
    tables = tables_of(market_of(0))
    lists = LiveLists(tables, "standard", basis_of(tables), k=3)
    with pytest.raises(ConfigurationError) as raised:
        lists.tick(CLOCK - timedelta(microseconds=1))
    assert raised.value.key == ("as_of",)


# --- Single events --------------------------------------------------------------------------------------------------


class Case:
    """Live lists of one market, with functions for single events."""

    def __init__(self, *, k: int = 10, cap: int | None = None) -> None:
        self.market = market_of(1)
        self.tables = tables_of(self.market)
        self.source = EventTables(self.tables)
        model = load_model("standard").with_eligibility(max_per_company=cap)
        self.lists = LiveLists(self.tables, model, basis_of(self.tables), k=k)

    def send(self, kind: EventKind, key: int, row: Row | None, seconds: float = 1.0) -> None:
        """Apply an event and compare with the oracle."""
        self.apply(kind, key, row, seconds)
        assert_equal(self.lists.ranking(), oracle(self.source, self.lists))

    def apply(self, kind: EventKind, key: int, row: Row | None, seconds: float = 1.0) -> None:
        body = None if row is None else canonical(row)
        event = Event(self.source.last_seq + 1, kind, key, body, CLOCK + timedelta(seconds=seconds))
        self.source.add(event)
        assert self.lists.apply(event)

    def job(self, job_id: int) -> Row:
        return dict(next(row for row in self.market.jobs if row["job_id"] == job_id))

    def most_listed(self) -> int:
        listed = self.lists.ranking().job_id
        return int(pd.Series(listed[listed >= 0]).mode()[0])


@pytest.mark.parametrize("cap", [None, 1, 3])
def test_most_listed_jobs_close_one_by_one(cap: int | None) -> None:
    """Every list loses more jobs than it has spare places, so it is computed again."""
    case = Case(k=5, cap=cap)
    for _ in range(SPARE + 6):
        job_id = case.most_listed()
        case.send("job", job_id, case.job(job_id) | {"is_active": False})
    assert case.lists.n_refills > 0


def test_all_jobs_close_and_one_opens_again() -> None:
    case = Case(k=400)
    for row in case.market.jobs:
        case.apply("job", row["job_id"], row | {"is_active": False})
    assert not case.lists.ranking().count.any()
    assert_equal(case.lists.ranking(), oracle(case.source, case.lists))
    row = next(row for row in case.market.jobs if (row["fee"] or 0) > 0)
    case.send("job", row["job_id"], row | {"is_active": True, "posted_at": CLOCK, "expires_at": None})
    assert case.lists.ranking().count.any()


def test_times_count_as_the_clock_up_to_their_event() -> None:
    case = Case()
    template = case.job(case.most_listed()) | {"expires_at": None, "is_active": True, "fee": 9000.0}
    for number, (posted, at, is_listed) in enumerate([(5, 6, True), (5, 4, False), (6, 6, True)]):
        job_id = 8000 + number
        case.send("job", job_id, template | {"job_id": job_id, "posted_at": CLOCK + timedelta(seconds=posted)}, at)
        assert (job_id in case.lists.ranking().job_id) == is_listed


def test_inactive_and_deleted_users_have_no_list() -> None:
    case = Case()
    user = next(row for row in case.market.users if row["is_active"] is not False)
    user_id = user["user_id"]
    case.send("user", user_id, user | {"is_active": False})
    assert case.lists.get(user_id) is None
    with pytest.raises(UnknownIdError):
        case.lists.ranking([user_id])
    case.send("user", user_id, user)
    assert case.lists.get(user_id) is not None
    case.send("user", user_id, None)
    with pytest.raises(UnknownIdError) as raised:
        case.lists.get(user_id)
    assert (raised.value.kind, raised.value.unknown_id) == ("user", user_id)


def test_actions_return_with_the_job_not_with_the_user() -> None:
    """Actions on a deleted job count again when it is created again. Those of a deleted user do not."""
    case = Case()
    applied = next(a for a in case.market.actions if a["action"] == "application" and a["occurred_at"] <= CLOCK)
    user_id, job_id = applied["user_id"], applied["job_id"]
    user = next(row for row in case.market.users if row["user_id"] == user_id) | {"is_active": True}
    row = case.job(job_id)
    case.send("user", user_id, user)
    case.send("job", job_id, None)
    case.send("job", job_id, row)
    with_actions = case.lists.get(user_id)
    case.send("user", user_id, None)
    case.send("user", user_id, user)
    without = case.lists.get(user_id)
    assert with_actions is not None
    assert without is not None
    assert not np.array_equal(with_actions.scores, without.scores)


def test_deletion_after_a_later_event_removes_actions() -> None:
    """The row exists, but all components that read actions change."""
    case = Case()
    n_actions = Counter(a["user_id"] for a in case.market.actions if a["occurred_at"] <= CLOCK)
    user = next(row for row in case.market.users if row["user_id"] == n_actions.most_common(1)[0][0]) | {
        "is_active": True
    }
    events = [Event(seq, "user", user["user_id"], body, CLOCK) for seq, body in ((2, canonical(user)), (1, None))]
    for event in events:
        case.source.add(event)
        case.lists.apply(event)
        assert_equal(case.lists.ranking(), oracle(case.source, case.lists))


def test_many_events_build_the_lists_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_lists, "REBUILD_AT", 5)
    case, maker = Case(), EventMaker(market_of(1), 1)
    for n in (5, 40):
        before = case.lists.n_rebuilds
        events = [maker.make() for _ in range(n)]
        for event in events:
            case.source.add(event)
        assert case.lists.apply_all(events) > 0
        assert case.lists.seq == events[-1].seq
        assert n == 5 or case.lists.n_rebuilds == before + 1
        assert_equal(case.lists.ranking(), oracle(case.source, case.lists))
    assert case.lists.apply_all(events) == 0
    assert case.lists.apply_all([]) == 0


def test_known_and_older_events_change_nothing() -> None:
    case = Case()
    row = case.job(case.most_listed())
    newer = Event(9, "job", row["job_id"], canonical(row | {"fee": 1.0}), CLOCK)
    older = Event(8, "job", row["job_id"], canonical(row | {"fee": 9000.0}), CLOCK)
    assert case.lists.apply(newer)
    assert not case.lists.apply(newer)
    assert not case.lists.apply(older)
    assert case.lists.seq == 9


def test_invalid_row_changes_nothing() -> None:
    case = Case()
    job_id = case.most_listed()
    before = case.lists.ranking()
    with pytest.raises(DataError) as raised:
        case.lists.apply(Event(1, "job", job_id, {"job_id": job_id, "fee": "many"}, CLOCK))
    assert (raised.value.table, raised.value.column) == ("events", "fee")
    assert_equal(case.lists.ranking(), before)
    assert case.lists.seq == 0


def test_first_lists_of_large_markets_use_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_lists, "_PAIRS_RANKED_ALONE", 0)
    case = Case(cap=2)
    assert_equal(case.lists.ranking(), oracle(case.source, case.lists))
    for _ in range(4):
        case.send("job", case.most_listed(), None)


# --- Own components ---------------------------------------------------------------------------------------------------


def with_own(component: Component) -> ScoringModel:
    """Return `standard` with half of the group `match` on a component."""
    standard = load_model("standard")
    parts = tuple(sorted((*standard.parts, Part("own", "match", component)), key=lambda part: GROUPS.index(part.group)))
    weights = {**standard.weights.components, "match": {"location": 0.2, "category": 0.3, "conditions": 0, "own": 0.5}}
    return replace(standard, parts=parts, weights=WeightProfile(standard.weights.groups, weights))


@pytest.mark.parametrize(
    ("component", "is_of_rows"),
    [(TitleWord, True), (SameAge, True), (FeeInReach, True), (AppliedTitles, False)],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_own_components_equal_oracle_after_every_event(component: type[Component], is_of_rows: bool) -> None:
    """Terms with codes that depend on other rows make each event a rebuild. All other events are computed at once."""
    for seed in range(3):
        market = market_of(seed)
        tables, maker = tables_of(market), EventMaker(market, seed)
        lists = LiveLists(tables, with_own(component()), basis_of(tables), k=10)
        source, n_changed = EventTables(tables), 0
        for event in (maker.make() for _ in range(10)):
            source.add(event)
            n_changed += lists.apply(event)
            assert_equal(lists.ranking(), oracle(source, lists))
        assert lists.n_rebuilds < n_changed if is_of_rows else lists.n_rebuilds == n_changed + 1


def test_events_with_own_codes_are_applied_by_one_rebuild() -> None:
    market = market_of(0)
    tables, maker = tables_of(market), EventMaker(market, 0)
    lists = LiveLists(tables, with_own(AppliedTitles()), basis_of(tables), k=10)
    source = EventTables(tables, events := [maker.make() for _ in range(10)])
    lists.apply_all(events)
    assert lists.n_rebuilds == 2
    assert_equal(lists.ranking(), oracle(source, lists))


@pytest.mark.parametrize("component", [TitleVectors, ShareOfUsers], ids=lambda component: component.kind)
def test_own_components_of_other_rows_are_refused(component: type[Component]) -> None:
    tables = tables_of(market_of(0))
    with pytest.raises(ModelError) as raised:
        LiveLists(tables, with_own(component()), basis_of(tables))
    assert raised.value.key[0] == "own"


def test_replaced_lists_leave_memory_at_once() -> None:
    """Without a cycle, no garbage collection is needed, which holds the interpreter for long."""
    tables = tables_of(market_of(1))
    gc.disable()
    try:
        lists = LiveLists(tables, "standard", basis_of(tables), k=5)
        events = EventMaker(market_of(1), 1)
        for _ in range(20):
            lists.apply(events.make())
        dead = weakref.ref(lists)
        del lists
        assert dead() is None
    finally:
        gc.enable()


class SparseSequence(LiveSequence):
    """A sequence whose lists are read after every sixth event only."""

    n_calls, n_short = 0, 0

    def compare(self) -> None:
        self.n_calls += 1
        self.n_short += len(self.lists._to_refill)
        if self.n_calls % 6 == 1:
            super().compare()


def test_short_lists_are_computed_when_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_lists, "REFILLS_AT_ONCE", 0)
    monkeypatch.setattr(live_lists, "SPARE", 0)  # each job that leaves makes a list short
    n_short = 0
    for seed in (1, 6, 11):
        sequence = SparseSequence(seed, n_jobs=900)
        for _ in range(5):
            sequence.run(3)
            sequence._close_most_listed_job()
        n_short += sequence.n_short
        LiveSequence.compare(sequence)
    assert n_short > 0
