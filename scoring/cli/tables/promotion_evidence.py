"""The evidence for a promotion, 80 columns wide."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.cli.tables.evaluation import format_interval, format_number, make_table
from scoring.errors import make_printable
from scoring.registry import Evidence
from scoring.registry.evaluation_log import Change, TestAccess
from scoring.registry.promotion_evidence import format_change
from scoring.registry.promotion_evidence_text import describe_result, describe_slices, list_facts

__all__ = ["render_evidence"]


def render_evidence(evidence: Evidence) -> RenderableType:
    """Return the evaluation on test users, the measures and slices that got worse, and the objections."""
    reference = evidence.profile.metadata.reference
    body: list[RenderableType] = [Text(f"Evidence for {reference}", style="bold")]
    access = evidence.access
    if access is not None:
        body += [_render_head(evidence), Text()]
        if access.changes:
            body += [_render_changes(evidence, access), Text(), Text(describe_slices(access))]
        if evidence.list_worse_measures():
            body.append(Text(evidence.describe_worse_measures(), style="red"))
    body += [Text(f"warning: {make_printable(text, 500)}") for text in evidence.warnings]
    body += [Text(f"objection: {make_printable(text, 500)}", style="bold red") for text in evidence.objections]
    return Group(*body)


def _render_head(evidence: Evidence) -> Table:
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(no_wrap=True)
    head.add_column(overflow="fold")
    for label, text in list_facts(evidence):
        head.add_row(label, Text(text))
    return head


def _render_changes(evidence: Evidence, access: TestAccess) -> Table:
    table = make_table("measure", "value", "difference", "interval", "result")
    table.columns[-1].justify = "left"
    for measure, change in access.changes.items():
        table.add_row(
            Text(make_printable(measure)),
            format_number(access.metrics[measure].value),
            format_change(measure, change, evidence.currency),
            "" if change.low is None or change.high is None else format_interval(change.low, change.high),
            _render_result(evidence, measure, change),
        )
    return table


def _render_result(evidence: Evidence, measure: str, change: Change) -> Text:
    kind, text = describe_result(evidence, measure, change)
    return Text(text, style={"better": "green", "worse": "red"}.get(kind, ""))
