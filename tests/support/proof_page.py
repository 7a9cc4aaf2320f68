"""Write docs/proof.md from the counts of the last `make test` and `make test-long`: `make proof`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.promises import SECTIONS
from tests.support.proof_counts import phrases, read_counts

__all__ = ["PAGE", "page"]

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/proof.md"
RUNS: Final = {"make test": ROOT / "build/counts/test.json", "make test-long": ROOT / "build/counts/test-long.json"}

TOP: Final = """\
# Promises and their tests

Each row is a promise, the tests that fail if it is broken, and how much these tests tried. `make test` and
`make test-long` print these counts at the end. Tests add them up while they run, and a failed test adds nothing.
`make proof` writes this page from the counts of the last two runs. Where time or chance decides (kills, readers,
connections, invalid rows), the counts differ between runs. “—” means that the run counts nothing for the row. Test
paths are below `tests/`.
"""
BOTTOM: Final = """\
## What is simulated

- A power failure is not tested: after `kill -9`, the kernel still writes what a process wrote. The tests check that
  files are synced before a run is published; they do not use a disk that loses synced data.
- A full disk is a kernel limit on the size of a file, or an error raised at a named point. Mounting a small file
  system needs privileges. The same system call fails.
- Damage means altered bytes, truncated files and missing files. Random bytes are sampled; the rows give the counts.
- A real control group is not created (see *memory*).
"""
HEAD: Final = "| promise | tests | `make test` | `make test-long` |\n|---|---|---|---|\n"


def page(test: Mapping[str, Sequence[Any]], test_long: Mapping[str, Sequence[Any]]) -> str:
    """Return the page of two runs' counts."""
    text = TOP
    for section, topics in SECTIONS.items():
        text += f"\n## {section}\n"
        for topic, promises in topics.items():
            text += f"\n### {topic}\n\n{HEAD}"
            for promise in promises:
                tests = promise.not_tested or ", ".join(f"`{name}`" for name in _tests(promise.key, test, test_long))
                counts = [", ".join(phrases(run, promise.key)) or "—" for run in (test, test_long)]
                text += f"| {promise.text} | {tests or '—'} | {' | '.join(counts)} |\n"
    return f"{text}\n{BOTTOM}"


def _tests(key: str, *runs: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the tests that recorded counts for a promise, without parameters."""
    found = (test for run in runs for test, counts in run.items() if any(count[0] == key for count in counts))
    return sorted({re.sub(r"\[.*", "", test).removeprefix("tests/") for test in found})


def main() -> None:
    """Write the page.

    SystemExit: If a run has not stored its counts.
    """
    for command, file in RUNS.items():
        if not file.exists():
            sys.exit(f"{file.relative_to(ROOT)} does not exist. Run {command} first.")
    PAGE.write_text(page(*(read_counts(file) for file in RUNS.values())), "utf-8")


if __name__ == "__main__":
    main()
