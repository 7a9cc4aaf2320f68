"""Ctrl-C and SIGTERM stop commands without leaving files."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from scoring.cli import app as app_module
from scoring.cli import main
from scoring.cli.signals import TerminatedError
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.synthetic import make_market
from tests.cli.command import (
    run_python,
    start,
)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_run_leaves_no_files(tmp_path: Path, sign: signal.Signals, code: int) -> None:
    database = tmp_path / "long.db"  # with enough users that the signal arrives before the end
    with Database.open(database) as opened:
        save_tables(opened, make_market(4000, 300, 100, seed=4).tables)
    run = start("run", "--db", database, "--out", "runs", "--chunk-size", 1, "--top-k", 200, cwd=tmp_path)
    out = tmp_path / "runs"
    started = time.monotonic()
    while not (out.is_dir() and any(out.iterdir())):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() - started < 60
        time.sleep(0.005)
    run.send_signal(sign)
    output, errors = run.communicate(timeout=30)
    assert run.returncode == code
    assert output == ""
    assert errors.splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []
    with Database.open(database) as opened, opened.connect() as connection:
        for table in ("results", "runs", "current_runs"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_in_finalizer_stops_the_run(database: Path, tmp_path: Path, sign: signal.Signals, code: int) -> None:
    """Python ignores exceptions that are raised in a finaliser, and a signal handler may run there."""
    done = run_python(
        f"""
import os
from scoring.cli import main
from scoring.runs.publishers import parquet_publisher

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), {int(sign)})

write = parquet_publisher.write_part
parquet_publisher.write_part = lambda *given: (Finalised(), write(*given))[1]
main(["run", "--db", "copy.db", "--out", "runs", "--no-database", "--chunk-size", "1"])
""",
        tmp_path,
    )
    assert "Exception ignored" in done.stderr
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].startswith("Stopped.")
    assert list((tmp_path / "runs").iterdir()) == []


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
