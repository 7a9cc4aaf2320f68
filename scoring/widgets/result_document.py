"""The results of the panel as JSON values: measures, the list of a user, one job, slices and overlap."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from typing import Any

import pandas as pd

from scoring.evaluation import Comparison
from scoring.evaluation.exposure_changes import name_attribute
from scoring.evaluation.measure_info import PRICE_SHARE, find_measure, is_price
from scoring.evaluation.rank_change_waterfall import Waterfall
from scoring.evaluation.significance import ACCURATE_FROM
from scoring.evaluation.significance_marks import explain_mark
from scoring.widgets.html.html_elements import assign_colours, format_share
from scoring.widgets.html.slices_table import describe_tested
from scoring.widgets.panel_computation import PanelState
from scoring.widgets.user_list_data import UserList

__all__ = [
    "explain_unchanged_list",
    "make_list_document",
    "make_measures_document",
    "make_overlap_document",
    "make_slices_document",
    "make_waterfall_document",
]

_MOST_CHANGES = 5
"""Number of largest gains, and of largest losses, in a table."""
_MINUS = re.compile(r"(?<![\w-])-(?=\d)")
"""A minus sign before a number, not a hyphen in an id. The page shows U+2212 everywhere."""
_SAME = 1e-9
"""Points of two jobs that differ by less are the same value of a component."""
_DIGITS = 3
"""Digits of the points of a component, so that the document of a list stays small."""


def make_measures_document(state: PanelState, level: float) -> dict[str, Any]:
    """Return the measures compared with the baseline, and the sentences that explain their marks."""
    measures = state.measures[state.measures["mean"].notna()].to_dict("records")
    currency = state.evaluation.prepared.inputs.board.currency
    n_tests = max((int(row["n_tests"]) for row in measures), default=0)
    return {
        "level": level,
        "n_users": max((int(row["n"]) for row in measures), default=0),
        "n_tests": n_tests,
        "n_compared": state.n_compared,
        "n_trials": state.n_trials,
        "price_share": PRICE_SHARE,
        "rows": [_describe_measure(row, currency) for row in measures],
        "reasons": _collect_reasons(measures),
    }


def _describe_measure(row: dict[Hashable, Any], currency: str) -> dict[str, Any]:
    name, difference = str(row["measure"]), float(row["difference"])
    measure = find_measure(name, currency)
    gain = measure.good_sign * difference
    kind = "better" if gain > 0 else "worse" if gain < 0 else "changed"
    if difference == 0:
        kind, verdict = "same", "no change"
    elif row["significant"]:
        verdict = {"better": "better", "worse": "worse"}.get(kind, "higher" if difference > 0 else "lower")
    else:
        kind, verdict = "quiet", "may be chance" if _find_reason(row) else "not significant"
    return {
        "measure": name,
        "meaning": measure.meaning,
        "unit": measure.unit,
        "good": measure.good_sign,
        "baseline": _number(row["baseline"]),
        "now": _number(row["mean"]),
        "difference": difference,
        "relative": _number(row["relative"]),
        "low": _number(row["low"]),
        "high": _number(row["high"]),
        "detectable": _number(row["detectable"]),
        "kind": kind,
        "verdict": verdict,
        "is_price": bool(is_price(name, row["relative"])),
    }


def _collect_reasons(measures: list[dict[Hashable, Any]]) -> list[str]:
    """Return why marks and intervals disagree, one sentence per reason."""
    names: dict[str, list[str]] = {}
    for row in measures:
        if reason := _find_reason(row):
            names.setdefault(reason, []).append(str(row["measure"]))
    return [f"{', '.join(those)}: {reason}." for reason, those in names.items()]


def _find_reason(row: dict[Hashable, Any]) -> str:
    return explain_mark(bool(row["significant"]), row["low"], row["high"], int(row["n_tests"]))


def explain_unchanged_list(state: PanelState) -> str:
    """Return why the list of the user is that of the baseline, as sentences; "" if it differs or the models are equal.

    A changed weight cannot move a job if its component has the same value for all jobs of the list.
    """
    users, model, baseline = state.users, state.model, state.baseline
    if model == baseline or users.removed_jobs or any(job.movement != "=" for job in users.jobs):
        return ""
    if [part.name for part in model.parts] != [part.name for part in baseline.parts]:
        return ""
    columns = zip(*(job.points for job in users.jobs), strict=True)
    changed = zip(users.components, columns, model.flat_weights, baseline.flat_weights, strict=False)
    constant = [name for name, points, now, before in changed if now != before and max(points) - min(points) < _SAME]
    reason = f" All its jobs have the same value of {', '.join(constant)}." if constant else ""
    return f"This list is the same as with the baseline.{reason} ‹ and › show other users."


def make_list_document(users: UserList, note: str = "") -> dict[str, Any]:
    """Return the list of one user. Ids are text: numbers of a browser cannot represent all 64-bit ids."""
    name = users.external_ids.name_job
    return {
        "user": users.user,
        "components": list(users.components),
        "colours": assign_colours(users.groups),
        "rows": [
            {
                "rank": job.rank,
                "id": name(job.job_id),
                "movement": job.movement,
                "score": round(job.total, _DIGITS),
                "points": [round(points, _DIGITS) for points in job.points],
                "title": job.title,
                "company": job.company,
                "place": job.place,
            }
            for job in users.jobs
        ],
        "note": note,
        "removed": [[name(job), rank] for job, rank in users.removed_jobs.items()],
    }


def make_waterfall_document(why: Waterfall) -> dict[str, Any]:
    """Return the change of the score of one job, the component with the largest change first."""
    return {
        "job": why.job,
        "summary": _MINUS.sub("−", why.describe_change()),
        "moved": [{"text": text, "jobs": list(jobs), "more": more} for text, jobs, more in why.list_moved_jobs()],
        "before": why.total_before,
        "after": why.total_after,
        "rows": [
            {
                "component": one.component,
                "values": [_number(one.value_before), _number(one.value_after)],
                "weights": [one.weight_before, one.weight_after],
                "points": [one.points_before, one.points_after],
                "change": one.change,
            }
            for one in sorted(why.changes, key=lambda one: -abs(one.change))
        ],
    }


def make_slices_document(slices: pd.DataFrame) -> dict[str, Any]:
    """Return the slices by metric, and a sentence about those that are significantly worse."""
    worse = slices[slices["worse"]]
    named = [f"{row.slicing} {row.slice} ({row.metric})" for row in worse.itertuples()]
    more = f" and {len(named) - 6} more" if len(named) > 6 else ""
    if named:
        warning = f"Significantly worse than the baseline: {', '.join(named[:6])}{more}."
    else:
        warning = describe_tested(slices)
    return {
        "warning": warning,
        "is_worse": bool(named),
        "accurate_from": ACCURATE_FROM,
        "metrics": {
            str(metric): [
                {
                    "slicing": str(row["slicing"]),
                    "slice": str(row["slice"]),
                    "n": int(row["n"]),
                    "baseline": _number(row["mean_a"]),
                    "now": _number(row["mean_b"]),
                    "difference": _number(row["difference"]),
                    "low": _number(row["low"]),
                    "high": _number(row["high"]),
                    "is_tested": bool(row["tested"]),
                    "kind": "worse" if row["worse"] else "better" if row["better"] else "quiet",
                }
                for row in part.to_dict("records")
            ]
            for metric, part in slices.groupby("metric", sort=False)
        },
    }


def make_overlap_document(state: PanelState) -> dict[str, Any] | None:
    """Return the overlap of the lists with the baseline, and the largest gains and losses of places."""
    comparison = state.comparison
    if comparison is None:
        return None
    users = comparison.frame()
    changed, first = format_share(comparison.share_changed), format_share(comparison.share_first_changed)
    return {
        "text": f"Rank-biased overlap {comparison.mean_rbo:.3f} · {users['new'].mean():.1%} of the listed jobs are "
        f"new · {changed} of the lists changed, {first} have a different first job.",
        "tables": [_describe_changes(comparison, by, frame) for by, frame in (state.exposure or {}).items()],
    }


def _describe_changes(comparison: Comparison, by: str, frame: pd.DataFrame) -> dict[str, Any]:
    gained = frame[frame["change"] > 0].nlargest(_MOST_CHANGES, "change")
    lost = frame[frame["change"] < 0].nsmallest(_MOST_CHANGES, "change")[::-1]
    return {
        "title": name_attribute(by, comparison.inputs.board)[1],
        "rows": [
            {
                "name": str(row["name"]),
                "change": int(row["change"]),
                "before": int(row["places_before"]),
                "after": int(row["places_after"]),
            }
            for row in pd.concat([gained, lost]).to_dict("records")
        ],
    }


def _number(value: Any) -> float | None:
    """Return a finite number, or None: JSON has neither NaN nor infinity."""
    return float(value) if value is not None and math.isfinite(value) else None
