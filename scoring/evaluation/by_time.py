"""Holdout by time: tonight's run of some weeks ago, and what people did afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scoring.dataset import Dataset
from scoring.dataset.arrays import DAY, instants
from scoring.evaluation.action_log import Log
from scoring.evaluation.holdout import APPLICATIONS, Holdout, notes_on, to_find

__all__ = ["by_time"]


def by_time(
    data: Dataset, cut: Any = None, *, days: float = 14.0, gains: Mapping[str, float] = APPLICATIONS
) -> Holdout:
    """What was done in the `days` days after the cut (None: as many before the clock) is held out.

    The data is what was known at the cut: later actions are gone, jobs posted later are not open yet, and whether a
    job is active today is not asked. Candidates are the jobs that were open at the cut. Pairs are left out, and
    counted, whose user had not registered by then or whose job was not open.

    Raises ConfigurationError: a cut that is no time, or after which nothing was done; an unknown kind of action.
    """
    log = Log.of(data, gains)
    tables = data.tables
    known = Dataset(tables, as_of=data.as_of - pd.Timedelta(days=days) if cut is None else cut, set_back=True)
    before = tables.actions["occurred_at"] <= known.as_of
    known = Dataset(tables.with_tables(actions=tables.actions[before]), as_of=known.as_of, set_back=True)
    held = log.take((log.at > known.clock.now) & (log.at <= known.clock.now + int(days * DAY))).pairs()
    registered = instants(known.tables.users["registered_at"])[held.user]
    reasons = {
        "user not registered at the cut": registered > known.clock.now,
        "job not open at the cut": ~known.open_jobs[held.job],
    }
    name = f"{days:g} days from {known.as_of:%Y-%m-%d %H:%M} UTC"
    return Holdout(name, known, *to_find(data, held, reasons, name, gains), notes=notes_on(data))
