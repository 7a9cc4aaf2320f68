"""Descriptions of plots: titles, axes, series and values."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from scoring.plotting import create_figure, describe_figure, draw_bars


def test_bars_are_listed_with_their_names_and_texts() -> None:
    figure, (axes,) = create_figure(4, 2)
    draw_bars(axes, ["load", "rank"], [3.0, 1.0], ["3.0 s", "1.0 s"])
    axes.set_xlabel("seconds")
    axes.set_title("Phases", loc="left")
    assert describe_figure(figure) == "Plot. Phases. Horizontal axis: seconds. load: 3.0 s; rank: 1.0 s."


def test_grouped_bars_have_the_names_of_their_group() -> None:
    figure, (axes,) = create_figure(4, 2)
    for shift, label in ((-0.2, "cold"), (0.2, "warm")):
        axes.barh([shift, 1 + shift], [5, 2], height=0.3, label=label)
    axes.set_yticks([0, 1], ["pair", "list"])
    axes.legend()
    text = describe_figure(figure)
    assert "cold: pair: 5.00; list: 2.00" in text
    assert "warm: pair: 5.00; list: 2.00" in text


def test_vertical_bars_and_category_axes_are_described() -> None:
    figure, (axes,) = create_figure(4, 2)
    axes.bar(["a", "b"], [10, 20])
    assert describe_figure(figure) == "Plot. a: 10.0; b: 20.0."


def test_lines_have_their_values_or_their_range() -> None:
    figure, (left, right) = create_figure(6, 2, columns=2)
    left.plot([100, 500], [0.5, 0.25], label="1 thread")
    left.axhline(0.3, label="target")
    left.plot([1, 2], [3, 4])  # without a label
    right.plot(range(40), np.linspace(1, 9, 40), label="metric")
    right.scatter([1, 2], [3, 4], label="trials")
    right.legend()
    assert describe_figure(figure) == (
        "Plot. 1 thread: 100: 0.500; 500: 0.250. target: at 0.300. metric: 40 values from 1.00 to 9.00. "
        "trials: 2 points. Legend: metric, trials."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(value: float) -> None:
    figure, (axes,) = create_figure(4, 2)
    axes.plot([1, 2], [value, 1.0], label="median")
    assert "median: 1.00: none; 2.00: 1.00" in describe_figure(figure)


class _Image(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tag, self.attributes = tag, dict(attrs)


def test_notebook_output_is_one_image_with_its_description() -> None:
    figure, (axes,) = create_figure(4, 2)
    draw_bars(axes, ['"a" & <b>'], [1.0], ["1"])
    shell = InteractiveShell.instance()
    try:
        with capture_output() as captured:
            data, metadata = shell.display_formatter.format(figure)
        assert (data, metadata) == ({}, {})  # no second image
        (output,) = captured.outputs
        assert set(output.data) == {"text/html", "text/plain"}
        image = _Image()
        image.feed(output.data["text/html"])
        assert image.tag == "img"
        assert image.attributes["alt"] == output.data["text/plain"] == 'Plot. "a" & <b>: 1.'
        assert image.attributes["src"].startswith("data:image/png;base64,iVBOR")
    finally:
        InteractiveShell.clear_instance()
