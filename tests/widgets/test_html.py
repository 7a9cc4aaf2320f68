"""HTML of the panel: its content, and escaping of text from users and data."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from scoring.errors import pluralize
from scoring.widgets.html import render_list, render_measures, render_overlap, render_slices, render_waterfall
from scoring.widgets.html.html_elements import (
    STYLE,
    assign_colours,
    draw_interval,
    format_number,
    format_share,
    format_signed,
)
from scoring.widgets.html.slices_table import describe_tested
from scoring.widgets.panel_computation import Request

EVIL = '<img src=x onerror="alert(1)">&"\''
VOID = {"rect", "line", "circle", "br"}


class Reader(HTMLParser):
    """Collect tags and text, and check that each open tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def state(session, standard):
    user = int(session.user_id[0])
    other = standard.with_weights({"fee": 0.6, "location": 0.2, "history": 0.2})
    return session.compute(Request(other, user, session.compute(Request(other, user)).users.jobs[0].job_id))


def test_measures_table_has_a_row_per_measure(state):
    page = read(render_measures(state.measures))
    assert page.tags.count("tr") == 1 + len(state.measures)
    for row in state.measures.to_dict("records"):
        assert row["measure"] in page.text
        assert format_number(row["mean"]) in page.text
    assert "▼ worse" in page.text


def test_measures_table_names_prices_and_moves(state):
    measures = state.measures.assign(relative=0.05)
    measures.loc[measures["measure"] == "mean fee@40", "relative"] = -0.61
    page = read(render_measures(measures, n_compared=7))
    assert page.text.count("(−61%) !") == page.text.replace("! worse by more than 10%.", "").count(" !") == 1
    assert "! worse" not in read(render_measures(measures.assign(relative=0.0))).text
    assert "has compared 7 settings" in page.text
    assert f"corrected over the {len(measures)} measures but not over moves" in page.text
    # higher concentration and lower coverage are worse
    marked = measures.assign(significant=True, difference=1.0, low=0.5, high=1.5)
    html = render_measures(marked)
    assert html.count('class="worse">▼ worse') == 3  # miscalibration, popularity bias, concentration
    assert html.count('class="better">▲ better') == len(measures) - 4
    assert html.count("◆ higher") == 1  # novelty has no good direction


def test_differences_within_noise_have_no_arrow(state):
    quiet = state.measures.assign(significant=False)
    page = read(render_measures(quiet))
    excludes_0 = (quiet["low"] > 0) | (quiet["high"] < 0)
    assert page.text.count("may be chance") == excludes_0.sum() > 0
    assert page.text.count("not significant") == len(quiet) - excludes_0.sum()
    assert f"among {len(quiet)} exploratory tests this may be due to chance." in page.text
    assert "▲" not in page.text
    assert "▼" not in page.text


def test_slices_table_names_worse_slices(state):
    worse = state.find_worse_slices()
    assert len(worse)
    metric = worse["metric"].iloc[0]
    page = read(render_slices(state.slices, metric))
    assert page.text.count("▼ worse") == (worse["metric"] == metric).sum()
    assert f"{worse['slicing'].iloc[0]} {worse['slice'].iloc[0]} ({metric})" in page.text
    untested = state.slices[(state.slices["metric"] == metric) & ~state.slices["tested"]]
    assert f"{pluralize(len(untested), 'slice')} with too few users for a test" in page.text
    fine = read(render_slices(state.slices.assign(worse=False)))
    assert "none is significantly worse" in fine.text
    n_tested = state.slices["tested"].sum() // state.slices["metric"].nunique()
    assert describe_tested(state.slices).startswith(f"{pluralize(n_tested, 'slice')} tested in 4 metrics")
    assert "No slice" in describe_tested(state.slices.assign(tested=False))


def test_overlap_table_names_largest_gains_and_losses(state):
    page = read(render_overlap(state.comparison, state.exposure))
    assert f"Rank-biased overlap {state.comparison.mean_rbo:.3f}" in page.text
    for frame in state.exposure.values():
        assert frame.loc[frame["change"].idxmax(), "name"] in page.text
        assert frame.loc[frame["change"].idxmin(), "name"] in page.text
    assert "companies" not in read(render_overlap(state.comparison)).text
    still = {"company": state.exposure["company"].assign(change=0)}
    assert "no gains or losses" in read(render_overlap(state.comparison, still)).text


def test_waterfall_table_has_baseline_and_current_total(state):
    page = read(render_waterfall(state.waterfall))
    assert page.tags.count("tr") == 1 + len(state.waterfall.changes) + 2
    assert f"{state.waterfall.total_before:.2f}" in page.text
    assert f"{state.waterfall.total_after:.2f}" in page.text
    moved = [change for change in state.waterfall.changes if change.change]
    assert page.tags.count("rect") == len(moved) + 2


def test_list_table_shows_points_of_every_component(state):
    page = read(render_list(state.users, most=7))
    assert page.tags.count("tr") == 8
    assert page.tags.count("rect") == 7 * len(state.users.components)
    assert state.users.jobs[0].title in page.text


def test_text_from_data_is_escaped(state):
    job = replace(state.users.jobs[0], title=EVIL, company=EVIL, place=EVIL, movement=EVIL)
    users = replace(state.users, jobs=(job,), components=(EVIL, *state.users.components[1:]))
    exposure = {by: frame.assign(name=EVIL) for by, frame in state.exposure.items()}
    changes = tuple(replace(change, component=EVIL) for change in state.waterfall.changes)
    slices = state.slices.assign(slice=EVIL, worse=True)
    pages = [
        render_list(users),
        render_overlap(state.comparison, exposure),
        render_waterfall(replace(state.waterfall, changes=changes)),
        render_slices(slices),
        render_measures(state.measures.assign(measure=EVIL)),
    ]
    for html in pages:
        page = read(html)
        assert "img" not in page.tags
        assert EVIL in page.text


def test_components_of_a_group_have_different_colours():
    groups = ["base"] * 5 + ["match"] * 3 + ["personal"] * 3
    assert len(set(assign_colours(groups))) == len(groups)


def test_numbers_are_formatted_and_nan_is_a_dash():
    assert [format_number(value) for value in (0.12345, 4035.7, float("nan"))] == ["0.1235", "4,036", "–"]
    assert [format_signed(value) for value in (-0.0123, 0.5, 0.0, float("nan"))] == ["−0.0123", "+0.5", "0", "–"]
    assert [format_share(share) for share in (0, 0.004, 0.5, 0.998, 1)] == ["0%", "0.4%", "50%", "99.8%", "100%"]
    assert draw_interval(float("nan"), 1, 0, 1, "#000") == ""
    assert 'x1="75"' in draw_interval(-1, 1, 0, 1, "#000")


def test_text_and_lines_use_colours_of_the_theme(state):
    """Only bars have fixed colours: the components' colours are the same in all themes."""
    shown = [
        render_measures(state.measures),
        render_slices(state.slices),
        render_waterfall(state.waterfall),
        render_overlap(state.comparison, state.exposure),
    ]
    for html in shown:
        assert "#" not in re.sub(r"&#\w+;", "", html)
    for scheme in ("color-scheme: light", "color-scheme: dark"):
        assert scheme in STYLE
    sheets = [STYLE, *shown]
    used = set(re.findall(r"var\((--scoring-[a-z]+)", "".join(sheets)))
    assert used == set(re.findall(r"(--scoring-[a-z]+):", STYLE))
