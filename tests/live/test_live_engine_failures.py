"""Failures of live engines: killed processes, two leaders, gates, replaced tables, lost databases."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from scoring.columns.dataset_frames import Tables
from scoring.database.database import Database
from scoring.errors import DatabaseError, ScoringError
from scoring.live import basis_store, change_gate, live_engine
from scoring.live.event_log import EventLog
from scoring.live.leader_lease import LeaseLostError
from scoring.live.live_engine import LiveAnswer, LiveEngine
from scoring.live.live_tables import make_row
from scoring.live.pause_store import StoredPause, read_pause
from scoring.model_catalog import load_model
from scoring.registry import Registry
from tests.support.forks import start_fork
from tests.support.live_market import SECONDS, LiveClock, is_settled, job_row, save_market, wait_until
from tests.support.live_process import run_engine_until_killed
from tests.support.proof_counts import record_count

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
    users = engine._require_state().published.copy().user_id.tolist()
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
    with start(lease_seconds=6) as first, start(lease_seconds=6) as second:
        assert not second.status().is_leader
        first.close()
        wait_until(lambda: second.status().is_leader)
        assert second.tick() == 2


def test_stale_leader_cannot_write_a_tick(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suspended leader continues after another has taken the lease: the fence refuses its tick."""
    is_suspended = threading.Event()
    with start(lease_seconds=0.4) as stale:
        monkeypatch.setattr(stale, "_lead_once", is_suspended.set)
        assert is_suspended.wait(SECONDS)
        with start(lease_seconds=0.4) as other:
            wait_until(lambda: other.status().is_leader)
            assert other.tick() == 2
            with pytest.raises(LeaseLostError):
                stale.tick()
            assert stale.status().counters["failed_ticks"] == 1
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


@pytest.mark.parametrize(("table", "other"), [("jobs", "users"), ("users", "jobs")])
def test_tick_of_an_emptied_table_needs_confirmation(
    engine: LiveEngine, database_url: str, table: str, other: str
) -> None:
    """Another program deletes all rows: the lists follow, and the statistics stay until an operator confirms."""
    engine.log.install(triggers=True)
    execute(database_url, f"DELETE FROM {table}")
    wait_until(lambda: is_settled(engine))
    with pytest.raises(ScoringError) as caught:
        engine.tick()
    assert table in str(caught.value)
    assert other not in str(caught.value)
    status = engine.status()
    assert (status.basis, status.frozen) == (1, ("tick",))
    engine.confirm()
    assert engine.tick() == 2
    assert engine.status().frozen == ()


def test_deletion_of_all_users_deletes_all_factors(start: Open, tables: Tables) -> None:
    """Factors of jobs alone would be invalid, and the next start would fail."""
    with start() as engine:
        rows = [{"kind": "user", "id": int(user), "deleted": True} for user in tables.users["user_id"]]
        written = engine.write([*rows, {"kind": "user", "row": {"user_id": 900, "is_active": True}}])
        wait_until(lambda: engine.status().seq >= written.seq)
    with start() as engine:
        assert engine.get(900).list is not None
        assert_exact(engine)


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


def test_start_after_a_pause_reports_it(
    start: Open, tables: Tables, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows before the paused events are stored nowhere, so a start applies them, and reports that it did."""
    monkeypatch.setattr(change_gate, "MIN_ROWS", 10)
    with start() as engine:
        wait_until(lambda: is_settled(engine))
        before = engine.status().seq
        engine.write([job_row(tables, place, fee=1.0) for place in range(30)])
        wait_until(lambda: read_stored_pause(engine) is not None)
        problem = engine.status().paused
    with start() as engine:
        pause = engine.status().applied_pause
        assert pause is not None
        assert (pause.seq, pause.problem) == (before, problem)
        assert engine.status().frozen == ()
        assert_exact(engine)
        engine.confirm()
        assert engine.status().applied_pause is None
    with start() as engine:
        assert engine.status().applied_pause is None


def read_stored_pause(engine: LiveEngine) -> StoredPause | None:
    return engine.database.read(read_pause)


def test_updates_of_many_actions_are_one_event(engine: LiveEngine, database_url: str) -> None:
    engine.log.install(triggers=True)
    wait_until(lambda: is_settled(engine))
    for day in range(3):
        wait_until(lambda: is_settled(engine) and not engine.status().frozen)
        reloads, position = engine.status().counters["reloads"], engine.log.end()
        execute(database_url, f"UPDATE actions SET occurred_at = occurred_at - {day + 1}")
        wait_until(lambda n=reloads: engine.status().counters["reloads"] > n)  # type: ignore[misc]
        events = engine.log.read(position).events
        assert [event.kind for event in events if event.kind != "tick"] == ["table_replaced"]
    wait_until(lambda: not engine.status().frozen)
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


def test_two_versions_follow_one_log(
    start: Open, tables: Tables, clock: LiveClock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During an upgrade, the leader writes bases of another format. A follower computes its own, and applies events."""
    with start() as leader, start() as follower:
        clock.move(60)
        write = leader._store.write

        def write_other_format(*arguments: Any) -> Any:
            """The follower cannot read the row before the transaction ends."""
            with monkeypatch.context() as patch:
                patch.setattr(basis_store, "FORMAT", basis_store.FORMAT + 1)
                return write(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(leader._store, "write", write_other_format)
            assert leader.tick() == 2
        wait_until(lambda: follower.status().basis == 2)
        written = leader.write([job_row(tables, 1, fee=8000.0), job_row(tables, 2, job_id=70_001)])
        wait_until(lambda: follower.has_applied(written.seq) and leader.has_applied(written.seq))
        assert follower.status().basis_digest == ""
        assert follower.status().as_of == leader.status().as_of
        assert_exact(follower)
        assert all_lists(leader) == all_lists(follower)
        assert leader.tick() == 3
        wait_until(lambda: follower.status().basis_digest == leader.status().basis_digest != "")


def test_damaged_factors_of_another_version_are_not_used(start: Open, database_url: str) -> None:
    with start() as engine:
        before = all_lists(engine)
    execute(database_url, "UPDATE bases SET digest = 'other', factors = 'other'")
    with start() as engine:
        assert engine.status().basis == 2
        assert all_lists(engine).keys() == before.keys()
        assert_exact(engine)


def test_unknown_events_are_counted(engine: LiveEngine, tables: Tables, database_url: str) -> None:
    """A later version may write kinds, bodies and columns that this one does not know."""
    job = int(tables.jobs["job_id"].iloc[0])
    of_job = engine.write([job_row(tables, 0, fee=8000.0)]).seq
    wait_until(lambda: engine.has_applied(of_job))
    reloads = engine.status().counters["reloads"]
    bodies = ["NULL", "'{}'", "'not JSON'", "'[1]'", "'" + "[" * 5000 + "'"]
    values = ", ".join(f"('company', 5, {body}, 1)" for body in bodies)
    execute(
        database_url,
        f"INSERT INTO events (kind, key, body, at) VALUES {values}",
        "INSERT INTO events (kind, key, body, at) SELECT kind, key, replace(body, '\"fee\"', "
        f'\'"of_a_later_version"\\:1,"fee"\'), at + 1 FROM events WHERE seq = {of_job}',
    )
    wait_until(lambda: is_settled(engine))
    counters = engine.status().counters
    assert (counters["events_unknown"], counters["reloads"], counters["rejected"]) == (len(bodies), reloads, 0)
    assert engine.explain(next(iter(all_answers(engine))), job).job_id == job
    assert_exact(engine)


def test_log_of_a_later_format_is_an_error(start: Open, database_url: str) -> None:
    with start() as engine:
        execute(database_url, "UPDATE event_log_settings SET value = '2' WHERE name = 'format'")
        wait_until(lambda: engine.status().unreachable_since is not None)
        assert all_answers(engine)
        with pytest.raises(DatabaseError) as caught, start():
            pass
        assert caught.value.reason == "not supported"
        execute(database_url, "UPDATE event_log_settings SET value = '1' WHERE name = 'format'")
        wait_until(lambda: engine.status().unreachable_since is None)
        assert_exact(engine)


def test_events_during_a_tick_are_in_its_lists(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a tick computes, events are applied to the lists that are read, and to the next ones."""
    is_computing, may_continue, make = threading.Event(), threading.Event(), live_engine.make_next_basis

    def wait(*arguments: Any) -> Any:
        is_computing.set()
        assert may_continue.wait(SECONDS)
        return make(*arguments)

    monkeypatch.setattr(live_engine, "make_next_basis", wait)
    thread = threading.Thread(target=engine.tick)
    thread.start()
    assert is_computing.wait(SECONDS)
    user = next(iter(all_answers(engine)))
    written = engine.write([job_row(tables, 2, job_id=70_005), job_row(tables, 3, fee=9999.0)])
    answer = engine.get(user, after=written.seq, timeout=SECONDS)
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
        assert may_continue.wait(SECONDS)
        return make(*arguments)

    monkeypatch.setattr(engine, "_build_lists", wait)
    before, answers = engine.status().seq, all_lists(engine)
    written = engine.write([job_row(tables, 2, job_id=70_006, prefecture_code="71", occupation_code=999)])
    assert is_building.wait(SECONDS)
    assert all_lists(engine) == answers
    assert engine.status().seq == before
    may_continue.set()
    user = next(iter(answers))
    assert engine.get(user, after=written.seq, timeout=SECONDS).seq == written.seq
    assert_exact(engine)


def test_chunks_of_events_give_exact_lists(engine: LiveEngine, tables: Tables) -> None:
    engine._gate.allow(10**9)
    rows = [job_row(tables, place, fee=float(100 * place), company_id="one") for place in range(60)]
    rows += [job_row(tables, place, job_id=70_100 + place, prefecture_code=f"7{place % 3}") for place in range(30)]
    engine.write(rows)
    assert_exact(engine)


def test_rows_after_a_new_code_of_their_chunk_are_kept(engine: LiveEngine, tables: Tables, clock: LiveClock) -> None:
    """The new code ends the chunk. The later rows belong to the lists that are built."""
    user = next(iter(all_lists(engine)))
    row = make_row(tables.users[tables.users["user_id"] == user].iloc[0])
    job = int(tables.jobs["job_id"].iloc[3])
    action = {"user_id": user, "job_id": job, "action": "click", "occurred_at": clock.at}
    written = engine.write(
        [
            job_row(tables, 2, job_id=70_200, prefecture_code="72"),
            {"kind": "user", "row": {**row, "age_group": "x"}},
            {"kind": "action", "row": action},
            job_row(tables, 4, fee=7777.0),
        ]
    )
    assert engine.get(user, after=written.seq, timeout=SECONDS).seq == written.seq
    assert_exact(engine)


def test_reads_do_not_wait_while_events_are_applied(
    engine: LiveEngine, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers see the lists before the events, also those that are changed already."""
    wait_until(lambda: is_settled(engine))
    is_applied, may_continue, apply_rows = threading.Event(), threading.Event(), engine._apply_rows

    def apply_and_wait(*arguments: Any) -> None:
        apply_rows(*arguments)
        is_applied.set()
        assert may_continue.wait(SECONDS)

    monkeypatch.setattr(engine, "_apply_rows", apply_and_wait)
    before, seq = all_lists(engine), engine.status().seq
    listed = next(iter(before.values()))[0]
    written = engine.write([{"kind": "job", "id": job, "deleted": True} for job in listed])
    assert is_applied.wait(SECONDS)
    assert (all_lists(engine), engine.status().seq) == (before, seq)
    may_continue.set()
    user = next(iter(before))
    after = engine.get(user, after=written.seq, timeout=SECONDS).list
    assert after is not None
    assert set(listed).isdisjoint(after.job_id.tolist())
    assert_exact(engine)


def test_action_on_a_later_job_counts_after_a_restart(start: Open, tables: Tables, clock: LiveClock) -> None:
    user = int(tables.users["user_id"].iloc[0])
    action = {"user_id": user, "job_id": 71_000, "action": "application", "occurred_at": clock.at}
    with start() as engine:
        engine.write([{"kind": "action", "row": action}])
        wait_until(lambda: engine.status().n_quarantined == 1)
    with start() as engine, start() as other:
        written = engine.write([job_row(tables, 1, job_id=71_000)])
        answer = engine.get(user, after=written.seq, timeout=SECONDS)
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
        assert engine.get(user, after=written.seq, timeout=SECONDS).seq == written.seq
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


def test_restore_into_the_open_file_is_noticed(sqlite_url: str, tmp_path: Path, clock: LiveClock) -> None:
    """SQLite's `.restore` replaces the content in one transaction: the log goes back."""
    tables, file, copy = save_market(sqlite_url), tmp_path / "scoring.db", tmp_path / "backup.db"
    options: dict[str, Any] = {"k": 5, "tick_seconds": 3600, "poll_seconds": 0.01, "clock": clock}
    with LiveEngine(sqlite_url, "standard", **options) as engine:
        engine.write([job_row(tables, 1, fee=8000.0)])
    shutil.copy(file, copy)
    with LiveEngine(sqlite_url, "standard", **options) as engine:
        engine.write([job_row(tables, place, fee=1.0) for place in range(5)])
        wait_until(lambda: is_settled(engine))
        reloads = engine.status().counters["reloads"]
        with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(file)) as target:
            source.backup(target)
        wait_until(lambda: engine.status().counters["reloads"] > reloads and is_settled(engine))
        wait_until(lambda: not engine.status().frozen)
        assert_exact(engine)


def test_promotion_is_swapped_as_a_whole(
    start: Open, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="scoring.live.model")
    registry = Registry(tmp_path / "profiles", database=database_url)
    registry.save("other", load_model("classic"), note="another model")
    with start(model=None, registry=registry) as engine:
        assert engine.status().model == "standard"
        before = all_lists(engine)
        registry.promote("other", note="try", force="a test")
        wait_until(lambda: engine.status().basis == 2)
        status = engine.status()
        assert status.model == registry.load("other").model.name
        wait_until(lambda: any("model" in line for line in caplog.messages))  # after the lists are swapped
        assert [status.model in line for line in caplog.messages if "model" in line] == [True]
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


POINTS = (
    "live rows stored",
    "live events stored",
    "events read",
    "events applied",
    "tick begun",
    "basis inserted",
    "tick inserted",
    "tick committed",
)

OFTEN = ("live rows stored", "events applied", "basis inserted")

WRITER = """
import sys
import sqlalchemy as sa
connection = sa.create_engine(sys.argv[1]).connect()
for job in sys.argv[2:]:
    connection.exec_driver_sql(f"UPDATE jobs SET fee = 12345 WHERE job_id = {job}")
connection.exec_driver_sql("DELETE FROM users")
print("writing", flush=True)
sys.stdin.read()
"""


def test_killed_program_with_triggers_changes_nothing(engine: LiveEngine, tables: Tables, database_url: str) -> None:
    """A program is killed after it changed rows, whose triggers wrote events, and before its commit."""
    engine.log.install(triggers=True)
    wait_until(lambda: is_settled(engine))
    before, seq = all_lists(engine), engine.status().seq
    url = engine.database.engine.url.render_as_string(hide_password=False)
    jobs = [str(job) for job in tables.jobs["job_id"].iloc[:20]]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, *jobs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.kill()
    assert writer.returncode == -9
    wait_until(lambda: is_settled(engine))
    assert (all_lists(engine), engine.status().seq) == (before, seq)
    written = engine.write([job_row(tables, 1, fee=8000.0)])
    wait_until(lambda: engine.has_applied(written.seq))
    assert_exact(engine)


def kill_and_restart(url: str, start: Open, seed: int, point: str, nth: int, *, triggers: bool = False) -> None:
    if triggers:
        with Database.open(url) as database:
            EventLog(database).install()
    process, pipe = start_fork(run_engine_until_killed, url, seed, 20, 100, point, nth)
    assert pipe.recv() == "started"
    process.join(SECONDS)
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
    record_count("live kills", "{} of {} kills", 1, 1)


@pytest.mark.parametrize("triggers", [True, pytest.param(False, marks=pytest.mark.long)])
def test_kill_between_rows_and_commit(database_url: str, start: Open, triggers: bool) -> None:
    """The rows of a transaction and their events are both lost, or both kept."""
    kill_and_restart(database_url, start, 4, "live events stored", 5, triggers=triggers)
    record_count("live kills", "{} of {} kills", 1, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30))
def test_random_kill_and_restart(database_url: str, start: Open, seed: int) -> None:
    draw = random.Random(seed)
    kill_and_restart(database_url, start, seed, draw.choice(POINTS), draw.randrange(1, 12), triggers=seed % 2 == 0)
    record_count("live kills", "{} of {} kills", 1, 1)


@pytest.mark.long
def test_burst_of_100_000_events(start: Open, tables: Tables) -> None:
    with start() as engine:
        engine._gate.allow(10**9)
        for first in range(0, 100_000, 5000):
            places = range(first, first + 5000)
            rows = [job_row(tables, i % 100, job_id=100_000 + i % 3000, fee=float(i % 777)) for i in places]
            engine.write(rows)
        wait_until(lambda: is_settled(engine), 5 * SECONDS)
        assert_exact(engine)
