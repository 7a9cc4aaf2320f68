"""The findings of `scoring check`."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.data_check import DataCheck, Level
from scoring.errors import pluralize

__all__ = ["render_check"]

_STYLES: dict[Level, str] = {"problem": "bold red", "warning": "yellow", "info": ""}


def render_check(found: DataCheck) -> RenderableType:
    """Return one row per finding: problems and warnings first, then information."""
    body: list[RenderableType] = []
    odd = [*found.problems, *found.warnings]
    for number, finding in enumerate(odd):
        line = Text.assemble((finding.level, _STYLES[finding.level]), ": ", (finding.check, "bold"), ": ")
        line.append(f"{finding.text}.")
        body.append(line)
        is_last = number + 1 == len(odd) or odd[number + 1].advice != finding.advice
        if finding.advice and is_last:
            body.append(Text(f"  {finding.advice}"))
    if odd:
        body.append(Text())
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    previous = ""
    for finding in found.findings:
        if finding.level == "info":
            table.add_row("" if finding.check == previous else finding.check, Text(finding.text))
            previous = finding.check
    body += [table, Text()]
    counts = f"{pluralize(len(found.problems), 'problem')}, {pluralize(len(found.warnings), 'warning')}"
    outcome = "A run would be pointless." if found.problems else "The data can be ranked."
    body.append(Text(f"{counts}. {outcome}"))
    return Group(*body)
