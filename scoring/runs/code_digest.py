"""A digest of the code that results depend on: the modules that load, rank and publish, and all that they import."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["RUN_MODULES", "compute_code_digest", "find_imported_modules"]

RUN_MODULES: Final = (
    "scoring.database.validated_reader",
    "scoring.database.readers",
    "scoring.runs.executors.dask_executor",
    "scoring.runs.publishers",
    "scoring.runs.runner",
)
"""Modules that load the data, rank users and publish lists. Other modules are sources by their imports."""

_IMPORT: Final = re.compile(
    rb"\n[ \t]*(?:from[ \t]+(scoring[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+(scoring[\w.]*))"
)
"""An import on any line, also in a function. Parsing takes eighty times as long. A test compares both.

Patterns that begin with a line break are found three times as fast as those that begin with `^`."""
_TYPE_IMPORTS: Final = re.compile(rb"\nif TYPE_CHECKING:(?:\n[ \t]+[^\n]*|\n(?=\n))+")
_NAME: Final = re.compile(rb"\w+")


@cache
def compute_code_digest() -> str:
    """Return the digest of the modules that a run imports, as they are on disk: 32 hex digits, in about 16 ms."""
    digest = hashlib.blake2b(digest_size=16)
    for name, source in sorted(find_imported_modules(RUN_MODULES).items()):
        digest.update(f"{name} {len(source)} ".encode() + source)
    return digest.hexdigest()


def find_imported_modules(names: Sequence[str]) -> dict[str, bytes]:
    """Return name → source of these modules and of all modules of this package that they import, directly or not."""
    paths = dict(_find_modules(Path(__file__).parents[1], "scoring"))
    sources: dict[str, bytes] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in sources or name not in paths:  # a name that a module defines is not a module
            continue
        sources[name] = source = paths[name].read_bytes()
        pending.append(name.rpartition(".")[0])
        for package, imported, module in _IMPORT.findall(_TYPE_IMPORTS.sub(b"", b"\n" + source)):
            first = (package or module).decode()
            pending += [first, *(f"{first}.{word.decode()}" for word in _NAME.findall(imported))]
    return sources


def _find_modules(folder: Path, package: str) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of every module."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__init__.py":
                yield package, Path(entry.path)
            elif entry.name.endswith(".py"):
                yield f"{package}.{entry.name.removesuffix('.py')}", Path(entry.path)
            elif entry.is_dir():
                yield from _find_modules(Path(entry.path), f"{package}.{entry.name}")
