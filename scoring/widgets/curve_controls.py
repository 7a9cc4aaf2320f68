"""Curves of components as points that can be moved. A move keeps the order of the points and their limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from scoring.argument_checks import is_number
from scoring.errors import ConfigurationError, shorten_repr
from scoring.widgets.parameter_sliders import list_parameters
from scoring.widgets.slider_view_model import WeightsModel

__all__ = ["list_curves", "set_curve"]

MAX_POINTS: Final = 20
_LARGEST: Final = 1e12
_LOW, _HIGH = 0.0, 100.0

Points = list[tuple[float, float]]


def list_curves(weights: WeightsModel) -> list[dict[str, Any]]:
    """Return the curves of the current model for the page.

    Keys: name (such as `wage.curve`) · component · field · points (pairs of x and y) · x and y (the ends of the axes) ·
    step (of x) · is_changed (compared with the baseline).
    """
    found: dict[str, dict[str, Any]] = {}
    baseline = {part.name: part.component for part in weights.baseline.parts}
    for part in weights.model.parts:
        for parameter in list_parameters(part):
            name = f"{part.name}.{parameter.field}"
            if parameter.at is None or parameter.at[1] != 0 or name in found:
                continue
            points = getattr(part.component, parameter.field)
            found[name] = {
                "name": name,
                "component": part.name,
                "field": parameter.field,
                "points": [[float(x), float(y)] for x, y in points],
                "x": [parameter.start, max(parameter.end, float(points[-1][0]))],
                "y": [_LOW, _HIGH],
                "step": parameter.step,
                "is_changed": points != getattr(baseline[part.name], parameter.field),
            }
    return list(found.values())


def set_curve(weights: WeightsModel, name: str, points: Sequence[Sequence[float]]) -> str:
    """Set the points of a curve. Return a sentence if a point was limited, otherwise "".

    If one point moved, it stays between its neighbours. Added points are sorted by x. Values are from 0 to 100.

    Raises
    ------
    ConfigurationError: If the curve does not exist, or does not have 2 to 20 points. If a point is not a pair of finite
        numbers. If two points have the same x.
    ModelError: If the component rejects the curve.
    """
    curve = next((one for one in list_curves(weights) if one["name"] == name), None)
    if curve is None:
        raise ConfigurationError(f"The curve {shorten_repr(name)} does not exist.", key=("curve",))
    wanted = _check_points(name, points)
    before = [(x, y) for x, y in curve["points"]]
    limited = _limit_points(before, wanted, float(curve["step"]))
    if any(a[0] >= b[0] for a, b in pairwise(limited)):
        raise ConfigurationError(f"{name}: two points have the same x. Move one of them.", key=("curve",))
    if limited != before:
        weights.set_fields(curve["component"], **{curve["field"]: tuple(limited)})
    if limited == sorted(wanted):
        return ""
    return f"{name} was limited: points keep their order, and values are from {_LOW:g} to {_HIGH:g}."


def _check_points(name: str, points: Sequence[Sequence[float]]) -> Points:
    if not isinstance(points, list | tuple) or not 2 <= len(points) <= MAX_POINTS:
        raise ConfigurationError(f"{name} needs 2 to {MAX_POINTS} points.", key=("curve",))
    for point in points:
        is_pair = isinstance(point, list | tuple) and len(point) == 2
        if not is_pair or not all(is_number(one) and abs(one) <= _LARGEST for one in point):
            raise ConfigurationError(
                f"{name}: {shorten_repr(point)} is not a point. Use two numbers, x and the value.", key=("curve",)
            )
    return [(float(x), float(y)) for x, y in points]


def _limit_points(before: Points, wanted: Points, step: float) -> Points:
    """Return the points with values within the limits; a single moved point stays between its neighbours."""
    values = [(x, min(max(y, _LOW), _HIGH)) for x, y in wanted]
    moved = [place for place, (old, new) in enumerate(zip(before, values, strict=False)) if old[0] != new[0]]
    if len(values) != len(before) or len(moved) != 1:
        return sorted(values)
    (place,) = moved
    low = values[place - 1][0] if place else -math.inf
    high = values[place + 1][0] if place + 1 < len(values) else math.inf
    gap = min(step, (high - low) / 4)
    x, y = values[place]
    values[place] = min(max(x, low + gap), high - gap), y
    return values
