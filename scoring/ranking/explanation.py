"""Explanation of a score: the value, weight and points of every component, and the facts used."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from scoring.backends import reference
from scoring.model import GROUPS, Inputs, Pair, Part
from scoring.plan import Plan
from scoring.plotting.html_table import render_html_table
from scoring.ranking.component_contract import call_explain, describe_pair, require_equal
from scoring.ranking.explanation_text import format_columns, format_facts
from scoring.validation.unknown_values import REFERENCES, find_unknown_values

__all__ = ["Contribution", "Explanation", "explain", "list_exclusions"]


@dataclass(frozen=True)
class Contribution:
    """One component: `value` (0 to 100) × `weight` (flat) = `points` of the total."""

    name: str
    group: str
    value: float
    weight: float
    weight_in_group: float
    points: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, repr=False)
class Explanation:
    """The contributions of all components to a pair's score. `total` is the sum of points, rounded to float32."""

    user_id: int
    job_id: int
    model: str
    total: float  # float32 value, the canonical total
    groups: Mapping[str, float]  # float32 values
    parts: tuple[Contribution, ...]
    not_ranked: tuple[str, ...]  # reasons why this job is excluded for this user; empty if it is ranked
    unknown_values: tuple[str, ...] = ()  # one sentence per column of the user or job whose value is unknown
    user_external_id: str | None = None
    job_external_id: str | None = None
    job_values: Mapping[str, Any] = field(default_factory=dict)  # own columns of the job; missing ones are None
    user_values: Mapping[str, Any] = field(default_factory=dict)  # own columns of the user with `show: true`
    list_rules: tuple[str, ...] = ()  # what each active rule of lists does to the job, one sentence per rule
    order_total: float | None = None  # total + points of rules, by which lists are ordered; None: no rule concerns it

    @property
    def user(self) -> str:
        """The external id of the user, or the number as text."""
        return str(self.user_id) if self.user_external_id is None else self.user_external_id

    @property
    def job(self) -> str:
        """The external id of the job, or the number as text."""
        return str(self.job_id) if self.job_external_id is None else self.job_external_id

    @property
    def eligible(self) -> bool:
        """Whether the job is ranked for the user."""
        return not self.not_ranked

    def __repr__(self) -> str:
        return f"Explanation(user {self.user}, job {self.job}, {self.model}: {self.total:.2f})"

    def _repr_html_(self) -> str:
        table = render_html_table(self.frame(), dict.fromkeys(("value", "points"), "{:.2f}".format))
        rows = {"job": self.job_values, "user": self.user_values}
        lines = [f"<p>{kind}: {html.escape(format_columns(values))}</p>" for kind, values in rows.items() if values]
        return "".join([*lines, table])

    def frame(self) -> pd.DataFrame:
        """Return one row per component: group, component, value, weight, points, facts (as text)."""
        columns = ("group", "name", "value", "weight", "points")
        rows = [{name: getattr(part, name) for name in columns} for part in self.parts]
        facts = pd.Series([format_facts(part.facts) for part in self.parts], dtype="str")
        frame = pd.DataFrame(rows, columns=list(columns)).rename(columns={"name": "component"}).assign(facts=facts)
        frame.attrs.update({f"{kind}_values": dict(getattr(self, f"{kind}_values")) for kind in ("job", "user")})
        return frame


def explain(plan: Plan, inputs: Inputs, user_row: int, job_row: int) -> Explanation:
    """Return the explanation of a user row and a job row of the plan's inputs.

    Values come from the plan, facts from `Component.explain`.
    """
    users, jobs = np.array([user_row]), np.array([job_row])
    values = reference.compute_component_values(plan.program, users, jobs)[:, 0, 0]
    scores = reference.compute_scores(plan.program, users, jobs)[:, 0, 0]
    pair = Pair(inputs, user_row, job_row)
    model, where = plan.model, describe_pair(inputs, user_row, job_row)
    parts = tuple(
        Contribution(
            name=part.name,
            group=part.group,
            value=float(value),
            weight=float(weight),
            weight_in_group=float(within),
            points=float(weight * value),
            facts=_compute_facts(part, pair, float(value), where),
        )
        for part, value, weight, within in zip(
            model.parts, values, model.flat_weights, model.weights_in_group, strict=True
        )
    )
    rules = plan.list_rules
    effects = () if rules is None else rules.describe(job_row)
    order = plan.order
    return Explanation(
        list_rules=effects,
        order_total=float(scores[0]) + (0.0 if order is None else float(order.points[job_row])) if effects else None,
        user_id=int(plan.user_id[user_row]),
        job_id=int(plan.job_id[job_row]),
        model=model.name,
        total=float(scores[0]),
        groups={group: float(scores[1 + place]) for place, group in enumerate(GROUPS)},
        parts=parts,
        not_ranked=list_exclusions(plan, user_row, job_row),
        unknown_values=_describe_unknown_values(inputs, user_row, job_row),
        user_external_id=_find_text(inputs.users.frame, user_row),
        job_external_id=_find_text(inputs.jobs.frame, job_row),
        job_values={column.name: pair.job[column.name] for column in inputs.board.get_own("jobs")},
        user_values={column.name: pair.user[column.name] for column in inputs.board.get_own("users") if column.show},
    )


def _find_text(frame: pd.DataFrame, row: int) -> str | None:
    """Return the external id of a row; None if it is missing."""
    external_id = frame["external_id"].iloc[row]
    return external_id if isinstance(external_id, str) else None


def _describe_unknown_values(inputs: Inputs, user_row: int, job_row: int) -> tuple[str, ...]:
    """Return a sentence for each value of the two rows that no reference table knows."""
    rows: dict[str, dict[str, pd.Series]] = {"users": {}, "jobs": {}}
    for table, name in REFERENCES:  # to take whole rows of thirty columns takes ten times as long
        frame, row = (inputs.users.frame, user_row) if table == "users" else (inputs.jobs.frame, job_row)
        rows[table][name] = frame[name].iloc[[row]]
    return tuple(map(str, find_unknown_values(rows, dict(inputs.dataset.tables.items()))))


def _compute_facts(part: Part, pair: Pair, value: float, where: str) -> Mapping[str, Any]:
    reason = call_explain(part, pair)
    require_equal(part, reason, value, where)
    return reason.facts


def list_exclusions(plan: Plan, user_row: int, job_row: int) -> tuple[str, ...]:
    """Return the reasons why the job is excluded for the user; empty if it is ranked."""
    reasons = plan.exclusions.find_reasons(np.array([user_row]), np.array([job_row]))
    return tuple(reason for reason, applies in reasons.items() if applies[0])
