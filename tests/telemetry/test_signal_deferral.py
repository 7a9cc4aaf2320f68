import os
import signal
import threading
from collections.abc import Iterator

import pytest

from scoring.cli.signals import StopSignals, TerminatedError
from scoring.telemetry.signal_deferral import defer_handler, defer_signals


@pytest.fixture
def stops() -> Iterator[StopSignals]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stops = StopSignals()
    stops.listen()
    yield stops
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signal_is_deferred_to_the_end_of_the_outer_block(stops: StopSignals) -> None:
    done = []

    def steps() -> None:
        with defer_signals():
            with defer_signals():
                os.kill(os.getpid(), signal.SIGTERM)
                done.append("inner")
            done.append("outer")
        done.append("behind")

    with pytest.raises(TerminatedError):
        steps()
    assert done == ["inner", "outer"]


def test_signal_outside_a_block_raises_immediately(stops: StopSignals) -> None:
    with defer_signals():
        pass
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_signal_follows_a_block_that_fails(stops: StopSignals) -> None:
    def step() -> None:
        with defer_signals():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError

    with pytest.raises(KeyboardInterrupt):
        step()
    assert not defer_handler(stops.raise_pending)


def test_block_in_another_thread_defers_nothing() -> None:
    inside, proceed = threading.Event(), threading.Event()

    def step() -> None:
        with defer_signals():
            inside.set()
            proceed.wait(10)

    thread = threading.Thread(target=step)
    thread.start()
    inside.wait(10)
    assert not defer_handler(lambda: None)
    proceed.set()
    thread.join()
