"""Checks that every plot must pass."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


def assert_readable(figure: Figure) -> None:
    """Check that axes have labels, that the figure is not registered with pyplot, and that it can be drawn."""
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_title(loc="left")
        assert axes.get_ylabel() or [label.get_text() for label in axes.get_yticklabels()]
    assert figure.number is None if hasattr(figure, "number") else True
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert len(file.getvalue()) > 5_000


def bar_widths(figure: Figure) -> list[float]:
    """Return the widths of the bars of the first axes."""
    return [bar.get_width() for bar in figure.axes[0].patches]
