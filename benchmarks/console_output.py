"""Print a section."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.results import Section

__all__ = ["print_section"]

_STYLES = {"met": "green", "missed": "bold red", "not measured": "yellow"}
_WIDE = 160


def print_section(found: Section) -> None:
    """Print figures with their bars, then the tables."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    console.print()
    console.print(Text.assemble((found.title, "bold"), f"  {found.size}  ({found.seconds:.0f} s to measure)"))
    figures = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "figure", "target", "", ""):
        figures.add_column(name, justify="right" if name == "figure" else "left", overflow="fold")
    for one in found.figures:
        verdict = Text(one.verdict, style=_STYLES.get(one.verdict, ""))
        figures.add_row(one.name, one.shown, one.bar_shown, verdict, Text(one.note, style="dim"))
    console.print(figures)
    for extra in found.tables:
        console.print(Text(extra.title, style="bold"))
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in extra.columns:
            table.add_column(name, overflow="fold")
        for row in extra.rows:
            table.add_row(*row)
        console.print(table)
        for note in extra.notes:
            console.print(Text(f"- {note}", style="dim"))
