"""Sliders with number fields, locks and shares.

The controls keep no state: each event calls a callback, and `show` writes the result into the widgets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from scoring.model import ScoringModel
from scoring.widgets.anywidgets import NAMED
from scoring.widgets.model_parameters import SliderParameter, list_parameters
from scoring.widgets.weights_model import WeightsModel

__all__ = ["Controls", "ParameterRow", "WeightRow"]

_DIGITS = 4
_LABEL, _WIDE_LABEL = {"description_width": "92px"}, {"description_width": "134px"}
_WIDEST_ENTRY = 1e12


def _make_field_and_slider(
    name: str, low: float, high: float, start: float, end: float, step: float
) -> tuple[Any, Any]:
    """Return a number field with its label, and a slider."""
    number_field = widgets.BoundedFloatText(
        description=name,
        tooltip=name,
        min=max(low, -_WIDEST_ENTRY),
        max=min(high, _WIDEST_ENTRY),
        step=step,
        style=_LABEL,
        layout=widgets.Layout(width="172px", margin="1px 2px"),
    )
    slider = widgets.FloatSlider(
        min=start,
        max=end,
        step=step,
        readout=False,
        continuous_update=False,
        tooltip=name,
        layout=widgets.Layout(flex="1 1 80px", width="auto", min_width="70px", margin="1px 4px"),
    )
    for control in (number_field, slider):
        control.add_class(NAMED)
    return number_field, slider


class WeightRow:
    """The controls of a weight: number field, slider, lock, and its share of the total."""

    def __init__(
        self, name: str, on_move: Callable[[float], None], on_lock: Callable[[bool], None], *, is_group: bool = False
    ) -> None:
        self.name = name
        self.number_field, self.slider = _make_field_and_slider(
            name, -_WIDEST_ENTRY, _WIDEST_ENTRY, 0.0, 1.0, 0.01
        )  # the weights limit the entry and report it
        self.lock = widgets.ToggleButton(layout=widgets.Layout(width="62px", margin="1px", padding="0"))
        self.lock.add_class(NAMED)
        self.share = widgets.HTML(layout=widgets.Layout(width="52px", margin="1px 2px"))
        self.box = widgets.HBox(
            [self.number_field, self.slider, self.lock, self.share], layout=widgets.Layout(align_items="center")
        )
        if is_group:
            self.box.add_class("scoring-group-row")
        for control in (self.number_field, self.slider):
            control.observe(lambda change: on_move(change["new"]), "value")
        self.lock.observe(lambda change: on_lock(change["new"]), "value")

    def show(self, weight: float, flat: float, locked: bool) -> None:
        """Show a weight. `flat` is its share of the total."""
        self.number_field.value, self.slider.value, self.lock.value = round(weight, _DIGITS), weight, locked
        self.lock.description = "locked" if locked else "lock"  # not an icon: Voila loads them by network
        self.lock.tooltip = f"{self.name} is locked; unlock it" if locked else f"lock {self.name}"
        self.share.value = f'<span title="share of the total">{flat:.1%}</span>'


class ParameterRow:
    """The controls of a parameter. The slider may have a narrower range than the number field."""

    def __init__(self, parameter: SliderParameter, on_move: Callable[[float], None]) -> None:
        self.name = parameter.name
        self.number_field, self.slider = _make_field_and_slider(
            parameter.label, parameter.low, parameter.high, parameter.start, parameter.end, parameter.step
        )
        self.number_field.tooltip, self.slider.tooltip = parameter.name, parameter.name
        self.number_field.style, self.number_field.layout.width = _WIDE_LABEL, "222px"
        self.box = widgets.HBox([self.number_field, self.slider], layout=widgets.Layout(align_items="center"))
        for control in (self.number_field, self.slider):
            control.observe(lambda change: on_move(change["new"]), "value")

    def show(self, value: float) -> None:
        """Show a value. A value outside the range of the slider extends the range."""
        self.slider.min, self.slider.max = min(self.slider.min, value), max(self.slider.max, value)
        self.number_field.value, self.slider.value = value, value


class Controls:
    """A row for every group, component and parameter of a model. `on_move` is called with each requested move."""

    def __init__(self, weights: WeightsModel, on_move: Callable[[Callable[[WeightsModel], str | None]], None]) -> None:
        self._weights, self._on_move = weights, on_move
        self.groups: dict[str, WeightRow] = {}
        self.components: dict[str, WeightRow] = {}
        self.parameters: dict[str, ParameterRow] = {}
        self.toggles: dict[str, widgets.ToggleButton] = {}
        boxes = [self._group(group) for group in weights.groups]
        rules = [f"<li>{_escape(rule.describe())}</li>" for rule in weights.model.eligibility.rules]
        if rules:
            boxes.append(widgets.HTML(f"<b>rules</b> (read only)<ul>{''.join(rules)}</ul>"))
        self.box = widgets.VBox(boxes)
        self.show()

    def show(self) -> None:
        """Show the current weights and parameters."""
        state, flat, groups = self._weights.state, self._weights.flat, self._weights.groups
        for group, row in self.groups.items():
            row.show(groups[group], groups[group], group in state.locked_groups)
        for name, row in self.components.items():
            row.show(self._weights.weight(name), flat[name], name in state.locked)
        for name, value in _values(state.model).items():
            self.parameters[name].show(value)

    def _group(self, group: str) -> widgets.VBox:
        ask = self._on_move
        self.groups[group] = WeightRow(
            group,
            lambda value: ask(lambda weights: weights.set_group(group, value)),
            lambda on: ask(lambda weights: weights.lock_group(group, on)),
            is_group=True,
        )
        rows, parameters = [self.groups[group].box], []
        for part in self._weights.model.components_of(group):
            rows.append(self._component(part.name).box)
            of_component = [self._parameter(parameter) for parameter in list_parameters(part)]
            if of_component:
                parameters += [widgets.HTML(f"<b>{_escape(part.name)}</b>"), *(row.box for row in of_component)]
        return widgets.VBox([*rows, *self._foldable(group, parameters)], layout=widgets.Layout(margin="0 0 10px"))

    def _component(self, name: str) -> WeightRow:
        ask = self._on_move
        self.components[name] = WeightRow(
            name,
            lambda value: ask(lambda weights: weights.set_weight(name, value)),
            lambda on: ask(lambda weights: weights.lock(name, on)),
        )
        return self.components[name]

    def _parameter(self, parameter: SliderParameter) -> ParameterRow:
        ask, name = self._on_move, parameter.name
        self.parameters[name] = ParameterRow(
            parameter, lambda value: ask(lambda weights: weights.set_parameter(name, value))
        )
        return self.parameters[name]

    def _foldable(self, group: str, parameters: list[Any]) -> list[Any]:
        if not parameters:
            return []
        inside = widgets.VBox(parameters, layout=widgets.Layout(display="none", margin="0 0 0 8px"))
        toggle = widgets.ToggleButton(
            description=f"▸ parameters of {group}",
            tooltip=f"show or hide the parameters of {group}",
            layout=widgets.Layout(width="220px"),
        )

        def fold(change: dict[str, Any]) -> None:
            inside.layout.display = "" if change["new"] else "none"
            toggle.description = f"{'▾' if change['new'] else '▸'} parameters of {group}"

        toggle.observe(fold, "value")
        self.toggles[group] = toggle
        return [toggle, inside]


def _values(model: ScoringModel) -> dict[str, float]:
    found = {parameter.name: parameter.value for part in model.parts for parameter in list_parameters(part)}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _escape(name: str) -> str:
    from scoring.widgets.html.html_elements import escape_text

    return escape_text(name)
