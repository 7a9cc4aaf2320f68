"""The tuning panel: move a weight, and see every list, every measure and who wins and loses by it.

- `levels`, `knobs`, `weights`: what can be moved · `session`, `measures`, `listed`, `single`: what follows from it
- `worker`: computed off the kernel's thread, the latest move first · `saving`: profiles
- `html`: results as text that a browser shows · `controls`, `ranks`, `panel`: the widgets, which only pass things on
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoring.widgets.opening import tuning_panel as tuning_panel
    from scoring.widgets.panel import TuningPanel as TuningPanel
    from scoring.widgets.session import PanelState as PanelState
    from scoring.widgets.session import Request as Request
    from scoring.widgets.session import TuningSession as TuningSession
    from scoring.widgets.weights import WeightsModel as WeightsModel
    from scoring.widgets.worker import Status as Status
    from scoring.widgets.worker import Worker as Worker

_HOMES = {
    "PanelState": "session",
    "Request": "session",
    "Status": "worker",
    "TuningPanel": "panel",
    "TuningSession": "session",
    "WeightsModel": "weights",
    "Worker": "worker",
    "tuning_panel": "opening",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Loaded when used: view models need no widgets."""
    if name in _HOMES:
        return getattr(import_module(f"scoring.widgets.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'scoring.widgets' has no attribute {name!r}")
