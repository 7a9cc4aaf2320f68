"""Table of a metric by slices of the users, which shows losses that the overall mean hides."""

from __future__ import annotations

import pandas as pd

from scoring.errors import pluralize
from scoring.evaluation.significance import ACCURATE_FROM
from scoring.widgets.html.html_elements import (
    DOWN,
    INK,
    UP,
    draw_interval,
    escape_text,
    format_number,
    format_signed,
    render_heading,
    render_table,
)

__all__ = ["describe_tested", "render_slices"]

_COLUMNS = (
    ("slice", False), ("users", True), ("baseline", True), ("now", True), ("difference", True), ("interval", False),
    ("", False),
)  # fmt: skip


def render_slices(slices: pd.DataFrame, metric: str | None = None) -> str:
    """Return the table of a frame of `compare_slices` for one metric (None: the first).

    The warning above the table covers all metrics.
    """
    metric = metric or str(slices["metric"].iloc[0])
    of_metric = slices[slices["metric"] == metric]
    tested, small = of_metric[of_metric["tested"]], of_metric[~of_metric["tested"]]
    reach = 1.1 * float(tested[["low", "high"]].abs().max().max()) if len(tested) else 0.0
    caption = f"{metric} by slice"
    shown = (
        render_heading(f"Slices: {metric}")
        + _render_warning(slices)
        + render_table(_COLUMNS, _format_rows(tested, reach), caption)
    )
    if (tested["n"] < ACCURATE_FROM).any():
        shown += f'<p class="muted">~ fewer than {ACCURATE_FROM} users: the interval may be too narrow.</p>'
    if not len(small):
        return shown
    folded = f"{pluralize(len(small), 'slice')} with too few users for a test"
    columns = [column for column in _COLUMNS if column[0] not in ("interval", "")]
    rows = [row[: len(columns)] for row in _format_rows(small, reach)]
    return f"{shown}<details><summary>{folded}</summary>{render_table(columns, rows, folded)}</details>"


def describe_tested(slices: pd.DataFrame) -> str:
    """Return how many slices were tested, of which none is significantly worse, as a sentence."""
    sizes = slices[slices["tested"]].groupby("metric").size()
    if not len(sizes):
        return "No slice has enough users for a test."
    n_slices, n_metrics = pluralize(int(sizes.max()), "slice"), pluralize(len(sizes), "metric")
    return f"{n_slices} tested in {n_metrics}: none is significantly worse."


def _format_rows(slices: pd.DataFrame, reach: float) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for row in slices.to_dict("records"):
        kind = "worse" if row["worse"] else "better" if row["better"] else "muted"
        verdict = "▼ worse" if row["worse"] else "▲ better" if row["better"] else ""
        colour = DOWN if row["worse"] else UP if row["better"] else INK
        rows.append(
            (
                f'<span class="muted">{escape_text(row["slicing"])}:</span> {escape_text(row["slice"])}',
                f"{row['n']:,}{' ~' if row['tested'] and row['n'] < ACCURATE_FROM else ''}",
                format_number(row["mean_a"]),
                format_number(row["mean_b"]),
                f'<span class="{kind}">{format_signed(row["difference"])}</span>',
                draw_interval(row["low"], row["high"], row["difference"], reach, colour),
                f'<span class="{kind}">{verdict}</span>',
            )
        )
    return rows


def _render_warning(slices: pd.DataFrame) -> str:
    worse = slices[slices["worse"]]
    if not len(worse):
        return f'<p class="muted">{describe_tested(slices)}</p>'
    named = [f"{row.slicing} {row.slice} ({row.metric})" for row in worse.itertuples()]
    few = ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")
    return f'<p class="worse">▼ Significantly worse than the baseline: {escape_text(few)}.</p>'
