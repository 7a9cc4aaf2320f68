"""The functions that draw results, by name.

A module that draws a result imports the result's class. The result's `plot()` must not import that module in turn, or
the two would import each other. Instead it calls `display` with a name from this table, and `display` imports the
function when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__all__ = ["DISPLAYS", "display"]

DISPLAYS: Final = {
    "audience": "scoring.tuning.job_audience_plot:plot_audience",
    "correlations": "scoring.tuning.value_statistics.value_plots:plot_correlations",
    "distributions": "scoring.tuning.value_statistics.value_plots:plot_distributions",
    "growth": "scoring.profiling.scaling.growth_plots:plot_growth",
    "growth rates": "scoring.profiling.scaling.growth_plots:plot_rates",
    "growth skipped": "scoring.profiling.scaling.growth_plots:plot_skipped",
    "sensitivity": "scoring.tuning.sensitivity_plot:plot_sensitivity",
    "tuning front": "scoring.tuning.tuning_plots:plot_front",
    "tuning progress": "scoring.tuning.tuning_plots:plot_progress",
    "user list": "scoring.widgets.html.list_table:render_list_page",
    "waterfall": "scoring.evaluation.rank_change_waterfall_plot:plot_waterfall",
}
"""Name → module:function. The function takes the result."""


def display(name: str, result: Any) -> Any:
    """Return a drawn result: a figure or an HTML string.

    Raises
    ------
    KeyError: If the table does not contain the name.
    """
    module, _, function = DISPLAYS[name].partition(":")
    return getattr(import_module(module), function)(result)
