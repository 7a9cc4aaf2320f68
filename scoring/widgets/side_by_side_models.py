"""The baseline, the current weights and saved profiles side by side: measures, and the lists of one user."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from scoring.dataset.row_lookup import ExternalIds
from scoring.evaluation.measure_info import find_good_sign
from scoring.model import Inputs
from scoring.ranking import Ranking
from scoring.widgets.job_labels import collect_job_texts

__all__ = ["ModelColumn", "SideBySide"]


@dataclass(frozen=True)
class ModelColumn:
    """One model: its measures, and its list of the user."""

    name: str
    differences: pd.DataFrame | None
    """The frame of `compute_differences` from the baseline; None for the baseline."""
    ranking: Ranking
    """The list of the user, in one row."""


@dataclass(frozen=True)
class SideBySide:
    """Columns of models. The first one is the baseline, the second one the current model."""

    columns: tuple[ModelColumn, ...]
    baseline_means: Mapping[str, float]
    """Measure → value of the baseline."""
    inputs: Inputs
    acted: Mapping[int, str]
    """Job → what the user did after the cut, such as `applied`."""
    external_ids: ExternalIds

    def document(self) -> dict[str, Any]:
        """Return the columns for the page. Kinds: better, worse or changed if significant, otherwise quiet."""
        tables = [_index_rows(one.differences) for one in self.columns]
        measures = []
        for name, mean in self.baseline_means.items():
            rows = [None if table is None else table[name] for table in tables]
            values = [_number(mean if row is None else row["mean"]) for row in rows]
            if any(value is not None for value in values):
                good = find_good_sign(name)
                differences = [None if row is None else _number(row["difference"]) for row in rows]
                kinds = ["quiet" if row is None else _find_kind(row, good) for row in rows]
                measures.append(
                    {"measure": name, "good": good, "values": values, "differences": differences, "kinds": kinds}
                )
        return {
            "columns": [{"name": one.name, "is_baseline": one.differences is None} for one in self.columns],
            "measures": measures,
            "lists": [self._list_jobs(one.ranking) for one in self.columns],
        }

    def _list_jobs(self, ranking: Ranking) -> list[dict[str, Any]]:
        first = self.columns[0].ranking
        places = {int(job): rank for rank, job in enumerate(first.job_id[0, : first.count[0]], start=1)}
        count = int(ranking.count[0])
        texts = collect_job_texts(self.inputs, ranking.job_row[0, :count])
        return [
            {
                "id": self.external_ids.name_job(job),
                **text,
                "score": round(float(score), 3),
                "hit": self.acted.get(job),
                "baseline_rank": places.get(job),
            }
            for job, score, text in zip(
                ranking.job_id[0, :count].tolist(), ranking.scores[0, :count, 0].tolist(), texts, strict=True
            )
        ]


def _index_rows(differences: pd.DataFrame | None) -> dict[str, Mapping[Hashable, Any]] | None:
    """Return measure → its row."""
    return None if differences is None else {str(row["measure"]): row for row in differences.to_dict("records")}


def _find_kind(row: Mapping[Hashable, Any], good: int) -> str:
    gain = good * float(row["difference"])
    if not row["significant"]:
        return "quiet"
    return "better" if gain > 0 else "worse" if gain < 0 else "changed"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
