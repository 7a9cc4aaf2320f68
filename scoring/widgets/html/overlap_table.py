"""Overlap of the lists with the baseline, and the largest gains and losses of places in them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scoring.evaluation import Comparison
from scoring.evaluation.exposure_changes import name_attribute
from scoring.widgets.html.html_elements import (
    DOWN,
    UP,
    escape_text,
    format_share,
    format_signed,
    render_heading,
    render_table,
)

__all__ = ["render_overlap"]

_MOST = 5
"""Number of largest gains, and of largest losses, in a table."""


def render_overlap(comparison: Comparison, exposure: Mapping[str, pd.DataFrame] | None = None) -> str:
    """Return the overlap with a table of gains and losses for each key of `exposure`.

    `exposure` maps the grouping (such as company) to the frame of `Comparison.exposure`. None is not computed yet.
    """
    users = comparison.frame()
    changed, first = format_share(comparison.share_changed), format_share(comparison.share_first_changed)
    note = (
        f"Rank-biased overlap {comparison.mean_rbo:.3f} · {users['new'].mean():.1%} of the listed jobs are new · "
        f"{changed} of the lists changed, {first} have a different first job."
    )
    tables = "".join(
        _render_changes(name_attribute(by, comparison.inputs.board)[1], frame) for by, frame in (exposure or {}).items()
    )
    return render_heading("Overlap, gains and losses", note) + f'<div class="lm-scoring-three">{tables}</div>'


def _render_changes(plural: str, frame: pd.DataFrame) -> str:
    gained = frame[frame["change"] > 0].nlargest(_MOST, "change")
    lost = frame[frame["change"] < 0].nsmallest(_MOST, "change")[::-1]
    shown = pd.concat([gained, lost])
    most = max(float(shown["change"].abs().max()), 1.0) if len(shown) else 1.0
    rows = [
        (
            escape_text(row["name"]),
            f'<span class="{"better" if row["change"] > 0 else "worse"}">{format_signed(row["change"])}</span>',
            _render_bar(row["change"] / most),
            f"{row['places_before']:,} → {row['places_after']:,}",
        )
        for row in shown.to_dict("records")
    ]
    if not rows:
        return f"<p>{plural.capitalize()}: no gains or losses.</p>"
    columns = [(plural, False), ("change", True), ("", False), ("places", True)]
    return "<div>" + render_table(columns, rows, f"{plural} with the largest gains and losses") + "</div>"


def _render_bar(share: float) -> str:
    width = 30 * abs(share)
    x = 30 if share > 0 else 30 - width
    colour = UP if share > 0 else DOWN
    return (
        f'<svg width="60" height="10" aria-hidden="true"><rect x="{x:.1f}" y="1" width="{width:.1f}" height="8" '
        f'fill="{colour}"/><line x1="30" y1="0" x2="30" y2="10" stroke="var(--scoring-muted)"/></svg>'
    )
