"""Tables of an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.columns.dataset_frames import Tables
from scoring.dataset.column_lookup import to_plain_value
from scoring.dataset.reference_names import ReferenceNames
from scoring.errors import make_printable
from scoring.ranking import Explanation, Prepared
from scoring.ranking.explanation_text import format_columns, format_facts, format_value
from scoring.ranking.user_eligibility import UserEligibility

__all__ = ["describe_jobs", "make_records", "render_explanation", "render_pair", "render_user"]


def render_explanation(prepared: Prepared, explanation: Explanation) -> RenderableType:
    """Return the user, the job, the contributions to the score, and whether the job is ranked for the user."""
    verdict = (
        Text("This job is ranked for this user.", style="green")
        if explanation.eligible
        else Text(f"This job is not ranked for this user: {'; '.join(explanation.not_ranked)}.", style="yellow")
    )
    head = render_pair(prepared, explanation.user_id, explanation.job_id)
    unknown = [Text(f"{sentence}.", style="yellow") for sentence in explanation.unknown_values]
    rules = [Text(f"{sentence}.") for sentence in explanation.list_rules]
    if explanation.order_total is not None:
        rules.append(Text(f"Lists are ordered by {explanation.order_total:.2f} for this job. Its total is unchanged."))
    return Group(head, Text(), _make_contributions(explanation), Text(), verdict, *rules, *unknown)


def render_user(prepared: Prepared, eligibility: UserEligibility) -> RenderableType:
    """Return the user, the number of ranked jobs, and the number of jobs that each rule excludes."""
    tables = prepared.dataset.tables
    user = tables.users[tables.users["user_id"] == eligibility.user_id].iloc[0]
    names = _RowDescriptions(tables)
    head = _make_descriptions({_name_row("user", user): names.describe_user(user) + _format_number("user", user)})
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("jobs", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    table.add_row(f"{eligibility.n_ranked:,}", "ranked for this user", style="bold")
    for reason, count in eligibility.excluded.items():
        table.add_row(f"{count:,}", Text(f"not ranked: {make_printable(reason, 200)}"))
    table.add_row(f"{eligibility.n_jobs:,}", "all jobs; a job counts for the first reason that applies")
    return Group(head, Text(), table)


def make_records(explanation: Explanation) -> pd.DataFrame:
    """Return one row per component: user_id · job_id · model · ranked · group · component · value · weight · points ·
    facts (as text). The sum of the points is the total.

    `list_rules` and `order_total` follow if rules of lists concern the job: what each rule does, and the total plus the
    points of rules, by which lists are ordered.

    If the user or the job has an external id, `user_external_id` and `job_external_id` follow. Own columns that
    explanations show are the last columns, such as `job.seniority`.
    """
    frame = explanation.frame()
    pair: dict[str, Any] = {
        "user_id": explanation.user_id,
        "job_id": explanation.job_id,
        "model": explanation.model,
        "ranked": explanation.eligible,
    }
    columns = [*pair, *frame.columns]
    if explanation.list_rules:
        pair |= {"list_rules": "; ".join(explanation.list_rules), "order_total": explanation.order_total}
        columns += ["list_rules", "order_total"]
    for key in ("user_external_id", "job_external_id"):
        if getattr(explanation, key) is not None:
            pair[key] = getattr(explanation, key)
            columns.append(key)
    own = {f"job.{name}": value for name, value in explanation.job_values.items()}
    own |= {f"user.{name}": value for name, value in explanation.user_values.items()}
    pair |= {name: "|".join(value) if isinstance(value, tuple) else value for name, value in own.items()}
    return frame.assign(**pair)[[*columns, *own]]


def render_pair(prepared: Prepared, user_id: int, job_id: int) -> Table:
    """Return the descriptions of a user and a job."""
    tables = prepared.dataset.tables
    user = tables.users[tables.users["user_id"] == user_id].iloc[0]
    job = tables.jobs[tables.jobs["job_id"] == job_id].iloc[0]
    names = _RowDescriptions(tables)
    return _make_descriptions(
        {
            _name_row("user", user): names.describe_user(user) + _format_number("user", user),
            _name_row("job", job): names.describe_job(job) + _format_number("job", job),
        }
    )


def describe_jobs(prepared: Prepared, job_ids: Sequence[int]) -> Table:
    """Return the descriptions of jobs."""
    tables = prepared.dataset.tables
    names = _RowDescriptions(tables)
    ids = tables.jobs["job_id"]
    rows = [tables.jobs[ids == job_id].iloc[0] for job_id in job_ids]
    return _make_descriptions({_name_row("job", row): names.describe_job(row) for row in rows})


def _name_row(kind: str, row: pd.Series) -> str:
    """Return the kind of a row with its external id, or with its number."""
    external_id = row["external_id"]
    return f"{kind} {make_printable(external_id, 40) if isinstance(external_id, str) else row[f'{kind}_id']}"


def _format_number(kind: str, row: pd.Series) -> str:
    """Return the number of a row with an external id, as the end of its description."""
    return f" · {kind}_id {row[f'{kind}_id']}" if isinstance(row["external_id"], str) else ""


def _make_descriptions(text_by_name: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in text_by_name.items():
        table.add_row(Text(name), Text(text))
    return table


def _make_contributions(explanation: Explanation) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("component", no_wrap=True)
    for heading in ("value", "weight", "points"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("facts", overflow="fold")
    for group in dict.fromkeys(part.group for part in explanation.parts):
        parts = [part for part in explanation.parts if part.group == group]
        weight, points = (sum(getattr(part, name) for part in parts) for name in ("weight", "points"))
        value = explanation.groups[group]
        table.add_row(group, f"{value:.2f}", f"{weight:.3f}", f"{points:.2f}", style="bold")
        for part in parts:
            facts = Text(format_facts(part.facts))
            table.add_row(
                Text(f"  {make_printable(part.name)}"),
                f"{part.value:.2f}",
                f"{part.weight:.3f}",
                f"{part.points:.2f}",
                facts,
            )
    weight = sum(part.weight for part in explanation.parts)
    table.add_row("total", f"{explanation.total:.2f}", f"{weight:.3f}", f"{explanation.total:.2f}", style="bold")
    return table


class _RowDescriptions:
    """Users and jobs in one line each, with the names of their codes."""

    def __init__(self, tables: Tables) -> None:
        self._board, self._names = tables.board, ReferenceNames(tables)

    def describe_user(self, row: pd.Series) -> str:
        floor = row["preferred_salary_min"]
        preferred = ", ".join(self._names.format_occupation(code) for code in row["preferred_occupations"])
        details = [
            self._names.format_place(row),
            f"prefers {preferred}" if preferred else "no preferred occupation",
            f"at least {self._board.format_amount(floor)} per hour" if floor > 0 else None,
            row["preferred_work_style"],
            None if row["is_active"] else "inactive",
            *self._describe_own("users", row),
        ]
        return " · ".join(make_printable(text) for text in details if isinstance(text, str))

    def describe_job(self, row: pd.Series) -> str:
        code, salary, fee = row["occupation_code"], row["min_salary"], row["fee"]
        amount = self._board.format_amount
        details = [
            row["title"],
            row["company_name"],
            self._names.format_place(row),
            "unknown occupation" if pd.isna(code) else self._names.format_occupation(code),
            f"{self._board.format_amount(salary)} {format_value(row['salary_type'])}"
            if salary > 0
            else "unknown salary",
            f"fee {amount(fee)}" if fee > 0 else "no fee",
            *self._describe_own("jobs", row),
        ]
        return " · ".join(make_printable(text) for text in details if isinstance(text, str))

    def _describe_own(self, table: str, row: pd.Series) -> list[str]:
        """Return `name value` of the own columns of a row; of users only those with `show`."""
        own = [column.name for column in self._board.get_own(table) if column.show or table == "jobs"]
        return [format_columns({name: to_plain_value(row[name])}) for name in own]
