"""Files of a panel for readers without it: the lists as CSV, the weights as a model file, and the report as a page."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

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
_NOW: Final = "weights of the panel"
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


def export_weights(model: ScoringModel) -> ExportFile:
    """Return the model as a model file, which `--model` and `scoring profiles save` read."""
    return ExportFile(f"{_make_stem(model.name)}.yaml", "application/yaml", dump_model(model))


def export_lists(state: PanelState) -> ExportFile:
    """Return the lists of the users of the measures as CSV, one row per user and rank.

    Columns: user_id · user_external_id · job_id · job_external_id (if the data has them) · rank · score · title ·
    company · place. A text that a spreadsheet would run as a formula starts with an apostrophe.
    """
    ranking, inputs = state.evaluation.ranking, state.evaluation.prepared.inputs
    frame = ranking.frame()
    frame = frame[[name for name in frame.columns if name.endswith("_id")] + ["rank", "total_score"]]
    rows = ranking.job_row[ranking.job_row >= 0]
    texts = pd.DataFrame(collect_job_texts(inputs, rows), index=frame.index)
    table = pd.concat([frame.rename(columns={"total_score": "score"}), texts], axis=1)
    for name in table.columns[table.dtypes == "str"]:
        is_formula = table[name].str.startswith(_FORMULA, na=False)
        table[name] = table[name].where(~is_formula, "'" + table[name])
    content = _BYTE_ORDER_MARK + table.to_csv(index=False, lineterminator="\r\n")
    return ExportFile(f"lists of {_make_stem(state.model.name)}.csv", "text/csv", content)


def export_page(state: PanelState, session: TuningSession, registry: Registry | None = None) -> ExportFile:
    """Return the page of `scoring report` about the current weights, compared with the baseline. It takes about 1 s.

    The page states that the users are those that the weights were tuned on. It can be called on any thread.

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
    name = state.baseline.name
    sides = {name: state.baseline_evaluation, _NOW: state.evaluation}
    board = Scoreboard(session.evaluator, sides, session.resamples, session.level)
    saved = registry.describe_evaluation(board, split="train", n_looks=None, slices=state.slices)
    assert saved is not None, "both sides are models"
    access = saved.access.model_copy(update={"n_fitted_users": saved.access.n_users})
    saved = saved.model_copy(update={"access": access})
    models = state.baseline, replace(state.model, name=_NOW)
    content = collect_evaluation_content(registry, saved, models, ListChanges.of(state.comparison))
    return ExportFile(f"report on {_make_stem(state.model.name)}.html", "text/html", render_report_page(content))


def _make_stem(name: str) -> str:
    """Return a name of a model as part of a file name."""
    return re.sub(r"[^\w.@-]+", "-", name).strip("-.")[:80] or "model"
