"""Table of the measures over all users, compared with the baseline, with intervals."""

from __future__ import annotations

import math

import pandas as pd

from scoring.errors import pluralize
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

__all__ = ["render_measures"]

_COLUMNS = (
    ("measure", False), ("baseline", True), ("current", True), ("difference", True), ("95 % interval", False),
    ("detectable", True), ("", False),
)  # fmt: skip


def render_measures(measures: pd.DataFrame, level: float = 0.95) -> str:
    """Return the table of a frame of `compute_differences`. Differences that are not significant are grey."""
    rows = []
    for row in measures.to_dict("records"):
        difference, significant = row["difference"], bool(row["significant"])
        up = difference > 0
        colour = INK if not significant else UP if up else DOWN
        verdict = (
            ("▲ higher" if up else "▼ lower") if significant else "no change" if difference == 0 else "not significant"
        )
        kind = ("better" if up else "worse") if significant else "muted"
        ends = [abs(row[end]) for end in ("low", "high", "detectable") if math.isfinite(row[end])]
        drawn = draw_interval(
            row["low"], row["high"], difference, 1.1 * max(ends, default=0.0), colour, row["detectable"]
        )
        rows.append(
            (
                escape_text(row["measure"]),
                format_number(row["baseline"]),
                format_number(row["mean"]),
                f'<span class="{kind}">{format_signed(difference)}</span>',
                drawn or '<span class="muted">–</span>',
                f"±{format_number(row['detectable'])}" if row["detectable"] > 0 else "–",  # 0 if no value differs
                f'<span class="{kind}">{verdict}</span>',
            )
        )
    users = int(measures["n"].max()) if len(measures) else 0
    columns = [(f"{level:.0%} interval" if name == "95 % interval" else name, kind) for name, kind in _COLUMNS]
    note = (
        f"{pluralize(users, 'user')}. Each interval has its own scale around 0. The grey band marks differences that "
        "are too small to detect with this number of users."
    )
    return render_heading("All users", note) + render_table(columns, rows, "Measures compared with the baseline")
