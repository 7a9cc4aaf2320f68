"""Tests of `scoring.live.live_engine`: reads, writes, ticks and failures of an engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from scoring.columns.dataset_frames import Tables
from scoring.database.database import Database
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, ModelError, UnknownIdError
from scoring.live import Event, LiveLists, live_engine, live_lists
from scoring.live.live_engine import LiveEngine, SeqNotReachedError
from scoring.live.live_lists import REBUILD_AT
from scoring.live.live_tables import make_row
from scoring.live.verification import VerifyReport
from scoring.model import Inputs, Part, ScoringModel, WeightProfile
from scoring.model_catalog import load_model
from scoring.registry import Registry
from scoring.statistics import Basis
from tests.support.custom_components import TitleWord
from tests.support.learned_models import JOB_INPUTS, PAIR_INPUTS, USER_INPUTS, write_trees
from tests.support.live_market import SECONDS, LiveClock, is_settled, job_row, save_market, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def tables(sqlite_url: str) -> Tables:
    return save_market(sqlite_url)


@pytest.fixture
def clock() -> LiveClock:
    return LiveClock()


@pytest.fixture
def engine(sqlite_url: str, tables: Tables, clock: LiveClock) -> Iterator[LiveEngine]:
    with LiveEngine(sqlite_url, "standard", k=5, tick_seconds=3600, poll_seconds=0.01, clock=clock) as found:
        yield found


def listed(engine: LiveEngine) -> list[int]:
    """Return the jobs of the list of the first user who has one."""
    answer = engine.get(first_user(engine))
    assert answer.list is not None
    return answer.list.job_id.tolist()


def first_user(engine: LiveEngine) -> int:
    for user in range(200):
        try:
            answer = engine.get(user)
        except UnknownIdError:
            continue
        if answer.list is not None and len(answer.list):
            return user
    raise AssertionError


def assert_exact(engine: LiveEngine) -> VerifyReport:
    report = engine.verify()
    assert report.is_exact, str(report)
    return report


def test_first_start_writes_a_basis(engine: LiveEngine) -> None:
    status = engine.status()
    assert status.basis == 1
    assert status.is_leader
    assert status.frozen == ()
    assert assert_exact(engine).n_lists == status.n_users > 0


def test_tick_ends_while_events_arrive_as_fast(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_captured, n_rounds = engine._apply_captured, 0

    def apply_and_write(lists: LiveLists, events: Sequence[Event]) -> None:
        nonlocal n_rounds
        n_rounds += 1
        apply_captured(lists, events)
        if engine._captured is not None:  # events wait for the last ones
            fee = float(n_rounds)
            written = engine.write([job_row(tables, place, fee=fee) for place in range(2 * live_engine._FEW)])
            engine.get(first_user(engine), after=written.seq, timeout=10)

    monkeypatch.setattr(live_engine, "_FEW", 4)
    monkeypatch.setattr(engine, "_apply_captured", apply_and_write)
    assert engine.tick() == 2
    assert n_rounds == live_engine._ROUNDS + 1
    assert_exact(engine)


def test_ticks_do_not_check_components_again(
    sqlite_url: str, tables: Tables, clock: LiveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    check = live_lists.require_row_component

    def note(part: Part, dataset: Dataset, basis: Basis) -> None:
        checked.append(part.name)
        check(part, dataset, basis)

    monkeypatch.setattr(live_lists, "require_row_component", note)
    model = ScoringModel(
        "own", (Part("word", "base", TitleWord()),), WeightProfile({"base": 1.0}, {"base": {"word": 1.0}})
    )
    with LiveEngine(sqlite_url, model, k=5, tick_seconds=3600, poll_seconds=0.01, clock=clock) as engine:
        assert checked == ["word"]
        clock.move(60)
        assert engine.tick() == 2
        assert checked == ["word"]
        engine._reload("a test")  # other tables
        assert checked == ["word", "word"]
        assert_exact(engine)


def test_ticks_of_changed_rows_leave_time_for_events(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_engine, "EARLY_SECONDS", 0.0)
    monkeypatch.setattr(live_engine, "MAX_CHANGED_ROWS", 3)
    engine._tick_took = 3600.0
    written = engine.write([job_row(tables, place, fee=1.0) for place in range(10)])
    engine.get(first_user(engine), after=written.seq, timeout=10)
    wait_until(engine._rows_wanted.is_set)
    engine._lead_once()
    assert engine.status().basis == 1
    engine._tick_took = 0.0
    wait_until(lambda: engine.status().basis == 2)
    assert_exact(engine)


def test_backlog_worth_of_a_build_is_measured(engine: LiveEngine) -> None:
    assert engine._find_worth_of_build() == REBUILD_AT
    engine.metrics.observe("build_seconds", 2.0)
    for _ in range(REBUILD_AT):
        engine.metrics.observe("event_seconds", 0.0005)
    assert engine._find_worth_of_build() == pytest.approx(live_engine._BUILDS_BEHIND * 4000, abs=4)


def test_build_of_the_same_basis_postpones_no_tick(engine: LiveEngine, clock: LiveClock) -> None:
    wait_until(lambda: is_settled(engine))  # the event of the first tick is read
    ticked_at = engine._ticked_at
    engine._call_work(lambda: engine._build(engine._require_state().stored, ()))
    assert engine._ticked_at == ticked_at
    clock.move(60)
    engine.tick()
    assert engine._ticked_at > ticked_at


def test_stopped_engine_is_no_longer_a_reader(sqlite_url: str, tables: Tables, clock: LiveClock) -> None:
    def count_readers() -> int:
        with Database.open(sqlite_url) as database:
            query = text("SELECT count(*) FROM event_readers")
            return int(database.read(lambda connection: connection.execute(query).scalar_one()))

    with LiveEngine(sqlite_url, "standard", k=5, tick_seconds=3600, poll_seconds=0.01, clock=clock):
        wait_until(lambda: count_readers() == 1)
    assert count_readers() == 0


def test_read_contains_the_write_it_waits_for(engine: LiveEngine) -> None:
    before = listed(engine)
    written = engine.write([{"kind": "job", "id": before[0], "deleted": True}])
    answer = engine.get(first_user(engine), after=written.seq, timeout=SECONDS)
    assert answer.list is not None
    assert before[0] not in answer.list.job_id
    assert answer.seq >= written.seq
    assert_exact(engine)


def test_event_that_does_not_come_is_a_named_error(engine: LiveEngine) -> None:
    wait_until(lambda: is_settled(engine))  # the event of the first basis follows the start
    seq = engine.status().seq
    with pytest.raises(SeqNotReachedError) as caught:
        engine.get(first_user(engine), after=seq + 1, timeout=0)
    assert (caught.value.after, caught.value.seq) == (seq + 1, seq)


def test_unknown_and_inactive_users(engine: LiveEngine) -> None:
    user = first_user(engine)
    with pytest.raises(UnknownIdError):
        engine.get(10**9)
    written = engine.write([{"kind": "user", "row": {"user_id": user, "is_active": False}}])
    assert engine.get(user, after=written.seq, timeout=SECONDS).list is None
    written = engine.write([{"kind": "user", "id": user, "deleted": True}])
    with pytest.raises(UnknownIdError):
        engine.get(user, after=written.seq, timeout=SECONDS)


def test_explanation_equals_the_list(engine: LiveEngine, tables: Tables) -> None:
    user = first_user(engine)
    written = engine.write([job_row(tables, 3, job_id=70_001, company_id="new", prefecture_code="XY")])
    answer = engine.get(user, after=written.seq, timeout=SECONDS)
    assert answer.list is not None
    for job, scores in zip(answer.list.job_id.tolist(), answer.list.scores, strict=True):
        found = engine.explain(user, job)
        assert (found.total, *found.groups.values()) == tuple(scores.tolist())
        assert found.eligible
    assert engine.explain(user, 70_001).job_id == 70_001


def test_tick_moves_the_clock(engine: LiveEngine, clock: LiveClock) -> None:
    before = engine.get(first_user(engine))
    clock.move(90 * 86_400)
    assert engine.tick() == 2
    after = engine.get(before.list.user_id if before.list else 0)
    assert (after.basis, after.as_of) == (2, clock.at)
    assert before.list is not None
    assert after.list is not None
    assert not np.array_equal(before.list.scores, after.list.scores)
    assert_exact(engine)


def test_clock_never_goes_back(engine: LiveEngine, clock: LiveClock) -> None:
    before = engine.get(first_user(engine))
    clock.move(-3600)
    assert engine.tick() == 2
    assert engine.get(first_user(engine)).as_of == before.as_of


def test_restart_continues_with_the_same_lists(sqlite_url: str, engine: LiveEngine, tables: Tables) -> None:
    rows = [job_row(tables, place, fee=9000.0 + place) for place in range(10)]
    written = engine.write([*rows, job_row(tables, 1, job_id=70_002)])
    user = first_user(engine)
    before = engine.get(user, after=written.seq, timeout=SECONDS)
    engine.close()
    with LiveEngine(sqlite_url, "standard", k=5, tick_seconds=3600, clock=engine._now) as later:
        after = later.get(user)
        assert (after.basis, after.seq) == (before.basis, before.seq)
        assert before.list is not None
        assert after.list is not None
        np.testing.assert_array_equal(before.list.job_id, after.list.job_id)
        np.testing.assert_array_equal(before.list.scores, after.list.scores)


def test_engine_that_is_not_started_or_in_memory(sqlite_url: str, tables: Tables) -> None:
    with pytest.raises(ConfigurationError):
        LiveEngine("sqlite://")
    engine = LiveEngine(sqlite_url)
    with pytest.raises(ConfigurationError):
        engine.get(1)
    engine.close()


def test_early_tick_after_a_large_transaction(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_engine, "EARLY_SECONDS", 0.0)
    rows = [job_row(tables, place % 100, job_id=80_000 + place) for place in range(501)]
    engine._gate.allow(10**9)
    engine.write(rows)
    wait_until(lambda: engine.status().basis >= 2)
    assert_exact(engine)


# --- Trained models ---------------------------------------------------------------------------------------------------


NAMES = (*JOB_INPUTS, *USER_INPUTS, *PAIR_INPUTS)
"""`job.clicks` is among them, which the first basis of another model does not count."""


@pytest.fixture
def trained(tables: Tables, tmp_path: Path) -> ScoringModel:
    component = write_trees(tmp_path, Inputs.of(Dataset(tables)), NAMES)
    return load_model("standard").with_component(component, "personal", 0.3)


def test_promoted_trained_model_is_read_once(
    sqlite_url: str, tables: Tables, clock: LiveClock, trained: ScoringModel, tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "profiles", database=sqlite_url)
    registry.save("trained", trained, note="trees of pairs")
    path = next(tmp_path.glob("learned*.txt"))
    content = path.read_bytes()

    def open_engine() -> LiveEngine:
        return LiveEngine(sqlite_url, None, registry=registry, k=5, tick_seconds=3600, poll_seconds=0.01, clock=clock)

    with open_engine() as engine:
        registry.promote("trained", note="try", force="a test")
        wait_until(lambda: engine.status().basis == 2)
        user = first_user(engine)
        written = engine.write([job_row(tables, place, fee=9000.0 + place) for place in range(10)])
        before = engine.get(user, after=written.seq, timeout=SECONDS)
        assert_exact(engine)
        path.write_bytes(content[:-100])
        engine._call_work(engine._load_and_swap)
        assert before.list is not None
        assert listed(engine) == before.list.job_id.tolist()
        assert engine.tick() == 3
        assert_exact(engine)
        after_tick = listed(engine)
        assert engine.status().model_failure is None
    with pytest.raises(ModelError), open_engine():
        pass
    path.write_bytes(content)
    with open_engine() as engine:
        assert listed(engine) == after_tick
        assert_exact(engine)


def test_explanation_with_a_trained_model_equals_the_list(
    sqlite_url: str, tables: Tables, clock: LiveClock, trained: ScoringModel
) -> None:
    """Counts of all users' actions come from the basis: an explanation reads the actions of its user only."""
    with LiveEngine(sqlite_url, trained, k=5, tick_seconds=3600, poll_seconds=0.01, clock=clock) as engine:
        user = first_user(engine)
        actions = [make_row(tables.actions.iloc[0]) | {"user_id": user, "action": "click"} for _ in range(3)]
        written = engine.write([{"kind": "action", "row": row | {"occurred_at": clock.at}} for row in actions])
        answer = engine.get(user, after=written.seq, timeout=SECONDS)
        assert answer.list is not None
        for job, scores in zip(answer.list.job_id.tolist(), answer.list.scores, strict=True):
            found = engine.explain(user, job)
            assert (found.total, *found.groups.values()) == tuple(scores.tolist())
            learned = next(part for part in found.parts if part.name == "learned")
            assert "output" in learned.facts


def test_start_with_a_model_that_counts_more_writes_a_basis(
    sqlite_url: str, engine: LiveEngine, clock: LiveClock, trained: ScoringModel
) -> None:
    engine.close()
    with LiveEngine(sqlite_url, trained, k=5, tick_seconds=3600, clock=clock) as later:
        assert later.status().basis == 2
        assert_exact(later)
