"""Draw the picture of the data flow: `python docs/_ext/data_flow.py` writes docs/images/data_flow.svg."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

PATH: Final = Path(__file__).parents[1] / "images" / "data_flow.svg"

TEXT: Final = (
    "Data flow in four rows. Sources (files, databases, frames) are validated and become tables and a dataset; "
    "invalid rows go to quarantine. The dataset, its statistics and a model become a plan. The plan is ranked by a "
    "backend into lists, which a gate compares with the published run before they are published. Lists on a holdout "
    "are evaluated, tuning finds weights, and a promoted profile becomes the model of the next run."
)
"""The alternative text."""

WIDTH, HEIGHT = 880, 500
BOX_WIDTH, BOX_HEIGHT = 176, 58


class Box(NamedTuple):
    """A step: column and row of the grid, its name, what it is, and its colour."""

    column: int
    row: int
    name: str
    text: str
    colour: str


DATA, MODEL, RESULT, STUDY = "#dcebf7", "#fdebd0", "#dff2e1", "#efe3f5"

BOXES: Final = {
    "source": Box(0, 0, "Source", "files, databases, frames", DATA),
    "validation": Box(1, 0, "Validation", "rules for each column", DATA),
    "dataset": Box(2, 0, "Dataset", "arrays, clock", DATA),
    "statistics": Box(3, 0, "Statistics", "area means, factors, …", DATA),
    "quarantine": Box(1, 1, "Quarantine", "rejected rows, reasons", DATA),
    "model": Box(2, 1, "Model", "components, weights, rules", MODEL),
    "plan": Box(3, 1, "Plan", "terms, bounds, layout", MODEL),
    "publish": Box(0, 2, "Published run", "Parquet, table results", RESULT),
    "gate": Box(1, 2, "Gate", "limits of changes", RESULT),
    "lists": Box(2, 2, "Lists", "top jobs of each user", RESULT),
    "backend": Box(3, 2, "Backend", "exact top k", RESULT),
    "profile": Box(0, 3, "Promoted profile", "model of the next run", STUDY),
    "tuning": Box(1, 3, "Tuning", "search of weights", STUDY),
    "evaluation": Box(2, 3, "Evaluation", "later actions", STUDY),
}

ARROWS: Final = (
    ("source", "validation"),
    ("validation", "dataset"),
    ("dataset", "statistics"),
    ("validation", "quarantine"),
    ("statistics", "plan"),
    ("model", "plan"),
    ("plan", "backend"),
    ("backend", "lists"),
    ("lists", "gate"),
    ("gate", "publish"),
    ("lists", "evaluation"),
    ("evaluation", "tuning"),
    ("tuning", "profile"),
)


def draw() -> str:
    """Return the picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" text-anchor="middle">',
        f"<title>{escape(TEXT)}</title>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L10 5L0 10z" fill="#444"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    parts += [_draw_arrow(BOXES[start], BOXES[end]) for start, end in ARROWS]
    parts.append(_draw_return())
    for box in BOXES.values():
        x, y = _find_corner(box)
        middle = x + BOX_WIDTH // 2
        parts += [
            f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" fill="{box.colour}" '
            'stroke="#444"/>',
            f'<text x="{middle}" y="{y + 25}" font-size="16" font-weight="bold" fill="#111">{escape(box.name)}</text>',
            f'<text x="{middle}" y="{y + 44}" font-size="12" fill="#333">{escape(box.text)}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _find_corner(box: Box) -> tuple[int, int]:
    return 16 + 224 * box.column, 24 + 116 * box.row


def _draw_arrow(start: Box, end: Box) -> str:
    (x, y), (to_x, to_y) = _find_corner(start), _find_corner(end)
    if start.row == end.row:
        forward = to_x > x
        x1, x2 = (x + BOX_WIDTH, to_x) if forward else (x, to_x + BOX_WIDTH)
        y1 = y2 = y + BOX_HEIGHT // 2
    else:
        x1 = x2 = x + BOX_WIDTH // 2
        y1, y2 = y + BOX_HEIGHT, to_y
    return _draw_line(f"M{x1} {y1}L{x2} {y2}")


def _draw_return() -> str:
    """The promoted profile becomes the model of the next run."""
    x, y = _find_corner(BOXES["profile"])
    to_x, to_y = _find_corner(BOXES["model"])
    below, between = y + BOX_HEIGHT + 22, to_x + BOX_WIDTH + 18
    start = f"M{x + BOX_WIDTH // 2} {y + BOX_HEIGHT}V{below}H{between}V{to_y + BOX_HEIGHT + 28}"
    return _draw_line(f"{start}H{to_x + BOX_WIDTH // 2}V{to_y + BOX_HEIGHT}", "4 4")


def _draw_line(path: str, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{path}" fill="none" stroke="#444" stroke-width="1.5"{dashed} marker-end="url(#tip)"/>'


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(draw(), "utf-8")
