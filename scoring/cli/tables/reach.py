"""The result of a search for weights that list a job, 80 columns wide."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from scoring.cli.tables.evaluation import make_table
from scoring.cli.tables.explanation import describe_jobs, render_pair
from scoring.errors import make_printable
from scoring.plotting import format_number
from scoring.ranking import Prepared
from scoring.tuning import Reach

__all__ = ["describe_step", "render_reach"]

MAX_JOBS = 5
"""Maximum number of competitors in the table."""


def describe_step(stage: str, distance: float | None) -> str:
    """Return a stage of the search with the best result so far as text."""
    return stage if distance is None else f"{stage}; so far, moving {format_number(50 * distance)}% of the weight"


def render_reach(found: Reach, prepared: Prepared) -> RenderableType:
    """Return the user and the job, the answer, the weights before and after, and the competitors that decide."""
    head = render_pair(prepared, found.user_id, found.job_id)
    body: list[RenderableType] = [head, Text(), Text(found.summary(moves=False))]
    if found.distance:
        body += [Text(), _render_weights(found)]
    if len(found.competitors):
        what = "Jobs just behind it" if found.is_possible else "Jobs that are ahead of it"
        n_more = len(found.competitors) - MAX_JOBS
        title = f"\n{what}{f' ({n_more:,} more not shown)' if n_more > 0 else ''}"
        body += [Text(title, style="bold"), describe_jobs(prepared, found.competitors[:MAX_JOBS].tolist())]
    return Group(*body)


def _render_weights(found: Reach) -> RenderableType:
    frame = found.frame()
    changes = found.changes()["component"].tolist()
    frame = frame.set_index("component", drop=False)
    names = [*changes, *(name for name in frame.index if name not in changes)]
    table = make_table("component", "value of the job", "weight", "new", "change")
    for row in frame.loc[names].to_dict("records"):
        change = f"{row['change']:+.4f}" if row["component"] in changes else ""
        style = "green" if row["change"] > 0 else "red"
        table.add_row(
            Text(make_printable(row["component"])),
            f"{row['value']:.2f}",
            f"{row['before']:.4f}",
            f"{row['after']:.4f}",
            Text(change, style=style),
        )
    return table
