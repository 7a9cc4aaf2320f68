"""Views of the panel, which write a state into widgets."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from scoring.widgets.anywidgets import RankTable
from scoring.widgets.html import measures_html, overlap_html, page, slices_html, waterfall_html
from scoring.widgets.tuning_session import PanelState

__all__ = ["Views"]

_FELL_OUT = 8
_LABEL = {"description_width": "60px"}


class Views:
    """The widgets on the right: measures, a user's list, one job, slices, overlap."""

    def __init__(self, level: float) -> None:
        self._level = level
        self._state: PanelState | None = None
        self.measures, self.fell_out, self.waterfall, self.slices, self.overlap = (_text() for _ in range(5))
        self.ranks = RankTable()
        self.user, self.job = (
            widgets.Text(
                description=name,
                tooltip=told,
                continuous_update=False,
                style=_LABEL,
                layout=widgets.Layout(width="190px", margin="1px 2px"),
            )
            for name, told in (("user", "the id of whose list to show"), ("job", "the id of a job to explain"))
        )
        self.previous, self.following = (
            _step("Previous user", "the one before, of those that measures are of"),
            _step("Next user", "the one after, of those that measures are of"),
        )
        self.metric = widgets.Dropdown(
            description="slices by",
            tooltip="the metric to compare slices by",
            style={"description_width": "70px"},
            options=["…"],
        )
        self.metric.observe(lambda _: self._show_slices(), "value")
        chooser = widgets.HBox(
            [self.user, self.previous, self.following, self.job], layout=widgets.Layout(flex_flow="row wrap")
        )
        self.box = widgets.VBox(
            [
                self.measures,
                widgets.HTML('<div class="lm-scoring"><h3>One user</h3></div>'),
                chooser,
                self.ranks,
                self.fell_out,
                self.waterfall,
                self.metric,
                self.slices,
                self.overlap,
            ]
        )

    @property
    def written(self) -> tuple[Any, ...]:
        """All widgets that `show` writes into."""
        texts = (self.measures, self.fell_out, self.waterfall, self.slices, self.overlap)
        return (*texts, self.ranks, self.user, self.job, self.metric)

    def show(self, state: PanelState) -> None:
        """Show a state. Views of stages that are not done keep their content."""
        self._state = state
        self.measures.value = page(measures_html(state.measures, self._level))
        self.ranks.show(state.users)
        self.ranks.selected = "" if state.request.job_id is None else str(state.request.job_id)
        self.fell_out.value = page(_gone(state))
        if state.request.job_id is None:
            self.waterfall.value = page(
                '<p class="muted">Choose a job in the list, or write its id, to see why it stands where it does.</p>'
            )
        elif state.waterfall is not None:
            self.waterfall.value = page(waterfall_html(state.waterfall))
        self._show_slices()
        if state.comparison is not None:
            self.overlap.value = page(overlap_html(state.comparison, state.exposure))

    def _show_slices(self) -> None:
        if self._state is None or self._state.slices is None:
            return
        metrics = self._state.slices["metric"].unique().tolist()
        if list(self.metric.options) != metrics:
            self.metric.options = metrics
        self.slices.value = page(slices_html(self._state.slices, self.metric.value))


def _gone(state: PanelState) -> str:
    gone = list(state.users.fell_out.items())
    if not gone:
        return ""
    few = ", ".join(f"{job} (was {rank})" for job, rank in gone[:_FELL_OUT])
    more = f" and {len(gone) - _FELL_OUT} more" if len(gone) > _FELL_OUT else ""
    return f'<p class="muted">{len(gone)} jobs fell out of the list: {few}{more}.</p>'


def _text() -> Any:
    return widgets.HTML(layout=widgets.Layout(width="auto", margin="0 2px 6px"))


def _step(name: str, tooltip: str) -> Any:
    return widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width="120px", margin="1px 2px"))
