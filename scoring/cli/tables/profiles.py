"""Tables of saved profiles, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.cli.tables.model_contents import render_model
from scoring.errors import make_printable
from scoring.model.setting_text import format_setting
from scoring.registry import Profile, ProfileDiff

__all__ = ["render_diff", "render_history", "render_list", "render_profile", "render_test_accesses"]


METRICS_SHOWN = 3
"""Number of metrics in the table of looks. The journal contains all of them."""


def render_list(frame: pd.DataFrame, *, is_short: bool = True) -> RenderableType:
    """Return the table of `Registry.list()`. With `is_short`, notes are truncated for a terminal."""
    table = _make_table("profile", "status", "saved (UTC)", "parent", "note")
    for row in frame.to_dict("records"):
        broken = isinstance(row["problem"], str)
        table.add_row(
            Text(f"{row['name']}@{row['version']}", style="bold"),
            Text("in use", style="green") if row["in_use"] else Text(),
            "cannot be read" if broken else f"{row['saved_at']:%Y-%m-%d %H:%M}",
            *(Text(_format_text(row[name], is_short)) for name in ("parent", "note")),
        )
    return table


def render_history(frame: pd.DataFrame, *, is_short: bool = True) -> RenderableType:
    """Return the table of `Registry.list_promotions()`, with the databases if there are several.

    With `is_short`, notes are truncated for a terminal.
    """
    has_databases = frame["database"].nunique(dropna=False) > 1
    databases = ["database"] if has_databases else []
    table = _make_table("time (UTC)", "action", "profile", "status", *databases, "note")
    for row in frame.to_dict("records"):
        table.add_row(
            f"{row['at']:%Y-%m-%d %H:%M}",
            "promoted" if row["action"] == "promote" else "rolled back to",
            Text(f"{row['name']}@{row['version']}", style="bold"),
            Text("in use", style="green") if row["in_use"] else Text(),
            *([_name_database(row["database"])] if has_databases else []),
            Text(_format_text(row["note"], is_short)),
        )
    return table


def _name_database(database: object) -> Text:
    return Text(make_printable(database) if isinstance(database, str) else "not recorded")


def render_test_accesses(frame: pd.DataFrame) -> RenderableType:
    """Return the table of `Registry.list_test_accesses()`, with the first metrics."""
    table = _make_table("time (UTC)", "holdout", "look", "model", "metrics")
    for row in frame.to_dict("records"):
        known = {name: value for name, value in row.items() if name not in frame.columns[:5] and not pd.isna(value)}
        known = dict(list(known.items())[:METRICS_SHOWN])
        table.add_row(
            f"{row['at']:%Y-%m-%d %H:%M}",
            row["holdout"][:8],
            str(row["look"]),
            Text(row["profile"] if isinstance(row["profile"], str) else row["digest"][:8]),
            Text(", ".join(f"{make_printable(str(name))} {value:.4g}" for name, value in known.items())),
        )
    note = "look: its number at this holdout. Warnings also count other holdouts that share many held-out actions."
    return Group(table, Text(note, style="dim"))


def render_profile(profile: Profile, lineage: pd.DataFrame, *, in_use: bool) -> RenderableType:
    """Return all information on one version."""
    about = profile.metadata
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(style="bold", no_wrap=True)
    head.add_column(overflow="fold")
    use = Text(", in use", style="green") if in_use else Text()
    head.add_row("profile", Text.assemble((about.reference, "bold"), use))
    by = "" if about.author is None else f" by {make_printable(about.author)}"
    saved = f"{about.saved_at:%Y-%m-%d %H:%M} UTC{by}; code version {about.code_version}"
    head.add_row("saved", Text(make_printable(saved, 500)))
    if about.note:
        head.add_row("note", Text("\n".join(make_printable(line, 1000) for line in about.note.splitlines())))
    head.add_row("model", Text(make_printable(f"derived from {about.model}; digest {about.digest}", 500)))
    if len(lineage) > 1:
        head.add_row("lineage", Text(" → ".join(_format_ancestor(row) for row in lineage.to_dict("records"))))
    if about.found_on is not None:
        data = f"{about.found_on.fingerprint}, as of {about.found_on.as_of:%Y-%m-%d %H:%M} UTC"
        head.add_row("data", Text(make_printable(data, 500)))
    body: list[RenderableType] = [head, Text()]
    if about.metrics:
        body += [_render_metrics(profile), Text()]
    return Group(*body, render_model(profile.model))


def _format_ancestor(row: Mapping[Any, Any]) -> str:
    if not isinstance(row["name"], str):
        return f"digest {row['digest'][:8]}"
    return make_printable(row["name"] if pd.isna(row["version"]) else f"{row['name']}@{row['version']}")


def _render_metrics(profile: Profile) -> RenderableType:
    table = _make_table("split", "metric", "value", "interval", "n")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in profile.metrics_frame().to_dict("records"):
        interval = "" if math.isnan(row["low"]) else f"{row['low']:.4g} to {row['high']:.4g}"
        n = "" if pd.isna(row["n"]) else f"{row['n']:,}"
        table.add_row(row["split"], Text(make_printable(row["metric"])), f"{row['value']:.4g}", interval, n)
    return table


def render_diff(diff: ProfileDiff) -> RenderableType:
    """Return tables of the differences: weights in the total and in the group, then parameters and rules."""
    head = Text.assemble("From ", (make_printable(diff.a.name), "bold"), " to ", (make_printable(diff.b.name), "bold"))
    if diff.is_same:
        return Group(head, Text("Weights, parameters and rules are equal."))
    body: list[RenderableType] = [head, Text(), _render_weights(diff)]
    settings = diff.settings()
    if len(settings):
        table = _make_table("kind", "name", "from", "to")
        for row in settings.to_dict("records"):
            table.add_row(
                row["what"], Text(make_printable(row["name"])), *(Text(_format_setting(row[side])) for side in "ab")
            )
        body += [Text(), table]
    else:
        body += [Text(), Text("Parameters and rules are equal.")]
    return Group(*body)


def _render_weights(diff: ProfileDiff) -> RenderableType:
    table = _make_table("component", "weight", "new", "change", "in group", "new", "change")
    for column in table.columns[1:]:
        column.justify = "right"
    weights = diff.weights()
    for group in diff.groups().to_dict("records"):
        rows = weights[weights["group"] == group["group"]]
        if len(rows):
            sides = (_format_number(group["a"]), _format_number(group["b"]), _format_change(group["change"]))
            table.add_row(group["group"], *sides, style="bold")
        for row in rows.to_dict("records"):
            flat = (_format_number(row["a"]), _format_number(row["b"]), _format_change(row["change"]))
            inner = (
                _format_number(row["a_in_group"]),
                _format_number(row["b_in_group"]),
                _format_change(row["change_in_group"]),
            )
            table.add_row(Text(f"  {make_printable(row['component'])}"), *flat, *inner)
    return table


def _make_table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _format_number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _format_change(value: float) -> str:
    return "" if abs(value) < 0.0005 else f"{value:+.3f}"


def _format_setting(value: Any) -> str:
    return make_printable(format_setting(value), 500)


def _format_text(value: Any, is_short: bool) -> str:
    """Return a text as one line, or the first 60 characters of its first line; empty for a missing text."""
    lines = value.splitlines() if isinstance(value, str) else []
    if not is_short:
        return make_printable(" ".join(lines), 10_000)
    return make_printable(lines[0] + (" …" if len(lines) > 1 else ""), 60) if lines else ""
