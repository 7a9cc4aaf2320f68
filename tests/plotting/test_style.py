"""Plots draw Japanese in the project's fonts and leave matplotlib's own settings unchanged."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from scoring.plotting import FONTS, STYLE, create_figure, create_grid, draw_bars


def test_japanese_characters_are_in_the_fonts() -> None:
    """matplotlib warns about each character that no font contains; warnings are errors here."""
    figure, (axes,) = create_figure(4, 2)
    draw_bars(axes, ["大阪府", "株式会社Tokyo"], [1, 2], ["保育補助", "▲3"])
    axes.set_title("[未経験歓迎×残業なし]")
    axes.set_xlabel("円")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), bbox_inches="tight")
    assert {tuple(text.get_fontfamily()) for text in figure.findobj(Text)} == {tuple(FONTS)}


def test_matplotlib_settings_do_not_change() -> None:
    before = dict(matplotlib.rcParams)
    figure, axes = create_grid(4, 3, 2, 3, share=True)
    assert len(axes) == 6
    assert axes[0].get_shared_x_axes().joined(axes[0], axes[5])
    figure.savefig(io.BytesIO())
    assert dict(matplotlib.rcParams) == before


def test_plots_do_not_depend_on_matplotlib_settings() -> None:
    def drawn() -> np.ndarray:
        figure, (axes,) = create_figure(3, 2)
        axes.plot([1, 2], [3, 4])
        axes.set_xlabel("円")
        target = io.BytesIO()
        figure.savefig(target, format="rgba", dpi=60)
        return np.frombuffer(target.getvalue(), dtype=np.uint8)

    plain = drawn()
    with matplotlib.rc_context({"font.family": ["serif"]}):
        np.testing.assert_array_equal(drawn(), plain)


@pytest.mark.integration
def test_import_does_not_load_pyplot() -> None:
    code = (
        "import importlib, sys\n"
        "for name in ('scoring.plotting', 'scoring.evaluation', 'scoring.tuning'):\n"
        "    importlib.import_module(name)\n"
        "    loaded = {'matplotlib.pyplot', 'matplotlib_fontja'} & sys.modules.keys()\n"
        "    assert not loaded, (name, loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert STYLE["font.family"] == FONTS


def test_axes_have_thousands_separators() -> None:
    figure, (axes, logarithmic, named) = create_figure(9, 3, columns=3)
    axes.plot([0.0, 0.5], [-2_000_000, 150_000])
    logarithmic.plot([1, 100_000], [1, 2])
    logarithmic.set_xscale("log")
    named.barh(["a", "b"], [12_000, 9_000])
    figure.canvas.draw()
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert "−2,000,000" in shown
    assert {"0.0", "0.2", "0.4"} <= {label.get_text() for label in axes.get_xticklabels()}
    assert any("10^" in label.get_text() for label in logarithmic.get_xticklabels())
    assert [label.get_text() for label in named.get_yticklabels()] == ["a", "b"]
    assert "10,000" in [label.get_text() for label in named.get_xticklabels()]


def test_small_numbers_keep_their_digits() -> None:
    figure, (axes,) = create_figure(3, 3)
    axes.plot([0.00012345, 0.00054321], [1_000_000.0, 1_000_001.0])
    figure.canvas.draw()
    assert "0.0002" in [label.get_text() for label in axes.get_xticklabels()]
    assert "1,000,000.2" in [label.get_text() for label in axes.get_yticklabels()]
