"""Checks that every plot must pass."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def assert_readable(figure: Figure) -> None:
    """Check that axes have labels that do not overlap, that pyplot does not know the figure, and that it is drawn."""
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_title(loc="left")
        assert axes.get_ylabel() or [label.get_text() for label in axes.get_yticklabels()]
    assert figure.number is None if hasattr(figure, "number") else True
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert len(file.getvalue()) > 5_000
    names = {axes.get_title(loc="left") for axes in figure.axes}
    assert find_overlaps(text for text in figure.findobj(Text) if text.get_text() in names) == []
    for axes in figure.axes:
        assert find_overlaps(axes.get_xticklabels()) == []


def find_overlaps(texts: Iterable[Text]) -> list[tuple[str, str]]:
    """Return the pairs of horizontal texts of a drawn figure that overlap."""
    drawn = [(text.get_text(), _find_box(text)) for text in texts if text.get_text() and not text.get_rotation()]
    return [(first, second) for (first, a), (second, b) in combinations(drawn, 2) if a.overlaps(b)]


def _find_box(text: Text) -> Bbox:
    """Return the box of a text without the empty lines at its start."""
    box, lines = text.get_window_extent(), text.get_text().split("\n")
    empty = next(number for number, line in enumerate(lines) if line)
    return Bbox.from_extents(box.x0, box.y0, box.x1, box.y1 - box.height * empty / len(lines))


def bar_widths(figure: Figure) -> list[float]:
    """Return the widths of the bars of the first axes."""
    return [bar.get_width() for bar in figure.axes[0].patches]
