"""Lists equal the oracle after every event, and a normal run after every tick."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from scoring.backends.reference import ReferenceBackend
from scoring.bundle.ranked_lists import Ranking
from scoring.columns.dataset_frames import Tables
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, DataError, ModelError, UnknownIdError
from scoring.live import Event, EventTables, LiveLists, live_lists
from scoring.live.events import EventKind
from scoring.live.live_lists import SPARE
from scoring.model import GROUPS, Component, Part, ScoringModel, WeightProfile
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.statistics import Basis, Statistics
from tests.live.test_row_check import ShareOfUsers
from tests.support.custom_components import AppliedTitles, FeeInReach, SameAge, TitleVectors, TitleWord
from tests.support.live_events import EventMaker, canonical
from tests.support.random_markets import CLOCK, RawMarket, Row, random_market

pytestmark = pytest.mark.integration

RULES = (
    (),
    ("job.fee >= 500 and not job.has_remote_work",),
    ("job.occupation_code in user.preferred_occupations",),
    ("days_since(user, job, 'view') > 7", "days_since(user, job.company_id, 'click') > 3"),
    ("days_since(user, job.company_id, 'application') < 200",),
    ("days_since(user, job, 'click') < 100", "job.prefecture_code == user.prefecture_code"),
)
"""Own rules, of which a sequence has one set. Together they have all three forms."""
SEQUENCES = [range(first, first + 5) for first in range(0, 50, 5)]
LONG = [pytest.param(range(first, first + 10), marks=pytest.mark.long) for first in range(1000, 2000, 10)]


def market_of(seed: int) -> RawMarket:
    return random_market(seed, 30, 150, 250, factors=True)


def tables_of(market: RawMarket) -> Tables:
    return Tables(**market.frames())


def model_of(seed: int) -> ScoringModel:
    model = load_model("classic" if seed % 4 == 3 else "standard")
    return model.with_eligibility(max_per_company=(None, 1, 2, 5)[seed % 4], rules=list(RULES[seed % len(RULES)]))


def basis_of(tables: Tables, *, set_back: bool = False) -> Basis:
    return Statistics(Dataset(tables, as_of=CLOCK, set_back=set_back)).basis.materialize([360.0])


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


def shuffled(events: list[Event], seed: int) -> list[Event]:
    """Return the events with some delayed by up to four places and some repeated, for every second seed."""
    if seed % 2 == 0:
        return events
    draw = np.random.default_rng(seed)
    delay = np.arange(len(events)) + draw.choice([0, 0, 0, 4.5], len(events))
    repeats = [events[i] for i in draw.choice(len(events), len(events) // 4)]
    return [events[i] for i in np.argsort(delay, kind="stable")] + repeats


def run_sequence(seed: int, n_events: int) -> LiveLists:
    """Apply random events and compare after each; return the lists."""
    market = market_of(seed)
    tables, maker = tables_of(market), EventMaker(market, seed)
    k = (3, 10, 40, 400)[seed % 5 % 4]
    lists = LiveLists(tables, model_of(seed), basis_of(tables, set_back=seed % 7 == 0), k=k)
    source = EventTables(tables)
    assert_equal(lists.ranking(), oracle(source, lists))
    events = shuffled([maker.make() for _ in range(n_events)], seed)
    for event in events:
        source.add(event)
        lists.apply(event)
        assert_equal(lists.ranking(), oracle(source, lists))
    return lists


@pytest.mark.parametrize("seeds", SEQUENCES, ids=str)
def test_lists_equal_oracle_after_every_event(seeds: range) -> None:
    for seed in seeds:
        run_sequence(seed, 8)


@pytest.mark.parametrize("seeds", LONG, ids=str)
def test_lists_equal_oracle_in_long_sequences(seeds: range) -> None:
    for seed in seeds:
        run_sequence(seed, 30)


def test_sequences_refill_and_rebuild() -> None:
    """Short lists lose jobs, and new codes appear: otherwise the sequences would not test refills and rebuilds."""
    lists = run_sequence(2, 25)
    assert lists.n_refills > 0
    assert lists.n_rebuilds > 1


# --- Ticks ---------------------------------------------------------------------------------------------------------


def normal_run(maker: EventMaker, market: RawMarket, lists: LiveLists) -> Ranking:
    """Return the lists of a normal run on the rows that exist now. The maker keeps them without code of live lists."""
    actions = [a for a in maker.actions if a["user_id"] in maker.users and a["job_id"] in maker.jobs]
    now = replace(market, jobs=list(maker.jobs.values()), users=list(maker.users.values()), actions=actions)
    data = Dataset(tables_of(now), as_of=lists.basis.clock.as_of, set_back=False)
    return Prepared.of(data, lists.model, backend=ReferenceBackend, workers=1).top_k(lists.k)


@pytest.mark.parametrize("seed", range(4))
def test_lists_after_a_tick_equal_a_normal_run(seed: int) -> None:
    market = market_of(seed)
    tables, maker = tables_of(market), EventMaker(market, seed)
    lists = LiveLists(tables, model_of(seed), basis_of(tables), k=10)
    source = EventTables(tables)
    for _ in range(3):
        for event in (maker.make() for _ in range(10)):
            source.add(event)
            lists.apply(event)
        lists.tick(maker.at + timedelta(seconds=1))
        assert_equal(lists.ranking(), normal_run(maker, market, lists))
        assert_equal(lists.ranking(), oracle(source, lists))


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


# --- Components of one's own ------------------------------------------------------------------------------------------


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
