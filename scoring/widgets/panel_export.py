"""Files of a panel for readers without it: the lists as CSV, the weights as a model file, and the report as a page."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.array_types import Floats
from scoring.errors import ConfigurationError
from scoring.evaluation.scoreboard import Scoreboard
from scoring.model import ScoringModel, dump_model
from scoring.model_report import collect_evaluation_content
from scoring.model_report.list_changes import ListChanges
from scoring.model_report.report_page import render_report_page
from scoring.registry import Registry
from scoring.widgets.job_labels import collect_job_texts
from scoring.widgets.panel_computation import PanelState, TuningSession
from scoring.widgets.session_draft_store import find_state_folder

__all__ = ["ExportFile", "export_lists", "export_page", "export_weights"]

_BYTE_ORDER_MARK: Final = "\ufeff"
"""Spreadsheets read a file that starts with it as UTF-8."""
_NOW: Final = "the model of the panel"
_BASELINE: Final = "the baseline of the panel"
"""Names in the report of weights that are not saved."""
_DIGITS: Final = 6
"""Decimals of the points of a component in a file."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""First characters with which a spreadsheet reads a text as a formula."""


@dataclass(frozen=True)
class ExportFile:
    """A file that the browser stores."""

    name: str
    kind: str
    """The media type."""
    text: str

    def document(self) -> dict[str, Any]:
        """Return the file for the page."""
        return {"name": self.name, "type": self.kind, "text": self.text}


def export_weights(model: ScoringModel, reference: str | None = None) -> ExportFile:
    """Return the model as a model file, which `--model` and `scoring profiles save` read.

    `reference` is the name under which these weights are known, such as `balanced@1`; None: they are not saved.
    """
    named = model
    if reference is None:
        text = f"{model.name} with changes made in the tuning panel, not saved as a profile."
        named = replace(model, name=f"{model.name}, changed", description=text)
    elif reference != model.name:
        named = replace(model, name=reference, description=f"Profile {reference}, saved in the tuning panel.")
    return ExportFile(f"{_make_stem(named.name)}.yaml", "application/yaml", dump_model(named))


def export_lists(state: PanelState, reference: str | None = None) -> ExportFile:
    """Return the lists of the users of the measures as CSV, one row per user and rank. `reference` as `export_weights`.

    Columns: user_id · user_external_id · job_id · job_external_id (if the data has them) · rank · score · title ·
    company · place · points_COMPONENT, one per component. The sum of the points is the score. A text that a
    spreadsheet would run as a formula starts with an apostrophe.
    """
    ranking, inputs = state.evaluation.ranking, state.evaluation.prepared.inputs
    frame = ranking.frame()
    frame = frame[[name for name in frame.columns if name.endswith("_id")] + ["rank", "total_score"]]
    rows = ranking.job_row[ranking.job_row >= 0]
    texts = pd.DataFrame(collect_job_texts(inputs, rows), index=frame.index)
    points = pd.DataFrame(
        _compute_points(state).round(_DIGITS),
        columns=[f"points_{part.name}" for part in state.model.parts],
        index=frame.index,
    )
    table = pd.concat([frame.rename(columns={"total_score": "score"}), texts, points], axis=1)
    for name in table.columns[table.dtypes == "str"]:
        is_formula = table[name].str.startswith(_FORMULA, na=False)
        table[name] = table[name].where(~is_formula, "'" + table[name])
    content = _BYTE_ORDER_MARK + table.to_csv(index=False, lineterminator="\r\n")
    return ExportFile(f"lists of {_make_stem(_name_weights(state.model, reference))}.csv", "text/csv", content)


def _compute_points(state: PanelState) -> Floats:
    """Return (n, components) the points of each listed job, in the order of the ranking's frame."""
    prepared, ranking = state.evaluation.prepared, state.evaluation.ranking
    user_rows = prepared.user_rows(ranking.user_id)
    values = [
        prepared.scorer.components(user_rows[place : place + 1], ranking.job_row[place, :count])[:, 0, :].T
        for place, count in enumerate(ranking.count.tolist())
    ]
    return np.concatenate(values) * prepared.model.flat_weights


def export_page(
    state: PanelState,
    session: TuningSession,
    registry: Registry | None = None,
    *,
    reference: str | None = None,
    baseline: str | None = None,
) -> ExportFile:
    """Return the page of `scoring report` about the current weights, compared with the baseline. It takes about 1 s.

    The page states that the users are those that the weights were tuned on. It can be called on any thread.
    `reference` and `baseline` are the names of the weights and of their baseline, as for `export_weights`.

    Raises
    ------
    ConfigurationError: If not all stages of the state are computed, or the model is the baseline.
    """
    if state.comparison is None or state.slices is None:
        raise ConfigurationError(
            "The results are not complete. Wait until the panel has computed them.", key=("state",)
        )
    if state.model == state.baseline:
        raise ConfigurationError("These weights are the baseline. Change a weight before you write a report.",
                                 key=("model",))  # fmt: skip
    registry = Registry(find_state_folder() / "profiles") if registry is None else registry
    first, second = baseline or _BASELINE, reference or _NOW
    sides = {first: state.baseline_evaluation, second: state.evaluation}
    board = Scoreboard(session.evaluator, sides, session.resamples, session.level)
    saved = registry.describe_evaluation(board, split="train", n_looks=None, slices=state.slices)
    assert saved is not None, "both sides are models"
    access = saved.access.model_copy(update={"n_fitted_users": saved.access.n_users})
    saved = saved.model_copy(update={"access": access})
    models = replace(state.baseline, name=first), replace(state.model, name=second)
    content = collect_evaluation_content(registry, saved, models, ListChanges.of(state.comparison))
    return ExportFile(
        f"report on {_make_stem(_name_weights(state.model, reference))}.html", "text/html", render_report_page(content)
    )


def _name_weights(model: ScoringModel, reference: str | None) -> str:
    return f"{model.name}, changed" if reference is None else reference


def _make_stem(name: str) -> str:
    """Return a name of a model as part of a file name."""
    return re.sub(r"[^\w.@-]+", "-", name).strip("-.")[:80] or "model"
