"""Counts of what the tests tried, printed as one sentence each at the end of a run.

A test calls `record_count("killed", "{} of {} kills: identical", done, wanted)`. The numbers of equal sentences are
added up, within a test and over tests. Only passed tests count. The numbers are stored in the `user_properties` of
the reports, so they also arrive from the processes of pytest-xdist and in JUnit files.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest

__all__ = ["ALONE", "CLAIMS", "IN_TIME", "LOST", "READS", "REFERENCE", "ROOM", "WRITES", "Counts", "record_count"]

CLAIMS: Final[dict[str, tuple[str, ...]]] = {
    "Right": ("exact", "order", "ties", "classic", "metrics"),
    "Safe": (
        "killed", "readers", "disk", "corrupt", "database", "secrets", "memory", "input", "shared", "stale",
        "hostile", "servers", "personal",
    ),
}  # fmt: skip
"""Section → claims, in the order in which they are printed; docs/proof.md uses the same order."""

# sentences that several files use, so that their numbers are added up
REFERENCE: Final = "{} random programs: all pairs, or the lists of each path, are the float64 reference's, bit for bit"
ALONE: Final = "{} times users ranked alone or in another batch: the same lists"
READS: Final = "{} reads beside runs that are written, published or killed: each of one whole run"
ROOM: Final = "{} runs with room for some of their files: {} stopped by real writes, told in a sentence, nothing half"
WRITES: Final = "{} errors of a disk at single writes (parts, journal, SQLite, cache, profile): told, nothing half"
LOST: Final = "{} runs whose database goes away while they write: published once and the same, or nothing"
IN_TIME: Final = "{} requests by 64 threads while values grow old: none older than it may be"

_PROPERTY: Final = "counted"
_ORDER: Final = [claim for claims in CLAIMS.values() for claim in claims]
_WIDTH: Final = max(map(len, _ORDER)) + 2

_running: pytest.Item | None = None


def record_count(claim: str, sentence: str, *numbers: int) -> None:
    """Record what the running test did, after the test has checked it.

    Args:
        claim: One of `CLAIMS`.
        sentence: With `{}` for each number that is added up. Other figures are printed as written.

    Raises:
        ValueError: If the claim does not exist, or the braces and numbers do not match.
        RuntimeError: If no test is running.
    """
    if claim not in _ORDER:
        raise ValueError(f"{claim!r} is no claim; there are {', '.join(_ORDER)}.")
    if sentence.count("{}") != len(numbers):
        raise ValueError(f"{sentence!r} has no place for each of {len(numbers)} numbers.")
    if _running is None:
        raise RuntimeError("Counts are of a test, and none is running.")
    for name, said in _running.user_properties:
        if name == _PROPERTY and said[:2] == [claim, sentence]:
            said[2] = [int(a) + int(b) for a, b in zip(said[2], numbers, strict=True)]
            return
    # only plain types can be sent from process to process
    _running.user_properties.append((_PROPERTY, [claim, sentence, [int(number) for number in numbers]]))


class Counts:
    """Pytest plugin that collects the counts of passed tests and prints them."""

    def __init__(self) -> None:
        self._lost: set[str] = set()
        self._said: dict[str, list[tuple[str, str, list[int]]]] = {}

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
            self._lost.add(report.nodeid)
        if report.when == "teardown":  # the teardown report also contains the counts of fixtures
            said = [tuple(value) for name, value in report.user_properties if name == _PROPERTY]
            if said:
                self._said[report.nodeid] = said

    def lines(self) -> list[str]:
        """Return one line per sentence, under the names of the sections."""
        sums: dict[tuple[str, str], list[int]] = {}
        for nodeid in sorted(self._said.keys() - self._lost):
            for claim, sentence, numbers in self._said[nodeid]:
                before = sums.get((claim, sentence), [0] * len(numbers))
                sums[claim, sentence] = [a + b for a, b in zip(before, numbers, strict=True)]
        lines: list[str] = []
        for section, claims in CLAIMS.items():
            found = [(claim, key, sums[key]) for claim in claims for key in sums if key[0] == claim]
            if found:
                lines.append(section)
            last = ""
            for claim, (_, sentence), numbers in found:
                said = sentence.format(*(f"{number:,}" for number in numbers)) if numbers else sentence
                lines.append(f"  {claim if claim != last else '':<{_WIDTH}}{said}")
                last = claim
        if lost := len(self._said.keys() & self._lost):
            lines.append(f"{lost} tests that did not pass are not counted.")
        return lines

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if lines := self.lines():
            terminalreporter.section("counted")
            for line in lines:
                terminalreporter.write_line(line)
