"""The log of changed rows while writers, servers and files fail."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.live.event_log import EventLog, LogRestoredError
from tests.support.postgres_server import PostgresServer
from tests.support.random_statements import LogReplica
from tests.support.small_tables import small_tables

WRITER = """
import sys
import sqlalchemy as sa
connection = sa.create_engine(sys.argv[1]).connect()
connection.exec_driver_sql("UPDATE jobs SET title = 'committed' WHERE job_id = 1")
connection.commit()
connection.exec_driver_sql("UPDATE jobs SET title = 'lost' WHERE job_id = 3")
connection.exec_driver_sql("DELETE FROM users")
print("writing", flush=True)
sys.stdin.read()
"""


def run(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_killed_writer_leaves_committed_events_only(database_url: str) -> None:
    with Database.open(database_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        replica = LogReplica(database, log)
        url = database.engine.url.render_as_string(hide_password=False)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdin is not None
        try:
            assert writer.stdout.readline() == "writing\n"
            page = log.read(replica.position)  # a reader does not wait for the writer
            assert [event.key for event in page.events] == [1]
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
            writer.stdin.close()
            writer.stdout.close()
        restarted = EventLog(database)
        restarted.write_rows([{"kind": "job", "row": {"job_id": 3, "title": "later"}}])
        events = restarted.read(page.position).events
        assert [(event.key, event.body and event.body["title"]) for event in events] == [(3, "later")]
        replica.catch_up(5000)
        replica.require_equal()


def test_reading_continues_after_an_outage(fragile: PostgresServer) -> None:
    with Database.open(fragile.url) as database:
        save_tables(database, small_tables(), replace=True)
        log = EventLog(database)
        log.install()
        log.wait(0.0)
        run(database, "UPDATE jobs SET title = 'before' WHERE job_id = 1")
        page = log.read(log.start())
        assert [event.key for event in page.events][-1] == 1
        fragile.kill()
        start = time.monotonic()
        log.wait(0.05)
        assert time.monotonic() - start < 30
        fragile.start()
        run_again = Database.open(fragile.url)
        run(run_again, "UPDATE jobs SET title = 'after' WHERE job_id = 3")
        run_again.close()
        events = log.read(page.position).events
        assert [event.key for event in events] == [3]
        log.close()


def test_restored_sqlite_file_is_noticed(tmp_path: Path) -> None:
    """After a restore, the same numbers are used for other events."""
    path, backup = tmp_path / "market.db", tmp_path / "backup.db"
    with Database.open(path) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        with database.connect() as connection:
            connection.execute(sa.text("VACUUM INTO :path"), {"path": str(backup)})
        run(database, "UPDATE jobs SET title = 'lost'")
        position = log.end()
        backup.replace(path)
        for extra in ("-wal", "-shm"):
            Path(f"{path}{extra}").unlink(missing_ok=True)
        with pytest.raises(LogRestoredError):
            log.read(position)
        time.sleep(0.01)
        run(database, "UPDATE jobs SET title = 'other'")
        with pytest.raises(LogRestoredError):
            log.read(position)
        assert len(log.read(log.start()).events) == 3
