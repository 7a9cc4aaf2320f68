"""Counts are printed at the end of a run, added up over passed tests and over processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.counts import CLAIMS, record_count

CONFTEST = """
from tests.support.counts import Counts

def pytest_configure(config):
    config.pluginmanager.register(Counts(), "counts")
"""
TESTS = """
import pytest
from hypothesis import given, settings, strategies as st
from tests.support.counts import record_count

@pytest.fixture
def place():
    yield
    record_count("secrets", "{} places, in a fixture's end", 3)

@pytest.mark.parametrize("n", [1, 20, 2_000])
def test_adds_up(n, place):
    record_count("ties", "{} of {} cases", n, n)

@settings(max_examples=7, database=None)
@given(st.integers())
def test_examples(n):
    record_count("exact", "{} examples", 1)

def test_words():
    record_count("memory", "predicted within 3.1 %")

def test_fails():
    record_count("exact", "{} examples", 1_000_000)
    raise AssertionError

def test_fails_at_its_end(request):
    request.addfinalizer(lambda: 1 / 0)
    record_count("ties", "{} of {} cases", 500, 500)

def test_is_skipped():
    record_count("ties", "{} of {} cases", 500, 500)
    pytest.skip("after all")
"""


@pytest.mark.parametrize("more", [(), ("-p", "xdist", "-n", "1")], ids=["here", "in another process"])
def test_summary_has_a_line_for_each_sentence(tmp_path: Path, more: tuple[str, ...]) -> None:
    root = Path(__file__).parents[1]
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-q", *more]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    surroundings |= {"PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    said = re.search(r"^=+ counted =+\n(.*?)^(=|FAILED|ERROR)", done.stdout, re.DOTALL | re.MULTILINE)
    assert said, done.stdout + done.stderr
    assert said[1].splitlines() == [
        "Right",
        "  exact     7 examples",
        "  ties      2,021 of 2,021 cases",
        "Safe",
        "  secrets   9 places, in a fixture's end",
        "  memory    predicted within 3.1 %",
        "3 tests that did not pass are not counted.",
    ]


def test_a_claim_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="is no claim; there are exact, order"):
        record_count("kiled", "{} kills", 1)
    with pytest.raises(ValueError, match="no place for each of 2 numbers"):
        record_count("killed", "{} kills", 1, 2)
    assert sum(map(len, CLAIMS.values())) == len({claim for claims in CLAIMS.values() for claim in claims})
