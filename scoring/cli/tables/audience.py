"""The users for whom a job is listed, 80 columns wide."""

from __future__ import annotations

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import make_table
from scoring.cli.tables.explanation import describe_jobs
from scoring.errors import make_printable
from scoring.ranking import Prepared
from scoring.tuning.job_audience_result import Audience

__all__ = ["render_audience"]

MAX_ROWS = 10
"""Maximum number of users per table."""


def render_audience(found: Audience, prepared: Prepared) -> RenderableType:
    """Return the job, a summary, and tables of lists, misses, components and rules that are not empty."""
    body: list[RenderableType] = [describe_jobs(prepared, [found.job_id]), Text(), Text(found.summary())]
    if found.n_listed:
        body += [*_render_title("Lists that contain the job", found.n_listed), _render_listed(found)]
    if len(found.missed):
        body += [*_render_title("Nearest lists without the job", len(found.missed)), _render_misses(found)]
        title = f"\nMean points for the {len(found.missed):,} users without the job"
        body += [Text(title, style="bold"), _render_components(found)]
    if found.rules:
        rules = make_table("rule that excludes the job", "users")
        for row in found.reasons().to_dict("records"):
            rules.add_row(Text(make_printable(row["rule"])), f"{row['users']:,}")
        body += [Text(), rules]
    return Group(*body)


def _render_title(text: str, n: int) -> list[Text]:
    more = f" ({n - MAX_ROWS:,} more not shown)" if n > MAX_ROWS else ""
    return [Text(f"\n{text}{more}", style="bold")]


def _render_listed(found: Audience) -> RenderableType:
    table = make_table("user", "rank", "score", "last score of the list", "margin")
    for row in found.frame().head(MAX_ROWS).to_dict("records"):
        full = not pd.isna(row["kth_score"])
        table.add_row(
            Text(make_printable(found.external_ids.name_user(row["user_id"]), 40)),
            f"{row['rank']:,}",
            f"{row['score']:.2f}",
            *((f"{row['kth_score']:.2f}", f"{row['margin']:.2f}") if full else ("", "")),
        )
    return table


def _render_misses(found: Audience) -> RenderableType:
    table = make_table("user", "rank", "score", "job to beat", "its score", "gap")
    for row in found.misses().head(MAX_ROWS).to_dict("records"):
        table.add_row(
            Text(make_printable(found.external_ids.name_user(row["user_id"]), 40)),
            "" if pd.isna(row["rank"]) else f"{row['rank']:,}",
            f"{row['score']:.2f}",
            Text(make_printable(found.external_ids.name_job(row["to_beat"]), 40)),
            f"{row['score_to_beat']:.2f}",
            f"{row['gap']:.2f}",
        )
    return table


def _render_components(found: Audience) -> RenderableType:
    table = make_table("component", "weight", "this job", "job to beat", "difference")
    for row in found.components().to_dict("records"):
        style = "red" if row["difference"] < 0 else "green"
        table.add_row(
            Text(make_printable(row["component"])),
            f"{row['weight']:.3f}",
            f"{row['points']:.2f}",
            f"{row['points_to_beat']:.2f}",
            Text(f"{row['difference']:+.2f}", style=style),
        )
    return table
