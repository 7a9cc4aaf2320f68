"""A registry in an empty folder, with a clock that advances one minute per call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.registry import Registry
from tests.support.forks import FORKS
from tests.support.registry_writers import WRITERS

UNTESTED = {"note": "try it", "force": "untested"}
"""Arguments of a promotion without evidence."""


def minutes() -> Callable[[], datetime]:
    times: Iterator[datetime] = (datetime(2026, 1, 5, 22, 0, tzinfo=UTC) + timedelta(minutes=n) for n in count())
    return lambda: next(times)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "profiles", clock=minutes())


@pytest.fixture(scope="session")
def standard() -> ScoringModel:
    return load_model("standard")


@pytest.fixture(scope="session")
def even(standard: ScoringModel) -> ScoringModel:
    """`standard` with equal weights, a half-life of 7 days and a cap per company."""
    other = standard.with_weights({part.name: 1.0 for part in standard.parts})
    return other.with_parameters("freshness", half_life_days=7.0).with_eligibility(max_per_company=3)


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPoolExecutor]:
    """A pool with one process per writer."""
    with ProcessPoolExecutor(WRITERS, mp_context=FORKS) as pool:
        yield pool
