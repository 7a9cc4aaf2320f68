"""A process that asks a shared cache for one value."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from scoring.caching import SharedCache
from tests.support.shared_values import Computation, NumberKey, make_value, open_store


def ask(pipe: Connection, options: SharedCache, seconds: float) -> None:
    """For each number received, send whether its value was computed here; the computation takes `seconds`."""
    store = open_store(options)
    pipe.send("ready")
    while (number := pipe.recv()) is not None:
        compute = Computation(make_value(seed=number), lambda: time.sleep(seconds))
        value = store.get_or_compute(NumberKey(number), compute)
        assert (value == make_value(seed=number)).all()
        pipe.send(compute.calls)
    store.close()


def compute_forever(pipe: Connection, options: SharedCache, number: int) -> None:
    """Begin to compute a value, and never end."""

    def work() -> None:
        pipe.send("computing")
        time.sleep(60)

    open_store(options).get_or_compute(NumberKey(number), Computation(make_value(), work))
