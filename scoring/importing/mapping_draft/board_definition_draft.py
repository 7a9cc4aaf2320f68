"""What the files say about the board: own columns that a mapping may keep, and the settings of the board."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

from scoring.columns.board_definition import MAX_NAME, OWN_TABLES, find_name_problem
from scoring.importing.mapping_draft.column_name_match import fold_words
from scoring.importing.mapping_draft.column_profile import FLAG_MEANINGS, ColumnProfile
from scoring.importing.mapping_draft.table_choice import (
    N_DISTINCT,
    ColumnDraft,
    SourceFile,
    TableDraft,
    find_separators,
    find_set_mark,
    split_values,
)

__all__ = ["draft_settings", "find_own_columns"]

SHARE_DISTINCT: Final = 0.02
"""Largest share of distinct texts of a category; other texts are only stored."""


def find_own_columns(
    drafts: Sequence[TableDraft], used: Mapping[str, set[str]]
) -> dict[str, dict[str, tuple[ColumnDraft, ColumnProfile]]]:
    """Return table → name → draft and profile of the source columns that no other column uses.

    A file of several tables gives its columns to the last of them: actions before users before jobs. A column without
    two different values is left out.
    """
    owners = {file.name: draft for draft in drafts if draft.table in OWN_TABLES for file in draft.sources}
    files = {file.name: file for draft in drafts for file in draft.sources}
    found: dict[str, dict[str, tuple[ColumnDraft, ColumnProfile]]] = {}
    for name, draft in owners.items():
        columns = found.setdefault(draft.table, {})
        for profile in files[name].profiles.values():
            if profile.name not in used[name] and profile.n_distinct > 1:
                columns[_choose_name(draft.table, profile.name, columns)] = (_draft_type(profile), profile)
    return found


def _choose_name(table: str, source: str, taken: Mapping[str, Any]) -> str:
    """Return a valid name of an own column that is similar to the name of the source column."""
    stem = re.sub(r"[^a-z0-9]+", "_", fold_words(source)).strip("_")[: MAX_NAME - 4]
    return next(name for name in _list_names(stem) if name not in taken and find_name_problem(table, name) is None)


def _list_names(stem: str) -> Iterator[str]:
    yield from (stem, f"own_{stem}") if stem else ()
    yield from (f"own_{number}" for number in count(1))


def _draft_type(profile: ColumnProfile) -> ColumnDraft:
    options = {key: value for key, value in profile.options.items() if key != "per"}
    kind = profile.kind
    if (kind == "flag" and not profile.odd) or (kind == "integer" and profile.values <= {"0", "1"}):
        words = {value: FLAG_MEANINGS[value] for value in sorted(profile.values) if value in FLAG_MEANINGS}
        return ColumnDraft(profile.name, {"type": "flag", **({"values": words} if words else {})})
    if kind in ("integer", "number"):
        # without `number`, an import rejects the rows of odd values
        return ColumnDraft(profile.name, {"type": kind, **({"number": True} if profile.odd else {})})
    if kind == "amount":
        return ColumnDraft(profile.name, {"type": "number", **options})
    if kind in ("time", "epoch"):
        if profile.odd:
            options = ({"format": "iso"} if kind == "time" and not options else options) | {"else": "missing"}
        return ColumnDraft(profile.name, {"type": "time", **options}, list(profile.notes))
    if kind == "list":
        return ColumnDraft(profile.name, {"type": "categories"})
    if (marks := find_separators(profile)) and len(split_values(profile, marks)) <= N_DISTINCT:
        return ColumnDraft(profile.name, {"type": "categories", "split": marks})
    if mark := find_set_mark(profile):
        return ColumnDraft(profile.name, {"type": "categories", "split": [mark]})
    is_category = profile.n_distinct <= max(N_DISTINCT, SHARE_DISTINCT * profile.n_rows)
    return ColumnDraft(profile.name, {"type": "category" if is_category else "text"})


def draft_settings(files: Sequence[SourceFile], drafts: Sequence[TableDraft]) -> dict[str, str]:
    """Return the settings of the board that differ from the default.

    The preset is `none` if no column contains codes or names of Japan's reference tables.
    """
    currencies = Counter(profile.currency for file in files for profile in file.profiles.values() if profile.currency)
    currency = currencies.most_common(1)[0][0] if currencies else None
    if _uses_japanese_tables(drafts) or (currency == "yen" and not _has_own_tables(drafts)):
        return {} if currency in (None, "yen") else {"currency": currency}
    return {"preset": "none"} | ({} if currency is None else {"currency": currency})


def _has_own_tables(drafts: Sequence[TableDraft]) -> bool:
    return any(draft.table in ("occupations", "prefectures") for draft in drafts)


def _uses_japanese_tables(drafts: Sequence[TableDraft]) -> bool:
    """Return whether jobs or users have codes or names of a reference table that the files do not fill."""
    filled = {draft.table for draft in drafts}
    columns = {
        "prefecture_code": "prefectures",
        "occupation_code": "occupations",
        "preferred_occupations": "occupations",
    }
    return any(
        table not in filled and name in draft.columns
        for draft in drafts
        for name, table in columns.items()
        if draft.table in ("jobs", "users")
    )
