"""List of the caveats of the measures."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.evaluation.note_text import format_notes_html
from scoring.widgets.html.html_elements import render_heading

__all__ = ["render_notes"]


def render_notes(notes: Sequence[str]) -> str:
    """Return the notes under a heading. Empty if there are no notes."""
    return render_heading("Notes") + format_notes_html(notes) if notes else ""
