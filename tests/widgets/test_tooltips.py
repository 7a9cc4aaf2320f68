"""Tooltips come from docstrings, also for components of the user."""

from __future__ import annotations

import json
from dataclasses import replace

from scoring import load_model
from scoring.components import Freshness
from scoring.model import Eligibility, Part
from scoring.widgets.parameter_sliders import list_parameters
from scoring.widgets.tooltips import collect_tooltips, read_field_texts

STANDARD = load_model("standard")


class Described(Freshness):
    """Newer postings have more points."""

    weekend_bonus: float = 5
    """Points added on
    Saturdays."""


def test_every_control_and_measure_has_a_text():
    texts = collect_tooltips(STANDARD, "yen")
    json.dumps(texts)
    assert set(texts["components"]) == {part.name for part in STANDARD.parts}
    parameters = [one for part in STANDARD.parts for one in list_parameters(part)]
    assert set(texts["parameters"]) == {one.name for one in parameters if one.at is None}
    assert set(texts["curves"]) == {"wage.curve", "popularity.curve"}
    assert set(texts["rules"]) == set(Eligibility.model_fields)
    assert all(
        text for kind in ("groups", "components", "parameters", "curves", "rules") for text in texts[kind].values()
    )
    described = [*texts["parameters"].values(), *texts["curves"].values()]
    assert len(set(described)) == len(described)
    assert not set(described) & {*texts["components"].values(), *texts["groups"].values()}
    assert texts["measures"]["mean fee"]["unit"] == "yen"
    assert texts["measures"]["NDCG"]["good"] == 1
    assert "first k jobs" in texts["measures"]["novelty"]["text"]
    assert "log2" not in texts["measures"]["novelty"]["text"]
    assert texts["measures"]["concentration"]["good"] == -1


def test_parameter_text_is_the_string_below_its_field():
    texts = collect_tooltips(STANDARD)
    assert texts["parameters"]["fee.low"] == "Up to this fee, a job gets 0 points."
    assert texts["parameters"]["location.adjacent"].endswith("Values from 0 to 100.")
    assert texts["parameters"]["freshness.half_life_days"].endswith("Values above 0 to 36500.")
    assert texts["components"]["freshness"] == (
        "The age of the posting. 100 · 2 ** -(age / `half_life_days`). A missing posting time gives 0 points."
    )


def test_own_component_describes_its_fields_below_them():
    part = next(part for part in STANDARD.parts if part.name == "freshness")
    own = replace(part, component=Described())
    model = replace(STANDARD, parts=tuple(own if one is part else one for one in STANDARD.parts))
    texts = collect_tooltips(model)
    assert texts["components"]["freshness"] == "Newer postings have more points."
    assert texts["parameters"]["freshness.weekend_bonus"] == "Points added on Saturdays."
    assert texts["parameters"]["freshness.half_life_days"].startswith("Age in days")
    assert isinstance(own, Part)


def test_class_without_source_has_no_texts():
    space: dict[str, object] = {"Freshness": Freshness}
    exec("class Typed(Freshness):\n    '''In a shell.'''\n    extra: float = 1\n    '''Text.'''", space)  # noqa: S102
    assert "extra" not in read_field_texts(space["Typed"])
