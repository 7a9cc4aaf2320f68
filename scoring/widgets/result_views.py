"""Views of the panel, which write a state into widgets."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from scoring.errors import pluralize
from scoring.widgets.anywidgets import LiveLine, RankTable
from scoring.widgets.html import (
    render_measures,
    render_notes,
    render_overlap,
    render_page,
    render_slices,
    render_waterfall,
)
from scoring.widgets.html.html_elements import escape_text
from scoring.widgets.panel_computation import PanelState

__all__ = ["Views"]

_MAX_NAMED = 8
_LABEL = {"description_width": "60px"}


class Views:
    """The widgets on the right: measures, a user's list, one job, slices, overlap."""

    def __init__(self, level: float) -> None:
        self._level = level
        self._state: PanelState | None = None
        self.measures, self.notes, self.removed_jobs, self.waterfall, self.slices, self.overlap = (
            _text() for _ in range(6)
        )
        self.ranks, self.message = RankTable(), LiveLine()
        self.user, self.job = (
            widgets.Text(
                description=name,
                tooltip=tooltip,
                continuous_update=False,
                style=_LABEL,
                layout=widgets.Layout(width="190px", margin="1px 2px"),
            )
            for name, tooltip in (("user", "id of the user whose list is shown"), ("job", "id of the job to explain"))
        )
        self.previous, self.next = (
            _step("Previous user", "previous user of the measures"),
            _step("Next user", "next user of the measures"),
        )
        self.metric = widgets.Dropdown(
            description="slices by",
            tooltip="metric of the slice table",
            style={"description_width": "70px"},
            options=["…"],
        )
        self.metric.observe(lambda _: self._show_slices(), "value")
        chooser = widgets.HBox(
            [self.user, self.previous, self.next, self.job], layout=widgets.Layout(flex_flow="row wrap")
        )
        self.box = widgets.VBox(
            [
                self.measures,
                self.notes,
                widgets.HTML('<div class="lm-scoring"><h3>One user</h3></div>'),
                chooser,
                self.message,
                self.ranks,
                self.removed_jobs,
                self.waterfall,
                self.metric,
                self.slices,
                self.overlap,
            ]
        )

    @property
    def written(self) -> tuple[Any, ...]:
        """All widgets that `show` writes into."""
        texts = (self.measures, self.notes, self.removed_jobs, self.waterfall, self.slices, self.overlap)
        return (*texts, self.ranks, self.user, self.job, self.metric)

    def show(self, state: PanelState) -> None:
        """Show a state. Views of stages that are not done keep their content."""
        self._state = state
        self.measures.value = render_page(render_measures(state.measures, self._level, state.n_compared))
        self.notes.value = render_page(render_notes(state.notes))
        self.ranks.show(state.users)
        self.ranks.selected = (
            "" if state.request.job_id is None else state.users.external_ids.name_job(state.request.job_id)
        )
        self.removed_jobs.value = render_page(_render_removed_jobs(state))
        if state.request.job_id is None:
            self.waterfall.value = render_page(
                '<p class="muted">Choose a job in the list, or enter its id, to see why its score changed.</p>'
            )
        elif state.waterfall is not None:
            self.waterfall.value = render_page(render_waterfall(state.waterfall))
        self._show_slices()
        if state.comparison is not None:
            self.overlap.value = render_page(render_overlap(state.comparison, state.exposure))

    def _show_slices(self) -> None:
        if self._state is None or self._state.slices is None:
            return
        metrics = self._state.slices["metric"].unique().tolist()
        if list(self.metric.options) != metrics:
            self.metric.options = metrics
        self.slices.value = render_page(render_slices(self._state.slices, self.metric.value))


def _render_removed_jobs(state: PanelState) -> str:
    removed = list(state.users.removed_jobs.items())
    if not removed:
        return ""
    name = state.users.external_ids.name_job
    few = ", ".join(f"{escape_text(name(job))} (was {rank})" for job, rank in removed[:_MAX_NAMED])
    more = f" and {len(removed) - _MAX_NAMED} more" if len(removed) > _MAX_NAMED else ""
    return f'<p class="muted">{pluralize(len(removed), "job")} no longer in the list: {few}{more}.</p>'


def _text() -> Any:
    return widgets.HTML(layout=widgets.Layout(width="auto", margin="0 2px 6px"))


def _step(name: str, tooltip: str) -> Any:
    return widgets.Button(description=name, tooltip=tooltip, layout=widgets.Layout(width="120px", margin="1px 2px"))
