"""A coordinate of 1 gives a weight of 0, not -0, which files and tables would show."""

from __future__ import annotations

import math

from scoring import load_model
from scoring.model import dump_model
from scoring.tuning.space import Space


def test_a_coordinate_at_one_is_a_plain_zero() -> None:
    space = Space(load_model("standard"))
    model = space.model_of({name: 1.0 if name == "fee" else 0.5 for name in space.free})
    assert [math.copysign(1, weight) for weight in model.flat_weights] == [1.0] * len(space.names)
    assert model.flat_weights[space.names.index("fee")] == 0
    assert "-0.0" not in dump_model(model)
