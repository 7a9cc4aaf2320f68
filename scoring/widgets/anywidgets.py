"""Widgets that ipywidgets does not have: a job list with arrow keys, a live status line, accessible slider names.

The package contains their scripts, so JupyterLab and Voila do not need the network for them.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from scoring.widgets.html.html_elements import assign_colours
from scoring.widgets.user_list_data import UserList

__all__ = ["NAMED", "Access", "LiveLine", "RankTable"]

_STATIC = Path(__file__).parent / "static"
NAMED = "scoring-named"
"""CSS class of the controls for which `Access` uses the tooltip as accessible name."""


class RankTable(anywidget.AnyWidget):
    """The list of one user. `selected` is the id of the chosen job, or "".

    Ids are text, because a browser's numbers are doubles, which cannot represent all 64-bit ids.
    """

    _esm = _STATIC / "ranks.js"
    _css = _STATIC / "ranks.css"

    rows: traitlets.List = traitlets.List().tag(sync=True)
    components = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode()).tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)

    def show(self, users: UserList) -> None:
        """Show another list. The selection is kept."""
        self.components = list(users.components)
        self.colours = assign_colours(users.groups)
        self.caption = f"List of user {users.user}. Use the arrow keys to choose a job."
        self.rows = [
            {
                "rank": job.rank,
                "job_id": users.external_ids.name_job(job.job_id),
                "movement": job.movement,
                "total": job.total,
                "points": list(job.points),
                "title": job.title,
                "company": job.company,
                "place": job.place,
            }
            for job in users.jobs
        ]


class LiveLine(anywidget.AnyWidget):
    """A line of text. `kind` (idle, computing, settled, warning, failed) sets its colour."""

    _esm = _STATIC / "live.js"
    _css = _STATIC / "live.css"

    text = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode("idle").tag(sync=True)


class Access(anywidget.AnyWidget):
    """An invisible widget that names the controls of its panel for screen readers.

    It also stops key events of the panel, so that they do not trigger notebook shortcuts.
    """

    _esm = _STATIC / "access.js"
