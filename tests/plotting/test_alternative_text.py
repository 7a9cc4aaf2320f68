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
    assert "cold: pair: 5; list: 2" in text
    assert "warm: pair: 5; list: 2" in text


def test_vertical_bars_and_category_axes_are_described() -> None:
    figure, (axes,) = create_figure(4, 2)
    axes.bar(["a", "b"], [10, 20])
    assert describe_figure(figure) == "Plot. a: 10; b: 20."


def test_lines_have_their_values_or_their_range() -> None:
    figure, (left, right) = create_figure(6, 2, columns=2)
    left.plot([100, 500], [0.5, 0.25], label="1 thread")
    left.axhline(0.3, label="target")
    left.plot([1, 2], [3, 4])  # without a label
    right.plot(range(40), np.linspace(1, 9, 40), label="metric")
    right.plot([0, 1, 2], [5, 6, 7])
    figure.suptitle("Sweep\ntwo panels")
    right.scatter([1, 2], [3, 4], label="trials")
    right.legend()
    assert describe_figure(figure) == (
        "Plot. Sweep; two panels. 1 thread: 100: 0.500; 500: 0.250. target: at 0.300. metric: 40 values from 1 to 9. "
        "0: 5; 1: 6; 2: 7. "
        "trials: 2 points. Legend: metric, trials."
    )


def test_points_beside_names_are_listed_by_name() -> None:
    figure, (left, right) = create_figure(6, 2, columns=2)
    left.plot([0.5, 0.25], [-0.1, 0.9], "o", label="search")
    left.set_yticks([0, 1], ["NDCG@10", "MRR@40"])
    right.barh([0, 1], [3, 4])
    right.set_yticks([0, 1], ["", ""])  # named beside the left panel
    assert describe_figure(figure) == "Plot. search: NDCG@10: 0.500; MRR@40: 0.250. 3; 4."


def test_bars_that_start_elsewhere_have_their_range() -> None:
    figure, (left, right) = create_figure(6, 2, columns=2)
    left.barh([0], [5], left=[20], label="quartiles")
    right.bar([1], [5], bottom=[2])
    assert describe_figure(figure) == "Plot. quartiles: 0: 20 to 25. 1: 2 to 7."


def test_single_points_are_listed_from_top_to_bottom() -> None:
    figure, (axes,) = create_figure(4, 2)
    for row, loss in enumerate([0.5, -0.25]):
        axes.plot(loss, row, "o")
    axes.set_yticks([0, 1], ["fee", "wage"])
    assert describe_figure(figure) == "Plot. wage: -0.250; fee: 0.500."


def test_heat_map_names_its_largest_cells() -> None:
    figure, (axes,) = create_figure(4, 4)
    axes.imshow([[0.1, np.nan], [-0.9, 0.3]])
    axes.set_yticks([0, 1], ["wage", "access"])
    axes.set_xticks([0, 1], ["fee", "popularity"])
    assert describe_figure(figure) == (
        "Plot. 3 cells from -0.900 to 0.300. "
        "Largest: access and fee: -0.900; access and popularity: 0.300; wage and fee: 0.100."
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(value: float) -> None:
    figure, (axes,) = create_figure(4, 2)
    axes.plot([1, 2], [value, 1.0], label="median")
    assert "median: 1: none; 2: 1" in describe_figure(figure)


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
