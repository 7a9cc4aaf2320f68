"""Three plots: peers, growth, worst cases, in the style of `scoring.profiling`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import Section, number
from scoring.plotting import BLACK, BLUE, GREY, SKY, VERMILION, create_figure

__all__ = ["PLOTS", "Plot", "draw"]

ENGINE, FULL, EASIER, BAR = VERMILION, BLUE, SKY, BLACK


@dataclass(frozen=True)
class Plot:
    """A plot of one section: its file name, its section, its title, and the function that draws it."""

    name: str
    section: str
    title: str
    draw: Callable[[Section], Any]


def draw(found: Sequence[Section], folder: Path) -> None:
    """Write every plot whose section was measured, as PNG files."""
    by_name = {section.name: section for section in found}
    for plot in PLOTS:
        if plot.section in by_name:
            figure = plot.draw(by_name[plot.section])
            figure.savefig(folder / f"{plot.name}.png", dpi=130, bbox_inches="tight", metadata={"Software": None})


def _peers(section: Section) -> Any:
    """Plot milliseconds per user, the slowest at the top."""
    from matplotlib.patches import Patch

    bars = [("scoring", "the full score", section.details["engine_ms"], ENGINE)]
    bars += [("scoring", what, ms, ENGINE) for what, ms in section.details["engine_on_inner_products_ms"].items()]
    for one in section.details["peers"]:
        what = one["job"]
        bars.append((one["name"], what, one["ms"], FULL if what == "the full score" else EASIER))
    bars.sort(key=lambda bar: bar[2])
    figure, (axes,) = create_figure(9, 0.42 * len(bars) + 1.6)
    values = [bar[2] for bar in bars]
    axes.barh(range(len(bars)), values, color=[bar[3] for bar in bars], height=0.7)
    labels = [name if what == "the full score" else f"{name}\n{what}" for name, what, _, _ in bars]
    axes.set_yticks(range(len(bars)), labels, fontsize=8.5)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 12)
    for place, value in enumerate(values):
        axes.annotate(
            f"{number(value)} ms, {number(value / section.details['engine_ms'])}×", (value, place), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    axes.set_xlabel("milliseconds per user (log scale), and the ratio to scoring on the full score")
    axes.set_title(f"The same lists with other tools\n{section.size}", fontsize=10, loc="left")
    kinds = [
        (ENGINE, "scoring, exact"),
        (FULL, "the full score, lists equal bit for bit"),
        (EASIER, "inner products only: a simpler task"),
    ]
    axes.legend(handles=[Patch(color=colour, label=label) for colour, label in kinds], loc="lower right", fontsize=8.5)
    return figure


def _growth(section: Section) -> Any:
    """Plot seconds over jobs and over users, with the line of proportional growth."""
    figure, (left, right) = create_figure(10, 4.2, 2)
    by_jobs, by_users = section.details["by_jobs"], section.details["by_users"]
    _curve(left, by_jobs, "jobs", 2.2)
    left.set_title(f"{by_jobs[0]['users']:,} users, increasing number of jobs", fontsize=10, loc="left")
    _curve(right, by_users, "users", 10.5)
    right.set_title(f"{by_users[0]['jobs']:,} jobs, increasing number of users", fontsize=10, loc="left")
    return figure


def _curve(axes: Any, points: Sequence[dict[str, Any]], what: str, bar: float) -> None:
    """Plot the measured points, the limit of the bar from the first point, and the line of proportional growth."""
    done = [point for point in points if point["seconds"] is not None]
    axes.set_xlabel(f"{what} (log scale)")
    axes.set_ylabel("seconds for all lists, best of several (log scale)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    if not done:
        axes.annotate("not measured", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return
    x, y = [point[what] for point in done], [point["seconds"] for point in done]
    steady = [y[0] * value / x[0] for value in x]
    allowed = [y[0] * bar**step for step in range(len(x))]
    axes.plot(x, steady, ":", color=GREY, label="proportional to the work")
    axes.plot(x, allowed, "--", color=BAR, label=f"target: {bar:g} × per step")
    axes.plot(x, y, "o-", color=ENGINE, label="measured")
    for at, value in zip(x, y, strict=True):
        axes.annotate(f"{number(value)} s", (at, value), xytext=(5, -13), textcoords="offset points", fontsize=8.5)
    axes.set_ylim(min(y) / 3, max(*y, *allowed, *steady) * 2)
    axes.set_xlim(x[0] / 2, x[-1] * 4)
    axes.legend(fontsize=8.5, loc="upper left")


def _worst(section: Section) -> Any:
    """Plot milliseconds per user on both paths, by case."""
    cases = section.details["cases"][::-1]
    figure, (axes,) = create_figure(9, 0.55 * len(cases) + 1.8)
    places, values = range(len(cases)), []
    for shift, key, colour, label in (
        (0.2, "auto", ENGINE, "selected strategy"),
        (-0.2, "dense", FULL, "dense: every pair"),
    ):
        ms = [1000 * case[key] / case["users"] for case in cases]
        values += ms
        axes.barh([place + shift for place in places], ms, height=0.38, color=colour, label=label)
        for case, place, value in zip(cases, places, ms, strict=True):
            text = number(value) if key == "dense" else f"{number(value)}  ({number(case['ratio'])}×)"
            at = (value, place + shift)
            axes.annotate(text, at, xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, [case["name"] for case in cases], fontsize=8.5)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 4)
    axes.set_xlabel("milliseconds per user (log scale); in brackets: time relative to dense, target ≤ 1.3×")
    axes.set_title(f"Worst cases\n{section.size}", fontsize=10, loc="left")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


PLOTS = (
    Plot("peers", "peers", "Time per user by tool", _peers),
    Plot("growth", "growth", "Growth in jobs and in users", _growth),
    Plot("worst", "worst", "Worst cases, selected strategy and dense", _worst),
)
