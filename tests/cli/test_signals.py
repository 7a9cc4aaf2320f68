"""Ctrl-C and SIGTERM stop commands without leaving files."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring.cli import app as app_module
from scoring.cli import main
from scoring.cli.signals import TerminatedError, call_in_thread, stop_signals
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.ranking import Prepared
from scoring.synthetic import make_market
from tests.cli.command import Call, start


@pytest.fixture(scope="module")
def large_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with so many users that a signal arrives before the end of a run."""
    database = tmp_path_factory.mktemp("large") / "large.db"
    with Database.open(database) as opened:
        save_tables(opened, make_market(4000, 300, 100, seed=4).tables)
    return database


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_run_leaves_no_files(large_database: Path, tmp_path: Path, sign: signal.Signals, code: int) -> None:
    run = start("run", "--db", large_database, "--out", "runs", "--chunk-size", 1, "--top-k", 200, cwd=tmp_path)
    out = tmp_path / "runs"
    started = time.monotonic()
    while not (out.is_dir() and any(out.iterdir())):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() - started < 180  # a busy machine may have to compile the kernels
        time.sleep(0.005)
    run.send_signal(sign)
    output, errors = run.communicate(timeout=30)
    assert run.returncode == code
    assert output == ""
    assert errors.splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []
    with Database.open(large_database) as opened, opened.connect() as connection:
        for table in ("results", "runs", "current_runs"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


@pytest.fixture
def handlers() -> Iterator[None]:
    """Install the signal handlers of the command, and restore the previous ones after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook = sys.unraisablehook
    stop_signals.listen()
    yield
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)
    stop_signals._pending = None


class Finalised:
    """An object whose finalizer sends a signal to this process."""

    def __init__(self, sign: signal.Signals) -> None:
        self.sign = sign

    def __del__(self) -> None:
        os.kill(os.getpid(), self.sign)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.usefixtures("handlers")
def test_signal_in_finalizer_stops_the_run(
    scoring: Call, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals, code: int
) -> None:
    """Python ignores exceptions that are raised in a finaliser, and a signal handler may run there."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: ignored.append(found.exc_type))
    add = Prepared.add_external_ids  # called in the main thread, before a shard is written in another one
    monkeypatch.setattr(Prepared, "add_external_ids", lambda *given: (Finalised(sign), add(*given))[1])
    done = scoring("run", "--db", database, "--out", "runs", "--no-database", "--chunk-size", 1)
    assert ignored
    assert all(issubclass(kind, KeyboardInterrupt) for kind in ignored)
    assert done.exit_code == code
    assert done.stderr.splitlines()[-1].startswith("Stopped.")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_dropped_signal_is_not_reported(monkeypatch: pytest.MonkeyPatch, sign: signal.Signals) -> None:
    """Its traceback would be printed although the command stops as it should. Other exceptions are reported."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: reported.append(found.exc_type))
    try:
        stop_signals.listen()
        Finalised(sign)
        with pytest.raises(KeyboardInterrupt):
            stop_signals.raise_pending()
        assert reported == []
        type("Failing", (), {"__del__": lambda self: 1 / 0})()
        assert reported == [ZeroDivisionError]
    finally:
        stop_signals._pending = None
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt, 130), (TerminatedError, 143)])
def test_stop_during_start_prints_no_traceback(
    monkeypatch: pytest.MonkeyPatch, stop: type[KeyboardInterrupt], code: int
) -> None:
    def begin(**_: object) -> None:
        raise stop

    monkeypatch.setattr(app_module, "app", begin)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("gc.set_threshold", lambda *_: None)
    monkeypatch.setattr("gc.freeze", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main(["models"])
    assert ended.value.code == code


def test_call_in_thread_returns_raises_and_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal does not wait for the function."""
    assert call_in_thread(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        call_in_thread(lambda: 1 / 0)
    is_stopped = threading.Event()
    monkeypatch.setattr(stop_signals, "_pending", TerminatedError)
    with pytest.raises(TerminatedError):
        call_in_thread(lambda: is_stopped.wait(60))
    is_stopped.set()
