"""Each number of a model file has a control, and each control sets its number."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field

from scoring import load_model
from scoring.errors import ConfigurationError, ModelError
from scoring.model import Component, Part
from scoring.widgets.parameter_sliders import find_parameter, list_parameters, replace_parameter
from tests.support.errors import raises_at

STANDARD = load_model("standard")
PARAMETERS = [parameter for part in STANDARD.parts for parameter in list_parameters(part)]


def numbers_in(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(numbers_in, value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def test_every_number_of_a_component_is_a_parameter():
    in_file = sum(numbers_in(list(part.component.model_dump().values())) for part in STANDARD.parts)
    assert len(PARAMETERS) == in_file
    assert len({parameter.name for parameter in PARAMETERS}) == len(PARAMETERS)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_replacing_a_parameter_changes_no_other(parameter):
    assert parameter.low <= parameter.value <= parameter.high
    assert parameter.start <= parameter.value <= parameter.end
    value = parameter.value * 0.999 if parameter.value else 1e-4
    if parameter.at == (1, 0) or parameter.name == "popularity.curve point 1 x":
        value = parameter.value + 1e-4
    changed = replace_parameter(STANDARD, parameter, value)
    for other in PARAMETERS:
        expected = value if other == parameter else other.value
        assert find_parameter(changed, other.name).value == pytest.approx(expected, abs=0)


def test_limits_of_a_parameter_are_those_of_its_field():
    points, days, near = (
        find_parameter(STANDARD, name) for name in ("access.start", "freshness.half_life_days", "history.near")
    )
    assert (points.low, points.high, points.start, points.end) == (0, 100, 0, 100)
    assert days.low > 0
    assert days.high == 36_500
    assert (days.start, days.end) == (pytest.approx(days.step), 56)
    assert near.high < 1


def test_unordered_curve_points_are_rejected():
    with raises_at(ModelError, "wage", "curve", match="greater"):
        replace_parameter(STANDARD, find_parameter(STANDARD, "wage.curve point 2 x"), 1.3)


def test_unknown_parameter_is_named_in_the_error():
    with raises_at(ConfigurationError, "fee.middle"):
        find_parameter(STANDARD, "fee.middle")


class Odd(Component):
    """A component with all kinds of numbers, and with parameters that are not numbers."""

    kind: ClassVar[str] = "odd"

    count: Annotated[int, Field(gt=0, le=20)] = 3
    shift: float = -5.0
    nothing: float = 0.0
    on: bool = True
    codes: tuple[int, ...] = (1, 2)
    word: str = "x"

    def terms(self, inputs):
        raise NotImplementedError

    def explain(self, pair):
        raise NotImplementedError


def test_slider_ranges_of_numbers_of_all_kinds():
    count, shift, nothing = list_parameters(Part("odd", "base", Odd()))
    assert (count.is_integer, count.step, count.start, count.end) == (True, 1.0, 1.0, 20.0)
    assert (shift.start, shift.end) == (-20.0, 20.0)
    assert (nothing.start, nothing.end) == (0.0, 1.0)
