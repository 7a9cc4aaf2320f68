"""The tuning panel: change a weight and see how lists and measures change.

- `simplex`, `model_parameters`, `weights_model`: the weights and parameters that the user can change
- `tuning_session`, `baseline_cache`, `measure_differences`, `user_list_data`, `single_user_lists`:
  the results of a change
- `unseen_user_check`: the test of the result on other users
- `worker`: computes the latest change on its own thread; `profile_saver`: loads and saves profiles
- `html`: results as HTML
- `controls`, `profile_box`, `result_views`, `anywidgets`, `panel`: the widgets
- `notebook_panel`: a panel from a database
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scoring.extras import require

if TYPE_CHECKING:
    from scoring.widgets.notebook_panel import tuning_panel as tuning_panel
    from scoring.widgets.panel import TuningPanel as TuningPanel
    from scoring.widgets.tuning_session import PanelState as PanelState
    from scoring.widgets.tuning_session import Request as Request
    from scoring.widgets.tuning_session import TuningSession as TuningSession
    from scoring.widgets.unseen_user_check import Confirmation as Confirmation
    from scoring.widgets.weights_model import WeightsModel as WeightsModel
    from scoring.widgets.worker import Status as Status
    from scoring.widgets.worker import Worker as Worker

_HOMES = {
    "Confirmation": "unseen_user_check",
    "PanelState": "tuning_session",
    "Request": "tuning_session",
    "Status": "worker",
    "TuningPanel": "panel",
    "TuningSession": "tuning_session",
    "WeightsModel": "weights_model",
    "Worker": "worker",
    "tuning_panel": "notebook_panel",
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
