"""Patterns of wording that committed text must not contain: see the language section of CONTRIBUTING.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["PATTERNS", "SCREEN", "Hit", "find_hits", "matches", "texts"]

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = ("scoring", "tests", "benchmarks", "scripts", "examples", "docs", "notebooks")
FILES: Final = ("README.md", "MIGRATING.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
SUFFIXES: Final = (".py", ".md", ".ipynb", ".yaml", ".toml", ".js", ".css", "Makefile")
DATA: Final = ("tests/golden/data/", "tests/samples/", "scoring/dataset/reference/")
"""Folders of stored data, whose words are not prose."""
SELF: Final = ("tests/support/language_patterns.py", "tests/test_language.py")

PATTERNS: Final[dict[str, str]] = {
    r"\bwhoever\b": "the user, the caller or the process",
    r"\b(nobody|somebody)(?!@)\b": "no user, no job; another user, another process",
    r"\bwhatever\b": "any, every",
    r"\blikewise\b": "also, the same",
    r"\banew\b": "again; recompute, rebuild, recompile",
    r"\b(go|goes|gone|going) on with\b": "resume, resumed",
    r"\bgo on\b": "resume, continue",
    r"\bstands? twice\b": "is a duplicate",
    r"\b(held|holds?) beside\b": "compared with",
    r"\bheld to\b": "compared with",
    r"\b(is|are|was|were) told\b": "is reported, is printed",
    r"\bsays? not\b": "does not state",
    r"\bsay(s)? so\b": "states it",
    r"\bof nobody\b": "refers to no user",
    r"\bset aside\b": "quarantined",
    r"\bkept[ _-]aside\b": "held back",
    r"\bthe others\b": "the other + noun",
    r"\b(at (every|each) door|a door|doors)\b": "entry point",
    r"\b(has|have) it\b": "contains",
    r"\"in all\"|\| in all\b": "total",
    r"\b(tonight|last night|this night|the night's)\b": "the new run, the published run",
    r"\bstrange(r|st|ly)?\b": "invalid, unknown, unexpected",
    r"\bby what people did\b": "against recorded actions",
    r"\b(tastes?|knobs?|worlds?)\b(?![- ]writable)": "preference, parameter, synthetic market",
    r"\bMissingPart\w*": "MissingDependencyError",
    r"\b(?<!there )(is|are|was) no (?!(longer|more|less|better|larger|smaller|older)\b)[a-z]+": "is not a, none",
    r"\b(on its way (in|out)|ways? out)\b": "the alternative, the output",
    r"\b(one sentence\b.*\btold|told in a sentence)\b": "reported in one sentence",
    r"\b(cannot|can not) be had\b": "is not available",
    r"\b((is|are) of use|of one's own)\b": "useful; the user's",
}
"""Regular expression → the wording to use instead. Matched without regard to case."""

ALLOWED: Final = (
    re.compile(r"[\"'`]kept aside[\"'`]"),  # the stored status of a run that is held back
    re.compile(r"[\"'`](tonight|last_night)[\"'`]"),  # keys of the gate's report in a manifest
    re.compile(r"\bMarket\.tastes\b|\bdef tastes\b|`scoring\.dataset\.synthetic\.Tastes`"),  # public names of 0.1
    re.compile(r"`scoring\.errors\.MissingPartError`"),  # a public name of 0.1
)
"""Stored words and deprecated public names that do not change."""

ALLOWED_WORDS: Final = ("kept aside", "tonight", "last_night", "tastes", "Tastes", "MissingPartError")
"""Texts of which each match of `ALLOWED` contains one. To search them takes a tenth of the time."""


DEFINITION: Final = re.compile(r"^[ \t]*(?:async )?def (test_\w+)", re.MULTILINE)
"""The definition of a test, as ruff formats it. To parse all files takes twenty times as long."""


class Hit(NamedTuple):
    """One match in a file."""

    file: str
    line: int
    pattern: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text.strip()[:100]!r}. Use: {PATTERNS[self.pattern]}"


def _screen() -> re.Pattern[str]:
    """Return one pattern that matches a text in lower case where any of them matches.

    Patterns that begin at a word are tried only there. This scans all files in a tenth of the time. To ignore case
    would take half as long again.
    """
    words = [pattern.removeprefix(r"\b") for pattern in PATTERNS if pattern.startswith(r"\b")]
    rest = [pattern for pattern in PATTERNS if not pattern.startswith(r"\b")]
    return re.compile("|".join([rf"\b(?=\w)(?:{'|'.join(words)})", *rest]).lower())


SCREEN: Final = _screen()


def matches(text: str) -> list[str]:
    """Return the patterns that match a text of one or more lines."""
    if any(word in text for word in ALLOWED_WORDS):
        for allowed in ALLOWED:
            text = allowed.sub("", text)
    text = text.replace("_", " ")  # words of identifiers
    if not SCREEN.search(text.lower()):
        return []
    return [pattern for pattern in PATTERNS if re.search(pattern, text, re.IGNORECASE)]


def find_hits() -> list[Hit]:
    """Return all matches of the patterns, which do not extend over lines."""
    return [
        Hit(file, number, pattern, line)
        for file, lines in texts()
        if matches("\n".join(lines))
        for number, line in enumerate(lines, 1)
        for pattern in matches(line)
    ]


def texts() -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the lines of each file; of notebooks only the sources of cells."""
    paths = [ROOT / name for name in FILES] + [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*"))]
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        if not name.endswith(SUFFIXES) or name.startswith(DATA) or name in SELF or "/." in name or not path.is_file():
            continue
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text("utf-8"))["cells"]
            lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
        else:
            lines = path.read_text("utf-8").splitlines()
        yield name, lines


def test_names() -> Iterator[tuple[str, str]]:
    """Yield file and name of each test function."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for found in DEFINITION.finditer(path.read_text("utf-8")):
            yield str(path.relative_to(ROOT)), found[1]
