"""The evidence for a promotion, 80 columns wide."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.cli.tables.evaluation import format_interval, format_number, make_table
from scoring.errors import make_printable, pluralize
from scoring.registry import Evidence
from scoring.registry.look_log import Change, TestAccess
from scoring.registry.promotion_evidence import format_change

__all__ = ["render_evidence"]


def render_evidence(evidence: Evidence) -> RenderableType:
    """Return the evaluation on test users, the measures and slices that got worse, and the objections."""
    reference = evidence.profile.metadata.reference
    body: list[RenderableType] = [Text(f"Evidence for {reference}", style="bold")]
    access = evidence.access
    if access is not None:
        body += [_render_head(evidence, access), Text()]
        if access.changes:
            body += [_render_changes(evidence, access), Text(), Text(_describe_slices(access))]
        if evidence.list_worse_measures():
            body.append(Text(evidence.describe_worse_measures(), style="red"))
    body += [Text(f"warning: {make_printable(text, 500)}") for text in evidence.warnings]
    body += [Text(f"objection: {make_printable(text, 500)}", style="bold red") for text in evidence.objections]
    return Group(*body)


def _render_head(evidence: Evidence, access: TestAccess) -> Table:
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(no_wrap=True)
    head.add_column(overflow="fold")
    users = "an unknown number of users" if access.n_users is None else pluralize(access.n_users, "user")
    split = "test users" if access.split == "test" else "users of all splits"
    head.add_row("evaluated", f"{access.at:%Y-%m-%d %H:%M} UTC on {users} ({split})")
    head.add_row("looks", f"{pluralize(evidence.n_looks, 'look')} at these users, including this one")
    if access.n_fitted_users is not None:
        head.add_row("overlap", f"{pluralize(access.n_fitted_users, 'user')} of its fit or selection among them")
    if access.held_out is not None:
        head.add_row("held out", Text(make_printable(access.held_out)))
    if access.n_cuts is not None:
        head.add_row("cuts", f"{access.n_cuts:,}; differences are over all cuts")
    if access.baseline is not None:
        head.add_row("baseline", Text(make_printable(access.baseline)))
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
    role = ", goal" if measure in evidence.goals else ", guard" if measure in evidence.guards else ""
    if not change.has_test:
        return Text(f"no test{role}")
    if not evidence.is_significant(measure):
        return Text(f"may be chance{role}")
    words = {True: ("better", "green"), False: ("worse", "red"), None: ("changed", "")}
    word, style = words[change.is_good]
    return Text(f"{word}{role}", style=style)


def _describe_slices(access: TestAccess) -> str:
    if access.worse_slices is None:
        return "Slices were not compared. `scoring evaluate` without --cuts compares them."
    tested = ""
    if access.n_slices is not None and access.n_tested_slices is not None:
        tested = f" {access.n_tested_slices:,} of {pluralize(access.n_slices, 'slice')} have enough users for a test."
    if not access.worse_slices:
        return f"No slice is significantly worse.{tested}"
    first = ", ".join(make_printable(text) for text in access.worse_slices[:5])
    more = len(access.worse_slices) - 5
    return f"Significantly worse slices: {first}{f' and {more:,} more' if more > 0 else ''}.{tested}"
