"""Text of notes: the lines that follow a result when it is printed or shown."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["format_notes", "format_notes_html", "render_summary"]


def render_summary(summary: str, notes: Iterable[str]) -> str:
    """Return one line of text and the notes as HTML."""
    return f"<p>{escape(summary)}</p>{format_notes_html(notes)}"


def format_notes(notes: Iterable[str]) -> str:
    """Return one line per note, each after a line break. Empty if there are no notes."""
    return "".join(f"\nnote: {note}" for note in notes)


def format_notes_html(notes: Iterable[str]) -> str:
    """Return the notes as an HTML list. Empty if there are no notes."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="scoring-notes">{items}</ul>' if items else ""
