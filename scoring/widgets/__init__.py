"""The tuning panel: change a weight and see how lists and measures change.

- `weight_redistribution`, `parameter_sliders`, `slider_view_model`: the weights and parameters that the user can change
- `panel_computation`, `baseline_cache`, `measure_differences`, `user_list_data`, `single_user_lists`:
  the results of a change
- `rule_controls`, `curve_controls`, `tooltips`: eligibility rules and curves as controls; texts about all controls
- `held_out_actions`: what a user did after the cut, `job_labels`: how jobs are named
- `user_and_job_cards`, `text_search`, `user_filter`: facts about a user and a job; which users and jobs to look at
- `try_history`, `session_draft_store`: the settled settings of a session, and their draft on disk
- `model_changes`, `move_summary`: what a move changed, in words
- `side_by_side_models`: models side by side; `panel_export`: lists, weights and the report as files
- `background_reach_and_audience`: answers `reach` and `audience` in the background
- `background_search`: searches weights in the background, with the locks of the panel
- `unseen_user_check`: the test of the result on other users
- `promotion_dialog`: promotes a profile with its evidence
- `latest_request_worker`: computes the latest change on its own thread; `profile_saver`: loads and saves profiles
- `control_document`, `result_document`: controls and results as JSON values
- `panel_anywidget`: the widget, which draws such a document and returns events; `static`: its script and style
- `panel`: applies events and shows results; `panel_factory`: a panel from a database
- `html`: results as HTML for notebooks
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scoring.optional_dependencies import require

if TYPE_CHECKING:
    from scoring.widgets.latest_request_worker import Status as Status
    from scoring.widgets.latest_request_worker import Worker as Worker
    from scoring.widgets.panel import TuningPanel as TuningPanel
    from scoring.widgets.panel_computation import PanelState as PanelState
    from scoring.widgets.panel_computation import Request as Request
    from scoring.widgets.panel_computation import TuningSession as TuningSession
    from scoring.widgets.panel_factory import tuning_panel as tuning_panel
    from scoring.widgets.slider_view_model import WeightsModel as WeightsModel
    from scoring.widgets.unseen_user_check import Confirmation as Confirmation

_HOMES = {
    "Confirmation": "unseen_user_check",
    "PanelState": "panel_computation",
    "Request": "panel_computation",
    "Status": "latest_request_worker",
    "TuningPanel": "panel",
    "TuningSession": "panel_computation",
    "WeightsModel": "slider_view_model",
    "Worker": "latest_request_worker",
    "tuning_panel": "panel_factory",
}

_PANEL = {"TuningPanel", "tuning_panel"}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Import a name at its first use, because the view models do not need ipywidgets."""
    if name in _HOMES:
        if name in _PANEL:
            require("The tuning panel", "workbench", "ipywidgets", "anywidget")
        return getattr(import_module(f"scoring.widgets.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'scoring.widgets' has no attribute {name!r}")
