"""Holdout by time: rank on the data of a past date, evaluate on the actions after it."""

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
    """Return a holdout of the actions in the `days` days after the cut.

    The data is what was known at the cut. Later actions are removed, jobs posted later are not open yet, and the
    current active flag of a job is ignored. Candidates are the jobs that were open at the cut. Pairs are left out,
    and counted, if the user was not registered or the job was not open at the cut.

    Parameters
    ----------
    data: The dataset to split.
    cut: Timestamp of the split; None: `days` days before the dataset's clock.
    days: Length of the held-out period.
    gains: Kind of action → gain of a job with such an action. Other kinds are not evaluated.

    Raises
    ------
    ConfigurationError: If the cut is not a timestamp, no pair is held out, or a kind or gain is invalid.
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
