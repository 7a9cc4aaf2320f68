"""Counts of what the tests tried: printed at the end of a run, and stored for docs/proof.md.

A test calls `record_count("random kills", "{} of {} kills", done, wanted)` with the key of a promise. The numbers of
equal phrases are added up, within a test and over tests. Only passed tests count. The numbers are stored in the
`user_properties` of the reports, so they also arrive from the processes of pytest-xdist and in JUnit files.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.promises import PROMISES, SECTIONS

__all__ = ["Counts", "phrases", "read_counts", "record_count"]

Recorded = Mapping[str, Sequence[tuple[str, str, list[int]]]]
"""Test → (key of a promise, phrase, numbers)."""

_PROPERTY: Final = "count"
_WIDTH: Final = max(len(topic) for topics in SECTIONS.values() for topic in topics) + 2

_running: pytest.Item | None = None


class UnknownPromiseError(ValueError):
    """A promise with this key does not exist."""


class PlacesError(ValueError):
    """A phrase does not have one place for each number."""


def record_count(key: str, phrase: str, *numbers: int) -> None:
    """Record what the running test did, after the test has checked it.

    Args:
        key: The key of a promise.
        phrase: With `{}` for each number that is added up. Other figures are printed as written.

    Raises:
        UnknownPromiseError: If the promise does not exist.
        PlacesError: If the braces and numbers do not match.
        RuntimeError: If no test is running.
    """
    if key not in PROMISES:
        raise UnknownPromiseError(f"The promise {key!r} does not exist. Use one of: {', '.join(PROMISES)}.")
    if phrase.count("{}") != len(numbers):
        raise PlacesError(f"{phrase!r} does not have one place for each of {len(numbers)} numbers.")
    if _running is None:
        raise RuntimeError("Counts are recorded by a test, and no test is running.")
    for name, count in _running.user_properties:
        if name == _PROPERTY and count[:2] == [key, phrase]:
            count[2] = [int(a) + int(b) for a, b in zip(count[2], numbers, strict=True)]
            return
    # only plain types can be sent from process to process
    _running.user_properties.append((_PROPERTY, [key, phrase, [int(number) for number in numbers]]))


def phrases(recorded: Recorded, key: str) -> list[str]:
    """Return the phrases of a promise with their numbers, added up over tests."""
    sums: dict[str, list[int]] = {}
    for test in sorted(recorded):
        for other, phrase, numbers in recorded[test]:
            if other == key:
                before = sums.get(phrase, [0] * len(numbers))
                sums[phrase] = [a + b for a, b in zip(before, numbers, strict=True)]
    return [phrase.format(*(f"{n:,}" for n in numbers)) if numbers else phrase for phrase, numbers in sums.items()]


def read_counts(file: Path) -> dict[str, list[Any]]:
    """Return the counts that a run stored."""
    counts: dict[str, list[Any]] = json.loads(file.read_text("utf-8"))
    return counts


class Counts:
    """Pytest plugin that collects the counts of passed tests, prints them and stores them.

    `file`: where the counts are stored if all tests pass. None: they are only printed.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._failed: set[str] = set()
        self._recorded: dict[str, list[tuple[str, str, list[int]]]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        global _running
        before, _running = _running, item  # a test may run pytest itself
        try:
            return (yield)
        finally:
            _running = before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)
        if report.when == "teardown":  # the teardown report also contains the counts of fixtures
            found = [tuple(value) for name, value in report.user_properties if name == _PROPERTY]
            if found:
                self._recorded[report.nodeid] = found

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._file is not None and exitstatus == pytest.ExitCode.OK and not hasattr(session.config, "workerinput"):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self.passed(), indent=1, sort_keys=True) + "\n", "utf-8")

    def passed(self) -> dict[str, list[tuple[str, str, list[int]]]]:
        """Return the counts of the tests that passed."""
        return {test: found for test, found in self._recorded.items() if test not in self._failed}

    def lines(self) -> list[str]:
        """Return one line per phrase, under the names of the sections."""
        lines: list[str] = []
        passed = self.passed()
        for section, topics in SECTIONS.items():
            found = [
                (topic, promise.text, phrase)
                for topic, promises in topics.items()
                for promise in promises
                for phrase in phrases(passed, promise.key)
            ]
            if found:
                lines.append(section)
            last = ""
            for topic, text, phrase in found:
                lines.append(f"  {topic if topic != last else '':<{_WIDTH}}{phrase}: {text}")
                last = topic
        if left_out := len(self._recorded.keys() & self._failed):
            lines.append(f"The counts of {left_out} tests that did not pass are left out.")
        return lines

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if lines := self.lines():
            terminalreporter.section("counts")
            for line in lines:
                terminalreporter.write_line(line)
