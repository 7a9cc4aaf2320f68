"""The report as one HTML file: no scripts, no references to other files, the same bytes for the same content."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from scoring.errors import OutputError
from scoring.model_report.page_elements import escape_data, escape_text
from scoring.model_report.page_sections import SECTIONS, render_summary
from scoring.model_report.page_style import STYLE
from scoring.model_report.report_content import ReportContent
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["check_report_file", "render_report_page", "write_report_page"]

_START: Final = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="scoring report">'
)
"""The first bytes of every report, by which an existing one is known."""

_HEADINGS: Final = {"profile": "Profile", "run": "Run", "evaluation": "Evaluation of"}

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""The browser refuses every request and every script of the page."""


def render_report_page(content: ReportContent) -> str:
    """Return the page. The same content gives the same bytes."""
    title = f"Report on {content.kind} {content.name}"
    sections, links = [], ['<li><a href="#summary">Summary</a></li>']
    for anchor, heading, render, is_page in SECTIONS:
        body = render(content)
        if not body:
            continue
        kind = ' class="page"' if is_page else ""
        sections.append(f'<section id="{anchor}"{kind}><h2>{heading}</h2>{body}</section>')
        links.append(f'<li><a href="#{anchor}">{heading}</a></li>')
    return (
        f'{_START}<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape_text(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{_HEADINGS[content.kind]} {escape_data(content.name)}</h1>"
        f'<p class="muted">{_describe_page(content)}</p><p class="status">{_describe_status(content)}</p></header>'
        f"<main>{render_summary(content)}<nav><h2>Contents</h2><ol>{''.join(links)}</ol></nav>"
        f"{''.join(sections)}</main>"
        "<footer><p>Written by <code>scoring report</code>. The page loads nothing and runs no scripts.</p></footer>"
        "</body></html>\n"
    )


def _describe_page(content: ReportContent) -> str:
    baseline = "" if content.baseline is None else f", compared with {escape_data(content.baseline.name)}"
    return f"What a change of the job ranking gains, costs and changes{baseline}. Details follow the summary."


def _describe_status(content: ReportContent) -> str:
    if content.run is not None:
        return "Published; in use" if content.run.is_latest else "Published; another run is in use"
    return "In use" if content.decision.is_in_use else "Not in use"


def check_report_file(path: Path) -> None:
    """Check that a report can be written to a file. A report is replaced, another file is not.

    Raises
    ------
    OutputError: If the file is another file or a folder, or its folder does not exist or cannot be written.
    """
    with wrap_os_errors(path):
        if path.is_dir():
            raise OutputError(
                f"{path} is a folder. Give the name of a file, such as {path / 'report.html'}.", path=str(path)
            )
        if not path.exists():
            return
        with path.open("rb") as file:
            start = file.read(len(_START.encode()))
    if start and start != _START.encode():
        raise OutputError(
            f"{path} exists and is not a report of this command. Give another name, or remove the file.", path=str(path)
        )


def write_report_page(path: Path, content: ReportContent) -> int:
    """Write the page, replacing an earlier report, and return its size in bytes.

    Raises
    ------
    OutputError: If the file cannot be written, or is not a report.
    """
    check_report_file(path)
    page = render_report_page(content).encode()
    with wrap_os_errors(path):
        replace_file(path, page)
    return len(page)
