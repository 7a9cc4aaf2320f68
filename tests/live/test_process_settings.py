"""Settings of the process while engines run."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from scoring import Statistics, make_market
from scoring.dataset import Dataset
from scoring.live import LiveLists
from scoring.live.process_settings import ProcessSettings


@pytest.fixture(autouse=True)
def _keep_threshold() -> Iterator[None]:
    before = gc.get_threshold(), sys.getswitchinterval()
    yield
    assert (gc.get_threshold(), sys.getswitchinterval()) == before


def test_the_last_engine_restores_settings() -> None:
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    ProcessSettings.acquire()
    ProcessSettings.acquire()
    assert gc.get_threshold()[2] > threshold[2]
    assert sys.getswitchinterval() == pytest.approx(min(interval, 0.001))
    ProcessSettings.release()
    assert gc.get_threshold()[2] > threshold[2]
    ProcessSettings.release()
    assert gc.get_threshold() == threshold
    assert sys.getswitchinterval() == pytest.approx(interval)


class _Part:
    def __init__(self, freed: list[str], name: str, *parts: object) -> None:
        self.parts = parts
        self._finalizer = weakref.finalize(self, freed.append, name)


_Part.__module__ = "scoring.example"  # only objects of the package are taken apart


def test_parts_are_freed_one_at_a_time() -> None:
    freed: list[str] = []
    replaced: list[object] = [_Part(freed, "whole", _Part(freed, "part", _Part(freed, "part of the part")))]
    ProcessSettings.discard(replaced)
    assert replaced == []
    assert freed == ["whole", "part", "part of the part"]


def test_parts_in_use_are_kept() -> None:
    array = np.arange(3)
    replaced: list[object] = [SimpleNamespace(array=array)]
    ProcessSettings.discard(replaced)
    assert array.tolist() == [0, 1, 2]


@pytest.mark.integration
def test_other_threads_run_while_parts_are_freed() -> None:
    turns: list[int] = []
    is_done = threading.Event()

    def count() -> None:
        while not is_done.is_set():
            turns.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = len(turns)
        ProcessSettings.discard([[np.zeros(50_000) for _ in range(500)]])
        assert len(turns) > before
    finally:
        is_done.set()
        thread.join()


def test_replaced_lists_leave_no_cycle() -> None:
    dataset = Dataset(make_market(30, 150, 900, seed=0).tables)
    basis = Statistics(dataset).basis.materialize([360.0])
    gc.disable()
    try:
        lists = LiveLists(dataset.tables, "standard", basis, k=5)
        lists.tick(basis.clock.as_of.to_pydatetime())
        of_frame, of_lists = weakref.ref(lists._dataset.tables.jobs), weakref.ref(lists)
        del lists
        assert of_lists() is None
        assert of_frame() is None
    finally:
        gc.enable()
