"""The controls of the panel as JSON values: their structure, which is sent once, and their current values."""

from __future__ import annotations

from typing import Any

from scoring.model import Part, ScoringModel
from scoring.widgets.html.html_elements import assign_colours
from scoring.widgets.model_parameters import SliderParameter, list_parameters
from scoring.widgets.weights_model import WeightsModel

__all__ = ["make_control_structure", "make_control_values"]


def make_control_structure(model: ScoringModel) -> dict[str, Any]:
    """Return groups → components → parameters and curves, with names, ranges, steps and colours."""
    names, of_groups = [part.name for part in model.parts], [part.group for part in model.parts]
    colours = dict(zip(names, assign_colours(of_groups), strict=True))
    groups = list(dict.fromkeys(of_groups))
    return {
        "groups": [
            {
                "name": group,
                "components": [
                    {"name": part.name, "colour": colours[part.name], **_describe_parameters(part)}
                    for part in model.components_of(group)
                ],
            }
            for group in groups
        ]
    }


def make_control_values(weights: WeightsModel) -> dict[str, Any]:
    """Return the values of all controls, and whether they can be undone, redone and saved."""
    state, flat = weights.state, weights.flat
    parameters = [parameter for part in state.model.parts for parameter in list_parameters(part)]
    curves: dict[str, list[list[float]]] = {}
    for parameter in parameters:
        if parameter.at is not None:
            points = curves.setdefault(f"{parameter.component}.{parameter.field}", [])
            if parameter.at[1] == 0:
                points.append([])
            points[parameter.at[0]].append(parameter.value)
    return {
        "groups": {name: {"weight": weight, "share": weight, "is_locked": name in state.locked_groups}
                   for name, weight in weights.groups.items()},
        "components": {part.name: {"weight": weights.weight(part.name), "share": flat[part.name],
                                   "is_locked": part.name in state.locked} for part in state.model.parts},
        "parameters": {one.name: one.value for one in parameters if one.at is None},
        "curves": curves,
        "baseline": weights.baseline_description,
        "can_undo": weights.can_undo,
        "can_redo": weights.can_redo,
        "is_baseline": state.model == state.baseline,
        "is_saved": not weights.has_unsaved_changes,
    }  # fmt: skip


def _describe_parameters(part: Part) -> dict[str, Any]:
    numbers, curves = [], dict[str, dict[str, Any]]()
    for parameter in list_parameters(part):
        if parameter.at is None:
            numbers.append(_describe_number(parameter))
        elif parameter.at[1] == 0 and parameter.field not in curves:
            curves[parameter.field] = {
                "name": f"{part.name}.{parameter.field}",
                "component": part.name,
                "label": parameter.field,
                "x": [parameter.start, parameter.end],
                "y": [0.0, 100.0],
                "step": parameter.step,
            }
    return {"parameters": numbers, "curves": list(curves.values())}


def _describe_number(parameter: SliderParameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "label": parameter.label,
        "start": parameter.start,
        "end": parameter.end,
        "step": parameter.step,
    }
