"""The controls of the panel as JSON values: their structure, which is sent once, and their current values."""

from __future__ import annotations

from typing import Any

from scoring.widgets.curve_controls import list_curves
from scoring.widgets.html.html_elements import assign_colours
from scoring.widgets.parameter_sliders import SliderParameter, list_parameters
from scoring.widgets.slider_view_model import WeightsModel

__all__ = ["make_control_structure", "make_control_values"]


def make_control_structure(weights: WeightsModel) -> dict[str, Any]:
    """Return groups → components → parameters and curves, with names, ranges, steps and colours."""
    parts = weights.model.parts
    colours = dict(zip([part.name for part in parts], assign_colours([part.group for part in parts]), strict=True))
    curves = list_curves(weights)
    return {
        "groups": [
            {
                "name": group,
                "components": [
                    {
                        "name": part.name,
                        "colour": colours[part.name],
                        "parameters": [_describe_number(one) for one in list_parameters(part) if one.at is None],
                        "curves": [
                            {name: curve[name] for name in ("name", "field", "x", "y", "step")}
                            for curve in curves
                            if curve["component"] == part.name
                        ],
                    }
                    for part in weights.model.components_of(group)
                ],
            }
            for group in weights.groups
        ]
    }


def make_control_values(weights: WeightsModel) -> dict[str, Any]:
    """Return the values of all controls, and whether they can be undone, redone and saved."""
    state, flat, groups = weights.state, weights.flat, weights.groups
    parameters = [parameter for part in state.model.parts for parameter in list_parameters(part)]
    return {
        "groups": {
            name: {"weight": weight, "share": weight, "is_locked": name in state.locked_groups}
            for name, weight in groups.items()
        },
        "components": {
            part.name: {
                "weight": weights.weight(part.name),
                "share": flat[part.name],
                "is_locked": part.name in state.locked,
            }
            for part in state.model.parts
        },
        "parameters": {one.name: one.value for one in parameters if one.at is None},
        "curves": {curve["name"]: curve["points"] for curve in list_curves(weights)},
        "baseline": weights.baseline_description,
        "can_undo": weights.can_undo,
        "can_redo": weights.can_redo,
        "is_saved": not weights.has_unsaved_changes,
        "digest": state.model.digest,
    }


def _describe_number(parameter: SliderParameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "label": parameter.label,
        "start": parameter.start,
        "end": parameter.end,
        "step": parameter.step,
    }
