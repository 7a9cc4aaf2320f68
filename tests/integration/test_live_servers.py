"""A live engine whose PostgreSQL server is killed and started again."""

from __future__ import annotations

import pytest

from scoring.errors import DatabaseError
from scoring.live.live_engine import LiveEngine
from tests.support.live_market import SECONDS, LiveClock, is_settled, job_row, save_market, wait_until
from tests.support.postgres_server import PostgresServer


def test_reads_continue_while_the_server_is_down(fragile: PostgresServer) -> None:
    url = fragile.url.render_as_string(hide_password=False)
    tables = save_market(url)
    with LiveEngine(url, "standard", k=5, tick_seconds=3600, clock=LiveClock()) as engine:
        wait_until(lambda: is_settled(engine))
        user = int(engine._require_state().published.copy().user_id[0])
        seq = engine.get(user).seq
        fragile.kill()
        wait_until(lambda: engine.status().unreachable_since is not None)
        assert engine.get(user).frozen == ("database",)
        assert engine.get(user).seq == seq
        fragile.start()
        wait_until(lambda: engine.status().unreachable_since is None)
        written = engine.write([job_row(tables, 1, fee=8000.0)])
        assert engine.get(user, after=written.seq, timeout=SECONDS).frozen == ()
        assert engine.verify().is_exact


def test_connections_that_are_cut_lose_no_event(fragile: PostgresServer) -> None:
    url = fragile.url.render_as_string(hide_password=False)
    tables = save_market(url)
    with LiveEngine(url, "standard", k=5, tick_seconds=3600, clock=LiveClock()) as engine:
        for place in range(10):
            fragile.cut_off()
            try:
                engine.write([job_row(tables, place, fee=9000.0 + place)])
            except DatabaseError:
                pytest.fail("a write is repeated")
        wait_until(lambda: is_settled(engine))
        assert engine.verify().is_exact
