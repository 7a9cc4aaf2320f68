"""The page of the documentation that describes the cure of an error, if a sentence is not enough."""

from __future__ import annotations

from typing import Final

from scoring.errors import DatabaseError, DataError, LocatedError

__all__ = ["find_page"]

_BY_CLASS: Final = {
    "EmptyHoldoutError": "docs/evaluate_and_tune.md#options",
    "EvidenceError": "docs/evaluate_and_tune.md#evidence",
    "NotEnoughMemoryError": "docs/troubleshooting.md#memory",
    "ModelError": "docs/models.md",
}
"""Class of the error → page. Names, because some modules of these classes are not imported without need."""
_BY_KEY: Final = {
    "constant": "docs/learned.md#values",
    "digest": "docs/learned.md#files",
    "eligibility": "docs/eligibility_rules.md",
    "link": "docs/learned.md#values",
    "seal": "docs/learned.md#files",
    "self_test": "docs/learned.md#files",
    "sources": "docs/mapping.md#sources",
    "tables": "docs/mapping.md#tables",
}
"""First key of an invalid value in a file → page."""
_IMPORT: Final = "docs/your_data.md#daily-updates"
_FILES: Final = "docs/your_data.md#files"
_DATABASE: Final = "docs/troubleshooting.md#database"
_BY_REASON: Final = {
    "closes most rows": _IMPORT,
    "invalid rows": "docs/input.md",
    "loses values": _IMPORT,
    "missing column": "docs/mapping.md#columns",
    "not empty": _IMPORT,
    "removes rows": _IMPORT,
    "too many invalid rows": "docs/input.md",
    "unknown format": _FILES,
}
"""Reason of a DataError → page."""
_BY_DATABASE_REASON: Final = {
    "locked": _DATABASE,
    "missing column": _DATABASE,
    "missing table": _DATABASE,
    "newer schema": _DATABASE,
    "not reachable": _DATABASE,
}
"""Reason of a DatabaseError → page."""


def find_page(error: BaseException) -> str | None:
    """Return the path of a page in the repository, with an anchor; None if the message is enough."""
    page = None
    if isinstance(error, DataError):
        page = _BY_REASON.get(error.reason or "")
    elif isinstance(error, DatabaseError):
        page = _BY_DATABASE_REASON.get(error.reason or "")
    elif isinstance(error, LocatedError) and error.path is not None and error.key:
        page = _BY_KEY.get(error.key[0])
    return page or next((_BY_CLASS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _BY_CLASS), None)
