"""The list of one user as an HTML table without widgets. A stacked bar shows the points of each job."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.widgets.html.html_elements import colours_of, heading, page, table, text_on
from scoring.widgets.user_list import Listed, UserList

__all__ = ["legend_html", "list_html", "list_page"]

_WIDTH = 260


def legend_html(users: UserList) -> str:
    """Return the legend of the component colours."""
    swatches = "".join(
        f'<span class="entry"><span class="swatch" style="background:{colour}"></span>{text_on(name)}</span>'
        for name, colour in zip(users.components, colours_of(users.groups), strict=True)
    )
    return f"<p>{swatches}</p>"


def list_page(users: UserList) -> str:
    """Return the list with its style, for display outside the panel."""
    return page(list_html(users))


def list_html(users: UserList, most: int = 10) -> str:
    """Return the table of the first `most` jobs."""
    colours = colours_of(users.groups)
    rows = [
        (
            str(job.rank),
            text_on(job.movement),
            f"{job.total:.2f}",
            _stack(job, users.components, colours),
            f'{text_on(job.title)} <span class="muted">{text_on(job.company)} {text_on(job.place)}</span>',
        )
        for job in users.jobs[:most]
    ]
    columns = [("rank", True), ("moved", False), ("score", True), ("points of each component", False), ("job", False)]
    return (
        heading(f"User {users.user_id}: the first {len(rows)} of {len(users.jobs)} jobs")
        + legend_html(users)
        + table(columns, rows, f"The list of user {users.user_id}")
    )


def _stack(job: Listed, components: Sequence[str], colours: Sequence[str]) -> str:
    x, parts = 0.0, []
    for name, points, colour in zip(components, job.points, colours, strict=True):
        width = _WIDTH * points / 100
        parts.append(
            f'<rect x="{x:.1f}" y="1" width="{width:.1f}" height="12" fill="{colour}">'
            f"<title>{text_on(name)}: {points:.2f}</title></rect>"
        )
        x += width
    told = f'role="img" aria-label="{job.total:.2f} points"'
    return f'<svg class="stack" width="{_WIDTH}" height="14" {told}>{"".join(parts)}</svg>'
