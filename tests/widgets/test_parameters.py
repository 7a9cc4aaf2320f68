"""Each number of a model file has a control, and each control sets its number."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field

from scoring import load_model
from scoring.errors import ConfigurationError, ModelError
from scoring.model import Component, Part
from scoring.widgets.parameters import knob_named, knobs_of, with_knob

STANDARD = load_model("standard")
KNOBS = [knob for part in STANDARD.parts for knob in knobs_of(part)]


def numbers_in(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(numbers_in, value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def test_every_number_of_every_component_has_a_knob():
    in_file = sum(numbers_in(list(part.component.model_dump().values())) for part in STANDARD.parts)
    assert len(KNOBS) == in_file
    assert len({knob.name for knob in KNOBS}) == len(KNOBS)


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_knob_sets_its_number_and_no_other(knob):
    assert knob.low <= knob.value <= knob.high
    assert knob.start <= knob.value <= knob.end
    value = knob.value * 0.999 if knob.value else 1e-4
    if knob.at == (1, 0) or knob.name == "popularity.curve point 1 x":
        value = knob.value + 1e-4
    changed = with_knob(STANDARD, knob, value)
    for other in KNOBS:
        expected = value if other == knob else other.value
        assert knob_named(changed, other.name).value == pytest.approx(expected, abs=0)


def test_bounds_of_the_field_are_the_knob_s():
    points, days, near = (
        knob_named(STANDARD, name) for name in ("access.start", "freshness.half_life_days", "history.near")
    )
    assert (points.low, points.high, points.start, points.end) == (0, 100, 0, 100)
    assert days.low > 0
    assert days.high == 36_500
    assert (days.start, days.end) == (pytest.approx(days.step), 56)
    assert near.high < 1


def test_a_curve_s_points_stay_in_order():
    with pytest.raises(ModelError, match="must be ascending"):
        with_knob(STANDARD, knob_named(STANDARD, "wage.curve point 2 x"), 1.3)


def test_an_unknown_knob():
    with pytest.raises(ConfigurationError, match=r"has no number 'fee\.middle'; it has fee\.low, fee\.high"):
        knob_named(STANDARD, "fee.middle")


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


def test_numbers_of_all_kinds():
    count, shift, nothing = knobs_of(Part("odd", "base", Odd()))
    assert (count.whole, count.step, count.start, count.end) == (True, 1.0, 1.0, 20.0)
    assert (shift.start, shift.end) == (-20.0, 20.0)
    assert (nothing.start, nothing.end) == (0.0, 1.0)
