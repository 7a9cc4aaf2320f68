"""Which tables a set of files can fill, and from which of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from scoring.columns import ACTION_KINDS, SALARY_TYPES, TABLES, Column
from scoring.columns.text_normalisation import fold_text
from scoring.columns.types import ACTIVE, CODE, FLAG, ID, INTEGER, INTEGER_LIST, NUMBER, TIME
from scoring.errors import DataError
from scoring.importing.computed_columns import fold_name, list_names
from scoring.importing.mapping_draft.column_name_match import fold_words, rate_name
from scoring.importing.mapping_draft.column_profile import FLAG_MEANINGS, ColumnProfile
from scoring.importing.money_amount_parser import read_unit

__all__ = [
    "N_DISTINCT",
    "ColumnDraft",
    "SourceFile",
    "TableDraft",
    "choose_tables",
    "find_separators",
    "find_set_mark",
    "split_values",
]

MIN_RATING: Final = 0.4
SHARE_OF_IDS: Final = 0.9
"""Share of the ids with several rows for which a column must have one value to be an attribute of the id."""

MIN_OVERLAP: Final = 0.05
"""Share of the users' words that must be words of jobs."""

N_SET: Final = 10
"""Smallest number of distinct texts that may be sets of words."""

N_DISTINCT: Final = 30
"""Largest number of words for which a draft writes `values`."""

ID_COLUMNS: Final = {"users": "user_id", "jobs": "job_id"}
FILE_WORDS: Final = {
    "jobs": ("job", "item", "movie", "offer", "posting", "position", "vacanc", "listing", "求人", "案件"),
    "users": ("user", "member", "applicant", "candidate", "seeker", "customer", "people", "person", "会員", "求職者"),
}
ACTION_WORDS: Final = {
    "application": ("appl", "submit", "sent", "応募", "エントリー"),
    "click": ("click", "select", "open", "クリック", "詳細"),
    "view": ("view", "seen", "impression", "pv", "show", "display", "閲覧", "表示"),
}
ID_KINDS: Final = ("integer", "text", "amount")
"""Kinds of columns that may contain ids: V-012 may be read as an amount."""

AMOUNT_KINDS: Final = ("integer", "number", "amount")


@dataclass(frozen=True)
class SourceFile:
    """A file: its name in the mapping, how to read it, its first rows, and the profiles of its columns."""

    name: str
    path: str
    options: Mapping[str, Any]
    frame: pd.DataFrame
    profiles: Mapping[str, ColumnProfile]

    @property
    def missing(self) -> tuple[str, ...]:
        """Words that mean a missing value in a column of the file."""
        return tuple(dict.fromkeys(word for profile in self.profiles.values() for word in profile.missing))

    def find_column(self, table: str, column: str) -> str | None:
        """Return the column whose name means this column best, and no other column better; None if there is none."""
        rated = [(rate_name(name, table, column), name) for name in self.profiles]
        fitting = [(rating, name) for rating, name in rated if rating >= max(MIN_RATING, _rate_best(name, table))]
        return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


@dataclass
class ColumnDraft:
    """The draft of one column: its source column, its keys in the mapping, and notes."""

    source: str | None
    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class TableDraft:
    """The draft of one table."""

    table: str
    sources: list[SourceFile]
    columns: dict[str, ColumnDraft] = field(default_factory=dict)
    one_row_per: str | None = None
    replace: bool = False
    notes: list[str] = field(default_factory=list)


def choose_tables(files: Sequence[SourceFile]) -> list[TableDraft]:
    """Return the drafts of the tables that the files fill, in the order in which they are imported.

    Raises
    ------
    DataError: If no file contains jobs.
    """
    drafts: dict[str, TableDraft] = {}
    ids = _find_ids(files)
    rest: list[SourceFile] = []
    for file in files:
        reference = _find_reference_table(file)
        if reference is not None:
            drafts.setdefault(reference, TableDraft(reference, [], replace=True)).sources.append(file)
        else:
            rest.append(file)
    logs = [file for file in rest if len(ids[file.name]) == 2]
    for table, key in ID_COLUMNS.items():
        own = [file for file in rest if list(ids[file.name]) == [table]]
        if draft := _draft_owner(table, key, own, logs, ids):
            drafts[table] = draft
    if "jobs" not in drafts:
        names = ", ".join(file.path for file in files)
        raise DataError(
            f"{names}: no column is the id of a job. Rename the column to job_id, or write a mapping by hand "
            "(docs/mapping.md).",
            reason="missing column",
            table="jobs",
            column="job_id",
        )
    for file in logs:
        drafts[f"actions {file.name}"] = _draft_actions(file, ids[file.name])
    _add_reference_tables(drafts)
    order = ["prefectures", "prefecture_adjacency", "occupations", "jobs", "users"]
    return [drafts[name] for name in order if name in drafts] + _join_logs(drafts)


def _join_logs(drafts: Mapping[str, TableDraft]) -> list[TableDraft]:
    """Return one draft of all files of actions if their columns are equal; otherwise the first, with a note."""
    logs = [draft for draft in drafts.values() if draft.table == "actions"]
    if len(logs) < 2:
        return logs
    first, *others = logs
    alike = [draft for draft in others if draft.columns == first.columns]
    first.sources = [*first.sources, *(draft.sources[0] for draft in alike)]
    for draft in others:
        if draft not in alike:
            first.notes.append(f"{draft.sources[0].path} has other columns: import it with another mapping")
    return [first]


def _find_ids(files: Sequence[SourceFile]) -> dict[str, dict[str, str]]:
    """Return file → table → column of its ids: by names, then by values.

    A file whose name means jobs or users has an id in the first column with a value of its own in every row. Another
    column contains ids if nearly all of its values are such ids. If the file has an id by name, only a column of text
    does: small integers are often ids by chance.
    """
    found: dict[str, dict[str, str]] = {}
    for file in files:
        named = {table: file.find_column(table, key) for table, key in ID_COLUMNS.items()}
        found[file.name] = {table: name for table, name in named.items() if name is not None}
        owner = _find_owner(file)
        if not found[file.name] and owner is not None:
            plain = [name for name in file.profiles if fold_words(name) in ("id", "no", "number", "code")]
            keys = [name for name, profile in file.profiles.items() if profile.is_key and profile.kind in ID_KINDS]
            if plain or keys:
                found[file.name][owner] = (plain or keys)[0]
    known = {table: _collect_ids(files, found, table) for table in ID_COLUMNS}
    for file in files:
        kinds = ID_KINDS if not found[file.name] else ("text",)
        for table in ID_COLUMNS.keys() - found[file.name].keys():
            name = _find_references(file, known[table], kinds)
            if name is not None and name not in found[file.name].values():
                found[file.name][table] = name
    return found


def _find_owner(file: SourceFile) -> str | None:
    """Return the table that the name of the file means."""
    words = fold_text(file.name)
    return next((table for table, parts in FILE_WORDS.items() if any(part in words for part in parts)), None)


def _collect_ids(files: Sequence[SourceFile], ids: Mapping[str, Mapping[str, str]], table: str) -> frozenset[str]:
    return frozenset().union(
        *(file.profiles[ids[file.name][table]].values for file in files if table in ids[file.name])
    )


def _find_references(file: SourceFile, known: frozenset[str], kinds: Sequence[str]) -> str | None:
    """Return the column most of whose values are known ids, with the most different ones; None if there is none."""
    shared = {name: len(profile.values & known) for name, profile in file.profiles.items() if profile.kind in kinds}
    likely = [name for name, n in shared.items() if n and n >= SHARE_OF_IDS * len(file.profiles[name].values)]
    return max(likely, key=lambda name: shared[name]) if likely else None


def _find_reference_table(file: SourceFile) -> str | None:
    """Return the reference table whose canonical columns the file has."""
    names = {fold_words(name) for name in file.profiles}
    for table in ("prefecture_adjacency", "prefectures", "occupations"):
        required = {fold_words(name) for name in TABLES[table].required}
        if required <= names <= {fold_words(name) for name in TABLES[table].canonical_names}:
            return table
    return None


def _draft_owner(
    table: str, key: str, own: Sequence[SourceFile], logs: Sequence[SourceFile], ids: Mapping[str, Mapping[str, str]]
) -> TableDraft | None:
    """Return the draft of jobs or users: from their own files, and from the actions for ids that these lack."""
    known = {value for file in own for value in file.frame[ids[file.name][table]].dropna().map(str)}
    acting = {value for file in logs for value in file.frame[ids[file.name][table]].dropna().map(str)}
    sources = [*own, *(logs if not own or len(acting - known) > 0.01 * max(len(acting), 1) else ())]
    if not sources:
        return None
    draft = TableDraft(table, list(sources))
    is_repeated = len(sources) > 1 or not sources[0].profiles[ids[sources[0].name][table]].is_key
    draft.one_row_per = key if is_repeated else None
    for file in sources:
        id_column = ids[file.name][table]
        is_log = file in logs
        attributes = [name for name in file.profiles if name not in ids[file.name].values()]
        if is_log:
            attributes = _find_attributes(file, id_column, attributes)
            if table == "users":  # what a row says about the job is not about the user
                attributes = [name for name in attributes if _rate_best(name, "users") > _rate_best(name, "jobs")]
        if key not in draft.columns:
            draft.columns[key] = ColumnDraft(id_column)
        elif draft.columns[key].source != id_column:
            draft.notes.append(f"the id column of {file.path} is {id_column!r}: give both files the same name")
        for target, column in _assign_columns(table, file, attributes).items():
            if target not in draft.columns:
                if is_repeated and _is_text_of_many(target, table):
                    column.keys["pick"] = "most_common"
                draft.columns[target] = column
    return draft


def _is_text_of_many(target: str, table: str) -> bool:
    return TABLES[table].column(target).type not in (TIME, INTEGER_LIST, FLAG, ACTIVE, NUMBER)


def _find_attributes(file: SourceFile, id_column: str, names: Iterable[str]) -> list[str]:
    """Return the columns that have one value for nearly every id that has several rows."""
    rows = file.frame[file.frame.duplicated(id_column, keep=False)]
    if not len(rows):
        return list(names)
    kept = []
    for name in names:
        counts = rows[name].map(str).groupby(rows[id_column], sort=False).nunique()
        if (counts <= 1).mean() >= SHARE_OF_IDS:
            kept.append(name)
    return kept


def _rate_best(name: str, table: str) -> float:
    return max((rate_name(name, table, column.name) for column in TABLES[table].columns), default=0.0)


def _assign_columns(table: str, file: SourceFile, names: Sequence[str]) -> dict[str, ColumnDraft]:
    """Return target → draft for the best pairs of a target and a source column. A source column is used once."""
    spec = TABLES[table]
    rated = []
    for place, column in enumerate(spec.columns):
        if column.type is ID or column.name == "external_id":
            continue
        for name in names:
            profile = file.profiles[name]
            share_missing = 0.0 if profile.kind == "flag" else profile.share_missing  # a blank often means false
            rating = rate_name(name, table, column.name) * (1 - 0.7 * share_missing)
            if rating >= MIN_RATING and profile.kind != "empty":
                rated.append((-rating, place, column, name))
    drafts: dict[str, ColumnDraft] = {}
    used: set[str] = set()
    for _, _, column, name in sorted(rated, key=lambda item: item[:2]):
        if column.name in drafts or name in used:
            continue
        draft = _draft_column(table, column, file.profiles[name])
        if draft is not None:
            drafts[column.name] = draft
            used.add(name)
    if table == "jobs":
        _share_columns(drafts, file)
    return drafts


def _share_columns(drafts: dict[str, ColumnDraft], file: SourceFile) -> None:
    """Let two targets use one source column: the company's name as its id, the title as the occupation."""
    if "company_name" in drafts and "company_id" not in drafts:
        drafts["company_id"] = ColumnDraft(
            drafts["company_name"].source, {}, ["no id of the company; its name is used"]
        )
    title = drafts.get("title")
    if title is not None and title.source is not None and "occupation_code" not in drafts:
        profile = file.profiles[title.source]
        if profile.n_distinct <= max(profile.n_rows / 3, N_DISTINCT):
            drafts["occupation_code"] = ColumnDraft(
                title.source, {"lookup": "occupations"}, ["no column is an occupation; the title is used"]
            )


def _draft_column(table: str, column: Column, profile: ColumnProfile) -> ColumnDraft | None:
    """Return the draft of a target from a source column; None if the values do not fit its type."""
    kind, column_type = profile.kind, column.type
    draft = ColumnDraft(profile.name, notes=list(profile.notes) if column_type is TIME else [])
    if column_type is TIME:
        if kind not in ("time", "epoch"):
            return None
        draft.keys |= profile.options
    elif column_type is NUMBER:
        if kind not in AMOUNT_KINDS:
            return None
        draft.keys |= {key: value for key, value in profile.options.items() if key == "number" or column.name != "fee"}
    elif column_type in (FLAG, ACTIVE):
        if kind != "flag" and not profile.values <= {"0", "1", "0.0", "1.0"}:
            return None
        words = {value: FLAG_MEANINGS[value] for value in sorted(profile.values) if value in FLAG_MEANINGS}
        if words:
            draft.keys["values"] = words
    elif column_type is CODE:
        if kind not in ("integer", "text"):
            return None
    elif column_type is INTEGER:
        return _draft_integer(column, profile, draft)
    elif column_type is INTEGER_LIST:
        if kind not in ("list", "integer", "text"):
            return None
        if not _are_integers(profile):
            draft.keys |= profile.options
            if not profile.options and (marks := find_separators(profile)):
                draft.keys["split"] = marks
            draft.keys |= {"lookup": "occupations", "pick": "all"}
    elif column.name == "salary_type":
        return _draft_salary_type(profile, draft)
    elif kind in ("time", "epoch", "list") or (column.name == "age_group" and _are_ages(profile)):
        return None
    return draft


def find_separators(profile: ColumnProfile) -> list[str]:
    """Return the marks that separate several values in one text."""
    few = MIN_OVERLAP * len(profile.values)
    return [mark for mark in ("、", ";", ",") if sum(mark in value for value in profile.values) > few]


def find_set_mark(profile: ColumnProfile) -> str | None:
    """Return the mark of a text of several values, such as `Action Adventure`; None for single values.

    The values are sets of a few words: most words are also a value of their own, and few words form many values.
    """
    if profile.kind != "text" or len(profile.values) < N_SET:
        return None
    for mark in ("、", ";", ",", " "):
        parts = split_values(profile, [mark])
        alone = len(parts & profile.values)
        if len(parts) <= min(N_DISTINCT, len(profile.values) / 2) and alone >= len(parts) / 2:
            return mark
    return None


def split_values(profile: ColumnProfile, marks: Sequence[str]) -> set[str]:
    """Return the distinct parts of the values between marks."""
    pattern = "|".join(map(re.escape, marks))
    return {part.strip() for value in profile.values for part in re.split(pattern, value)} - {""}


def _are_ages(profile: ColumnProfile) -> bool:
    """Return whether the values are ages in years. Decades and a few numbered groups are not."""
    if profile.kind not in ("integer", "number"):
        return False
    ages = [float(value) for value in profile.values if value not in profile.odd]
    return max(ages, default=0) >= 10 and any(age % 5 for age in ages)


def _are_integers(profile: ColumnProfile) -> bool:
    return all(re.fullmatch(r"[\s\d|,;\[\](){}\"'.-]*", value) for value in profile.values)


def _draft_integer(column: Column, profile: ColumnProfile, draft: ColumnDraft) -> ColumnDraft | None:
    if profile.kind in ("time", "epoch", "number", "amount", "flag", "list") or find_set_mark(profile) is not None:
        return None
    if profile.kind == "integer":
        return draft if not profile.odd else None
    if column.name == "occupation_code":
        draft.keys["lookup"] = "occupations"
        return draft
    if profile.n_distinct > N_DISTINCT:
        return None
    draft.keys["values"] = {value: number for number, value in enumerate(sorted(profile.values), 1)}
    draft.notes.append("the numbers are arbitrary; use them in the eligibility rules of a model")
    return draft


def _draft_salary_type(profile: ColumnProfile, draft: ColumnDraft) -> ColumnDraft | None:
    words = {value.casefold() for value in profile.values}
    if words <= set(SALARY_TYPES):
        return draft
    if profile.n_distinct > N_DISTINCT or not any(read_unit(value) for value in profile.values):
        return None
    draft.keys["per"] = True  # the amounts get it: `_move_units`
    return draft


def _draft_actions(file: SourceFile, ids: Mapping[str, str]) -> TableDraft:
    draft = TableDraft("actions", [file])
    for table, key in ID_COLUMNS.items():
        draft.columns[key] = ColumnDraft(ids[table])
    names = [name for name in file.profiles if name not in ids.values()]
    draft.columns["action"] = _draft_kind(file, names)
    times = [name for name in names if file.profiles[name].kind in ("time", "epoch")]
    rated = sorted(times, key=lambda name: -rate_name(name, "actions", "occurred_at"))
    if rated:
        profile = file.profiles[rated[0]]
        draft.columns["occurred_at"] = ColumnDraft(rated[0], dict(profile.options), list(profile.notes))
    else:
        draft.notes.append("no column contains times: add occurred_at: COLUMN, or {value: 2025-06-30}")
    return draft


def _draft_kind(file: SourceFile, names: Sequence[str]) -> ColumnDraft:
    """Return the draft of the kind of action: from a column of known words, else from the name of the file."""
    for name in sorted(names, key=lambda name: -rate_name(name, "actions", "action")):
        profile = file.profiles[name]
        if rate_name(name, "actions", "action") < MIN_RATING or profile.n_distinct > N_DISTINCT:
            break
        kinds = {value: _read_kind(value) for value in sorted(profile.values)}
        if not any(kinds.values()):
            continue
        draft = ColumnDraft(name)
        if any(kind not in (value, None) for value, kind in kinds.items()):
            draft.keys["values"] = {value: kind for value, kind in kinds.items() if kind is not None}
        unknown = [value for value, kind in kinds.items() if kind is None]
        if unknown:
            draft.notes.append(f"rows with these values are rejected: {', '.join(unknown)}")
        return draft
    kind = _read_kind(file.name)
    note = "is a row an application, click or view?"
    return ColumnDraft(None, {"value": kind or "click"}, [note])


def _read_kind(text: str) -> str | None:
    folded = fold_text(text)
    if folded in ACTION_KINDS:
        return folded
    return next((kind for kind, parts in ACTION_WORDS.items() if any(part in folded for part in parts)), None)


def _add_reference_tables(drafts: dict[str, TableDraft]) -> None:
    """Add tables of the occupations and regions that jobs and users name, and move units of pay to the amounts."""
    from scoring.dataset import reference

    for table in ("jobs", "users"):
        if table in drafts:
            _move_units(drafts[table])
    jobs = drafts["jobs"]
    occupation, file = jobs.columns.get("occupation_code"), jobs.sources[0]
    if occupation is not None and "lookup" in occupation.keys and "occupations" not in drafts:
        columns = {"occupation_code": ColumnDraft(occupation.source), "name": ColumnDraft(occupation.source)}
        drafts["occupations"] = TableDraft("occupations", [file], columns, "occupation_code", replace=True)
    if "users" in drafts:
        _drop_other_occupations(drafts["users"], occupation, jobs)
    for draft in (drafts[table] for table in ("jobs", "users") if table in drafts):
        place = draft.columns.get("prefecture_code")
        if place is None or place.source is None or "prefectures" in drafts:
            continue
        profile = next(file.profiles[place.source] for file in draft.sources if place.source in file.profiles)
        known = reference.load_prefectures()
        codes = {str(code) for code in known["prefecture_code"]}
        if len({value.zfill(2) for value in profile.values} & codes) >= 0.5 * len(profile.values):
            continue
        names = {short for name in known["name"] for short in list_names(name)}
        if len({fold_name(value) for value in profile.values} & names) > 0.5 * len(profile.values):
            place.keys["lookup"] = "prefectures"
            continue
        _add_regions(drafts, draft, place.source)


def _drop_other_occupations(users: TableDraft, occupation: ColumnDraft | None, jobs: TableDraft) -> None:
    """Remove preferred occupations that hardly any job has: the occupation of a user may mean the present one."""
    preferred = users.columns.get("preferred_occupations")
    if preferred is None or "lookup" not in preferred.keys or preferred.source is None:
        return
    if occupation is None:
        del users.columns["preferred_occupations"]
        return
    if occupation.source is None:
        return
    known = {value.casefold() for value in _find_values(jobs, occupation.source)}
    wanted = {value.casefold() for value in _find_values(users, preferred.source)}
    if len(wanted & known) < MIN_OVERLAP * len(wanted):
        del users.columns["preferred_occupations"]


def _find_values(draft: TableDraft, source: str) -> frozenset[str]:
    return next(file.profiles[source].values for file in draft.sources if source in file.profiles)


def _add_regions(drafts: dict[str, TableDraft], draft: TableDraft, source: str) -> None:
    file = next(file for file in draft.sources if source in file.profiles)
    columns = {"prefecture_code": ColumnDraft(source), "name": ColumnDraft(_find_label(file, source))}
    regions = TableDraft("prefectures", [file], columns, "prefecture_code", replace=True)
    regions.notes.append("regions of your own; none are neighbours until you import prefecture_adjacency")
    drafts["prefectures"] = regions


def _find_label(file: SourceFile, source: str) -> str:
    """Return the column that names the same things in longer words, such as State.Name for State.Code."""
    first = fold_words(source).split()[:1]
    for name in file.profiles:
        if name != source and fold_words(name).split()[:1] == first:
            pairs = file.frame[[source, name]].dropna().astype(str).drop_duplicates()
            if len(pairs) and pairs[source].is_unique and pairs[name].is_unique:
                return name
    return source


def _move_units(draft: TableDraft) -> None:
    """Let amounts read the unit of pay from its column, because an import converts amounts and their unit together."""
    unit = draft.columns.get("salary_type")
    pay = draft.columns.get("min_salary")
    if unit is None and pay is not None and "per" not in pay.keys:
        pay.notes.append("add the unit of pay, such as per: month")
    if unit is None or "per" not in unit.keys:
        return
    del draft.columns["salary_type"]
    for name in ("min_salary", "max_salary"):
        if name in draft.columns:
            draft.columns[name].keys["per"] = {"from": unit.source}
