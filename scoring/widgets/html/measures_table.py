"""Table of the measures over all users, compared with the baseline, with intervals."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from scoring.errors import pluralize
from scoring.evaluation.measure_info import PRICE_SHARE, find_measure, is_price
from scoring.evaluation.significance_marks import explain_mark
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
    ("measure", False), ("baseline", True), ("now", True), ("difference", True), ("95% interval", False),
    ("detectable", True), ("", False),
)  # fmt: skip


def render_measures(measures: pd.DataFrame, level: float = 0.95, n_compared: int = 0) -> str:
    """Return the table of a frame of `compute_differences`. `n_compared` is the number of models compared so far.

    Differences without a mark are grey. Colours show whether the direction is good.
    """
    rows = [_render_row(row) for row in measures[measures["mean"].notna()].to_dict("records")]
    users = int(measures["n"].max()) if len(measures) else 0
    n_tests = int(measures["n_tests"].max()) if len(measures) else 0
    columns = [(f"{level:.0%} interval" if name == "95% interval" else name, kind) for name, kind in _COLUMNS]
    note = (
        f"{pluralize(users, 'user')}. ↑ higher is better, ↓ lower is better. Each interval has its own scale around 0. "
        "The grey band marks differences that are too small to get a mark with this number of users."
    )
    if any(is_price(str(row["measure"]), row["relative"]) for row in measures.to_dict("records")):
        note += f" ! worse by more than {PRICE_SHARE:.0%}."
    marks = (
        f"Marks are exploratory, corrected over the {n_tests} measures but not over moves. This session has compared "
        f"{pluralize(n_compared, 'setting')}; with many, some marks are chance. Confirm tests the current weights on "
        "other users."
    )
    return (
        render_heading("All users", note)
        + f'<p class="muted scoring-moves">{escape_text(marks)}</p>'
        + render_table(columns, rows, "Measures compared with the baseline")
        + _render_reasons(measures)
    )


def _render_reasons(measures: pd.DataFrame) -> str:
    """Return why marks and intervals disagree, one paragraph per reason."""
    names: dict[str, list[str]] = {}
    for row in measures.to_dict("records"):
        if reason := _format_reason(row):
            names.setdefault(reason, []).append(str(row["measure"]))
    return "".join(
        f'<p class="muted">{escape_text(", ".join(those))}: {escape_text(reason)}.</p>'
        for reason, those in names.items()
    )


def _render_row(row: dict[Hashable, Any]) -> tuple[str, ...]:
    name, difference, is_significant = str(row["measure"]), row["difference"], bool(row["significant"])
    measure = find_measure(name)
    gain = measure.good_sign * difference
    kind = "muted" if not is_significant else "better" if gain > 0 else "worse" if gain < 0 else ""
    colour = INK if not is_significant else {"better": UP, "worse": DOWN}.get(kind, INK)
    ends = [abs(row[end]) for end in ("low", "high", "detectable") if math.isfinite(row[end])]
    drawn = draw_interval(row["low"], row["high"], difference, 1.1 * max(ends, default=0.0), colour, row["detectable"])
    share = f" ({100 * row['relative']:+.0f}%)".replace("-", "−") if math.isfinite(row["relative"]) else ""
    is_large_loss = is_price(name, row["relative"])
    arrow = {1: " ↑", -1: " ↓", 0: ""}[measure.good_sign]
    return (
        f'<span title="{escape_text(measure.meaning)}">{escape_text(name)}{arrow}</span>',
        format_number(row["baseline"]),
        format_number(row["mean"]),
        f'<span class="{"worse" if is_large_loss else kind}">{format_signed(difference)}'
        f"{share if difference else ''}{' !' if is_large_loss else ''}</span>",
        drawn or '<span class="muted">–</span>',
        f"±{format_number(row['detectable'])}" if row["detectable"] > 0 else "–",  # 0 if no value differs
        f'<span class="{kind}">{_format_verdict(row)}</span>',
    )


def _format_verdict(row: dict[Hashable, Any]) -> str:
    if row["significant"]:
        gain = find_measure(str(row["measure"])).good_sign * row["difference"]
        if not gain:
            return "◆ higher" if row["difference"] > 0 else "◆ lower"
        return "▲ better" if gain > 0 else "▼ worse"
    if row["difference"] == 0:
        return "no change"
    return "may be chance" if _format_reason(row) else "not significant"


def _format_reason(row: dict[Hashable, Any]) -> str:
    return explain_mark(bool(row["significant"]), row["low"], row["high"], int(row["n_tests"]))
