"""Write the figures into `benchmarks/README.md`, between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.plots import PLOTS
from benchmarks.results import Section
from benchmarks.sections import SECTIONS

__all__ = ["BEGIN", "END", "sections", "write"]

BEGIN = "<!-- figures: written by `python -m benchmarks`, do not edit -->"
END = "<!-- end of figures -->"


def sections(folder: Path) -> list[Section]:
    """Return all sections with results in this folder, in the order of the page."""
    files = [folder / f"{name}.json" for name in SECTIONS]
    return [Section.read(file) for file in files if file.exists()]


def write(found: Sequence[Section], page: Path, results: Path) -> None:
    """Put the figures between the marks; a page without marks is replaced by the figures."""
    text = page.read_text("utf-8") if page.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [before, BEGIN, "\n\n", "\n".join(_lines(found, page, results)), "\n", END, after]
    page.write_text("".join(parts), "utf-8")


def _lines(found: Sequence[Section], page: Path, results: Path) -> list[str]:
    lines: list[str] = []
    for where, titles in _machines(found).items():
        lines += [f"Measured on {where} ({', '.join(titles)}).", ""]
    lines += ["| what | figure | target | | |", "|---|--:|---|---|---|"]
    for section in found:
        lines.append(f"| **{_cell(section.title)}**<br>{_cell(section.size)} | | | | |")
        for one in section.figures:
            verdict = f"**{one.verdict}**" if one.verdict in ("missed", "not measured") else one.verdict
            cells = (one.name, one.shown, one.bar_shown, verdict, one.note)
            lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    for plot in PLOTS:
        file = results / f"{plot.name}.png"
        if file.exists():
            lines += ["", f"![{plot.title}]({file.relative_to(page.parent).as_posix()})"]
    for section in found:
        for table in section.tables:
            lines += [
                "",
                f"### {table.title}",
                "",
                f"| {' | '.join(table.columns)} |",
                "|---" * len(table.columns) + "|",
            ]
            lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows]
            lines += ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return [*lines, ""]


def _machines(found: Sequence[Section]) -> dict[str, list[str]]:
    """Return the machine in one line → the sections measured on it."""
    groups: dict[str, list[str]] = {}
    for section in found:
        groups.setdefault(machine.format_machine(section.machine), []).append(section.name)
    return groups


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
