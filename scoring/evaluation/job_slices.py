"""Slices of jobs: metrics of lists that count only the relevant jobs of one group of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from scoring.array_types import Bools, Floats, Longs
from scoring.evaluation.evaluator import Evaluation, Evaluator
from scoring.evaluation.metrics import Metric
from scoring.evaluation.relevance_judgements import rank_relevance
from scoring.evaluation.significance import Resamples
from scoring.evaluation.slices import FEWEST_USERS, group_rows
from scoring.id_index import IdIndex
from scoring.model import Inputs

__all__ = ["JOB_PREFIX", "JobSlicing", "compare_job_slices"]

JOB_PREFIX: Final = "job."
"""What the name of a slicing of jobs begins with."""


@dataclass(frozen=True, repr=False)
class JobSlicing:
    """Assignment of each of m jobs to one or more of a few ordered slices."""

    name: str
    job_id: Longs  # (m,) ascending
    masks: Bools  # (slices, m) whether each job is in each slice
    labels: tuple[str, ...]

    @classmethod
    def by(
        cls,
        inputs: Inputs,
        column: str,
        *,
        n_groups: int = 4,
        most: int = 12,
        labels: Mapping[Any, str] | None = None,
    ) -> Self:
        """Return the slicing of the inputs' jobs by one of their columns, canonical or own, as `slice_by` does.

        Raises
        ------
        ConfigurationError: If the column does not exist or identifies jobs.
        """
        values = inputs.jobs.read_column(column).rename(column)
        groups = group_rows(values, "jobs", n_groups=n_groups, most=most, labels=labels)
        return cls(f"{JOB_PREFIX}{column}", inputs.jobs.job_id, groups.masks, groups.labels)

    @property
    def overlaps(self) -> bool:
        """Whether a job is in several slices."""
        return bool((self.masks.sum(axis=0) > 1).any())

    def __repr__(self) -> str:
        return f"JobSlicing({self.name}: {', '.join(self.labels)}; {len(self.job_id):,} jobs)"


def compare_job_slices(
    evaluator: Evaluator,
    a: Evaluation,
    b: Evaluation,
    slicings: Sequence[JobSlicing],
    resamples: Resamples,
    *,
    level: float = 0.95,
    fewest: int = FEWEST_USERS,
) -> pd.DataFrame:
    """Return the differences between b and a, one row per metric and slice, without marks.

    Columns are those of `compare_slices` up to `p`. A metric of a slice counts only the relevant jobs in it; users
    without such a job are left out.
    """
    rows: list[dict[str, object]] = []
    for slicing in slicings:
        for place, label in enumerate(slicing.labels):
            first, second = (_measure(evaluator, side, slicing, place) for side in (a, b))
            before, after = (np.column_stack(list(side.values())) for side in (first, second))
            everyone = np.ones((1, len(evaluator.user_id)), dtype=bool)
            found = resamples.differences(before, after, everyone, level=level, least=fewest)
            for column, metric in enumerate(first):
                row = {"metric": metric, "slicing": slicing.name, "slice": label}
                names = ("n", "n_left_out", "mean_a", "mean_b", "difference", "low", "high", "p")
                rows.append(row | {name: getattr(found, name)[0, column] for name in names})
    return pd.DataFrame(rows)


def _measure(evaluator: Evaluator, evaluation: Evaluation, slicing: JobSlicing, place: int) -> Mapping[str, Floats]:
    """Return metric → (n,) values that count only the relevant jobs in one slice."""
    relevance = evaluator.holdout.relevance
    row, present = IdIndex(slicing.job_id).find(relevance.job_id)
    kept = present & slicing.masks[place, row]
    part = replace(relevance, user_id=relevance.user_id[kept], job_id=relevance.job_id[kept], gain=relevance.gain[kept])
    ranked = rank_relevance(evaluation.ranking, part, evaluator.k)
    metrics: tuple[Metric, ...] = evaluator.metrics
    return {metric.name: metric.of(ranked) for metric in metrics}
