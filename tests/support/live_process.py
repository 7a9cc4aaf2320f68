"""A process with a live engine and a writer, which kills itself at a point."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from scoring.live import Event
from scoring.live.live_engine import LiveEngine
from scoring.telemetry import fault_injection
from tests.support.live_events import EventMaker
from tests.support.random_markets import random_market

__all__ = ["make_rows_to_write", "run_engine_until_killed"]


def make_rows_to_write(event: Event) -> dict[str, Any]:
    """Return an event as `LiveEngine.write` takes it."""
    if event.body is None:
        return {"kind": event.kind, "id": event.key, "deleted": True}
    return {"kind": event.kind, "row": {name: value for name, value in event.body.items() if value is not None}}


def run_engine_until_killed(pipe: Connection, url: str, seed: int, users: int, jobs: int, point: str, nth: int) -> None:
    """Write random events, follow them and tick, until a pass of the point ends the process."""
    maker = EventMaker(random_market(1, users, jobs, 150, factors=True), seed)
    with LiveEngine(url, "standard", k=5, tick_seconds=0.3, poll_seconds=0.005, lease_seconds=0.5) as engine:
        engine._gate.allow(10**9)  # on a slow machine, the writer is more than 100 jobs ahead and would be paused
        pipe.send("started")
        with fault_injection.arm(point, nth):
            while True:
                engine.write([make_rows_to_write(maker.make()) for _ in range(3)])
