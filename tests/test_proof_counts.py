"""Counts are printed at the end of a run, added up over passed tests and over processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.promises import PROMISES
from tests.support.proof_counts import PlacesError, UnknownPromiseError, phrases, read_counts, record_count

ROOT = Path(__file__).parents[1]

CONFTEST = """
from tests.support.proof_counts import Counts

def pytest_configure(config):
    config.pluginmanager.register(Counts(), "counts")
"""
TESTS = """
import pytest
from hypothesis import given, settings, strategies as st
from tests.support.proof_counts import record_count

@pytest.fixture
def place():
    yield
    record_count("secrets", "{} places, in a teardown", 3)

@pytest.mark.parametrize("n", [1, 20, 2_000])
def test_adds_up(n, place):
    record_count("ties", "{} of {} cases", n, n)

@settings(max_examples=7, database=None)
@given(st.integers())
def test_examples(n):
    record_count("compiled scores", "{} examples", 1)

def test_words():
    record_count("predicted peak", "within 3.1 %")

def test_fails():
    record_count("compiled scores", "{} examples", 1_000_000)
    raise AssertionError

def test_fails_at_its_end(request):
    request.addfinalizer(lambda: 1 / 0)
    record_count("ties", "{} of {} cases", 500, 500)

def test_is_skipped():
    record_count("ties", "{} of {} cases", 500, 500)
    pytest.skip("after all")
"""


def run_pytest(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), "-q", *more]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    surroundings |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.integration
@pytest.mark.parametrize("more", [(), ("-p", "xdist", "-n", "1")], ids=["here", "in another process"])
def test_summary_has_a_line_for_each_sentence(tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    done = run_pytest(tmp_path, *more)
    said = re.search(r"^=+ counts =+\n(.*?)^(=|FAILED|ERROR)", done.stdout, re.DOTALL | re.MULTILINE)
    assert said, done.stdout + done.stderr
    texts = {key: promise.text for key, promise in PROMISES.items()}
    assert said[1].splitlines() == [
        "Correct results",
        f"  scores    7 examples: {texts['compiled scores']}",
        f"  ties      2,021 of 2,021 cases: {texts['ties']}",
        "Robust runs",
        f"  secrets   9 places, in a teardown: {texts['secrets']}",
        f"  memory    within 3.1 %: {texts['predicted peak']}",
        "The counts of 3 tests that did not pass are left out.",
    ]


@pytest.mark.integration
def test_counts_of_passed_tests_are_stored(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.replace("Counts()", "Counts(config.rootpath / 'counts/test.json')"))
    (tmp_path / "test_some.py").write_text(TESTS)
    run_pytest(tmp_path, "-k", "words or fails")
    assert not (tmp_path / "counts").exists()
    run_pytest(tmp_path, "-k", "words or adds_up")
    counts = read_counts(tmp_path / "counts/test.json")
    assert counts["test_some.py::test_words"] == [["predicted peak", "within 3.1 %", []]]
    assert phrases(counts, "ties") == ["2,021 of 2,021 cases"]


def test_unknown_promise_is_rejected() -> None:
    with pytest.raises(UnknownPromiseError):
        record_count("kiled", "{} kills", 1)
    with pytest.raises(PlacesError):
        record_count("random kills", "{} kills", 1, 2)
