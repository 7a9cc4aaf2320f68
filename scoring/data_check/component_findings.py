"""Findings about components: those that are the same for nearly every job, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from scoring.columns import ACTION_KINDS
from scoring.data_check.finding import Finding
from scoring.data_check.row_findings import format_share
from scoring.dataset import Dataset
from scoring.model import Part
from scoring.ranking import Prepared

__all__ = ["find_constant_values"]

N_USERS: Final = 50
N_JOBS: Final = 1_000
NEARLY: Final = 0.99
ROUNDING: Final = 1e-9
ADVICE: Final = "The weight of a constant component changes no list. Import what it reads, or give it weight 0."


def find_constant_values(prepared: Prepared) -> Iterator[Finding]:
    """Return a warning for each component that has the same value for 99 % of the open jobs of the users.

    Users and jobs are a sample. Users with actions are preferred, because some components are constant without.
    """
    inputs, rng = prepared.inputs, np.random.default_rng(0)
    jobs = np.flatnonzero(prepared.plan.exclusions.open_to_all)
    users = prepared.active_users
    if len(jobs) < 2 or not len(users):
        return
    jobs = np.sort(rng.permutation(jobs)[:N_JOBS])
    order = np.argsort(-inputs.history.counts[users] + rng.random(len(users)), kind="stable")
    users = np.sort(users[order[:N_USERS]])
    values = prepared.scorer.components(users, jobs)
    found = False
    for part, of_part, weight in zip(prepared.model.parts, values, prepared.model.flat_weights, strict=True):
        shares = _share_of_typical_value(of_part)
        if shares.mean() < NEARLY or not weight:
            continue
        found = True
        value = _find_most_frequent(of_part)
        share = format_share(float(shares.mean()))
        how = "constant" if shares.min() == 1 else "nearly constant"
        yield Finding(
            "constant components",
            "warning",
            f"{part.name} (weight {weight:.1%}) is {how}: {value:g} for {share} of the open jobs. "
            f"{_explain(part, prepared)}",
            ADVICE,
            part.name,
        )
    if not found:
        yield Finding("constant components", "info", f"all {len(values)} components differ between jobs")


def _share_of_typical_value(values: np.ndarray) -> np.ndarray:
    """Return, for each row, the share of values that equal the median of every 16th value.

    If nearly all values of a row are equal, this is the share of the most frequent value. Counting the distinct
    values of each row takes twenty times as long.
    """
    drawn = values[..., ::16]
    middle = drawn.shape[-1] // 2
    typical = np.partition(drawn, middle, axis=-1)[..., middle : middle + 1]
    return (np.abs(values - typical) < ROUNDING).mean(axis=-1)


def _find_most_frequent(values: np.ndarray) -> float:
    distinct, counts = np.unique(values.round(9), return_counts=True)
    return float(distinct[counts.argmax()])


def _explain(part: Part, prepared: Prepared) -> str:
    """Return what the columns and actions that the component reads contain."""
    reads = part.component.reads
    columns: dict[str, list[str]] = {}
    for name in reads:
        if fact := _describe(name, prepared.dataset):
            columns.setdefault(fact, []).append(name)
    if columns:
        facts = (f"{', '.join(names)}: {fact}" for fact, names in columns.items())
        return f"Reason: {'; '.join(facts)}"
    return f"It reads {', '.join(reads)}" if reads else "It does not state what it reads"


def _describe(name: str, data: Dataset) -> str:
    """Return why a column or the actions of a kind cannot distinguish jobs; empty if they can."""
    table, _, column = name.partition(".")
    if table == "actions":
        if column in ACTION_KINDS:
            n_actions = int((data.actions.kind == ACTION_KINDS.index(column)).sum())
            return "" if n_actions else "there are none"
        return "" if len(data.actions) else "there are none"
    if table in ("user_factors", "job_factors") or column not in getattr(data.tables, table):
        return ""
    frame = getattr(data.tables, table)
    rows = frame[data.open_jobs] if table == "jobs" else frame[data.users.active] if table == "users" else frame
    values: pd.Series = rows[column]
    if values.dtype == object:
        values = values.map(lambda value: tuple(value) or None)
    known = values.dropna()
    whose = {"jobs": "open jobs", "users": "active users"}[table]
    if not len(known):
        return f"missing for all {whose}"
    if known.nunique() == 1:
        return f"one value, {known.iloc[0]}"
    return (
        f"{name} is missing for {1 - len(known) / len(values):.0%} of the {whose}"
        if len(known) < len(values) / 2
        else ""
    )
