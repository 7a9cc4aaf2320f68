"""Work in another thread while this one continues."""

from __future__ import annotations

import threading

import pytest

from scoring.threads import run_meanwhile


def test_work_runs_in_another_thread_and_returns_its_result() -> None:
    with run_meanwhile(threading.get_ident, stop=lambda: None) as get_result:
        pass
    assert get_result() != threading.get_ident()


def test_error_of_the_work_is_raised_by_its_result() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), run_meanwhile(fail, stop=lambda: None) as get_result:
        get_result()


def test_error_of_the_block_stops_the_work() -> None:
    stopped = threading.Event()
    with (
        pytest.raises(KeyboardInterrupt),
        run_meanwhile(lambda: stopped.wait(60), stop=stopped.set) as get_result,
    ):
        raise KeyboardInterrupt
    assert get_result()
