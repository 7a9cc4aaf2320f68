"""Failures of live engines: killed processes, two leaders, gates, replaced tables, lost databases."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from scoring.columns.dataset_frames import Tables
from scoring.database.database import Database
from scoring.errors import ScoringError
from scoring.live import change_gate, live_engine
from scoring.live.leader_lease import LeaseLostError
from scoring.live.live_engine import LiveAnswer, LiveEngine
from scoring.model_catalog import load_model
from scoring.registry import Registry
from tests.support.forks import start_fork
from tests.support.live_market import LiveClock, is_settled, job_row, save_market, wait_until
from tests.support.live_process import run_engine_until_killed

pytestmark = pytest.mark.integration

Open = Callable[..., AbstractContextManager[LiveEngine]]


@pytest.fixture
def clock() -> LiveClock:
    return LiveClock()


@pytest.fixture
def tables(database_url: str) -> Tables:
    return save_market(database_url)


@pytest.fixture
def start(database_url: str, tables: Tables, clock: LiveClock) -> Open:
    """Return a function that opens an engine of the database."""

    def make(**options: Any) -> LiveEngine:
        defaults = {"k": 5, "tick_seconds": 3600, "poll_seconds": 0.01, "clock": clock}
        return LiveEngine(database_url, options.pop("model", "standard"), **{**defaults, **options})

    return make


@pytest.fixture
def engine(start: Open) -> Iterator[LiveEngine]:
    with start() as found:
        yield found


def execute(url: str, *statements: str) -> None:
    """Run the statements of another program in one transaction."""
    with Database.open(url) as database, database.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def assert_exact(engine: LiveEngine) -> None:
    wait_until(lambda: is_settled(engine))
    report = engine.verify()
    assert report.is_exact, str(report)
    assert report.n_lists > 0


def all_answers(engine: LiveEngine) -> dict[int, LiveAnswer]:
    users = engine._require_state().lists.copy_lists().user_id.tolist()
    return {user: engine.get(user) for user in users}


def all_lists(engine: LiveEngine) -> dict[int, tuple[list[int], list[list[float]]]]:
    """Return the jobs and scores of each active user."""
    found = {user: answer.list for user, answer in all_answers(engine).items()}
    return {user: (of.job_id.tolist(), of.scores.tolist()) for user, of in found.items() if of is not None}


def assert_equal_answers(one: LiveEngine, other: LiveEngine) -> None:
    """Require equal lists for equal (basis, seq)."""
    first, second = all_answers(one), all_answers(other)
    assert first.keys() == second.keys()
    assert first
    states = {(answer.basis, answer.seq, answer.as_of) for answer in (*first.values(), *second.values())}
    assert len(states) == 1
    assert all_lists(one) == all_lists(other)


def test_two_engines_give_equal_answers(start: Open, tables: Tables, clock: LiveClock) -> None:
    with start() as leader, start() as follower:
        assert (leader.status().is_leader, follower.status().is_leader) == (True, False)
        for number in range(3):
            writer = (leader, follower)[number % 2]
            writer.write([job_row(tables, number, fee=9000.0), job_row(tables, number, job_id=70_000 + number)])
            clock.move(86_400)
            leader.tick()
        wait_until(lambda: is_settled(follower) and follower.status().basis == 4)
        wait_until(lambda: is_settled(leader))
        assert_equal_answers(leader, follower)
        assert_exact(follower)


def test_other_engine_takes_over(start: Open, clock: LiveClock) -> None:
    with start(lease_seconds=0.4) as first, start(lease_seconds=0.4) as second:
        assert not second.status().is_leader
        first.close()
        wait_until(lambda: second.status().is_leader)
        assert second.tick() == 2


def test_stale_leader_cannot_write_a_tick(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suspended leader continues after another has taken the lease: the fence refuses its tick."""
    with start(lease_seconds=0.4) as stale, start(lease_seconds=0.4) as other:
        monkeypatch.setattr(stale, "_lead_once", lambda: None)
        wait_until(lambda: other.status().is_leader)
        assert other.tick() == 2
        with pytest.raises(LeaseLostError):
            stale.tick()
        assert "tick" in stale.get(next(iter(all_answers(stale)))).frozen
        wait_until(lambda: stale.status().basis == 2)
        assert other.tick() == 3


def test_failed_tick_keeps_the_basis(engine: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(live_engine, "make_next_basis", fail)
        with pytest.raises(ZeroDivisionError):
            engine.tick()
    status = engine.status()
    assert (status.basis, status.frozen) == (1, ("tick",))
    assert "broken" in (status.tick_failure or "")
    assert {answer.frozen for answer in all_answers(engine).values()} == {("tick",)}
    assert engine.tick() == 2
    assert engine.status().frozen == ()


def test_deletion_of_all_jobs_empties_all_lists(engine: LiveEngine, tables: Tables) -> None:
    engine._gate.allow(10**9)
    rows = [{"kind": "job", "id": int(job), "deleted": True} for job in tables.jobs["job_id"]]
    written = engine.write(rows)
    wait_until(lambda: engine.status().seq >= written.seq)
    assert all(not len(answer.list) for answer in all_answers(engine).values() if answer.list is not None)


def test_tick_with_factors_reads_those_of_the_tables(engine: LiveEngine, database_url: str) -> None:
    before = engine._require_state().stored.basis.factors.users
    execute(database_url, "DELETE FROM user_factors WHERE user_id IN (SELECT max(user_id) FROM user_factors)")
    engine._reload("a test")
    assert engine.tick(with_factors=True) == 2
    assert len(engine._require_state().stored.basis.factors.users) == len(before) - 1
    assert_exact(engine)


def test_many_changed_rows_pause_until_confirmed(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_gate, "MIN_ROWS", 10)
    wait_until(lambda: is_settled(engine))
    before = engine.status().seq
    engine.write([job_row(tables, place, fee=1.0) for place in range(30)])
    wait_until(lambda: engine.status().paused is not None)
    answers = all_answers(engine)
    assert {(answer.seq, answer.frozen) for answer in answers.values()} == {(before, ("events",))}
    assert engine.tick() == 2  # the clock moves on
    engine.confirm()
    wait_until(lambda: is_settled(engine))
    assert engine.status().paused is None
    assert_exact(engine)


def test_replaced_tables_are_read_again(engine: LiveEngine, database_url: str) -> None:
    engine.log.install(triggers=True)
    reloads = engine.status().counters["reloads"]
    execute(database_url, "DELETE FROM actions WHERE job_id % 2 = 0")
    wait_until(lambda: engine.status().counters["reloads"] > reloads and is_settled(engine))
    wait_until(lambda: not engine.status().frozen)
    assert_exact(engine)


def test_writes_without_triggers_are_named(engine: LiveEngine, tables: Tables, database_url: str) -> None:
    job = int(tables.jobs["job_id"].iloc[4])
    execute(database_url, f"UPDATE jobs SET fee = 77 WHERE job_id = {job}")
    report = engine.verify()
    assert report.changed_rows == (("jobs", (job,)),)
    assert not report.is_exact
    assert report.n_different == 0


def test_backlog_is_one_rebuild(engine: LiveEngine, tables: Tables) -> None:
    engine._gate.allow(10**9)
    before = engine.status().counters["rebuilds"]
    engine.write([job_row(tables, place % 100, job_id=90_000 + place) for place in range(2500)])
    wait_until(lambda: is_settled(engine))
    assert engine.status().counters["rebuilds"] <= before + 2  # and the early tick
    assert_exact(engine)


@pytest.mark.parametrize("change", ["format = 99", "content = X'00'"])
def test_unusable_basis_is_computed_again(start: Open, database_url: str, tables: Tables, change: str) -> None:
    with start() as engine:
        engine.write([job_row(tables, 1, fee=8000.0)])
        before = all_answers(engine)
    if "content" in change and "postgres" in database_url:
        change = "content = '\\x00'"
    execute(database_url, f"UPDATE bases SET {change}")
    with start() as engine:
        status = engine.status()
        assert status.basis == 2
        assert status.as_of == before[next(iter(before))].as_of
        assert_exact(engine)


def test_events_during_a_tick_are_in_its_lists(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a tick computes, events are applied to the lists that are read, and to the next ones."""
    is_computing, may_continue, make = threading.Event(), threading.Event(), live_engine.make_next_basis

    def wait(*arguments: Any) -> Any:
        is_computing.set()
        assert may_continue.wait(20)
        return make(*arguments)

    monkeypatch.setattr(live_engine, "make_next_basis", wait)
    thread = threading.Thread(target=engine.tick)
    thread.start()
    assert is_computing.wait(20)
    user = next(iter(all_answers(engine)))
    written = engine.write([job_row(tables, 2, job_id=70_005), job_row(tables, 3, fee=9999.0)])
    answer = engine.get(user, after=written.seq, timeout=20)
    assert answer.basis == 1
    may_continue.set()
    thread.join()
    assert engine.get(user).basis == 2
    assert engine.get(user).seq >= written.seq
    assert_exact(engine)


def test_new_code_is_built_in_the_background(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While arrays with a new code are built, lists are read as they were before the event."""
    wait_until(lambda: is_settled(engine))
    is_building, may_continue, make = threading.Event(), threading.Event(), engine._build_lists

    def wait(*arguments: Any) -> Any:
        is_building.set()
        assert may_continue.wait(20)
        return make(*arguments)

    monkeypatch.setattr(engine, "_build_lists", wait)
    before, answers = engine.status().seq, all_lists(engine)
    written = engine.write([job_row(tables, 2, job_id=70_006, prefecture_code="71", occupation_code=999)])
    assert is_building.wait(20)
    assert all_lists(engine) == answers
    assert engine.status().seq == before
    may_continue.set()
    user = next(iter(answers))
    assert engine.get(user, after=written.seq, timeout=20).seq == written.seq
    assert_exact(engine)


def test_chunks_of_events_give_exact_lists(engine: LiveEngine, tables: Tables) -> None:
    engine._gate.allow(10**9)
    rows = [job_row(tables, place, fee=float(100 * place), company_id="one") for place in range(60)]
    rows += [job_row(tables, place, job_id=70_100 + place, prefecture_code=f"7{place % 3}") for place in range(30)]
    engine.write(rows)
    assert_exact(engine)


def test_action_on_a_later_job_counts_after_a_restart(start: Open, tables: Tables, clock: LiveClock) -> None:
    user = int(tables.users["user_id"].iloc[0])
    action = {"user_id": user, "job_id": 71_000, "action": "application", "occurred_at": clock.at}
    with start() as engine:
        engine.write([{"kind": "action", "row": action}])
        wait_until(lambda: engine.status().n_quarantined == 1)
    with start() as engine, start() as other:
        written = engine.write([job_row(tables, 1, job_id=71_000)])
        answer = engine.get(user, after=written.seq, timeout=20)
        wait_until(lambda: is_settled(other))
        if answer.list is not None:
            assert 71_000 not in answer.list.job_id
        assert engine.explain(user, 71_000).not_ranked
        assert_exact(engine)
        assert_equal_answers(engine, other)


def test_restart_keeps_when_rows_were_recorded(start: Open, tables: Tables, clock: LiveClock) -> None:
    """Times after the clock of the basis count as the clock if they were not in the future when they were recorded."""
    later = clock.at + timedelta(seconds=40)
    user, job = (int(getattr(tables, name)[key].iloc[0]) for name, key in (("users", "user_id"), ("jobs", "job_id")))
    rows = [
        job_row(tables, 5, job_id=71_000, posted_at=clock.at + timedelta(hours=3)),
        {"kind": "action", "row": {"user_id": user, "job_id": job, "action": "click", "occurred_at": later}},
    ]
    with start() as engine, start() as other:
        engine.write(rows)
        wait_until(lambda: is_settled(engine))
        engine.close()
        with start() as restarted:
            wait_until(lambda: is_settled(other))
            assert len(other._require_state().lists.tables.actions) == 1
            assert len(restarted._require_state().lists.tables.actions) == 1
            assert_equal_answers(other, restarted)


def test_database_gone_and_back(start: Open, tmp_path: Path, database_url: str, tables: Tables) -> None:
    if "postgres" in database_url:
        pytest.skip("a file is moved; tests/integration stops servers")
    file, moved = tmp_path / "scoring.db", tmp_path / "moved.db"
    with start() as engine:
        wait_until(lambda: is_settled(engine))
        user = next(iter(all_answers(engine)))
        seq = engine.get(user).seq
        for name in ("", "-wal", "-shm"):
            if Path(f"{file}{name}").exists():
                Path(f"{file}{name}").rename(f"{moved}{name}")
        wait_until(lambda: engine.status().unreachable_since is not None)
        answer = engine.get(user)
        assert "database" in answer.frozen
        assert answer.seq == seq
        for name in ("", "-wal", "-shm"):
            if Path(f"{moved}{name}").exists():
                Path(f"{moved}{name}").rename(f"{file}{name}")
        wait_until(lambda: engine.status().unreachable_since is None)
        written = engine.write([job_row(tables, 1, fee=8000.0)])
        assert engine.get(user, after=written.seq, timeout=10).seq == written.seq
        assert_exact(engine)


def test_restored_database_is_read_again(start: Open, tmp_path: Path, database_url: str, tables: Tables) -> None:
    if "postgres" in database_url:
        pytest.skip("a file is copied")
    file, copy = tmp_path / "scoring.db", tmp_path / "backup.db"
    with start() as engine:
        engine.write([job_row(tables, 1, fee=8000.0)])
        wait_until(lambda: is_settled(engine))
    shutil.copy(file, copy)
    with start() as engine:
        engine.write([job_row(tables, place, fee=1.0) for place in range(5)])
        wait_until(lambda: is_settled(engine))
        reloads = engine.status().counters["reloads"]
        for name in ("-wal", "-shm"):
            Path(f"{file}{name}").unlink(missing_ok=True)
        copy.replace(file)
        wait_until(lambda: engine.status().counters["reloads"] > reloads and is_settled(engine))
        assert_exact(engine)


def test_promotion_is_swapped_as_a_whole(start: Open, database_url: str, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "profiles", database=database_url)
    registry.save("other", load_model("classic"), note="another model")
    with start(model=None, registry=registry) as engine:
        assert engine.status().model == "standard"
        before = all_lists(engine)
        registry.promote("other", note="try", force="a test")
        wait_until(lambda: engine.status().basis == 2)
        status = engine.status()
        assert status.model == registry.load("other").model.name
        assert_exact(engine)
        after = all_lists(engine)
        assert after != before
        assert [event.kind for event in engine.log.read(engine.log.start()).events][-2:] == ["tick", "model"]
    with start(model=None, registry=registry) as engine:
        assert engine.status().model == status.model
        assert all_lists(engine) == after


def test_unusable_promotion_keeps_the_model(
    start: Open, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(tmp_path / "profiles", database=database_url)
    registry.save("other", load_model("classic"), note="another model")
    with start(model=None, registry=registry) as engine:

        def fail(*_: Any, **__: Any) -> None:
            raise ScoringError("cannot be loaded")

        monkeypatch.setattr(engine._registry, "load_promotion", fail)
        registry.promote("other", note="try", force="a test")
        wait_until(lambda: engine.status().model_failure is not None)
        assert engine.status().frozen == ("model",)
        assert engine.status().model == "standard"


POINTS = ("events read", "events applied", "tick begun", "basis inserted", "tick inserted", "tick committed")

OFTEN = ("events applied", "basis inserted")


def kill_and_restart(url: str, start: Open, seed: int, point: str, nth: int) -> None:
    process, pipe = start_fork(run_engine_until_killed, url, seed, 20, 100, point, nth)
    assert pipe.recv() == "started"
    process.join(60)
    assert process.exitcode == -9
    with start(lease_seconds=0.5) as engine:
        assert_exact(engine)
        wait_until(lambda: engine.status().is_leader)
        engine.tick()
        assert_exact(engine)


LESS_OFTEN = [pytest.param(point, marks=pytest.mark.long) for point in POINTS if point not in OFTEN]


@pytest.mark.parametrize("point", [*OFTEN, *LESS_OFTEN])
def test_kill_at_each_point_and_restart(database_url: str, start: Open, point: str) -> None:
    kill_and_restart(database_url, start, 3, point, 2)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30))
def test_random_kill_and_restart(database_url: str, start: Open, seed: int) -> None:
    draw = random.Random(seed)
    kill_and_restart(database_url, start, seed, draw.choice(POINTS), draw.randrange(1, 12))


@pytest.mark.long
def test_burst_of_100_000_events(start: Open, tables: Tables) -> None:
    with start() as engine:
        engine._gate.allow(10**9)
        for first in range(0, 100_000, 5000):
            places = range(first, first + 5000)
            rows = [job_row(tables, i % 100, job_id=100_000 + i % 3000, fee=float(i % 777)) for i in places]
            engine.write(rows)
        wait_until(lambda: is_settled(engine), 300)
        assert_exact(engine)
