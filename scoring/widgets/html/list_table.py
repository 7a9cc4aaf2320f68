"""The list of one user as an HTML table without widgets. A stacked bar shows the points of each job."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.errors import pluralize
from scoring.widgets.html.html_elements import assign_colours, escape_text, render_heading, render_page, render_table
from scoring.widgets.user_list_data import ListedJob, UserList

__all__ = ["render_legend", "render_list", "render_list_page"]

_WIDTH = 260


def render_legend(users: UserList) -> str:
    """Return the legend of the component colours."""
    swatches = "".join(
        f'<span class="entry"><span class="swatch" style="background:{colour}"></span>{escape_text(name)}</span>'
        for name, colour in zip(users.components, assign_colours(users.groups), strict=True)
    )
    return f"<p>{swatches}</p>"


def render_list_page(users: UserList) -> str:
    """Return the list with its style, for display outside the panel."""
    return render_page(render_list(users))


def render_list(users: UserList, most: int = 10) -> str:
    """Return the table of the first `most` jobs."""
    colours = assign_colours(users.groups)
    rows = [
        (
            str(job.rank),
            escape_text(job.movement),
            f"{job.total:.2f}",
            _stack(job, users.components, colours),
            f'{escape_text(job.title)} <span class="muted">{escape_text(job.company)} {escape_text(job.place)}</span>',
        )
        for job in users.jobs[:most]
    ]
    columns = [("rank", True), ("moved", False), ("score", True), ("points by component", False), ("job", False)]
    return (
        render_heading(f"User {users.user}: first {len(rows)} of {pluralize(len(users.jobs), 'job')}")
        + render_legend(users)
        + render_table(columns, rows, f"List of user {users.user}")
    )


def _stack(job: ListedJob, components: Sequence[str], colours: Sequence[str]) -> str:
    x, rectangles = 0.0, []
    for name, points, colour in zip(components, job.points, colours, strict=True):
        width = _WIDTH * points / 100
        rectangles.append(
            f'<rect x="{x:.1f}" y="1" width="{width:.1f}" height="12" fill="{colour}">'
            f"<title>{escape_text(name)}: {points:.2f}</title></rect>"
        )
        x += width
    label = f'role="img" aria-label="{job.total:.2f} points"'
    return f'<svg class="stack" width="{_WIDTH}" height="14" {label}>{"".join(rectangles)}</svg>'
