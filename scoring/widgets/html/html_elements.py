"""Shared parts of the tables: colours for colour-blind users, escaping, small drawings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from scoring.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, VERMILION

__all__ = [
    "DOWN",
    "FAINT",
    "INK",
    "STYLE",
    "UP",
    "assign_colours",
    "draw_interval",
    "escape_text",
    "format_number",
    "format_share",
    "format_signed",
    "render_heading",
    "render_page",
    "render_table",
]  # fmt: skip

INK, FAINT = "currentColor", "var(--scoring-muted)"
UP, DOWN = "var(--scoring-up)", "var(--scoring-down)"
"""Colours of drawings. They are lighter in a dark theme."""

PURPLE, YELLOW = "#CC79A7", "#F0E442"  # the two colours of Okabe and Ito that plots do not use
_BY_GROUP = {
    "base": (BLUE, SKY, "#A6CEE3", "#004A73", "#7FA8C9"),
    "match": (ORANGE, YELLOW, "#8C5E00", "#F6C85F", "#B8860B"),
    "personal": (GREEN, PURPLE, "#00563F", "#7FCBB5", "#7B3F61"),
}
"""Hue distinguishes the groups. Lightness distinguishes the components of a group."""

_MIX = "color-mix(in srgb, var(--jp-content-font-color0, #000) {share}%, var(--jp-layout-color0, #fff))"
"""A mix of the theme's text and background colours. Without a theme they are black and white."""
_DARK = ('[data-jp-theme-light="false"]', ".vscode-dark")

# !important: JupyterLab and nbconvert align all cells of tables to the right, in columns of equal width
STYLE = f"""<style>
.lm-scoring {{ color-scheme: light; color: var(--scoring-ink);
  --scoring-ink: {_MIX.format(share=90)};
  --scoring-muted: {_MIX.format(share=65)}; --scoring-line: {_MIX.format(share=12)};
  --scoring-band: {_MIX.format(share=9)};
  --scoring-up: {BLUE}; --scoring-down: {VERMILION}; --scoring-worse: #9c4400; --scoring-lift: none; }}
{", ".join(f"{dark} .lm-scoring" for dark in _DARK)} {{ color-scheme: dark;
  --scoring-up: {SKY}; --scoring-down: #FF8A3D; --scoring-worse: #FFA566; --scoring-lift: brightness(1.15); }}
.lm-scoring {{ font-family: system-ui, sans-serif; font-size: 13px; line-height: 1.35; }}
.lm-scoring table {{ border-collapse: collapse; margin: 2px 0 6px; font-variant-numeric: tabular-nums; width: 100%;
  table-layout: auto !important; }}
.lm-scoring th, .lm-scoring td {{ padding: 2px 8px 2px 0; text-align: left !important; vertical-align: middle;
  border-bottom: 1px solid var(--scoring-line); background: none; white-space: normal; }}
.lm-scoring th {{ font-weight: 600; }}
.lm-scoring td.n, .lm-scoring th.n {{ text-align: right !important; white-space: nowrap; }}
.lm-scoring .muted {{ color: var(--scoring-muted); }}
.lm-scoring .worse {{ color: var(--scoring-worse); font-weight: 600; }}
.lm-scoring .better {{ color: var(--scoring-up); font-weight: 600; }}
.lm-scoring h3 {{ font-size: 15px; margin: 8px 0 2px; color: inherit; }}
.lm-scoring p {{ margin: 2px 0 4px; }}
.lm-scoring svg {{ display: block; }}
.lm-scoring-three {{ display: flex; flex-wrap: wrap; gap: 0 24px; }}
.lm-scoring-three > div {{ flex: 1 1 240px; min-width: 0; }}
.lm-scoring .entry {{ display: inline-block; white-space: nowrap; margin-right: 12px; }}
.lm-scoring .swatch {{ display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 0; }}
.lm-scoring .swatch, .lm-scoring svg.stack {{ filter: var(--scoring-lift); }}
</style>"""


def assign_colours(groups: Sequence[str]) -> list[str]:
    """Return a colour for each component, by its group and its position in the group."""
    seen: dict[str, int] = {}
    found = []
    for group in groups:
        place = seen[group] = seen.get(group, -1) + 1
        known = _BY_GROUP.get(group, (GREY, BLACK))
        found.append(known[place % len(known)])
    return found


def escape_text(value: object) -> str:
    """Return a value as escaped HTML text."""
    return escape(str(value), quote=True)


def render_page(inside: str) -> str:
    """Return tables with their style, for a widget or the output of a cell."""
    return f'{STYLE}<div class="lm-scoring">{inside}</div>'


def render_heading(title: str, note: str = "") -> str:
    return f"<h3>{escape_text(title)}</h3>" + (f'<p class="muted">{escape_text(note)}</p>' if note else "")


def render_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return an HTML table.

    Parameters
    ----------
    columns: Name of each column, and whether it contains numbers.
    rows: Cells, which are HTML already.
    caption: Accessible name for screen readers.
    """
    kinds = [' class="n"' if numeric else "" for _, numeric in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape_text(name)}</th>' for (name, _), kind in zip(columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<table aria-label="{escape_text(caption)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def format_number(value: float) -> str:
    """Return a number with four significant digits, or – if it is not finite."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def format_share(share: float) -> str:
    """Return a share in percent. 0% and 100% are exact: 99.8% is not rounded to 100%."""
    text = f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}" if text in ("0%", "100%") and share not in (0, 1) else text


def format_signed(value: float) -> str:
    """Return a number with its sign (minus is U+2212), or – if it is not finite."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    text = f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}"
    return text.replace("-", "−")


def draw_interval(low: float, high: float, at: float, reach: float, colour: str, detectable: float = math.nan) -> str:
    """Return a drawing of an interval and the value `at`, on an axis from -reach to reach.

    The grey band contains the differences that are too small to detect with this number of users.
    """
    if not all(map(math.isfinite, (low, high, at))) or not reach > 0:
        return ""
    width, height, half = 150, 16, 75

    def x(value: float) -> float:
        return round(half + (half - 4) * min(max(value / reach, -1.0), 1.0), 1)

    band = ""
    if math.isfinite(detectable):
        wide = x(detectable) - x(-detectable)
        band = f'<rect x="{x(-detectable)}" y="1" width="{wide:.1f}" height="14" fill="var(--scoring-band)"/>'
    label = f"from {format_signed(low)} to {format_signed(high)}"
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{label}">{band}'
        f'<line x1="{half}" y1="0" x2="{half}" y2="16" stroke="{FAINT}"/>'
        f'<line x1="{x(low)}" y1="8" x2="{x(high)}" y2="8" stroke="{colour}" stroke-width="2.5"/>'
        f'<circle cx="{x(at)}" cy="8" r="3.5" fill="{colour}"/></svg>'
    )
