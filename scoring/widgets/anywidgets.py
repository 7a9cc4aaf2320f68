"""Widgets that ipywidgets has no like of: a list of jobs to go through with the arrow keys, a line that is read out,
names for sliders.

Their scripts come with the package: no network is needed, in JupyterLab or in Voila.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from scoring.widgets.html.parts import colours_of
from scoring.widgets.user_list import UserList

__all__ = ["NAMED", "Access", "LiveLine", "RankTable"]

_STATIC = Path(__file__).parent / "static"
NAMED = "scoring-named"
"""The class of controls whose tooltip `Access` makes the name that a screen reader says."""


class RankTable(anywidget.AnyWidget):
    """One user's list. `selected` is the id of the chosen job as text, "" for none: a browser's numbers are doubles,
    and an id may be larger than these can tell apart."""

    _esm = _STATIC / "ranks.js"
    _css = _STATIC / "ranks.css"

    rows: traitlets.List = traitlets.List().tag(sync=True)
    components = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode()).tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)

    def show(self, users: UserList) -> None:
        """Another list; what was selected stays selected."""
        self.components = list(users.components)
        self.colours = colours_of(users.groups)
        self.caption = f"The list of user {users.user_id}; arrow keys choose a job"
        self.rows = [
            {
                "rank": job.rank,
                "job_id": str(job.job_id),
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
    """A line of text; `kind` (idle, computing, settled, warning, failed) gives its colour."""

    _esm = _STATIC / "live.js"
    _css = _STATIC / "live.css"

    text = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode("idle").tag(sync=True)


class Access(anywidget.AnyWidget):
    """Shows nothing. Names the controls of the panel that it stands in, and keeps a notebook's shortcuts out of it."""

    _esm = _STATIC / "access.js"
