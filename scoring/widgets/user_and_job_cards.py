"""Cards of a user and of a job: what the data contains about them, in readable words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.columns import ACTION_KINDS
from scoring.columns.board_definition import Board
from scoring.dataset.column_lookup import to_plain_value
from scoring.dataset.reference_names import ReferenceNames
from scoring.errors import make_printable
from scoring.evaluation import Evaluator
from scoring.ranking import Prepared
from scoring.ranking.explanation_text import format_facts, format_value
from scoring.widgets.job_labels import collect_job_texts

__all__ = ["Card", "make_job_card", "make_user_card"]

_MAX_ACTIONS: Final = 20
"""Number of the newest actions on the card of a user."""
_FLAGS: Final = {
    "has_daily_payment": "daily payment",
    "has_no_experience": "no experience needed",
    "has_student_welcome": "students welcome",
    "has_remote_work": "remote work",
}


@dataclass(frozen=True)
class Section:
    """A table of a card."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Card:
    """Facts about a user or a job, as pairs of a label and a text, and tables."""

    kind: str
    """user or job"""
    row_id: str
    title: str
    facts: Mapping[str, str]
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the card for the page."""
        return {
            "what": self.kind,
            "id": self.row_id,
            "title": self.title,
            "facts": [{"label": label, "value": value} for label, value in self.facts.items()],
            "sections": [
                {"title": one.title, "columns": list(one.columns), "rows": [list(row) for row in one.rows]}
                for one in self.sections
            ],
            "notes": list(self.notes),
        }


def make_user_card(evaluator: Evaluator, user: str | int) -> Card:
    """Return the card of a user: place, wishes, and the actions that were known at the cut.

    Raises
    ------
    UnknownIdError: If the data does not contain the user.
    """
    data = evaluator.holdout.data
    row_number = int(data.user_lookup.find_rows([user])[0])
    row, names, board = data.tables.users.iloc[row_number], ReferenceNames(data.tables), data.board
    user_id = int(data.users.user_id[row_number])
    floor = row["preferred_salary_min"]
    wishes = {
        "occupations": ", ".join(names.format_occupation(code) for code in row["preferred_occupations"]),
        "wage": f"at least {board.format_amount(floor)} per hour" if floor > 0 else "",
        "work style": _get_text(row["preferred_work_style"]),
    }
    actions = data.actions
    place = slice(*np.searchsorted(actions.user, [row_number, row_number + 1]))
    counts = np.bincount(actions.kind[place], minlength=len(ACTION_KINDS)).tolist()
    facts = {
        "user_id": str(user_id),
        "place": names.format_place(row) if isinstance(row["prefecture_code"], str) else "",
        "age group": _get_text(row["age_group"]),
        "registered": _format_day(row["registered_at"]),
        "actions": ", ".join(
            f"{count:,} {kind}{'s' * (count != 1)}" for kind, count in zip(ACTION_KINDS, counts, strict=True) if count
        )
        or "none before the cut",
        **_format_own(board, "users", row),
    }
    if not row["is_active"]:
        facts["state"] = "inactive"
    name = data.external_ids.name_user(user_id)
    return Card(
        kind="user",
        row_id=name,
        title=f"User {name}",
        facts=_drop_empty(facts),
        sections=(
            Section("Wishes", ("wish", "value"), tuple(_drop_empty(wishes).items())),
            Section("History", ("day", "action", "job", "title", "place"), _list_actions(evaluator, place)),
        ),
    )


def make_job_card(prepared: Prepared, user: str | int, job: str | int) -> Card:
    """Return the card of a job: wage, fee and times, and why it has its score for a user.

    Raises
    ------
    UnknownIdError: If the data does not contain the user or the job.
    """
    data = prepared.dataset
    why = prepared.explain(user, job)
    row_number = int(data.job_lookup.find_rows([job])[0])
    row, names, board = data.tables.jobs.iloc[row_number], ReferenceNames(data.tables), data.board
    facts = {
        "job_id": str(why.job_id),
        "company": _get_text(row["company_name"]),
        "place": names.format_place(row) if isinstance(row["prefecture_code"], str) else "",
        "occupation": "" if pd.isna(row["occupation_code"]) else names.format_occupation(row["occupation_code"]),
        "wage": _format_wage(row, board),
        "fee": "" if pd.isna(row["fee"]) else board.format_amount(row["fee"]),
        "posted": _format_day(row["posted_at"]),
        "expires": _format_day(row["expires_at"]),
        "offers": ", ".join(text for column, text in _FLAGS.items() if to_plain_value(row[column]) is True),
        "employment type": _get_code(row["employment_type_code"]),
        "station": _get_text(row["station_name"]),
        **_format_own(board, "jobs", row),
    }
    rows = tuple(
        (part.name, part.group, part.value, part.weight, part.points, format_facts(part.facts)) for part in why.parts
    )
    total = ("total", "", None, sum(part.weight for part in why.parts), why.total, "")
    return Card(
        kind="job",
        row_id=data.external_ids.name_job(why.job_id),
        title=_get_text(row["title"]) or f"Job {data.external_ids.name_job(why.job_id)}",
        facts=_drop_empty(facts),
        sections=(
            Section(
                f"Score for user {make_printable(why.user)}",
                ("component", "group", "value", "weight", "points", "facts"),
                (*rows, total),
            ),
        ),
        notes=(*(f"Not ranked for this user: {reason}." for reason in why.not_ranked), *why.unknown_values),
    )


def _list_actions(evaluator: Evaluator, place: slice) -> tuple[tuple[str, ...], ...]:
    """Return the newest actions of a user as rows, the newest first."""
    data = evaluator.holdout.data
    at, kind, job = (values[place] for values in (data.actions.at, data.actions.kind, data.actions.job))
    newest = np.argsort(-at, kind="stable")[:_MAX_ACTIONS]
    texts = collect_job_texts(evaluator.inputs, job[newest])
    ids = data.jobs.job_id[job[newest]].tolist()
    return tuple(
        (
            f"{pd.Timestamp(moment, unit='us'):%Y-%m-%d}",
            ACTION_KINDS[code],
            data.external_ids.name_job(job_id),
            text["title"],
            text["place"],
        )
        for moment, code, job_id, text in zip(at[newest].tolist(), kind[newest].tolist(), ids, texts, strict=True)
    )


def _format_wage(row: pd.Series, board: Board) -> str:
    low, high = row["min_salary"], row["max_salary"]
    if not low > 0:
        return ""
    amount = f"{low:,.0f} to {board.format_amount(high)}" if high > low else board.format_amount(low)
    return f"{amount} {format_value(to_plain_value(row['salary_type']))}"


def _format_own(board: Board, table: str, row: pd.Series) -> dict[str, str]:
    """Return the own columns of a row. User columns without `show` are omitted."""
    own = [column.name for column in board.get_own(table) if column.show or table == "jobs"]
    return {name.replace("_", " "): make_printable(format_value(to_plain_value(row[name]))) for name in own}


def _format_day(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:%Y-%m-%d}"


def _get_text(value: Any) -> str:
    return make_printable(value) if isinstance(value, str) else ""


def _get_code(value: Any) -> str:
    return "" if pd.isna(value) else str(int(value))


def _drop_empty(facts: Mapping[str, str]) -> dict[str, str]:
    return {label: value for label, value in facts.items() if value}
