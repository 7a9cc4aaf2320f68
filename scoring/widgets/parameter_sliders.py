"""Numeric parameters of components for sliders: one per number in a model file, and two per point of a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import annotated_types

from scoring.errors import ConfigurationError
from scoring.model import Part, ScoringModel

__all__ = ["SliderParameter", "find_parameter", "list_parameters", "replace_parameter"]

_WIDEST = 100.0
"""Largest distance of bounds that are used as the ends of a slider. Otherwise its range depends on the value."""
_TIMES = 4.0
"""Upper end of such a slider, as a multiple of the value."""


@dataclass(frozen=True)
class SliderParameter:
    """A number of a component. Its field allows `low` to `high`. Its slider reaches from `start` to `end`."""

    component: str
    field: str
    value: float
    low: float  # -inf: not bounded
    high: float
    start: float
    end: float
    step: float
    is_integer: bool = False
    at: tuple[int, int] | None = None
    """For a curve: the index of the point, and 0 for its x or 1 for its value."""

    @property
    def name(self) -> str:
        """For example `freshness.half_life_days` or `wage.curve point 2 x`."""
        return f"{self.component}.{self.label}"

    @property
    def label(self) -> str:
        """For example `half_life_days` or `curve point 2 x`."""
        return self.field if self.at is None else f"{self.field} point {self.at[0] + 1} {('x', 'value')[self.at[1]]}"


def list_parameters(part: Part) -> tuple[SliderParameter, ...]:
    """Return the numbers and curve points among the fields of a component, in order."""
    found: list[SliderParameter] = []
    for field, info in type(part.component).model_fields.items():
        value = getattr(part.component, field)
        if _is_number(value):
            found.append(_number(part.name, field, value, info))
        elif _is_curve(value):
            found.extend(_make_curve_parameters(part.name, field, value))
    return tuple(found)


def replace_parameter(model: ScoringModel, parameter: SliderParameter, value: float) -> ScoringModel:
    """Return the model with another value of a parameter.

    Raises
    ------
    ModelError: If the component rejects the value.
    """
    number: Any = round(value) if parameter.is_integer else float(value)
    if parameter.at is not None:
        component = next(part.component for part in model.parts if part.name == parameter.component)
        curve = [list(point) for point in getattr(component, parameter.field)]
        curve[parameter.at[0]][parameter.at[1]] = number
        number = tuple(tuple(point) for point in curve)
    return model.with_parameters(parameter.component, **{parameter.field: number})


def find_parameter(model: ScoringModel, name: str) -> SliderParameter:
    """Return the parameter with a name (`SliderParameter.name`).

    Raises
    ------
    ConfigurationError: If the model has no such parameter.
    """
    parameters = {parameter.name: parameter for part in model.parts for parameter in list_parameters(part)}
    if name not in parameters:
        raise ConfigurationError(
            f"Model {model.name} has no parameter {name!r}. Its parameters are {', '.join(parameters) or 'none'}.",
            key=(name,),
        )
    return parameters[name]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_curve(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) > 0
        and all(isinstance(point, tuple) and len(point) == 2 and all(map(_is_number, point)) for point in value)
    )


def _number(component: str, field: str, value: float, info: Any) -> SliderParameter:
    low, high, open_low = -math.inf, math.inf, False
    for bound in info.metadata:
        if isinstance(bound, annotated_types.Ge):
            low = float(bound.ge)  # type: ignore[arg-type]
        elif isinstance(bound, annotated_types.Gt):
            low, open_low = float(bound.gt), True  # type: ignore[arg-type]
        elif isinstance(bound, annotated_types.Le):
            high = float(bound.le)  # type: ignore[arg-type]
        elif isinstance(bound, annotated_types.Lt):
            high = math.nextafter(float(bound.lt), -math.inf)  # type: ignore[arg-type]
    is_integer = info.annotation is int
    start, end = (low, high) if high - low <= _WIDEST else _choose_range(value, low, high)
    step = 1.0 if is_integer else _choose_step(end - start)
    if open_low:
        low = math.nextafter(low, math.inf)
        start = start + step if start < low else start
    return SliderParameter(component, field, float(value), low, high, start, end, step, is_integer)


def _choose_range(value: float, low: float, high: float) -> tuple[float, float]:
    reach = _TIMES * abs(value) or 1.0
    return max(low, min(0.0, -reach if value < 0 else 0.0)), min(high, max(reach, value))


def _choose_step(width: float) -> float:
    """Return the largest 10ⁿ or 5 · 10ⁿ that divides the width into at least 100 steps."""
    tens = 10.0 ** math.floor(math.log10(width / 100)) if width > 0 else 1.0
    return 5 * tens if width / (5 * tens) >= 100 else tens


def _make_curve_parameters(
    component: str, field: str, points: tuple[tuple[float, float], ...]
) -> list[SliderParameter]:
    """Return two parameters per point. The component checks that the points stay in order."""
    xs = [float(x) for x, _ in points]
    least, most = min(0.0, xs[0]), _TIMES / 2 * max(abs(xs[0]), abs(xs[-1])) or 1.0
    step = _choose_step(most - least)
    found = []
    for place, (x, y) in enumerate(points):
        found.append(
            SliderParameter(component, field, float(x), -math.inf, math.inf, least, most, step, at=(place, 0)),
        )
        found.append(SliderParameter(component, field, float(y), 0.0, 100.0, 0.0, 100.0, 1.0, at=(place, 1)))
    return found
